"""A quarter of a year: how people write it, its last day, and how far one is from another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from payments.core.errors import Invalid
from payments.core.text import fold
from payments.core.words import say

EARLIEST: Final = 2000
LATEST: Final = 2099

_ROMAN: Final = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_WRITTEN: Final = (
    re.compile(r"(?P<year>\d{4})\s*[-/ ]?\s*(?:q|quy )\s*(?P<number>[1-4])"),
    re.compile(r"(?:q|quy|quarter)?\s*(?P<number>[1-4]|i{1,3}|iv)\s*[-/, ]\s*(?P<year>\d{4})"),
)


class NotAQuarter(Invalid):
    """The text names no quarter: `2026Q3`, `Quý III/2026`."""

    code = "not_a_quarter"


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """The `number`-th quarter (1 to 4) of a year; written `2026Q3`."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}Q{self.number}"

    @property
    def place(self) -> int:
        """How many quarters passed since the year 0: what a line is drawn over."""
        return self.year * 4 + self.number - 1

    @property
    def first_day(self) -> date:
        """The day it begins."""
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def last_day(self) -> date:
        """The day of which its figures tell."""
        return self.after(1).first_day - timedelta(days=1)

    def after(self, quarters: int) -> Quarter:
        """The quarter so many later; earlier where negative."""
        return at(self.place + quarters)


def at(place: int) -> Quarter:
    """The quarter at a `Quarter.place`."""
    return Quarter(place // 4, place % 4 + 1)


def of(day: date) -> Quarter:
    """The quarter in which a day lies."""
    return Quarter(day.year, (day.month + 2) // 3)


def last_over(today: date) -> Quarter:
    """The latest quarter that is over on a day."""
    return of(today).after(-1)


def heard(text: str) -> Quarter | None:
    """The quarter a text writes, in Vietnamese or English; None where it is none."""
    if text.isdigit() or not any(map(str.isdigit, text)):
        return None
    plain = " ".join(fold(text).lower().split())
    for written in _WRITTEN:
        if found := written.fullmatch(plain):
            number = found["number"]
            quarter = Quarter(int(found["year"]), _ROMAN.get(number) or int(number))
            return quarter if EARLIEST <= quarter.year <= LATEST else None
    return None


def alone(quarter: Quarter | str) -> str:
    """A quarter as a heading writes it, in the reader's language: `Quý 3/2026`, `Q3 2026`."""
    one = read(quarter) if isinstance(quarter, str) else quarter
    return say("quarter.alone", number=one.number, year=one.year)


def within(quarter: Quarter | str) -> str:
    """A quarter as it stands within a sentence, which in Vietnamese says `quý` itself."""
    one = read(quarter) if isinstance(quarter, str) else quarter
    return say("quarter.within", number=one.number, year=one.year)


def read(text: str, *, pointer: str | None = None) -> Quarter:
    """As `heard`. Raises `NotAQuarter`."""
    found = heard(text)
    if found is None:
        raise NotAQuarter(pointer=pointer, text=text[:20])
    return found
