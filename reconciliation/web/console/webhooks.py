"""`/console/webhooks`: where portals are told, how that goes, and what is sent once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import redirect, render_template, url_for
from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import outbox
from payments.core import audit, clock
from payments.core.columns import Instant
from payments.core.errors import NotFound
from payments.core.service import Service
from payments.outbox import Delivery, DeliveryAttempt, DeliveryState, Event
from payments.payment_requests import PaymentRequest
from payments.portals import Portal, UnknownPortal, WebhookEndpoint
from payments.staff import Role
from payments.web import auth, paging
from payments.web.auth import StaffPages, proved_only, staff_only
from payments.web.paging import Page
from reconciliation.web.console.listing import Asking, asked_for, page_asked
from reconciliation.web.console.parts import NUMBER, UnknownFilter
from reconciliation.web.console.typed import NEWEST, among_newest
from reconciliation.web.console.watching import WATCHERS

MOST_SHOWN: Final = 20
MOST_ATTEMPTS: Final = 50


class UnknownDelivery(NotFound):
    """Nothing of that number was ever sent to a portal."""

    code = "unknown_delivery"


@dataclass(frozen=True, slots=True)
class Told:
    """A portal's endpoint, and what is under way to it; `given_up` of the newest only."""

    portal: Portal
    endpoint: WebhookEndpoint | None
    due: int
    since: datetime | None
    given_up: int


@dataclass(frozen=True, slots=True)
class Asked(Asking):
    """What the address asks for."""

    state: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of what was sent to a portal."""

    asked: Asked
    told: Told
    rows: Sequence[tuple[Delivery, Event, str | None]]
    next: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One delivery with its attempts, and the code of the request that it is about."""

    delivery: Delivery
    event: Event
    told: Told
    reference: str | None
    attempts: Sequence[DeliveryAttempt]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the pages and the form."""

    @pages.get("/webhooks", endpoint="webhooks")
    @staff_only(*WATCHERS)
    def everywhere() -> str:
        found = cashless.database.read(_everywhere)
        return render_template("console/webhooks.html", portals=found, newest=NEWEST)

    @pages.get("/webhooks/<public_id>", endpoint="webhook")
    @staff_only(*WATCHERS)
    def one(public_id: str) -> str:
        asked, page = asked_for(Asked), page_asked(MOST_SHOWN)
        found = cashless.database.read(lambda session: _listed(session, public_id, asked, page))
        return render_template("console/webhook.html", listed=found, states=DeliveryState)

    @pages.get(f"/webhooks/deliveries/<{NUMBER}:number>", endpoint="delivery")
    @staff_only(*WATCHERS)
    def delivery(number: int) -> str:
        found = cashless.database.read(lambda session: _shown(session, number))
        return render_template("console/delivery.html", shown=found)

    @pages.post(f"/webhooks/deliveries/<{NUMBER}:number>/again", endpoint="redeliver")
    @proved_only(Role.ADMINISTRATOR)
    def again(number: int) -> Response:
        by, now = auth.who().actor, clock.now()
        cashless.database.write(lambda session: _redeliver(session, number, by=by, now=now))
        return redirect(url_for("console.delivery", number=number), 303)


def _everywhere(session: Session) -> Sequence[Told]:
    portals = session.scalars(select(Portal).order_by(Portal.name)).all()
    return [_told(session, portal) for portal in portals]


def _told(session: Session, portal: Portal) -> Told:
    endpoint = session.scalar(select(WebhookEndpoint).where(WebhookEndpoint.portal_id == portal.id))
    if endpoint is None:
        return Told(portal, None, 0, None, 0)
    due, since = session.execute(
        select(func.count(), func.min(Delivery.next_at, type_=Instant())).where(
            Delivery.webhook_endpoint_id == endpoint.id, _DUE
        )
    ).one()
    given_up = session.scalar(
        select(func.count()).where(
            among_newest(Delivery),
            Delivery.webhook_endpoint_id == endpoint.id,
            Delivery.state == DeliveryState.GIVEN_UP,
        )
    )
    return Told(portal, endpoint, due, since, given_up or 0)


_DUE: Final[Any] = literal_column("delivery.state = 'due'")
"""In the words of its index."""


def _listed(session: Session, public_id: str, asked: Asked, page: Page) -> Listed:
    portal = session.scalar(select(Portal).where(Portal.public_id == public_id))
    if portal is None:
        raise UnknownPortal(name=public_id[:40])
    told = _told(session, portal)
    if told.endpoint is None:
        return Listed(asked, told, (), None)
    sent: Select[*tuple[Any, ...]] = (
        select(Delivery, Event, PaymentRequest.reference)
        .join(Event, Event.id == Delivery.event_id)
        .outerjoin(PaymentRequest, PaymentRequest.id == Event.payment_request_id)
        .where(Delivery.webhook_endpoint_id == told.endpoint.id)
    )
    if asked.state:
        sent = sent.where(among_newest(Delivery), Delivery.state == _state(asked.state))
    rows = session.execute(page.of(sent, Delivery.id)).all()
    shown = [(delivery, event, reference) for delivery, event, reference in rows[: page.limit]]
    more = len(rows) > page.limit
    return Listed(asked, told, shown, paging.cursor_after(shown[-1][0].id) if more else None)


def _state(told: str) -> str:
    try:
        return DeliveryState(told).value
    except ValueError:
        raise UnknownFilter from None


def _shown(session: Session, number: int) -> Shown:
    delivery = _known(session, number)
    event = session.get_one(Event, delivery.event_id)
    attempts = (
        select(DeliveryAttempt)
        .where(DeliveryAttempt.delivery_id == number)
        .order_by(DeliveryAttempt.id.desc())
        .limit(MOST_ATTEMPTS)
    )
    request = event.payment_request_id
    return Shown(
        delivery=delivery,
        event=event,
        told=_told(session, session.get_one(Portal, event.portal_id)),
        reference=None if request is None else session.get_one(PaymentRequest, request).reference,
        attempts=session.scalars(attempts).all(),
    )


def _known(session: Session, number: int) -> Delivery:
    found = session.get(Delivery, number)
    if found is None:
        raise UnknownDelivery(number=number)
    return found


def _redeliver(session: Session, number: int, *, by: str, now: datetime) -> None:
    """Makes it due again and writes down who asked. Raises as `outbox.redeliver` does."""
    event = session.get_one(Event, _known(session, number).event_id)
    outbox.redeliver(session, event.portal_id, event.public_id, now=now)
    told: Mapping[str, str] = {"event": event.public_id, "type": event.type}
    audit.append(
        session,
        actor=by,
        action="delivery.redelivered",
        subject=f"portal:{event.portal_id}",
        details=told,
        now=now,
    )
