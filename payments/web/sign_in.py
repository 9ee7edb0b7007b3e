"""Signing in with a name and a password, and out again; works without a script.

Every sign-in is a new session with a new token, and forms made before it are of no use any more.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask import session as form_session
from werkzeug.wrappers import Response as AnyResponse

from payments import staff
from payments.core import clock
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.staff import NewSession
from payments.web import auth, problems
from payments.web.headers import private


def blueprint(database: Database) -> Blueprint:
    """`/sign-in` and `/sign-out`."""
    pages = Blueprint("sign_in", __name__)
    pages.after_request(private)

    @pages.get("/sign-in")
    def form() -> Response:
        going = auth.own_path(request.args.get("next"))
        return _form(going=going, name="", refusal=None, ended="ended" in request.args)

    @pages.post("/sign-in")
    def enter() -> AnyResponse:
        name, password = (request.form.get(field, "") for field in ("username", "password"))
        going = auth.own_path(request.form.get("next"))
        outcome = _try(database, name, password)
        if isinstance(outcome, CashlessError):
            return _form(going=going, name=name[:40], refusal=outcome)
        _leave(database)
        form_session.clear()
        if going is None or not auth.opens_to(going, outcome.who.roles):
            going = url_for("sign_in.home")
        answer = redirect(going, 303)
        auth.begin(answer, outcome)
        return answer

    @pages.get("/staff")
    def home() -> AnyResponse:
        auth.who()
        first = next(iter(auth.homes()), None)
        return redirect(url_for(first.endpoint if first else auth.SIGN_IN), 303)

    @pages.post("/sign-out")
    def leave() -> AnyResponse:
        _leave(database)
        form_session.clear()
        answer = redirect(url_for(auth.SIGN_IN), 303)
        auth.end(answer)
        return answer

    return pages


def _try(
    database: Database, name: str, password: str
) -> NewSession | staff.BadCredentials | staff.TooManyTries:
    address = request.remote_addr or "-"
    now = clock.now()
    return database.write(
        lambda session: staff.sign_in(session, name, password, address=address, now=now)
    )


def _leave(database: Database) -> None:
    """Ends the session that this browser has now, if it has one."""
    found = auth.member()
    if found is not None:
        database.write(lambda session: staff.sign_out(session, found, now=clock.now()))


def _form(
    *, going: str | None, name: str, refusal: CashlessError | None, ended: bool = False
) -> Response:
    told = None if refusal is None else problems.of_ours(refusal)
    shown = render_template("sign_in/form.html", going=going, name=name, refusal=told, ended=ended)
    answer = make_response(shown, 200 if told is None else told.status)
    if told is not None:
        answer.headers.update(told.headers)
    return answer
