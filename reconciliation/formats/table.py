"""The table of a statement sheet: each row below the header becomes a line, by its layout."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Final

from reconciliation.formats import figures
from reconciliation.formats.layouts import Column, Layout, Money, label
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
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f]")
_SAFE_DIGITS: Final = re.compile(r"[0-9]{1,15}")
"""A sheet keeps fifteen digits of a number; a longer one is no longer what the bank wrote."""


_SAFE: Final = 15
_FIFTEEN: Final = Context(prec=_SAFE)
_DIGITS: Final = "0123456789"
_DAY_LENGTH: Final = 10
_OWNERS: Final = (Column.ACCOUNT, Column.CURRENCY)


class RowOfAnotherAccount(UnreadableFile):
    """A movement of another account or currency than the first: the sheet is of one account."""

    code = "row_of_another_account"


class UnexpectedCell(UnreadableFile):
    """Something in a column that has no label: a memo with a comma and no quotes, perhaps."""

    code = "unexpected_cell"


class Table:
    """Where a layout's columns stand in one file, and what its rows have told so far."""

    def __init__(self, layout: Layout, header: Sequence[str]) -> None:
        self.places = places = layout.places(header) or {}
        self.layout, self.currency = layout, layout.currency
        self.width = len(header)
        self.unlabelled = [place for place, title in enumerate(header) if not title]
        self.combined = Column.DAY_AND_REFERENCE in places
        self.day = places[Column.DAY_AND_REFERENCE if self.combined else Column.DAY]
        self.memo = places[Column.MEMO]
        self.value_day = places.get(Column.VALUE_DAY)
        self.reference = places.get(Column.BANK_REFERENCE)
        self.amount, self.sign = places.get(Column.AMOUNT), places.get(Column.SIGN)
        self.credit, self.debit = places.get(Column.CREDIT), places.get(Column.DEBIT)
        self.payer_account = places.get(Column.PAYER_ACCOUNT)
        self.payer_name = places.get(Column.PAYER_NAME)
        self.virtual_account = places.get(Column.VIRTUAL_ACCOUNT)
        self.fee = places.get(Column.FEE)
        self.fee_words = figures.words(header[self.fee]) if self.fee is not None else ""
        self.balance = places.get(Column.BALANCE)
        self.owners = [places[one] for one in _OWNERS if one in places]
        self.owned: list[str] | None = None
        self.thousands = layout.thousands
        self.negative_debits = layout.debits is Money.NEGATIVE
        self.above: date | None = None
        self.by_cells: bool | None = None

    def line(self, cells: Sequence[str], *, row: int, number: int) -> Line:
        """The movement a row tells."""
        self._refuse_strange(cells, row=row)
        day, booked_at, reference = self._when(cells, row=row)
        change = self._change(cells, row=row)
        stable = reference is not None and self.layout.stable_references
        value_day, balance = at_place(cells, self.value_day), at_place(cells, self.balance)
        payer_account = at_place(cells, self.payer_account)
        return Line(
            number=number,
            day=day,
            value_day=self.day_of(value_day, row=row) if value_day else None,
            booked_at=booked_at,
            amount=figures.movement(abs(change), line=row),
            credit=not change.is_signed(),
            bank_reference=reference,
            memo=text_of(at_place(cells, self.memo), row=row),
            payer_account=digits_of(payer_account, row=row) if payer_account else None,
            payer_name=text_of(at_place(cells, self.payer_name), row=row) or None,
            balance=self.signed(balance, row=row) if balance else None,
            reversal=False,
            reverses=None,
            stable_id=f"{reference}:{change}" if stable else None,
            currency=self.currency,
            virtual_account=text_of(at_place(cells, self.virtual_account), row=row) or None,
        )

    def lines(self, cells: Sequence[str], *, row: int, number: int) -> Sequence[Line]:
        """What a row tells: a movement, and the fee kept from it as one that goes out behind it.

        The balance beside them is the one after both; a fee's memo is what stands above it.
        """
        line = self.line(cells, row=row, number=number)
        fee = self._unsigned(at_place(cells, self.fee) or "0", row=row)
        if not fee:
            return [line]
        kept = replace(
            line,
            number=number + 1,
            amount=figures.movement(fee, line=row),
            credit=False,
            memo=self.fee_words,
            payer_account=None,
            payer_name=None,
            virtual_account=None,
            stable_id=line.stable_id and f"{line.stable_id}:fee",
        )
        return [replace(line, balance=None), kept]

    def name_of(self, cells: Sequence[str]) -> str:
        """The label in a row's first filled cell, if it may name the row; else empty.

        A row with a number of the bank's is a movement, whatever its memo begins with.
        """
        first = next(filter(None, cells), "")
        if not first or first[0] in _DIGITS:
            return ""
        referred = at_place(cells, self.reference)
        return "" if referred and referred is not first else label(first.partition(":")[0])

    def balance_before(self, cells: Sequence[str], *, row: int) -> Decimal | None:
        """The balance before a movement, by the one after it."""
        balance = at_place(cells, self.balance)
        if not balance:
            return None
        fee = self._unsigned(at_place(cells, self.fee) or "0", row=row)
        return self.signed(balance, row=row) - self._change(cells, row=row) + fee

    def is_movement(self, cells: Sequence[str]) -> bool:
        """Whether a row below the table looks like one of it: a day stands where days stand."""
        cell = at_place(cells, self.day)
        if not cell and self.layout.fill_down:
            return bool(at_place(cells, self.reference)) and any(
                at_place(cells, place) for place in (self.credit, self.debit, self.amount)
            )
        try:
            self.moment_of(cell[:_DAY_LENGTH] if self.combined else cell, row=1)
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
            cell = at_place(cells, place)
            if cell and figure is not None:
                total = self.signed(cell, row=row)
                if figure is Figure.DEBIT_SUM:
                    total = abs(total) if self.negative_debits else total
                    total += self.signed(at_place(cells, self.fee) or "0", row=row)
                sign = at_place(cells, self.sign)
                credit = not sign or self._is_credit(sign, row=row)
                tally.state(figure, total if credit else total.copy_negate())

    def day_of(self, cell: str, *, row: int) -> date:
        """A day in the layout's style."""
        return self.moment_of(cell, row=row)[0]

    def moment_of(self, cell: str, *, row: int) -> tuple[date, datetime | None]:
        """A day in the layout's style, and the instant if a time stands behind it.

        A numeric cell is one only where the layout says that days may be date cells.
        """
        if not cell:
            raise MissingFigure(line=row, what=Column.DAY.value)
        if isinstance(cell, Number):
            if not self.layout.date_cells:
                raise UnreadableDate(line=row, text=cell)
            return figures.serial_moment(cell, line=row)
        if self.layout.clock is None:
            return self.layout.read_day(cell, line=row), None
        return figures.moment(
            cell, read_day=self.layout.read_day, clock=self.layout.clock, line=row
        )

    def signed(self, cell: str, *, row: int) -> Decimal:
        """A balance or total: it may be below zero and name its currency after it."""
        if isinstance(cell, Number):
            return self._exact(cell, row=row)
        bare = cell.lstrip("+-")
        if len(cell) - len(bare) > 1:
            raise UnreadableAmount(line=row, text=cell)
        amount = self._unsigned(bare, row=row)
        return amount.copy_negate() if cell.startswith("-") else amount

    def _when(self, cells: Sequence[str], *, row: int) -> tuple[date, datetime | None, str | None]:
        """Booking day, instant and bank reference; a blank day is the one above, if so described.

        The days of a table are all texts or all date cells: some of each is what a sheet becomes
        when an office program has taken a part of the texts for days of its own country.
        """
        cell, reference = at_place(cells, self.day), at_place(cells, self.reference)
        if self.combined and not isinstance(cell, Number):
            cell, reference = _parted(cell, row=row)
        if not cell and self.layout.fill_down and self.above is not None and reference:
            return self.above, None, text_of(reference, row=row)
        self.above, booked_at = self.moment_of(cell, row=row)
        if self.layout.date_cells:
            by_cells = isinstance(cell, Number)
            if self.by_cells not in (None, by_cells):
                raise UnreadableDate(line=row, text=cell)
            self.by_cells = by_cells
        return self.above, booked_at, text_of(reference, row=row) or None

    def _change(self, cells: Sequence[str], *, row: int) -> Decimal:
        """What the row does to the balance: below zero (−0 too) if it lowers it."""
        if self.amount is not None:
            return self._change_by_sign(cells, row=row)
        told_in, told_out = at_place(cells, self.credit), at_place(cells, self.debit)
        if not (told_in or told_out):
            raise MissingFigure(line=row, what=Column.AMOUNT.value)
        money_in = self._unsigned(told_in or "0", row=row)
        money_out = self._money_out(told_out or "0", row=row)
        if money_in and money_out:
            raise RepeatedFigure(line=row, what=Column.AMOUNT.value)
        return money_in if money_in or not told_out else money_out.copy_negate()

    def _change_by_sign(self, cells: Sequence[str], *, row: int) -> Decimal:
        """One amount: a column beside it says its direction, or it has a sign itself."""
        cell = at_place(cells, self.amount)
        if self.sign is None:
            return self.signed(cell, row=row)
        amount = self._unsigned(cell, row=row)
        credit = self._is_credit(at_place(cells, self.sign), row=row)
        return amount if credit else amount.copy_negate()

    def _money_out(self, cell: str, *, row: int) -> Decimal:
        if not self.negative_debits:
            return self._unsigned(cell, row=row)
        amount = self.signed(cell, row=row)
        if amount > 0:
            raise UnreadableAmount(line=row, text=cell)
        return abs(amount)

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
        if cell.endswith(self.currency):
            cell = cell.removesuffix(self.currency).rstrip()
        return figures.grouped_amount(
            cell, thousands=self.thousands, currency=self.currency, line=row
        )

    def _exact(self, cell: Number, *, row: int) -> Decimal:
        amount = _kept(cell) if _NUMBER.fullmatch(cell) else None
        if amount is None:
            raise UnreadableAmount(line=row, text=cell)
        return figures.exact(amount, currency=self.currency, line=row)

    def _refuse_strange(self, cells: Sequence[str], *, row: int) -> None:
        """Refuses a cell without a label above it, and a row of another account or currency."""
        if len(cells) > self.width and any(cells[self.width :]):
            raise UnexpectedCell(line=row)
        if self.unlabelled and any(at_place(cells, place) for place in self.unlabelled):
            raise UnexpectedCell(line=row)
        if self.owners:
            owned = [at_place(cells, place) for place in self.owners]
            self.owned = self.owned or owned
            if owned != self.owned:
                raise RowOfAnotherAccount(line=row)


def named_values(cells: Sequence[str]) -> list[str]:
    """What stands in a named row besides its name: behind a colon, or in cells of their own."""
    name, *beside = filter(None, cells)
    inside = name.partition(":")[2].strip()
    return [inside, *beside] if inside else beside


def text_of(cell: str, *, row: int) -> str:
    """A text cell on one line; a number only if the sheet has kept all its digits."""
    if not cell:
        return ""
    if isinstance(cell, Number):
        if not _SAFE_DIGITS.fullmatch(cell):
            raise UnreadableText(line=row)
        return str(cell)
    return figures.words(cell)


def digits_of(cell: str, *, row: int) -> str:
    """An account's number; never a numeric cell, which has lost its leading zeros.

    One with a control character is refused: without it, it could be another's.
    """
    if (isinstance(cell, Number) and cell) or _CONTROL.search(cell):
        raise UnreadableText(line=row)
    return "".join(cell.split())


def at_place(cells: Sequence[str], place: int | None) -> str:
    """The cell in a place; empty where the row is shorter or the column is not there."""
    return cells[place] if place is not None and place < len(cells) else ""


def _parted(cell: str, *, row: int) -> tuple[str, str]:
    """`03/08/2026 / 5254 - 05356`: the day, and the bank's number behind the stroke."""
    day, rest = cell[:_DAY_LENGTH], cell[_DAY_LENGTH:]
    reference = rest.lstrip(" \n/")
    if rest == reference != "":
        raise UnreadableDate(line=row, text=cell)
    return day, reference


def _kept(cell: str) -> Decimal | None:
    """The number of at most fifteen digits that a numeric cell holds; None if it has lost some.

    Sheets keep numbers in binary: 1234.5599999999999 in a file is 1234.56, and
    12345678901234567 may have been another number.
    """
    told = Decimal(cell)
    if len(cell) <= _SAFE:
        return told
    kept = _FIFTEEN.create_decimal(told)
    return kept if struct.pack("<d", kept) == struct.pack("<d", told) else None
