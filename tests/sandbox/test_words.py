"""Every text exists in both languages, and every refusal has words."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from sandbox import app
from sandbox.accounts import Kind
from sandbox.callbacks import State
from sandbox.config import WrongSetting
from sandbox.faults import TOPICS, Fault
from sandbox.memos import VIAS
from sandbox.payment_files import PaymentFault
from sandbox.payment_files import State as Outcome
from sandbox.refusals import Refusal
from sandbox.statements import FORMATS
from sandbox.words import PROBLEMS, WORDS, say, say_problem

TEMPLATES = Path(app.__file__).parent / "templates"


def every_refusal():
    """All classes of refusal, however deep."""
    waiting = [Refusal]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += kind.__subclasses__()


def test_every_refusal_can_be_told():
    """The code of each refusal that is raised has words in both languages."""
    categories = {"refusal", "malformed", "wrong", "unknown", "conflict", "unsigned"}
    categories.add(WrongSetting.code)
    codes = {kind.code for kind in every_refusal()} - categories
    assert len(codes) > 30
    assert codes <= set(PROBLEMS)


@pytest.mark.parametrize("table", [WORDS, PROBLEMS])
def test_both_languages_say_the_same_fields(table):
    """A text is there in Vietnamese and English and names the same fields in both."""
    for key, texts in table.items():
        assert len(texts) == 2
        assert all(texts), key
        vietnamese, english = (
            {name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts
        )
        assert vietnamese == english, key


def test_every_choice_has_a_name():
    """Faults, ways of sending, formats, states and kinds are all named on the pages."""
    needed = {
        "fault": [*Fault, *PaymentFault],
        "outcome": Outcome,
        "via": VIAS,
        "format": FORMATS,
        "state": State,
        "kind": Kind,
        "topic": TOPICS,
    }
    for prefix, names in needed.items():
        for name in names:
            assert f"{prefix}.{name}" in WORDS


def test_pages_show_every_fault():
    """No fault is left out of the page's choice, none stands there twice."""
    shown = [fault for faults in TOPICS.values() for fault in faults]
    assert sorted(shown) == sorted(Fault)


def test_every_text_of_a_page_is_in_the_table_and_every_text_is_used():
    """The keys in templates and the table are the same, so nothing is missing and nothing dead."""
    pages = "".join(page.read_text() for page in TEMPLATES.glob("*.html"))
    used = set(re.findall(r'_\("([a-z_.]+?)"[,)]', pages))
    prefixes = set(re.findall(r'_\("([a-z]+\.)" ~', pages))
    assert used <= set(WORDS)
    prefixes.add("serve.")  # said by the command
    unused = {key for key in WORDS if key not in used and not key.startswith(tuple(prefixes))}
    assert unused == set()


def test_numbers_are_grouped_as_the_language_does():
    """An amount inside a sentence is written like every other amount."""
    assert "1.000.000" in say_problem("balance_too_low", "vi", balance=1_000_000)
    assert "1,000,000" in say_problem("balance_too_low", "en", balance=1_000_000)
    assert say("receipt.attempts", "en", count=3) == "3 tries"
