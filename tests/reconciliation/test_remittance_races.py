"""Proposing and approving remittances at once: each fee is in one, and leaves once.

The same done naively, by looking in one unit and writing in another without the account's lock and
without telling the fee lines, is run with as many threads to show that they do meet.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments import payouts
from payments.agencies import CollectionAccount
from payments.core.approvals import ProposalDecided
from payments.core.database import Database
from payments.core.money import Dong
from payments.credits import Credit
from payments.payouts import LIVE, Payout, PayoutItem, RemittanceRoute, State, Wanted
from payments.payouts.remittances import kept
from tests.builders import BY, NOON, Province, a_payment_request, a_province, a_vault, paid
from tests.reconciliation.test_races import at_once
from tests.remittances import both_routes, seen

FEES, THREADS = 60, 8
LATER = NOON + timedelta(hours=14)

pytestmark = pytest.mark.committed


def due_fees(session: Session) -> int:
    """Fees on a statement; the account's id."""
    province: Province = a_province(session)
    both_routes(province)
    for _ in range(FEES):
        paid(province, a_payment_request(province, amount=50_000, le_phi=20_000))
    seen(province)
    return province.account.id


def times_in_live_remittances(session: Session) -> list[int]:
    """How often each fee that is in a live remittance is in one."""
    rows = (
        select(func.count())
        .select_from(PayoutItem)
        .join(Payout, Payout.id == PayoutItem.payout_id)
        .where(Payout.state.in_(LIVE))
        .group_by(PayoutItem.credit_id, PayoutItem.payment_request_line_id, PayoutItem.fee_day)
    )
    return list(session.scalars(rows))


def test_eight_that_propose_at_once_propose_each_fee_once(database: Database) -> None:
    """Sixty requests of two fees each: two remittances, whoever came first."""
    account = database.write(due_fees)

    def propose() -> None:
        database.write(
            lambda session: payouts.propose_remittances(
                session,
                session.get_one(CollectionAccount, account),
                by=BY,
                now=LATER,
                vault=a_vault(),
            )
        )

    at_once([propose] * THREADS)

    assert database.read(times_in_live_remittances) == [1] * FEES * 2
    made = database.read(lambda session: session.scalars(select(Payout.amount)).all())
    assert sorted(made) == [FEES * 20_000, FEES * 30_000]


def test_eight_that_approve_at_once_forward_once(database: Database) -> None:
    """One approves, the others are told that it was decided; each credit leaves whole and once."""
    account = database.write(due_fees)
    database.write(
        lambda session: payouts.propose_remittances(
            session, session.get_one(CollectionAccount, account), by=BY, now=LATER, vault=a_vault()
        )
    )
    numbers = database.read(lambda session: session.scalars(select(Payout.id)).all())
    told: list[str] = []

    def approve(person: int) -> None:
        for number in numbers:
            try:
                database.write(
                    lambda session, number=number: payouts.approve(
                        session, session.get_one(Payout, number), by=f"staff:{person}", now=LATER
                    )
                )
            except (payouts.PayoutMoved, ProposalDecided) as error:
                told.append(error.code)

    at_once([lambda person=person: approve(person) for person in range(10, 10 + THREADS)])

    assert len(told) == len(numbers) * (THREADS - 1)
    states = database.read(lambda session: session.scalars(select(Payout.state)).all())
    assert states == [State.APPROVED.value] * 2
    left = database.read(lambda session: session.scalars(select(Credit.remitted)).all())
    assert left == [50_000] * FEES


def test_done_naively_a_fee_is_in_several(database: Database) -> None:
    """The check fails where it has to: what was looked up is old when it is written."""
    account = database.write(due_fees)
    looked = threading.Barrier(THREADS)

    def propose(number: int) -> None:
        fees = database.read(lambda session: session.execute(kept(account, but=LIVE)).all())
        looked.wait()
        database.write(lambda session: write_down(session, account, fees, number=number))

    at_once([lambda number=number: propose(number) for number in range(THREADS)])

    assert database.read(times_in_live_remittances) == [THREADS] * FEES * 2


def write_down(session: Session, account: int, fees: Sequence[Any], *, number: int) -> None:
    """A remittance of fees as somebody writes it who asks nobody."""
    route = session.scalars(select(RemittanceRoute).limit(1)).one()
    payout = Payout(
        public_id=f"naive {number}",
        code=f"CHTR{number}",
        kind="remittance",
        state="proposed",
        collection_account_id=account,
        remittance_route_id=route.id,
        agency_id=route.agency_id,
        fee_kind=route.kind,
        amount=Dong(sum(amount for _, _, _, amount, *_ in fees)),
        reason="naive",
        elsewhere=False,
        beneficiary=b"",
        beneficiary_bin=route.bin,
        beneficiary_hint="",
        proposed_by=BY,
        proposed_at=LATER,
    )
    session.add(payout)
    session.flush()
    for credit, line, day, amount, *_ in fees:
        session.add(
            PayoutItem(
                collection_account_id=account,
                payout_id=payout.id,
                credit_id=credit,
                part="fees",
                payment_request_line_id=line,
                fee_day=day,
                amount=amount,
            )
        )


def test_a_refund_and_a_remittance_at_once_never_take_the_same_fee(database: Database) -> None:
    """Whichever comes first has it; the other is refused, or leaves it out."""
    account = database.write(due_fees)

    def refund() -> None:
        for number in database.read(lambda session: session.scalars(select(Credit.id)).all()):

            def unit(session: Session, number: int = number) -> None:
                credit = session.get_one(Credit, number)
                line = payouts.paid_fees(session, credit)[0]
                to = payouts.beneficiary("970422", "9704229200112233", "NGUYEN VAN MAU")
                asked = Wanted(
                    part=payouts.Part.FEES, to=to, reason="r", lines={line.line_id: line.amount}
                )
                payouts.propose_refund(session, credit, asked, by=BY, now=LATER, vault=a_vault())

            with contextlib.suppress(payouts.FeesForwarded):
                database.write(unit)

    def remit() -> None:
        for _ in range(4):
            database.write(
                lambda session: payouts.propose_remittances(
                    session,
                    session.get_one(CollectionAccount, account),
                    by=BY,
                    now=LATER,
                    vault=a_vault(),
                )
            )

    at_once([refund, remit, remit])

    assert set(database.read(times_in_live_remittances)) == {1}
