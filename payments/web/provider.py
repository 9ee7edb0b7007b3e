"""Signing in by the province's identity provider, and proving it there once more.

What is asked goes along in a sealed cookie of this browser, so an answer to anybody else's question
is of no use. Where somebody is to land is a path of ours and comes from that cookie alone. Nobody
is made by signing in: whoever is not linked to a person here is told what to tell an administrator.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import Blueprint, make_response, redirect, render_template, request
from flask import session as form_session
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from payments.core import clock, oidc
from payments.core.errors import CashlessError
from payments.core.oidc import AnswerRefused, Flow, FlowLost, Identity, Provider, Purpose
from payments.core.service import Service
from payments.staff import Browser, NewSession, arriving
from payments.web import auth, problems, sign_in
from payments.web.headers import private

RETURN: Final = "/sign-in/provider/return"
"""Where the provider sends people back to; it has to know this address."""

_LASTS: Final = timedelta(minutes=10)


def blueprint(cashless: Service, provider: Provider) -> Blueprint:
    """`/sign-in/provider` and what follows."""
    pages = Blueprint("provider", __name__)
    pages.after_request(private)

    @pages.get("/sign-in/provider")
    def begin() -> AnyResponse:
        going = auth.own_path(request.args.get("next"))
        return _away(cashless, provider, Purpose.SIGN_IN, going)

    @pages.get("/sign-in/provider/prove")
    def prove() -> AnyResponse:
        auth.who()
        return _away(cashless, provider, Purpose.PROVE, None)

    @pages.get(RETURN)
    def back() -> AnyResponse:
        try:
            flow = oidc.opened(
                request.cookies.get(_cookie(cashless)), cashless.vault, now=clock.now()
            )
            answer = _arrived(cashless, provider, flow)
        except CashlessError as error:
            answer = _failed(error)
        answer.delete_cookie(_cookie(cashless), secure=_secure(cashless), httponly=True)
        return answer

    return pages


def _away(
    cashless: Service, provider: Provider, purpose: Purpose, going: str | None
) -> AnyResponse:
    """To the provider, with what was asked in a cookie; a page that says so if it is not there."""
    now = clock.now()
    flow = oidc.begin(purpose, going=going, now=now)
    try:
        address = provider.address(flow, now=now - clock.offset())
    except oidc.ProviderUnreachable as error:
        return _failed(error)
    answer = redirect(address, 303)
    answer.set_cookie(
        _cookie(cashless),
        oidc.sealed(flow, cashless.vault),
        max_age=_LASTS,
        secure=_secure(cashless),
        httponly=True,
        samesite="Lax",
    )
    return answer


def _arrived(cashless: Service, provider: Provider, flow: Flow) -> AnyResponse:
    """Lets in whoever came back, or tells why not. Raises what the provider and we refuse by."""
    waits = cashless.database.read(
        lambda session: arriving.waits(session, auth.address(), now=clock.now())
    )
    if waits is not None:
        raise waits
    identity = _identity(cashless, provider, flow)
    if flow.purpose == Purpose.PROVE:
        return _proved(cashless, identity)
    outcome = _let_in(cashless, identity)
    if isinstance(outcome, CashlessError):
        raise outcome
    sign_in.leave_session(cashless.database)
    form_session.clear()
    answer = redirect(sign_in.landing(flow.going, outcome.who), 303)
    auth.begin(answer, outcome)
    return answer


def _identity(cashless: Service, provider: Provider, flow: Flow) -> Identity:
    """Who came back. What is not believed is kept as a try. Raises what the provider raises."""
    now = clock.now()
    try:
        told = request.args.to_dict(flat=False)
        if any(len(values) > 1 for values in told.values()):
            raise AnswerRefused(reason="twice")
        answer = {name: values[0] for name, values in told.items()}
        return provider.identity(flow, answer, now=now - clock.offset())
    except (AnswerRefused, FlowLost) as refused:
        reason = str(refused.fields.get("reason", refused.code))
        cashless.database.write(
            lambda session: arriving.failed(session, auth.address(), reason, now=now)
        )
        raise


def _let_in(cashless: Service, identity: Identity) -> NewSession | CashlessError:
    now, needed = clock.now(), auth.required()
    browser = Browser(auth.address(), request.user_agent.string)

    def unit(session: Session) -> NewSession | CashlessError:
        asked_at = None if identity.asked_at is None else identity.asked_at + clock.offset()
        return arriving.arrive(
            session, identity, browser, asked_at=asked_at, required=needed, now=now
        )

    return cashless.database.write(unit)


def _proved(cashless: Service, identity: Identity) -> AnyResponse:
    """Tells that it is proved: the form waits in the window it was sent from."""
    who, now, needed = auth.who(), clock.now(), auth.required()

    def unit(session: Session) -> NewSession | CashlessError:
        asked_at = None if identity.asked_at is None else identity.asked_at + clock.offset()
        return arriving.prove(session, who, identity, asked_at=asked_at, required=needed, now=now)

    outcome = cashless.database.write(unit)
    if isinstance(outcome, CashlessError):
        raise outcome
    auth.go_on(outcome)
    return make_response(render_template("sign_in/proved.html"))


def _failed(error: CashlessError) -> AnyResponse:
    told = problems.of_ours(error)
    shown = make_response(render_template("sign_in/provider.html", refusal=told), told.status)
    shown.headers.update(told.headers)
    return shown


def _secure(cashless: Service) -> bool:
    return cashless.config.base_url.startswith("https:")


def _cookie(cashless: Service) -> str:
    return "__Host-flow" if _secure(cashless) else "flow"
