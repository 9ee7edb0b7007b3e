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
