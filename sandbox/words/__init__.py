"""Everything the practice bank says to people, in Vietnamese and in English.

Two tables of texts by key, `WORDS` and `PROBLEMS`; `{name}` stands for a field. A key without words
is a mistake that a test finds, so there is no fallback.
"""

from __future__ import annotations

from typing import Final

from sandbox.words.pages import WORDS
from sandbox.words.problems import PROBLEMS

__all__ = ["LANGUAGES", "PROBLEMS", "WORDS", "grouped", "say", "say_problem"]

LANGUAGES: Final = ("vi", "en")


def say(key: str, language: str, **fields: object) -> str:
    """The text of `key` in `language`, its fields filled in."""
    return _told(WORDS[key], language, fields)


def say_problem(code: str, language: str, **fields: object) -> str:
    """What is said of the refusal `code` in `language`."""
    return _told(PROBLEMS[code], language, fields)


def grouped(amount: int, language: str) -> str:
    """`1234567` as `1.234.567`, in English as `1,234,567`."""
    text = f"{amount:,}"
    return text.replace(",", ".") if language == "vi" else text


def _told(texts: tuple[str, str], language: str, fields: dict[str, object]) -> str:
    shown = {
        name: grouped(field, language) if isinstance(field, int) else field
        for name, field in fields.items()
    }
    return texts[LANGUAGES.index(language)].format(**shown)
