"""`/receipts/{id}`, its PDF and XML, and the receipts of a request."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import receipts
from payments.core.files import Kept
from payments.fees import FeeKind
from payments.payment_requests import PaymentRequest
from payments.portals import Scope
from payments.receipts import Receipt, Snapshot, State
from payments.web.api import fields as ours
from payments.web.api.callers import caller
from payments.web.api.desk import Blueprint, desk
from payments.web.api.fields import ListArguments, Shown, listed
from payments.web.api.payment_requests import AT, owned

blueprint = Blueprint("receipts", __name__, at="")


class ReceiptSchema(Shown):
    """A receipt: its number, what it is for, where its papers are and what became of it."""

    id = fields.String(metadata={"format": "uuid"})
    payment_request = fields.String()
    kind = fields.String(validate=validate.OneOf(list(FeeKind)))
    state = fields.String(validate=validate.OneOf([State.ISSUED, State.CANCELLED, State.REPLACED]))
    form = fields.String()
    symbol = fields.String()
    number = fields.String()
    amount = fields.Integer()
    currency = fields.String(validate=validate.OneOf(["VND"]))
    agency = fields.String()
    verification_code = fields.String()
    verify = fields.String(metadata={"format": "uri", "description": "api.receipt.verify"})
    pdf = fields.String(metadata={"format": "uri"})
    xml = fields.String(metadata={"format": "uri"})
    issued_at = fields.String(metadata={"format": "date-time"})
    ended_at = fields.String(allow_none=True, metadata={"format": "date-time"})
    reason = fields.String(allow_none=True, metadata={"description": "api.receipt.reason"})
    replaces = fields.String(allow_none=True, metadata={"format": "uuid"})
    replaced_by = fields.String(allow_none=True, metadata={"format": "uuid"})


@blueprint.route(f"{AT}/<reference>/receipts", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404,))
@blueprint.arguments(ListArguments, location="query")
@blueprint.response(200, listed(ReceiptSchema))
def list_receipts_of_payment_request(
    arguments: dict[str, Any], reference: str
) -> dict[str, object]:
    """The receipts of one request, also those that count no more, the newest first."""
    page = ours.page(arguments)

    def unit(session: Session) -> dict[str, object]:
        this = select(PaymentRequest.id).where(PaymentRequest.id == owned(session, reference).id)
        ids = session.scalars(page.of(receipts.of_requests(this), Receipt.id)).all()
        chosen = select(Receipt.id).where(Receipt.id.in_(ids[: page.limit]))
        shown = receipts.snapshots(session, chosen)
        return page.answer(ids, key=int, show=shown.__getitem__)

    return desk().cashless.database.read(unit)


@blueprint.route("/receipts/<receipt_id>", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404,))
@blueprint.response(200, ReceiptSchema)
def get_receipt(receipt_id: str) -> Snapshot:
    """One receipt as it stands."""

    def unit(session: Session) -> Snapshot:
        found = _owned(session, receipt_id)
        this = select(Receipt.id).where(Receipt.id == found.id)
        return receipts.snapshots(session, this)[found.id]

    return desk().cashless.database.read(unit)


@blueprint.route("/receipts/<receipt_id>.pdf", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404,))
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
def get_receipt_pdf(receipt_id: str) -> Response:
    """The signed PDF, as it was issued."""
    return _file(desk().cashless.database.read(lambda s: receipts.pdf(s, _owned(s, receipt_id))))


@blueprint.route("/receipts/<receipt_id>.xml", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404,))
@blueprint.response(200, {"type": "string"}, content_type="application/xml")
def get_receipt_xml(receipt_id: str) -> Response:
    """The signed XML, as it was issued."""
    return _file(desk().cashless.database.read(lambda s: receipts.xml(s, _owned(s, receipt_id))))


def _owned(session: Session, receipt_id: str) -> Receipt:
    """The receipt of a request of the caller's. Raises `UnknownReceipt`, also for another's."""
    return receipts.by_public_id(session, receipt_id, portal_id=caller().portal_id)


def _file(kept: Kept) -> Response:
    return Response(kept.content, mimetype=kept.media_type)
