"""A report as a file: CSV, a workbook, a PDF; and its cells as words.

CSV has the rows alone, so that whoever adds them up gets the total; workbook and paper end with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import IO, Any, Final

from sqlalchemy.orm import Session

from payments.core import pdf, sheets, words
from payments.core.calendar import local
from payments.core.errors import Invalid
from payments.core.money import Dong, grouped
from payments.core.pdf import Paper
from payments.core.sheets import Heading, Kind
from payments.core.words import say
from reconciliation.reports.asking import Asked
from reconciliation.reports.definition import Cells, Column, Report, Takes, Total

MOST_ON_PAPER: Final = 5_000
"""So many rows are drawn as a PDF; more are for a spreadsheet."""

_WIDE_FROM: Final = 7


class ReportTooLong(Invalid):
    """So long a report is not for paper."""

    code = "report_too_long"


class FileKind(StrEnum):
    """The files a report can be taken as."""

    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"

    @property
    def media_type(self) -> str:
        """How the file is called on the web."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES: Final = {
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileKind.PDF: "application/pdf",
}


def write(session: Session, report: Report, asked: Asked, *, as_: FileKind, to: IO[bytes]) -> None:
    """Writes a report in the reader's language. Raises `ReportTooLong` for a PDF."""
    total = Total(report)
    rows = spoken(report, total.adding(report.rows(session, asked)))
    if as_ is FileKind.CSV:
        sheets.write_csv(to, headings(report), rows)
    elif as_ is FileKind.XLSX:
        last = total_row(report, total) if report.totals else None
        sheets.write_xlsx(
            to, headings(report), rows, title=title(report), total=last, made_at=asked.now
        )
    else:
        to.write(_paper(report, asked, total, rows))


def title(report: Report) -> str:
    """The report's name."""
    return say(f"report.{report.name}")


def headings(report: Report) -> list[Heading]:
    """What stands over its columns."""
    return [Heading(heading(column), column.kind) for column in report.columns]


def heading(column: Column) -> str:
    """What stands over a column."""
    return say(f"report.column.{column.name}")


def spoken(report: Report, rows: Iterable[Cells]) -> Iterator[Cells]:
    """The rows with words in the place of codes."""
    coded = [column.words for column in report.columns]
    for row in rows:
        yield tuple(
            say(f"{group}.{cell}") if group and cell is not None else cell
            for cell, group in zip(row, coded, strict=True)
        )


def total_row(report: Report, total: Total) -> list[Any]:
    """The total as a row, its name in the first column that is free.

    The list is the total's own, so that it may be taken before the rows are added up.
    """
    cells = total.cells
    for place, column in enumerate(report.columns):
        if not column.total and column.kind is Kind.TEXT:
            cells[place] = say("report.total")
            break
    return cells


def told(cell: Any, kind: Kind) -> str:
    """A cell as text for a person."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{local(cell):%H:%M %d/%m/%Y}"
    if isinstance(cell, date):
        return f"{cell:%d/%m/%Y}"
    if kind in (Kind.COUNT, Kind.AMOUNT):
        return grouped(cell) if words.language.get() == "vi" else f"{int(cell):,}"
    return str(cell)


def period(report: Report, asked: Asked) -> str:
    """What the report was asked, in a sentence."""
    if Takes.PERIOD in report.takes:
        days = say("report.period", first=asked.first, last=asked.last)
        return (
            f"{days} · {say(f'basis_day.{asked.basis}')}" if Takes.BASIS in report.takes else days
        )
    if Takes.DAY not in report.takes:
        return say("report.as_of_now", now=asked.now)
    if asked.known_at is None:
        return say("report.as_of", last=asked.last)
    return say("report.as_known", last=asked.last, known_at=asked.known_at)


def _paper(report: Report, asked: Asked, total: Total, rows: Iterator[Cells]) -> bytes:
    kinds = [column.kind for column in report.columns]
    body: list[list[str]] = []
    for row in rows:
        if len(body) == MOST_ON_PAPER:
            raise ReportTooLong(most=Dong(MOST_ON_PAPER))
        body.append([told(cell, kind) for cell, kind in zip(row, kinds, strict=True)])
    paper = Paper(
        title(report),
        foot=title(report),
        page_words=lambda page, pages: say("paper.page", page=page, pages=pages),
        wide=len(kinds) >= _WIDE_FROM,
    )
    paper.centred(title(report).upper(), size=14, font=pdf.BOLD)
    paper.centred(period(report, asked))
    paper.gap(6)
    last = None
    if report.totals and body:
        cells = zip(total_row(report, total), kinds, strict=True)
        last = [told(cell, kind) for cell, kind in cells]
    paper.table(headings(report), body, total=last, size=8)
    if not body:
        paper.words(say("report.empty"))
    return paper.finish()
