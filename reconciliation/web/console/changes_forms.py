"""What an administrator proposes on the pages of keys and connections: one form, one proposal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time
from typing import Any, Final

from flask import redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import changes
from payments.changes import AccountDescribed, Change, ConnectionDescribed
from payments.connections import Connection, UnknownConnection
from payments.core import clock
from payments.core.approvals import Approval
from payments.core.errors import Invalid
from payments.core.service import Service
from payments.portals import Portal, UnknownPortal
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only
from reconciliation.web.console.parts import day_of, reason_given


class NotAnHour(Invalid):
    """The form names an hour that there is not."""

    code = "not_an_hour"


class UnknownChange(Invalid):
    """The form asks for a change that there is not."""

    code = "unknown_change"


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the forms."""

    @pages.post("/keys", endpoint="propose_key")
    @proved_only(Role.ADMINISTRATOR)
    def propose_key() -> Response:
        return _propose(cashless, _OF_KEYS, "console.keys")

    @pages.post("/connections", endpoint="propose_connection")
    @proved_only(Role.ADMINISTRATOR)
    def propose_connection() -> Response:
        return _propose(cashless, _OF_ACCOUNTS, "console.connections")


Proposal = Callable[..., Approval]


def _propose(cashless: Service, known: Mapping[str, Proposal], page: str) -> Response:
    act = request.form.get("act", "")
    if act not in known:
        raise UnknownChange
    by, now, reason = auth.who().actor, clock.now(), reason_given()
    told: dict[str, Any] = {"reason": reason, "by": by, "now": now}
    cashless.database.write(lambda session: known[act](session, cashless, **told).id)
    return redirect(url_for(page), 303)


def _told(name: str) -> str:
    return request.form.get(name, "").strip()


def _new_portal(session: Session, _cashless: Service, **told: Any) -> Approval:
    return changes.propose_portal(session, _told("portal"), request.form.getlist("scope"), **told)


def _new_key(session: Session, _cashless: Service, **told: Any) -> Approval:
    portal = _portal(session)
    return changes.propose_key(session, portal, request.form.getlist("scope"), **told)


def _rotation(session: Session, _cashless: Service, **told: Any) -> Approval:
    return changes.propose_rotation(session, _portal(session), **told)


def _revocation(session: Session, _cashless: Service, **told: Any) -> Approval:
    return changes.propose_revocation(session, _portal(session), _told("prefix"), **told)


def _new_account(session: Session, _cashless: Service, **told: Any) -> Approval:
    described = AccountDescribed(
        agency=_told("agency"),
        bin=_told("bin"),
        number=_told("number"),
        name=_told("name"),
        valid_from=day_of(_told("valid_from")),
        cut_off=_hour("cut_off"),
        run_at=_hour("run_at"),
    )
    return changes.propose_account(session, described, **told)


def _new_connection(session: Session, cashless: Service, **told: Any) -> Approval:
    source, _, scheme = _told("source").partition(":")
    described = ConnectionDescribed(
        source=source,
        scheme=scheme,
        name=_told("name"),
        accounts=request.form.getlist("account"),
        secret=_told("secret"),
    )
    mode = cashless.config.mode
    return changes.propose_connection(session, described, mode=mode, vault=cashless.vault, **told)


def _new_secret(session: Session, cashless: Service, **told: Any) -> Approval:
    one, secret = _connection(session), _told("secret")
    return changes.propose_secret(session, one, secret, vault=cashless.vault, **told)


def _stop(session: Session, _cashless: Service, **told: Any) -> Approval:
    return changes.propose_stop(session, _connection(session), **told)


def _portal(session: Session) -> Portal:
    found = session.scalar(select(Portal).where(Portal.public_id == _told("portal")))
    if found is None:
        raise UnknownPortal(name=_told("portal")[:40])
    return found


def _connection(session: Session) -> Connection:
    public_id = _told("connection")
    found = session.scalar(select(Connection).where(Connection.public_id == public_id))
    if found is None:
        raise UnknownConnection
    return found


def _hour(name: str) -> time:
    """The hour that a field names, as `16:30`. Raises `NotAnHour`."""
    try:
        told = datetime.strptime(_told(name), "%H:%M")  # noqa: DTZ007  an hour of any day
    except ValueError:
        raise NotAnHour(pointer=f"/{name}") from None
    return told.time()


_OF_KEYS: Final[Mapping[str, Proposal]] = {
    Change.PORTAL: _new_portal,
    Change.KEY: _new_key,
    Change.ROTATION: _rotation,
    Change.REVOCATION: _revocation,
}
_OF_ACCOUNTS: Final[Mapping[str, Proposal]] = {
    Change.ACCOUNT: _new_account,
    Change.CONNECTION: _new_connection,
    Change.SECRET: _new_secret,
    Change.STOP: _stop,
}
