"""Words for people, in Vietnamese or English, by key.

One catalogue serves pages, the API and commands: `payments/translations/<language>`.
Errors and codes are spoken by key (`error.unknown_fee`, `status.open`), other texts by their
English words. A missing Vietnamese entry fails a test, so a page never mixes languages.
"""

from __future__ import annotations

import gettext
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("vi", "en")
TRANSLATIONS: Final = Path(__file__).parent.parent / "translations"

language: ContextVar[str] = ContextVar("language", default="vi")
"""The reader's language for the present request or command."""


@lru_cache(maxsize=4)
def catalogue(chosen: str) -> gettext.NullTranslations:
    """The compiled catalogue of one language, English words falling through to themselves."""
    return gettext.translation("messages", TRANSLATIONS, languages=[chosen], fallback=True)


def say(key: str, *, in_language: str | None = None, **fields: object) -> str:
    """The words for `key` in the reader's language, with `fields` filled in.

    A field the words do not use is ignored; a key without words comes back as itself.
    """
    words = catalogue(in_language or language.get()).gettext(key)
    return words.format(**fields) if fields else words
