"""Deliveries: leased, attempted, recorded; on a ladder of waits until they are given up.

A delivery is leased to one sender at a time; a fence, raised with each lease, keeps a sender that
woke up late from writing over what a later one found. The lease is longer than any attempt can
last, so no delivery is under way twice; a sender that dies leaves it due when the lease ends.

An answer 410 says that nobody listens there any more: the endpoint is stopped, and what it was
still owed is given up. The feed keeps it all, and any of it can be sent again by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, insert, literal_column, select, update
from sqlalchemy.orm import Session

from payments import portals
from payments.core.errors import NotFound
from payments.core.vault import Vault
from payments.outbox.tables import Delivery, DeliveryAttempt, DeliveryState, Event
from payments.portals import Endpoint, NoWebhookEndpoint, WebhookEndpoint

LADDER: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=24),
    timedelta(hours=48),
)
"""The wait before each attempt; when the last has failed, the delivery is given up."""

JITTER: Final = 0.1
"""A wait is up to a tenth shorter or longer: what failed together need not come back together."""

LEASED: Final = timedelta(minutes=2)
"""Longer than `core.http` lets any call last, looking the name up included."""

BY: Final = "job:deliver"

_GONE: Final = 410


class UnknownEvent(NotFound):
    """The portal was told of nothing by that id."""

    code = "unknown_event"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery leased to be attempted: what to send and where, and the fence to record it by."""

    delivery_id: int
    webhook_endpoint_id: int
    fence: int
    event: str
    message: Mapping[str, Any]
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt as it went; `status` is None where there was no answer."""

    at: datetime
    status: int | None
    milliseconds: int
    answer: str

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """A parcel, and how its attempt went; `jitter`, from -1 to 1, spreads what is tried again."""

    parcel: Parcel
    attempt: Attempt
    jitter: float


def wait_before(attempt: int, *, jitter: float) -> timedelta | None:
    """How long to wait before an attempt, counted from 0; None where there is no such attempt.

    `jitter` lies between -1 and 1.
    """
    return LADDER[attempt] * (1 + JITTER * jitter) if attempt < len(LADDER) else None


def endpoints_due(session: Session, *, now: datetime) -> list[int]:
    """The active endpoints to which something is due, the one that waited longest first."""
    oldest = (
        select(Delivery.next_at)
        .where(_due_to(WebhookEndpoint.id, now=now))
        .order_by(Delivery.next_at)
        .limit(1)
        .correlate(WebhookEndpoint)
        .scalar_subquery()
    )
    some = exists().where(_due_to(WebhookEndpoint.id, now=now)).correlate(WebhookEndpoint)
    waiting = select(WebhookEndpoint.id).where(WebhookEndpoint.active.is_(True), some)
    return list(session.scalars(waiting.order_by(oldest)))


def lease(
    session: Session,
    webhook_endpoint_id: int,
    *,
    most: int,
    vault: Vault,
    now: datetime,
    for_: timedelta = LEASED,
) -> list[Parcel]:
    """Up to `most` due deliveries to one endpoint, the caller's alone until `now + for_`."""
    portal_id = session.get_one(WebhookEndpoint, webhook_endpoint_id).portal_id
    endpoint = portals.endpoint_of(session, portal_id, vault, now=now)
    if endpoint is None:
        return []
    free = (
        select(Delivery.id)
        .where(_due_to(webhook_endpoint_id, now=now))
        .order_by(Delivery.next_at)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    leased = session.execute(
        update(Delivery)
        .where(Delivery.id.in_(select(free.c.id)))
        .values(fence=Delivery.fence + 1, leased_until=now + for_, next_at=now + for_)
        .returning(Delivery.id, Delivery.fence, Delivery.event_id)
        .execution_options(synchronize_session=False)
    ).all()
    events = _events(session, [row.event_id for row in leased])
    return [
        Parcel(
            delivery_id=row.id,
            webhook_endpoint_id=webhook_endpoint_id,
            fence=row.fence,
            event=events[row.event_id].public_id,
            message=events[row.event_id].content,
            endpoint=endpoint,
        )
        for row in sorted(leased, key=lambda row: row.id)
    ]


def record_all(session: Session, outcomes: Sequence[Outcome]) -> list[DeliveryState]:
    """Writes down how attempts went and what follows from each; returns where they stand now.

    A sender whose lease passed to another writes down its attempt and changes nothing else. The
    deliveries are locked, in order, before the attempts are inserted: their foreign keys take a
    share of that lock, and two senders that each hold a share would wait for one another.
    """
    ids = [one.parcel.delivery_id for one in outcomes]
    locked = (
        select(Delivery)
        .where(Delivery.id.in_(ids))
        .order_by(Delivery.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    rows = {row.id: row for row in session.scalars(locked)}
    session.execute(insert(DeliveryAttempt), [_attempt_row(one) for one in outcomes])
    for one in outcomes:
        _follow(rows[one.parcel.delivery_id], one)
    session.flush()
    for one in outcomes:
        if one.attempt.status == _GONE and one.parcel.fence == rows[one.parcel.delivery_id].fence:
            _stop(session, one.parcel, now=one.attempt.at)
    return [DeliveryState(rows[number].state) for number in ids]


def _attempt_row(one: Outcome) -> dict[str, Any]:
    return {
        "delivery_id": one.parcel.delivery_id,
        "at": one.attempt.at,
        "status": one.attempt.status,
        "milliseconds": one.attempt.milliseconds,
        "answer": one.attempt.answer,
    }


def _follow(row: Delivery, one: Outcome) -> None:
    """What follows from an attempt for its delivery, if it is still the sender's."""
    if row.fence != one.parcel.fence or row.state != DeliveryState.DUE:
        return
    row.attempts += 1
    row.leased_until = None
    wait = wait_before(row.attempts, jitter=one.jitter)
    if one.attempt.delivered:
        row.state = DeliveryState.DELIVERED
    elif one.attempt.status == _GONE or wait is None:
        row.state = DeliveryState.GIVEN_UP
    else:
        row.next_at = one.attempt.at + wait


def redeliver(session: Session, portal_id: int, event: str, *, now: datetime) -> Delivery:
    """Makes a portal's event due again, from the foot of the ladder; one under way stays so.

    An event that was never owed to an endpoint is owed to the present one. Raises `UnknownEvent`
    and `NoWebhookEndpoint`.
    """
    event_id = session.scalar(
        select(Event.id).where(Event.public_id == event, Event.portal_id == portal_id)
    )
    if event_id is None:
        raise UnknownEvent(event=event)
    endpoint_id = session.scalar(
        select(WebhookEndpoint.id)
        .where(WebhookEndpoint.portal_id == portal_id, WebhookEndpoint.active.is_(True))
        .with_for_update()
    )
    if endpoint_id is None:
        raise NoWebhookEndpoint
    row = session.scalar(
        select(Delivery)
        .where(Delivery.event_id == event_id, Delivery.webhook_endpoint_id == endpoint_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        row = Delivery(event_id=event_id, webhook_endpoint_id=endpoint_id, fence=0)
        session.add(row)
    row.state = DeliveryState.DUE
    row.attempts = 0
    under_way = row.leased_until is not None and row.leased_until > now
    row.next_at = row.next_at if under_way else now
    session.flush()
    return row


def given_up(session: Session, portal_id: int) -> list[str]:
    """The ids of a portal's messages that were given up, the oldest first."""
    left = (
        select(Event.public_id)
        .join(Delivery, Delivery.event_id == Event.id)
        .where(Event.portal_id == portal_id, Delivery.state == DeliveryState.GIVEN_UP)
        .order_by(Event.id)
    )
    return list(session.scalars(left))


def _due_to(webhook_endpoint_id: Any, *, now: datetime) -> ColumnElement[bool]:
    due: ColumnElement[str] = literal_column(
        "'due'"
    )  # written out: SQLite must see that the partial index fits
    return and_(
        Delivery.webhook_endpoint_id == webhook_endpoint_id,
        Delivery.state == due,
        Delivery.next_at <= now,
    )


def _events(session: Session, ids: Sequence[int]) -> dict[int, Event]:
    return {event.id: event for event in session.scalars(select(Event).where(Event.id.in_(ids)))}


def _stop(session: Session, parcel: Parcel, *, now: datetime) -> None:
    portals.stop_endpoint(session, parcel.endpoint.portal_id, by=BY, now=now)
    session.execute(
        update(Delivery)
        .where(
            Delivery.webhook_endpoint_id == parcel.webhook_endpoint_id,
            Delivery.state == DeliveryState.DUE,
        )
        .values(state=DeliveryState.GIVEN_UP.value)
        .execution_options(synchronize_session=False)
    )
