"""The assignment of a credit on its page, and the forms by which it is taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import credits
from payments.core import approvals, clock
from payments.core.approvals import Approval, UnknownApproval
from payments.core.money import Dong
from payments.core.service import Service
from payments.core.words import say
from payments.credits import Assignment, Credit
from payments.payment_requests import PaymentRequest
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation import breaks, day_close
from reconciliation.matching import UnknownCredit
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.parts import NUMBER

Act = Callable[[Session, Credit, str, datetime], object]


@dataclass(frozen=True, slots=True)
class Assigned:
    """The assignment of a credit that stands; `stays` says why it can't be taken back, else None.

    `proposed` is the proposal to take it back that waits; from `limit` on there has to be one.
    """

    one: Assignment
    request: PaymentRequest
    stays: str | None
    proposed: Approval | None
    limit: Dong
    names: Mapping[str, str]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the forms."""

    @pages.post(f"/credits/<{NUMBER}:number>/unassign", endpoint="unassign")
    @staff_only(Role.RECONCILER)
    def unassign(number: int) -> Response:
        reason, told = request.form.get("reason", ""), request.form.get("seen", "")
        seen = int(told) if told.isdecimal() and told.isascii() and len(told) < 19 else 0

        def act(session: Session, credit: Credit, by: str, now: datetime) -> None:
            breaks.unassign(session, credit, seen, reason=reason, by=by, now=now)

        return _act(cashless, number, act)

    @pages.post(f"/credits/<{NUMBER}:number>/approve", endpoint="approve_unassignment")
    @proved_only(Role.APPROVER)
    def approve(number: int) -> Response:
        def act(session: Session, credit: Credit, by: str, now: datetime) -> None:
            found = _proposal(session, credit)
            breaks.approve_unassignment(session, credit, found, by=by, now=now)

        return _act(cashless, number, act)

    @pages.post(f"/credits/<{NUMBER}:number>/decline", endpoint="decline_unassignment")
    @proved_only(Role.APPROVER)
    def decline(number: int) -> Response:
        reason = request.form.get("reason", "")

        def act(session: Session, credit: Credit, by: str, now: datetime) -> None:
            approvals.decline(session, _proposal(session, credit), reason=reason, by=by, now=now)

        return _act(cashless, number, act)

    @pages.post(f"/credits/<{NUMBER}:number>/take-back", endpoint="take_unassignment_back")
    @staff_only(Role.RECONCILER)
    def take_back(number: int) -> Response:
        def act(session: Session, credit: Credit, by: str, now: datetime) -> None:
            approvals.withdraw(session, _proposal(session, credit), by=by, now=now)

        return _act(cashless, number, act)


def assigned(session: Session, credit: Credit, *, now: datetime) -> Assigned | None:
    """The assignment of a credit as its page shows it, if one stands."""
    one = credits.assignment(session, credit)
    if one is None:
        return None
    proposed = breaks.unassignment_of(session, credit)
    return Assigned(
        one=one,
        request=session.get_one(PaymentRequest, one.payment_request_id),
        stays=_stays(session, credit),
        proposed=proposed,
        limit=breaks.second_person_from(session, now=now),
        names=names_of(session, [one.assigned_by, None if proposed is None else proposed.maker]),
    )


def _stays(session: Session, credit: Credit) -> str | None:
    """Why an assignment can't be taken back, in words."""
    why = breaks.stays_assigned(session, credit)
    return None if why is None else say(f"error.{why.code}", **cast(dict[str, Any], why.fields))


def _act(cashless: Service, number: int, act: Act) -> Response:
    """Does it in one unit, derives the breaks anew, and goes back to the page."""
    by, now = auth.who().actor, clock.now()

    def unit(session: Session) -> None:
        credit = session.get(Credit, number)
        if credit is None:
            raise UnknownCredit(number=number)
        account = credit.collection_account_id
        act(session, credit, by, now)
        day_close.renew_breaks(session, account, now=now)

    cashless.database.write(unit)
    return redirect(url_for("console.credit", number=number), 303)


def _proposal(session: Session, credit: Credit) -> Approval:
    """The proposal that waits, as the form saw it. Raises `UnknownApproval`."""
    found, told = breaks.unassignment_of(session, credit), request.form.get("proposal", "")
    if found is None or found.public_id != told:
        raise UnknownApproval(approval=told[:40])
    return found
