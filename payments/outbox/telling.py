"""Telling: an event with its whole message, and a delivery where the portal has an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from payments.core.database import load, table_of
from payments.outbox.tables import Delivery, DeliveryState, Event, EventType
from payments.portals import NoWebhookEndpoint, Portal, WebhookEndpoint


@dataclass(frozen=True)
class News:
    """One thing to tell a portal: the type of event and the whole snapshot it carries.

    `sequence` is the request's, None where the news is of something that belongs to it.
    """

    type: str
    portal_id: int
    payment_request_id: int
    sequence: int | None
    snapshot: Mapping[str, Any]


def enqueue_all(session: Session, news: Iterable[News], *, now: datetime) -> None:
    """Writes an event for each piece of news, and a delivery where the portal has an endpoint."""
    stamp = _stamp(now)
    rows = [_event_row(one, stamp, now=now) for one in news]
    if not rows:
        return
    load(session, table_of(Event), rows)
    ids = [row["public_id"] for row in rows]
    for start in range(0, len(ids), 500):
        _owe_deliveries(session, ids[start : start + 500], now=now)


def enqueue_test(session: Session, portal_id: int, *, now: datetime) -> str:
    """Owes the portal a message that only says that messages arrive; returns its public id.

    Raises `NoWebhookEndpoint` where nothing could be delivered.
    """
    active = select(WebhookEndpoint.id).where(
        WebhookEndpoint.portal_id == portal_id, WebhookEndpoint.active.is_(True)
    )
    if session.scalar(active) is None:
        raise NoWebhookEndpoint
    portal = session.get_one(Portal, portal_id)
    row = {
        "public_id": str(uuid7()),
        "type": EventType.TEST.value,
        "portal_id": portal_id,
        "payment_request_id": None,
        "sequence": None,
        "occurred_at": now,
        "content": _message(EventType.TEST, {"portal": portal.public_id}, _stamp(now)),
    }
    session.execute(insert(Event), [row])
    _owe_deliveries(session, [str(row["public_id"])], now=now)
    return str(row["public_id"])


def _event_row(one: News, stamp: str, *, now: datetime) -> dict[str, Any]:
    return {
        "public_id": str(uuid7()),
        "type": one.type,
        "portal_id": one.portal_id,
        "payment_request_id": one.payment_request_id,
        "sequence": one.sequence,
        "occurred_at": now,
        "content": _message(one.type, one.snapshot, stamp),
    }


def _message(type_: str, content: Mapping[str, Any], stamp: str) -> dict[str, Any]:
    return {"type": str(type_), "timestamp": stamp, "data": content}


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
