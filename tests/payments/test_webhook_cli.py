"""The command `cashless webhook`."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments import outbox, portals
from payments.cli import COMMANDS
from payments.cli.webhook import NothingToRedeliver
from payments.core.database import Database
from payments.outbox import Delivery, DeliveryState, Event, UnknownEvent
from payments.portals import NoWebhookEndpoint, UnknownPortal
from tests.builders import BY, a_vault

pytestmark = pytest.mark.committed


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str) -> Iterator[Database]:
    """A machine in sandbox mode; its database knows a portal with 250 messages given up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())
    database = Database(database_url)
    database.write(_given_up)
    yield database
    database.dispose()


def _given_up(session: Session) -> None:
    now = datetime.now(UTC)
    portals.add(session, "deaf", by=BY, now=now)
    portal = portals.add(session, "portal", by=BY, now=now).id
    portals.set_endpoint(
        session, portal, url="https://portal.example.vn/", vault=a_vault(), by=BY, now=now
    )
    for _ in range(250):
        outbox.enqueue_test(session, portal, now=now)
    session.execute(update(Delivery).values(state=DeliveryState.GIVEN_UP.value, attempts=9))


def run(*words: str) -> Result:
    return CliRunner().invoke(click.Group("cashless", commands=COMMANDS), words)


def states(database: Database) -> list[tuple[str, int]]:
    """State and attempts of each delivery, in order."""
    rows = select(Delivery.state, Delivery.attempts).order_by(Delivery.id)
    return database.read(lambda session: [tuple(row) for row in session.execute(rows)])


def test_all_that_was_given_up_is_due_again(here: Database) -> None:
    """From the foot of the ladder; how many is told."""
    done = run("webhook", "redeliver", "portal", "--given-up")
    assert (done.exit_code, "250" in done.output) == (0, True)
    assert set(states(here)) == {("due", 0)}


def test_a_message_is_due_again_by_its_id(here: Database) -> None:
    """And no other."""
    first = here.read(lambda s: s.scalars(select(Event.public_id).order_by(Event.id)).first())
    assert run("webhook", "redeliver", "portal", str(first)).exit_code == 0
    assert states(here)[0] == ("due", 0)
    assert set(states(here)[1:]) == {("given_up", 9)}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["portal"], NothingToRedeliver),
        (["deaf", "--given-up"], NothingToRedeliver),
        (["nobody", "--given-up"], UnknownPortal),
        (["portal", "no-such-id"], UnknownEvent),
    ],
)
def test_what_cannot_be_sent_again_is_refused(
    here: Database, words: list[str], error: type[Exception]
) -> None:
    """With the reason; nothing is changed."""
    refused = run("webhook", "redeliver", *words)
    assert isinstance(refused.exception, error)
    assert set(states(here)) == {("given_up", 9)}


def test_an_endpoint_that_was_stopped_is_set_before_anything_is_sent(here: Database) -> None:
    """A 410 is taken at its word."""

    def stop(session: Session) -> None:
        portal = portals.by_name(session, "portal").id
        portals.stop_endpoint(session, portal, by=BY, now=datetime.now(UTC))

    here.write(stop)
    refused = run("webhook", "redeliver", "portal", "--given-up")
    assert isinstance(refused.exception, NoWebhookEndpoint)
