"""`/console/keys` and `/console/connections`: what two administrators decide, and its forms.

A new key stands on the answer to the approval, and nowhere else ever again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import redirect, render_template, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import agencies, changes, portals
from payments.agencies import CollectionAccount
from payments.banks import every_bank
from payments.changes import OF_ACCOUNTS, OF_KEYS, Change, Hand
from payments.connections import Connection
from payments.core import approvals, clock
from payments.core.approvals import Approval, UnknownApproval
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.portals import NewKey, Portal, PortalKey, Scope
from payments.sources import SOURCES
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.parts import reason_given

SEERS: Final = (Role.ADMINISTRATOR, Role.AUDITOR)
"""Who sees which keys and connections there are; nobody sees a key or a secret again."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Portals with their live keys, what waits for a second administrator, and who is named."""

    portals: Sequence[tuple[Portal, Sequence[PortalKey]]]
    waiting: Sequence[Approval]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Connections:
    """Bank accounts and connections, what waits for a second administrator, and who is named."""

    accounts: Sequence[CollectionAccount]
    connections: Sequence[Connection]
    waiting: Sequence[Approval]
    names: Mapping[str, str]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the pages and what decides."""

    @pages.get("/keys", endpoint="keys")
    @staff_only(*SEERS)
    def keys() -> str:
        now = clock.now()
        found = cashless.database.read(lambda session: _keys(session, now=now))
        return render_template("console/keys.html", shown=found, scopes=Scope)

    @pages.get("/connections", endpoint="connections")
    @staff_only(*SEERS)
    def connections() -> str:
        today = local_day(clock.now())
        found = cashless.database.read(
            lambda session: Connections(
                accounts=agencies.accounts(session, on=today),
                connections=session.scalars(select(Connection).order_by(Connection.name)).all(),
                **_waiting(session, OF_ACCOUNTS),
            )
        )
        return render_template(
            "console/connections.html",
            shown=found,
            banks=every_bank(),
            sources=SOURCES,
            today=today,
        )

    _add_decisions(pages, cashless)


def _add_decisions(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/changes/<public_id>/approve", endpoint="approve_change")
    @proved_only(Role.ADMINISTRATOR)
    def approve(public_id: str) -> Response | str:
        hand = Hand(cashless.vault, auth.who().actor, clock.now())

        def unit(session: Session) -> tuple[Approval, NewKey | None]:
            approval = _known(session, public_id)
            return approval, changes.approve(session, approval, hand)

        approval, key = cashless.database.write(unit)
        if key is None:
            return _back(approval)
        return render_template("console/new_key.html", key=key, portal=approval.shown["portal"])

    @pages.post("/changes/<public_id>/decline", endpoint="decline_change")
    @proved_only(Role.ADMINISTRATOR)
    def decline(public_id: str) -> Response:
        reason, by, now = reason_given(), auth.who().actor, clock.now()

        def unit(session: Session) -> Approval:
            approval = _known(session, public_id)
            approvals.decline(session, approval, reason=reason, by=by, now=now)
            return approval

        return _back(cashless.database.write(unit))

    @pages.post("/changes/<public_id>/withdraw", endpoint="withdraw_change")
    @proved_only(Role.ADMINISTRATOR)
    def withdraw(public_id: str) -> Response:
        by, now = auth.who().actor, clock.now()

        def unit(session: Session) -> Approval:
            approval = _known(session, public_id)
            approvals.withdraw(session, approval, by=by, now=now)
            return approval

        return _back(cashless.database.write(unit))


def _keys(session: Session, *, now: datetime) -> Keys:
    known = session.scalars(select(Portal).order_by(Portal.name)).all()
    return Keys(
        portals=[(one, portals.live_keys(session, one.id, now=now)) for one in known],
        **_waiting(session, OF_KEYS),
    )


def _waiting(session: Session, of: Sequence[Change]) -> dict[str, Any]:
    found = changes.waiting(session, of)
    return {"waiting": found, "names": names_of(session, [one.maker for one in found])}


def _known(session: Session, public_id: str) -> Approval:
    """The proposal of a change. Raises `UnknownApproval`, also for one of something else."""
    approval = approvals.by_public_id(session, public_id)
    if not changes.is_one(approval):
        raise UnknownApproval(approval=public_id[:40])
    return approval


def _back(approval: Approval) -> Response:
    page = "keys" if approval.action in OF_KEYS else "connections"
    return redirect(url_for(f"console.{page}"), 303)
