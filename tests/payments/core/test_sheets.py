"""Rows as CSV and XLSX: what a spreadsheet reads, and how much memory it takes to write them."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from payments.core import sheets
from payments.core.money import Dong
from payments.core.sheets import Heading, Kind

HEADINGS = [
    Heading("Nội dung"),
    Heading("Số khoản", Kind.COUNT),
    Heading("Số tiền", Kind.AMOUNT),
    Heading("Ngày", Kind.DAY),
    Heading("Lúc", Kind.MOMENT),
]
AT = datetime(2026, 11, 24, 10, 30, 5, tzinfo=UTC)
ROW = ("Lệ phí hộ tịch", 2, Dong(150_000), date(2026, 11, 24), AT)
MB = 1024 * 1024


def as_csv(*rows: tuple) -> str:
    """The CSV file of these rows, as text."""
    file = io.BytesIO()
    sheets.write_csv(file, HEADINGS, rows)
    return file.getvalue().decode("utf-8")


def as_xlsx(*rows: tuple, total: tuple | None = None) -> list[list[object]]:
    """The cells of the workbook of these rows, as another library reads them."""
    file = io.BytesIO()
    sheets.write_xlsx(file, HEADINGS, rows, title="Bảng", total=total, made_at=AT)
    book = openpyxl.load_workbook(io.BytesIO(file.getvalue()))
    return [[cell.value for cell in row] for sheet in book for row in sheet.rows]


def many(rows: int) -> Iterator[tuple]:
    """So many rows, each other than the last."""
    for number in range(rows):
        yield (f"Yêu cầu TTHC{number:010}", number, Dong(number), date(2026, 11, 24), AT)


def test_a_csv_file_is_read_as_it_was_written() -> None:
    """With a byte order mark for Excel, days as ISO, instants by Viet Nam's clock."""
    text = as_csv(
        ROW, (None, None, None, None, None), ('nói "có", rồi\nthôi', 0, Dong(0), None, AT)
    )
    assert text.startswith("\ufeffNội dung,Số khoản")
    assert list(csv.reader(io.StringIO(text[1:], newline=""))) == [
        ["Nội dung", "Số khoản", "Số tiền", "Ngày", "Lúc"],
        ["Lệ phí hộ tịch", "2", "150000", "2026-11-24", "2026-11-24 17:30:05"],
        ["", "", "", "", ""],
        ['nói "có", rồi\nthôi', "0", "0", "", "2026-11-24 17:30:05"],
    ]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_is_never_a_formula(first: str) -> None:
    """What a payer writes into a memo is not run by the treasury's spreadsheet."""
    evil = f'{first}HYPERLINK("http://x.example","xem")'
    (row,) = list(csv.reader(io.StringIO(as_csv((evil, 1, Dong(1), None, None)), newline="")))[1:]
    assert row[0] == f"'{evil}"
    book = io.BytesIO()
    sheets.write_xlsx(book, HEADINGS, [(evil, 1, 1, None, None)], title="", made_at=AT)
    cell = openpyxl.load_workbook(book).active["A2"]
    assert cell.data_type == "s"


def test_a_number_below_zero_stays_a_number() -> None:
    """Only texts are disarmed."""
    assert as_csv(("x", -2, Dong(-5_000), None, None)).endswith("x,-2,-5000,,\r\n")


def test_a_workbook_holds_numbers_days_and_a_total() -> None:
    """Amounts can be added up, days are days, and the last row is the total."""
    rows = as_xlsx(ROW, total=("Cộng", 2, Dong(150_000), None, None))
    assert rows[1][:3] == ["Lệ phí hộ tịch", 2, 150_000]
    assert [str(cell) for cell in rows[1][3:]] == ["2026-11-24 00:00:00", "2026-11-24 17:30:05"]
    assert rows[2][:3] == ["Cộng", 2, 150_000]


def test_an_amount_beyond_what_a_workbook_counts_exactly_is_a_text() -> None:
    """Rather than rounded to the nearest hundred."""
    assert as_xlsx(("x", 1, Dong(10**15 + 1), None, None))[1][2] == "1000000000000001"


def test_what_is_too_long_for_a_worksheet_goes_on_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under the same headings, nothing lost at the seam."""
    monkeypatch.setattr(sheets, "LONGEST_SHEET", 4)
    rows = as_xlsx(*many(7))
    assert [row[1] for row in rows] == ["Số khoản", 0, 1, 2, "Số khoản", 3, 4, 5, "Số khoản", 6]


def test_nothing_makes_a_file_with_headings() -> None:
    """An empty period is told as such."""
    assert as_csv() == "\ufeffNội dung,Số khoản,Số tiền,Ngày,Lúc\r\n"
    assert len(as_xlsx()) == 1


def peak(path: Path, rows: int, kind: str) -> int:
    """The most memory that writing so many rows took, in bytes."""
    tracemalloc.start()
    with path.open("wb") as file:
        if kind == "csv":
            sheets.write_csv(file, HEADINGS, many(rows))
        else:
            sheets.write_xlsx(file, HEADINGS, many(rows), title="", made_at=AT)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize(("kind", "few", "more"), [("csv", 2_000, 50_000), ("xlsx", 500, 5_000)])
def test_more_rows_take_no_more_memory(tmp_path: Path, kind: str, few: int, more: int) -> None:
    """Twenty-five times the rows, less than a quarter of a megabyte more."""
    peak(tmp_path / "warm", few, kind)
    assert peak(tmp_path / "more", more, kind) - peak(tmp_path / "few", few, kind) < MB // 4


@pytest.mark.slow
def test_a_million_rows_take_no_more_memory(tmp_path: Path) -> None:
    """As with fifty thousand, measured over the whole file."""
    peak(tmp_path / "warm", 2_000, "csv")
    assert peak(tmp_path / "more", 1_000_000, "csv") < 2 * MB
