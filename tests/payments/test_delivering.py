"""Delivering for real: threads and processes against a portal's HTTP server."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from payments import outbox, portals
from payments.core.database import Database
from payments.core.http import Client, Limits
from payments.core.service import Service
from payments.jobs.delivering import Courier, deliver, place, recorded
from payments.outbox import Delivery, DeliveryAttempt, DeliveryState, Event, News
from tests.builders import BY
from tests.receiver import Answering, Handler, Received, Receiver, a_receiver, answer
from tests.services import a_service

pytestmark = pytest.mark.committed

HERE = frozenset({"127.0.0.1"})
QUICK = Limits(connect=0.5, read=0.4, whole=1.0)
ROOT = Path(__file__).parents[2]
_requests = itertools.count(1)


@pytest.fixture
def cashless(database: Database) -> Service:
    """A service on the test's own database."""
    return a_service(database)


def now() -> datetime:
    return datetime.now(UTC)


def a_portal(cashless: Service, receiver: Receiver, name: str = "portal") -> tuple[int, str]:
    """A portal told at `receiver`, and its secret."""

    def unit(session: Session) -> tuple[int, str]:
        portal = portals.add(session, name, by=BY, now=now()).id
        secret = portals.set_endpoint(
            session,
            portal,
            url=receiver.url,
            allowed_hosts=HERE,
            vault=cashless.vault,
            by=BY,
            now=now(),
        )
        assert secret is not None
        return portal, secret

    return cashless.database.write(unit)


def tell(cashless: Service, portal: int, *, many: int = 1) -> None:
    """Owes the portal messages."""
    news = [
        News("payment_request.paid", portal, next(_requests), 2, {"reference": f"TTHC{n:010}"})
        for n in range(many)
    ]
    cashless.database.write(lambda session: outbox.enqueue_all(session, news, now=now()))


def a_courier(*, leased: float = 30, threads: int = 8, share: int = 8) -> Courier:
    """A courier in a hurry."""
    client = Client(allowed=HERE, limits=QUICK)
    return Courier(client=client, leased=timedelta(seconds=leased), threads=threads, share=share)


def carry(cashless: Service, courier: Courier | None = None) -> None:
    """Goes round until nothing more is due now."""
    courier = courier or a_courier()
    while courier.go_round(cashless, now()):
        pass
    courier.wait()


def states(cashless: Service) -> list[str]:
    """Where each delivery stands, in order."""
    return cashless.database.read(
        lambda session: list(session.scalars(select(Delivery.state).order_by(Delivery.id)))
    )


def attempts(cashless: Service) -> list[DeliveryAttempt]:
    """Every attempt, in order."""
    rows = select(DeliveryAttempt).order_by(DeliveryAttempt.id)

    def unit(session: Session) -> list[DeliveryAttempt]:
        found = list(session.scalars(rows))
        session.expunge_all()
        return found

    return cashless.database.read(unit)


def test_what_arrives_verifies_with_an_independent_library(cashless: Service) -> None:
    """Id, timestamp and signature are as Standard Webhooks say; the body is the stored message."""
    with a_receiver() as receiver:
        portal, secret = a_portal(cashless, receiver)
        tell(cashless, portal)
        carry(cashless)
    (call,) = receiver.calls
    told = Webhook(secret).verify(call.body, call.headers)
    stored = cashless.database.read(
        lambda session: session.execute(select(Event.public_id, Event.content)).one()
    )
    assert (call.id, told) == (stored.public_id, stored.content)
    assert call.headers["content-type"] == "application/json"
    assert states(cashless) == [DeliveryState.DELIVERED]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(call.body + b" ", call.headers)


def test_while_the_secret_is_replaced_both_verify(cashless: Service) -> None:
    """The portal can change over whenever it likes within the overlap."""
    with a_receiver() as receiver:
        portal, old = a_portal(cashless, receiver)
        tell(cashless, portal)
        new = cashless.database.write(
            lambda s: portals.rotate_secret(s, portal, vault=cashless.vault, by=BY, now=now())
        )
        carry(cashless)
    (call,) = receiver.calls
    assert Webhook(old).verify(call.body, call.headers)
    assert Webhook(new).verify(call.body, call.headers)


def drip(handler: Handler, _received: Received) -> None:
    """Sends a byte now and then, for longer than anyone should listen."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b".")
        handler.wfile.flush()
        time.sleep(0.05)


def silence(_handler: Handler, _received: Received) -> None:
    """Answers nothing for a while."""
    time.sleep(2)


def huge(handler: Handler, _received: Received) -> None:
    """Says 500 and then goes on and on."""
    handler.send_response(500)
    handler.end_headers()
    for _ in range(400):
        handler.wfile.write(b"\x00x" * 32 * 1024)


def hang_up(handler: Handler, _received: Received) -> None:
    """Breaks the line off."""
    handler.connection.close()


@pytest.mark.parametrize(
    ("answering", "status", "words"),
    [
        (answer(500, b"a\x00b\xffc \xe1\xba\xa3"), 500, "a b\N{REPLACEMENT CHARACTER}c ả"),
        (answer(302, Location="http://127.0.0.1:1/"), 302, ""),
        (answer(404, b"x" * 5000), 404, "x" * 300),
        (silence, None, "not_reached: timeout"),
        (drip, None, "not_reached: timeout"),
        (huge, 500, " ".join("x" * 150)),
        (hang_up, None, "not_reached: broken"),
    ],
    ids=["nul", "redirect", "long", "silence", "drip", "huge", "hang_up"],
)
def test_a_bad_answer_is_an_attempt_and_the_message_stays_due(
    cashless: Service, answering: Answering, status: int | None, words: str
) -> None:
    """Whatever the portal does is bounded, written down, and tried again later."""
    with a_receiver(answering) as receiver:
        portal, _ = a_portal(cashless, receiver)
        tell(cashless, portal)
        began = time.monotonic()
        carry(cashless)
        assert time.monotonic() - began < 3
    assert len(receiver.calls) == 1, "no redirect is followed, nothing is sent twice"
    (tried,) = attempts(cashless)
    assert (tried.status, tried.answer) == (status, words)
    assert states(cashless) == [DeliveryState.DUE]


def test_an_address_that_became_private_is_not_called(cashless: Service) -> None:
    """The host is looked up at each attempt; what is not public is refused and written down."""
    with a_receiver() as receiver:
        portal, _ = a_portal(cashless, receiver)
        tell(cashless, portal)
        strict = Courier(client=Client(limits=QUICK))
        carry(cashless, strict)
    assert receiver.calls == []
    (tried,) = attempts(cashless)
    assert (tried.status, tried.answer) == (None, "address_refused: not_https")


def test_a_failed_message_comes_again_with_the_same_id(cashless: Service) -> None:
    """The receiver can tell that it is the same."""
    with a_receiver(answer(503)) as receiver:
        portal, secret = a_portal(cashless, receiver)
        tell(cashless, portal)
        carry(cashless)
        receiver.answering = answer(200)
        cashless.database.write(_due_now)
        carry(cashless)
    first, second = receiver.calls
    assert first.id == second.id
    assert first.body == second.body
    assert Webhook(secret).verify(second.body, second.headers)
    assert states(cashless) == [DeliveryState.DELIVERED]


def test_an_endpoint_that_is_gone_is_called_once(cashless: Service) -> None:
    """After a 410 nothing more is sent, not even what was owed already."""
    with a_receiver(answer(410)) as receiver:
        portal, _ = a_portal(cashless, receiver)
        tell(cashless, portal, many=20)
        carry(cashless, a_courier(threads=1, share=1))
        tell(cashless, portal)
        carry(cashless)
    assert len(receiver.calls) == 1
    assert set(states(cashless)) == {DeliveryState.GIVEN_UP}


def test_a_portal_that_hangs_does_not_hold_up_another(cashless: Service) -> None:
    """The second portal's messages arrive while the first one's wait for an answer."""
    with a_receiver(silence) as slow, a_receiver() as quick:
        hanging, _ = a_portal(cashless, slow, "hanging")
        tell(cashless, hanging, many=50)
        healthy, _ = a_portal(cashless, quick, "healthy")
        tell(cashless, healthy, many=20)
        courier = a_courier(threads=4, share=2)
        end = time.monotonic() + 1.5
        while time.monotonic() < end and len(quick.calls) < 20:
            courier.go_round(cashless, now())
        courier.wait()
    assert len(quick.calls) == 20
    assert len(slow.calls) < 50


def test_killed_after_sending_it_is_sent_again_with_the_same_id(
    cashless: Service, database_url: str
) -> None:
    """kill -9 between the portal's answer and our record: at least once, never lost."""
    with a_receiver() as receiver:
        portal, _ = a_portal(cashless, receiver)
        tell(cashless, portal)
        child = _a_process(database_url)

        def kill(handler: Handler, received: Received) -> None:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
            answer(200)(handler, received)

        receiver.answering = kill
        assert child.wait(timeout=60) == -signal.SIGKILL
        receiver.answering = answer(200)
        assert states(cashless) == [DeliveryState.DUE]
        carry(cashless)
        assert len(receiver.calls) == 1, "its lease is not over yet"
        time.sleep(1.6)
        carry(cashless)
    assert list(receiver.counted().values()) == [2]
    assert states(cashless) == [DeliveryState.DELIVERED]


MESSAGES = 120
WORKERS = 4


def test_four_couriers_send_each_message_once(cashless: Service) -> None:
    """Leases keep them out of each other's way."""
    with a_receiver() as receiver:
        portal, _ = a_portal(cashless, receiver)
        tell(cashless, portal, many=MESSAGES)
        _together(lambda: carry(cashless, a_courier(threads=4, share=4)))
    assert set(receiver.counted().values()) == {1}
    assert len(receiver.calls) == MESSAGES
    assert set(states(cashless)) == {DeliveryState.DELIVERED}


def test_without_leases_four_couriers_send_messages_twice(cashless: Service) -> None:
    """The same load carried naively, by reading what is due: what the leases are for."""
    all_have_read, one_at_a_time = threading.Barrier(WORKERS), threading.Lock()

    def naively() -> None:
        with one_at_a_time:
            parcels = cashless.database.read(lambda session: _peek(session, cashless))
        all_have_read.wait()
        for parcel in parcels:
            recorded(cashless, [deliver(Client(allowed=HERE), parcel)])

    with a_receiver() as receiver:
        portal, _ = a_portal(cashless, receiver)
        tell(cashless, portal, many=20)
        _together(naively)
    assert set(receiver.counted().values()) == {WORKERS}


def test_the_feed_gets_its_positions_from_the_loop(cashless: Service) -> None:
    """Within one round; a round with nothing to place says so."""
    with a_receiver() as receiver:
        portal, _ = a_portal(cashless, receiver)
        tell(cashless, portal, many=3)
    assert place(cashless, now())
    assert not place(cashless, now())
    feed = cashless.database.read(
        lambda session: [
            event.position for event in outbox.feed(session, portal, after=0, limit=10)
        ]
    )
    assert feed == [1, 2, 3]


def _together(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _due_now(session: Session) -> None:
    for portal, event in session.execute(select(Event.portal_id, Event.public_id)).all():
        outbox.redeliver(session, portal, event, now=now())


def _peek(session: Session, cashless: Service) -> list[outbox.Parcel]:
    """What a lease would give, without leaving a trace: the reading session undoes it."""
    return [
        parcel
        for endpoint in outbox.endpoints_due(session, now=now())
        for parcel in outbox.lease(session, endpoint, most=20, vault=cashless.vault, now=now())
    ]


def _a_process(database_url: str) -> subprocess.Popen[bytes]:
    """A process that carries what is due, with leases of 1.5 seconds."""
    program = """
import json, sys
from payments.core.database import Database
from tests.payments.test_delivering import a_courier, carry
from tests.services import a_service
carry(a_service(Database(json.loads(sys.argv[1]))), a_courier(leased=1.5))
"""
    return subprocess.Popen([sys.executable, "-c", program, json.dumps(database_url)], cwd=ROOT)
