"""The table of a statement sheet: each row below the header becomes a line, by its layout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from reconciliation.formats import figures
from reconciliation.formats.layouts import Column, Layout, label
from reconciliation.formats.parts import Figure, Line, Tally
from reconciliation.formats.refusals import (
    MissingFigure,
    RepeatedFigure,
    UnknownIndicator,
    UnreadableAmount,
    UnreadableDate,
    UnreadableFile,
    UnreadableText,
)
from reconciliation.formats.workbook import Number

_NUMBER: Final = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[Ee][+-]?[0-9]{1,2})?")
_SAFE_DIGITS: Final = re.compile(r"[0-9]{1,15}")
"""A sheet keeps fifteen digits of a number; a longer one is no longer what the bank wrote."""


class UnexpectedCell(UnreadableFile):
    """Something in a column that has no label: a memo with a comma and no quotes, perhaps."""

    code = "unexpected_cell"


class Table:
    """Where a layout's columns stand in one file, and the currency of its amounts."""

    def __init__(self, layout: Layout, header: Sequence[str], *, currency: str) -> None:
        places = layout.places(header) or {}
        self.layout, self.currency = layout, currency
        self.width = len(header)
        self.unlabelled = [place for place, title in enumerate(header) if not title]
        self.day, self.memo = places[Column.DAY], places[Column.MEMO]
        self.value_day = places.get(Column.VALUE_DAY)
        self.reference = places.get(Column.BANK_REFERENCE)
        self.amount, self.sign = places.get(Column.AMOUNT), places.get(Column.SIGN)
        self.credit, self.debit = places.get(Column.CREDIT), places.get(Column.DEBIT)
        self.payer_account = places.get(Column.PAYER_ACCOUNT)
        self.payer_name = places.get(Column.PAYER_NAME)
        self.balance = places.get(Column.BALANCE)
        self.thousands = layout.thousands

    def line(self, cells: Sequence[str], *, row: int, number: int) -> Line:
        """The movement a row tells."""
        self._refuse_unlabelled(cells, row=row)
        change = self._change(cells, row=row)
        reference = text_of(_at(cells, self.reference), row=row) or None
        stable = reference is not None and self.layout.stable_references
        value_day, balance = _at(cells, self.value_day), _at(cells, self.balance)
        return Line(
            number=number,
            day=self.day_of(_at(cells, self.day), row=row),
            value_day=self.day_of(value_day, row=row) if value_day else None,
            booked_at=None,
            amount=figures.movement(abs(change), line=row),
            credit=not change.is_signed(),
            bank_reference=reference,
            memo=text_of(_at(cells, self.memo), row=row),
            payer_account=digits_of(_at(cells, self.payer_account), row=row) or None,
            payer_name=text_of(_at(cells, self.payer_name), row=row) or None,
            balance=self.signed(balance, row=row) if balance else None,
            reversal=False,
            reverses=None,
            stable_id=f"{reference}:{change}" if stable else None,
            currency=self.currency,
        )

    def ends(self, cells: Sequence[str]) -> bool:
        """Whether a row is the one that ends the table."""
        first = next(filter(None, cells), "")
        return label(first) in self.layout.ends_at

    def is_movement(self, cells: Sequence[str]) -> bool:
        """Whether a row below the table looks like one of it: a day stands where days stand."""
        try:
            self.day_of(_at(cells, self.day), row=1)
        except UnreadableFile:
            return False
        return True

    def take_totals(self, cells: Sequence[str], tally: Tally, *, row: int) -> None:
        """The totals that the last row states; a blank cell states none."""
        for figure, place in (
            (Figure.CREDIT_SUM, self.credit),
            (Figure.DEBIT_SUM, self.debit),
            (self.layout.total, self.amount),
        ):
            cell = _at(cells, place)
            if cell and figure is not None:
                total = self.signed(cell, row=row)
                sign = _at(cells, self.sign)
                credit = not sign or self._is_credit(sign, row=row)
                tally.state(figure, total if credit else total.copy_negate())

    def day_of(self, cell: str, *, row: int) -> date:
        """A day in the layout's style; a numeric cell is not one."""
        if not cell:
            raise MissingFigure(line=row, what=Column.DAY.value)
        if isinstance(cell, Number):
            raise UnreadableDate(line=row, text=cell)
        return self.layout.read_day(cell, line=row)

    def signed(self, cell: str, *, row: int) -> Decimal:
        """A balance or total: it may be below zero and name its currency after it."""
        if isinstance(cell, Number):
            return self._exact(cell, row=row)
        bare = cell.removesuffix(self.currency).rstrip()
        amount = self._unsigned(bare.lstrip("+-"), row=row)
        if len(bare) - len(bare.lstrip("+-")) > 1:
            raise UnreadableAmount(line=row, text=cell)
        return amount.copy_negate() if bare.startswith("-") else amount

    def _change(self, cells: Sequence[str], *, row: int) -> Decimal:
        """What the row does to the balance: below zero (−0 too) if it lowers it."""
        if self.amount is not None:
            amount = self._unsigned(_at(cells, self.amount), row=row)
            credit = self._is_credit(_at(cells, self.sign), row=row)
            return amount if credit else amount.copy_negate()
        told_in, told_out = _at(cells, self.credit), _at(cells, self.debit)
        if not (told_in or told_out):
            raise MissingFigure(line=row, what=Column.AMOUNT.value)
        money_in = self._unsigned(told_in or "0", row=row)
        money_out = self._unsigned(told_out or "0", row=row)
        if money_in and money_out:
            raise RepeatedFigure(line=row, what=Column.AMOUNT.value)
        return money_in if money_in or not told_out else money_out.copy_negate()

    def _is_credit(self, cell: str, *, row: int) -> bool:
        if cell not in self.layout.signs:
            raise UnknownIndicator(line=row, what="+/-", text=cell)
        return self.layout.signs[cell]

    def _unsigned(self, cell: str, *, row: int) -> Decimal:
        if not cell:
            raise MissingFigure(line=row, what=Column.AMOUNT.value)
        if isinstance(cell, Number):
            amount = self._exact(cell, row=row)
            if amount.is_signed():
                raise UnreadableAmount(line=row, text=cell)
            return amount
        return figures.grouped_amount(
            cell, thousands=self.thousands, currency=self.currency, line=row
        )

    def _exact(self, cell: Number, *, row: int) -> Decimal:
        if not _NUMBER.fullmatch(cell):
            raise UnreadableAmount(line=row, text=cell)
        return figures.exact(Decimal(cell), currency=self.currency, line=row)

    def _refuse_unlabelled(self, cells: Sequence[str], *, row: int) -> None:
        if len(cells) > self.width and any(cells[self.width :]):
            raise UnexpectedCell(line=row)
        if any(_at(cells, place) for place in self.unlabelled):
            raise UnexpectedCell(line=row)


def text_of(cell: str, *, row: int) -> str:
    """A text cell on one line; a number only if the sheet has kept all its digits."""
    if isinstance(cell, Number):
        if not _SAFE_DIGITS.fullmatch(cell):
            raise UnreadableText(line=row)
        return str(cell)
    return figures.words(cell)


def digits_of(cell: str, *, row: int) -> str:
    """An account's number; never a numeric cell, which has lost its leading zeros."""
    if isinstance(cell, Number) and cell:
        raise UnreadableText(line=row)
    return "".join(cell.split())


def _at(cells: Sequence[str], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""
