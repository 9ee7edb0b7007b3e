"""What another administrator's approval makes, if it still is what was shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, connections, portals
from payments.changes.described import (
    Change,
    account_of,
    connection_of,
    of_account,
    of_one,
    of_portal,
    opening,
    registration_of,
    secret_of,
)
from payments.connections import Connection
from payments.core import approvals
from payments.core.approvals import Approval, State
from payments.core.vault import Vault
from payments.portals import NewKey


@dataclass(frozen=True, slots=True)
class Hand:
    """With what a change is made: the vault, by whom, when."""

    vault: Vault
    by: str
    now: datetime


def approve(session: Session, approval: Approval, hand: Hand) -> NewKey | None:
    """Makes what was proposed; a new key is returned at the only moment it is known.

    Raises `SamePerson`, `ProposalDecided`, `ShownChanged`, and what making it raises.
    """
    seen, make = _MAKING[Change(approval.action)]
    shown: Mapping[str, Any] = approval.shown
    approvals.approve(session, approval, shown=seen(session, shown, hand), by=hand.by, now=hand.now)
    return make(session, shown, hand)


def waiting(session: Session, of: Sequence[Change]) -> Sequence[Approval]:
    """The proposals of these kinds that wait for a second administrator, in order."""
    rows = select(Approval).where(Approval.action.in_(of), Approval.state == State.PROPOSED)
    return session.scalars(rows.order_by(Approval.id)).all()


def is_one(approval: Approval) -> bool:
    """Whether a proposal is one of these changes."""
    return approval.action in set(Change)


Seen = Callable[[Session, Mapping[str, Any], Hand], Mapping[str, Any]]
Make = Callable[[Session, Mapping[str, Any], Hand], NewKey | None]


def _portal_seen(session: Session, shown: Mapping[str, Any], hand: Hand) -> Mapping[str, Any]:
    """The portal's keys as they are now, and what else was shown."""
    portal = portals.by_name(session, shown["portal"])
    return {**shown, **of_portal(session, portal, now=hand.now)}


def _account_seen(session: Session, shown: Mapping[str, Any], _hand: Hand) -> Mapping[str, Any]:
    return of_account(session, account_of(shown))


def _connection_seen(session: Session, shown: Mapping[str, Any], _hand: Hand) -> Mapping[str, Any]:
    return {**shown, **of_one(session.get_one(Connection, shown["id"]))}


def _as_shown(_session: Session, shown: Mapping[str, Any], _hand: Hand) -> Mapping[str, Any]:
    """What is new: nothing of it can have changed, and making it checks the rest."""
    return shown


def _make_portal(session: Session, shown: Mapping[str, Any], hand: Hand) -> NewKey:
    portal = portals.add(session, shown["portal"], by=hand.by, now=hand.now)
    return portals.new_key(session, portal.id, scopes=shown["scopes"], by=hand.by, now=hand.now)


def _make_key(session: Session, shown: Mapping[str, Any], hand: Hand) -> NewKey:
    portal = portals.by_name(session, shown["portal"])
    return portals.new_key(session, portal.id, scopes=shown["scopes"], by=hand.by, now=hand.now)


def _make_rotation(session: Session, shown: Mapping[str, Any], hand: Hand) -> NewKey:
    portal = portals.by_name(session, shown["portal"])
    return portals.rotate_key(session, portal.id, by=hand.by, now=hand.now)


def _make_revocation(session: Session, shown: Mapping[str, Any], hand: Hand) -> None:
    portal = portals.by_name(session, shown["portal"])
    portals.revoke(session, portal.id, shown["prefix"], by=hand.by, now=hand.now)


def _make_account(session: Session, shown: Mapping[str, Any], hand: Hand) -> None:
    described = account_of(shown)
    agency = agencies.by_code(session, described.agency, on=described.valid_from)
    agencies.open_account(
        session,
        agency.id,
        opening(described),
        valid_from=described.valid_from,
        by=hand.by,
        now=hand.now,
    )


def _make_connection(session: Session, shown: Mapping[str, Any], hand: Hand) -> None:
    registration = registration_of(session, connection_of(shown, hand.vault))
    connections.add(session, registration, vault=hand.vault, by=hand.by, now=hand.now)


def _make_secret(session: Session, shown: Mapping[str, Any], hand: Hand) -> None:
    secret = secret_of(shown, hand.vault)
    number = shown["id"]
    connections.rotate(session, number, secret, vault=hand.vault, by=hand.by, now=hand.now)


def _make_stop(session: Session, shown: Mapping[str, Any], hand: Hand) -> None:
    connections.stop(session, shown["id"], by=hand.by, now=hand.now)


_MAKING: Final[Mapping[Change, tuple[Seen, Make]]] = MappingProxyType(
    {
        Change.PORTAL: (_as_shown, _make_portal),
        Change.KEY: (_portal_seen, _make_key),
        Change.ROTATION: (_portal_seen, _make_rotation),
        Change.REVOCATION: (_portal_seen, _make_revocation),
        Change.ACCOUNT: (_account_seen, _make_account),
        Change.CONNECTION: (_as_shown, _make_connection),
        Change.SECRET: (_connection_seen, _make_secret),
        Change.STOP: (_connection_seen, _make_stop),
    }
)
