"""Eight people at once give each of many payments back whole: each goes back once.

Each of them proposes all that is held and approves what the others proposed. The same work done
naively, by summing first and writing then, is held to the same rule and breaks it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy.orm import Session

from payments import ledger, payouts
from payments.core.approvals import SamePerson
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.credits import Credit
from payments.payouts import Payout, PayoutMoved, RefundTooLarge
from reconciliation import proof
from tests.builders import NOON, a_province, a_vault
from tests.racing import at_once
from tests.refunds import seen_overpaid, wanted

TOO_MUCH = 20_000
PEOPLE = 8
MOST = 300

pytestmark = pytest.mark.committed

Attempt = Callable[[int, int], None]
"""One person, by number, tries to give one credit back, by number."""


def a_day(database: Database, count: int) -> tuple[int, Sequence[int]]:
    """So many payments with too much, seen on a statement: the account and the credits."""

    def unit(session: Session) -> tuple[int, list[int]]:
        province = a_province(session)
        credits = seen_overpaid(province, *[TOO_MUCH] * count)
        return province.account.id, [one.id for one in credits]

    return database.write(unit)


def all_try(attempt: Attempt, credits: Sequence[int]) -> None:
    """Everybody tries every credit, one credit after the other, all at the same moment."""
    together = threading.Barrier(PEOPLE)

    def tries(person: int) -> Callable[[], None]:
        def one_by_one() -> None:
            for credit in credits:
                together.wait()
                attempt(person, credit)

        return one_by_one

    at_once([tries(person) for person in range(PEOPLE)])


def given_once(refunds: Sequence[tuple[int, int]], credits: Sequence[int]) -> bool:
    """The rule: of each credit one refund, of all that was held and no more."""
    return sorted(refunds) == [(credit, TOO_MUCH) for credit in sorted(credits)]


def race(database: Database, count: int) -> None:
    """Proposes and approves by eight at once, then looks at everything."""
    account, credits = a_day(database, count)
    refused: Counter[type[CashlessError]] = Counter()

    def attempt(person: int, credit: int) -> None:
        who = f"staff:{person + 1}"
        for step in (_propose, _approve):
            try:
                database.write(lambda session, step=step: step(session, credit, by=who))
            except (RefundTooLarge, SamePerson, PayoutMoved) as refusal:
                refused[type(refusal)] += 1

    all_try(attempt, credits)

    database.read(lambda session: _check(session, account, credits))
    assert refused[RefundTooLarge] == (PEOPLE - 1) * count
    assert refused[SamePerson] + refused[PayoutMoved] == (PEOPLE - 1) * count


def _propose(session: Session, credit_id: int, *, by: str) -> None:
    credit = session.get_one(Credit, credit_id)
    payouts.propose_refund(session, credit, wanted(TOO_MUCH), by=by, now=NOON, vault=a_vault())


def _approve(session: Session, credit_id: int, *, by: str) -> None:
    """Somebody else than its proposer approves the refund that there is."""
    refund = session.scalars(select(Payout).where(Payout.credit_id == credit_id)).first()
    assert refund is not None
    payouts.approve(session, refund, by=by, now=NOON)


def _check(session: Session, account: int, credits: Sequence[int]) -> None:
    made = session.execute(select(Payout.credit_id, Payout.amount)).all()
    assert given_once([(credit, int(amount)) for credit, amount in made], credits)
    states = session.execute(select(Payout.state, Payout.approved_by != Payout.proposed_by))
    assert {tuple(one) for one in states} == {("approved", True)}
    kept = session.execute(select(Credit.held, Credit.refunded).distinct()).all()
    assert [tuple(one) for one in kept] == [(0, TOO_MUCH)]
    leaving = ledger.balances(session, account, on=NOON.date())[f"liabilities:payouts:{account}"]
    assert leaving == -TOO_MUCH * len(credits)
    assert [one for one in proof.prove(session, account=account) if not one.holds] == []


def test_each_payment_is_given_back_once(database: Database) -> None:
    """Forty payments, eight people at once."""
    race(database, 40)


@pytest.mark.prove
def test_each_of_three_hundred_payments_is_given_back_once(database: Database) -> None:
    """Three hundred, eight people at once."""
    race(database, MOST)


def test_summing_first_and_writing_then_gives_back_twice(database: Database) -> None:
    """The naive way, with as many people: the same rule is broken."""
    if database.is_sqlite:
        pytest.skip("the embedded engine has a single writer: there is nobody to race with")
    table = Table("naive_refund", MetaData(), Column("credit", Integer), Column("amount", Integer))
    database.write(lambda session: table.create(session.connection()))
    credits = range(1, MOST + 1)

    def give_back(session: Session, credit: int) -> None:
        given = select(func.coalesce(func.sum(table.c.amount), 0)).where(table.c.credit == credit)
        if (session.scalar(given) or 0) + TOO_MUCH <= TOO_MUCH:
            session.execute(insert(table).values(credit=credit, amount=TOO_MUCH))

    def attempt(_person: int, credit: int) -> None:
        database.write(lambda session: give_back(session, credit))

    all_try(attempt, credits)

    rows = database.read(lambda session: session.execute(select(table)).all())
    assert not given_once([(credit, amount) for credit, amount in rows], credits)
    assert sum(amount for _, amount in rows) > TOO_MUCH * MOST
