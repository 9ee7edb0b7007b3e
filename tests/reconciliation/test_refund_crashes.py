"""A refund's life cut short between any two SQL commands, and its work done again: the same end.

Proposed, approved, filed, seen leaving, seen coming back. Who does it again looks whether a refund
of the payment was proposed, and does all else blindly, as somebody who never heard the answer.
Beside it a naive filing, to show that this can fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random

import pytest
import time_machine
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy.orm import Session

from payments import ledger, payouts
from payments.agencies import CollectionAccount
from payments.core import files
from payments.core.database import Database
from payments.credits import Credit
from payments.outbox import Event
from payments.payment_requests import PaymentRequest
from payments.payouts import NothingToFile, PaymentFile, Payout, PayoutMoved
from reconciliation import jobs, proof
from reconciliation.breaks import Break
from reconciliation.matching import LineMatch
from reconciliation.statements import Received, StatementLine
from tests import dying
from tests.bank import TODAY, BankLine, camt
from tests.builders import BY, NOON, a_province, a_vault
from tests.refunds import OTHER, seen_overpaid, wanted
from tests.services import a_service
from tests.stores import Stores, opened

NEXT = TODAY + timedelta(days=1)
LATER = NOON + timedelta(days=1)
NIGHT = LATER + timedelta(hours=13)
TOO_MUCH = (20_000, 30_000)
SAMPLED = 4
REFUSED = (PayoutMoved, NothingToFile)
"""What somebody hears who does again what was done."""


def a_day_before(session: Session) -> int:
    """Two payers paid too much, and the statement shows it; the account's number."""
    province = a_province(session)
    seen_overpaid(province, *TOO_MUCH)
    return province.account.id


def live(database: Database, account_id: int, *, again: bool) -> None:
    """Both refunds from the proposal to the bank's statement of the next day.

    Somebody who does it again is told where there is nothing left to do.
    """
    steps: list[Callable[[Session], object]] = []
    for too_much in TOO_MUCH:
        steps += [_proposing(too_much), _approving(too_much)]
    for step in [*steps, _filing(account_id)]:
        try:
            database.write(step)
        except REFUSED:
            assert again
    account, content = database.read(lambda session: _statement(session, account_id))
    service = a_service(database)
    jobs.import_statement(service, Received(content, "next.xml"), account=account, by=BY)
    jobs.run_day(database, account_id, NEXT)


def _proposing(too_much: int) -> Callable[[Session], object]:
    def unit(session: Session) -> object:
        credit = session.scalars(select(Credit).where(Credit.amount == 50_000 + too_much)).one()
        if session.scalar(select(Payout.id).where(Payout.credit_id == credit.id)) is not None:
            return None
        return payouts.propose_refund(
            session, credit, wanted(too_much), by=BY, now=LATER, vault=a_vault()
        )

    return unit


def _approving(too_much: int) -> Callable[[Session], object]:
    def unit(session: Session) -> object:
        payout = session.scalars(select(Payout).where(Payout.amount == too_much)).one()
        return payouts.approve(session, payout, by=OTHER, now=LATER)

    return unit


def _filing(account_id: int) -> Callable[[Session], object]:
    def unit(session: Session) -> object:
        account = session.get_one(CollectionAccount, account_id)
        return payouts.file_all(session, account, by=BY, now=LATER, vault=a_vault())

    return unit


def _statement(session: Session, account_id: int) -> tuple[CollectionAccount, bytes]:
    """The bank's file of the next day: what the payment files ordered left, and one came back."""
    account = session.get_one(CollectionAccount, account_id)
    first, second = session.scalars(select(Payout).order_by(Payout.amount)).all()
    lines = [
        BankLine(-int(one.amount), f"IBBIZ0123456789.123456.{one.code} hoan phi", f"FT{number}")
        for number, one in enumerate((first, second), start=20)
    ]
    lines.append(BankLine(int(second.amount), f"HOAN TRA GD FT21 SAI SO TK {second.code}", "FT30"))
    opening = sum(TOO_MUCH) + 50_000 * len(TOO_MUCH)
    dated = [BankLine(one.amount, one.memo, one.reference, day=NEXT) for one in lines]
    return account, camt(account.number, dated, opening=opening, day=NEXT, number="S2")


def outcome(session: Session, account: int) -> object:
    """Everything that an interrupted life must end with as well; numbers of rows do not count."""
    assert [one for one in proof.prove(session, account=account) if not one.holds] == []
    balances = ledger.balances(session, account, on=NEXT)
    entries = select(ledger.JournalEntry.kind).where(ledger.JournalEntry.day >= TODAY)
    events = select(Event.type).where(Event.type.like("refund.%"))
    return (
        {path: int(amount) for path, amount in balances.items() if amount},
        sorted(session.execute(select(Payout.amount, Payout.state)).all()),
        sorted(session.execute(select(Credit.amount, Credit.held, Credit.refunded)).all()),
        session.scalars(select(PaymentRequest.refunded)).all(),
        Counter(session.scalars(entries).all()),
        Counter(session.scalars(events).all()),
        _ordered(session),
        sorted(
            session.execute(
                select(StatementLine.bank_reference, LineMatch.rule)
                .outerjoin(LineMatch, LineMatch.id == StatementLine.match_id)
                .where(StatementLine.day == NEXT)
            ).all()
        ),
        sorted(session.execute(select(Break.kind, Break.cleared_at.is_(None))).all()),
    )


def _ordered(session: Session) -> list[int]:
    """How often all payment files together order each payout: once, in one file, as was said."""
    kept = session.scalars(select(PaymentFile)).all()
    bodies = [files.fetch(session, one.pain_file_id) for one in kept]
    assert [one.sha256 for one in bodies] == [one.pain_sha256 for one in kept]
    assert len(kept) == 1
    whole = b"".join(one.content for one in bodies)
    codes = session.scalars(select(Payout.code)).all()
    return [whole.count(f"<EndToEndId>{code}</EndToEndId>".encode()) for code in codes]


def lived(stores: Stores, engine: str, *, dies_at: int | None) -> tuple[object, int]:
    """The outcome of a life that dies once and is lived again, and how many commands it sent."""
    with stores.fresh_url(engine) as url, time_machine.travel(NIGHT, tick=True) as time:
        database = opened(url)
        account = database.write(a_day_before)
        life = partial(live, account_id=account, again=False)
        commands = dying.lived(life, database, url, dies_at=dies_at, now=NIGHT)
        if dies_at is not None:
            time.shift(timedelta(minutes=5))  # its lease runs out
            live(database, account, again=True)
        found = database.read(lambda session: outcome(session, account))
        database.dispose()
        return found, commands


def test_a_refund_ends_as_it_should(stores: Stores, engine: str) -> None:
    """Nobody dies: one refund left, the other left and came back, in one file, each ordered once.

    Done again from the first step it stays so.
    """
    with stores.fresh_url(engine) as url, time_machine.travel(NIGHT, tick=True) as time:
        database = opened(url)
        account = database.write(a_day_before)
        live(database, account, again=False)
        whole = database.read(lambda session: outcome(session, account))
        states = database.read(
            lambda session: session.scalars(select(Payout.state).order_by(Payout.amount)).all()
        )
        assert states == ["paid_out", "returned"]
        assert database.read(_ordered) == [1, 1]
        time.shift(timedelta(minutes=5))
        live(database, account, again=True)
        assert database.read(lambda session: outcome(session, account)) == whole
        database.dispose()


def test_a_refund_cut_short_anywhere_ends_the_same(stores: Stores, engine: str) -> None:
    """Some moments drawn by lot, of all between two commands."""
    whole, commands = lived(stores, engine, dies_at=None)
    for moment in Random(engine).sample(range(1, commands + 1), SAMPLED):
        assert lived(stores, engine, dies_at=moment)[0] == whole, moment


@pytest.mark.prove
def test_every_moment_of_a_refund_can_be_its_last(stores: Stores, engine: str) -> None:
    """Every single one."""
    whole, commands = lived(stores, engine, dies_at=None)
    for moment in range(1, commands + 1):
        assert lived(stores, engine, dies_at=moment)[0] == whole, moment


def test_a_naive_filing_sends_twice(stores: Stores) -> None:
    """Written into a file in one unit and marked in the next: what died between is sent again."""
    approved = Table("naive_payout", MetaData(), Column("id", Integer), Column("filed", Integer))
    ordered = Table("naive_order", MetaData(), Column("payout", Integer))
    with stores.fresh_url("sqlite") as url:
        database = opened(url)
        waiting = select(approved.c.id).where(approved.c.filed == 0)

        def write_file(session: Session) -> None:
            session.execute(insert(ordered).from_select(["payout"], waiting))

        def mark(session: Session) -> None:
            session.execute(approved.update().values(filed=1))

        database.write(lambda session: approved.create(session.connection()))
        database.write(lambda session: ordered.create(session.connection()))
        database.write(lambda session: session.execute(insert(approved).values(id=1, filed=0)))
        for unit in (write_file, write_file, mark):  # dies after the first unit, and is run again
            database.write(unit)
        count = select(func.count()).select_from(ordered)
        assert database.read(lambda session: session.scalar(count)) == 2
        database.dispose()
