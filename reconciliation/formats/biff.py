"""Rows of an old `.xls` workbook (Excel 97 to 2003), record by record, with bounds on everything.

Written by ourselves since the library measured ends the process over two cells far apart and
takes an error for a blank cell (docs/decisions/0011). A number keeps the digits a sheet keeps:
fifteen; one that needs more is no longer what the bank wrote, and the table refuses it.

Source: [MS-XLS], 2.1.4 records, 2.3.1 cell records, 2.4.265 SST, 2.5.122 RkNumber.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import BinaryIO, Final, TypeAlias

from reconciliation.formats.biff_strings import text_in, texts
from reconciliation.formats.compound import Compound
from reconciliation.formats.delimited import Row
from reconciliation.formats.package import UnreadableWorkbook
from reconciliation.formats.refusals import FileTooLarge
from reconciliation.formats.workbook import Number, SeveralSheets, UncalculatedFormula

MOST_RECORDS: Final = 4_000_000
"""65,536 rows of 14 cells, each with a little beside it, read twice."""
MOST_SHEETS: Final = 100
MOST_COLUMNS: Final = 256

Record: TypeAlias = tuple[int, bytes]

_BOF, _EOF, _CONTINUE = 0x0809, 0x000A, 0x003C
_FILEPASS, _DATEMODE, _BOUNDSHEET, _SST = 0x002F, 0x0022, 0x0085, 0x00FC
_NUMBER, _RK, _MULRK, _LABELSST, _LABEL, _RSTRING = 0x0203, 0x027E, 0x00BD, 0x00FD, 0x0204, 0x00D6
_BOOLERR, _FORMULA, _STRING = 0x0205, 0x0006, 0x0207
_IN_FORMULA: Final = frozenset({0x04BC, 0x0221, 0x0236, _CONTINUE})
"""What may stand between a formula and its text: a shared formula, an array, a table."""

_VERSION_8: Final = 0x0600
_VISIBLE: Final = 0
_WORKSHEET: Final = 0
_HEAD: Final = struct.Struct("<HH")
_CELL: Final = struct.Struct("<HHH")
_BOUND: Final = struct.Struct("<IBB")
_MANTISSA: Final = 15


def rows(stream: BinaryIO) -> Iterator[Row]:
    """The rows of the one visible sheet that holds something; blank cells are empty text."""
    book = _Book(stream)
    filled = [at for at in book.sheets if any(any(cells) for _, cells in book.rows(at))]
    if len(filled) > 1:
        raise SeveralSheets(line=1)
    for at in filled:
        yield from book.rows(at)


class _Book:
    """A workbook stream: where its visible sheets begin, and its shared strings."""

    def __init__(self, stream: BinaryIO) -> None:
        content = Compound(stream).stream("Workbook")
        if content is None:
            raise UnreadableWorkbook(line=1, part="Workbook")
        self.content = content
        self.records = 0
        self.sheets: list[int] = []
        self.strings: list[str] = []
        self._read_globals()

    def rows(self, at: int) -> Iterator[Row]:
        """The rows of the sheet that begins at a place of the stream."""
        return _Sheet(self.strings).rows(self._substream(at))

    def _read_globals(self) -> None:
        parts: list[bytes] = []
        for kind, body in self._substream(0):
            if kind == _FILEPASS:
                raise UnreadableWorkbook(line=1, part="FILEPASS")
            if kind == _DATEMODE and any(body):
                raise UnreadableWorkbook(line=1, part="1904")
            if kind == _BOUNDSHEET:
                self._take_sheet(body)
            elif kind == _SST or (kind == _CONTINUE and parts):
                parts.append(body)
            elif parts:
                self.strings, parts = texts(parts), []
        if parts:
            self.strings = texts(parts)

    def _take_sheet(self, body: bytes) -> None:
        if len(body) < _BOUND.size or len(self.sheets) == MOST_SHEETS:
            raise UnreadableWorkbook(line=1, part="BOUNDSHEET")
        at, state, kind = _BOUND.unpack_from(body)
        if kind == _WORKSHEET and state & 3 == _VISIBLE and at not in self.sheets:
            self.sheets.append(at)

    def _substream(self, at: int) -> Iterator[Record]:
        """The records between a BOF and its EOF; those of charts within are passed over."""
        depth = 0
        for kind, body in self._records(at):
            if kind == _BOF:
                if len(body) < 2 or body[:2] != _VERSION_8.to_bytes(2, "little"):
                    raise UnreadableWorkbook(line=1, part="BIFF")
                depth += 1
            elif depth == 0:
                break
            elif kind == _EOF:
                depth -= 1
                if depth == 0:
                    return
            elif depth == 1:
                yield kind, body
        raise UnreadableWorkbook(line=1, part="BOF")

    def _records(self, at: int) -> Iterator[Record]:
        content, end = self.content, len(self.content)
        while at + _HEAD.size <= end:
            kind, size = _HEAD.unpack_from(content, at)
            at += _HEAD.size
            self.records += 1
            if self.records > MOST_RECORDS:
                raise FileTooLarge(line=1, limit=MOST_RECORDS)
            if at + size > end:
                break
            yield kind, content[at : at + size]
            at += size
        raise UnreadableWorkbook(line=1, part="EOF")


class _Sheet:
    """The cells of a worksheet; a row is ready when a later one begins."""

    def __init__(self, strings: list[str]) -> None:
        self.strings = strings
        self.row = 0
        self.cells: dict[int, str] = {}
        self.awaits_text: int | None = None

    def rows(self, records: Iterator[Record]) -> Iterator[Row]:
        """The rows that hold cells, in their order."""
        try:
            for kind, body in records:
                begun = self._take(kind, body)
                if begun is not None:
                    yield begun
        except (struct.error, IndexError):
            raise UnreadableWorkbook(line=self.row + 1, part="record") from None
        self._refuse_missing_text()
        if self.cells:
            yield self._ready()

    def _take(self, kind: int, body: bytes) -> Row | None:
        """Takes a record; answers with the row before, if this one begins another."""
        if self.awaits_text is not None:
            if kind == _STRING:
                self.cells[self.awaits_text], self.awaits_text = (
                    text_in(body, row=self.row + 1),
                    None,
                )
                return None
            if kind not in _IN_FORMULA:
                self._refuse_missing_text()
        if kind not in _CELLS:
            return None
        row, column, _ = _CELL.unpack_from(body)
        done = self._turn_to(row)
        for place, cell in self._cells_of(kind, column, body):
            if place >= MOST_COLUMNS or place in self.cells:
                raise UnreadableWorkbook(line=row + 1, part=f"cell {place}")
            self.cells[place] = cell
        return done

    def _turn_to(self, row: int) -> Row | None:
        if row < self.row:
            raise UnreadableWorkbook(line=row + 1, part=f"row {row + 1}")
        done = self._ready() if row > self.row and self.cells else None
        if row > self.row:
            self.row, self.cells = row, {}
        return done

    def _ready(self) -> Row:
        width = max(self.cells) + 1
        return self.row + 1, [self.cells.get(place, "") for place in range(width)]

    def _cells_of(self, kind: int, column: int, body: bytes) -> Iterator[tuple[int, str]]:
        """The cells of one record, each with its column."""
        if kind == _LABELSST:
            (number,) = struct.unpack_from("<I", body, 6)
            if number >= len(self.strings):
                raise UnreadableWorkbook(line=self.row + 1, part=f"string {number}")
            yield column, self.strings[number]
        elif kind == _NUMBER:
            yield column, _number(body[6:14])
        elif kind == _RK:
            yield column, _rk(body[6:10])
        elif kind == _MULRK:
            for place, at in enumerate(range(4, len(body) - 7, 6), start=column):
                yield place, _rk(body[at + 2 : at + 6])
        elif kind in (_LABEL, _RSTRING):
            yield column, text_in(body[6:], row=self.row + 1)
        elif kind == _BOOLERR:
            yield column, self._truth(body[6], is_error=body[7])
        else:
            yield column, self._calculated(column, body[6:14])

    def _truth(self, value: int, *, is_error: int) -> str:
        if is_error:
            raise UncalculatedFormula(line=self.row + 1)
        return "TRUE" if value else "FALSE"

    def _calculated(self, column: int, result: bytes) -> str:
        """The stored value of a formula; an error, or none, is refused."""
        if result[6:] != b"\xff\xff":
            return _number(result)
        if result[0] == 0:
            self.awaits_text = column
            return ""
        if result[0] == 1:
            return self._truth(result[2], is_error=0)
        raise UncalculatedFormula(line=self.row + 1)

    def _refuse_missing_text(self) -> None:
        if self.awaits_text is not None:
            raise UncalculatedFormula(line=self.row + 1)


_CELLS: Final = frozenset({_NUMBER, _RK, _MULRK, _LABELSST, _LABEL, _RSTRING, _BOOLERR, _FORMULA})


def _number(eight: bytes) -> Number:
    """A double, as the decimal it stands for."""
    (value,) = struct.unpack("<d", eight)
    return _written(Decimal(repr(value)))


def _rk(four: bytes) -> Number:
    """A number in four bytes: an integer of 30 bits or the half of a double, perhaps hundredths."""
    (told,) = struct.unpack("<i", four)
    if told & 2:
        value = Decimal(told >> 2)
    else:
        (half,) = struct.unpack("<d", b"\0\0\0\0" + struct.pack("<i", told & ~3))
        value = Decimal(repr(half))
    return _written(value.scaleb(-2) if told & 1 else value)


def _written(value: Decimal) -> Number:
    """Digits without an exponent: 50000, 0.1; what is no number, or far too long, as it is."""
    if not value.is_finite() or abs(value.adjusted()) > 2 * _MANTISSA:
        return Number(value)
    text = f"{value:f}"
    return Number(text.rstrip("0").rstrip(".") if "." in text else text)
