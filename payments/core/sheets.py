"""Rows as a CSV file or an XLSX workbook: a million take no more memory than ten.

A file is for people with a spreadsheet. CSV begins with a byte order mark, so that Excel reads
Vietnamese, and a text that a spreadsheet would take for a formula is disarmed with an apostrophe
(OWASP, CSV Injection). In a workbook texts are written as texts, so nothing needs disarming.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import IO, Any, Final

import xlsxwriter

from payments.core.calendar import local

BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"

LONGEST_SHEET: Final = 1_048_576
"""Rows of one worksheet, its heading included (Excel's limit); what is more goes to the next."""

_DISARMED: Final = ("=", "+", "-", "@", "\t", "\r")
_EXACT: Final = 10**15
"""A workbook's numbers are exact below this; a larger one is written as a text."""
_LONGEST_TEXT: Final = 32_767
_AT_ONCE: Final = 500


class Kind(StrEnum):
    """What the cells of a column are; every cell may also be empty (None)."""

    TEXT = "text"
    COUNT = "count"
    AMOUNT = "amount"  # đồng
    DAY = "day"
    MOMENT = "moment"  # an instant, shown as a clock in Viet Nam shows it


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands over a column, and what is under it."""

    words: str
    kind: Kind = Kind.TEXT

    @property
    def numeric(self) -> bool:
        """Whether the column's cells are numbers, set to the right."""
        return self.kind in (Kind.COUNT, Kind.AMOUNT)


Cells = Sequence[Any]
"""One row: a value for each heading, of its kind or None."""


def csv_rows(headings: Sequence[Heading], rows: Iterable[Cells]) -> Iterator[str]:
    """A CSV file (RFC 4180, with a byte order mark) as pieces of text, some rows in each."""
    page = io.StringIO(newline="")
    writer = csv.writer(page)
    page.write(BOM)
    writer.writerow([_disarmed(heading.words) for heading in headings])
    kinds = [heading.kind for heading in headings]
    for number, row in enumerate(rows, 1):
        writer.writerow([_in_csv(cell, kind) for cell, kind in zip(row, kinds, strict=True)])
        if number % _AT_ONCE == 0:
            yield _torn_off(page)
    yield _torn_off(page)


def write_csv(to: IO[bytes], headings: Sequence[Heading], rows: Iterable[Cells]) -> None:
    """Writes a CSV file in UTF-8."""
    for piece in csv_rows(headings, rows):
        to.write(piece.encode())


def write_xlsx(
    to: IO[bytes],
    headings: Sequence[Heading],
    rows: Iterable[Cells],
    *,
    title: str,
    total: Cells | None = None,
    made_at: datetime,
) -> None:
    """Writes a workbook; `total` is a last row in bold, taken after all rows were.

    `total` may be a list that is filled while `rows` are read. Further worksheets follow where
    one is not long enough.
    """
    options = {"constant_memory": True, "default_date_format": "dd/mm/yyyy"}
    with xlsxwriter.Workbook(to, options) as book:
        book.set_properties({"title": title, "created": local(made_at).replace(tzinfo=None)})
        looks = _looks(book)
        kinds = [heading.kind for heading in headings]
        sheet, line = _new_sheet(book, headings, looks), 0
        for row in rows:
            line += 1
            if line == LONGEST_SHEET:
                sheet, line = _new_sheet(book, headings, looks), 1
            _write_row(sheet, line, row, kinds, looks, bold="")
        if total is not None:
            _write_row(sheet, line + 1, total, kinds, looks, bold="bold ")


def moment(instant: datetime) -> str:
    """An instant as files for people write it: `2026-11-24 17:30:05`, Viet Nam's time."""
    return f"{local(instant):%Y-%m-%d %H:%M:%S}"


def _in_csv(cell: Any, kind: Kind) -> str:
    if cell is None:
        return ""
    if kind is Kind.TEXT:
        return _disarmed(str(cell))
    if isinstance(cell, datetime):
        return moment(cell)
    return cell.isoformat() if isinstance(cell, date) else str(int(cell))


def _disarmed(text: str) -> str:
    return f"'{text}" if text.startswith(_DISARMED) else text


def _torn_off(page: io.StringIO) -> str:
    written = page.getvalue()
    page.seek(0)
    page.truncate()
    return written


def _looks(book: Any) -> Mapping[str, Any]:
    """The formats of a workbook's cells, by kind; with `bold ` before it, of its last row."""
    shapes: dict[str, dict[str, Any]] = {
        Kind.TEXT: {},
        Kind.COUNT: {"num_format": "#,##0"},
        Kind.AMOUNT: {"num_format": "#,##0"},
        Kind.DAY: {"num_format": "dd/mm/yyyy"},
        Kind.MOMENT: {"num_format": "dd/mm/yyyy hh:mm:ss"},
    }
    plain = {kind: book.add_format(shape) for kind, shape in shapes.items()}
    bold = {
        f"bold {kind}": book.add_format({**shape, "bold": True, "top": 1})
        for kind, shape in shapes.items()
    }
    over = {"heading": book.add_format({"bold": True, "text_wrap": True, "bottom": 1})}
    return MappingProxyType({**plain, **bold, **over})


def _new_sheet(book: Any, headings: Sequence[Heading], looks: Mapping[str, Any]) -> Any:
    sheet = book.add_worksheet()
    for place, heading in enumerate(headings):
        sheet.set_column(place, place, 22 if heading.kind is Kind.TEXT else 18)
        sheet.write_string(0, place, heading.words, looks["heading"])
    sheet.freeze_panes(1, 0)
    return sheet


def _write_row(
    sheet: Any, line: int, row: Cells, kinds: Sequence[Kind], looks: Mapping[str, Any], *, bold: str
) -> None:
    for place, (cell, kind) in enumerate(zip(row, kinds, strict=True)):
        look = looks[f"{bold}{kind}"]
        if cell is None:
            if bold:
                sheet.write_blank(line, place, None, look)
        elif isinstance(cell, datetime):
            sheet.write_datetime(line, place, local(cell).replace(tzinfo=None), look)
        elif isinstance(cell, date):
            sheet.write_datetime(line, place, cell, look)
        elif isinstance(cell, int) and abs(cell) < _EXACT:
            sheet.write_number(line, place, int(cell), look)
        else:
            sheet.write_string(line, place, str(cell)[:_LONGEST_TEXT], look)
