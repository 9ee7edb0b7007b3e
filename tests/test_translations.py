"""Every text a person can read is there in Vietnamese and in English, and up to date."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import pkgutil
import string
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

import cashless
import payments
import payments.jobs
import reconciliation
import reconciliation.jobs
from cashless.cli import cashless as root
from payments.core import audit
from payments.core.errors import CashlessError
from payments.core.words import LANGUAGES, TRANSLATIONS
from payments.web.problems import CODES, INTERNAL
from payments.web.schemas import FieldError

HALVES = (payments, reconciliation, cashless)
KEYWORDS = ("_", "say", "later")
COMPILE = "run: pybabel compile -d payments/translations"


def source(language: str) -> Path:
    """The catalogue that people edit."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def words(language: str) -> dict[str, str]:
    """Every text of one language by its key or English words."""
    with source(language).open("rb") as po:
        return {str(message.id): str(message.string) for message in read_po(po) if message.id}


def is_key(text: str) -> bool:
    """Whether a text is a key such as `error.unknown_fee`, not English."""
    return "." in text[:-1] and all(c.islower() or c.isdigit() or c in "._" for c in text)


def placeholders(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def every_error() -> Iterator[type[CashlessError]]:
    """Every error that any module defines."""
    for half in HALVES:
        for module in pkgutil.walk_packages(half.__path__, half.__name__ + "."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    ahead: list[type[CashlessError]] = [CashlessError]
    while ahead:
        kind = ahead.pop()
        ahead += kind.__subclasses__()
        if kind.__module__.split(".")[0] in {half.__name__ for half in HALVES}:
            yield kind


def explained(command: click.Command = root) -> Iterator[str]:
    """How each command and each of its options explains itself."""
    yield inspect.cleandoc(command.help or "")
    yield from (one.help for one in command.params if isinstance(one, click.Option) and one.help)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from explained(below)


def spoken() -> set[str]:
    """Every text that code or a template says by its very words, or a command by its help."""
    folders = [Path(folder) for half in HALVES for folder in half.__path__]
    modules = [path for folder in folders for path in folder.rglob("*.py")]
    in_templates = {
        text if isinstance(text, str) else text[0]
        for folder in folders
        for _, _, text, _, _ in extract_from_dir(
            folder,
            method_map=[("**/templates/**.html", "jinja2")],
            options_map={"**.html": {"silent": "false"}},
            keywords=dict.fromkeys(KEYWORDS),
        )
    }
    return set(explained()) | in_templates | {text for path in modules for text in said_in(path)}


def said_in(module: Path) -> Iterator[str]:
    """The texts that a module says, also inside an f-string."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "id", getattr(node.func, "attr", None))
            if name in KEYWORDS and isinstance(node.args[0].value, str):
                yield node.args[0].value


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_the_edited_one(language: str) -> None:
    """What the service says is what the .po file says."""
    with source(language).open("rb") as po:
        edited = read_po(po)
    compiled = io.BytesIO()
    write_mo(compiled, edited)
    kept = source(language).with_suffix(".mo").read_bytes()
    assert (
        read_mo(io.BytesIO(kept))._messages.keys()
        == read_mo(io.BytesIO(compiled.getvalue()))._messages.keys()
    ), COMPILE
    assert kept == compiled.getvalue(), COMPILE


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_read_without_complaint(language: str) -> None:
    """No entry stands twice, is marked fuzzy, is obsolete or is empty."""
    with source(language).open("rb") as po:
        catalogue: Catalog = read_po(po, abort_invalid=True)
    assert catalogue.obsolete == {}
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []
    assert [key for key, text in words(language).items() if not text.strip()] == []
    ids = [
        line for line in source(language).read_text("utf-8").splitlines() if line[:6] == "msgid "
    ]
    assert sorted({line for line in ids if ids.count(line) > 1} - {'msgid ""'}) == []


def test_every_key_is_in_both_languages() -> None:
    """A key that one language knows, the other knows too."""
    vietnamese, english = words("vi"), words("en")
    assert {key for key in vietnamese if is_key(key)} ^ {k for k in english if is_key(k)} == set()
    assert {key for key in english if not is_key(key)} == set()


def test_every_text_that_is_said_has_vietnamese_words() -> None:
    """A page never falls back into English."""
    said = spoken()
    assert len(said) > 50
    assert sorted(said - words("vi").keys()) == []


def test_no_words_are_kept_that_nobody_says() -> None:
    """An English sentence in the catalogue is said somewhere."""
    sentences = {text for text in words("vi") if not is_key(text)}
    assert sorted(sentences - spoken()) == []


def test_every_error_has_words_in_both_languages() -> None:
    """Whatever this service refuses, it says why."""
    codes = {kind.code for kind in every_error() if kind is not CashlessError}
    codes |= set(CODES.values()) | {INTERNAL} | {code.value for code in FieldError}
    assert len(codes) > 50
    for language in LANGUAGES:
        known = words(language)
        assert sorted(code for code in codes if f"error.{code}" not in known) == [], language


def test_an_error_code_means_one_thing() -> None:
    """No two errors share a code."""
    kinds = sorted(
        {kind for kind in every_error() if "code" in vars(kind)}, key=lambda kind: kind.__name__
    )
    codes = [kind.code for kind in kinds]
    assert sorted({code for code in codes if codes.count(code) > 1}) == []


def test_placeholders_are_the_same_in_both_languages() -> None:
    """A field that one language fills in is not missing from the other."""
    english = words("en")
    for key, vietnamese in words("vi").items():
        assert placeholders(vietnamese) == placeholders(english.get(key, key)), key


def test_vietnamese_is_written_composed() -> None:
    """Letters with marks are single characters (NFC), as fonts and searches expect."""
    text = source("vi").read_text("utf-8")
    assert not [c for c in text if "\u0300" <= c <= "\u036f"]


def handing_on(module: ast.Module) -> dict[str, int]:
    """The functions of a module that write an action which they are handed, and as which argument.

    One that hands it on to such a function is one too.
    """
    found: dict[str, int] = {"tell": 1, "_tell": 1}
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    for _ in range(3):
        for function in functions:
            names = [one.arg for one in function.args.args]
            for call in ast.walk(function):
                for one in actions_of(call, found):
                    if isinstance(one, ast.Name) and one.id in names:
                        found[function.name] = names.index(one.id)
    return found


def actions_of(node: ast.AST, known: dict[str, int]) -> Iterator[ast.expr]:
    """What a call names as an action: by the word, or as that argument of a known function."""
    if not isinstance(node, ast.Call):
        return
    yield from (one.value for one in node.keywords if one.arg == "action")
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name in ("tell", "_tell"):
        yield from node.args
    elif name in known and len(node.args) > known[name]:
        yield node.args[known[name]]


def audited_in(module: Path) -> Iterator[str]:
    """The actions that a module writes in the audit trail; `noun.` where the verb is filled in."""
    tree = ast.parse(module.read_text("utf-8"))
    known = handing_on(tree)
    for node in ast.walk(tree):
        for one in actions_of(node, known):
            text = one.values[0] if isinstance(one, ast.JoinedStr) else one
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                about, dot, _ = text.value.partition(".")
                if dot and about.isidentifier():
                    yield text.value


def test_every_action_of_the_audit_trail_is_listed_and_has_its_words() -> None:
    """Remedy: a line in payments/core/audit/actions.py and `did.…` in both catalogues."""
    listed = audit.every_action()
    actions = {action for those in listed.values() for action in those}
    known = actions | {f"{about}." for about in listed}
    for half in (payments, reconciliation):
        for module in Path(half.__path__[0]).rglob("*.py"):
            missing = set(audited_in(module)) - known
            assert not missing, (module, missing)
    for language in LANGUAGES:
        keys = {f"did.{action}" for action in actions} | {f"did_about.{one}" for one in listed}
        assert not keys - words(language).keys(), language


def test_every_job_has_its_words() -> None:
    """Remedy: `job.…` in both catalogues."""
    jobs = {f"job.{one.name}" for one in (*payments.jobs.JOBS, *reconciliation.jobs.JOBS)}
    assert len(jobs) > 10
    for language in LANGUAGES:
        assert not jobs - words(language).keys(), language
