"""`/fees` and `/quotes`: the tariff on a day, and what a list of fees would cost."""

from __future__ import annotations

from datetime import date
from typing import Any

from marshmallow import fields, validate

from payments import fees
from payments.core import clock
from payments.core.calendar import local_day
from payments.fees import Channel, PricedLine, published
from payments.portals import Scope
from payments.web.api import fields as ours
from payments.web.api.desk import Blueprint, desk
from payments.web.api.fields import Shown, listed
from payments.web.api.payment_requests import MOST_LINES, LineAskedSchema, items
from payments.web.schemas import Schema

blueprint = Blueprint("tariff", __name__, at="")

_KINDS = validate.OneOf(["phi", "le_phi"])


class DayArguments(Schema):
    """The day asked about; today in Viet Nam if not said."""

    on = ours.Day(metadata={"description": "api.on"})


class PriceSchema(Shown):
    """What one unit costs from a quantity on, through a channel."""

    channel = fields.String(validate=validate.OneOf([*Channel, fees.ANY_CHANNEL]))
    from_quantity = fields.Integer()
    unit_amount = fields.Integer(allow_none=True, metadata={"description": "api.unit_amount"})
    at_most = fields.Integer(allow_none=True)
    valid_from = fields.Date(allow_none=True)
    valid_to = fields.Date(allow_none=True)
    verified = fields.Boolean(metadata={"description": "api.verified"})
    basis = fields.String()


class ReductionSchema(Shown):
    """Who pays less, or nothing."""

    code = fields.String()
    name = fields.String()
    name_en = fields.String(allow_none=True)
    kind = fields.String(validate=validate.OneOf(list(fees.ReductionKind)))
    value = fields.Integer(allow_none=True, metadata={"description": "api.reduction.value"})
    valid_from = fields.Date(allow_none=True)
    valid_to = fields.Date(allow_none=True)
    verified = fields.Boolean(metadata={"description": "api.verified"})


class FeeSchema(Shown):
    """A fee with its prices and reductions of one day."""

    code = fields.String()
    name = fields.String()
    name_en = fields.String(allow_none=True)
    kind = fields.String(validate=_KINDS)
    unit = fields.String()
    sub_item = fields.String()
    collected_by = fields.String()
    legal_basis = fields.String()
    variable = fields.Boolean(metadata={"description": "api.variable"})
    verified = fields.Boolean(metadata={"description": "api.verified"})
    confidence = fields.String()
    source = fields.String()
    prices = fields.List(fields.Nested(PriceSchema))
    reductions = fields.List(fields.Nested(ReductionSchema))


class QuoteAskedSchema(Schema):
    """What is to be priced, and by the tariff of which day; today if not said."""

    channel = fields.String(required=True, validate=ours.CHANNEL)
    lines = fields.List(
        fields.Nested(LineAskedSchema), required=True, validate=validate.Length(1, MOST_LINES)
    )
    on = ours.Day(load_default=None, allow_none=True, metadata={"description": "api.on"})


class QuotedLineSchema(Shown):
    """A fee with its price."""

    fee = fields.String()
    name = fields.String()
    kind = fields.String(validate=_KINDS)
    quantity = fields.Integer()
    unit_amount = fields.Integer()
    amount = fields.Integer()
    reduction = fields.String(allow_none=True)
    verified = fields.Boolean(metadata={"description": "api.verified"})


class QuoteSchema(Shown):
    """What it would cost."""

    on = fields.Date()
    channel = fields.String(validate=ours.CHANNEL)
    amount = fields.Integer()
    currency = fields.String(validate=validate.OneOf(["VND"]))
    verified = fields.Boolean(metadata={"description": "api.verified"})
    lines = fields.List(fields.Nested(QuotedLineSchema))


@blueprint.route("/fees", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ)
@blueprint.arguments(DayArguments, location="query")
@blueprint.response(200, listed(FeeSchema))
def list_fees(arguments: dict[str, Any]) -> dict[str, object]:
    """The whole tariff as it stands on a day; what is not verified is marked."""
    on = _day(arguments.get("on"))
    entries = desk().cashless.database.read(
        lambda session: [published.picture(entry) for entry in fees.tariff(session, on=on)]
    )
    return {"items": entries, "next": None}


@blueprint.route("/quotes", methods=["POST"])
@blueprint.needs(Scope.REQUESTS_READ)
@blueprint.arguments(QuoteAskedSchema)
@blueprint.response(200, QuoteSchema)
def quote(asked: dict[str, Any]) -> dict[str, object]:
    """Prices a list of fees without issuing anything."""
    on = _day(asked["on"])
    channel = Channel(asked["channel"])
    wanted = items(asked["lines"])
    lines = desk().cashless.database.read(
        lambda session: fees.price(session, wanted, channel=channel, on=on)
    )
    return {
        "on": on,
        "channel": channel.value,
        "amount": sum(int(line.amount) for line in lines),
        "currency": "VND",
        "verified": all(line.verified for line in lines),
        "lines": [_line(line) for line in lines],
    }


def _day(asked: date | None) -> date:
    return asked or local_day(clock.now())


def _line(line: PricedLine) -> dict[str, object]:
    return {
        "fee": line.code,
        "name": line.name,
        "kind": line.kind.value,
        "quantity": line.quantity,
        "unit_amount": line.unit_amount,
        "amount": line.amount,
        "reduction": line.reduction,
        "verified": line.verified,
    }
