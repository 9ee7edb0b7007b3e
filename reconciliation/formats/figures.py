"""Amounts, days and words the way statement files write them, read strictly and exactly.

Nothing is guessed: whoever calls says the style. What does not fit is refused with its line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from payments.core.calendar import VIETNAM, at, local_day
from payments.core.money import MOST
from reconciliation.formats.parts import VND
from reconciliation.formats.refusals import (
    FractionOfDong,
    ImplausibleAmount,
    UnknownCurrency,
    UnreadableAmount,
    UnreadableDate,
)

MOST_DIGITS: Final = 18
"""ISO 20022 ActiveOrHistoricCurrencyAndAmount: 18 digits, 5 of them decimals."""
YEARS: Final = range(2000, 2100)
"""Days outside are slips of the pen: 0206-11-24."""

_CONTROLS: Final = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
_PLAIN: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,5})?")
_THREE_DECIMALS: Final = re.compile(r"\.[0-9]{3}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_ISO_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_VIETNAMESE_DAY: Final = re.compile(r"([0-9]{2})([/.-])([0-9]{2})\2([0-9]{4})")
_ISO_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: ?([AP]M))?")
_SERIAL: Final = re.compile(r"([0-9]{5})(\.[0-9]{1,15})?")
_DAY_ZERO: Final = date(1899, 12, 30)
"""Sheets count days from here (ECMA-376 part 1, 18.17.4.1), 1900 taken for a leap year."""
_SECONDS: Final = 86_400


class Clock(StrEnum):
    """How a time behind a day is written: 13:05:00, or 01:05:00 PM."""

    HOURS_24 = "24h"
    HOURS_12 = "12h"


class Thousands(StrEnum):
    """The mark between groups of three digits; the other one of the two marks decimals."""

    COMMA = "comma"
    DOT = "dot"


_GROUPED: Final[Mapping[Thousands, re.Pattern[str]]] = MappingProxyType(
    {
        Thousands.COMMA: re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]{1,2})?"),
        Thousands.DOT: re.compile(r"(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,[0-9]{1,2})?"),
    }
)


def plain_amount(text: str, *, currency: str, line: int) -> Decimal:
    """`50000` or `50000.00`: no sign, no thousands mark, a dot before decimals.

    `50.000` đồng is refused: by the standard it is fifty, but whoever writes it means thousands.
    """
    if not _PLAIN.fullmatch(text) or (currency == VND and _THREE_DECIMALS.search(text)):
        raise UnreadableAmount(line=line, text=text)
    return exact(Decimal(text), currency=currency, line=line)


def grouped_amount(text: str, *, thousands: Thousands, currency: str, line: int) -> Decimal:
    """`50,000` or `50.000` by the style given; `50000` is the same in both.

    There are two decimals at most, so that thousands in the other style are no decimals.
    """
    if not _GROUPED[thousands].fullmatch(text):
        raise UnreadableAmount(line=line, text=text)
    if thousands is Thousands.COMMA:
        digits = text.replace(",", "")
    else:
        digits = text.replace(".", "").replace(",", ".")
    return exact(Decimal(digits), currency=currency, line=line)


def exact(amount: Decimal, *, currency: str, line: int) -> Decimal:
    """`amount` if its currency has it: đồng are whole, and no amount has more than 18 digits."""
    if not amount.is_finite() or amount.adjusted() >= MOST_DIGITS:
        raise ImplausibleAmount(line=line, text=str(amount))
    if currency == VND:
        whole = amount.to_integral_value()
        if whole != amount:
            raise FractionOfDong(line=line, text=str(amount))
        return whole
    if len(amount.as_tuple().digits) > MOST_DIGITS:
        raise ImplausibleAmount(line=line, text=str(amount))
    return amount


def movement(amount: Decimal, *, line: int) -> Decimal:
    """`amount` if one movement can be so large: a guard against a slipped digit."""
    if amount > MOST:
        raise ImplausibleAmount(line=line, text=str(amount))
    return amount


def currency_code(text: str, *, line: int) -> str:
    """An ISO 4217 code: three capital letters."""
    if not _CURRENCY.fullmatch(text):
        raise UnknownCurrency(line=line, text=text)
    return text


def iso_day(text: str, *, line: int) -> date:
    """`2026-11-24`, xs:date; a time zone after it does not move the day."""
    day = _iso_day(text)
    if day is None:
        raise UnreadableDate(line=line, text=text)
    return day


def iso_instant(text: str, *, line: int) -> datetime:
    """`2026-11-24T09:30:00+07:00`, xs:dateTime, in UTC; without a zone it is Viet Nam's clock."""
    try:
        if not _ISO_INSTANT.fullmatch(text):
            raise ValueError(text)
        told = datetime.fromisoformat(text)
        instant = (told if told.tzinfo else told.replace(tzinfo=VIETNAM)).astimezone(UTC)
        if local_day(instant).year not in YEARS:
            raise ValueError(text)
    except (ValueError, OverflowError):
        raise UnreadableDate(line=line, text=text) from None
    return instant


def vietnamese_day(text: str, *, line: int) -> date:
    """`24/11/2026`, `24-11-2026` or `24.11.2026`: day, month, year.

    A day or month of one digit is refused: so writes a sheet that went through another country's
    settings, where the month may stand first.
    """
    day = _vietnamese_day(text)
    if day is None:
        raise UnreadableDate(line=line, text=text)
    return day


def moment(
    text: str, *, read_day: Callable[..., date], clock: Clock, line: int
) -> tuple[date, datetime | None]:
    """A day, and the instant in UTC where a time of Viet Nam's clock stands behind it."""
    day_text, _, time_text = text.partition(" ")
    day = read_day(day_text, line=line)
    if not time_text:
        return day, None
    wall = _wall_time(time_text.strip(), clock)
    if wall is None:
        raise UnreadableDate(line=line, text=text)
    return day, at(day, wall).astimezone(UTC)


def serial_moment(text: str, *, line: int) -> tuple[date, datetime | None]:
    """The day that a sheet's date cell counts, and the instant where a fraction follows it."""
    found = _SERIAL.fullmatch(text)
    day = _DAY_ZERO + timedelta(days=int(found[1])) if found else _DAY_ZERO
    if found is None or day.year not in YEARS:
        raise UnreadableDate(line=line, text=text)
    seconds = int((Decimal(found[2] or 0) * _SECONDS).to_integral_value())
    if not seconds:
        return day, None
    midnight = at(day, time(0))
    return day, (midnight + timedelta(seconds=min(seconds, _SECONDS - 1))).astimezone(UTC)


def words(text: str) -> str:
    """`text` composed (NFC), on one line: each run of white space and control characters a space.

    A memo is the public's to write, so nothing in it makes a statement unreadable.
    """
    joined = " ".join(unicodedata.normalize("NFC", text).split())
    if joined.isprintable():
        return joined
    return " ".join(joined.translate(_CONTROLS).split())


@lru_cache(maxsize=1024)
def _iso_day(text: str) -> date | None:
    found = _ISO_DAY.fullmatch(text)
    return _day(*found[1].split("-")) if found else None


@lru_cache(maxsize=1024)
def _vietnamese_day(text: str) -> date | None:
    found = _VIETNAMESE_DAY.fullmatch(text)
    return _day(found[4], found[3], found[1]) if found else None


def _day(year: str, month: str, day: str) -> date | None:
    if int(year) not in YEARS:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _wall_time(text: str, clock: Clock) -> time | None:
    found = _TIME.fullmatch(text)
    if found is None or (found[4] is None) != (clock is Clock.HOURS_24):
        return None
    hour = int(found[1])
    if clock is Clock.HOURS_12:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[4] == "PM" else 0)
    try:
        return time(hour, int(found[2]), int(found[3] or 0))
    except ValueError:
        return None
