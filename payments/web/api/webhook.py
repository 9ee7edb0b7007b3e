"""`/webhook`: where the portal is told, its secret, and what became of each message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from marshmallow import fields, validate
from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from payments import outbox, portals
from payments.core import clock
from payments.core.http import AddressRefused
from payments.outbox import Delivery, DeliveryAttempt, DeliveryState, Event, EventType
from payments.payment_requests import PaymentRequest
from payments.portals import NoWebhookEndpoint, Scope, WebhookEndpoint
from payments.web.api import fields as ours
from payments.web.api.callers import caller
from payments.web.api.desk import Blueprint, desk
from payments.web.api.fields import ListArguments, Shown, listed
from payments.web.schemas import Schema

blueprint = Blueprint("webhook", __name__, at="/webhook")


class AddressSchema(Schema):
    """Where the portal wants to be told."""

    url = ours.text(ours.URL, example="https://portal.example.vn/webhook", required=True)


class WebhookSchema(Shown):
    """The portal's endpoint."""

    url = fields.String()
    active = fields.Boolean(metadata={"description": "api.webhook.active"})
    secret = fields.String(allow_none=True, metadata={"description": "api.webhook.secret"})
    previous_secret_until = ours.Moment(allow_none=True)


class AttemptSchema(Shown):
    """One try to deliver a message."""

    at = ours.Moment()
    status = fields.Integer(allow_none=True, metadata={"description": "api.attempt.status"})
    milliseconds = fields.Integer()
    answer = fields.String()


class DeliverySchema(Shown):
    """One message on its way; `id` is its `webhook-id` and the id of its event."""

    id = fields.String(metadata={"format": "uuid"})
    type = fields.String(validate=validate.OneOf(list(EventType)))
    reference = fields.String(allow_none=True)
    state = fields.String(validate=validate.OneOf(list(DeliveryState)))
    attempts = fields.Integer()
    next_at = ours.Moment(allow_none=True)
    last_attempt = fields.Nested(AttemptSchema, allow_none=True)


class DeliveriesArguments(ListArguments):
    """Which deliveries are asked for."""

    state = fields.String(validate=validate.OneOf(list(DeliveryState)))


class OwedSchema(Shown):
    """A message that will be sent within seconds."""

    id = fields.String(metadata={"format": "uuid"})


@blueprint.route("", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404,))
@blueprint.response(200, WebhookSchema)
def get_webhook() -> dict[str, object]:
    """The portal's endpoint; the secret is not shown again."""
    portal_id = caller().portal_id
    return desk().cashless.database.read(lambda session: _webhook(session, portal_id))


@blueprint.route("", methods=["PUT"])
@blueprint.needs(Scope.REQUESTS_WRITE)
@blueprint.arguments(AddressSchema)
@blueprint.response(200, WebhookSchema)
def set_webhook(body: dict[str, Any]) -> dict[str, object]:
    """Sets where the portal is told; the first time, the answer shows its secret."""
    cashless, portal_id, now = desk().cashless, caller().portal_id, clock.now()

    def unit(session: Session) -> dict[str, object]:
        secret = portals.set_endpoint(
            session,
            portal_id,
            url=body["url"],
            allowed_hosts=cashless.config.webhook_hosts,
            vault=cashless.vault,
            by=f"portal:{portal_id}",
            now=now,
        )
        return _webhook(session, portal_id) | {"secret": secret}

    try:
        return cashless.database.write(unit)
    except AddressRefused as error:
        error.pointer = "/url"
        raise


@blueprint.route("/rotate", methods=["POST"])
@blueprint.needs(Scope.REQUESTS_WRITE, refuses=(404,))
@blueprint.response(200, WebhookSchema)
def rotate_webhook_secret() -> dict[str, object]:
    """A new secret, shown this once; the one before it signs as well for seven days."""
    cashless, portal_id, now = desk().cashless, caller().portal_id, clock.now()

    def unit(session: Session) -> dict[str, object]:
        secret = portals.rotate_secret(
            session, portal_id, vault=cashless.vault, by=f"portal:{portal_id}", now=now
        )
        return _webhook(session, portal_id) | {"secret": secret}

    return cashless.database.write(unit)


@blueprint.route("/deliveries", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ)
@blueprint.arguments(DeliveriesArguments, location="query")
@blueprint.response(200, listed(DeliverySchema))
def list_webhook_deliveries(arguments: dict[str, Any]) -> dict[str, object]:
    """Every message owed to the endpoint and what became of it, the newest first."""
    page = ours.page(arguments)
    portal_id = caller().portal_id

    def unit(session: Session) -> dict[str, object]:
        owed = _owed(portal_id)
        if "state" in arguments:
            owed = owed.where(Delivery.state == arguments["state"])
        rows = session.execute(page.of(owed, Delivery.id)).all()
        tried = _last_attempts(session, [row.number for row in rows[: page.limit]])
        return page.answer(
            rows, key=lambda row: int(row.number), show=lambda row: _delivery(row, tried)
        )

    return desk().cashless.database.read(unit)


@blueprint.route("/deliveries/<event>/redeliver", methods=["POST"])
@blueprint.needs(Scope.REQUESTS_WRITE, refuses=(404,))
@blueprint.response(202, OwedSchema)
def redeliver(event: str) -> dict[str, object]:
    """Sends a message again, from the foot of the ladder, whatever became of it before."""
    portal_id, now = caller().portal_id, clock.now()
    desk().cashless.database.write(
        lambda session: outbox.redeliver(session, portal_id, event, now=now)
    )
    return {"id": event}


@blueprint.route("/test", methods=["POST"])
@blueprint.needs(Scope.REQUESTS_WRITE, refuses=(404,))
@blueprint.response(202, OwedSchema)
def test_webhook() -> dict[str, object]:
    """Sends a message of type `webhook.test`; what became of it stands among the deliveries."""
    portal_id, now = caller().portal_id, clock.now()
    made = desk().cashless.database.write(
        lambda session: outbox.enqueue_test(session, portal_id, now=now)
    )
    return {"id": made}


def _webhook(session: Session, portal_id: int) -> dict[str, object]:
    row = session.scalar(select(WebhookEndpoint).where(WebhookEndpoint.portal_id == portal_id))
    if row is None:
        raise NoWebhookEndpoint
    return {
        "url": row.url,
        "active": row.active,
        "secret": None,
        "previous_secret_until": row.previous_until,
    }


def _owed(portal_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Delivery.id.label("number"),
            Event.public_id,
            Event.type,
            PaymentRequest.reference,
            Delivery.state,
            Delivery.attempts,
            Delivery.next_at,
        )
        .join(WebhookEndpoint, WebhookEndpoint.id == Delivery.webhook_endpoint_id)
        .join(Event, Event.id == Delivery.event_id)
        .outerjoin(PaymentRequest, PaymentRequest.id == Event.payment_request_id)
        .where(WebhookEndpoint.portal_id == portal_id)
    )


def _last_attempts(session: Session, ids: Sequence[int]) -> Mapping[int, DeliveryAttempt]:
    attempts = (
        select(DeliveryAttempt)
        .where(DeliveryAttempt.delivery_id.in_(ids))
        .order_by(DeliveryAttempt.id)
    )
    return {attempt.delivery_id: attempt for attempt in session.scalars(attempts)}


def _delivery(
    row: Row[*tuple[Any, ...]], tried: Mapping[int, DeliveryAttempt]
) -> dict[str, object]:
    next_at: datetime | None = row.next_at if row.state == DeliveryState.DUE else None
    last = tried.get(row.number)
    return {
        "id": row.public_id,
        "type": row.type,
        "reference": row.reference,
        "state": row.state,
        "attempts": row.attempts,
        "next_at": next_at,
        "last_attempt": None if last is None else _attempt(last),
    }


def _attempt(attempt: DeliveryAttempt) -> dict[str, object]:
    return {
        "at": attempt.at,
        "status": attempt.status,
        "milliseconds": attempt.milliseconds,
        "answer": attempt.answer,
    }
