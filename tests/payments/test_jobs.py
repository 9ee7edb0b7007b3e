"""What is done in loops and by timetable: settled, expired, told; a bad one stops nobody else."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments import agencies, inbox
from payments.core.database import Database
from payments.core.idempotency import IdempotencyKey
from payments.core.service import Service
from payments.inbox import Callback
from payments.jobs import JOBS, forget_keys
from payments.jobs.expiring import expire
from payments.jobs.settling import retry, settle
from payments.outbox import Event
from payments.payment_requests import PaymentRequest
from tests.builders import NOON, Province, a_message, a_payment_request, a_province
from tests.services import a_service

DAY = timedelta(days=1)


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, a portal and every source."""
    return a_province(session)


@pytest.fixture
def cashless(database: Database, province: Province) -> Service:
    """A service on the database that knows the province."""
    province.session.flush()
    return a_service(database)


def test_the_jobs_are_named_once() -> None:
    """A name is what the lease and the timetable are known by."""
    names = [job.name for job in JOBS]
    assert len(names) == len(set(names))
    asleep = {job.name: job.asleep for job in JOBS if hasattr(job, "asleep")}
    assert asleep["settle"] <= timedelta(milliseconds=200)
    assert asleep["deliver"] <= timedelta(seconds=1)


def test_what_waits_is_settled_in_one_round(province: Province, cashless: Service) -> None:
    """Each account's set; a round with nothing to do says so."""
    requests = [a_payment_request(province, dossier=f"D{n}") for n in range(3)]
    for request in requests:
        a_message(province, request.reference, amount=int(request.amount))
    assert settle(cashless, NOON)
    assert not settle(cashless, NOON)
    assert statuses(province) == ["paid"] * 3


def test_one_bad_callback_is_set_aside_and_the_others_settled(
    province: Province, cashless: Service
) -> None:
    """Marked with its reason, for the next try and a person."""
    requests = [a_payment_request(province, dossier=f"D{n}") for n in range(3)]
    for request in requests:
        a_message(province, request.reference, amount=int(request.amount))
    spoil(province.session, requests[1].reference)
    assert settle(cashless, NOON)
    assert statuses(province) == ["paid", "open", "paid"]
    states = province.session.execute(
        select(Callback.state, Callback.reason, Callback.tries).order_by(Callback.id)
    ).all()
    assert [state for state, _, _ in states] == ["taken", "failed", "taken"]
    assert states[1].reason
    assert states[1].tries == 1
    assert not settle(cashless, NOON)


def test_what_was_set_aside_is_tried_again_when_it_can_be_read(
    province: Province, cashless: Service
) -> None:
    """Ten times at most; what is whole again is settled."""
    request = a_payment_request(province)
    a_message(province, request.reference, amount=int(request.amount))
    whole = spoil(province.session, request.reference)
    settle(cashless, NOON)
    for _ in range(12):
        retry(cashless, NOON)
    assert province.session.scalars(select(Callback.tries)).all() == [10]
    province.session.execute(update(Callback).values(body=whole, tries=9))
    assert retry(cashless, NOON) == "1 callbacks"
    assert statuses(province) == ["paid"]
    assert retry(cashless, NOON) == "0 callbacks"


def test_what_another_host_has_settled_is_not_set_aside(
    province: Province, cashless: Service
) -> None:
    """Whoever failed with a callback leaves it as it is when it was taken meanwhile."""
    a_message(province, a_payment_request(province).reference, amount=50_000)
    (number,) = inbox.waiting_ids(province.session, province.account.id)
    settle(cashless, NOON)

    inbox.mark_failed(province.session, number, reason="a fault", now=NOON)

    province.session.expire_all()
    kept = province.session.get_one(Callback, number)
    assert (kept.state, kept.reason, kept.tries) == ("taken", None, 0)


@pytest.mark.committed
def test_an_account_that_somebody_holds_is_left_until_later(database: Database) -> None:
    """Whoever works on its money goes first; the others do not wait for it, and nothing is lost."""
    if database.is_sqlite:
        pytest.skip("with a single writer everybody waits for everybody")
    cashless, later = a_service(database), NOON + 2 * DAY

    def unit(session: Session) -> int:
        province = a_province(session)
        request = a_payment_request(province)
        a_message(province, request.reference, amount=int(request.amount))
        a_payment_request(province, dossier="unpaid")
        return province.account.id

    account = database.write(unit)
    holding, let_go = threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        agencies.lock(session, account)
        holding.set()
        assert let_go.wait(30)

    thread = threading.Thread(target=lambda: database.write(hold))
    thread.start()
    assert holding.wait(30)
    assert not settle(cashless, NOON)
    assert expire(cashless, later) == "0 requests"
    let_go.set()
    thread.join()
    assert settle(cashless, NOON)
    assert expire(cashless, later) == "1 requests"


def test_requests_expire_at_their_time(province: Province, cashless: Service) -> None:
    """Not a second before; each portal is told."""
    first = a_payment_request(province, dossier="first")
    a_payment_request(province, dossier="second", now=NOON + timedelta(hours=1))
    assert expire(cashless, first.expires_at - timedelta(seconds=1)) == "0 requests"
    assert expire(cashless, first.expires_at) == "1 requests"
    assert statuses(province) == ["expired", "open"]
    assert expire(cashless, first.expires_at + DAY) == "1 requests"
    told = province.session.scalars(select(Event.type)).all()
    assert told == ["payment_request.expired"] * 2


def test_old_idempotency_keys_are_forgotten(province: Province, cashless: Service) -> None:
    """After thirty days."""
    for days in (29, 31):
        province.session.add(
            IdempotencyKey(
                caller="portal:1",
                key=f"key-{days}",
                fingerprint="f",
                status=201,
                body="{}",
                created_at=NOON - days * DAY,
            )
        )
    province.session.flush()
    assert forget_keys(cashless, NOON) == "1 keys"
    assert province.session.scalars(select(IdempotencyKey.key)).all() == ["key-29"]


def statuses(province: Province) -> list[str]:
    """The status of each request, in order."""
    province.session.expire_all()
    return list(province.session.scalars(select(PaymentRequest.status).order_by(PaymentRequest.id)))


def spoil(session: Session, reference: str) -> bytes:
    """Makes the stored body of a request's callback unreadable; returns it as it was."""
    rows = session.execute(select(Callback.id, Callback.body)).all()
    (row,) = [row for row in rows if reference.encode() in row.body]
    session.execute(update(Callback).where(Callback.id == row.id).values(body=b"\x00"))
    return bytes(row.body)
