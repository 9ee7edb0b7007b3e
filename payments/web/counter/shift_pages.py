"""Where a clerk begins a shift, what came of it, and its end: totals by means and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from payments import agencies, cash, shifts
from payments.agencies import Agency, Node, UnknownAgency
from payments.cash import CashCollection, Reason, Total
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.errors import CashlessError
from payments.core.money import Dong
from payments.core.service import Service
from payments.payment_requests import PaymentRequest
from payments.shifts import CameIn, Shift
from payments.staff import Role
from payments.web import auth, problems
from payments.web.auth import StaffPages, staff_only
from payments.web.counter.screen import own, window
from payments.web.counter.view import Item, agency_name, item_of

MOST_LISTED: Final = 200
"""How many showings and how much cash of a shift a page lists; its totals are of all."""


REASONS: Final = list(Reason)
"""The reasons for cash in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a shift begins: the agencies, the one served last, the last shift."""

    nodes: Sequence[Node]
    served: str
    last: Shift | None


@dataclass(frozen=True, slots=True)
class Totals:
    """What a shift came to."""

    shift: Shift
    agency: str
    shown: int
    came_in: CameIn
    by_reason: Sequence[Total]
    items: Sequence[Item]
    collections: Sequence[tuple[CashCollection, str | None]]

    @property
    def cash_count(self) -> int:
        """How often cash was taken that counts."""
        return sum(one.count for one in self.by_reason)

    @property
    def cash_amount(self) -> Dong:
        """How much of it, in đồng."""
        return sum((one.amount for one in self.by_reason), start=Dong(0))

    @property
    def share(self) -> int | None:
        """The share of payments that were cashless, in whole percent; None without any."""
        every = self.came_in.count + self.cash_count
        return 100 * self.came_in.count // every if every else None


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds where a shift begins, its totals and its end."""

    @pages.get("")
    @staff_only(Role.CLERK)
    def start() -> AnyResponse:
        staff_id, now = auth.who().staff_id, clock.now()
        running = cashless.database.read(lambda session: shifts.open_of(session, staff_id))
        if running is not None:
            return redirect(url_for("counter.screen", public_id=running.public_id), 303)
        return _starting(cashless, now=now)

    @pages.post("")
    @staff_only(Role.CLERK)
    def begin() -> AnyResponse:
        staff_id, now = auth.who().staff_id, clock.now()
        agency = request.form.get("agency", "")
        try:
            made = cashless.database.write(
                lambda session: shifts.begin(session, staff_id, agency, now=now).public_id
            )
        except UnknownAgency as error:
            return _starting(cashless, now=now, refusal=error)
        except shifts.ShiftOpen:
            return redirect(url_for("counter.start"), 303)
        return redirect(url_for("counter.screen", public_id=made), 303)

    @pages.get("/<public_id>/totals")
    @staff_only(Role.CLERK)
    def totals(public_id: str) -> AnyResponse:
        return totals_page(cashless, public_id)

    @pages.post("/<public_id>/end")
    @staff_only(Role.CLERK)
    def end(public_id: str) -> AnyResponse:
        now = clock.now()
        try:
            cashless.database.write(
                lambda session: shifts.end(session, own(session, public_id), now=now)
            )
        except shifts.ShiftEnded as error:
            return window(cashless, public_id, "counter/screen.html", refusal=error)
        return redirect(url_for("counter.totals", public_id=public_id), 303)


def totals_page(
    cashless: Service, public_id: str, *, refusal: CashlessError | None = None
) -> AnyResponse:
    """What the clerk's own shift came to, with what was refused."""
    found = cashless.database.read(lambda session: _totals(session, own(session, public_id)))
    problem = None if refusal is None else problems.of_ours(refusal)
    shown = render_template(
        "counter/totals.html",
        totals=found,
        most=MOST_LISTED,
        now=clock.now(),
        refusal=problem,
    )
    return make_response(shown, 200 if problem is None else problem.status)


def _starting(
    cashless: Service, *, now: datetime, refusal: CashlessError | None = None
) -> AnyResponse:
    staff_id = auth.who().staff_id

    def unit(session: Session) -> Start:
        last = shifts.last_of(session, staff_id)
        served = None if last is None else session.get_one(Agency, last.agency_id).code
        return Start(agencies.tree(session, on=local_day(now)), served or "", last)

    problem = None if refusal is None else problems.of_ours(refusal)
    shown = render_template(
        "counter/start.html", start=cashless.database.read(unit), refusal=problem
    )
    return make_response(shown, 200 if problem is None else problem.status)


def _totals(session: Session, shift: Shift) -> Totals:
    wanted = cash.Search(taken_by=auth.who().actor, since=shift.begun_at, until=shift.ended_at)
    return Totals(
        shift=shift,
        agency=agency_name(session.get_one(Agency, shift.agency_id)),
        shown=shifts.count_shown(session, shift),
        came_in=shifts.came_in(session, shift),
        by_reason=sorted(cash.totals(session, wanted), key=lambda one: REASONS.index(one.reason)),
        items=_items(session, shift),
        collections=_collections(session, wanted),
    )


def _items(session: Session, shift: Shift) -> Sequence[Item]:
    """The requests shown, each once, where it was shown last."""
    showings = shifts.latest(session, shift, most=MOST_LISTED)
    newest = {one.request.id: one for one in reversed(showings) if one.request is not None}
    taken = cash.counting(session, newest.keys())
    ordered = sorted(newest.values(), key=lambda one: -one.number)
    return [item_of(one.request, taken, at=one.at) for one in ordered if one.request is not None]


def _collections(
    session: Session, wanted: cash.Search
) -> Sequence[tuple[CashCollection, str | None]]:
    ids = cash.search(wanted).order_by(CashCollection.id.desc()).limit(MOST_LISTED)
    rows = session.execute(
        select(CashCollection, PaymentRequest.reference)
        .outerjoin(PaymentRequest, PaymentRequest.id == CashCollection.payment_request_id)
        .where(CashCollection.id.in_(ids))
        .order_by(CashCollection.id.desc())
    )
    return [(row, reference) for row, reference in rows]
