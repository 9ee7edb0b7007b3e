"""Portals and their API keys: shown once, known by digest, scoped, two live while one is replaced.

A key is 256 random bits, so a fast digest protects it as well as a slow one would; it is found
by its digest, which leaks nothing of it by how long the search takes.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments.core import audit
from payments.core.errors import Conflict, Invalid, NotFound, Refused
from payments.core.validity import valid_on
from payments.portals.tables import Portal, PortalKey, Scope

LIVE_KEYS: Final = 2
"""So many keys of a portal may be live at once."""

OVERLAP: Final = timedelta(days=7)
"""How long a replaced key or secret stays live: longer than any sender's retries."""

_USE_RECORDED_EVERY: Final = timedelta(minutes=1)
_LONGEST_KEY: Final = 200


class BadKey(Refused):
    """No live key of an active portal is this one."""

    code = "bad_key"


class ScopeMissing(Refused):
    """The key is good, but not for this."""

    code = "scope_missing"


class UnknownPortal(NotFound):
    """No portal is known by that name."""

    code = "unknown_portal"


class UnknownPortalKey(NotFound):
    """The portal has no live key with that prefix."""

    code = "unknown_portal_key"


class UnknownScope(Invalid):
    """A key has one or more of the known scopes."""

    code = "unknown_scope"


class PortalNameMissing(Invalid):
    """A portal has a name that can be read."""

    code = "portal_name_missing"


class PortalNameTaken(Conflict):
    """Another portal has that name."""

    code = "portal_name_taken"


class TooManyKeys(Conflict):
    """The portal has two live keys; one must end before there can be another."""

    code = "too_many_keys"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: a portal by one of its keys, and what that key may do."""

    portal_id: int
    key_id: int
    scopes: frozenset[Scope]
    last_used_at: datetime | None

    def require(self, scope: Scope) -> None:
        """Raises `ScopeMissing` unless the key has `scope`."""
        if scope not in self.scopes:
            raise ScopeMissing(scope=scope)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the only moment it is known; `text` is never printed by accident."""

    id: int
    prefix: str
    text: str = field(repr=False)


def add(session: Session, name: str, *, by: str, now: datetime) -> Portal:
    """A new portal, without a key yet. Raises `PortalNameMissing` and `PortalNameTaken`."""
    check_name(session, name)
    portal = Portal(public_id=str(uuid7()), name=name, active=True, added_at=now)
    session.add(portal)
    session.flush()
    _tell(session, "portal.added", portal.id, by=by, now=now, name=name)
    return portal


def check_name(session: Session, name: str) -> None:
    """Raises `PortalNameMissing` or `PortalNameTaken` where no portal can have that name."""
    if not name.strip():
        raise PortalNameMissing
    if session.scalar(select(Portal.id).where(Portal.name == name)) is not None:
        raise PortalNameTaken(name=name)


def by_name(session: Session, name: str) -> Portal:
    """The portal of that name. Raises `UnknownPortal`."""
    portal = session.scalar(select(Portal).where(Portal.name == name))
    if portal is None:
        raise UnknownPortal(name=name)
    return portal


def new_key(
    session: Session,
    portal_id: int,
    *,
    scopes: Collection[str],
    by: str,
    now: datetime,
) -> NewKey:
    """A key for the portal, shown this once. Raises `UnknownScope` or `TooManyKeys`."""
    granted = checked(scopes)
    _lock(session, portal_id)
    check_room(session, portal_id, now=now)
    text = secrets.token_urlsafe(32)
    key = PortalKey(
        portal_id=portal_id,
        prefix=text[:8],
        hash=_digest(text),
        scopes=granted,
        valid_from=now,
    )
    session.add(key)
    session.flush()
    _tell(
        session,
        "portal_key.made",
        portal_id,
        by=by,
        now=now,
        prefix=key.prefix,
        scopes=granted,
    )
    return NewKey(id=key.id, prefix=key.prefix, text=text)


def rotate_key(
    session: Session,
    portal_id: int,
    *,
    overlap: timedelta = OVERLAP,
    by: str,
    now: datetime,
) -> NewKey:
    """A key with the scopes of the newest live one, which ends after `overlap`.

    Raises `UnknownPortalKey` where there is none to replace, `TooManyKeys` where a rotation is
    under way.
    """
    _lock(session, portal_id)
    live = live_keys(session, portal_id, now=now)
    if not live:
        raise UnknownPortalKey(portal=portal_id)
    replacing = new_key(session, portal_id, scopes=live[-1].scopes, by=by, now=now)
    live[-1].valid_to = now + overlap
    session.flush()
    return replacing


def revoke(session: Session, portal_id: int, prefix: str, *, by: str, now: datetime) -> None:
    """Ends a live key at once. Raises `UnknownPortalKey`."""
    named = [k for k in live_keys(session, portal_id, now=now) if k.prefix == prefix]
    if not named:
        raise UnknownPortalKey(prefix=prefix)
    for key in named:
        key.valid_to = now
    session.flush()
    _tell(session, "portal_key.revoked", portal_id, by=by, now=now, prefix=prefix)


def live_keys(session: Session, portal_id: int, *, now: datetime) -> list[PortalKey]:
    """The portal's keys that open something now, the oldest first."""
    rows = select(PortalKey).where(PortalKey.portal_id == portal_id, valid_on(PortalKey, now))
    return list(session.scalars(rows.order_by(PortalKey.id)))


def authenticate(session: Session, bearer: str, *, now: datetime) -> Caller:
    """Who bears this key. Reads only; `record_use` writes that it was used.

    Raises `BadKey`, the same for a key that is unknown, ended, or of a portal that is inactive.
    """
    if not bearer.isascii() or len(bearer) > _LONGEST_KEY:
        raise BadKey
    key = session.scalar(
        select(PortalKey)
        .join(Portal, Portal.id == PortalKey.portal_id)
        .where(
            PortalKey.hash == _digest(bearer),
            valid_on(PortalKey, now),
            Portal.active.is_(True),
        )
    )
    if key is None:
        raise BadKey
    return Caller(
        portal_id=key.portal_id,
        key_id=key.id,
        scopes=frozenset(Scope(scope) for scope in key.scopes),
        last_used_at=key.last_used_at,
    )


def use_is_due(caller: Caller, *, now: datetime) -> bool:
    """Whether the caller's use of its key is to be recorded: at most once a minute."""
    last = caller.last_used_at
    return last is None or now - last >= _USE_RECORDED_EVERY


def record_use(session: Session, caller: Caller, *, now: datetime) -> None:
    """Writes when the key was last used, unless that was within the last minute."""
    due = PortalKey.last_used_at.is_(None) | (PortalKey.last_used_at <= now - _USE_RECORDED_EVERY)
    session.execute(
        update(PortalKey).where(PortalKey.id == caller.key_id, due).values(last_used_at=now)
    )


def check_room(session: Session, portal_id: int, *, now: datetime) -> None:
    """Raises `TooManyKeys` where a portal has as many live keys as it may have."""
    if len(live_keys(session, portal_id, now=now)) >= LIVE_KEYS:
        raise TooManyKeys(most=LIVE_KEYS)


def checked(scopes: Collection[str]) -> list[str]:
    """The scopes, each once and in order. Raises `UnknownScope`."""
    unknown = sorted(set(scopes) - set(Scope))
    if unknown or not scopes:
        raise UnknownScope(
            scope=", ".join(unknown) or "-",
            known=", ".join(Scope),
        )
    return sorted({str(scope) for scope in scopes})


def _lock(session: Session, portal_id: int) -> None:
    row = select(Portal.id).where(Portal.id == portal_id).with_for_update()
    if session.scalar(row) is None:
        raise UnknownPortal(name=portal_id)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tell(
    session: Session,
    action: str,
    portal_id: int,
    *,
    by: str,
    now: datetime,
    **details: object,
) -> None:
    audit.append(
        session,
        actor=by,
        action=action,
        subject=f"portal:{portal_id}",
        details=details,
        now=now,
    )
