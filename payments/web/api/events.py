"""Events: the history of one request, and the feed of all for a portal that missed some."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import outbox
from payments.outbox import Event, EventType
from payments.portals import Scope
from payments.web.api import fields as ours
from payments.web.api.callers import caller
from payments.web.api.desk import Blueprint, desk
from payments.web.api.fields import ListArguments, Shown, listed
from payments.web.api.payment_requests import AT, owned
from payments.web.schemas import Schema

blueprint = Blueprint("events", __name__, at="")


class EventSchema(Shown):
    """Something the portal was told: the message of its webhook, with its id and position."""

    id = fields.String(metadata={"format": "uuid"})
    position = fields.Integer(allow_none=True)
    type = fields.String(validate=validate.OneOf(list(EventType)))
    timestamp = fields.String(metadata={"format": "date-time"})
    data = fields.Dict(metadata={"description": "api.event.data"})


class FeedArguments(Schema):
    """From where on the feed is read."""

    after = fields.String(
        load_default="0",
        validate=ours.Pattern("^[0-9]{1,18}$"),
        metadata={
            "type": "integer",
            "minimum": 0,
            "maximum": 10**18 - 1,
            "default": 0,
            "description": "api.after",
        },
    )
    limit = ListArguments().fields["limit"]


@blueprint.route(f"{AT}/<reference>/events", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404,))
@blueprint.arguments(ListArguments, location="query")
@blueprint.response(200, listed(EventSchema))
def list_events_of_payment_request(arguments: dict[str, Any], reference: str) -> dict[str, object]:
    """What the portal was told of one request, the newest first."""
    page = ours.page(arguments)

    def unit(session: Session) -> dict[str, object]:
        request = owned(session, reference)
        told = select(Event).where(Event.payment_request_id == request.id)
        rows = session.scalars(page.of(told, Event.id)).all()
        return page.answer(rows, key=lambda event: event.id, show=_event)

    return desk().cashless.database.read(unit)


@blueprint.route("/events", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ)
@blueprint.arguments(FeedArguments, location="query")
@blueprint.response(200, listed(EventSchema))
def list_events(arguments: dict[str, Any]) -> dict[str, object]:
    """The feed: every event of the portal behind a position, in order, the oldest first."""
    limit = ours.page(arguments).limit
    portal_id = caller().portal_id

    def unit(session: Session) -> dict[str, object]:
        after = int(arguments["after"])
        rows = outbox.feed(session, portal_id, after=after, limit=limit + 1)
        shown = [_event(event) for event in rows[:limit]]
        return {"items": shown, "next": str(rows[limit - 1].position) if rows[limit:] else None}

    return desk().cashless.database.read(unit)


def _event(event: Event) -> dict[str, Any]:
    return {"id": event.public_id, "position": event.position, **event.content}
