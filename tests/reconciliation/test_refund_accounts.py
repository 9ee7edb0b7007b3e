"""The account that a payer names for what is kept of their payment to go back to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import payouts
from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.payment_requests import PaymentRequest
from payments.payouts import (
    MOST_NAMED,
    BankAccount,
    NamedTooOften,
    NothingKept,
    Payout,
    RefundAccount,
)
from tests.builders import BY, NOON, Province, a_payment_request, a_province, paid
from tests.racing import at_once
from tests.refunds import PAYER, seen_overpaid, wanted

LATER = NOON + timedelta(days=40)


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, a portal and every source."""
    return a_province(session)


def to(number: str = PAYER) -> BankAccount:
    """The payer's account, or another one in the same name."""
    return payouts.beneficiary("970422", number, "NGUYEN VAN MAU")


def overpaid(province: Province) -> PaymentRequest:
    """A request for which twenty thousand too much came."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 70_000)
    province.session.refresh(request)
    return request


def name(province: Province, request: PaymentRequest, number: str = PAYER) -> None:
    """The payer names an account."""
    payouts.name_account(province.session, request, to(number), now=NOON, vault=province.vault)


def named(province: Province) -> list[tuple[int, str]]:
    """What was named: which time, and the last digits."""
    rows = select(RefundAccount).order_by(RefundAccount.id)
    return [(one.number, one.hint) for one in province.session.scalars(rows)]


def test_what_the_payer_names_is_kept_in_order_and_the_same_not_twice(province: Province) -> None:
    """A form that is sent twice is one; another account is a second one, and counts."""
    request = overpaid(province)
    name(province, request)
    name(province, request)
    name(province, request, "0071000123456")
    name(province, request)
    assert named(province) == [(1, "2233"), (2, "3456"), (3, "2233")]
    last = payouts.newest(province.session, request.id)
    assert last is not None
    assert (last.number, last.bank) == (3, "MB Bank")


def test_neither_number_nor_name_is_kept_in_the_open(province: Province) -> None:
    """Not in the row, and not in the audit trail."""
    request = overpaid(province)
    name(province, request)
    [row] = province.session.scalars(select(RefundAccount))
    told = select(AuditEntry).where(AuditEntry.action == "refund_account.named")
    [entry] = province.session.scalars(told)
    for text in (row.beneficiary.decode("latin-1"), repr(entry.details), entry.subject or ""):
        assert PAYER not in text
        assert "NGUYEN" not in text
    assert entry.actor == "payer"
    opened = payouts.open_named(province.session, request, by=BY, now=NOON, vault=province.vault)
    assert opened is not None
    assert opened[1] == to()
    looked = select(AuditEntry.actor).where(AuditEntry.action == "refund_account.opened")
    assert province.session.scalars(looked).all() == [BY]


def test_only_what_is_kept_to_go_back_has_an_account(province: Province) -> None:
    """Not what pays a fee, and not a part while the rest of it can still be paid."""
    exact, part = (a_payment_request(province, amount=50_000) for _ in range(2))
    paid(province, exact)
    paid(province, part, 20_000)
    for request in (exact, part):
        province.session.refresh(request)
        with pytest.raises(NothingKept):
            name(province, request)
    assert named(province) == []
    payouts.name_account(province.session, part, to(), now=LATER, vault=province.vault)
    assert named(province) == [(1, "2233")]


def test_an_account_is_named_a_few_times_only(province: Province, session: Session) -> None:
    """And the database holds it too; what was named is never changed."""
    request = overpaid(province)
    for number in range(MOST_NAMED):
        name(province, request, f"00{number}")
    with pytest.raises(NamedTooOften):
        name(province, request, "99")
    name(province, request, f"00{MOST_NAMED - 1}")  # the one that stands
    assert len(named(province)) == MOST_NAMED
    row = {"payment_request_id": request.id, "beneficiary": b"x", "bin": "970422", "hint": "1"}
    for number in (MOST_NAMED + 1, MOST_NAMED, 0):
        values = {**row, "number": number, "named_at": NOON}
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(insert(RefundAccount).values(values))
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(update(RefundAccount).values(hint="0000"))


def test_a_refund_says_whether_it_goes_where_the_payer_named(province: Province) -> None:
    """What was named last when it was proposed; nothing else is believed by it."""
    first, second, third = seen_overpaid(province, 1_000, 2_000, 3_000)
    session = province.session

    def proposed(credit_id: int, *numbers: str) -> Payout:
        credit = next(one for one in (first, second, third) if one.id == credit_id)
        request = session.get_one(PaymentRequest, credit.payment_request_id)
        for number in numbers:
            name(province, request, number)
        asked = wanted(500)
        return payouts.propose_refund(session, credit, asked, by=BY, now=NOON, vault=province.vault)

    assert proposed(first.id).refund_account_id is None
    there = proposed(second.id, PAYER)
    last = payouts.newest(session, there.payment_request_id or 0)
    assert last is not None
    assert there.refund_account_id == last.id
    assert proposed(third.id, PAYER, "0071000123456").refund_account_id is None


@pytest.mark.committed
def test_accounts_named_at_once_are_each_one_of_the_few(database: Database) -> None:
    """Eight at the same moment: as many as there may be, in order, the others told."""

    def world(session: Session) -> tuple[int, Province]:
        province = a_province(session)
        return overpaid(province).id, province

    request, province = database.write(world)
    refused = []

    def one(number: int) -> None:
        def unit(session: Session) -> None:
            payouts.name_account(
                session,
                session.get_one(PaymentRequest, request),
                to(f"00{number}"),
                now=NOON,
                vault=province.vault,
            )

        try:
            database.write(unit)
        except NamedTooOften:
            refused.append(number)

    at_once([lambda number=number: one(number) for number in range(8)])
    rows = select(RefundAccount.number).order_by(RefundAccount.number)
    numbers = database.read(lambda session: list(session.scalars(rows)))
    assert numbers == list(range(1, MOST_NAMED + 1))
    assert len(refused) == 8 - MOST_NAMED
