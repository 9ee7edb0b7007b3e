"""`/reports`: what a portal's own requests received, by unit, bank, type, result and time.

The figures are the reconciliation half's, which this half does not know: it gives them through
`Figures`, put into `app.extensions["reports"]`. Without that half there is no report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import IO, Any, Final, Protocol

from flask import Response, current_app, request
from marshmallow import fields, validate

from payments.core import clock
from payments.core.calendar import local_day
from payments.core.errors import NotFound
from payments.portals import Scope
from payments.web import paging
from payments.web.api import fields as ours
from payments.web.api.callers import caller
from payments.web.api.desk import Blueprint
from payments.web.api.fields import ListArguments, Shown
from payments.web.schemas import Schema

BASES: Final = ("payment", "bank")
GRAINS: Final = ("day", "month", "year")
_AT_ONCE: Final = 64 * 1024

blueprint = Blueprint("reports", __name__, at="/reports")


@dataclass(frozen=True, slots=True)
class Question:
    """What a portal asks; both days are included. Of a list: how many rows, after which."""

    name: str
    portal_id: int
    first: date
    last: date
    basis: str
    grain: str
    now: datetime
    limit: int = paging.USUAL
    cursor: str | None = None


class Figures(Protocol):
    """Who knows the figures. Both raise NotFound for a report that is none, or none for portals."""

    def page(self, question: Question) -> dict[str, Any]:
        """The columns, a page of items, their total (None for a list) and the next cursor.

        Raises `UnreadableCursor`.
        """

    def csv(self, question: Question) -> IO[bytes]:
        """All of it as a CSV file."""


class ColumnSchema(Shown):
    """A column of a report."""

    name = fields.String(metadata={"example": "amount"})
    kind = fields.String(validate=validate.OneOf(["text", "count", "amount", "day", "moment"]))


class ReportSchema(Shown):
    """A report: its columns, and an object for each row."""

    report = fields.String(metadata={"example": "units"})
    first = fields.Date(data_key="from")
    last = fields.Date(data_key="to")
    basis = fields.String(validate=validate.OneOf(BASES))
    columns = fields.List(fields.Nested(ColumnSchema))
    items = fields.List(fields.Dict(), metadata={"description": "api.report.items"})
    total = fields.Dict(allow_none=True, metadata={"description": "api.report.total"})
    next = fields.String(allow_none=True, metadata={"description": "api.next"})


class ReportArguments(Schema):
    """Which days, counted how; the present month if not said."""

    first = ours.Day(data_key="from", metadata={"description": "api.report.from"})
    last = ours.Day(data_key="to", metadata={"description": "api.report.to"})
    basis = fields.String(
        validate=validate.OneOf(BASES),
        load_default=BASES[0],
        metadata={"description": "api.report.basis"},
    )
    by = fields.String(
        validate=validate.OneOf(GRAINS),
        load_default=GRAINS[0],
        metadata={"description": "api.report.by"},
    )


class PageArguments(ReportArguments, ListArguments):
    """The same, and which page of a list."""


@blueprint.route("/<name>", methods=["GET"])
@blueprint.needs(Scope.REPORTS_READ, refuses=(404, 422))
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, ReportSchema)
def get_report(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    """A report of what the portal's own requests received."""
    question = _question(name, arguments)
    return {
        "report": name,
        "first": question.first,
        "last": question.last,
        "basis": question.basis,
        **_figures().page(question),
    }


@blueprint.route("/<name>.csv", methods=["GET"])
@blueprint.needs(Scope.REPORTS_READ, refuses=(404, 422))
@blueprint.arguments(ReportArguments, location="query")
@blueprint.response(200, {"type": "string"}, content_type="text/csv")
def get_report_csv(arguments: dict[str, Any], name: str) -> Response:
    """The same report whole, as CSV with the names of columns and codes for programs."""
    file = _figures().csv(_question(name, arguments))
    digest = hashlib.sha256()
    for piece in iter(lambda: file.read(_AT_ONCE), b""):
        digest.update(piece)
    answer = Response(_pieces(file), mimetype="text/csv")
    answer.call_on_close(file.close)
    answer.content_length = file.tell()
    answer.set_etag(digest.hexdigest()[:24])
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer.make_conditional(request)
    if answer.status_code == HTTPStatus.NOT_MODIFIED:
        file.close()
    return answer


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """The file from its beginning; read to its end it is closed."""
    file.seek(0)
    with file:
        yield from iter(lambda: file.read(_AT_ONCE), b"")


def _question(name: str, arguments: dict[str, Any]) -> Question:
    now = clock.now()
    last = arguments.get("last") or local_day(now)
    page = ours.page({name: arguments[name] for name in ("limit",) if name in arguments})
    return Question(
        name=name[:40],
        portal_id=caller().portal_id,
        first=arguments.get("first") or last.replace(day=1),
        last=last,
        basis=arguments["basis"],
        grain=arguments["by"],
        now=now,
        limit=page.limit,
        cursor=arguments.get("cursor"),
    )


def _figures() -> Figures:
    figures: Figures | None = current_app.extensions.get("reports")
    if figures is None:
        raise NotFound
    return figures
