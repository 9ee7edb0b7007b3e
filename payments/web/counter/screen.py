"""The clerk's window and the citizen's display: find, show, clear, and what has come meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, json, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from payments import cash, shifts
from payments.core import clock
from payments.core.errors import CashlessError, NotFound
from payments.core.service import Service
from payments.payment_requests import UnknownRequest
from payments.shifts import Shift
from payments.staff import Role
from payments.web import auth, i18n, problems
from payments.web.auth import StaffPages, staff_only
from payments.web.counter.view import Item, View, item_of, latest, mark_of, view_of


class NothingFound(NotFound):
    """No request has the code or the dossier that was typed or scanned."""

    code = "nothing_found"


@dataclass(frozen=True, slots=True)
class _Polled:
    mark: str
    view: View | None


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds both windows and what the clerk's sends."""

    @pages.get("/<public_id>")
    @staff_only(Role.CLERK)
    def screen(public_id: str) -> AnyResponse:
        return window(cashless, public_id, "counter/screen.html")

    @pages.get("/<public_id>/state")
    @staff_only(Role.CLERK)
    def state(public_id: str) -> Response:
        return _state(cashless, public_id, "counter/_screen.html")

    @pages.get("/<public_id>/display")
    @staff_only(Role.CLERK)
    def display(public_id: str) -> AnyResponse:
        i18n.only_here()  # the citizen's language is not the clerk's
        return window(cashless, public_id, "counter/display.html")

    @pages.get("/<public_id>/display/state")
    @staff_only(Role.CLERK)
    def display_state(public_id: str) -> Response:
        return _state(cashless, public_id, "counter/_display.html")

    _add_find(pages, cashless)
    _add_show(pages, cashless)


def window(
    cashless: Service,
    public_id: str,
    template: str,
    *,
    refusal: CashlessError | None = None,
    **told: object,
) -> AnyResponse:
    """A window of the clerk's own shift as it is now, with what was refused."""
    now = clock.now()
    polled = _polled(cashless, public_id, known=None)
    problem = None if refusal is None else problems.of_ours(refusal)
    shown = render_template(
        template,
        view=polled.view,
        tag=f'"{polled.mark}"',
        now=now.isoformat(),
        refusal=problem,
        **told,
    )
    return make_response(shown, 200 if problem is None else problem.status)


def own(session: Session, public_id: str) -> Shift:
    """The shift of that number of whoever is signed in. Raises `shifts.UnknownShift`."""
    return shifts.of(session, public_id, staff_id=auth.who().staff_id)


def _add_find(pages: StaffPages, cashless: Service) -> None:
    prefix = cashless.config.reference_prefix

    @pages.post("/<public_id>/find")
    @staff_only(Role.CLERK)
    def find(public_id: str) -> AnyResponse:
        text, now = request.form.get("text", ""), clock.now()

        def unit(session: Session) -> Sequence[Item]:
            shift = own(session, public_id)
            found = shifts.typed(session, text, prefix=prefix)
            if not found:
                raise NothingFound
            if len(found) == 1:
                shifts.show(session, shift, found[0], now=now)
            taken = cash.counting(session, [one.id for one in found])
            return [item_of(one, taken, at=one.issued_at) for one in found]

        try:
            found = cashless.database.write(unit)
        except (NothingFound, shifts.NothingTyped, shifts.ShiftEnded) as error:
            return window(cashless, public_id, "counter/screen.html", refusal=error, typed=text)
        if len(found) == 1:
            return _back(public_id)
        return window(cashless, public_id, "counter/found.html", found=found, typed=text)


def _add_show(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/<public_id>/show")
    @staff_only(Role.CLERK)
    def show(public_id: str) -> AnyResponse:
        code, now = request.form.get("reference", ""), clock.now()

        def unit(session: Session) -> None:
            shifts.show(session, own(session, public_id), shifts.by_code(session, code), now=now)

        try:
            cashless.database.write(unit)
        except (UnknownRequest, shifts.ShiftEnded) as error:
            return window(cashless, public_id, "counter/screen.html", refusal=error)
        return _back(public_id)

    @pages.post("/<public_id>/clear")
    @staff_only(Role.CLERK)
    def clear(public_id: str) -> AnyResponse:
        now = clock.now()
        try:
            cashless.database.write(
                lambda session: shifts.clear(session, own(session, public_id), now=now)
            )
        except shifts.ShiftEnded as error:
            return window(cashless, public_id, "counter/screen.html", refusal=error)
        return _back(public_id)


def _back(public_id: str) -> AnyResponse:
    return redirect(url_for("counter.screen", public_id=public_id), 303)


def _state(cashless: Service, public_id: str, template: str) -> Response:
    """News of a window: its fragment, or 304 while there is none."""
    answer, known = Response(mimetype="application/json"), request.if_none_match
    polled = _polled(cashless, public_id, known=known.as_set() if known else None)
    answer.set_etag(polled.mark)
    if polled.view is None:
        answer.make_conditional(request)
        return answer
    view = polled.view
    told = {"title": view.headline, "headline": view.headline, "final": False}
    answer.set_data(json.dumps({**told, "html": render_template(template, view=view)}))
    return answer


def _polled(cashless: Service, public_id: str, *, known: set[str] | None) -> _Polled:
    now = clock.now()

    def unit(session: Session) -> _Polled:
        shift = own(session, public_id)
        shown = latest(session, shift)
        mark = mark_of(session, shift, shown, now=now)
        if known and mark in known:
            return _Polled(mark, None)
        return _Polled(mark, view_of(session, shift, shown, now=now))

    return cashless.database.read(unit)
