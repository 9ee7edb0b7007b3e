"""Stopped between any two SQL commands of issuing, and gone on: no number skipped or used twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy.orm import Session

from payments import documents, receipts
from payments.core.database import Database
from payments.documents import Finding
from payments.jobs.receipting import issue
from payments.outbox import Event
from payments.receipts import Receipt
from tests import dying
from tests.builders import NOON, a_payment_request, a_province, paid
from tests.receipts import open_a_pair
from tests.services import a_service
from tests.stores import Stores, opened

SAMPLED = 5
LATER = NOON + timedelta(minutes=2)
"""When the lease of who died has ended."""


def three_paid(session: Session) -> None:
    """Three requests of both kinds that are paid and have no receipts."""
    province = a_province(session)
    open_a_pair(session)
    for number in range(3):
        request = a_payment_request(province, amount=150_000, le_phi=50_000, dossier=f"D-{number}")
        paid(province, request)


def outcome(session: Session) -> object:
    """What an interrupted life must end with as well; codes and row numbers do not count."""
    assert list(receipts.flaws(session)) == []
    found = session.scalars(select(Receipt).order_by(Receipt.payment_request_id, Receipt.kind))
    told = session.scalar(
        select(func.count()).select_from(Event).where(Event.type == "receipt.issued")
    )
    return [_told(session, one) for one in found], told


def _told(session: Session, one: Receipt) -> Sequence[object]:
    pdf, xml = receipts.pdf(session, one), receipts.xml(session, one)
    valid = {documents.check(session, kept.content).finding for kept in (pdf, xml)}
    return one.kind, one.number, one.amount, one.state, valid == {Finding.VALID}


def issuing(database: Database) -> None:
    """One run of the job."""
    issue(a_service(database), NOON)


def lived(stores: Stores, engine: str, *, dies_at: int | None) -> tuple[object, int]:
    """The outcome of a life that dies once and is lived again, and how many commands it sent."""
    with stores.fresh_url(engine) as url:
        database = opened(url)
        database.write(three_paid)
        commands = dying.lived(issuing, database, url, dies_at=dies_at, now=NOON)
        if dies_at is not None:
            while issue(a_service(database), LATER):
                pass
        found = database.read(outcome)
        database.dispose()
        return found, commands


def test_issuing_cut_short_anywhere_ends_the_same(stores: Stores, engine: str) -> None:
    """Some moments drawn by lot, of all between two commands."""
    whole, commands = lived(stores, engine, dies_at=None)
    assert whole == (
        [
            (kind, number, amount, "issued", True)
            for number in (1, 2, 3)
            for kind, amount in (("le_phi", 50_000), ("phi", 100_000))
        ],
        6,
    )
    for moment in Random(engine).sample(range(1, commands + 1), SAMPLED):
        assert lived(stores, engine, dies_at=moment)[0] == whole, moment


@pytest.mark.prove
def test_every_moment_of_issuing_can_be_its_last(stores: Stores, engine: str) -> None:
    """Every single one."""
    whole, commands = lived(stores, engine, dies_at=None)
    for moment in range(1, commands + 1):
        assert lived(stores, engine, dies_at=moment)[0] == whole, moment


def test_naive_numbering_skips_a_number(stores: Stores) -> None:
    """The number is taken in one unit and the receipt written in the next: one is lost between."""
    series = Table("naive_series", MetaData(), Column("next", Integer))
    receipt = Table("naive_receipt", MetaData(), Column("number", Integer))
    with stores.fresh_url("sqlite") as url:
        database = opened(url)

        def units() -> Iterator[Callable[[Session], object]]:
            taken = database.read(lambda session: session.scalar(select(series.c.next)))
            yield lambda session: session.execute(series.update().values(next=taken + 1))
            yield lambda session: session.execute(insert(receipt).values(number=taken))

        database.write(lambda session: series.create(session.connection()))
        database.write(lambda session: receipt.create(session.connection()))
        database.write(lambda session: session.execute(insert(series).values(next=1)))
        database.write(next(units()))  # dies after the first unit, and is run again
        for unit in units():
            database.write(unit)
        numbers = database.read(lambda session: session.scalars(select(receipt.c.number)).all())
        assert list(numbers) == [2]
        database.dispose()
