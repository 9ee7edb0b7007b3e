"""`/console/me`: one's own account: password, second factor, and where one is signed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from payments import staff
from payments.core import clock
from payments.core.errors import CashlessError
from payments.core.service import Service
from payments.staff import Browser, Owed, Role, StaffSession, factors, sessions
from payments.vietqr import draw_svg
from payments.web import auth, problems
from payments.web.auth import StaffPages, proved_only, staff_only
from payments.web.browsers import browser_in_words

_EVERYBODY: Final = tuple(Role)


def blueprint(cashless: Service) -> StaffPages:
    """The pages of one's own account, under `/console/me`."""
    pages = StaffPages("account", __name__, url_prefix="/console/me")

    @pages.get("")
    @staff_only(*_EVERYBODY)
    def me() -> str:
        who, now = auth.who(), clock.now()

        def unit(session: Session) -> tuple[bool, int, Sequence[StaffSession]]:
            found = factors.live(session, who.staff_id)
            left = factors.codes_left(session, who.staff_id)
            return found is not None, left, sessions.all_of(session, who.staff_id, now=now)

        has_factor, left, live = cashless.database.read(unit)
        return render_template(
            "account/me.html",
            has_factor=has_factor,
            codes_left=left,
            live=live,
            in_words=browser_in_words,
        )

    _add_password(pages, cashless)
    _add_factor(pages, cashless)
    _add_sessions(pages, cashless)
    return pages


def _add_password(pages: StaffPages, cashless: Service) -> None:
    @pages.get("/password")
    @staff_only(*_EVERYBODY, owing=[Owed.PASSWORD])
    def password() -> AnyResponse:
        return _told("account/password.html", None)

    @pages.post("/password")
    @staff_only(*_EVERYBODY, owing=[Owed.PASSWORD])
    def choose_password() -> AnyResponse:
        present, new, again = (request.form.get(field, "") for field in ("present", "new", "again"))
        if new != again:
            return _told("account/password.html", staff.PasswordsDiffer())
        who, now = auth.who(), clock.now()
        browser = Browser(auth.address(), request.user_agent.string)
        try:
            outcome = cashless.database.write(
                lambda session: staff.choose_password(
                    session,
                    who,
                    present,
                    new,
                    browser=browser,
                    required=auth.required(),
                    now=now,
                )
            )
        except (staff.WeakPassword, staff.SamePassword) as error:
            return _told("account/password.html", error)
        if isinstance(outcome, CashlessError):
            return _told("account/password.html", outcome)
        auth.go_on(outcome)
        return redirect(url_for("sign_in.home" if who.owes else "account.me"), 303)


def _add_factor(pages: StaffPages, cashless: Service) -> None:
    @pages.get("/factor")
    @staff_only(*_EVERYBODY, owing=[Owed.FACTOR])
    def factor() -> AnyResponse:
        return _enrolling(cashless, None)

    @pages.post("/factor")
    @proved_only(*_EVERYBODY, owing=[Owed.FACTOR])
    def begin_factor() -> AnyResponse:
        who, now = auth.who(), clock.now()
        cashless.database.write(
            lambda session: factors.begin(session, who.staff_id, vault=cashless.vault, now=now)
        )
        return redirect(url_for("account.factor"), 303)

    @pages.post("/factor/confirm")
    @proved_only(*_EVERYBODY, owing=[Owed.FACTOR])
    def confirm_factor() -> AnyResponse:
        code = request.form.get("code", "")
        who, now, needed = auth.who(), clock.now(), auth.required()
        outcome = cashless.database.write(
            lambda session: staff.take_factor(
                session,
                who,
                code,
                vault=cashless.vault,
                required=needed,
                now=now,
                phone_at=now - clock.offset(),
            )
        )
        if isinstance(outcome, CashlessError):
            return _enrolling(cashless, outcome)
        new, codes = outcome
        auth.go_on(new)
        return make_response(render_template("account/codes.html", codes=codes, enrolled=True))

    @pages.post("/factor/codes")
    @proved_only(*_EVERYBODY)
    def renew_codes() -> AnyResponse:
        who, now = auth.who(), clock.now()
        codes = cashless.database.write(
            lambda session: factors.renew_codes(session, who.staff_id, now=now)
        )
        return make_response(render_template("account/codes.html", codes=codes, enrolled=False))


def _add_sessions(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/sessions/<public_id>/end")
    @staff_only(*_EVERYBODY)
    def end_session(public_id: str) -> AnyResponse:
        who, now = auth.who(), clock.now()
        cashless.database.write(lambda session: sessions.end_one(session, who, public_id, now=now))
        return redirect(url_for("account.me"), 303)

    @pages.post("/sessions/end-others")
    @staff_only(*_EVERYBODY)
    def end_others() -> AnyResponse:
        who, now = auth.who(), clock.now()
        cashless.database.write(lambda session: sessions.end_others(session, who, now=now))
        return redirect(url_for("account.me"), 303)


def _enrolling(cashless: Service, refusal: CashlessError | None) -> Response:
    """The page with the picture and the text of the secret that waits, or a way to begin."""
    who, now = auth.who(), clock.now()
    found = cashless.database.read(
        lambda session: factors.enrolment(session, who.staff_id, vault=cashless.vault, now=now)
    )
    picture = None if found is None else draw_svg(found.address, title="TOTP")
    return _told(
        "account/factor.html", refusal, enrolment=found, picture=picture, has=auth.has_factor()
    )


def _told(template: str, refusal: CashlessError | None, **told: object) -> Response:
    problem = None if refusal is None else problems.of_ours(refusal)
    shown = render_template(template, refusal=problem, owes=auth.who().owes, **told)
    answer = make_response(shown, 200 if problem is None else problem.status)
    if problem is not None:
        answer.headers.update(problem.headers)
    return answer
