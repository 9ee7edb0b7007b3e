"""What a sheet tells of its statement beside the movements: account, period, balances, totals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

from reconciliation.formats import figures
from reconciliation.formats.delimited import Row
from reconciliation.formats.layouts import Column, Fact, Layout, label, words_of
from reconciliation.formats.parts import Figure, Start, Tally
from reconciliation.formats.refusals import RepeatedFigure
from reconciliation.formats.table import Table, at_place, digits_of

_Value = TypeVar("_Value")

_CONTROLS: Final = (
    Fact.COUNT,
    Fact.CREDIT_COUNT,
    Fact.CREDIT_SUM,
    Fact.DEBIT_COUNT,
    Fact.DEBIT_SUM,
)


class Facts:
    """What a sheet tells, each fact with the row it stands in; one told twice must be the same."""

    def __init__(self, layout: Layout, above: Sequence[Row]) -> None:
        self.layout = layout
        self.told: dict[Fact, list[tuple[int, str]]] = {}
        for row, cells in above:
            self._take_row(row, [cell for cell in cells if cell])

    def take(self, fact: Fact, row: int, value: str) -> None:
        """Takes one fact as it is written."""
        self.told.setdefault(fact, []).append((row, value))

    def take_first(self, table: Table, cells: Sequence[str], *, row: int) -> None:
        """Takes account and currency from the first movement, where its row has them."""
        for column, fact in ((Column.ACCOUNT, Fact.ACCOUNT), (Column.CURRENCY, Fact.CURRENCY)):
            value = at_place(cells, table.places.get(column))
            if value:
                self.take(fact, row, value)

    def currency(self) -> str:
        """The currency of the amounts, the layout's own where none is told."""
        told = self._one(Fact.CURRENCY, lambda text, row: figures.currency_code(text, line=row))
        return told or self.layout.currency

    def start(self, table: Table, opening: Decimal | None) -> Start:
        """The head of the statement."""
        return Start(
            format=self.layout.name,
            account=self._one(Fact.ACCOUNT, lambda text, row: digits_of(text, row=row)),
            currency=table.currency,
            opening=opening,
            from_day=self._day(Fact.FROM_DAY, table),
            to_day=self._day(Fact.TO_DAY, table),
            number=None,
            sequence=None,
        )

    def balance(self, fact: Fact, table: Table) -> Decimal | None:
        """A balance, if it is told."""
        return self._one(fact, lambda text, row: table.signed(text, row=row))

    def state_controls(self, table: Table, tally: Tally) -> None:
        """Hands over the counts and sums that the bank has printed, whatever their sign."""
        for fact in _CONTROLS:
            stated = self.balance(fact, table)
            if stated is not None:
                tally.state(Figure(fact.value), abs(stated))

    def _day(self, fact: Fact, table: Table) -> date | None:
        return self._one(fact, lambda text, row: table.day_of(text, row=row))

    def _one(self, fact: Fact, read: Callable[[str, int], _Value]) -> _Value | None:
        """The one value of a fact; two that differ are refused."""
        found: _Value | None = None
        for row, text in self.told.get(fact, []):
            value = read(text, row)
            if found is not None and value != found:
                raise RepeatedFigure(line=row, what=fact.value)
            found = value
        return found

    def _take_row(self, row: int, cells: list[str]) -> None:
        """Finds `label: value` in one cell or in two side by side, and periods."""
        passed_over = self.layout.passed_over
        if passed_over and any(passed_over & words_of(cell) for cell in cells):
            return
        for place, cell in enumerate(cells):
            if self._take_period(row, label(cell)):
                continue
            fact, value = self._split(cell)
            beside = cells[place + 1] if place + 1 < len(cells) else ""
            if not value and self._split(beside)[0] is None:
                value = beside
            if fact is not None and value:
                self.take(fact, row, value)

    def _take_period(self, row: int, folded: str) -> bool:
        found = next(filter(None, (one.fullmatch(folded) for one in self.layout.periods)), None)
        if found is not None:
            self.take(Fact.FROM_DAY, row, found[1])
            self.take(Fact.TO_DAY, row, found[2])
        return found is not None

    def _split(self, cell: str) -> tuple[Fact | None, str]:
        head, _, value = cell.partition(":")
        return self.layout.preamble.get(label(head)), value.strip()
