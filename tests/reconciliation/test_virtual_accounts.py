"""A request's own number: whoever pays to it needs no memo, in messages and on statements alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, payment_requests, references, vietqr
from payments.agencies import InvalidVirtualPrefix, VirtualPrefixTaken
from payments.core.errors import CashlessError
from payments.payment_requests import PaymentRequest
from reconciliation.matching import LineMatch
from reconciliation.statements import StatementLine
from tests.bank import BankLine, a_statement, imported, run, unproved
from tests.builders import (
    BY,
    NOON,
    Province,
    a_message,
    a_payment_request,
    a_province,
    settle,
)

PREFIX = "99MM"
REPLACED = "CT DEN:164T24200GKAJ7BY CK"
"""What a bank may write in place of the payer's memo."""


@pytest.fixture
def province(session: Session) -> Iterator[Province]:
    """A province whose requests have numbers of their own; its ledger proves after a test."""
    one = a_province(session)
    agencies.use_virtual_accounts(
        session, one.account.id, PREFIX, by=BY, now=NOON - timedelta(days=1)
    )
    yield one
    assert unproved(one) == []


def own_number(request: PaymentRequest) -> str:
    """The number that the request is paid to."""
    return references.virtual_account(request.reference, PREFIX)


def told(province: Province, request: PaymentRequest) -> dict[str, str]:
    """Where the request's public picture says that it is paid."""
    one = select(PaymentRequest.id).where(PaymentRequest.id == request.id)
    return payment_requests.snapshots(province.session, one)[request.id]["pay_to"]


def rules(province: Province) -> list[tuple[str, list[str]]]:
    """The rule and reasons of each match."""
    rows = province.session.execute(
        select(LineMatch.rule, LineMatch.reasons).order_by(LineMatch.first_line_id)
    )
    return [(rule, reasons) for rule, reasons in rows]


@pytest.mark.parametrize("source", ["sandbox", "sepay", "payos"])
def test_a_message_that_names_the_number_pays_the_request(province: Province, source: str) -> None:
    """The memo was replaced by the bank's own words; each source has a field for the number."""
    request = a_payment_request(province)
    number = own_number(request)
    a_message(province, REPLACED, amount=50_000, source=source, virtual_account=number)
    settle(province)

    assert province.findings() == ["exact"]


def test_two_sources_and_the_statement_tell_of_one_credit(province: Province) -> None:
    """By the number alone: no reference in common, no memo, no payer."""
    request = a_payment_request(province)
    number = own_number(request)
    for source in ("sepay", "sandbox"):
        a_message(province, REPLACED, amount=50_000, source=source, virtual_account=number)
    settle(province)
    a_statement(province, BankLine(50_000, REPLACED, paid_to=number))
    run(province)

    assert province.findings() == ["exact"]
    assert rules(province) == [("virtual_account", ["same_virtual_account", "same_amount"])]


def test_equal_transfers_to_one_number_stay_as_many(province: Province) -> None:
    """Paid twice: the second is a duplicate, on the statement as in the messages."""
    number = own_number(a_payment_request(province))
    for _ in range(2):
        a_message(province, "", amount=50_000, virtual_account=number)
    settle(province)
    a_statement(province, *[BankLine(50_000, "", paid_to=number) for _ in range(2)])
    run(province)

    assert province.findings() == ["exact", "duplicate"]
    assert [rule for rule, _ in rules(province)] == ["virtual_account"] * 2


def test_a_line_that_nobody_told_pays_the_request_of_its_number(province: Province) -> None:
    """A missed callback, seen on the statement."""
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, REPLACED, paid_to=own_number(request)))
    run(province)

    province.session.refresh(request)
    assert (request.status, province.findings()) == ("paid", ["exact"])


def test_a_line_with_the_code_confirms_what_was_told_by_the_number(province: Province) -> None:
    """The statement gives the memo, the message the number: both name one request."""
    request = a_payment_request(province)
    a_message(province, "", amount=50_000, virtual_account=own_number(request))
    settle(province)
    a_statement(province, BankLine(50_000, request.reference))
    run(province)

    assert [rule for rule, _ in rules(province)] == ["code"]


def test_the_number_goes_before_the_memo(province: Province) -> None:
    """A payer who scans one request's QR and types another's code pays the one scanned."""
    scanned, typed = a_payment_request(province), a_payment_request(province)
    number = own_number(scanned)
    a_message(province, typed.reference, amount=50_000, virtual_account=number)
    settle(province)

    province.session.refresh(scanned)
    province.session.refresh(typed)
    assert (scanned.status, typed.status) == ("paid", "open")


@pytest.mark.parametrize(
    "number",
    [
        "0011001234567",
        "98MM1234567894",
        "99MM1234567893",
        "99MM123456789",
        "99MM12345678940",
        "99MM１２３４５６７８９４",
    ],
)
def test_a_number_that_is_none_of_ours_names_nobody(province: Province, number: str) -> None:
    """The account's own, another prefix, a wrong check digit, too short, too long, not ASCII."""
    a_message(province, "nop le phi", amount=50_000, virtual_account=number)
    settle(province)

    assert province.findings() == ["unidentified"]


def test_a_number_never_issued_names_nobody(province: Province) -> None:
    """A good check digit is no request."""
    a_message(province, "", amount=50_000, virtual_account="99MM1234567894")
    settle(province)

    assert province.findings() == ["unidentified"]


def test_a_sheet_may_have_a_column_of_the_number(province: Province) -> None:
    """A layout says which column holds it."""
    request = a_payment_request(province)
    sheet = (
        "Ngày giao dịch,Số tham chiếu,+/- (Thay đổi),Số tiền,Mô tả,Tài khoản định danh\n"
        f'24/11/2026,FT1,+,"50,000",{REPLACED},{own_number(request)}\nTổng,,,"50,000",,\n'
    )
    imported(province, sheet.encode(), filename="day.csv", layouts=LAYOUT)
    run(province)

    assert province.findings() == ["exact"]


LAYOUT = """
[own_bank]
bank = ""
currency = "VND"
encodings = ["utf-8"]
delimiter = ","
days = "dd/mm/yyyy"
thousands = "comma"
stable_references = false
ends_at = ["Tổng"]
total = "net"

[own_bank.columns]
day = ["Ngày giao dịch"]
bank_reference = ["Số tham chiếu"]
sign = ["+/- (Thay đổi)"]
amount = ["Số tiền"]
memo = ["Mô tả"]
virtual_account = ["Tài khoản định danh"]

[own_bank.signs]
"+" = "credit"
"-" = "debit"
"""


def test_the_request_says_where_it_is_paid(province: Province) -> None:
    """The QR leads to its own number and carries its code as well; nothing changes later."""
    request = a_payment_request(province)
    pay_to = told(province, request)

    assert (pay_to["account"], pay_to["memo"]) == (own_number(request), request.reference)
    assert vietqr.decode(pay_to["qr"]).account == own_number(request)


def test_what_was_issued_before_or_after_is_paid_to_the_account(province: Province) -> None:
    """A request keeps the number that its QR shows; an old number is recognised for good."""
    session, account = province.session, province.account
    before = a_payment_request(province, now=NOON - timedelta(days=2))
    during = a_payment_request(province)
    agencies.end_virtual_accounts(session, account.id, by=BY, now=NOON + timedelta(hours=1))
    after = a_payment_request(province, now=NOON + timedelta(hours=2))
    assert [told(province, one)["account"] for one in (before, during, after)] == [
        account.number,
        own_number(during),
        account.number,
    ]

    a_message(province, "", amount=50_000, virtual_account=own_number(during))
    settle(province)
    assert province.findings() == ["exact"]


@pytest.mark.parametrize(
    ("prefix", "error"),
    [
        ("", InvalidVirtualPrefix),
        ("TOOLONG123", InvalidVirtualPrefix),
        ("99 M", InvalidVirtualPrefix),
        ("ＭＭ", InvalidVirtualPrefix),
        (PREFIX, VirtualPrefixTaken),
        ("001", VirtualPrefixTaken),
    ],
)
def test_a_prefix_that_cannot_work_is_refused(
    province: Province, prefix: str, error: type[CashlessError]
) -> None:
    """No sign of it, too long for a QR, in use, or one under which a real account falls."""
    with pytest.raises(error):
        agencies.use_virtual_accounts(
            province.session, province.account.id, prefix, by=BY, now=NOON
        )


def test_a_request_and_its_number_have_the_same_digits() -> None:
    """So many as a reference code has."""
    assert agencies.virtual_accounts.DIGITS == references.DIGITS


def test_the_line_keeps_the_number_it_was_paid_to(province: Province) -> None:
    """Only ours: the account's own number, which CAMT names on every line, says nothing."""
    request = a_payment_request(province)
    number = own_number(request)
    a_statement(
        province,
        BankLine(50_000, "", "FT1", paid_to=number),
        BankLine(1_000, "", "FT2", paid_to=province.account.number),
    )

    kept = select(StatementLine.virtual_account).order_by(StatementLine.id)
    assert list(province.session.scalars(kept)) == [number, None]
