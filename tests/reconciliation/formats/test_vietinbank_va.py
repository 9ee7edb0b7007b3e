"""VietinBank's daily file of virtual accounts: shown with the bank's results, never booked."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO

import pytest

from payments.core.vault import Vault
from reconciliation.formats import End, Figure, Line, Start, UnreadableFile, read
from reconciliation.formats.refusals import NotAStatement
from reconciliation.statements import Received
from reconciliation.statements.reading import read as read_for_booking
from tests.va_files import KEY, payment, va_file


def parts(content: bytes, key: str = ""):
    return list(read(BytesIO(content), key=key))


def refusal(content: bytes, key: str = "") -> UnreadableFile:
    with pytest.raises(UnreadableFile) as refused:
        parts(content, key)
    return refused.value


def test_a_payment_is_read_with_the_bank_s_result():
    """Amount, moment, payer and what finds it: the virtual account and the bill."""
    start, line, end = parts(va_file([payment(status="03")]))
    assert (start.format, start.account, start.message) == (
        "vietinbank_va",
        "0281000999999",
        "VietinBank VA",
    )
    assert (line.amount, line.credit, line.result) == (50_000, True, "03")
    assert (line.day, line.booked_at) == (
        date(2026, 11, 24),
        datetime(2026, 11, 24, 2, 30, tzinfo=UTC),
    )
    assert (line.payer_name, line.payer_account) == ("NGUYEN VAN AN", "101000000001")
    assert (line.bank_reference, line.memo) == ("FT26328000001", "TTHC0123456797 HS17")
    assert (end.balanced, end.declared_count) == (None, 1)


def test_a_payment_the_bank_has_not_got_moves_nothing():
    """It is shown, and counted as a record, but not added up."""
    records = [payment(), payment(status="02", bankTransId=""), payment(status="01")]
    *_, end = parts(va_file(records))
    assert (end.count, end.credits, end.declared_count, end.balanced) == (2, 100_000, 3, None)


def test_yesterday_s_payments_are_compared_once_more():
    """Record type 003 tells of the day before, by its time."""
    records = [payment(), payment(recordType="003", transTime="2026-11-23 23:59:59")]
    days = [part.day for part in parts(va_file(records)) if isinstance(part, Line)]
    assert days == [date(2026, 11, 24), date(2026, 11, 23)]


def test_each_account_has_its_own_payments():
    """A payment into another account of the provider begins anew."""
    records = [payment(), payment(merchantAcctNo="0281000888888"), payment()]
    found = parts(va_file(records))
    assert [part.account for part in found if isinstance(part, Start)] == [
        "0281000999999",
        "0281000888888",
        "0281000999999",
    ]
    assert [type(part) for part in found] == [Start, Line, End] * 3
    assert found[-1].balanced is None


def test_a_number_of_records_that_differs_is_named():
    """The footer says two, there is one: the file is read, and says so."""
    end = parts(va_file([payment()], count=2))[-1]
    assert end.balanced is False
    [differing] = end.discrepancies
    assert (differing.figure, differing.stated, differing.read) == (Figure.COUNT, 2, 1)


def test_checksums_are_checked_with_the_bank_s_key():
    """With it they are right or the file is refused; without it, it is said that they were not."""
    content = va_file([payment(), payment()])
    assert parts(content)[-1].checksums_checked is False
    assert parts(content, KEY)[-1].checksums_checked is True
    changed = content.replace(b"|50000|", b"|60000|", 1)
    assert len(parts(changed)) == 4
    assert (refusal(changed, KEY).code, refusal(changed, KEY).fields["line"]) == (
        "wrong_checksum",
        2,
    )
    assert refusal(content.replace(b"|admin|", b"|other|"), KEY).fields["line"] == 4
    assert refusal(content, "another key").code == "wrong_checksum"


@pytest.mark.parametrize("header", [None, "001|TINHX|20261125", "RECORDTYPE|x"])
def test_the_header_may_say_anything(header):
    """What it holds is not known; the records say what the file is."""
    assert len(parts(va_file([payment()], header=header))) == 3


def test_a_day_without_payments_is_a_file_without_records():
    """Header and footer only."""
    start, end = parts(va_file([]))
    assert (start.account, end.count, end.declared_count) == (None, 0, 0)


BAD = {
    "an amount with thousands": ({"amount": "50.000"}, "unreadable_amount"),
    "half a đồng": ({"amount": "50000.5"}, "fraction_of_dong"),
    "no amount": ({"amount": ""}, "unreadable_amount"),
    "no currency": ({"currencyCode": ""}, "unknown_currency"),
    "another result": ({"status": "04"}, "unknown_indicator"),
    "no result": ({"status": ""}, "unknown_indicator"),
    "no time": ({"transTime": ""}, "unreadable_date"),
    "a day the calendar has not": ({"transTime": "20260230093000"}, "unreadable_date"),
    "another record": ({"recordType": "004"}, "malformed_field"),
    "a field too many": ({"custName": "A|B"}, "malformed_field"),
}


@pytest.mark.parametrize(("fields", "code"), BAD.values(), ids=BAD)
def test_a_record_that_cannot_be_read_is_refused_with_its_line(fields, code):
    """The second record stands on line 3."""
    refused = refusal(va_file([payment(), payment(**fields)]))
    assert (refused.code, refused.fields["line"]) == (code, 3)


def test_a_file_without_its_footer_is_cut():
    """Wherever it is cut, until its last checksum is whole."""
    content = va_file([payment(), payment()])
    for length in range(400, len(content) - 2):
        assert refusal(content[:length]).code in {"cut_file", "malformed_field"}, length


def test_nothing_stands_behind_the_footer():
    """A record there would be in no count."""
    content = va_file([payment()])
    assert refusal(content + payment().encode()).code == "misplaced_figure"


def test_bytes_that_are_no_utf_8_are_refused():
    """The bank writes UTF-8, and the checksum is of its characters."""
    refused = refusal(va_file([payment()]).replace(b"AN|", b"\xc1N|"))
    assert (refused.code, refused.fields["line"]) == ("unreadable_text", 2)


def test_it_is_never_booked():
    """Whoever imports it is told what it is."""
    with pytest.raises(NotAStatement) as refused:
        read_for_booking(
            Received(va_file([payment()]), "20261125_TINHX_THUHOTKAO_IN.txt"),
            vault=Vault([b"0" * 32]),
            prefix="TTHC",
        )
    assert refused.value.fields["message"] == "VietinBank VA"
