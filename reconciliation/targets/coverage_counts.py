"""Whole numbers of people as sheets write them; anything else is refused with its row."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from reconciliation.formats.workbook import Number
from reconciliation.targets.coverage_refusals import (
    FractionalCount,
    ImplausibleCount,
    NegativeCount,
    NotACount,
)

_PLAIN: Final = re.compile(r"[0-9]+")
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:([.,\u00a0\u202f ])[0-9]{3})(?:\1[0-9]{3})*")
_FRACTION: Final = re.compile(r"[0-9]+[.,][0-9]+")
_NEGATIVE: Final = re.compile(r"[-\u2212\u2013] ?[0-9].*|\([0-9.,]+\)")
_LONGEST: Final = 40


def count(cell: str, *, line: int, column: str, most: int) -> int:
    """The number in a cell; `12.345` and `12,345` are groups of three in a text.

    A number of a workbook is taken as it is. Raises `NotACount`, `NegativeCount`,
    `FractionalCount` or `ImplausibleCount`.
    """
    if len(cell) > _LONGEST:
        raise NotACount(line=line, column=column, text=cell)
    value = _exact(cell) if isinstance(cell, Number) else _written(cell, line=line, column=column)
    if value is None:
        raise NotACount(line=line, column=column, text=str(cell))
    if value < 0:
        raise NegativeCount(line=line, column=column, text=str(cell))
    if value > most:
        raise ImplausibleCount(line=line, column=column, text=str(cell))
    if value != value.to_integral_value():
        raise FractionalCount(line=line, column=column, text=str(cell))
    return int(value)


def _exact(cell: str) -> Decimal | None:
    try:
        value = Decimal(cell)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _written(cell: str, *, line: int, column: str) -> Decimal | None:
    if _NEGATIVE.fullmatch(cell):
        raise NegativeCount(line=line, column=column, text=cell)
    if _PLAIN.fullmatch(cell):
        return Decimal(cell)
    if found := _GROUPED.fullmatch(cell):
        return Decimal(cell.replace(found[1], ""))
    if _FRACTION.fullmatch(cell):
        raise FractionalCount(line=line, column=column, text=cell)
    return None
