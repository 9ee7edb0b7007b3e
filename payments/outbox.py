"""What the portal is told: events, and their deliveries to its endpoint.

An event is written in the same transaction as what it tells of, with the whole message in it, so
that nothing is asked back later; only its signature is made at each attempt. A delivery is one
event to one endpoint, at least once, on a ladder of waits; every attempt is a row.

Ids become visible out of order, so readers of the feed page by `position`, given after commit by
one leased job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
    insert,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from payments.core.columns import Code, Count, Instant, Json, Key, Words, one_of
from payments.core.database import Row
from payments.portals import WebhookEndpoint


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    DUE = "due"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Event(Row):
    """Something the portal is told, whole."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("position"),
        UniqueConstraint("payment_request_id", "sequence"),
        Index(
            "ix_event_unplaced",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
        Index(None, "portal_id", "position"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    position: Mapped[int | None] = mapped_column(Count())
    type: Mapped[str] = mapped_column(Code())
    portal_id: Mapped[int] = mapped_column(ForeignKey("portal.id"))
    payment_request_id: Mapped[int | None] = mapped_column(Key())
    sequence: Mapped[int | None] = mapped_column(Count())
    occurred_at: Mapped[datetime] = mapped_column(Instant())
    content: Mapped[Any] = mapped_column(Json())


class Delivery(Row):
    """One event on its way to one endpoint."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "webhook_endpoint_id"),
        one_of("state", DeliveryState),
        CheckConstraint("attempts >= 0", name="attempts"),
        Index(
            "ix_delivery_due",
            "next_at",
            sqlite_where=text("state = 'due'"),
            postgresql_where=text("state = 'due'"),
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id"))
    webhook_endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoint.id"))
    state: Mapped[str] = mapped_column(Code())
    attempts: Mapped[int] = mapped_column(Count())
    next_at: Mapped[datetime] = mapped_column(Instant())
    leased_until: Mapped[datetime | None] = mapped_column(Instant())
    fence: Mapped[int] = mapped_column(Count())


class DeliveryAttempt(Row):
    """One try to deliver: what was answered, and how long it took (milliseconds)."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (Index(None, "delivery_id"), {"sqlite_strict": True})

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"))
    at: Mapped[datetime] = mapped_column(Instant())
    status: Mapped[int | None] = mapped_column(Count())
    milliseconds: Mapped[int] = mapped_column(Count())
    answer: Mapped[str] = mapped_column(Words())


@dataclass(frozen=True)
class News:
    """One thing to tell a portal: the type of event and the whole snapshot it carries."""

    type: str
    portal_id: int
    payment_request_id: int
    sequence: int
    snapshot: Mapping[str, Any]


def enqueue_all(session: Session, news: Iterable[News], *, now: datetime) -> None:
    """Writes an event for each piece of news, and a delivery where the portal has an endpoint."""
    rows = [_event_row(one, now=now) for one in news]
    if not rows:
        return
    session.execute(insert(Event), rows)
    ids = [row["public_id"] for row in rows]
    for start in range(0, len(ids), 500):
        _owe_deliveries(session, ids[start : start + 500], now=now)


def _event_row(one: News, *, now: datetime) -> dict[str, Any]:
    message = {"type": one.type, "timestamp": _stamp(now), "data": one.snapshot}
    return {
        "public_id": str(uuid7()),
        "type": one.type,
        "portal_id": one.portal_id,
        "payment_request_id": one.payment_request_id,
        "sequence": one.sequence,
        "occurred_at": now,
        "content": message,
    }


def _owe_deliveries(session: Session, public_ids: list[str], *, now: datetime) -> None:
    owed = (
        select(Event.id, WebhookEndpoint.id)
        .join(WebhookEndpoint, WebhookEndpoint.portal_id == Event.portal_id)
        .where(Event.public_id.in_(public_ids), WebhookEndpoint.active.is_(True))
    )
    pairs = session.execute(owed).all()
    if pairs:
        session.execute(
            insert(Delivery),
            [
                {
                    "event_id": event,
                    "webhook_endpoint_id": endpoint,
                    "state": DeliveryState.DUE,
                    "attempts": 0,
                    "next_at": now,
                    "fence": 0,
                }
                for event, endpoint in pairs
            ],
        )


def _stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
