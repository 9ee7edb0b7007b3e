"""What a template writes without asking the catalogue is the same in every language.

A word that stands in a template as it is would be English in a Vietnamese page, in every state of
it: so the templates are read, not the pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment

ROOT = Path(__file__).parents[1]
TEMPLATES = sorted(
    path
    for half in ("payments", "reconciliation", "sandbox")
    for path in (ROOT / half).rglob("*.html")
)
WORD = re.compile(r"[^\W\d_]{2,}")
READ_OUT = {"alt", "aria-description", "aria-label", "data-done", "label", "placeholder", "title"}
CLOSED = {"br", "hr", "img", "input", "link", "meta"}
UNSPOKEN = {"code", "script", "style"}

SAME_EVERYWHERE = re.compile(
    r"(· )*page( (?!page)[a-z]+)*"  # the classes of a page's body
    r"|aria-.*"  # what a macro writes into a tag
    r"|[·A-Z0-9 /.-]+"  # CSV, SHA-256, the number of a form
    r"|OpenAPI 3\.1 \(JSON\)|/callbacks//|ms|Enter|Esc|\.csv|\.json|English|Tiếng Việt"
)


class Plain(HTMLParser):
    """The texts of a page that its template writes itself, also those that are read out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in CLOSED:
            self._inside.append(tag)
        told = dict(attrs)
        pressed = tag == "input" and told.get("type") in ("submit", "button")
        spoken = READ_OUT | ({"value"} if pressed else set())
        self.found += [value for name, value in attrs if value and name in spoken]

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not UNSPOKEN & set(self._inside):
            self.found.append(data)


def plain_in(template: str) -> Iterator[str]:
    """The words of a template outside of its expressions."""
    tokens = Environment(autoescape=True).lex(template)
    page = Plain()
    page.feed("".join(text for _, kind, text in tokens if kind == "data"))
    for text in page.found:
        kept = " ".join(text.split())
        if WORD.search(kept) and not SAME_EVERYWHERE.fullmatch(kept):
            yield kept


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_template_asks_the_catalogue_for_its_words(path: Path) -> None:
    """None stands there in one language."""
    assert list(plain_in(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<p>Nothing waits here.</p>", ["Nothing waits here."]),
        ("{% if x %}<td>{{ _('Amount') }}: Paid</td>{% endif %}", [": Paid"]),
        ('<button aria-label="Close">x</button>', ["Close"]),
        ('<input type="submit" value="Send">', ["Send"]),
        ('<input placeholder="{{ _("Dossier") }}"><p>{{ x }} đ</p><code>open</code>', []),
    ],
)
def test_the_test_finds_a_word_that_nobody_translates(template: str, words: list[str]) -> None:
    """In a text, in a branch, in what is read out; not in what is asked for."""
    assert list(plain_in(template)) == words
