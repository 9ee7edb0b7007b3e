"""What one administrator proposes: checked now, made only when another approves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from payments import agencies, connections, portals
from payments.changes.described import (
    AccountDescribed,
    Change,
    ConnectionDescribed,
    of_account,
    of_connection,
    of_one,
    of_portal,
    opening,
    registration_of,
    sealed,
)
from payments.connections import Connection
from payments.core import approvals
from payments.core.approvals import Approval
from payments.core.calendar import local_day
from payments.core.config import Mode
from payments.core.errors import Invalid
from payments.core.vault import Vault
from payments.portals import Portal


class AccountInThePast(Invalid):
    """A bank account is taken into use from today or a later day."""

    code = "account_in_the_past"


def propose_portal(
    session: Session, name: str, scopes: Sequence[str], *, reason: str, by: str, now: datetime
) -> Approval:
    """Proposes a new portal and its first key.

    Raises `PortalNameMissing`, `PortalNameTaken`, `UnknownScope`, `NoReasonGiven` or
    `AlreadyProposed`, as all proposals do the last two.
    """
    portals.check_name(session, name)
    shown = {"portal": name, "scopes": portals.checked(scopes)}
    return _propose(session, Change.PORTAL, f"portal:new:{name}", shown, reason, by=by, now=now)


def propose_key(
    session: Session,
    portal: Portal,
    scopes: Sequence[str],
    *,
    reason: str,
    by: str,
    now: datetime,
) -> Approval:
    """Proposes one more key of a portal. Raises `UnknownScope` or `TooManyKeys`."""
    shown = of_portal(session, portal, now=now) | {"scopes": portals.checked(scopes)}
    portals.check_room(session, portal.id, now=now)
    return _propose(session, Change.KEY, _portal(portal), shown, reason, by=by, now=now)


def propose_rotation(
    session: Session, portal: Portal, *, reason: str, by: str, now: datetime
) -> Approval:
    """Proposes to replace a portal's newest key. Raises `UnknownPortalKey` or `TooManyKeys`."""
    shown = of_portal(session, portal, now=now)
    if not shown["live"]:
        raise portals.UnknownPortalKey(portal=portal.name)
    portals.check_room(session, portal.id, now=now)
    return _propose(session, Change.ROTATION, _portal(portal), shown, reason, by=by, now=now)


def propose_revocation(
    session: Session, portal: Portal, prefix: str, *, reason: str, by: str, now: datetime
) -> Approval:
    """Proposes to end a live key at once. Raises `UnknownPortalKey`."""
    shown = of_portal(session, portal, now=now) | {"prefix": prefix}
    if prefix not in shown["live"]:
        raise portals.UnknownPortalKey(prefix=prefix[:20])
    return _propose(session, Change.REVOCATION, _portal(portal), shown, reason, by=by, now=now)


def propose_account(
    session: Session, described: AccountDescribed, *, reason: str, by: str, now: datetime
) -> Approval:
    """Proposes to take a bank account into use from a day on.

    Raises `AccountInThePast`, `UnknownAgency`, and what `agencies.check_opening` raises.
    """
    if described.valid_from < local_day(now):
        raise AccountInThePast(pointer="/valid_from", valid_from=described.valid_from)
    agencies.check_opening(session, opening(described))
    shown = of_account(session, described)
    subject = f"collection_account:{described.bin}:{described.number}"
    return _propose(session, Change.ACCOUNT, subject, shown, reason, by=by, now=now)


def propose_connection(
    session: Session,
    described: ConnectionDescribed,
    *,
    mode: Mode,
    vault: Vault,
    reason: str,
    by: str,
    now: datetime,
) -> Approval:
    """Proposes a registration with a bank or gateway, with the secret that it gave.

    Raises `UnsignedSource` for one that does not sign, outside sandbox mode, and what
    `connections.check_registration` raises.
    """
    registration = registration_of(session, described)
    connections.check_registration(session, registration, mode=mode)
    shown = of_connection(described) | sealed(described.secret, vault)
    subject = f"connection:new:{described.name}"
    return _propose(session, Change.CONNECTION, subject, shown, reason, by=by, now=now)


def propose_secret(
    session: Session,
    connection: Connection,
    secret: str,
    *,
    vault: Vault,
    reason: str,
    by: str,
    now: datetime,
) -> Approval:
    """Proposes a connection's next secret; the one before still opens for a while afterwards.

    Raises `InvalidSecret`.
    """
    connections.check_secret(secret)
    shown = of_one(connection) | sealed(secret, vault)
    return _propose(session, Change.SECRET, _connection(connection), shown, reason, by=by, now=now)


def propose_stop(
    session: Session, connection: Connection, *, reason: str, by: str, now: datetime
) -> Approval:
    """Proposes to take in nothing more from a connection."""
    shown = of_one(connection)
    return _propose(session, Change.STOP, _connection(connection), shown, reason, by=by, now=now)


def _propose(
    session: Session,
    change: Change,
    subject: str,
    shown: Mapping[str, Any],
    reason: str,
    *,
    by: str,
    now: datetime,
) -> Approval:
    return approvals.propose(
        session, change.value, subject, shown=shown, reason=reason, by=by, now=now
    )


def _portal(portal: Portal) -> str:
    return f"portal:{portal.public_id}"


def _connection(connection: Connection) -> str:
    return f"connection:{connection.id}"
