"""A layout for a new bank: drafted from a file, tried on it, kept only when a person is done."""

from __future__ import annotations

import tomllib
from io import BytesIO

import pytest

from reconciliation.formats import UnreadableFile, drafts, read
from reconciliation.formats.descriptions import load
from reconciliation.formats.layouts import WrongLayout
from tests.bank_sheets import BANKS, WRITERS, in_cp1258, sheet, written
from tests.statement_files import ACCOUNT, Movement, as_csv, as_xlsx

TABLE = [
    ["NGÂN HÀNG MỚI"],
    ["Số tài khoản:", ACCOUNT],
    ["Số dư đầu kỳ: 1.000"],
    [],
    ["STT", "Ngày GD", "Số chứng từ", 'Nội dung "CK"', "Nợ", "Có", "Số dư sau GD", "Mã CN"],
    ["1", "24/11/2026", "A1", "TTHC0123456789", "", "50.000", "51.000", "001"],
    ["2", "24/11/2026", "A2", "Phí", "3.300", "", "47.700", "001"],
    ["Cộng", "", "", "", "3.300", "50.000", "", ""],
]
FILLED = {
    '"?"  # its BIN': '"970400"',
    'days = "?"': 'days = "dd/mm/yyyy"',
    'thousands = "?"': 'thousands = "dot"',
    'ends_at = ["?"]': 'ends_at = ["Cộng"]',
    '"?" = ["Nợ", "Có", "Mã CN"]': 'debit = ["Nợ"]\ncredit = ["Có"]\n',
    'nothing = ["STT"]': 'nothing = ["STT", "Mã CN"]',
}


def filled(draft: str, replaced: dict[str, str] = FILLED) -> str:
    for old, new in replaced.items():
        assert old in draft
        draft = draft.replace(old, new)
    return draft


@pytest.mark.parametrize("write", [as_csv, as_xlsx], ids=["csv", "xlsx"])
def test_a_draft_says_what_columns_hold_and_nothing_else(write):
    """Labels are proposed; direction, days and thousands are left to a person."""
    draft = drafts.propose(BytesIO(write(TABLE)), name="bank_moi")
    told = tomllib.loads(draft)["bank_moi"]
    assert told["columns"] == {
        "nothing": ["STT"],
        "day": ["Ngày GD"],
        "bank_reference": ["Số chứng từ"],
        "memo": ['Nội dung "CK"'],
        "balance": ["Số dư sau GD"],
        "?": ["Nợ", "Có", "Mã CN"],
    }
    assert told["preamble"] == {"account": ["Số tài khoản"], "opening": ["Số dư đầu kỳ"]}
    assert ACCOUNT not in draft
    assert (told["days"], told["thousands"], told["bank"]) == ("?", "?", "?")


def test_a_draft_reads_nothing_until_it_is_filled_in():
    """Each of the open places alone is enough to refuse it."""
    draft = drafts.propose(BytesIO(as_csv(TABLE)))
    with pytest.raises(WrongLayout):
        load(draft)
    assert list(load(filled(draft))) == ["new_bank"]
    for left_open in FILLED:
        rest = {old: new for old, new in FILLED.items() if old != left_open}
        if "?" in left_open:
            with pytest.raises(WrongLayout):
                load(filled(draft, rest))


def test_a_filled_draft_reads_its_file():
    """The layout is tried, and what it makes of the file is shown: rows, lines, verdict."""
    content = as_csv(TABLE)
    described = filled(drafts.propose(BytesIO(content)))
    shown = drafts.preview(BytesIO(content), described)
    assert shown.refusals == []
    assert [cells for _, cells in shown.rows] == [[c.strip() for c in row] for row in TABLE]
    assert (shown.start.account, shown.start.opening) == (ACCOUNT, 1_000)
    assert [(line.amount, line.credit) for line in shown.lines] == [(50_000, True), (3_300, False)]
    assert shown.end.discrepancies == ()
    assert list(read(BytesIO(content), layouts=described))[1:-1] == shown.lines
    with pytest.raises(UnreadableFile):
        list(read(BytesIO(content)))


def test_a_preview_tells_every_row_that_cannot_be_read():
    """Thousands by the wrong mark, and 30 February, each with its row."""
    table = [list(row) for row in TABLE]
    table[6][1] = "30/02/2026"
    described = filled(drafts.propose(BytesIO(as_csv(table))))
    shown = drafts.preview(BytesIO(as_csv(table)), described)
    assert [(one.code, one.fields["line"]) for one in shown.refusals] == [("unreadable_date", 7)]
    assert (len(shown.lines), shown.end) == (1, None)
    commas = described.replace('thousands = "dot"', 'thousands = "comma"')
    told = drafts.preview(BytesIO(as_csv(table)), commas).refusals
    assert [one.code for one in told] == ["unreadable_amount"]
    told = drafts.preview(BytesIO(as_csv(TABLE)), commas.replace("Số dư đầu kỳ", "x")).refusals
    assert [one.fields["line"] for one in told] == [6, 7, 8]


def test_a_preview_of_a_header_that_does_not_fit_shows_the_rows():
    """So that a person sees which label differs."""
    described = filled(drafts.propose(BytesIO(as_csv(TABLE)))).replace('"Có"', '"Ghi có"')
    shown = drafts.preview(BytesIO(as_csv(TABLE)), described)
    assert [one.code for one in shown.refusals] == ["layout_not_found"]
    assert (len(shown.rows), shown.start, shown.lines) == (len(TABLE), None, [])
    with pytest.raises(WrongLayout):
        drafts.preview(BytesIO(as_csv(TABLE)), described + filled(described, {"new_bank": "two"}))


def test_a_preview_is_bounded():
    """A long file is tried to its end; of its lines and refusals only the first are kept."""
    rows = [[*TABLE[5][:1], "30/02/2026", *TABLE[5][2:]] for _ in range(500)]
    long = [*TABLE[:5], *[TABLE[5]] * 500, TABLE[7]]
    described = filled(drafts.propose(BytesIO(as_csv(TABLE))))
    shown = drafts.preview(BytesIO(as_csv(long)), described)
    assert (len(shown.rows), len(shown.lines), shown.end.count) == (30, 30, 500)
    shown = drafts.preview(BytesIO(as_csv([*TABLE[:5], *rows])), described)
    assert len(shown.refusals) == drafts.SHOWN_REFUSALS


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("bank", BANKS)
def test_the_columns_of_banks_we_know_are_proposed_as_they_are(bank, write):
    """Day and memo are found; what holds an amount is never proposed as money in or out."""
    content = write(sheet(bank, [Movement(50_000, "TTHC0123456789", "FT1")]))
    told = tomllib.loads(drafts.propose(BytesIO(content)))["new_bank"]["columns"]
    assert not {"credit", "debit", "amount", "sign"} & told.keys()
    assert "memo" in told
    assert {"day", "day_and_reference", "value_day"} & told.keys()
    assert len(told["?"]) >= 2


def test_a_semicolon_and_another_encoding_are_found():
    """How a text is cut into cells is seen by the labels that come out."""
    text = "\r\n".join(";".join(row).replace('"', "") for row in TABLE) + "\r\n"
    told = tomllib.loads(drafts.propose(BytesIO(text.encode())))["new_bank"]
    assert (told["delimiter"], told["encodings"]) == (";", ["utf-8"])
    draft = drafts.propose(BytesIO(in_cp1258(text)))
    assert tomllib.loads(draft)["new_bank"]["encodings"] == ["cp1258"]
    assert "Số chứng từ" in draft


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", as_csv(written([["x"] * 3] * 3))])
def test_a_file_without_labels_has_no_draft(content):
    """Nothing is made up."""
    with pytest.raises(UnreadableFile):
        drafts.propose(BytesIO(content))
