"""Field 61 of MT940, one movement of the account: days, direction, amount, references."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from reconciliation.formats import figures
from reconciliation.formats.refusals import (
    MalformedField,
    UnknownIndicator,
    UnreadableAmount,
    UnreadableDate,
)

RAISES: Final[Mapping[str, bool]] = MappingProxyType(
    {"C": True, "D": False, "RC": False, "RD": True, "EC": True, "ED": False}
)
"""Whether a mark raises the balance. A reversal moves it against its letter: RC takes a credit
back. EC and ED are expected, not booked."""
REVERSALS: Final = frozenset(("RC", "RD"))
EXPECTED: Final = frozenset(("EC", "ED"))

DECIMALS: Final[Mapping[str, int]] = MappingProxyType(
    dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
)
"""ISO 4217: most currencies have two decimals at most, so that `50,000` is no fifty."""

NO_REFERENCE: Final = frozenset(("", "NONREF", "NOTPROVIDED"))

_ENTRY: Final = re.compile(
    r"([0-9]{6})([0-9]{4})?(R?[CD]|E[CD])[A-Z]?([0-9]{1,15},[0-9]{0,3})[A-Z][A-Z0-9 ]{3}"
    r"(.*?)(?://(.*))?"
)
_AMOUNT: Final = re.compile(r"[0-9]{1,15},[0-9]{0,3}")
_HALF_YEAR: Final = 184
_FEBRUARY: Final = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement as field 61 tells it; `day` is the entry date, else the value date."""

    number: int
    day: date
    value_day: date
    amount: Decimal
    mark: str
    reference: str | None
    """The reference of the account's owner, often the payer's own."""
    bank_reference: str | None
    supplement: str
    """The line below, in the bank's words."""

    @property
    def change(self) -> Decimal:
        """The amount, below zero (−0 too) if it lowers the balance."""
        return self.amount if RAISES[self.mark] else self.amount.copy_negate()


def read_entry(lines: list[str], *, currency: str, line: int) -> Entry:
    """The entry that the `lines` of a field 61 tell, the first standing on `line` of the file."""
    found = _ENTRY.fullmatch(lines[0].rstrip())
    if found is None:
        raise _fault(lines[0].rstrip(), line=line)
    value, entered, mark, amount, reference, bank_reference = found.groups()
    day, value_day = days(value, entered, line=line)
    return Entry(
        line,
        day,
        value_day,
        figures.movement(comma_amount(amount, currency=currency, line=line), line=line),
        mark,
        _reference(reference),
        _reference(bank_reference),
        figures.words(" ".join(lines[1:])) if len(lines) > 1 else "",
    )


def comma_amount(text: str, *, currency: str, line: int) -> Decimal:
    """`50000,` or `50000,50`: a comma always, no thousands mark, decimals as the currency has."""
    decimals = len(text) - text.find(",") - 1
    if not _AMOUNT.fullmatch(text) or decimals > DECIMALS.get(currency, 2):
        raise UnreadableAmount(line=line, text=text)
    return figures.exact(Decimal(text.replace(",", ".")), currency=currency, line=line)


def swift_day(text: str, *, line: int) -> date:
    """`261124`: year of this century, month, day."""
    try:
        return _day(text)
    except ValueError:
        raise UnreadableDate(line=line, text=text) from None


def days(value: str, entered: str | None, *, line: int) -> tuple[date, date]:
    """The entry date and the value date; an entry date has no year, and takes the nearest.

    Banks that reckon interest by months of thirty days write the value date 30 February (or 29,
    in a year without): that is its last day. An entry date is never such a day.
    """
    try:
        return _days(value, entered)
    except ValueError:
        raise UnreadableDate(line=line, text=value + (entered or "")) from None


@lru_cache(maxsize=1024)
def _days(value: str, entered: str | None) -> tuple[date, date]:
    if entered is None:
        day = _day(value)
        return day, day
    value_day = _value_day(value)
    month, day_of_month = int(entered[:2]), int(entered[2:])
    around = []
    for year in (value_day.year - 1, value_day.year, value_day.year + 1):
        try:
            around.append(date(year, month, day_of_month))
        except ValueError:
            continue  # 29 February
    nearest = min(around, key=lambda day: abs((day - value_day).days))
    if abs((nearest - value_day).days) > _HALF_YEAR or nearest.year not in figures.YEARS:
        raise ValueError(entered)
    return nearest, value_day


@lru_cache(maxsize=1024)
def _day(text: str) -> date:
    return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:6]))


def _value_day(text: str) -> date:
    year, month, day = 2000 + int(text[:2]), int(text[2:4]), int(text[4:6])
    if month == _FEBRUARY and day in (29, 30):
        day = min(day, 29 if year % 4 == 0 else 28)
    return date(year, month, day)


def _reference(text: str | None) -> str | None:
    told = (text or "").strip()
    return None if told in NO_REFERENCE else figures.words(told)


def _fault(text: str, *, line: int) -> Exception:
    """What is wrong with a field 61 that does not fit: the first part of it that cannot be read."""
    told = re.match(r"[0-9]{6}(?:[0-9]{4})?(?![0-9])", text)
    if told is None:
        return UnreadableDate(line=line, text=text[:10])
    mark = re.match(r"(?:R?[CD]|E[CD])[A-Z]?(?=[0-9.,])", text[told.end() :])
    if mark is None:
        return UnknownIndicator(line=line, what=":61:", text=text[told.end() :][:2])
    amount = re.match(r"[0-9.,]*", text[told.end() + mark.end() :])
    if amount is None or not _AMOUNT.fullmatch(amount[0]):
        return UnreadableAmount(line=line, text=amount[0] if amount else "")
    return MalformedField(line=line, tag=":61:")
