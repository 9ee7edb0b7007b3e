"""`/agencies`: the tree of units on a day."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from payments import agencies
from payments.agencies import Kind, Node
from payments.core import clock
from payments.core.calendar import local_day
from payments.portals import Scope
from payments.web.api.desk import Blueprint, desk
from payments.web.api.fields import Shown, listed
from payments.web.api.tariff import DayArguments

blueprint = Blueprint("agencies", __name__, at="/agencies")


class AgencySchema(Shown):
    """A unit and where it stands in the tree."""

    code = fields.String()
    name = fields.String()
    name_en = fields.String(allow_none=True)
    kind = fields.String(validate=validate.OneOf(list(Kind)))
    parent = fields.String(allow_none=True)
    depth = fields.Integer(metadata={"description": "api.depth"})
    verified = fields.Boolean(metadata={"description": "api.verified"})


@blueprint.route("", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ)
@blueprint.arguments(DayArguments, location="query")
@blueprint.response(200, listed(AgencySchema))
def list_agencies(arguments: dict[str, Any]) -> dict[str, object]:
    """The whole tree of a day, each unit right behind its parent."""
    on = arguments.get("on") or local_day(clock.now())
    nodes = desk().cashless.database.read(lambda session: agencies.tree(session, on=on))
    return {"items": [_node(node) for node in nodes], "next": None}


def _node(node: Node) -> dict[str, object]:
    return {
        "code": node.code,
        "name": node.name_vi,
        "name_en": node.name_en,
        "kind": node.kind.value,
        "parent": node.parent,
        "depth": node.depth,
        "verified": node.verified,
    }
