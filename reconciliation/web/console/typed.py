"""What people type into the console's searches: an amount with its dots, words of a memo."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from payments.core.money import MOST, Dong

NEWEST: Final = 20_000
"""So many of the newest rows of a table are looked through for an amount or words."""

_AMOUNT: Final = re.compile(
    r"(?:\d{1,3}(?:[.,\s]\d{3})+(?:[.,]00)?|\d{1,13})\s*(?:đ|d|vnd|₫)?", re.IGNORECASE | re.ASCII
)
_HUNDREDTHS: Final = re.compile(r"[.,]00(?!\d)")


def amount_of(told: str) -> Dong | None:
    """The đồng that somebody wrote, with dots, commas or spaces; None for anything else."""
    if not _AMOUNT.fullmatch(told):
        return None
    digits = re.sub(r"\D", "", _HUNDREDTHS.sub("", told))
    amount = int(digits)
    return Dong(amount) if 0 < amount <= MOST else None


def among_newest(table: Any) -> ColumnElement[bool]:
    """The condition that a row is one of the newest of its table."""
    newest = select(func.coalesce(func.max(table.id), 0)).scalar_subquery()
    condition: ColumnElement[bool] = table.id > newest - NEWEST
    return condition


def has_words(column: InstrumentedAttribute[str], told: str) -> ColumnElement[bool]:
    """The condition that a memo has these words in it, written large or small, with accents or not.

    Banks strip accents; where one did not, the words are found as they stand.
    """
    plain = folded(told)
    return or_(
        func.upper(column).contains(plain, autoescape=True), column.contains(told, autoescape=True)
    )


def folded(told: str) -> str:
    """Words in capitals, without accents: as banks write memos."""
    apart = unicodedata.normalize("NFD", told.upper()).replace("Đ", "D")
    return "".join(c for c in apart if not unicodedata.combining(c))
