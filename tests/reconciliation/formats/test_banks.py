"""Each bank's sheet as XLSX, XLS and CSV: what it says is read, what it misstates is said."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest

from reconciliation.formats import End, Figure, Line, Start, UnreadableFile, formats_with, read
from reconciliation.formats.descriptions import every_layout
from tests.bank_sheets import (
    BANKS,
    WRITERS,
    as_xls,
    as_xlsx_with_days,
    sheet,
    written,
)
from tests.statement_files import ACCOUNT, Movement, as_csv, as_xlsx

LAST, FIRST = date(2026, 12, 31), date(2027, 1, 1)
MOVEMENTS = (
    Movement(
        50_000, "TTHC0123456789 nộp lệ phí", "FT26336000001", "NGUYEN VAN AN", "0071", day=LAST
    ),
    Movement(-3_300, "Phí SMS", "FT26336000002", day=LAST),
    Movement(1_234_567, "TONG DAI NOP PHI", "FT26336000003", "TRAN THI BE", "0072", day=FIRST),
)
OPENING = 42_892_241
WITHOUT_PROOF = {"vib"}
"""No balances above the table: whether the file is whole cannot be told."""

WITH_RUNNING = sorted(name for name, layout in every_layout().items() if layout.order)


def parts(content: bytes, name: str | None = None) -> tuple[Start, list[Line], End]:
    start, *lines, end = read(BytesIO(content), format=name)
    return start, lines, end


def titles_of(bank: str) -> list[str]:
    return list(BANKS[bank].header)


def first_row(table, bank: str) -> int:
    """Where the first movement stands; a row of the opening balance may be above it."""
    at = table.index(titles_of(bank)) + 1
    return at + (bank in {"bidv", "msb"})


def refusal(content: bytes) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as refused:
        list(read(BytesIO(content)))
    return refused.value


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("bank", BANKS)
def test_every_bank_is_read_in_every_kind_of_file(bank, write):
    """Account, period, balances and lines over New Year; a deposit raises the balance."""
    start, lines, end = parts(write(sheet(bank, MOVEMENTS, opening=OPENING)))
    assert (start.format, start.account, start.currency) == (bank, ACCOUNT, "VND")
    assert (start.from_day, start.to_day) == (LAST, FIRST)
    assert [line.amount if line.credit else -line.amount for line in lines] == [
        movement.change for movement in MOVEMENTS
    ]
    assert [(line.day, line.memo) for line in lines] == [(m.day, m.memo) for m in MOVEMENTS]
    assert end.balanced is (None if bank in WITHOUT_PROOF else True)
    assert start.opening == (None if bank in WITHOUT_PROOF else OPENING)
    if {"bank_reference", "day_and_reference"} & every_layout()[bank].places(
        titles_of(bank)
    ).keys():
        assert [line.bank_reference for line in lines] == [m.reference for m in MOVEMENTS]


def test_every_bank_has_its_sheet_here():
    """A layout without a sample would not be held to anything."""
    assert list(BANKS) == list(every_layout())
    assert formats_with("").keys() >= BANKS.keys()


def test_no_header_is_that_of_two_banks():
    """Whichever spelling of its labels a bank uses, all columns or only those it must have."""
    for layout in every_layout().values():
        for header in ([*layout.columns], *variants(layout)):
            able = [one.name for one in every_layout().values() if one.places(header) is not None]
            assert able in ([layout.name], [])


def variants(layout):
    """Headers with the first and with the last spelling of each column."""
    for pick in (0, -1):
        by_column: dict[str, list[str]] = {}
        for spelling, column in layout.columns.items():
            by_column.setdefault(column, []).append(spelling)
        yield [spellings[pick] for spellings in by_column.values()]
        must = [c for c in by_column if c not in layout.optional and c != "nothing"]
        yield [by_column[column][pick] for column in must]


MISSTATED = [
    ("techcombank", {"closing": 1}, Figure.CLOSING),
    ("techcombank", {"debit_sum": 3_301}, Figure.DEBIT_SUM),
    ("techcombank", {"credit_sum": 1}, Figure.CREDIT_SUM),
    ("techcombank", {"debit_count": 2}, Figure.DEBIT_COUNT),
    ("techcombank", {"credit_count": 3}, Figure.CREDIT_COUNT),
    ("vietcombank_corporate", {"credit_sum": 1}, Figure.CREDIT_SUM),
    ("vietinbank_efast", {"debit_sum": 1}, Figure.DEBIT_SUM),
    ("msb", {"debit_sum": 1}, Figure.DEBIT_SUM),
    ("mb", {"closing": 5}, Figure.CLOSING),
]


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(("bank", "misstated", "figure"), MISSTATED)
def test_figures_that_do_not_add_up_are_read_and_said(bank, misstated, figure, write):
    """All lines are there, and the figure that differs is named with what was read instead."""
    _, lines, end = parts(write(sheet(bank, MOVEMENTS, opening=OPENING, **misstated)))
    assert len(lines) == len(MOVEMENTS)
    assert end.balanced is False
    assert [one.figure for one in end.discrepancies] == [figure]


@pytest.mark.parametrize("bank", WITH_RUNNING)
def test_a_line_that_is_missing_in_the_middle_is_said(bank):
    """Balances beside the lines no longer follow one another."""
    table = sheet(bank, MOVEMENTS * 2, opening=OPENING)
    lost = first_row(table, bank) + 1
    _, lines, end = parts(as_csv(written(table[:lost] + table[lost + 1 :])))
    assert len(lines) == 2 * len(MOVEMENTS) - 1
    assert Figure.RUNNING in [one.figure for one in end.discrepancies]


@pytest.mark.parametrize("bank", WITH_RUNNING)
def test_a_sheet_may_begin_with_the_newest_line(bank):
    """Running balances prove that order as well."""
    table = sheet(bank, MOVEMENTS, opening=OPENING)
    first = first_row(table, bank)
    table[first : first + 3] = table[first : first + 3][::-1]
    _, lines, end = parts(as_csv(written(table)))
    assert [line.day for line in lines] == [FIRST, LAST, LAST]
    assert end.discrepancies == ()


def test_a_direction_read_the_wrong_way_round_does_not_add_up():
    """UOB calls deposits DEBIT; whoever took the words for granted would see it here."""
    table = sheet("uob", MOVEMENTS, opening=OPENING)
    header = table.index(titles_of("uob"))
    table[header] = [
        {"Tiền gửi (DEBIT)": "Tiền rút", "Tiền rút (CREDIT)": "Tiền gửi"}.get(c, c)
        for c in table[header]
    ]
    _, lines, end = parts(as_csv(written(table)))
    assert [line.credit for line in lines] == [False, True, False]
    assert {one.figure for one in end.discrepancies} == {Figure.CLOSING, Figure.RUNNING}


def changed(bank: str, old: str, new: object, movements=MOVEMENTS):
    """The sheet with one cell of its first movement written otherwise."""
    table = written(sheet(bank, movements, opening=OPENING))
    at = first_row(table, bank)
    assert old in table[at]
    table[at] = [new if cell == old else cell for cell in table[at]]
    return table, at + 1


BAD = """
techcombank            2026-12-31               2026-02-30                  unreadable_date
techcombank            2026-12-31               31/12/2026                  unreadable_date
techcombank            50000                    -50000                      unreadable_amount
techcombank            50000                    50.000                      unreadable_amount
techcombank            50000                                                missing_figure
techcombank            FT26336000001            Tổng                        read
vietcombank_corporate  31/12/2026 / FT26336000001   31/12/2026FT26336000001  unreadable_date
vietcombank_corporate  31/12/2026 / FT26336000001   30/02/2026 / FT1         unreadable_date
vietcombank_corporate  31/12/2026 / FT26336000001   FT26336000001            unreadable_date
vietcombank_corporate  50,000                   50.000                      unreadable_amount
bidv                   50,000 VND               50,000 USD                  unreadable_amount
bidv                   50,000 VND               50,000 VND VND              unreadable_amount
bidv                   50,000 VND               50,000VND                   read
vietinbank_efast       31/12/2026 09:30:05      31/12/2026 24:30:05         unreadable_date
vietinbank_efast       31/12/2026 09:30:05      31/12/2026 09:30:05 PM      unreadable_date
vietinbank_efast       31/12/2026 09:30:05      31/12/2026                  read
vietinbank_efast       31/12/2026 09:30:05                                  missing_figure
mb                     31/12/2026               29/02/2026                  unreadable_date
vib                    31/12/2026 02:15:00 PM   31/12/2026 14:15:00         unreadable_date
vib                    31/12/2026 02:15:00 PM   31/12/2026 13:15:00 PM      unreadable_date
vib                    0281000999999            0281000999998               row_of_another_account
vib                    VND                      USD                         fraction
"""


def cases():
    for row in BAD.strip().splitlines():
        bank, *cells, code = (piece.strip() for piece in row.split("  ") if piece.strip())
        yield pytest.param(bank, cells[0], cells[1] if len(cells) > 1 else "", code, id=row)


@pytest.mark.parametrize(("bank", "old", "new", "code"), [*cases()])
@pytest.mark.parametrize("write", [as_csv, as_xls, as_xlsx], ids=["csv", "xls", "xlsx"])
def test_a_cell_in_another_style_is_refused_with_its_row(bank, old, new, code, write):
    """30 February, the other thousands mark, a time that no clock shows, another account."""
    table, row = changed(bank, old, new)
    if code == "read":
        assert len(parts(write(table))[1]) == len(MOVEMENTS)
    elif new == "USD":
        assert refusal(write(table)).code == "row_of_another_account"
    else:
        refused = refusal(write(table))
        assert refused.code == code
        later = code == "row_of_another_account"  # seen when the next row has the old number
        broken = bank == "techcombank" and write is as_csv  # its header is two lines of text
        assert refused.fields["line"] == row + later + broken


def test_a_blank_day_is_the_day_above():
    """VietinBank writes a day once; a row without number and day is no movement of that day."""
    table = written(sheet("vietinbank_efast", MOVEMENTS, opening=OPENING))
    at = first_row(table, "vietinbank_efast") + 1
    table[at][0] = ""
    for write in (as_csv, as_xls, as_xlsx):
        _, lines, end = parts(write(table))
        assert [line.day for line in lines] == [LAST, LAST, FIRST]
        assert [line.booked_at is None for line in lines] == [False, True, False]
        assert end.balanced is True
    table[at][-1] = ""
    assert refusal(as_csv(table)).code == "missing_figure"


@pytest.mark.parametrize("memo", ["Tổng cộng", "TONG CONG", "Cộng", "Tổng: 5"])
def test_a_memo_named_like_a_total_ends_no_table(memo):
    """What a payer writes never hides the lines below, even where the day is blank."""
    movements = (MOVEMENTS[0], Movement(7_000, memo, "FT9", day=LAST), MOVEMENTS[2])
    table = written(sheet("vietinbank_efast", movements, opening=OPENING))
    table[first_row(table, "vietinbank_efast") + 1][0] = ""
    _, lines, end = parts(as_csv(table))
    assert ([line.memo for line in lines][1], len(lines), end.balanced) == (memo, 3, True)


@pytest.mark.parametrize("write", [as_xls, as_xlsx_with_days], ids=["xls", "xlsx"])
def test_days_are_all_texts_or_all_date_cells(write):
    """Some of each: an office program has taken 03/08 for the 8th of March and left 24/11."""
    table = sheet("mb", MOVEMENTS, opening=OPENING)
    at = first_row(table, "mb")
    table[at + 1][0] = "31/12/2026"
    refused = refusal(write(table))
    assert (refused.code, refused.fields["line"]) == ("unreadable_date", at + 2)
    table = sheet("techcombank", MOVEMENTS)
    at = first_row(table, "techcombank")
    table[at][1] = LAST
    assert refusal(write(table)).code == "unreadable_date"


def test_dates_may_carry_their_time():
    """In Viet Nam, kept as an instant; the half-day clock's 12 is noon or midnight."""
    _, lines, _ = parts(as_csv(written(sheet("vib", MOVEMENTS))))
    assert f"{lines[0].booked_at:%Y-%m-%d %H:%M}" == "2026-12-31 07:15"
    for told, hour in (("12:05:00 AM", 17), ("12:05:00 PM", 5), ("1:05 AM", 18)):
        table, _ = changed("vib", "31/12/2026 02:15:00 PM", f"31/12/2026 {told}")
        assert parts(as_csv(table))[1][0].booked_at.hour == hour
    table = sheet("mb", MOVEMENTS)
    table[first_row(table, "mb")][0] = 46_387.5
    _, lines, _ = parts(as_xls(table))
    assert (lines[0].day, f"{lines[0].booked_at:%H:%M}") == (LAST, "05:00")


def test_the_old_account_number_is_passed_over():
    """BIDV prints two; without the word beside it there would be two accounts in one file."""
    table = written(sheet("bidv", MOVEMENTS))
    assert parts(as_csv(table))[0].account == ACCOUNT
    table[2][1] = "12010000123456"
    assert refusal(as_csv(table)).code == "repeated_figure"


def test_balances_stand_in_rows_of_the_table():
    """MSB and BIDV write them before the first movement and after the last."""
    for bank in ("msb", "bidv"):
        table = written(sheet(bank, MOVEMENTS, opening=100))
        at = first_row(table, bank) - 1
        start, _, end = parts(as_csv(table))
        assert (start.opening, end.closing, end.balanced) == (100, 1_281_367, True)
        late = [*table[:at], table[at + 1], table[at], *table[at + 2 :]]
        assert refusal(as_csv(late)).code == "repeated_figure"
        table[at][0] = "1"
        assert refusal(as_csv(table)).code != "layout_not_found"
        table[at][0:2] = ["", table[at][1]]
        table[at] = [*table[at], "101"]
        assert refusal(as_csv(table)).code == "repeated_figure"


@pytest.mark.parametrize("bank", ["techcombank", "vietcombank_personal", "bidv", "msb"])
def test_a_sheet_without_its_last_rows_is_cut(bank):
    """Where we know how a bank ends its table, a file without that end has lost something."""
    table = written(sheet(bank, MOVEMENTS))
    end = first_row(table, bank) + 2
    for write in (as_csv, as_xls, as_xlsx):
        assert refusal(write(table[:end])).code == "cut_file"


def test_a_text_that_ends_within_a_row_is_cut():
    """Where a bank's last row is not known, at least its line must have an end."""
    content = as_csv(written(sheet("acb", MOVEMENTS)))
    assert len(parts(content)[1]) == len(MOVEMENTS)
    assert refusal(content.rstrip(b"\r\n")).code == "cut_file"


@pytest.mark.parametrize("bank", BANKS)
def test_a_column_that_is_missing_or_not_known_is_no_header_of_ours(bank):
    """Nothing is read by a part of a header, nor beside a column nobody described."""
    table = written(sheet(bank, MOVEMENTS))
    at = table.index(titles_of(bank))
    memo = next(
        place
        for place, title in enumerate(table[at])
        if every_layout()[bank].places(table[at])["memo"] == place
    )
    missing = [[*row[:memo], *row[memo + 1 :]] if len(row) > memo else row for row in table]
    assert refusal(as_csv(missing)).code == "layout_not_found"
    more = [[*row, "Mã chi nhánh"] if place == at else row for place, row in enumerate(table)]
    assert refusal(as_csv(more)).code == "layout_not_found"


@pytest.mark.parametrize("bank", BANKS)
def test_the_header_may_stand_elsewhere(bank):
    """Five rows lower, two columns to the right, in capitals, without accents or spaces."""
    table = written(sheet(bank, MOVEMENTS, opening=OPENING))
    moved = [[], ["x"], [], [], [], *[["", "", *row] for row in table]]
    at = table.index(titles_of(bank)) + 5
    moved[at] = [cell.upper().replace(" ", "") for cell in moved[at]]
    assert parts(as_csv(moved))[1:] == parts(as_csv(table))[1:]


def test_account_numbers_in_numeric_cells_are_refused():
    """A number has lost its leading zeros."""
    table = sheet("mb", MOVEMENTS)
    table[1][1] = 281_000_999_999
    assert refusal(as_xls(table)).code == "unreadable_text"
    assert refusal(as_xlsx_with_days(table)).code == "unreadable_text"


@pytest.mark.parametrize("write", [as_xls, as_xlsx_with_days], ids=["xls", "xlsx"])
@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (50_000, None),
        (0.1, "fraction_of_dong"),
        (12_345_678_901_234_567, "unreadable_amount"),
        (1e300, "unreadable_amount"),
        (-50_000, "unreadable_amount"),
    ],
)
def test_amounts_may_be_numeric_cells_if_they_are_exact(write, cell, code):
    """Whole đồng, of no more digits than a sheet keeps."""
    table = sheet("mb", MOVEMENTS, opening=OPENING)
    table[first_row(table, "mb")][3] = cell
    if code is None:
        assert parts(write(table))[2].balanced is True
    else:
        assert refusal(write(table)).code == code


def test_openpyxl_reads_the_same_cells():
    """What a second library finds in the workbook is what our lines are made of."""
    for bank in BANKS:
        content = as_xlsx_with_days(sheet(bank, MOVEMENTS, opening=OPENING))
        page = openpyxl.load_workbook(BytesIO(content)).active
        table = [["" if c is None else c for c in row] for row in page.iter_rows(values_only=True)]
        titles = titles_of(bank)
        table = [row[: len(titles)] for row in table]
        memo, at = every_layout()[bank].places(titles)["memo"], first_row(table, bank)
        _, lines, _ = parts(content)
        assert [line.memo for line in lines] == [row[memo] for row in table[at : at + 3]]
        assert all(type(line.amount) is Decimal for line in lines)
