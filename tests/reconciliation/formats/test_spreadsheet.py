"""Sheets and CSV by their layouts: header by its labels, nothing guessed, nothing lost."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from io import BytesIO, StringIO

import pytest

from reconciliation.formats import Figure, Line, UnreadableFile, read, spreadsheet
from reconciliation.formats.descriptions import every_layout, load
from reconciliation.formats.layouts import WrongLayout
from tests.bank_sheets import GATEWAY, in_cp1258
from tests.statement_files import ACCOUNT, HEADER, Movement, as_csv, as_xlsx, rows

FIFTY = Movement(50_000, memo="TTHC0123456789", reference="5242 - 74128")
CHARGE = Movement(-3_300, memo="PHI SMS", reference="5242 - 74129")
BOTH = pytest.mark.parametrize("write", [as_csv, as_xlsx])


def parts(content: bytes):
    return list(read(BytesIO(content)))


def refusal(content: bytes) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as refused:
        parts(content)
    return refused.value


def changed(table, old, new):
    """The table with one cell instead of another."""
    assert any(old in row for row in table)
    return [[new if cell == old else cell for cell in row] for row in table]


def without(table, label):
    """The table without the rows that begin with a label."""
    return [row for row in table if not (row and str(row[0]).startswith(label))]


@BOTH
def test_the_header_is_found_by_its_labels(write):
    """Whatever row and column it stands in, in capitals, without accents, with more spaces."""
    table = [[""] * 2 + row for row in [["logo"], [], *rows([FIFTY, CHARGE])]]
    table = changed(table, "Ngày giao dịch", "NGAY   GIAO DICH")
    start, first, second, end = parts(write(table))
    assert (start.account, start.opening) == ("0281000999999", 0)
    assert (first.amount, first.credit, first.day) == (50_000, True, date(2026, 11, 24))
    assert (second.amount, second.credit, second.bank_reference) == (3_300, False, "5242 - 74129")
    assert end.balanced is True


@BOTH
def test_the_preamble_may_be_missing(write):
    """Without account, period and balances the lines are read, unproved."""
    start, line, end = parts(write([list(HEADER), *rows([FIFTY])[8:]]))
    assert (start.account, start.opening, start.from_day, end.closing) == (None,) * 4
    assert (line.amount, end.balanced) == (50_000, None)


@BOTH
def test_a_total_that_differs_is_said(write):
    """The bank's total is credits less debits."""
    *_, end = parts(write(rows([FIFTY, CHARGE], total="46,701")))
    assert end.balanced is False
    assert [(d.stated, d.read) for d in end.discrepancies] == [(46_701, 46_700)]


@BOTH
def test_a_table_without_its_last_row_is_cut(write):
    """A file that ends before "Tổng" has lost something."""
    assert refusal(write(without(rows([FIFTY]), "Tổng")[:-1])).code == "cut_file"
    assert refusal(write([list(HEADER)])).code == "cut_file"


@BOTH
def test_a_movement_below_the_total_is_refused(write):
    """Two tables in one file are not one statement."""
    table = rows([FIFTY])
    assert refusal(write([*table, table[8]])).code == "rows_after_total"


@BOTH
def test_blank_rows_are_passed_over(write):
    """Within the table and around it."""
    table = rows([FIFTY, CHARGE])
    table = [*table[:9], [], ["", "  ", ""], *table[9:], []]
    assert [part.number for part in parts(write(table)) if isinstance(part, Line)] == [1, 2]


BAD = [
    ("24/11/2026", "30/02/2026", "unreadable_date"),
    ("24/11/2026", "2026-11-24", "unreadable_date"),
    ("24/11/2026", "24/11/26", "unreadable_date"),
    ("24/11/2026", "1/2/2026", "unreadable_date"),
    ("24/11/2026", "24-11/2026", "unreadable_date"),
    ("24/11/2026", "", "missing_figure"),
    ("50,000", "", "missing_figure"),
    ("50,000", "50.000", "unreadable_amount"),
    ("50,000", "50,00", "unreadable_amount"),
    ("50,000", "-50,000", "unreadable_amount"),
    ("50,000", "50,000.5", "fraction_of_dong"),
    ("50,000", "1,000,000,000,001", "implausible_amount"),
    ("50,000", "٥٠٠٠٠", "unreadable_amount"),
    ("+", "", "unknown_indicator"),
    ("+", "Có", "unknown_indicator"),
]


@BOTH
@pytest.mark.parametrize(("old", "new", "code"), BAD)
def test_a_row_that_cannot_be_read_is_refused_with_its_line(write, old, new, code):
    """The first movement stands in row 9."""
    table = rows([FIFTY])
    table[8] = [new if cell == old else cell for cell in table[8]]
    refused = refusal(write(table))
    assert (refused.code, refused.fields["line"]) == (code, 9)


def test_a_memo_with_a_comma_and_no_quotes_is_refused():
    """A row with more cells than the header has lost its shape."""
    content = as_csv(rows([FIFTY])).replace(b"TTHC0123456789", b"TTHC0123456789, NGUYEN VAN AN")
    assert refusal(content).code == "unexpected_cell"


def test_a_column_without_a_label_holds_nothing():
    """Something beside the labelled columns may not be passed over."""
    table = [row if len(row) < 5 else [*row[:3], "", *row[3:]] for row in rows([FIFTY])]
    assert len(parts(as_csv(table))) == 3
    table[8][3] = "9"
    assert refusal(as_csv(table)).code == "unexpected_cell"


def test_an_unknown_column_is_no_header_of_ours():
    """A column nobody described could change what the others mean."""
    table = [row if len(row) < 5 else [*row, "Phí"] for row in rows([FIFTY])]
    assert refusal(as_csv(table)).code == "layout_not_found"
    assert refusal(b"name,amount\nx,1\n").code == "layout_not_found"


def test_a_fact_told_twice_differently_is_refused():
    """Two accounts above one table: whose is it?"""
    table = rows([FIFTY])
    assert refusal(as_csv([["Số tài khoản", "", "999"], *table])).code == "repeated_figure"
    assert len(parts(as_csv([["Số tài khoản", "0281000999999"], *table]))) == 3


def test_an_account_with_characters_that_nobody_sees_is_refused():
    """A workbook can hold NUL, written _x0000_; without it the number would be another's."""
    table = changed(rows([FIFTY]), f"Số tài khoản: {ACCOUNT}", f"Số tài khoản: {ACCOUNT}\0")
    refused = refusal(as_xlsx(table))
    assert (refused.code, refused.fields["line"]) == ("unreadable_text", 2)


def test_a_fact_without_a_value_is_not_told():
    """The label beside it is not its value."""
    table = [["Số tài khoản:", "Số dư đầu kỳ: 0"], *rows([FIFTY])[2:]]
    start = parts(as_csv(table))[0]
    assert (start.account, start.opening) == (None, 0)


def test_an_account_in_dollars_keeps_its_cents():
    """The preamble names the currency; the lines are then in it."""
    table = [["Loại tiền", "USD"], *rows([FIFTY])]
    table[9] = [*table[9][:3], "50,000.25", ""]
    table = [[cell.replace(" VND", ".25 USD") for cell in row] for row in table]
    table = changed(
        without(table, "Tổng"), "Phiếu này được in từ hệ thống ngân hàng điện tử", "Tổng"
    )
    start, line, end = parts(as_csv(table))
    assert (start.currency, line.currency) == ("USD", "USD")
    assert (line.amount, end.balanced) == (Decimal("50000.25"), True)


@pytest.mark.parametrize("encoding", ["cp1258", "utf-16"])
def test_a_csv_in_an_encoding_the_layout_does_not_have_is_refused(encoding):
    """Guessing an encoding changes names and memos without a word."""
    text = "Số tài khoản: 1\n" if encoding == "utf-16" else "S\xf4 t\xe0i kho\xean: 1\n"
    assert refusal(text.encode(encoding)).code in {"unreadable_text", "unknown_format"}


def test_a_csv_without_a_byte_order_mark_is_the_same():
    """UTF-8 is UTF-8."""
    assert parts(as_csv(rows([FIFTY]), encoding="utf-8")) == parts(as_csv(rows([FIFTY])))


@pytest.mark.parametrize(
    ("content", "code"),
    [(b'a,"b\n', "cut_file"), (b'a,"b"c\n', "malformed_csv"), (b"a\rb\n", "malformed_csv")],
)
def test_a_csv_with_broken_quotes_is_refused(content, code):
    """A quote that does not close would swallow the lines after it."""
    assert refusal(content).code == code


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_csv_that_went_through_a_spreadsheet_program_is_the_same(delimiter):
    """With Vietnamese settings Excel writes semicolons; the header tells whose sheet it is."""
    written = StringIO()
    csv.writer(written, delimiter=delimiter).writerows(rows([FIFTY, CHARGE]))
    assert parts(written.getvalue().encode("utf-8-sig")) == parts(as_csv(rows([FIFTY, CHARGE])))


LAYOUT = """
[some_bank]
bank = "970400"
currency = "VND"
encodings = ["utf-8", "cp1258"]
delimiter = ";"
days = "yyyy-mm-dd"
thousands = "dot"
stable_references = true
ends_at = ["Cộng"]
[some_bank.columns]
nothing = ["STT"]
day = ["Ngày / Date"]
value_day = ["Ngày hiệu lực"]
bank_reference = ["Số bút toán"]
debit = ["Tiền rút"]
credit = ["Tiền gửi (DEBIT)"]
memo = ["Nội dung"]
payer_account = ["Tài khoản"]
payer_name = ["Đơn vị"]
balance = ["Số dư"]
"""
TABLE = """\
STT;Ngày / Date;Ngày hiệu lực;Số bút toán;Tiền gửi (DEBIT);Tiền rút;Số dư;Nội dung;Tài khoản;Đơn vị
1;2026-11-24;2026-11-25;FT1;50.000;0;1.050.000;nộp lệ phí;007 1;NGUYEN AN
2;2026-11-24;;FT1;;3.300;-46.700;phi;;
Cộng;;;;50.000;3.300;;;;
"""


def some_bank(described: str = LAYOUT):
    return tuple(load(described).values())


@pytest.mark.parametrize("encode", [str.encode, in_cp1258])
def test_another_bank_is_an_entry_in_a_file(encode):
    """Debit and credit columns, dots, ISO days, running balances, stable references: no code."""
    start, first, second, end = spreadsheet.parse(BytesIO(encode(TABLE)), layouts=some_bank())
    assert start.format == "some_bank"
    assert (first.amount, first.credit, first.value_day) == (50_000, True, date(2026, 11, 25))
    assert (first.memo, first.payer_account, first.payer_name) == (
        "nộp lệ phí",
        "0071",
        "NGUYEN AN",
    )
    assert (second.amount, second.credit, second.value_day) == (3_300, False, None)
    assert (first.balance, second.balance) == (1_050_000, -46_700)
    assert (first.stable_id, second.stable_id) == ("FT1:50000", "FT1:-3300")
    assert end.discrepancies == ()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("50.000;0;", "50.000;1;", "repeated_figure"),
        (";;3.300;", ";;;", "missing_figure"),
        ("50.000;0;", "50,000;0;", "unreadable_amount"),
        ("1.050.000", "1.050.00", "unreadable_amount"),
        ("2026-11-25", "25/11/2026", "unreadable_date"),
    ],
)
def test_each_layout_is_held_to_its_style(old, new, code):
    """A row says money in or money out, not both and not neither."""
    content = TABLE.replace(old, new, 1).encode()
    assert content != TABLE.encode()
    with pytest.raises(UnreadableFile) as refused:
        list(spreadsheet.parse(BytesIO(content), layouts=some_bank()))
    assert refused.value.code == code


REPORT = """\
Mã giao dịch;Ngày;Nội dung;Số tiền vào;Số tiền ra;Phí dịch vụ;Số dư
G1;2026-11-24;TTHC 1;100.000;;1.100;98.900
G2;2026-11-24;TTHC 2;50.000;;0;148.900
G3;2026-11-24;rut ve ngan hang;;148.900;;0
Cộng;;;150.000;148.900;1.100;
"""


def read_gateway(content: str = REPORT):
    return list(spreadsheet.parse(BytesIO(content.encode()), layouts=some_bank(GATEWAY)))


def test_what_a_gateway_keeps_is_a_line_of_its_own():
    """Behind its payment, with the column's label for a memo; balances and totals are of both."""
    start, *lines, end = read_gateway()
    told = [(one.number, int(one.amount), one.credit, one.memo, one.stable_id) for one in lines]
    assert told == [
        (1, 100_000, True, "TTHC 1", "G1:100000"),
        (2, 1_100, False, "Phí dịch vụ", "G1:100000:fee"),
        (3, 50_000, True, "TTHC 2", "G2:50000"),
        (4, 148_900, False, "rut ve ngan hang", "G3:-148900"),
    ]
    assert [one.balance for one in lines] == [None, 98_900, 148_900, 0]
    assert (start.opening, end.closing, end.balanced) == (0, 0, True)


@pytest.mark.parametrize(
    ("old", "new"),
    [(";1.100;98.900", ";1.200;98.900"), ("148.900;1.100;\n", "148.900;1.200;\n")],
)
def test_a_fee_that_does_not_add_up_is_said(old, new):
    """By the balance beside it, or by the total of fees."""
    changed = REPORT.replace(old, new)
    assert changed != REPORT
    assert read_gateway(changed)[-1].balanced is False


@pytest.mark.parametrize("fee", ["-1.100", "1,100", "x"])
def test_a_fee_that_is_no_amount_is_refused(fee):
    """A fee given back is not written as one below zero."""
    with pytest.raises(UnreadableFile) as refused:
        read_gateway(REPORT.replace(";1.100;98.900", f";{fee};98.900"))
    assert refused.value.code == "unreadable_amount"


def test_totals_of_both_columns_are_checked():
    """The debit total is one đồng short."""
    content = TABLE.replace("Cộng;;;;50.000;3.300", "Cộng;;;;50.000;3.299").encode()
    *_, end = spreadsheet.parse(BytesIO(content), layouts=some_bank())
    assert [(d.figure, d.stated, d.read) for d in end.discrepancies] == [
        (Figure.DEBIT_SUM, 3_299, 3_300)
    ]


def test_a_header_that_two_layouts_share_is_refused():
    """The caller says which bank it is."""
    twice = some_bank(LAYOUT + LAYOUT.replace("some_bank", "its_twin"))
    with pytest.raises(UnreadableFile) as refused:
        list(spreadsheet.parse(BytesIO(TABLE.encode()), layouts=twice))
    assert refused.value.code == "ambiguous_layout"
    assert len(list(spreadsheet.parse(BytesIO(TABLE.encode()), layouts=twice[1:]))) == 4


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('bank = "970400"\n', ""),
        ('"dot"', '"space"'),
        ('"yyyy-mm-dd"', '"mm/dd/yyyy"'),
        ('debit = ["Tiền rút"]\n', ""),
        ('memo = ["Nội dung"]\n', ""),
        ('memo = ["Nội dung"]', 'memo = ["Số dư"]'),
        ('nothing = ["STT"]', 'something = ["STT"]'),
    ],
)
def test_a_layout_that_is_not_described_whole_is_refused(old, new):
    """A wrong layout would read every file of that bank wrongly."""
    assert old in LAYOUT
    with pytest.raises(WrongLayout):
        some_bank(LAYOUT.replace(old, new))


def test_the_layouts_we_ship_are_whole():
    """Each is read, and none shares its header with another."""
    layouts = list(every_layout().values())
    assert len(layouts) == 11
    for layout in layouts:
        header = list(layout.columns)
        able = [other.name for other in layouts if other.columns.keys() == set(header)]
        assert able == [layout.name]
