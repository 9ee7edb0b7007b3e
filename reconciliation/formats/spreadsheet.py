"""Statements in sheets and CSV, by the layouts of `layouts.toml`.

The file says by its first bytes whether it is a workbook, and by its header row which layout it
has. Rows above the header may tell account, period and balances; the table runs to the row its
layout says ends it, and a file without that row is cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from io import SEEK_END
from itertools import chain, product
from typing import BinaryIO, Final

from reconciliation.formats import biff, compound, delimited, package, workbook
from reconciliation.formats.delimited import Row
from reconciliation.formats.layouts import DELIMITERS, Fact, Layout, Order, RowKind
from reconciliation.formats.parts import End, Line, Part, Start, Tally
from reconciliation.formats.preamble import Facts
from reconciliation.formats.refusals import CutFile, RepeatedFigure, UnreadableFile
from reconciliation.formats.running import Running
from reconciliation.formats.table import Table, named_values

MOST_PREAMBLE: Final = 100
"""The header stands within so many rows (Techcombank's in row 21)."""

WORKBOOKS: Final = (package.SIGNATURE, compound.SIGNATURE)
"""How XLSX and XLS begin; anything else is text."""


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
class Sheet:
    """A file whose header is found: what stood above it, and the rows still to come."""

    layout: Layout
    header: Row
    above: list[Row]
    below: Iterator[Row]
    whole: bool
    """Its last row ends where it should; a text cut within a row has no line's end."""


def parse(stream: BinaryIO, *, layouts: Sequence[Layout]) -> Iterator[Part]:
    """The one statement of a sheet or CSV in one of `layouts`, from the beginning of `stream`."""
    reading = Reading(opened(stream, layouts))
    yield reading.start
    for row, cells in reading.rows:
        yield from reading.take(cells, row=row)
    yield reading.end()


class Reading:
    """A sheet whose rows are taken one after the other; `start` is its head."""

    def __init__(self, sheet: Sheet) -> None:
        self.layout, (self.row, header) = sheet.layout, sheet.header
        self.may_end_anywhere = sheet.layout.open_end and sheet.whole
        self.facts = Facts(sheet.layout, sheet.above)
        self.table = Table(sheet.layout, header)
        self.ended = False
        self.count = 0
        self.first: Row | None = None
        self.rows = self._past_opening(sheet.below)
        self.table.currency = self.facts.currency()
        opening = self._opening()
        self.tally = Tally(opening)
        self.running = Running(sheet.layout.order, opening)
        self.start: Start = self.facts.start(self.table, opening)
        self.facts.state_controls(self.table, self.tally)

    def take(self, cells: Sequence[str], *, row: int) -> Sequence[Line]:
        """The lines a row tells; none if it is blank or tells something else."""
        self.row = row
        name = self.table.name_of(cells)
        if name in self.layout.rows:
            self._take_named(name, cells, row=row)
        elif self.ended:
            self._refuse_movement(cells, row=row)
        elif name and self.layout.is_end(name):
            self.table.take_totals(cells, self.tally, row=row)
        elif any(cells):
            return self._movements(cells, row=row)
        self.ended = self.ended or self.layout.is_end(name)
        return ()

    def end(self) -> End:
        """The foot of the statement, once all its rows are taken.

        An opening balance told below the movements comes too late for the head: it is refused.
        """
        if not (self.ended or self.may_end_anywhere):
            raise CutFile(line=self.row + 1)
        if self.facts.balance(Fact.OPENING, self.table) not in (None, self.tally.opening):
            raise RepeatedFigure(line=self.row, what=Fact.OPENING.value)
        closing = self.facts.balance(Fact.CLOSING, self.table)
        end = self.tally.end(self.running.closing() if closing is None else closing)
        differing = self.running.discrepancies()
        if not differing:
            return end
        return replace(end, discrepancies=(*end.discrepancies, *differing), balanced=False)

    def _movements(self, cells: Sequence[str], *, row: int) -> Sequence[Line]:
        lines = self.table.lines(cells, row=row, number=self.count + 1)
        self.count += len(lines)
        changes = [one.amount if one.credit else one.amount.copy_negate() for one in lines]
        for change in changes:
            self.tally.book(change)
        self.running.take(lines[-1].balance, sum(changes, Decimal()))
        return lines

    def _past_opening(self, below: Iterator[Row]) -> Iterator[Row]:
        """The rows from the first movement on; those before it have been taken."""
        for row, cells in below:
            name = self.table.name_of(cells)
            if name in self.layout.rows and not self.layout.is_end(name):
                self._take_named(name, cells, row=row)
            elif any(cells):
                if not self.layout.is_end(name):
                    self.first = (row, cells)
                    self.facts.take_first(self.table, cells, row=row)
                return chain([(row, cells)], below)
        return iter(())

    def _opening(self) -> Decimal | None:
        """The opening balance as told, else before the first movement if that is the oldest."""
        told = self.facts.balance(Fact.OPENING, self.table)
        if told is not None or self.first is None or self.layout.order is not Order.OLDEST_FIRST:
            return told
        row, cells = self.first
        return self.table.balance_before(cells, row=row)

    def _refuse_movement(self, cells: Sequence[str], *, row: int) -> None:
        if self.table.is_movement(cells):
            raise RowsAfterTotal(line=row)

    def _take_named(self, name: str, cells: Sequence[str], *, row: int) -> None:
        """A row that is named and is no movement: the one value in it is a balance."""
        kind = self.layout.rows[name]
        if kind is RowKind.NOTHING:
            return
        values = named_values(cells)
        if len(values) > 1:
            raise RepeatedFigure(line=row, what=kind.value)
        for value in values:
            self.facts.take(Fact(kind.value), row, value)


def opened(stream: BinaryIO, layouts: Sequence[Layout]) -> Sheet:
    """The file with its header found, a CSV by the first way to read it that has one."""
    refusals = []
    whole = is_workbook(stream) or _ends_its_line(stream)
    for (encoding, delimiter), able in dialects(stream, layouts).items():
        try:
            rows = rows_of(stream, encoding=encoding, delimiter=delimiter)
            return _sheet(rows, able, whole=whole)
        except UnreadableFile as refusal:
            refusals.append(refusal)
    raise refusals[0]


def rows_of(stream: BinaryIO, *, encoding: str, delimiter: str) -> Iterator[Row]:
    """The rows of a workbook, or of a CSV written in this way, from its beginning."""
    head = _head(stream)
    if head.startswith(package.SIGNATURE):
        return workbook.rows(stream)
    if head.startswith(compound.SIGNATURE):
        return biff.rows(stream)
    return delimited.rows(stream, encoding=encoding, delimiter=delimiter)


def is_workbook(stream: BinaryIO) -> bool:
    """Whether a file is XLSX or XLS by its first bytes."""
    return _head(stream).startswith(WORKBOOKS)


def dialects(
    stream: BinaryIO, layouts: Sequence[Layout]
) -> Mapping[tuple[str, str], Sequence[Layout]]:
    """The encodings and delimiters to try, with the layouts that use them; a workbook has one.

    A CSV that went through a spreadsheet program has the delimiter of that machine's settings, so
    the others are tried behind those that are declared: the header row must fit all the same.
    """
    if is_workbook(stream):
        return {("", ""): layouts}
    found: dict[tuple[str, str], list[Layout]] = {}
    for layout in layouts:
        for encoding in layout.encodings:
            found.setdefault((encoding, layout.delimiter), []).append(layout)
    for encoding, delimiter in product({encoding: None for encoding, _ in found}, DELIMITERS):
        able = [layout for layout in layouts if encoding in layout.encodings]
        found.setdefault((encoding, delimiter), able)
    return found


def _ends_its_line(stream: BinaryIO) -> bool:
    stream.seek(max(0, stream.seek(0, SEEK_END) - 1))
    return stream.read(1) in (b"\n", b"\r")


def _head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    head = stream.read(len(compound.SIGNATURE))
    stream.seek(0)
    return head


def _sheet(rows: Iterator[Row], layouts: Sequence[Layout], *, whole: bool) -> Sheet:
    """Reads to the header row: the first that carries all labels of one layout and no other."""
    above: list[Row] = []
    for row, cells in rows:
        found = [layout for layout in layouts if layout.places(cells) is not None]
        if len(found) > 1:
            raise AmbiguousLayout(line=row, layouts=", ".join(layout.name for layout in found))
        if found:
            return Sheet(found[0], header=(row, cells), above=above, below=rows, whole=whole)
        above.append((row, cells))
        if len(above) == MOST_PREAMBLE:
            break
    raise LayoutNotFound(line=above[-1][0] if above else 1)
