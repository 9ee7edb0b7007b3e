"""Files of coverage figures as offices send them, and a small province they tell of."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import xlsxwriter
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import Described, Kind
from payments.core.calendar import VIETNAM
from reconciliation.statements import Received
from reconciliation.targets import coverage_import, coverage_sheet
from reconciliation.targets.coverage_import import Taken, Told
from reconciliation.targets.coverage_tables import CoverageVersion
from reconciliation.targets.quarters import Quarter

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=VIETNAM).astimezone(UTC)
Q3 = Quarter(2026, 3)
HEADINGS = (
    "Mã đơn vị",
    "Xã, phường, thị trấn",
    "Dân số từ 15 tuổi trở lên",
    "Số người có tài khoản thanh toán",
)
UNITS = (
    ("H09", "UBND tỉnh Bình Dương", Kind.PROVINCE, None),
    ("H09.d01", "Văn phòng UBND tỉnh", Kind.DEPARTMENT, "H09"),
    ("H09.718", "UBND thành phố Thủ Dầu Một", Kind.DISTRICT, "H09"),
    ("H09.25741", "UBND phường Hiệp Thành", Kind.COMMUNE, "H09.718"),
    ("H09.25744", "UBND phường Phú Lợi", Kind.COMMUNE, "H09.718"),
    ("H09.720", "UBND huyện Dầu Tiếng", Kind.DISTRICT, "H09"),
    ("H09.25777", "UBND thị trấn Dầu Tiếng", Kind.COMMUNE, "H09.720"),
    ("H09.25780", "UBND xã Minh Hoà", Kind.COMMUNE, "H09.720"),
)
"""A province of four communes."""

ROWS: tuple[tuple[Any, ...], ...] = (
    ("H09.25741", "Phường Hiệp Thành", 20_000, 17_000),
    ("H09.25744", "Phường Phú Lợi", 10_000, 7_000),
    ("H09.25777", "Thị trấn Dầu Tiếng", 5_000, 3_000),
    ("H09.25780", "Xã Minh Hòa", 4_001, 2_000),
)


def a_small_province(session: Session, *, since: date = date(2020, 1, 1)) -> None:
    """The units of `UNITS`."""
    for code, name, kind, parent in UNITS:
        described = Described(code, name, None, kind, parent, verified=True)
        agencies.put(session, described, since=since, on=since)


def csv_of(
    rows: Iterable[Sequence[Any]] = ROWS, *, headings: Sequence[str] = HEADINGS, between: str = ","
) -> bytes:
    """A CSV file with a byte order mark, as Excel writes it; cells are quoted where they must."""
    lines = [between.join(_quoted(cell, between) for cell in row) for row in (headings, *rows)]
    return ("\N{ZERO WIDTH NO-BREAK SPACE}" + "\r\n".join(lines) + "\r\n").encode()


def xlsx_of(rows: Iterable[Sequence[Any]] = ROWS, *, headings: Sequence[str] = HEADINGS) -> bytes:
    """A workbook; a text that begins with `=` is a formula that nobody calculated."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for line, row in enumerate((headings, *rows)):
            for place, cell in enumerate(row):
                if isinstance(cell, str) and cell.startswith("="):
                    sheet.write_formula(line, place, cell, None, "")
                else:
                    sheet.write(line, place, cell)
    return file.getvalue()


def of_quarter(quarter: Quarter, rows: Iterable[Sequence[Any]] = ROWS) -> bytes:
    """A CSV file that names its quarter on each row."""
    return csv_of([(quarter, *row) for row in rows], headings=("Quý", *HEADINGS))


def taken(
    session: Session,
    quarter: Quarter = Q3,
    rows: Iterable[Sequence[Any]] = ROWS,
    *,
    correction: str | None = None,
    now: datetime = NOW,
) -> Taken:
    """Figures of a quarter taken in, whatever is striking about them."""
    content = of_quarter(quarter, rows)
    told = Told(quarter, f"Báo cáo {quarter}", quarter.last_day, correction)
    units = coverage_import.gazetteer(session, quarter)
    sheet = coverage_sheet.read(content, units, quarter=quarter)
    received = Received(content, f"{quarter}.csv")
    again = coverage_import.known(session, received, quarter) is not None
    striking = () if again else coverage_import.look(session, sheet, told, now=now).warnings
    return coverage_import.take_in(
        session, received, sheet, told, confirmed=striking, by="command:test", now=now
    )


def a_version(session: Session, quarter: Quarter = Q3) -> CoverageVersion:
    """The first figures of a quarter."""
    return taken(session, quarter).version


def _quoted(cell: Any, between: str) -> str:
    text = "" if cell is None else str(cell)
    return f'"{text}"' if between in text or '"' in text else text
