"""`/console/requests`: what was asked for, the newest first, by status, agency, dossier and day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import payment_requests
from payments.agencies import Agency
from payments.core import calendar
from payments.core.service import Service
from payments.core.sheets import Cells, Heading, Kind
from payments.core.words import say
from payments.payment_requests import PaymentRequest, PublicStatus, Search, public_status
from payments.web import paging
from payments.web.auth import StaffPages, staff_only
from payments.web.paging import Page
from reconciliation.web.console.listing import (
    Asking,
    as_csv,
    asked_for,
    day_or_none,
    page_asked,
)
from reconciliation.web.console.parts import (
    READERS,
    UnknownFilter,
)

MOST_SHOWN: Final = 20
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Asked(Asking):
    """What the address asks for; `since` and `until` are days of issue, both included."""

    status: str
    agency: str
    dossier: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of requests, with the names of their agencies."""

    asked: Asked
    rows: Sequence[PaymentRequest]
    agencies: Mapping[int, str]
    next: str | None


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its file."""

    @pages.get("/requests", endpoint="requests")
    @staff_only(*READERS)
    def shown() -> str:
        asked, page = asked_for(Asked), page_asked(MOST_SHOWN)
        found = cashless.database.read(lambda session: _listed(session, asked, page))
        return render_template("console/requests.html", listed=found, statuses=PublicStatus)

    @pages.get("/requests.csv", endpoint="requests_file")
    @staff_only(*READERS)
    def file() -> Response:
        asked = asked_for(Asked)
        wanted = _wanted(asked)
        return as_csv(cashless, "yeu-cau", _headings(), lambda session: _every(session, wanted))


def _wanted(asked: Asked) -> Search:
    """What is searched for. Raises `UnknownFilter` or `NotADay`."""
    since, until = day_or_none(asked.since), day_or_none(asked.until)
    try:
        status = PublicStatus(asked.status) if asked.status else None
    except ValueError:
        raise UnknownFilter from None
    return Search(
        dossier=asked.dossier or None,
        status=status,
        agency=asked.agency or None,
        since=None if since is None else calendar.at(since, time(0)),
        until=None if until is None else calendar.at(until + timedelta(days=1), time(0)),
    )


def _listed(session: Session, asked: Asked, page: Page) -> Listed:
    ids = session.scalars(
        page.of(payment_requests.search_all(_wanted(asked)), PaymentRequest.id)
    ).all()
    shown = ids[: page.limit]
    found = select(PaymentRequest).where(PaymentRequest.id.in_(shown))
    rows = session.scalars(found.order_by(PaymentRequest.id.desc())).all()
    names = select(Agency.id, Agency.name_vi).where(Agency.id.in_({one.agency_id for one in rows}))
    return Listed(
        asked=asked,
        rows=rows,
        agencies=dict(session.execute(names).all()),
        next=paging.cursor_after(shown[-1]) if len(ids) > page.limit else None,
    )


def _headings() -> Sequence[Heading]:
    return [
        Heading(say("column.reference")),
        Heading(say("column.dossier")),
        Heading(say("column.agency")),
        Heading(say("column.status")),
        Heading(say("column.asked"), Kind.AMOUNT),
        Heading(say("column.received"), Kind.AMOUNT),
        Heading(say("column.refunded"), Kind.AMOUNT),
        Heading(say("column.issued_at"), Kind.MOMENT),
        Heading(say("column.paid_at"), Kind.MOMENT),
    ]


def _every(session: Session, wanted: Search) -> Iterator[Cells]:
    """All that is asked for, a few rows in memory at a time."""
    rows = (
        select(PaymentRequest, Agency.code)
        .join(Agency, Agency.id == PaymentRequest.agency_id)
        .where(PaymentRequest.id.in_(payment_requests.search_all(wanted)))
        .order_by(PaymentRequest.id.desc())
    )
    for request, agency in session.execute(rows.execution_options(yield_per=_AT_ONCE)):
        yield (
            request.reference,
            request.dossier,
            agency,
            say(f"status.{public_status(request)}"),
            request.amount,
            request.received,
            request.refunded,
            request.issued_at,
            request.paid_at,
        )
