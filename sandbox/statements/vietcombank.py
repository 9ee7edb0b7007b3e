"""A day in the layout of Vietcombank's personal statement, as XLSX and as CSV.

Every cell is text: days `24/11/2026`, amounts with comma thousands, the direction in a column of
its own. Above the table stand the account, the period and both balances; it ends at `Tổng`, which
states credits less debits. The layout has no mark for a reversal and none for the payer; both are
only in the description.

Source: `statement_formats.json`, "Vietcombank .xlsx personal statement".
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO, StringIO
from typing import Final

from xlsxwriter import Workbook

from sandbox.accounts import Movement
from sandbox.statements.day import DayStatement

COLUMNS: Final = ("Ngày giao dịch", "Số tham chiếu", "+/- (Thay đổi)", "Số tiền", "Mô tả")
_WIDTHS: Final = (14, 20, 14, 16, 90)


def write_xlsx(statement: DayStatement, now: datetime) -> bytes:
    """The statement as a workbook of one sheet, made at `now`."""
    stream = BytesIO()
    workbook = Workbook(stream, {"in_memory": True})
    workbook.set_properties({"created": now.replace(tzinfo=None)})
    sheet = workbook.add_worksheet("Sao kê")
    for column, width in enumerate(_WIDTHS):
        sheet.set_column(column, column, width)
    for number, row in enumerate(_rows(statement)):
        for column, text in enumerate(row):
            sheet.write_string(number, column, text)
    workbook.close()
    return stream.getvalue()


def write_csv(statement: DayStatement, _now: datetime) -> bytes:
    """The same rows, comma-separated, UTF-8 with BOM; nothing in it tells when it was made."""
    stream = StringIO(newline="")
    csv.writer(stream).writerows(_rows(statement))
    return stream.getvalue().encode("utf-8-sig")


def _rows(statement: DayStatement) -> Iterator[tuple[str, ...]]:
    day = f"{statement.day:%d/%m/%Y}"
    yield ("SAO KÊ TÀI KHOẢN",)
    yield (f"Số tài khoản: {statement.account.number}",)
    yield (f"Tên tài khoản: {statement.account.name}",)
    yield (f"Từ ngày: {day}",)
    yield (f"Đến ngày: {day}",)
    yield (f"Số dư đầu kỳ: {statement.opening:,}",)
    yield (f"Số dư cuối kỳ: {statement.closing:,}",)
    yield ()
    yield COLUMNS
    for line in statement.lines:
        yield _row(line, day)
    yield ("Tổng", "", *_signed(statement.closing - statement.opening), "")


def _row(line: Movement, day: str) -> tuple[str, ...]:
    return (day, line.bank_reference, *_signed(line.change), line.draft.memo)


def _signed(change: int) -> tuple[str, str]:
    return ("-" if change < 0 else "+", f"{abs(change):,}")
