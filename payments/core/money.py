"""Money is `Dong`: a whole number of Vietnamese đồng, a type of its own.

Đồng has no minor unit in use (ISO 4217 gives VND no decimals), so an amount is an integer
everywhere: in Python, in the database (BIGINT), in JSON. There is no float in this service.
"""

from __future__ import annotations

from typing import Final, NoReturn, Self

from payments.core.errors import Invalid


class NotAnAmount(Invalid):
    """A text that is not a whole, positive number of đồng."""

    code = "not_an_amount"


class Dong(int):
    """A whole number of đồng. Sums and differences of Dong are Dong; a float is refused."""

    __slots__ = ()

    def __new__(cls, value: int = 0) -> Self:
        """A whole number; raises TypeError for a float, a bool or a text."""
        if type(value) is not Dong and (isinstance(value, bool) or not isinstance(value, int)):
            raise TypeError(f"đồng are whole numbers, not {type(value).__name__}")
        return super().__new__(cls, value)

    def __add__(self, other: int) -> Dong:
        return Dong(int(self) + _whole(other))

    def __radd__(self, other: int) -> Dong:
        return Dong(_whole(other) + int(self))

    def __sub__(self, other: int) -> Dong:
        return Dong(int(self) - _whole(other))

    def __mul__(self, other: int) -> Dong:
        return Dong(int(self) * _whole(other))

    def __rmul__(self, other: int) -> Dong:
        return Dong(int(self) * _whole(other))

    def __neg__(self) -> Dong:
        return Dong(-int(self))

    def __truediv__(self, other: object) -> NoReturn:
        raise TypeError("đồng are not divided into fractions; use //")

    def __repr__(self) -> str:
        return f"Dong({int(self)})"

    def __str__(self) -> str:
        return str(int(self))


ZERO: Final = Dong(0)

MOST: Final = Dong(1_000_000_000_000)
"""No single movement is larger: a guard against a slipped digit (reliability.md 6.3)."""

QR_LIMIT: Final = Dong(500_000_000)
"""A NAPAS247 transfer is below 500 million đồng (NAPAS VietQR v1.0, 8.1.1)."""


_DIGITS: Final = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_AFTER_TEN: Final = {5: "lăm"}
_AFTER_TENS: Final = {1: "mốt", 4: "tư", 5: "lăm"}
_STEPS: Final = ((10**9, "tỷ"), (10**6, "triệu"), (10**3, "nghìn"))


def _whole(value: int) -> int:
    if not isinstance(value, int):
        raise TypeError(f"đồng are whole numbers, not {type(value).__name__}")
    return int(value)


def parse(text: str) -> Dong:
    """The amount that a plain run of digits names, as in JSON or a command's argument.

    No sign, no separators, no decimals; zero and more than `MOST` are refused with `NotAnAmount`.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 13):
        raise NotAnAmount(text=text[:40])
    amount = Dong(int(text))
    if not ZERO < amount <= MOST:
        raise NotAnAmount(text=text[:40])
    return amount


def grouped(amount: int) -> str:
    """`1234567` as `1.234.567`, the way amounts are written in Vietnamese."""
    return f"{int(amount):,}".replace(",", ".")


def in_words(amount: Dong) -> str:
    """`1005000` as `Một triệu không trăm linh năm nghìn đồng`: the words on papers about money.

    Written as schools teach it (linh, nghìn, tỷ). Raises ValueError for less than zero.
    """
    if amount < 0:
        raise ValueError("only what is not negative is written out")
    words = f"{' '.join(_spoken(int(amount))) or _DIGITS[0]} đồng"
    return words[0].upper() + words[1:]


def _spoken(number: int, *, follows: bool = False) -> list[str]:
    """The words of a number, none for zero; `follows` is whether something stands before it."""
    for step, name in _STEPS:
        if number >= step:
            higher = _spoken(number // step, follows=follows)
            return [*higher, name, *_spoken(number % step, follows=True)]
    hundreds, below = divmod(number, 100)
    words = [_DIGITS[hundreds], "trăm"] if hundreds or (follows and below) else []
    return words + _below_hundred(below, follows=words != [])


def _below_hundred(number: int, *, follows: bool) -> list[str]:
    tens, ones = divmod(number, 10)
    if tens == 0:
        return [*(["linh"] if follows else []), _DIGITS[ones]] if ones else []
    words = ["mười"] if tens == 1 else [_DIGITS[tens], "mươi"]
    other = _AFTER_TEN if tens == 1 else _AFTER_TENS
    return [*words, other.get(ones, _DIGITS[ones])] if ones else words
