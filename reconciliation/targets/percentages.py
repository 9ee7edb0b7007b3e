"""Shares as people read and write them: in percent, cut off and never rounded up.

So what is short of a target never reads as if it had reached it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from payments.core import words
from payments.core.errors import Invalid
from reconciliation.targets.coverage_tables import WHOLE

_MOST_WHOLE: Final = 3
_MOST_PART: Final = 2


class NotAShare(Invalid):
    """A share from 0.01 % to 100 %, with not more than two decimals."""

    code = "not_a_share"


def hundredths(share: Fraction) -> int:
    """A share in hundredths of a percent, cut off towards minus infinity: 2/3 is 6,666."""
    return share.numerator * WHOLE // share.denominator


def percent(share: Fraction, *, digits: int = 1) -> str:
    """A share in percent with so many decimals, in the reader's language: `63,2 %`, `63.2%`."""
    scale = 10**digits
    cut = abs(share.numerator) * 100 * scale // share.denominator
    sign = "−" if share < 0 and cut else ""
    whole, part = divmod(cut, scale)
    decimals = f"{part:0{digits}}" if digits else ""
    if words.language.get() == "vi":
        return f"{sign}{whole}{',' if digits else ''}{decimals}\N{NO-BREAK SPACE}%"
    return f"{sign}{whole}{'.' if digits else ''}{decimals}%"


def of(part: int, whole: int) -> str:
    """A part of a whole in percent, as `percent` writes it."""
    return percent(Fraction(part, whole))


def points(change: Fraction) -> str:
    """A change of a share in percentage points, signed: `+1,2`."""
    written = percent(change).rstrip("%\N{NO-BREAK SPACE}")
    return f"+{written}" if change > 0 else written


def people(count: int) -> str:
    """How many, in groups of three as the reader's language writes them."""
    return f"{count:,}".replace(",", "." if words.language.get() == "vi" else ",")


def heard(text: str) -> int:
    """A share as people write it, `82,5 %`, in hundredths of a percent. Raises `NotAShare`."""
    whole, _, part = text.strip().removesuffix("%").rstrip().replace(",", ".").partition(".")
    digits = whole + part
    plain = bool(whole) and digits.isascii() and digits.isdigit()
    if not plain or len(whole) > _MOST_WHOLE or len(part) > _MOST_PART:
        raise NotAShare(pointer="/value", text=text[:20])
    value = int(whole) * 100 + int(part.ljust(_MOST_PART, "0"))
    if not 1 <= value <= WHOLE:
        raise NotAShare(pointer="/value", text=text[:20])
    return value
