"""MT940 by rule: signs, days, pages, memos, and what is refused and where."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO
from unicodedata import normalize

import pytest

from reconciliation.formats import (
    End,
    Figure,
    Line,
    OtherCurrency,
    Start,
    UnreadableFile,
    in_dong,
    read,
)
from tests.mt940_files import balance, mt940
from tests.statement_files import Movement

FIFTY = Movement(50_000, memo="TTHC0123456797 nop le phi")
TEN = Movement(10_000, memo="TTHC9876543210", reference="5242-74129")


def parts(content: bytes):
    return list(read(BytesIO(content)))


def lines(content: bytes) -> list[Line]:
    return [part for part in parts(content) if isinstance(part, Line)]


def end(content: bytes) -> End:
    last = parts(content)[-1]
    assert isinstance(last, End)
    return last


def refusal(content: bytes) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as refused:
        parts(content)
    return refused.value


def line_of(*fields: str, currency: str = "VND") -> Line:
    """The one line that these fields tell."""
    [line] = lines(mt940(list(fields), currency=currency))
    return line


def test_a_statement_is_read_with_its_balances():
    """Account, number, days and balances are those of the bank, and they add up."""
    start, line, finish = parts(mt940([FIFTY], opening=1_000_000, enveloped=True, newline="\r\n"))
    assert (start.format, start.account, start.currency) == ("mt940", "0281000999999", "VND")
    assert (start.opening, start.number, start.sequence) == (1_000_000, "STMT1", 7)
    assert (start.from_day, finish.to_day) == (date(2026, 11, 24), date(2026, 11, 24))
    assert (line.amount, line.credit, line.memo) == (50_000, True, "TTHC0123456797 nop le phi")
    assert (finish.closing, finish.balanced) == (1_050_000, True)


@pytest.mark.parametrize(
    ("mark", "credit", "reversal"),
    [
        ("C", True, False),
        ("D", False, False),
        ("RC", False, True),
        ("RD", True, True),
        ("CD", True, False),
        ("DD", False, False),
        ("RCD", False, True),
        ("RDD", True, True),
    ],
)
def test_a_reversal_moves_the_balance_against_its_letter(mark, credit, reversal):
    """RC takes a credit back and lowers the balance; the funds code behind a mark is no sign."""
    fields = f":61:2611241124{mark}50000,NTRFNONREF//1"
    [line] = lines(content := mt940([fields], closing=50_000 if credit else -50_000))
    assert (line.credit, line.reversal) == (credit, reversal)
    assert end(content).balanced is True


@pytest.mark.parametrize("mark", ["EC", "ED"])
def test_an_expected_movement_is_no_line(mark):
    """Only what is booked moves the balance."""
    content = mt940([FIFTY, f":61:261125{mark}9000,NTRFNONREF", ":86:later"])
    assert [line.amount for line in lines(content)] == [50_000]
    assert (end(content).count, end(content).balanced) == (1, True)


DAYS = """
    261124      2026-11-24  2026-11-24
    2611241123  2026-11-23  2026-11-24
    2612310101  2027-01-01  2026-12-31
    2701011231  2026-12-31  2027-01-01
    2803010229  2028-02-29  2028-03-01
    2602300302  2026-03-02  2026-02-28
    2602290227  2026-02-27  2026-02-28
    2802300301  2028-03-01  2028-02-29
"""


@pytest.mark.parametrize("row", DAYS.strip().splitlines(), ids=str.strip)
def test_the_entry_date_is_the_booking_day_in_the_year_nearest_to_the_value_date(row):
    """Written, booked, value; 30 February as a value date is the month's last day."""
    written, day, value_day = row.split()
    line = line_of(f":61:{written}C1,NTRFNONREF")
    assert (str(line.day), str(line.value_day)) == (day, value_day)


@pytest.mark.parametrize("written", ["260230", "260229", "2603020230", "2603010229", "261324", "0"])
def test_a_booking_day_the_calendar_has_not_is_refused(written):
    """Money is not booked on a day that never was."""
    assert refusal(mt940([f":61:{written}C1,NTRFNONREF"])).code == "unreadable_date"


@pytest.mark.parametrize(
    ("told", "reference", "memo"),
    [
        ("NTRFNONREF//5242-74128", "5242-74128", ""),
        ("NTRFTTHC0123456797//5242-74128", "5242-74128", "TTHC0123456797"),
        ("NTRFTTHC0123456797", "TTHC0123456797", "TTHC0123456797"),
        ("S103A/B/C", "A/B/C", "A/B/C"),
        ("NMSCNONREF", None, ""),
        ("FCHG", None, ""),
        ("NTRFNONREF//5242\nPHI SMS", "5242", "PHI SMS"),
    ],
)
def test_the_reference_is_the_bank_s_else_the_payer_s(told, reference, memo):
    """Behind two slashes it is the bank's own; without a field 86 the rest serves as the memo."""
    line = line_of(f":61:261124C1,{told}")
    assert (line.bank_reference, line.memo) == (reference, memo)


FULL = "MBVCB.2427229823.174242.TTHC0123456797.CT tu 1020000001 NGUYEN VA"
MEMOS = {
    "free text": ("TTHC0123456797 nop le phi", "TTHC0123456797 nop le phi", None, None),
    "a full line was cut by its width": (f"{FULL}\nN AN", f"{FULL}N AN", None, None),
    "a shorter line ends with a space": ("nop le phi\nNGUYEN", "nop le phi NGUYEN", None, None),
    "colons and slashes are text": ("a:b\n:12:30 /c/ ?20", "a:b :12:30 /c/ ?20", None, None),
    "subfields": (
        "166?00GUTSCHRIFT?20TTHC012345?216797 nop?30ICBVVNVX?31 1020000001\n?32NGUYEN VAN ?33AN",
        "TTHC0123456797 nop",
        "NGUYEN VAN AN",
        "1020000001",
    ),
    "subfields on": ("?20a?60b?38VN12", "ab", None, "VN12"),
    "the bank's words": ("805?00PHI SMS?34000", "PHI SMS", None, None),
    "codewords": (
        "/TRTP/IN/IBAN/VN12 34/NAME/NGUYEN VAN AN/REMI/TTHC0123456797/EREF/X",
        "TTHC0123456797",
        "NGUYEN VAN AN",
        "VN1234",
    ),
    "codewords of two parties": (
        "/BENM//NAME/KHO BAC/ORDP//NAME/NGUYEN VAN AN/REMI/USTD//le phi/",
        "le phi",
        "NGUYEN VAN AN",
        None,
    ),
    "a party": ("/ORDP/NGUYEN VAN AN/REMI/x", "x", "NGUYEN VAN AN", None),
    "a counterparty": (
        "/EREF/1//CNTP/VN12/BFTVVNVX/NGUYEN VAN AN///REMI/USTD//x/",
        "x",
        "NGUYEN VAN AN",
        "VN12",
    ),
    "codewords without a memo": ("/EREF/TTHC0123456797", "/EREF/TTHC0123456797", None, None),
    "no codeword": ("/nop/le phi", "/nop/le phi", None, None),
}


@pytest.mark.parametrize(("written", "memo", "name", "account"), MEMOS.values(), ids=MEMOS)
def test_memo_and_payer_are_told_apart_where_the_bank_does(written, memo, name, account):
    """No character of what the payer wrote is lost, and none is made up."""
    line = line_of(":61:261124C1,NTRFNONREF//1", f":86:{written}")
    assert (line.memo, line.payer_name, line.payer_account) == (memo, name, account)


def test_in_a_debit_the_other_side_is_the_payee():
    """And in a reversed debit too, where the parties stand as in the payment taken back."""
    told = ":86:/ORDP//NAME/KHO BAC/BENM//NAME/TRAN THI B/REMI/x"
    assert line_of(":61:261124D1,NTRFNONREF", told).payer_name == "TRAN THI B"
    assert line_of(":61:261124RD1,NTRFNONREF", told).payer_name == "TRAN THI B"


@pytest.mark.parametrize(
    "written",
    [
        "0281000999999",
        "BFTVVNVX/0281000999999",
        "0281000999999VND",
        "0281000999999/VND",
        "BFTVVNVX / 0281 000 999 999 VND",
    ],
)
def test_the_account_is_the_same_however_it_is_written(written):
    """A bank's code before it and a currency behind it are no part of the number."""
    assert parts(mt940([], account=written))[0].account == "0281000999999"


def test_an_account_may_name_its_bank_below():
    """Field 25P has the bank's code on a second line."""
    content = mt940([FIFTY]).replace(b":25:0281000999999", b":25P:0281000999999\nBFTVVNVX")
    assert parts(content)[0].account == "0281000999999"


def test_pages_become_one_statement():
    """60M and 62M are balances on the way; the lines are numbered through."""
    content = (
        mt940([FIFTY], opening=7, balances="FM", page="7/1", enveloped=True)
        + mt940([], opening=50_007, balances="MM", page="7/2", enveloped=True)
        + mt940([TEN], opening=50_007, balances="MF", page="7/3", enveloped=True)
    )
    start, *found, finish = parts(content)
    assert [type(part) for part in found] == [Line, Line]
    assert [line.number for line in found] == [1, 2]
    assert (start.opening, finish.closing, finish.balanced) == (7, 60_007, True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"closing": 50_001, "balances": "FM"}, {"opening": 50_001, "closing": 60_001}),
        ({"balances": "FM"}, {"opening": 50_001, "closing": 60_000}),
    ],
)
def test_a_balance_between_pages_that_differs_is_named(before, after):
    """The page is read, and the file says that its figures do not follow."""
    content = mt940([FIFTY], **before) + mt940([TEN], **after, balances="MF", page="7/2")
    assert end(content).balanced is False
    assert Figure.RUNNING in [one.figure for one in end(content).discrepancies]


PAGES = {
    "the last is missing": mt940([FIFTY], balances="FM"),
    "one between is missing": mt940([FIFTY], balances="FM")
    + mt940([TEN], opening=50_000, balances="MF", page="7/3"),
    "of another statement": mt940([FIFTY], balances="FM")
    + mt940([TEN], opening=50_000, balances="MF", page="8/2"),
    "of another account": mt940([FIFTY], balances="FM")
    + mt940([TEN], opening=50_000, balances="MF", page="7/2", account="0281000999998"),
    "a new statement": mt940([FIFTY], balances="FM") + mt940([TEN]),
}


@pytest.mark.parametrize("content", PAGES.values(), ids=PAGES)
def test_a_statement_without_all_its_pages_is_cut(content):
    """Its lines are not all there, so nothing of it is used."""
    assert refusal(content).code == "cut_file"


def test_a_first_page_that_is_a_later_one_is_refused():
    """Its opening balance is missing."""
    refused = refusal(mt940([FIFTY], balances="MF"))
    assert (refused.code, refused.fields["what"]) == ("missing_figure", ":60F:")


def test_a_file_may_hold_several_statements_and_empty_ones():
    """Each has its own start and end; one without a line is of the day of its closing balance."""
    content = mt940([FIFTY]) + mt940([], account="0281000999998") + mt940([TEN])
    found = parts(content)
    assert [type(part) for part in found] == [Start, Line, End, Start, End, Start, Line, End]
    assert found[3].from_day == date(2026, 11, 24)


def test_a_message_needs_no_end_mark():
    """The next field 20, or the end of the file, ends it."""
    content = (mt940([FIFTY]) + mt940([TEN])).replace(b"-\n", b"")
    assert [line.amount for line in lines(content)] == [50_000, 10_000]


def test_the_opening_balance_may_be_of_the_evening_before():
    """Its day is no day of the statement."""
    content = mt940([FIFTY]).replace(balance(0).encode(), b"C261123VND0,")
    assert parts(content)[0].from_day == date(2026, 11, 24)


def test_an_overdrawn_balance_is_below_zero():
    """D before a balance is its sign."""
    content = mt940([FIFTY], opening=-80_000)
    assert (parts(content)[0].opening, end(content).closing) == (-80_000, -30_000)


def test_a_statement_that_does_not_add_up_is_read_and_says_so():
    """Opening and lines come to 50,000, the bank says 49,999."""
    told = end(mt940([FIFTY], closing=49_999))
    assert told.balanced is False
    [differing] = told.discrepancies
    assert (differing.figure, differing.stated, differing.read) == (Figure.CLOSING, 49_999, 50_000)


def test_another_currency_is_read_exactly_and_refused_for_booking():
    """A dollar statement keeps its cents; it is not money of this service."""
    content = mt940([":61:261124C50000,25NTRFNONREF"], currency="USD")
    content = content.replace(b"VND", b"USD").replace(
        b"62F:C261124USD0,", b"62F:C261124USD50000,25"
    )
    [line] = lines(content)
    assert (line.currency, line.amount) == ("USD", Decimal("50000.25"))
    assert end(content).balanced is True
    with pytest.raises(OtherCurrency):
        in_dong(line.amount, currency=line.currency)


def test_fields_that_say_nothing_of_money_are_passed_over():
    """Available balances, the time of the report, words on the whole statement."""
    content = mt940([FIFTY]).replace(
        b"\n-\n", b"\n:64:C261124VND1,\n:65:C261125VND2,\n:65:C261126VND3,\n:86:XIN CAM ON\n-\n"
    )
    content = content.replace(b":25:", b":13D:2611241800+0700\n:21:NONREF\n:NS:22x\n:25:")
    assert lines(content) == lines(mt940([FIFTY]))


DIALECTS = {
    "CRLF": mt940([FIFTY, TEN], newline="\r\n"),
    "bare CR": mt940([FIFTY, TEN], newline="\r"),
    "blank lines": mt940([FIFTY, TEN], newline="\n\n"),
    "a byte order mark": b"\xef\xbb\xbf" + mt940([FIFTY, TEN]),
    "an envelope": mt940([FIFTY, TEN], enveloped=True),
    "a trailer": mt940([FIFTY, TEN], enveloped=True).replace(b"-}", b"-}{5:{CHK:1234567890AB}}"),
    "SWIFT's own marks": b"\x01" + mt940([FIFTY, TEN], enveloped=True) + b"$\x03",
    "an address": b"BFTVVNVX\n940\nBFTVVNVXXXX\n" + mt940([FIFTY, TEN]),
    "a kind": b":940:\n" + mt940([FIFTY, TEN]),
    "an old page number": mt940([FIFTY, TEN]).replace(b":28C:", b":28:"),
    "spaces at the end": mt940([FIFTY, TEN]).replace(b"\n", b"  \n"),
    "a statement without memos by its kind": mt940([FIFTY, TEN], enveloped=True).replace(
        b"{2:O940", b"{2:O950"
    ),
}


@pytest.mark.parametrize("content", DIALECTS.values(), ids=DIALECTS)
def test_the_same_statement_is_the_same_in_every_dialect(content):
    """Line ends, marks and envelopes change nothing of the money."""
    assert lines(content) == lines(mt940([FIFTY, TEN]))
    assert end(content).balanced is True


@pytest.mark.parametrize("encoding", ["utf-8", "cp1258", "latin-1"])
def test_a_memo_may_be_in_any_of_three_encodings(encoding):
    """Figures and tags are the same in all; letters with marks are told by the first that fits."""
    memo = "phí é Müller" if encoding == "latin-1" else "Phí Đươ\u0300ng é"
    written = mt940([FIFTY]).replace(b"nop le phi", memo.encode(encoding))
    assert lines(written)[0].memo == f"TTHC0123456797 {normalize('NFC', memo)}"
