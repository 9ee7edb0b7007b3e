"""The job that issues receipts: what is due is numbered and signed within a round or two."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import receipts
from payments.core import leases
from payments.core.database import Database
from payments.core.service import Service
from payments.jobs import JOBS
from payments.jobs.receipting import issue
from payments.receipts import Receipt
from tests.builders import NOON, Province, a_payment_request, a_province, paid
from tests.receipts import all_of, open_a_pair
from tests.services import a_service

MINUTE = timedelta(minutes=1)


@pytest.fixture
def province(session: Session) -> Province:
    """A province whose receipts are numbered in a series of each kind."""
    province = a_province(session)
    open_a_pair(session)
    return province


@pytest.fixture
def cashless(database: Database, province: Province) -> Service:
    """A service on the database that knows the province."""
    province.session.flush()
    return a_service(database)


def test_receipts_are_issued_every_second() -> None:
    """A payer who waits for them does not wait long."""
    (loop,) = (job for job in JOBS if job.name == "issue_receipts")
    assert loop.asleep <= timedelta(seconds=1)


def test_what_is_paid_is_receipted_in_one_round(province: Province, cashless: Service) -> None:
    """Numbers, papers and all; a round with nothing to do says so."""
    assert not issue(cashless, NOON)
    for _ in range(3):
        paid(province, a_payment_request(province, amount=150_000, le_phi=50_000))
    assert issue(cashless, NOON)
    assert not issue(cashless, NOON)
    found = all_of(province.session)
    assert [(one.kind, one.number, one.state) for one in found] == [
        (kind, number, "issued") for number in (1, 2, 3) for kind in ("phi", "le_phi")
    ]
    assert list(receipts.flaws(province.session)) == []


def test_one_process_issues_at_a_time(province: Province, cashless: Service) -> None:
    """Another waits; a holder that died is replaced when its lease ends."""
    paid(province, a_payment_request(province))
    fence = leases.take(province.session, "receipts", holder="dead", for_=MINUTE, now=NOON)
    assert fence is not None
    assert not issue(cashless, NOON)
    assert all_of(province.session) == []
    assert issue(cashless, NOON + MINUTE)
    assert len(all_of(province.session)) == 1


def test_what_was_cut_off_after_numbering_is_signed_later(
    province: Province, cashless: Service
) -> None:
    """The same number, the same content; nothing is skipped."""
    paid(province, a_payment_request(province))
    receipts.number_all(province.session, province.account.id, now=NOON)
    (numbered,) = all_of(province.session)
    code = numbered.content["code"]
    assert issue(cashless, NOON + MINUTE)
    (issued,) = all_of(province.session)
    assert (issued.number, issued.state, issued.content["code"]) == (1, "issued", code)


def test_an_agency_without_series_holds_up_nobody(session: Session, database: Database) -> None:
    """What waits for a series waits; the round rests."""
    province = a_province(session)
    paid(province, a_payment_request(province))
    session.flush()
    assert not issue(a_service(database), NOON)


def test_more_than_a_batch_is_numbered_in_one_round(province: Province, cashless: Service) -> None:
    """Papers follow batch by batch, and the round says that more waits."""
    for _ in range(receipts.MOST_SIGNED + 1):  # of one kind
        paid(province, a_payment_request(province))
    assert issue(cashless, NOON)
    assert _count(province.session, "numbered") == 1
    assert issue(cashless, NOON)
    assert _count(province.session, "numbered") == 0
    assert _count(province.session, "issued") == receipts.MOST_SIGNED + 1


def _count(session: Session, state: str) -> int:
    return len(session.scalars(select(Receipt.id).where(Receipt.state == state)).all())
