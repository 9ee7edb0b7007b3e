"""Everything at once on one account: settle loops, an import with its matching, a closing.

The same work done naively, by looking first and writing then, is run with as many threads to show
that they do meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
import time_machine
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy.orm import Session

from payments import agencies, credits, inbox, ledger, payment_requests, settlement
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.database import Database
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from reconciliation import breaks, jobs, proof
from reconciliation.day_close import AccountDay, RunUnderWay
from reconciliation.matching import LineMatch
from tests.bank import TODAY, BankLine, a_statement
from tests.builders import NOON, Province, a_message, a_payment_request, a_province, settle
from tests.racing import at_once
from tests.reconciliation.walking import match_account
from tests.services import a_service

NIGHT = NOON + timedelta(hours=13)
PAID = 60
UNTOLD = 10

pytestmark = pytest.mark.committed


def within(session: Session, province: Province) -> Province:
    """The same province, worked with in another session."""
    account = session.get_one(CollectionAccount, province.account.id)
    return Province(session, account, province.portal, province.intakes, province.vault)


def a_busy_day(session: Session) -> tuple[Province, list[str]]:
    """Requests, and messages of two sources for most of them, mixed and repeated."""
    province = a_province(session)
    requests = [
        a_payment_request(province, now=NOON - timedelta(hours=3)) for _ in range(PAID + UNTOLD)
    ]
    told = [
        (source, number) for source in ("sandbox", "payos", "sandbox") for number in range(PAID)
    ]
    Random(7).shuffle(told)
    for source, number in told:
        a_message(
            province,
            requests[number].reference,
            amount=50_000,
            source=source,
            event=str(number),
            reference=f"FT{number}",
        )
    return province, [request.reference for request in requests]


def test_loops_an_import_and_a_closing_at_once_do_no_harm(database: Database) -> None:
    """Four settle loops, an import with matching and a closing: each movement is booked once."""
    province, references = database.write(a_busy_day)

    def settle() -> None:
        for _ in range(400):
            database.write(
                lambda session: inbox.settle_account(
                    session, province.account.id, vault=province.vault, prefix="TTHC", now=NIGHT
                )
            )
            if not database.read(inbox.accounts_waiting):
                return

    def read_statement() -> None:
        lines = [
            BankLine(50_000, reference, f"FT{number}", at=NOON)
            for number, reference in enumerate(references)
        ]
        database.write(lambda session: a_statement(within(session, province), *lines))
        for _ in range(3):
            database.write(
                lambda session: match_account(
                    session, province.account.id, through=TODAY, now=NIGHT
                )
            )

    def close() -> None:
        def unit(session: Session) -> None:
            agencies.lock(session, province.account.id)
            ledger.close_day(session, province.account.id, TODAY, by="staff:2", now=NIGHT)

        database.write(unit)

    at_once([settle, settle, settle, settle, read_statement, close])
    settle()
    database.write(
        lambda session: match_account(session, province.account.id, through=TODAY, now=NIGHT)
    )

    database.read(lambda session: check(session, province))


def test_four_workers_and_two_schedulers_run_a_day_once(database: Database) -> None:
    """Whoever comes while a day is being run leaves it; each line is in one match."""
    province, references = database.write(a_busy_day)
    account, service = province.account.id, a_service(database)
    database.write(
        lambda session: inbox.settle_account(
            session, account, vault=province.vault, prefix="TTHC", now=NIGHT
        )
    )
    lines = [
        BankLine(50_000, reference, f"FT{number}", at=NOON)
        for number, reference in enumerate(references)
    ]
    database.write(lambda session: a_statement(within(session, province), *lines))
    refused: list[RunUnderWay] = []

    def work() -> None:
        try:
            jobs.run_day(database, account, TODAY)
        except RunUnderWay as busy:
            refused.append(busy)

    def schedule() -> None:
        jobs.run_due(service, clock.now())

    with time_machine.travel(NOON + timedelta(hours=20), tick=True):
        at_once([work, work, work, work, schedule, schedule])

    rows, matched = database.read(lambda session: (_days(session), _matched(session)))
    assert [(day.day, day.verdict) for day in rows] == [(TODAY, "reconciled")]
    assert rows[0].runs + len(refused) >= 4
    assert matched == len(references)
    database.read(lambda session: check(session, province))


def _days(session: Session) -> Sequence[AccountDay]:
    return session.scalars(select(AccountDay)).all()


def _matched(session: Session) -> int:
    """Live matches, each of another line."""
    return session.scalar(select(func.count(LineMatch.first_line_id.distinct()))) or 0


def check(session: Session, province: Province) -> None:
    """Every request paid once, every credit seen once, the ledger as if done one by one."""
    total = (PAID + UNTOLD) * 50_000
    statuses = [
        payment_requests.public_status(one) for one in session.scalars(select(PaymentRequest))
    ]
    alive = Credit.merged_into_id.is_(None)
    assert statuses == ["paid"] * (PAID + UNTOLD)
    assert session.scalar(select(func.count()).where(alive)) == PAID + UNTOLD
    assert session.scalar(select(func.count()).where(alive, Credit.match_id.is_(None))) == 0
    balances = ledger.balances(session, province.account.id, on=(NIGHT + timedelta(days=9)).date())
    assert {path.split(":")[1]: int(amount) for path, amount in balances.items() if amount} == {
        "bank": total,
        "fees": -total,
    }


def test_looking_first_and_writing_then_does_harm(database: Database) -> None:
    """The naive way, with as many threads: one movement is booked more than once."""
    if database.is_sqlite:
        pytest.skip("the embedded engine has a single writer: there is nobody to race with")
    naive = Table("naive_movement", MetaData(), Column("movement", Integer))
    database.write(lambda session: naive.create(session.connection()))

    def book_all() -> None:
        for movement in range(100):
            database.write(lambda session, movement=movement: book(session, movement))

    def book(session: Session, movement: int) -> None:
        known = select(func.count()).where(naive.c.movement == movement)
        if not session.scalar(known):
            session.execute(insert(naive).values(movement=movement))

    at_once([book_all] * 6)

    booked = database.read(lambda session: session.scalar(select(func.count()).select_from(naive)))
    assert booked is not None
    assert booked > 100


def test_an_assignment_is_taken_back_once(database: Database) -> None:
    """Two persons at once, and money that comes for the request: one does it, the other is told."""

    def given(session: Session) -> tuple[Province, int, int]:
        province = a_province(session)
        request = a_payment_request(province)
        a_message(province, "nop le phi", amount=50_000)
        settle(province)
        [credit] = province.credits()
        settlement.assign(session, credit, request, actor="staff:1", now=NIGHT)
        a_message(province, request.reference, amount=50_000, reference="FT2")
        one = credits.assignment(session, credit)
        assert one is not None
        return province, credit.id, one.id

    province, number, assignment = database.write(given)
    told = {"reason": "wrong", "by": "staff:1", "now": NIGHT}
    done: list[bool] = []

    def take_back() -> None:
        try:
            database.write(
                lambda session: breaks.unassign(
                    session, session.get_one(Credit, number), assignment, **told
                )
            )
        except settlement.NotAssigned:
            return
        done.append(True)

    def come() -> None:
        database.write(lambda session: settle(within(session, province), now=NIGHT))

    at_once([take_back, take_back, come, take_back])
    come()  # a loop that finds the account locked leaves it

    assert done == [True]
    found = database.read(lambda session: list(within(session, province).findings()))
    assert found == ["unidentified", "exact"]
    assert all(one.holds for one in database.read(proof.prove))
