"""What is decided once for an account: its opening balance, the words of charges and interest."""

from __future__ import annotations

from collections.abc import Callable

from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments.core import clock
from payments.core.errors import Conflict, Invalid
from payments.core.service import Service
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation import bookings, statements
from reconciliation.bookings import Kind
from reconciliation.web.console.parts import NUMBER, account_of

Verb = Callable[..., None]


class NoOpeningStated(Conflict):
    """No statement of the account states an opening balance yet."""

    code = "no_opening_stated"


class UnknownPatternKind(Invalid):
    """Words say that a line is a charge, or that it is interest."""

    code = "unknown_pattern_kind"


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the forms."""

    @pages.post("/accounts/<public_id>/propose-opening", endpoint="propose_opening")
    @staff_only(Role.RECONCILER)
    def propose(public_id: str) -> Response:
        by, now = auth.who().actor, clock.now()

        def unit(session: Session) -> None:
            account = account_of(session, public_id)
            first = statements.first_opening(session, account.id)
            if first is None or first.opening is None:
                raise NoOpeningStated
            bookings.propose_opening(
                session, account.id, amount=first.opening, day=first.from_day, by=by, now=now
            )

        cashless.database.write(unit)
        return _back()

    @pages.post("/accounts/<public_id>/approve-opening", endpoint="approve_opening")
    @proved_only(Role.APPROVER)
    def approve(public_id: str) -> Response:
        by, now = auth.who().actor, clock.now()
        cashless.database.write(
            lambda session: bookings.approve_opening(
                session, account_of(session, public_id).id, by=by, now=now
            )
        )
        return _back()

    _add_patterns(pages, cashless)


def _add_patterns(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/accounts/<public_id>/patterns", endpoint="propose_pattern")
    @staff_only(Role.RECONCILER)
    def propose(public_id: str) -> Response:
        kind, words = _kind(request.form.get("kind", "")), request.form.get("words", "")
        by, now = auth.who().actor, clock.now()
        cashless.database.write(
            lambda session: bookings.propose_pattern(
                session, account_of(session, public_id).id, kind=kind, words=words, by=by, now=now
            )
        )
        return _back()

    @pages.post(
        f"/accounts/<public_id>/patterns/<{NUMBER}:number>/confirm", endpoint="confirm_pattern"
    )
    @proved_only(Role.APPROVER)
    def confirm(public_id: str, number: int) -> Response:
        return _decide(cashless, bookings.confirm_pattern, public_id, number)

    @pages.post(f"/accounts/<public_id>/patterns/<{NUMBER}:number>/end", endpoint="end_pattern")
    @staff_only(Role.RECONCILER, Role.APPROVER)
    def end(public_id: str, number: int) -> Response:
        return _decide(cashless, bookings.end_pattern, public_id, number)


def _decide(cashless: Service, verb: Verb, public_id: str, number: int) -> Response:
    by, now = auth.who().actor, clock.now()

    def unit(session: Session) -> None:
        account = account_of(session, public_id)
        verb(session, bookings.pattern_of(session, account.id, number), by=by, now=now)

    cashless.database.write(unit)
    return _back()


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise UnknownPatternKind(kind=text[:20]) from None


def _back() -> Response:
    """To the page of ours that the form stood on."""
    going = auth.own_path(request.form.get("next"))
    return redirect(going or url_for("console.accounts"), 303)
