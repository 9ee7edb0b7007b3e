"""Rules of shape: what a module says of itself, how long it is, what things are called."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.house_rules.sources import Breach, Module, Rule

LONGEST_MODULE: Final = 400
LONGEST_FUNCTION: Final = 50
HISTORY: Final = "migrations/versions/"
"""Migrations are written by a program and never edited: as long as they are."""

NOT_MODULES: Final = {"base", "common", "data", "helper", "helpers", "misc", "tools"}
NOT_WORDS: Final = {"helper", "helpers", "info", "manager", "util", "utils"}
NOT_NAMES: Final = {"process", "transaction", "Transaction"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_WORD: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+")
_EXCEPTION: Final = re.compile(r"#\s*(?:type:\s*ignore|noqa|ruff:\s*noqa|pragma:)")
_REASONED: Final = re.compile(
    r"#\s*(?:type:\s*ignore\[[\w, -]+\]|(?:ruff:\s*)?noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*"
    r"|pragma:\s*no cover)[\s#:–—-]+\w"
)


def every_module_says_what_it_is(modules: Sequence[Module]) -> Iterator[Breach]:
    """A module begins with a docstring."""
    for module in modules:
        if not ast.get_docstring(module.tree):
            yield Breach(
                module.path,
                1,
                "no docstring",
                "say in a sentence which concept of the trade this module is",
            )


def modules_are_short(modules: Sequence[Module]) -> Iterator[Breach]:
    """A module has at most 400 lines."""
    for module in modules:
        lines = len(module.text.splitlines())
        if lines > LONGEST_MODULE and not module.path.startswith(HISTORY):
            yield Breach(
                module.path,
                lines,
                f"{lines} lines, more than {LONGEST_MODULE}",
                "make it a folder of the same name, a file for each part; importers do not notice",
            )


def functions_are_short(modules: Sequence[Module]) -> Iterator[Breach]:
    """A function has at most 50 lines."""
    for module in modules:
        for function in _functions(module):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield Breach(
                    module.path,
                    function.lineno,
                    f"{function.name} has {lines} lines, more than {LONGEST_FUNCTION}",
                    "decide first and write second; each of the two is a function",
                )


def imports_stand_at_the_top(modules: Sequence[Module]) -> Iterator[Breach]:
    """No import is hidden in a function."""
    for module in modules:
        for function in _functions(module):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield Breach(
                        module.path,
                        node.lineno,
                        f"an import inside {function.name}",
                        "import at the top; if that is a circle, the order of modules is wrong",
                    )


def names_are_nouns_of_the_trade(modules: Sequence[Module]) -> Iterator[Breach]:
    """Nothing is called utils, helpers, manager, info, base, process or transaction."""
    remedy = "take the word a clerk would use (docs/glossary.md)"
    for module in modules:
        own = module.name.rsplit(".", 1)[-1]
        if own in NOT_MODULES or _words(own) & NOT_WORDS:
            yield Breach(module.path, 1, f"a module called {own}", remedy)
        for node in module.nodes:
            if isinstance(node, (*_FUNCTION, ast.ClassDef)) and (
                node.name in NOT_NAMES or _words(node.name) & NOT_WORDS
            ):
                yield Breach(module.path, node.lineno, f"something called {node.name}", remedy)


def exceptions_carry_a_reason(modules: Sequence[Module]) -> Iterator[Breach]:
    """Whoever silences a check says which one, and why, on the line."""
    for module in modules:
        for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
            if token.type != tokenize.COMMENT or not _EXCEPTION.search(token.string):
                continue
            if not _REASONED.search(token.string):
                yield Breach(
                    module.path,
                    token.start[0],
                    f"{token.string.strip()} without a code or a reason",
                    "name the rule and write the reason behind it: `# noqa: S311  only jitter`",
                )


def _functions(module: Module) -> Iterator[Function]:
    return (node for node in module.nodes if isinstance(node, _FUNCTION))


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(Path(name).stem)}


SHAPE_RULES: Final[tuple[Rule, ...]] = (
    every_module_says_what_it_is,
    modules_are_short,
    functions_are_short,
    imports_stand_at_the_top,
    names_are_nouns_of_the_trade,
    exceptions_carry_a_reason,
)
