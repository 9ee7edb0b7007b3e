"""`/payment-requests`: issue, read, list, cancel."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any, Final

import orjson
from flask import Response, request
from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, payment_requests
from payments.core import calendar, clock, idempotency
from payments.core.money import Dong
from payments.fees import Channel, Item
from payments.fees.pricing import MOST_UNITS
from payments.payment_requests import (
    Asked,
    CancelReason,
    Order,
    PaymentRequest,
    PublicStatus,
    Search,
    Snapshot,
    UnknownRequest,
)
from payments.portals import Scope
from payments.web.api import fields as ours
from payments.web.api.callers import caller
from payments.web.api.counter import Placed
from payments.web.api.desk import PREFIX, Blueprint, desk
from payments.web.api.fields import ListArguments, Shown, listed
from payments.web.schemas import Schema

AT: Final = "/payment-requests"
MOST_LINES: Final = 50

ORDER: Final = {
    "agency": "H09.d03",
    "dossier": "000.00.12.H09-261124-0004",
    "channel": "online",
    "lines": [{"fee": "LLTP", "quantity": 1, "amount": None, "reduction": "student"}],
    "description": "",
    "replaces": None,
}

blueprint = Blueprint("payment_requests", __name__, at=AT)


class LineAskedSchema(Schema):
    """A fee that is asked for."""

    fee = ours.text(ours.FEE, example="LLTP", required=True)
    quantity = ours.count(least=1, most=MOST_UNITS, load_default=1)
    amount = ours.amount(
        load_default=None, allow_none=True, metadata={"description": "api.line.amount"}
    )
    reduction = ours.text(ours.REDUCTION, example="student", load_default=None, allow_none=True)


class OrderSchema(Schema):
    """What a portal asks for."""

    agency = ours.text(ours.AGENCY, example="H09.d03", required=True)
    dossier = ours.text(ours.DOSSIER, example="000.00.12.H09-261124-0004", required=True)
    channel = fields.String(required=True, validate=ours.CHANNEL)
    lines = fields.List(
        fields.Nested(LineAskedSchema), required=True, validate=validate.Length(1, MOST_LINES)
    )
    description = ours.text(ours.PROSE, example="", load_default="")
    replaces = ours.text(
        ours.REFERENCE, example="TTHC1234567894", load_default=None, allow_none=True
    )


class IssueHeaders(Schema):
    """The header that makes asking twice harmless."""

    key = fields.String(
        data_key="Idempotency-Key",
        required=True,
        validate=ours.Pattern("^[!-~]{16,255}$", code=idempotency.IdempotencyKeyMalformed.code),
        metadata={"description": "api.idempotency_key"},
    )


class LineSchema(Shown):
    """A fee as it was priced."""

    fee = fields.String()
    kind = fields.String(validate=validate.OneOf(["phi", "le_phi"]))
    quantity = fields.Integer()
    unit_amount = fields.Integer()
    amount = fields.Integer()
    refunded = fields.Integer()
    reduction = fields.String(allow_none=True)


class PayToSchema(Shown):
    """Where the money goes; `qr` is null once the request is closed."""

    bin = fields.String()
    account = fields.String()
    name = fields.String()
    memo = fields.String()
    qr = fields.String(allow_none=True, metadata={"description": "api.qr"})


class PaymentRequestSchema(Shown):
    """A request as everybody outside sees it."""

    reference = fields.String()
    status = fields.String(validate=validate.OneOf(list(PublicStatus)))
    late = fields.Boolean()
    overpaid = fields.Boolean()
    reconciled = fields.Boolean()
    remitted = fields.Boolean()
    amount = fields.Integer()
    received = fields.Integer()
    refunded = fields.Integer()
    currency = fields.String(validate=validate.OneOf(["VND"]))
    agency = fields.String()
    dossier = fields.String()
    channel = fields.String(validate=ours.CHANNEL)
    lines = fields.List(fields.Nested(LineSchema))
    pay_to = fields.Nested(PayToSchema, allow_none=True)
    page = fields.String(metadata={"format": "uri"})
    issued_at = fields.String(metadata={"format": "date-time"})
    expires_at = fields.String(metadata={"format": "date-time"})
    paid_at = fields.String(allow_none=True, metadata={"format": "date-time"})
    sequence = fields.Integer(metadata={"description": "api.sequence"})


class SearchArguments(ListArguments):
    """Which requests are asked for; `from` and `to` are days in Viet Nam, both included."""

    dossier = ours.text(ours.DOSSIER, example="000.00.12.H09-261124-0004")
    status = fields.String(validate=validate.OneOf(list(PublicStatus)))
    agency = ours.text(ours.AGENCY, example="H09.d03")
    first = ours.Day(data_key="from")
    last = ours.Day(data_key="to")


class CancelSchema(Schema):
    """Why a request is cancelled."""

    reason = fields.String(required=True, validate=validate.OneOf(list(CancelReason)))


@blueprint.route("", methods=["POST"])
@blueprint.needs(Scope.REQUESTS_WRITE, refuses=(409,))
@blueprint.arguments(OrderSchema, example=ORDER)
@blueprint.arguments(IssueHeaders, location="headers")
@blueprint.response(201, PaymentRequestSchema)
def issue_payment_request(order: dict[str, Any], headers: dict[str, Any]) -> Response:
    """Issues a request: priced by us, payable by the QR code in the answer."""
    portal_id = caller().portal_id
    question = idempotency.question(
        f"portal:{portal_id}",
        headers["key"],
        method="POST",
        path=PREFIX + AT,
        body=orjson.dumps(orjson.loads(request.get_data()), option=orjson.OPT_SORT_KEYS),
    )
    given = desk().counter.ask(Placed(question, Asked(portal_id, _order(order))))
    answer = Response(given.body, status=given.status, mimetype="application/json")
    answer.headers["Location"] = f"{PREFIX}{AT}/{orjson.loads(given.body)['reference']}"
    return answer


@blueprint.route("", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ)
@blueprint.arguments(SearchArguments, location="query")
@blueprint.response(200, listed(PaymentRequestSchema))
def list_payment_requests(arguments: dict[str, Any]) -> dict[str, object]:
    """The portal's requests, the newest first."""
    page = ours.page(arguments)
    wanted = _wanted(arguments)
    portal_id = caller().portal_id

    def unit(session: Session) -> dict[str, object]:
        found = payment_requests.search(portal_id, wanted)
        ids = session.scalars(page.of(found, PaymentRequest.id)).all()
        shown = payment_requests.snapshots(
            session, select(PaymentRequest.id).where(PaymentRequest.id.in_(ids[: page.limit]))
        )
        return page.answer(ids, key=int, show=shown.__getitem__)

    return desk().cashless.database.read(unit)


@blueprint.route("/<reference>", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404,))
@blueprint.response(200, PaymentRequestSchema)
def get_payment_request(reference: str) -> Snapshot:
    """One request as it stands."""
    return desk().cashless.database.read(lambda session: shown(session, reference))


@blueprint.route("/<reference>/cancel", methods=["POST"])
@blueprint.needs(Scope.REQUESTS_WRITE, refuses=(404, 409))
@blueprint.arguments(CancelSchema)
@blueprint.response(200, PaymentRequestSchema)
def cancel_payment_request(body: dict[str, Any], reference: str) -> Snapshot:
    """Cancels an open request. Money that arrives all the same is kept for its payer."""
    now = clock.now()

    def unit(session: Session) -> Snapshot:
        open_ = owned(session, reference)
        agencies.lock(session, open_.collection_account_id)
        payment_requests.cancel(session, open_, reason=CancelReason(body["reason"]), now=now)
        return shown(session, reference)

    return desk().cashless.database.write(unit)


def owned(session: Session, reference: str) -> PaymentRequest:
    """The caller's request by its reference. Raises `UnknownRequest`, also for another's."""
    if not ours.REFERENCE.fits(reference):
        raise UnknownRequest(reference=reference[:40])
    return payment_requests.by_reference(session, reference, portal_id=caller().portal_id)


def shown(session: Session, reference: str) -> Snapshot:
    """The public JSON of the caller's request. Raises `UnknownRequest`."""
    found = owned(session, reference)
    this = select(PaymentRequest.id).where(PaymentRequest.id == found.id)
    return payment_requests.snapshots(session, this)[found.id]


def items(lines: list[dict[str, Any]]) -> list[Item]:
    """The fees asked for, as the tariff takes them."""
    return [
        Item(
            fee=line["fee"],
            quantity=line["quantity"],
            amount=None if line["amount"] is None else Dong(line["amount"]),
            reduction=line["reduction"],
        )
        for line in lines
    ]


def _order(body: dict[str, Any]) -> Order:
    return Order(
        agency=body["agency"],
        dossier=body["dossier"],
        channel=Channel(body["channel"]),
        items=items(body["lines"]),
        description=body["description"],
        replaces=body["replaces"],
    )


def _wanted(arguments: dict[str, Any]) -> Search:
    first, last = arguments.get("first"), arguments.get("last")
    status = arguments.get("status")
    return Search(
        dossier=arguments.get("dossier"),
        status=None if status is None else PublicStatus(status),
        agency=arguments.get("agency"),
        since=None if first is None else calendar.at(first, time()),
        until=None if last is None else calendar.at(last + timedelta(days=1), time()),
    )
