"""`/cash-collections`: a counter took cash, so that the cashless share is true.

Nothing is posted and no receipt is issued: the receipt of cash is the counter's own.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from flask import Response, request
from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import cash
from payments.cash import CashCollection, Reason, Search, State, Taking
from payments.cash.collecting import LONGEST_EXPLANATION
from payments.core import clock, idempotency
from payments.core.idempotency import Answer
from payments.core.money import Dong
from payments.fees import Channel
from payments.payment_requests import PaymentRequest
from payments.portals import Scope
from payments.web.api import fields as ours
from payments.web.api.callers import caller
from payments.web.api.desk import PREFIX, Blueprint, desk
from payments.web.api.fields import ListArguments, Shown, listed
from payments.web.api.payment_requests import (
    MOST_LINES,
    IssueHeaders,
    LineAskedSchema,
    items,
    owned,
)
from payments.web.schemas import Schema

AT: Final = "/cash-collections"

EXAMPLE: Final = {
    "request": None,
    "agency": "H09.d03",
    "dossier": "000.00.12.H09-261124-0004",
    "channel": "counter",
    "lines": [{"fee": "LLTP", "quantity": 1, "amount": None, "reduction": "student"}],
    "amount": 100_000,
    "reason": "no_smartphone",
    "explanation": "",
}

_SAID: Final = rf"^[^\u0000-\u001f\u007f]{{0,{LONGEST_EXPLANATION}}}$"
_VOID_SAID: Final = rf"^[^\u0000-\u001f\u007f]{{1,{LONGEST_EXPLANATION}}}$"

blueprint = Blueprint("cash", __name__, at=AT)


class TakingSchema(Schema):
    """Cash that was taken: for an open request, or for fees of a dossier that has none."""

    request = ours.text(
        ours.REFERENCE,
        example="TTHC1234567894",
        load_default=None,
        allow_none=True,
        metadata={"description": "api.cash.request"},
    )
    agency = ours.text(ours.AGENCY, example="H09.d03", load_default=None, allow_none=True)
    dossier = ours.text(
        ours.DOSSIER, example="000.00.12.H09-261124-0004", load_default=None, allow_none=True
    )
    channel = fields.String(load_default=None, allow_none=True, validate=ours.CHANNEL)
    lines = fields.List(
        fields.Nested(LineAskedSchema),
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, MOST_LINES),
    )
    amount = ours.amount(required=True, metadata={"description": "api.cash.amount"})
    reason = fields.String(
        required=True,
        validate=validate.OneOf(list(Reason)),
        metadata={"description": "api.cash.reason"},
    )
    explanation = ours.text(
        ours.Pattern(_SAID),
        example="",
        load_default="",
        metadata={"description": "api.cash.explanation"},
    )


class VoidSchema(Schema):
    """Why a collection does not count."""

    reason = ours.text(ours.Pattern(_VOID_SAID), example="Ghi nhầm hồ sơ", required=True)


class CashLineSchema(Shown):
    """A fee that cash was taken for."""

    fee = fields.String()
    kind = fields.String(validate=validate.OneOf(["phi", "le_phi"]))
    quantity = fields.Integer()
    unit_amount = fields.Integer()
    amount = fields.Integer()
    reduction = fields.String(allow_none=True)


class CashCollectionSchema(Shown):
    """Cash that was taken, as everybody outside sees it."""

    id = fields.String(metadata={"format": "uuid"})
    reference = fields.String(allow_none=True)
    agency = fields.String()
    dossier = fields.String()
    channel = fields.String(validate=ours.CHANNEL)
    amount = fields.Integer()
    currency = fields.String(validate=validate.OneOf(["VND"]))
    lines = fields.List(fields.Nested(CashLineSchema))
    reason = fields.String(validate=validate.OneOf(list(Reason)))
    explanation = fields.String()
    state = fields.String(validate=validate.OneOf(list(State)))
    taken_at = fields.String(metadata={"format": "date-time"})
    taken_on = fields.String(metadata={"format": "date"})
    voided_at = fields.String(allow_none=True, metadata={"format": "date-time"})
    void_reason = fields.String(allow_none=True)


class CashSearchArguments(ListArguments):
    """Which collections are asked for; `from` and `to` are days in Viet Nam, both included."""

    agency = ours.text(ours.AGENCY, example="H09.d03")
    first = ours.Day(data_key="from")
    last = ours.Day(data_key="to")


@blueprint.route("", methods=["POST"])
@blueprint.needs(Scope.CASH_WRITE, refuses=(404, 409))
@blueprint.arguments(TakingSchema, example=EXAMPLE)
@blueprint.arguments(IssueHeaders, location="headers")
@blueprint.response(201, CashCollectionSchema)
def record_cash_collection(body: dict[str, Any], headers: dict[str, Any]) -> Response:
    """Records cash that was taken; the open request it was taken for is cancelled with it."""
    portal_id, now = caller().portal_id, clock.now()
    question = idempotency.question(
        f"portal:{portal_id}",
        headers["key"],
        method="POST",
        path=PREFIX + AT,
        body=orjson.dumps(orjson.loads(request.get_data()), option=orjson.OPT_SORT_KEYS),
    )

    def unit(session: Session) -> Answer:
        def work() -> Answer:
            made = cash.collect(
                session, _taking(session, body), by=question.caller, now=now, portal_id=portal_id
            )
            return Answer(201, orjson.dumps(_shown(session, made)).decode())

        return idempotency.answered_once(session, question, work, now=now)

    given = desk().cashless.database.write(unit)
    answer = Response(given.body, status=given.status, mimetype="application/json")
    answer.headers["Location"] = f"{PREFIX}{AT}/{orjson.loads(given.body)['id']}"
    return answer


@blueprint.route("", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ)
@blueprint.arguments(CashSearchArguments, location="query")
@blueprint.response(200, listed(CashCollectionSchema))
def list_cash_collections(arguments: dict[str, Any]) -> dict[str, object]:
    """The portal's collections of cash, the newest first."""
    page = ours.page(arguments)
    wanted = Search(
        portal_id=caller().portal_id,
        agency=arguments.get("agency"),
        first=arguments.get("first"),
        last=arguments.get("last"),
    )

    def unit(session: Session) -> dict[str, object]:
        ids = session.scalars(page.of(cash.search(wanted), CashCollection.id)).all()
        these = select(CashCollection.id).where(CashCollection.id.in_(ids[: page.limit]))
        shown = cash.snapshots(session, these)
        return page.answer(ids, key=int, show=shown.__getitem__)

    return desk().cashless.database.read(unit)


@blueprint.route("/<collection>", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404,))
@blueprint.response(200, CashCollectionSchema)
def get_cash_collection(collection: str) -> dict[str, Any]:
    """One collection as it stands."""
    return desk().cashless.database.read(
        lambda session: _shown(session, _owned(session, collection))
    )


@blueprint.route("/<collection>/void", methods=["POST"])
@blueprint.needs(Scope.CASH_WRITE, refuses=(404, 409))
@blueprint.arguments(VoidSchema)
@blueprint.response(200, CashCollectionSchema)
def void_cash_collection(body: dict[str, Any], collection: str) -> dict[str, Any]:
    """Says that a collection does not count; the request it was taken for stays cancelled."""
    now, by = clock.now(), f"portal:{caller().portal_id}"

    def unit(session: Session) -> dict[str, Any]:
        found = _owned(session, collection)
        cash.void(session, found, reason=body["reason"], by=by, now=now)
        return _shown(session, found)

    return desk().cashless.database.write(unit)


def _owned(session: Session, collection: str) -> CashCollection:
    return cash.by_public_id(session, collection, portal_id=caller().portal_id)


def _shown(session: Session, collection: CashCollection) -> dict[str, Any]:
    this = select(CashCollection.id).where(CashCollection.id == collection.id)
    return cash.snapshots(session, this)[collection.id]


def _taking(session: Session, body: dict[str, Any]) -> Taking:
    reference: str | None = body["request"]
    asked: PaymentRequest | None = None if reference is None else owned(session, reference)
    channel, lines = body["channel"], body["lines"]
    what = cash.for_what(
        asked,
        agency=body["agency"],
        dossier=body["dossier"],
        channel=None if channel is None else Channel(channel),
        items=None if lines is None else items(lines),
    )
    return Taking(
        what=what,
        amount=Dong(body["amount"]),
        reason=Reason(body["reason"]),
        explanation=body["explanation"],
    )
