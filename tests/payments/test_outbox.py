"""What the portal is told: each event once in the feed, each message on a ladder of waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from payments import outbox, portals
from payments.core.database import Database
from payments.outbox import (
    LADDER,
    LEASED,
    Attempt,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Event,
    News,
    Parcel,
    UnknownEvent,
)
from payments.portals import NoWebhookEndpoint
from tests.builders import BY, NOON, a_vault

VAULT = a_vault()
HOSTS = {"127.0.0.1"}
URL = "http://127.0.0.1:9/webhook"
SECOND = timedelta(seconds=1)


def a_portal(session: Session, name: str = "portal", *, url: str | None = URL) -> int:
    """A portal; with a `url` it has an endpoint."""
    portal = portals.add(session, name, by=BY, now=NOON).id
    if url is not None:
        portals.set_endpoint(
            session, portal, url=url, allowed_hosts=HOSTS, vault=VAULT, by=BY, now=NOON
        )
    return portal


def tell(session: Session, portal: int, *, request: int = 1, sequence: int = 2) -> str:
    """Tells the portal that a request was paid; the event's public id."""
    news = News("payment_request.paid", portal, request, sequence, {"reference": "R"})
    outbox.enqueue_all(session, [news], now=NOON)
    newest = select(Event.public_id).order_by(Event.id.desc()).limit(1)
    return session.scalars(newest).one()


def lease(session: Session, *, most: int = 10, now=NOON) -> list[Parcel]:
    """Whatever is due to any endpoint."""
    return [
        parcel
        for endpoint in outbox.endpoints_due(session, now=now)
        for parcel in outbox.lease(session, endpoint, most=most, vault=VAULT, now=now)
    ]


def attempt(session: Session, parcel: Parcel, status: int | None, *, at=NOON, answer="") -> str:
    """One attempt that ended with `status`, recorded."""
    tried = Attempt(at=at, status=status, milliseconds=5, answer=answer)
    return outbox.record_all(session, [outbox.Outcome(parcel, tried, 0)])[0]


def delivery(session: Session) -> Delivery:
    """The only delivery."""
    session.expire_all()
    return session.scalars(select(Delivery)).one()


def test_an_event_is_owed_to_the_portals_endpoint_whole(session: Session) -> None:
    """The message is stored as it will be sent, and is due at once."""
    portal = a_portal(session)
    public_id = tell(session, portal)
    (parcel,) = lease(session)
    assert parcel.event == public_id
    assert parcel.message == {
        "type": "payment_request.paid",
        "timestamp": "2026-11-24T05:00:00.000Z",
        "data": {"reference": "R"},
    }
    assert parcel.endpoint.url == URL


def test_a_portal_without_an_endpoint_is_owed_nothing_but_the_feed(session: Session) -> None:
    """Its events are kept for the feed; nothing is to be delivered."""
    portal = a_portal(session, url=None)
    tell(session, portal)
    assert lease(session) == []
    assert session.scalar(select(func.count()).select_from(Event)) == 1
    assert session.scalar(select(func.count()).select_from(Delivery)) == 0


def test_each_failure_waits_longer_until_the_message_is_given_up(session: Session) -> None:
    """0 s, 5 s, 1 min, 5 min, 30 min, 2 h, 6 h, 24 h, 48 h; then nobody tries again."""
    tell(session, a_portal(session))
    now, waits = NOON, []
    for number in range(1, len(LADDER) + 1):
        (parcel,) = lease(session, now=now)
        state = attempt(session, parcel, 500, at=now)
        row = delivery(session)
        assert row.attempts == number
        if state == DeliveryState.GIVEN_UP:
            break
        assert lease(session, now=row.next_at - SECOND) == []
        waits.append(row.next_at - now)
        now = row.next_at
    assert [timedelta(0), *waits] == list(LADDER)
    assert delivery(session).state == DeliveryState.GIVEN_UP
    assert lease(session, now=now + timedelta(days=365)) == []


def test_waits_are_a_tenth_shorter_or_longer_at_most() -> None:
    """What failed together is not tried together again."""
    assert outbox.wait_before(2, jitter=-1) == timedelta(seconds=54)
    assert outbox.wait_before(2, jitter=1) == timedelta(seconds=66)
    assert outbox.wait_before(len(LADDER), jitter=0) is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, DeliveryState.DELIVERED),
        (204, DeliveryState.DELIVERED),
        (299, DeliveryState.DELIVERED),
        (None, DeliveryState.DUE),
        (100, DeliveryState.DUE),
        (301, DeliveryState.DUE),
        (304, DeliveryState.DUE),
        (401, DeliveryState.DUE),
        (404, DeliveryState.DUE),
        (429, DeliveryState.DUE),
        (500, DeliveryState.DUE),
        (410, DeliveryState.GIVEN_UP),
    ],
)
def test_only_a_2xx_is_delivered_and_only_a_410_ends_it(
    session: Session, status: int | None, state: DeliveryState
) -> None:
    """Everything else is tried again."""
    tell(session, a_portal(session))
    (parcel,) = lease(session)
    assert attempt(session, parcel, status) == state
    row = session.scalars(select(DeliveryAttempt)).one()
    assert (row.status, row.milliseconds) == (status, 5)


def test_a_410_stops_the_endpoint_and_what_it_was_owed(session: Session) -> None:
    """Nobody listens there: nothing more is sent, another portal's messages are untouched."""
    portal, other = a_portal(session), a_portal(session, "other")
    tell(session, portal)
    tell(session, portal, sequence=3)
    tell(session, other, request=2)
    gone = next(parcel for parcel in lease(session, most=1) if parcel.endpoint.portal_id == portal)
    attempt(session, gone, 410)
    assert portals.endpoint_of(session, portal, VAULT, now=NOON) is None
    assert outbox.given_up(session, portal) == [
        row.public_id for row in session.scalars(select(Event).where(Event.portal_id == portal))
    ]
    later = NOON + LEASED
    assert {parcel.endpoint.portal_id for parcel in lease(session, now=later)} == {other}


def test_what_is_leased_is_nobody_elses_until_the_lease_ends(session: Session) -> None:
    """A sender that dies leaves the message due when its lease ends."""
    tell(session, a_portal(session))
    (first,) = lease(session)
    assert lease(session, now=NOON + LEASED - SECOND) == []
    (second,) = lease(session, now=NOON + LEASED)
    assert (second.event, second.fence) == (first.event, first.fence + 1)


def test_a_sender_that_woke_up_late_only_adds_its_attempt(session: Session) -> None:
    """Its failure does not undo what the later sender found."""
    tell(session, a_portal(session))
    (late,) = lease(session)
    (punctual,) = lease(session, now=NOON + LEASED)
    attempt(session, punctual, 200, at=NOON + LEASED)
    assert attempt(session, late, 500, at=NOON) == DeliveryState.DELIVERED
    assert (delivery(session).state, delivery(session).attempts) == (DeliveryState.DELIVERED, 1)
    assert session.scalar(select(func.count()).select_from(DeliveryAttempt)) == 2


def test_a_late_success_does_not_end_a_newer_lease(session: Session) -> None:
    """The message is under way by another, who will say how it went."""
    tell(session, a_portal(session))
    (late,) = lease(session)
    lease(session, now=NOON + LEASED)
    assert attempt(session, late, 200) == DeliveryState.DUE


def test_the_secrets_are_those_of_the_attempt_not_of_the_event(session: Session) -> None:
    """While a secret is replaced both sign; once the overlap is over only the new one."""
    portal = a_portal(session)
    tell(session, portal)
    new = portals.rotate_secret(
        session, portal, vault=VAULT, overlap=timedelta(hours=1), by=BY, now=NOON
    )
    (both,) = lease(session)
    assert len(both.endpoint.secrets) == 2
    assert both.endpoint.secrets[0] == new
    attempt(session, both, 500)
    (one,) = lease(session, now=NOON + timedelta(hours=1))
    assert one.endpoint.secrets == (new,)


def test_a_delivered_or_given_up_message_is_sent_again_by_hand(session: Session) -> None:
    """It is due at once, from the foot of the ladder, with the same id."""
    portal = a_portal(session)
    public_id = tell(session, portal)
    (parcel,) = lease(session)
    attempt(session, parcel, 200)
    outbox.redeliver(session, portal, public_id, now=NOON + SECOND)
    (again,) = lease(session, now=NOON + SECOND)
    assert again.event == public_id
    assert delivery(session).attempts == 0


def test_a_message_under_way_is_not_sent_a_second_time_by_hand(session: Session) -> None:
    """Asked for again while it is leased, it stays with its sender."""
    portal = a_portal(session)
    public_id = tell(session, portal)
    lease(session)
    outbox.redeliver(session, portal, public_id, now=NOON + SECOND)
    assert lease(session, now=NOON + SECOND) == []


def test_an_event_from_before_the_endpoint_can_be_sent_by_hand(session: Session) -> None:
    """The portal that set its endpoint late asks for what it missed."""
    portal = a_portal(session, url=None)
    public_id = tell(session, portal)
    with pytest.raises(NoWebhookEndpoint):
        outbox.redeliver(session, portal, public_id, now=NOON)
    portals.set_endpoint(
        session, portal, url=URL, allowed_hosts=HOSTS, vault=VAULT, by=BY, now=NOON
    )
    outbox.redeliver(session, portal, public_id, now=NOON)
    assert [parcel.event for parcel in lease(session)] == [public_id]


def test_nobody_redelivers_another_portals_message(session: Session) -> None:
    """It is not known to this portal."""
    public_id = tell(session, a_portal(session))
    other = a_portal(session, "other")
    with pytest.raises(UnknownEvent):
        outbox.redeliver(session, other, public_id, now=NOON)


def test_a_test_message_is_owed_only_where_it_can_arrive(session: Session) -> None:
    """Without an endpoint there is nothing to test."""
    with pytest.raises(NoWebhookEndpoint):
        outbox.enqueue_test(session, a_portal(session, url=None), now=NOON)
    public_id = outbox.enqueue_test(session, a_portal(session, "other"), now=NOON)
    (parcel,) = lease(session)
    assert (parcel.event, parcel.message["type"]) == (public_id, "webhook.test")


def test_positions_follow_the_order_of_ids_without_a_gap(session: Session) -> None:
    """Each event gets the next position, once."""
    portal, other = a_portal(session), a_portal(session, "other")
    ids = [tell(session, portal, sequence=n) for n in (2, 3)]
    foreign = tell(session, other, request=2)
    assert outbox.unplaced(session)
    assert outbox.place_events(session, holder="h", now=NOON) == 3
    ids.append(tell(session, portal, sequence=4))
    assert outbox.place_events(session, holder="h", now=NOON) == 1
    assert not outbox.unplaced(session)
    session.expire_all()
    feed = outbox.feed(session, portal, after=0, limit=10)
    assert [(one.public_id, one.position) for one in feed] == list(zip(ids, (1, 2, 4), strict=True))
    (theirs,) = outbox.feed(session, other, after=0, limit=10)
    assert (theirs.public_id, theirs.position) == (foreign, 3)
    assert [one.position for one in outbox.feed(session, portal, after=1, limit=1)] == [2]


@pytest.mark.committed
def test_an_event_that_commits_late_is_not_missed_by_the_feed(database: Database) -> None:
    """A lower id that becomes visible after a higher one gets the later position."""
    if database.is_sqlite:
        pytest.skip("with a single writer ids become visible in order")
    portal = database.write(a_portal)
    begun, go_on = threading.Event(), threading.Event()

    def slowly(session: Session) -> str:
        public_id = tell(session, portal, sequence=2)
        begun.set()
        assert go_on.wait(30)
        return public_id

    late: list[str] = []
    thread = threading.Thread(target=lambda: late.append(database.write(slowly)))
    thread.start()
    assert begun.wait(30)
    early = database.write(lambda session: tell(session, portal, sequence=3))
    read = _read_feed(database, portal, after=0)
    go_on.set()
    thread.join()
    read += _read_feed(database, portal, after=read[-1][1])
    assert [public_id for public_id, _ in read] == [early, *late]
    ids = database.read(
        lambda session: dict(session.execute(select(Event.public_id, Event.id)).all())
    )
    assert ids[late[0]] < ids[early], "a reader by id would have missed the late one for ever"


@pytest.mark.committed
def test_several_givers_of_positions_give_each_once(database: Database) -> None:
    """Four at once, while events keep coming: no gap, no double."""
    portal = database.write(a_portal)

    def write(first: int) -> None:
        for number in range(first, first + 25):
            database.write(lambda session, number=number: tell(session, portal, sequence=number))

    def place(holder: str) -> None:
        for _ in range(25):
            database.write(lambda s: outbox.place_events(s, holder=holder, now=NOON))

    work = [threading.Thread(target=write, args=(2 + 25 * n,)) for n in range(2)]
    work += [threading.Thread(target=place, args=(f"h{n}",)) for n in range(4)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    while database.read(outbox.unplaced):
        database.write(lambda session: outbox.place_events(session, holder="h", now=NOON))
    read = _read_feed(database, portal, after=0)
    assert [position for _, position in read] == list(range(1, 51))


def _read_feed(database: Database, portal: int, *, after: int) -> list[tuple[str, int | None]]:
    database.write(lambda session: outbox.place_events(session, holder="h", now=NOON))
    return database.read(
        lambda session: [
            (one.public_id, one.position)
            for one in outbox.feed(session, portal, after=after, limit=100)
        ]
    )


@pytest.fixture
def statements(session: Session) -> Iterator[list[tuple[str, object]]]:
    """Every statement the session sends, with its values."""
    sent: list[tuple[str, object]] = []

    def note(_c, _cursor, statement, parameters, *_):
        sent.append((statement, parameters))

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_what_is_due_is_found_by_an_index(
    session: Session, statements: list[tuple[str, object]]
) -> None:
    """However many messages were delivered long ago, looking for what is due costs the same."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    portal = a_portal(session)
    tell(session, portal)
    statements.clear()
    lease(session)
    outbox.place_events(session, holder="h", now=NOON)
    outbox.feed(session, portal, after=0, limit=10)
    asked = [one for one in statements if "delivery" in one[0] or "FROM event" in one[0]]
    plans = [
        str(row[3])
        for statement, values in asked
        if not statement.startswith("INSERT")
        for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    ]
    assert [p for p in plans if p.startswith(("SCAN delivery", "SCAN event"))] == []
    assert any("ix_delivery_due" in plan for plan in plans)


def test_a_thousand_events_are_enqueued_in_a_few_statements(
    session: Session, statements: list[tuple[str, object]]
) -> None:
    """Telling of a whole settled set does not ask for each of them."""
    portal = a_portal(session)
    statements.clear()
    news = [News("payment_request.paid", portal, n, 2, {}) for n in range(1, 1001)]
    outbox.enqueue_all(session, news, now=NOON)
    assert session.scalar(select(func.count()).select_from(Delivery)) == 1000
    assert len(statements) < 12
