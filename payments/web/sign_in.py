"""Signing in with a name, a password and a code, and out again; works without a script.

Every sign-in is a new session with a new token, and forms made before it are of no use any more.
Whoever has a second factor is asked for its code after the password; until then nothing opens.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask import session as form_session
from werkzeug.wrappers import Response as AnyResponse

from payments import staff
from payments.core import clock
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.staff import NewSession, NotSignedIn, Owed, SignedIn
from payments.web import auth, problems
from payments.web.headers import private


def blueprint(database: Database) -> Blueprint:
    """`/sign-in`, `/sign-in/code` and `/sign-out`."""
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
        leave_session(database)
        form_session.clear()
        answer = redirect(landing(going, outcome.who), 303)
        auth.begin(answer, outcome)
        return answer

    @pages.get("/staff")
    def home() -> AnyResponse:
        owes = auth.who().owes
        if owes is not None:
            return redirect(url_for(auth.OWED[owes]), 303)
        first = next(iter(auth.homes()), None)
        return redirect(url_for(first.endpoint if first else auth.SIGN_IN), 303)

    @pages.post("/sign-out")
    def leave() -> AnyResponse:
        leave_session(database)
        form_session.clear()
        answer = redirect(url_for(auth.SIGN_IN), 303)
        auth.end(answer)
        return answer

    _add_code(pages)
    return pages


def _add_code(pages: Blueprint) -> None:
    @pages.get("/sign-in/code")
    def code() -> AnyResponse:
        going = auth.own_path(request.args.get("next"))
        if _waits_for_code():
            return _code(going=going, refusal=None)
        return redirect(
            url_for("sign_in.home") if auth.member() else url_for(auth.SIGN_IN, next=going), 303
        )

    @pages.post("/sign-in/code")
    def give_code() -> AnyResponse:
        going = auth.own_path(request.form.get("next"))
        if not _waits_for_code():
            return redirect(_again(going), 303)
        try:
            outcome = auth.prove(request.form.get("proof", ""))
        except NotSignedIn:
            return redirect(_again(going), 303)
        if isinstance(outcome, CashlessError):
            return _code(going=going, refusal=outcome)
        form_session.clear()
        return redirect(landing(going, outcome.who), 303)


def _try(
    database: Database, name: str, password: str
) -> NewSession | staff.BadCredentials | staff.TooManyTries:
    now, needed = clock.now(), auth.required()
    return database.write(
        lambda session: staff.sign_in(
            session,
            name,
            password,
            address=auth.address(),
            browser=request.user_agent.string,
            required=needed,
            now=now,
        )
    )


def landing(going: str | None, who: SignedIn) -> str:
    """Where somebody lands: where they owe something, where they were going, or at their home."""
    if who.owes is Owed.CODE:
        return url_for(auth.OWED[who.owes], next=going)
    if who.owes is not None:
        return url_for(auth.OWED[who.owes])
    if going is None or not auth.opens_to(going, who.roles):
        return url_for("sign_in.home")
    return going


def _waits_for_code() -> bool:
    found = auth.known()
    return found is not None and found.owes is Owed.CODE


def _again(going: str | None) -> str:
    return url_for(auth.SIGN_IN, next=going, ended="1")


def leave_session(database: Database) -> None:
    """Ends the session that this browser has now, if it has one."""
    found = auth.known()
    if found is not None:
        database.write(lambda session: staff.sign_out(session, found, now=clock.now()))


def _form(
    *, going: str | None, name: str, refusal: CashlessError | None, ended: bool = False
) -> Response:
    told = None if refusal is None else problems.of_ours(refusal)
    shown = render_template("sign_in/form.html", going=going, name=name, refusal=told, ended=ended)
    return _answer(shown, told)


def _code(*, going: str | None, refusal: CashlessError | None) -> Response:
    told = None if refusal is None else problems.of_ours(refusal)
    return _answer(render_template("sign_in/code.html", going=going, refusal=told), told)


def _answer(shown: str, told: problems.Problem | None) -> Response:
    answer = make_response(shown, 200 if told is None else told.status)
    if told is not None:
        answer.headers.update(told.headers)
    return answer
