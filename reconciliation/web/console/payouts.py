"""`/console/payouts`: money that leaves, what of it is under way, searched by the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import render_template, request
from sqlalchemy.orm import Session

from payments import agencies, payouts
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.payment_requests import PaymentRequest
from payments.payouts import Kind, Payout, Search, State, Totals
from payments.web import paging
from payments.web.auth import StaffPages, staff_only
from payments.web.paging import Page
from reconciliation.web.console.parts import (
    READERS,
    UnknownFilter,
    account_of,
    asked_once,
    known_filters,
)

MOST_SHOWN: Final = 20
UNDER_WAY: Final = (State.PROPOSED, State.APPROVED, State.FILED)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it is written there; empty where it asks for everything."""

    state: str
    kind: str
    account: str
    text: str

    def query(self, **other: str | None) -> dict[str, str]:
        """The same question as a query, with some of it asked differently."""
        told = {name: getattr(self, name) for name in self.__slots__} | other
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Listed:
    """The list as the page shows it; `next` is the cursor of the page behind it."""

    asked: Asked
    accounts: Mapping[int, CollectionAccount]
    tallies: Mapping[State, Totals]
    rows: Sequence[Payout]
    references: Mapping[int, str]
    next: str | None


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page."""

    @pages.get("/payouts", endpoint="payouts")
    @staff_only(*READERS)
    def shown() -> str:
        told = asked()
        at = {"cursor": request.args["cursor"]} if "cursor" in request.args else {}
        page, now = Page(limit=MOST_SHOWN, before=paging.asked(at).before), clock.now()
        found = cashless.database.read(lambda session: _listed(session, told, page, now=now))
        return render_template(
            "console/payouts.html", listed=found, states=State, kinds=Kind, under_way=UNDER_WAY
        )


def asked() -> Asked:
    """What the address asks for. Raises `UnknownFilter` or `AskedTwice`."""
    known_filters(*Asked.__slots__, "cursor")
    return Asked(*[asked_once(name).strip() for name in Asked.__slots__])


def _listed(session: Session, told: Asked, page: Page, *, now: datetime) -> Listed:
    rows = session.scalars(page.of(payouts.search(wanted(session, told)), Payout.id)).all()
    shown = rows[: page.limit]
    requests = [
        session.get_one(PaymentRequest, one.payment_request_id)
        for one in shown
        if one.payment_request_id is not None
    ]
    return Listed(
        asked=told,
        accounts={one.id: one for one in agencies.accounts(session, on=local_day(now))},
        tallies=payouts.tallies(session),
        rows=shown,
        references={one.id: one.reference for one in requests},
        next=paging.cursor_after(shown[-1].id) if len(rows) > page.limit else None,
    )


def wanted(session: Session, told: Asked) -> Search:
    """What is searched for. Raises `UnknownFilter`."""
    try:
        return Search(
            state=State(told.state) if told.state else None,
            kind=Kind(told.kind) if told.kind else None,
            collection_account_id=account_of(session, told.account).id if told.account else None,
            text=told.text or None,
        )
    except ValueError:
        raise UnknownFilter from None
