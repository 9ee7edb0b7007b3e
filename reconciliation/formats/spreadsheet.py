"""Statements in sheets and CSV, by the layouts of `layouts.toml`.

The file says by its first bytes whether it is a workbook, and by its header row which layout it
has. Rows above the header may tell account, period and balances; the table runs to the row its
layout says ends it, and a file without that row is cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import BinaryIO, Final

from reconciliation.formats import delimited, figures, package, workbook
from reconciliation.formats.delimited import Row
from reconciliation.formats.layouts import Fact, Layout, label
from reconciliation.formats.parts import Part, Start, Tally
from reconciliation.formats.refusals import CutFile, RepeatedFigure, UnreadableFile
from reconciliation.formats.table import Table, digits_of

MOST_PREAMBLE: Final = 100
"""The header stands within so many rows (Techcombank's in row 21)."""


class LayoutNotFound(UnreadableFile):
    """A sheet or CSV whose header row is that of no layout this service knows."""

    code = "layout_not_found"


class AmbiguousLayout(UnreadableFile):
    """A header row that two layouts share; the caller says which it is."""

    code = "ambiguous_layout"


class RowsAfterTotal(UnreadableFile):
    """A movement below the row that ends the table."""

    code = "rows_after_total"


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A file whose header is found: what stood above it, and the rows still to come."""

    layout: Layout
    header: Row
    above: list[Row]
    below: Iterator[Row]


def parse(stream: BinaryIO, *, layouts: Sequence[Layout]) -> Iterator[Part]:
    """The one statement of a sheet or CSV in one of `layouts`, from the beginning of `stream`."""
    sheet = _opened(stream, layouts)
    facts = _Facts(sheet)
    table = Table(sheet.layout, sheet.header[1], currency=facts.currency)
    tally = Tally(facts.balance(Fact.OPENING, table))
    closing = facts.balance(Fact.CLOSING, table)
    yield facts.start(table, tally)
    number, row = 0, sheet.header[0]
    for row, cells in sheet.below:
        if table.ends(cells):
            table.take_totals(cells, tally, row=row)
            break
        if any(cells):
            number += 1
            line = table.line(cells, row=row, number=number)
            tally.book(line.amount if line.credit else line.amount.copy_negate())
            yield line
    else:
        raise CutFile(line=row + 1)
    _refuse_movements(sheet.below, table)
    yield tally.end(closing)


def _refuse_movements(rows: Iterator[Row], table: Table) -> None:
    for row, cells in rows:
        if table.is_movement(cells):
            raise RowsAfterTotal(line=row)


def _opened(stream: BinaryIO, layouts: Sequence[Layout]) -> _Sheet:
    """The file with its header found, a CSV by the first way to read it that has one."""
    stream.seek(0)
    workbook_file = stream.read(len(package.SIGNATURE)) == package.SIGNATURE
    stream.seek(0)
    if workbook_file:
        return _sheet(workbook.rows(stream), layouts)
    refusals = []
    for (encoding, delimiter), able in _dialects(layouts).items():
        stream.seek(0)
        try:
            rows = delimited.rows(stream, encoding=encoding, delimiter=delimiter)
            return _sheet(rows, able)
        except UnreadableFile as refusal:
            refusals.append(refusal)
    raise refusals[0]


def _dialects(layouts: Sequence[Layout]) -> dict[tuple[str, str], list[Layout]]:
    """Every way a CSV of these layouts may be written, each with the layouts that use it."""
    dialects: dict[tuple[str, str], list[Layout]] = {}
    for layout in layouts:
        for encoding in layout.encodings:
            dialects.setdefault((encoding, layout.delimiter), []).append(layout)
    return dialects


def _sheet(rows: Iterator[Row], layouts: Sequence[Layout]) -> _Sheet:
    """Reads to the header row: the first that carries all labels of one layout and no other."""
    above: list[Row] = []
    for row, cells in rows:
        found = [layout for layout in layouts if layout.places(cells) is not None]
        if len(found) > 1:
            raise AmbiguousLayout(line=row, layouts=", ".join(layout.name for layout in found))
        if found:
            return _Sheet(found[0], header=(row, cells), above=above, below=rows)
        above.append((row, cells))
        if len(above) == MOST_PREAMBLE:
            break
    raise LayoutNotFound(line=above[-1][0] if above else 1)


class _Facts:
    """What the rows above the header tell, each fact with the row it stands in."""

    def __init__(self, sheet: _Sheet) -> None:
        self.layout, self.row = sheet.layout, sheet.header[0]
        self.told: dict[Fact, tuple[int, str]] = {}
        for row, cells in sheet.above:
            self._take(row, [cell for cell in cells if cell])
        row, told = self.told.get(Fact.CURRENCY, (self.row, sheet.layout.currency))
        self.currency = figures.currency_code(told, line=row)

    def start(self, table: Table, tally: Tally) -> Start:
        """The head of the statement."""
        row, account = self.told.get(Fact.ACCOUNT, (self.row, ""))
        return Start(
            format=self.layout.name,
            account=digits_of(account, row=row) or None,
            currency=self.currency,
            opening=tally.opening,
            from_day=self._day(Fact.FROM_DAY, table),
            to_day=self._day(Fact.TO_DAY, table),
            number=None,
            sequence=None,
        )

    def balance(self, fact: Fact, table: Table) -> Decimal | None:
        """A balance, if it is told."""
        told = self.told.get(fact)
        return None if told is None else table.signed(told[1], row=told[0])

    def _day(self, fact: Fact, table: Table) -> date | None:
        told = self.told.get(fact)
        return None if told is None else table.day_of(told[1], row=told[0])

    def _take(self, row: int, cells: list[str]) -> None:
        """Finds `label: value` in one cell or in two side by side."""
        for place, cell in enumerate(cells):
            fact, value = self._split(cell)
            beside = cells[place + 1] if place + 1 < len(cells) else ""
            if not value and self._split(beside)[0] is None:
                value = beside
            if fact is None or not value:
                continue
            if self.told.setdefault(fact, (row, value))[1] != value:
                raise RepeatedFigure(line=row, what=fact.value)

    def _split(self, cell: str) -> tuple[Fact | None, str]:
        head, _, value = cell.partition(":")
        return self.layout.preamble.get(label(head)), value.strip()
