"""Messages about payouts that came back: no payer's money, whichever source tells of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts
from payments.inbox import Callback
from payments.payouts import Payout
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import (
    BY,
    NOON,
    Province,
    a_message,
    a_payment_request,
    a_province,
    settle,
)
from tests.refunds import approved, filed, seen_overpaid

NEXT = TODAY + timedelta(days=1)
LATER = NOON + timedelta(days=1)


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, a portal and every source."""
    return a_province(session)


@pytest.fixture
def payout(province: Province) -> Payout:
    """A refund of 20,000 in a file for the bank."""
    [credit] = seen_overpaid(province, 20_000)
    made = approved(province, credit, 20_000)
    filed(province)
    return made


def coming_back(code: str) -> str:
    """The bank's text of money that comes back."""
    return f"HOAN TRA GD FT2633012345 SAI SO TK IBBIZ0123456789.123456.{code} hoan phi"


def told(province: Province) -> list[tuple[str, str | None]]:
    """(state, reason) of the messages that came after the payer's, in order."""
    rows = province.session.execute(
        select(Callback.state, Callback.reason).order_by(Callback.id).offset(1)
    )
    return [(state, reason) for state, reason in rows]


@pytest.mark.parametrize("source", ["sandbox", "sepay", "sepay_key", "payos"])
def test_money_that_comes_back_is_no_payers(
    province: Province, payout: Payout, source: str
) -> None:
    """The message is kept as rejected, with its reason; no credit, no entry, and all proves."""
    held = province.balance("liabilities:held")
    a_message(province, coming_back(payout.code), amount=20_000, source=source, at=LATER)
    assert settle(province, now=LATER) == 1
    assert told(province) == [("rejected", "returned_payout")]
    assert len(province.credits()) == 1
    assert province.balance("liabilities:held") == held
    assert unproved(province) == []
    assert settle(province, now=LATER) == 0


def test_the_statement_alone_brings_it_back(province: Province, payout: Payout) -> None:
    """Told by two sources and twice over, before its line or after: it is returned once."""
    memo = coming_back(payout.code)
    a_message(province, memo, amount=20_000, at=LATER, event="e1", reference="FT9")
    settle(province, now=LATER)
    opening = province.balance("assets:bank")
    lines = [
        BankLine(-20_000, f"{payout.code} hoan phi", "FT8", day=NEXT),
        BankLine(20_000, memo, "FT9", day=NEXT),
    ]
    night = NOON + timedelta(days=2)
    a_statement(province, *lines, opening=opening, day=NEXT, number="S2", now=night)
    run(province, NEXT)
    a_message(province, memo, amount=20_000, at=LATER, event="e1", reference="FT9")
    a_message(province, memo, amount=20_000, at=LATER, source="sepay", reference="FT9")
    settle(province, now=night)
    province.session.expire_all()
    assert payout.state == "returned"
    assert told(province) == [("rejected", "returned_payout")] * 2
    [credit] = province.credits()
    assert (credit.held, credit.refunded) == (20_000, 0)
    assert unproved(province) == []


def test_with_payers_money_in_one_set_only_it_is_left_out(
    province: Province, payout: Payout
) -> None:
    """A payer's message taken in the same set is settled as ever."""
    request = a_payment_request(province, now=NOON)
    a_message(province, coming_back(payout.code), amount=20_000, at=LATER)
    a_message(province, request.reference, amount=50_000, at=LATER)
    assert settle(province, now=LATER) == 2
    assert told(province) == [("rejected", "returned_payout"), ("taken", None)]
    province.session.refresh(request)
    assert request.received == 50_000


def test_what_is_not_exactly_that_payout_is_money_that_came(
    province: Province, payout: Payout
) -> None:
    """Another amount, a code that is cut, or one that nobody was sent: a credit for staff."""
    unknown = "CHTR0000000000"
    assert unknown != payout.code
    a_message(province, coming_back(payout.code), amount=19_000, at=LATER)
    a_message(province, coming_back(payout.code[:-2]), amount=20_000, at=LATER)
    a_message(province, coming_back(unknown), amount=20_000, at=LATER)
    a_message(province, f"{payout.code} {unknown}", amount=20_000, at=LATER)
    settle(province, now=LATER)
    assert told(province) == [("taken", None)] * 4
    assert province.findings()[1:] == ["unidentified"] * 4


def test_a_payout_that_never_went_to_the_bank_can_not_come_back(province: Province) -> None:
    """Money that names one which is proposed, approved or rejected is somebody's."""
    first, second = seen_overpaid(province, 20_000, 20_000)
    waiting, stopped = approved(province, first, 20_000), approved(province, second, 20_000)
    payouts.reject(province.session, stopped, reason="sai số tài khoản", by=BY, now=NOON)
    for payout in (waiting, stopped):
        a_message(province, coming_back(payout.code), amount=20_000, at=LATER)
    settle(province, now=LATER)
    assert told(province)[1:] == [("taken", None)] * 2


def test_the_payout_of_another_account_does_not_come_back_here(
    session: Session, province: Province, payout: Payout
) -> None:
    """An account's message is held against that account's payouts alone."""
    other = a_province(session, number="0011009999999", name=" 2")
    a_message(other, coming_back(payout.code), amount=20_000, at=LATER)
    settle(other, now=LATER)
    assert told(province) == [("taken", None)]
