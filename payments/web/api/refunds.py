"""`/refunds`: what a portal asks to be given back, and how far it has come.

A portal proposes and no more: people of the treasury approve, in the console.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from flask import Response, request
from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts
from payments.core import approvals, clock, idempotency
from payments.core.idempotency import Answer
from payments.core.money import Dong
from payments.payment_requests import PaymentRequest
from payments.payouts import AskedBack, Payout, State, UnknownPayout
from payments.payouts.files.order import LONGEST_NAME, LONGEST_NUMBER
from payments.portals import Scope
from payments.web.api import fields as ours
from payments.web.api.callers import caller
from payments.web.api.desk import PREFIX, Blueprint, desk
from payments.web.api.fields import ListArguments, Shown, listed
from payments.web.api.payment_requests import AT, MOST_LINES, IssueHeaders, owned
from payments.web.schemas import Schema

EXAMPLE: Final = {
    "reason": "Nộp thừa 20.000 đ",
    "to": {"bin": "970422", "account": "9704229200112233", "name": "NGUYEN VAN MAU"},
    "excess": 20_000,
    "lines": None,
}

blueprint = Blueprint("refunds", __name__, at="")


class ToSchema(Schema):
    """The account that money is to go to."""

    bin = ours.text(ours.Pattern("^[0-9]{6}$"), example="970422", required=True)
    account = ours.text(
        ours.Pattern(f"^[A-Za-z0-9]{{1,{LONGEST_NUMBER}}}$"),
        example="9704229200112233",
        required=True,
    )
    name = ours.text(
        ours.Pattern(rf"^[^\u0000-\u001f\u007f]{{1,{LONGEST_NAME}}}$"),
        example="NGUYEN VAN MAU",
        required=True,
    )


class LineBackSchema(Schema):
    """How much of a fee is to be given back; null for all that is left of it."""

    position = ours.count(
        least=1, most=MOST_LINES, required=True, metadata={"description": "api.refund.position"}
    )
    amount = ours.amount(load_default=None, allow_none=True)


class RefundAskedSchema(Schema):
    """What is to be given back, where to and why: either `excess` or `lines`."""

    reason = ours.text(
        ours.Pattern(rf"^[^\u0000-\u001f\u007f]{{1,{approvals.LONGEST_REASON}}}$"),
        example="Nộp thừa 20.000 đ",
        required=True,
    )
    to = fields.Nested(ToSchema, required=True)
    excess = ours.amount(
        load_default=None, allow_none=True, metadata={"description": "api.refund.excess"}
    )
    lines = fields.List(
        fields.Nested(LineBackSchema),
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, MOST_LINES),
        metadata={"description": "api.refund.lines"},
    )


class WentToSchema(Shown):
    """Where a refund goes: the bank, and the last digits of the account."""

    bin = fields.String()
    account_ends_in = fields.String()


class RefundSchema(Shown):
    """A refund as everybody outside sees it."""

    id = fields.String(metadata={"format": "uuid"})
    reference = fields.String(allow_none=True)
    amount = fields.Integer()
    currency = fields.String(validate=validate.OneOf(["VND"]))
    state = fields.String(validate=validate.OneOf(list(State)))
    reason = fields.String()
    to = fields.Nested(WentToSchema)
    elsewhere = fields.Boolean(metadata={"description": "api.refund.elsewhere"})
    answer = fields.String(allow_none=True, metadata={"description": "api.refund.answer"})
    proposed_at = fields.String(metadata={"format": "date-time"})
    approved_at = fields.String(allow_none=True, metadata={"format": "date-time"})
    filed_at = fields.String(allow_none=True, metadata={"format": "date-time"})
    paid_out_on = fields.String(allow_none=True, metadata={"format": "date"})
    returned_on = fields.String(allow_none=True, metadata={"format": "date"})
    ended_at = fields.String(allow_none=True, metadata={"format": "date-time"})


class RefundsProposedSchema(Shown):
    """The refunds that were proposed: one for each credit that gives back."""

    items = fields.List(fields.Nested(RefundSchema))


@blueprint.route(f"{AT}/<reference>/refunds", methods=["POST"])
@blueprint.needs(Scope.REFUNDS_PROPOSE, refuses=(404, 409))
@blueprint.arguments(RefundAskedSchema, example=EXAMPLE)
@blueprint.arguments(IssueHeaders, location="headers")
@blueprint.response(201, RefundsProposedSchema)
def propose_refund(body: dict[str, Any], headers: dict[str, Any], reference: str) -> Response:
    """Proposes to the treasury to give money of a request back; its people decide."""
    portal, path, now = f"portal:{caller().portal_id}", _list_of(reference), clock.now()
    question = idempotency.question(
        portal,
        headers["key"],
        method="POST",
        path=path,
        body=orjson.dumps(orjson.loads(request.get_data()), option=orjson.OPT_SORT_KEYS),
    )
    vault = desk().cashless.vault

    def unit(session: Session) -> Answer:
        def work() -> Answer:
            found = owned(session, reference)
            made = payouts.propose_refunds(
                session, found, _asked(body), by=portal, now=now, vault=vault
            )
            told = {"items": [payouts.snapshot(session, one) for one in made]}
            return Answer(201, orjson.dumps(told).decode())

        return idempotency.answered_once(session, question, work, now=now)

    given = desk().cashless.database.write(unit)
    answer = Response(given.body, status=given.status, mimetype="application/json")
    answer.headers["Location"] = path
    return answer


@blueprint.route(f"{AT}/<reference>/refunds", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404,))
@blueprint.arguments(ListArguments, location="query")
@blueprint.response(200, listed(RefundSchema))
def list_refunds(arguments: dict[str, Any], reference: str) -> dict[str, object]:
    """The refunds of one request, the newest first."""
    page = ours.page(arguments)

    def unit(session: Session) -> dict[str, object]:
        theirs = payouts.of_request(owned(session, reference))
        rows = session.scalars(page.of(theirs, Payout.id)).all()
        return page.answer(
            rows, key=lambda one: one.id, show=lambda one: payouts.snapshot(session, one)
        )

    return desk().cashless.database.read(unit)


@blueprint.route("/refunds/<refund>", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404,))
@blueprint.response(200, RefundSchema)
def get_refund(refund: str) -> dict[str, Any]:
    """One refund as it stands."""

    def unit(session: Session) -> dict[str, Any]:
        found = payouts.by_public_id(session, refund)
        ours_is = select(PaymentRequest.id).where(
            PaymentRequest.id == found.payment_request_id,
            PaymentRequest.portal_id == caller().portal_id,
        )
        if session.scalar(ours_is) is None:
            raise UnknownPayout(payout=refund[:40])
        return payouts.snapshot(session, found)

    return desk().cashless.database.read(unit)


def _list_of(reference: str) -> str:
    return f"{PREFIX}{AT}/{reference}/refunds"


def _asked(body: dict[str, Any]) -> AskedBack:
    to, excess = body["to"], body["excess"]
    return AskedBack(
        to=payouts.beneficiary(to["bin"], to["account"], to["name"]),
        reason=body["reason"],
        excess=None if excess is None else Dong(excess),
        lines=[
            (line["position"], None if line["amount"] is None else Dong(line["amount"]))
            for line in body["lines"] or ()
        ],
    )
