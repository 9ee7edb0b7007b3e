"""Reference codes: the fourteen characters that tie a transfer to a request.

A code is a prefix of four letters (TTHC), nine random digits and a Damm check digit, so that no
code follows from another and one wrong digit, or two neighbours exchanged, never makes another
code. In 256,832 real memos a prefix with eight digits occurred not once by chance.

Banks fold, cut, wrap and split memos. So a code is looked for in the memo's letters and digits
alone: NFC, accents stripped, upper case, all else deleted, then every prefix with five to ten
digits. Ten digits at most: what follows a code may be a date or a phone number.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, Protocol

from stdnum import damm

from payments.core.errors import Invalid

VERSION: Final = 1
"""The extractor's version: stored beside what it found, raised when it would find differently."""

PREFIX: Final = "TTHC"
DIGITS: Final = 10
"""Nine random digits and one check digit."""

_LETTERS: Final = re.compile(r"[A-Z]{4}")
_UPPER: Final = bytes(range(256)).upper()
_NOISE: Final = bytes(c for c in range(256) if not bytes([c]).isalnum())


class WrongPrefix(Invalid):
    """The prefix of reference codes is four letters A to Z."""

    code = "wrong_reference_prefix"


class Kind(StrEnum):
    """How much of a code a memo still holds."""

    FULL = "FULL"  # ten digits, the check digit good
    DAMAGED = "DAMAGED"  # ten digits, the check digit bad
    CUT = "CUT"  # five to nine digits


@dataclass(frozen=True, slots=True)
class Reference:
    """A code as it stands in a memo, folded to capitals and digits."""

    code: str
    kind: Kind


class Randomness(Protocol):
    """Where random digits come from; `secrets` in the service, a seeded one in tests."""

    def randbelow(self, exclusive_upper_bound: int, /) -> int:
        """A number from 0 up to, not including, the bound."""


def make(prefix: str = PREFIX, rng: Randomness = secrets) -> str:
    """A new reference code. That it was never used before is for the caller's database to say."""
    _pattern(prefix)
    digits = f"{rng.randbelow(10 ** (DIGITS - 1)):0{DIGITS - 1}d}"
    return f"{prefix}{digits}{damm.calc_check_digit(digits)}"


def find(memo: str, prefix: str = PREFIX) -> list[Reference]:
    """Every reference in a memo, in order, each code once. Raises `WrongPrefix`."""
    pattern = _pattern(prefix)
    letters = squeeze(memo)
    if prefix.encode() not in letters:
        return []
    codes = dict.fromkeys(pattern.findall(letters))
    return [Reference(code.decode(), _kind(code[len(prefix) :])) for code in codes]


def virtual_account(code: str, prefix: str) -> str:
    """The number of a request's virtual account: the bank's prefix, and the digits of its code."""
    return prefix + code[-DIGITS:]


def of_virtual_account(
    number: str | None, prefixes: Collection[str], prefix: str = PREFIX
) -> Reference | None:
    """The reference that a virtual account under one of our `prefixes` stands for, if it is one.

    A number whose check digit is wrong is none of ours.
    """
    told = "".join(filter(str.isalnum, number or "")).upper()
    first, digits = told[:-DIGITS], told[-DIGITS:]
    if first not in prefixes or not (digits.isascii() and digits.isdigit()):
        return None
    return Reference(prefix + digits, Kind.FULL) if damm.checksum(digits) == 0 else None


def squeeze(memo: str) -> bytes:
    """The memo's letters and digits: accents stripped, upper case, all else deleted, as ASCII."""
    if not memo.isascii():
        memo = unicodedata.normalize("NFD", memo).upper().replace("Đ", "D")
    return memo.encode("ascii", "ignore").translate(_UPPER, _NOISE)


def repairs(damaged: str) -> list[str]:
    """The whole codes that one wrong digit, or two neighbours exchanged, would have made `damaged`.

    The check digit leaves about one digit for each place: some ten candidates of the ninety-nine.
    """
    letters, digits = damaged[:-DIGITS], damaged[-DIGITS:]
    changed = (
        digits[:place] + digit + digits[place + 1 :]
        for place in range(DIGITS)
        for digit in "0123456789"
        if digit != digits[place]
    )
    swapped = (
        digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
        for place in range(DIGITS - 1)
        if digits[place] != digits[place + 1]
    )
    return [letters + one for one in (*changed, *swapped) if damm.checksum(one) == 0]


def span(cut: str) -> tuple[str, str]:
    """The lowest and the highest code that begin with `cut`."""
    missing = len(PREFIX) + DIGITS - len(cut)
    return cut + "0" * missing, cut + "9" * missing


def _kind(digits: bytes) -> Kind:
    if len(digits) < DIGITS:
        return Kind.CUT
    return Kind.FULL if damm.checksum(digits.decode()) == 0 else Kind.DAMAGED


@lru_cache(maxsize=16)
def _pattern(prefix: str) -> re.Pattern[bytes]:
    if not _LETTERS.fullmatch(prefix):
        raise WrongPrefix(prefix=prefix[:20])
    return re.compile(prefix.encode() + rb"[0-9]{5,10}")
