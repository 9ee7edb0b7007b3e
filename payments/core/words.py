"""Words for people, in Vietnamese or English, by key.

One catalogue serves pages, the API and commands: `payments/translations/<language>`.
Errors and codes are spoken by key (`error.unknown_fee`, `status.open`), other texts by their
English words. A missing Vietnamese entry fails a test, so a page never mixes languages.

The `.po` files are edited by hand; after a change, compile them (a test compares the two):

    pybabel compile -d payments/translations
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from payments.core.calendar import local
from payments.core.money import Dong, grouped

LANGUAGES: Final = ("vi", "en")
TRANSLATIONS: Final = Path(__file__).parent.parent / "translations"

language: ContextVar[str] = ContextVar("language", default="vi")
"""The reader's language for the present request or command."""


@lru_cache(maxsize=4)
def catalogue(chosen: str) -> gettext.NullTranslations:
    """The compiled catalogue of one language, English words falling through to themselves."""
    return gettext.translation("messages", TRANSLATIONS, languages=[chosen], fallback=True)


@contextmanager
def speaking(chosen: str) -> Iterator[None]:
    """Speaks `chosen` (vi or en) inside a with-block: a letter to a reader who is not here."""
    before = language.set(chosen)
    try:
        yield
    finally:
        language.reset(before)


def say(key: str, /, *, in_language: str | None = None, **fields: object) -> str:
    """The words for `key` in the reader's language, with `fields` filled in.

    Amounts and days are written as that language writes them, without a unit. A field the words
    do not use is ignored, one that is missing stays visible as `{name}`; a key without words
    comes back as itself.
    """
    chosen = in_language or language.get()
    words = catalogue(chosen).gettext(key) if key else ""
    written = {name: _written(value, chosen) for name, value in fields.items()}
    return words.format_map(_Filling(written)) if fields else words


def later(key: str, /) -> str:
    """`key` itself: marks a text in a table that `say` will speak, so that it is collected."""
    return key


def knows(key: str) -> bool:
    """Whether the catalogue has words of its own for `key`, which is not English itself."""
    return bool(key) and catalogue("en").gettext(key) != key


class _Filling(dict[str, object]):
    """Values for a text's placeholders."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


class Named(str):
    """A key whose words stand within other words: `role.approver`."""

    __slots__ = ()


def _written(value: object, chosen: str) -> object:
    if isinstance(value, Named):
        return catalogue(chosen).gettext(value)
    if isinstance(value, Dong):
        return grouped(value) if chosen == "vi" else f"{int(value):,}"
    if isinstance(value, datetime) and value.tzinfo is not None:
        wall = local(value)
        return f"{wall:%H:%M, %d/%m/%Y}" if chosen == "vi" else f"{wall:%-d %b %Y, %H:%M}"
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value:%d/%m/%Y}" if chosen == "vi" else f"{value:%-d %b %Y}"
    return value
