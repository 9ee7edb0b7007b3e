"""Receipts follow refunds: they never say more than is kept, nor less once it came back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts
from payments.core.money import Dong
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.payouts import Part, Payout, Wanted
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import BY, NOON, Province, a_payment_request, a_province, paid
from tests.receipts import issue, open_a_pair, told
from tests.refunds import OTHER, PAYER, filed

NEXT = TODAY + timedelta(days=1)


@pytest.fixture
def province(session: Session) -> Province:
    """A province whose receipts are numbered in a series of each kind."""
    province = a_province(session)
    open_a_pair(session)
    return province


@pytest.fixture
def request_(province: Province) -> PaymentRequest:
    """A request of 100,000 phí and 50,000 lệ phí, paid, seen on a statement, with receipts."""
    request = a_payment_request(province, amount=150_000, le_phi=50_000)
    paid(province, request, payer=PAYER)
    a_statement(province, BankLine(150_000, request.reference, payer=PAYER), number="S1")
    run(province)
    assert [told(one)[2:] for one in issue(province)] == [(100_000, "issued"), (50_000, "issued")]
    return request


def given_back(province: Province, request: PaymentRequest, amount: int) -> Payout:
    """So much of the phí, proposed by one and approved by another."""
    session = province.session
    line = session.scalars(
        select(PaymentRequestLine.id).where(
            PaymentRequestLine.payment_request_id == request.id, PaymentRequestLine.kind == "phi"
        )
    ).one()
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    asked = Wanted(part=Part.FEES, to=to, reason="thôi nộp hồ sơ", lines={line: Dong(amount)})
    [credit] = province.credits()
    payout = payouts.propose_refund(session, credit, asked, by=BY, now=NOON, vault=province.vault)
    assert payouts.approve(session, payout, by=OTHER, now=NOON)
    return payout


def kept(province: Province) -> list[tuple[str, int, str]]:
    """Kind, amount and state of every receipt, after what is due was issued."""
    return [(kind, int(amount), state) for kind, _, amount, state in map(told, issue(province))]


PHI, LE_PHI = ("phi", 100_000, "issued"), ("le_phi", 50_000, "issued")


def test_the_receipt_of_fees_given_back_is_cancelled(
    province: Province, request_: PaymentRequest
) -> None:
    """All of the phí goes back: its receipt is cancelled in the same unit, the other stands."""
    given_back(province, request_, 100_000)
    assert kept(province) == [("phi", 100_000, "cancelled"), LE_PHI]
    assert unproved(province) == []


def test_the_receipt_of_fees_given_back_in_part_is_replaced(
    province: Province, request_: PaymentRequest
) -> None:
    """Another one says what is kept."""
    given_back(province, request_, 40_000)
    assert kept(province) == [("phi", 100_000, "replaced"), LE_PHI, ("phi", 60_000, "issued")]


@pytest.mark.parametrize("amount", [100_000, 40_000])
def test_a_refund_that_never_left_brings_the_receipt_back(
    province: Province, request_: PaymentRequest, amount: int
) -> None:
    """Rejected, the whole phí is paid again, and a receipt says so."""
    payout = given_back(province, request_, amount)
    issue(province)
    payouts.reject(province.session, payout, reason="sai số tài khoản", by=BY, now=NOON)
    assert kept(province)[-1] == PHI
    assert kept(province).count(PHI) == kept(province).count(LE_PHI) == 1


def test_a_refund_that_came_back_brings_the_receipt_back(
    province: Province, request_: PaymentRequest
) -> None:
    """The statement shows it leaving and coming back: a receipt of the whole phí again."""
    payout = given_back(province, request_, 100_000)
    filed(province)
    lines = [
        BankLine(-100_000, f"{payout.code} hoan phi", "FT8", day=NEXT),
        BankLine(100_000, f"HOAN TRA GD FT8 SAI SO TK {payout.code}", "FT9", day=NEXT),
    ]
    night = NOON + timedelta(days=2)
    a_statement(province, *lines, opening=150_000, day=NEXT, number="S2", now=night)
    run(province, NEXT)
    assert kept(province) == [("phi", 100_000, "cancelled"), LE_PHI, PHI]
    assert unproved(province) == []


def test_what_was_paid_too_much_stands_on_no_receipt(
    province: Province, request_: PaymentRequest
) -> None:
    """Held money goes back without a receipt being touched."""
    paid(province, request_, 20_000, payer=PAYER)
    opening = province.balance("assets:bank")
    line = BankLine(20_000, request_.reference, payer=PAYER, day=NEXT)
    a_statement(province, line, opening=opening, day=NEXT, number="S2")
    run(province, NEXT)
    credit = province.credits()[-1]
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    asked = Wanted(part=Part.HELD, to=to, reason="nộp hai lần", amount=Dong(20_000))
    payout = payouts.propose_refund(
        province.session, credit, asked, by=BY, now=NOON, vault=province.vault
    )
    payouts.approve(province.session, payout, by=OTHER, now=NOON)
    assert kept(province) == [PHI, LE_PHI]
