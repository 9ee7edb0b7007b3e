"""The language of layouts: what may be said, and what is refused with the place of the fault."""

from __future__ import annotations

from io import BytesIO

import pytest

from reconciliation.formats import Figure, UnreadableFile, formats_with, read
from reconciliation.formats.descriptions import load
from reconciliation.formats.layouts import WrongLayout

LAYOUT = """
[some_bank]
bank = "970400"
currency = "VND"
encodings = ["utf-8"]
delimiter = ";"
days = "dd/mm/yyyy"
thousands = "dot"
stable_references = false
ends_at = []
open_end = true
[some_bank.columns]
day = ["Ngày"]
bank_reference = ["Số"]
amount = ["Tiền"]
memo = ["Nội dung"]
balance = ["Dư"]
"""
TABLE = """\
Ngày;Số;Tiền;Dư;Nội dung
31/12/2026;1;50.000;150.000;thu
31/12/2026;2;-3.300;146.700;chi
01/01/2027;3;1.000;147.700;thu
"""


def told(table: str = TABLE, described: str = LAYOUT):
    start, *lines, end = read(BytesIO(table.encode()), layouts=described)
    return start, lines, end


def with_order(order: str) -> str:
    return LAYOUT.replace("open_end = true", f'open_end = true\norder = "{order}"')


def test_one_column_of_amounts_may_have_signs():
    """A minus is money out."""
    _, lines, _ = told()
    assert [(line.amount, line.credit) for line in lines] == [
        (50_000, True),
        (3_300, False),
        (1_000, True),
    ]


def test_balances_come_from_the_lines_where_the_order_is_said():
    """The oldest first: the opening is before the first line, the closing beside the last."""
    start, _, end = told()
    assert (start.opening, end.closing, end.balanced) == (None, None, None)
    start, _, end = told(described=with_order("oldest_first"))
    assert (start.opening, end.closing, end.balanced) == (100_000, 147_700, True)
    head, *rows = TABLE.splitlines()
    backwards = "\n".join([head, *reversed(rows), ""])
    start, _, end = told(backwards, with_order("newest_first"))
    assert (start.opening, end.closing, end.discrepancies) == (None, 147_700, ())


@pytest.mark.parametrize("order", ["oldest_first", "newest_first", "either"])
def test_a_balance_that_does_not_follow_is_said(order):
    """It is read, with the balance that would follow beside it."""
    _, lines, end = told(TABLE.replace("146.700", "146.701"), with_order(order))
    assert len(lines) == 3
    assert (end.balanced, end.discrepancies[-1].figure) == (False, Figure.RUNNING)


def test_a_line_without_a_balance_is_passed_over():
    """Banks leave some out; the next one begins anew."""
    _, _, end = told(TABLE.replace("146.700", ""), with_order("oldest_first"))
    assert end.discrepancies == ()


WRONG = [
    ("[some_bank", "[someBank", "someBank"),
    ('bank = "970400"', 'bank = "VCB"', "bank = 'VCB'"),
    ('bank = "970400"', "", "bank = ?"),
    ('bank = "970400"', "bank = 970400", "bank = 970400"),
    ('currency = "VND"', 'currency = "dong"', "currency = 'dong'"),
    ('["utf-8"]', '["utf-16"]', "encodings = 'utf-16'"),
    ('["utf-8"]', '["rot13"]', "encodings = 'rot13'"),
    ('["utf-8"]', "[8]", "encodings = [8]"),
    ('["utf-8"]', "[]", "encodings, ends_at, open_end"),
    ('";"', '"x"', "delimiter = 'x'"),
    ('"dd/mm/yyyy"', '"mm/dd/yyyy"', "days = 'mm/dd/yyyy'"),
    ('"dd/mm/yyyy"', '"?"', "days = '?'"),
    ('"dot"', '"space"', "thousands = 'space'"),
    ("false", '"no"', "stable_references = 'no'"),
    ("open_end = true", "open_end = false", "encodings, ends_at, open_end"),
    ("open_end = true", 'open_end = true\ndirection = "x"', "direction = …"),
    ("open_end = true", 'open_end = true\ntimes = "13h"', "times = '13h'"),
    ("open_end = true", 'open_end = true\ndebits = "red"', "debits = 'red'"),
    ("open_end = true", 'open_end = true\norder = "random"', "order = 'random'"),
    ("open_end = true", 'open_end = true\ntotal = "all"', "total = 'all'"),
    ("open_end = true", 'open_end = true\noptional = ["day"]', "optional"),
    ("open_end = true", 'open_end = true\nperiods = ["Từ …"]', "periods = 'Từ …'"),
    ('day = ["Ngày"]', "", "columns.day"),
    ('day = ["Ngày"]', 'day_and_reference = ["Ngày"]', "columns.bank_reference"),
    ('memo = ["Nội dung"]', "", "columns.memo"),
    ('memo = ["Nội dung"]', 'memo = ["  "]', "columns.memo = '  '"),
    ('memo = ["Nội dung"]', 'memo = ["Ngày"]', "columns.memo = 'Ngày'"),
    ('memo = ["Nội dung"]', 'memo = "Nội dung"', "columns = "),
    ('amount = ["Tiền"]', 'credit = ["Tiền"]', "columns.amount, sign, credit, debit"),
    ('balance = ["Dư"]', 'sign = ["Dư"]', "signs"),
    ('balance = ["Dư"]', 'balances = ["Dư"]', "columns = 'balances'"),
    ('bank_reference = ["Số"]', '"?" = ["Số"]', "columns = '?'"),
]


@pytest.mark.parametrize(("old", "new", "what"), WRONG)
def test_a_fault_is_named(old, new, what):
    """The key, and what stands there."""
    assert old in LAYOUT
    with pytest.raises(WrongLayout) as refused:
        load(LAYOUT.replace(old, new))
    assert str(refused.value.fields["what"]).startswith(what)


def test_what_needs_a_column_says_so():
    """Filling days down needs numbers of movements; an order needs balances."""
    no_reference = LAYOUT.replace('bank_reference = ["Số"]\n', "")
    with pytest.raises(WrongLayout, match="wrong_layout"):
        load(no_reference.replace("open_end = true", "open_end = true\nfill_down = true"))
    with pytest.raises(WrongLayout, match="wrong_layout"):
        load(with_order("either").replace('balance = ["Dư"]', 'nothing = ["Dư"]'))


@pytest.mark.parametrize("text", ["[", 'x = "1"', "[x]\ny = 1\n[x]", "[[x]]"])
def test_a_file_that_is_not_a_set_of_layouts_is_refused(text):
    """Not TOML, or TOML of something else."""
    with pytest.raises(WrongLayout):
        formats_with(text)


def test_a_further_layout_stands_beside_ours():
    """It is found by its header, by its name, and by none of those when it is not handed over."""
    assert told()[0].format == "some_bank"
    assert formats_with(LAYOUT).keys() > formats_with("").keys()
    with pytest.raises(UnreadableFile):
        list(read(BytesIO(TABLE.encode())))
    with pytest.raises(UnreadableFile):
        list(read(BytesIO(TABLE.encode()), format="some_bank"))


def test_one_of_our_names_is_replaced_and_a_reader_is_not():
    """A bank that has changed its sheet needs no new release."""
    renamed = LAYOUT.replace("some_bank", "acb")
    assert told(described=renamed)[0].format == "acb"
    with pytest.raises(WrongLayout):
        formats_with(LAYOUT.replace("some_bank", "camt053"))
