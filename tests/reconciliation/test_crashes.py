"""Stopped between any two SQL commands of an import or a run, and run again: the same end.

The process dies by an exception that nobody catches, at the n-th command it sends or at the
n-th commit; what was committed by then stays. Beside it a naive run, to show that it can fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from random import Random

import pytest
import time_machine
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy.orm import Session

from payments import ledger, payment_requests
from payments.agencies import CollectionAccount
from payments.core.database import Database
from payments.core.money import Dong
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from reconciliation import bookings, jobs, proof
from reconciliation.breaks import Break
from reconciliation.matching import LineMatch, Suggestion
from reconciliation.statements import Received, StatementLine
from tests import dying
from tests.bank import TODAY, BankLine, camt, known_words
from tests.builders import NOON, a_message, a_payment_request, a_province, settle
from tests.services import a_service
from tests.stores import Stores, opened

NIGHT = NOON + timedelta(hours=13)
SAMPLED = 4


def a_day(session: Session) -> tuple[int, bytes]:
    """Requests, callbacks of some, and the bank's file of a day with something of every rule."""
    province = a_province(session)
    requests = [
        a_payment_request(province, dossier=f"D-{number}", now=NOON - timedelta(hours=3))
        for number in range(7)
    ]
    told, missed, damaged, taken_back, short, silent, _ = [one.reference for one in requests]
    a_message(province, told, amount=50_000, reference="FT1")
    a_message(province, taken_back, amount=50_000, reference="FT2")
    a_message(province, short, amount=20_000, reference="FT3")
    a_message(province, silent, amount=50_000, reference="FT9")
    settle(province)
    bookings.open_account(
        session,
        province.account.id,
        amount=Dong(100_000),
        day=TODAY,
        by="staff:1",
        approved_by="staff:2",
        now=NOON,
    )
    known_words(province, bookings.Kind.CHARGE, "THU PHI QLTK")
    wrong = damaged[:7] + str((int(damaged[7]) + 1) % 10) + damaged[8:]
    lines = [
        BankLine(50_000, told, "FT1"),
        BankLine(50_000, f"nop {missed}", "FT4"),
        BankLine(50_000, f"nop {wrong}", "FT5"),
        BankLine(50_000, taken_back, "FT2"),
        BankLine(-50_000, "hoan", "FT6", reversal=True, reverses="FT2"),
        BankLine(20_000, short, "FT3"),
        BankLine(-11_000, "THU PHI QLTK T11", "FT7"),
        BankLine(-7_000, "RUT TIEN", "FT8"),
    ]
    return province.account.id, camt(province.account.number, lines, opening=100_000)


def live(database: Database, account_id: int, content: bytes) -> None:
    """The file is imported and the day run, as command and scheduler do."""
    account = database.read(lambda session: session.get_one(CollectionAccount, account_id))
    jobs.import_statement(
        a_service(database), Received(content, "day.xml"), account=account, by="staff:1"
    )
    jobs.run_day(database, account_id, TODAY)


def outcome(session: Session, account: int) -> object:
    """Everything that an interrupted life must end with as well; numbers of rows do not count."""
    assert [one for one in proof.prove(session, account=account) if not one.holds] == []
    balances = ledger.balances(session, account, on=TODAY)
    requests = session.scalars(select(PaymentRequest).order_by(PaymentRequest.dossier))
    return (
        {path: int(amount) for path, amount in balances.items() if amount},
        [(payment_requests.public_status(one), one.received, one.confirmed) for one in requests],
        sorted(
            session.execute(
                select(StatementLine.bank_reference, LineMatch.rule).outerjoin(
                    LineMatch, LineMatch.id == StatementLine.match_id
                )
            ).all(),
            key=str,
        ),
        sorted(session.execute(select(Break.kind, Break.amount, Break.cleared_at.is_(None))).all()),
        session.execute(select(Suggestion.clue, Suggestion.state)).all(),
        session.scalar(select(func.count()).select_from(Credit)),
    )


def lived(stores: Stores, engine: str, *, dies_at: int | None) -> tuple[object, int]:
    """The outcome of a life that dies once and is lived again, and how many commands it sent."""
    with stores.fresh_url(engine) as url, time_machine.travel(NIGHT, tick=True) as time:
        database = opened(url)
        account, content = database.write(a_day)
        life = partial(live, account_id=account, content=content)
        commands = dying.lived(life, database, url, dies_at=dies_at, now=NIGHT)
        if dies_at is not None:
            time.shift(timedelta(minutes=5))  # its lease runs out
            life(database)
        found = database.read(lambda session: outcome(session, account))
        database.dispose()
        return found, commands


def test_a_life_cut_short_anywhere_ends_the_same(stores: Stores, engine: str) -> None:
    """Some moments drawn by lot, of all between two commands."""
    whole, commands = lived(stores, engine, dies_at=None)
    for moment in Random(engine).sample(range(1, commands + 1), SAMPLED):
        assert lived(stores, engine, dies_at=moment)[0] == whole, moment


@pytest.mark.prove
def test_every_moment_of_a_life_can_be_its_last(stores: Stores, engine: str) -> None:
    """Every single one."""
    whole, commands = lived(stores, engine, dies_at=None)
    for moment in range(1, commands + 1):
        assert lived(stores, engine, dies_at=moment)[0] == whole, moment


def test_a_naive_run_books_twice(stores: Stores) -> None:
    """Booked in one unit and marked in the next: what died between the two is booked again."""
    line = Table("naive_line", MetaData(), Column("id", Integer), Column("marked", Integer))
    booked = Table("naive_booking", MetaData(), Column("line", Integer))
    with stores.fresh_url("sqlite") as url:
        database = opened(url)

        def units() -> Iterator[Callable[[Session], object]]:
            waiting = select(line.c.id).where(line.c.marked == 0)
            yield lambda session: session.execute(insert(booked).from_select(["line"], waiting))
            yield lambda session: session.execute(line.update().values(marked=1))

        database.write(lambda session: line.create(session.connection()))
        database.write(lambda session: booked.create(session.connection()))
        database.write(lambda session: session.execute(insert(line).values(id=1, marked=0)))
        for unit in (next(units()), *units()):  # dies after the first unit, and is run again
            database.write(unit)
        count = select(func.count()).select_from(booked)
        assert database.read(lambda session: session.scalar(count)) == 2
        database.dispose()
