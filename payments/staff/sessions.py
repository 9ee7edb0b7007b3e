"""Being signed in: sessions are short and can be ended at once.

Whoever has a second factor has half a session until its code is given. A session ends after 15
minutes without use, after 8 hours in any case, and when the person's roles or password change. It
has a new token whenever somebody proved anew that it is them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments.core import audit
from payments.core.database import rows_of
from payments.core.errors import NotFound, Refused
from payments.staff import factors
from payments.staff.people import actor, end_sessions, roles_of
from payments.staff.tables import Person, Role, StaffSession

IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=8)
FRESH: Final = timedelta(minutes=5)
"""How long a proof is good for what needs a fresh one, and how long the code may be awaited."""

_SEEN_EVERY: Final = timedelta(minutes=1)
_LONGEST_BROWSER: Final = 200


class NotSignedIn(Refused):
    """There is no session, or it has ended."""

    code = "not_signed_in"


class UnknownSession(NotFound):
    """The person has no such session, or it has ended."""

    code = "unknown_session"


class Owed(StrEnum):
    """What is to be done before anything else: the code, an own password, a second factor."""

    CODE = "code"
    PASSWORD = "password"  # noqa: S105  what is owed, not one
    FACTOR = "factor"


@dataclass(frozen=True, slots=True)
class Browser:
    """Where somebody sits: the address, and what the browser calls itself."""

    address: str
    name: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is at the other end, by a session that lives.

    While `owes` is `Owed.CODE` the password alone is known, and nothing opens.
    """

    session_id: int
    staff_id: int
    username: str
    name: str
    roles: frozenset[Role]
    seen_at: datetime
    proved_at: datetime | None
    owes: Owed | None
    by_provider: bool = False

    @property
    def actor(self) -> str:
        """How the person is written as whoever did something: `staff:12`."""
        return actor(self.staff_id)

    def proved_lately(self, *, now: datetime) -> bool:
        """Whether the person proved within the last five minutes that it is them."""
        return self.proved_at is not None and now - self.proved_at < FRESH


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session at the only moment its token is known."""

    who: SignedIn
    token: str = field(repr=False)


def session_of(
    session: Session, token: str, *, now: datetime, required: Collection[Role] = ()
) -> SignedIn:
    """Who holds this token. Reads only; `keep_alive` writes that they were seen.

    Raises `NotSignedIn`.
    """
    row = _living(session, StaffSession.token_hash == _digest(token), now=now)
    person = session.get_one(Person, row.staff_id)
    return _signed_in(session, row, person, required=required)


def renew(
    session: Session,
    row: StaffSession,
    person: Person,
    *,
    now: datetime,
    required: Collection[Role] = (),
    proved_at: datetime | None = None,
) -> NewSession:
    """The session goes on under a new token; what it was known by opens nothing.

    It was proved now, where `proved_at` does not say when.
    """
    token = secrets.token_urlsafe(32)
    row.token_hash, row.proved_at, row.seen_at = _digest(token), proved_at or now, now
    session.flush()
    return NewSession(who=_signed_in(session, row, person, required=required), token=token)


def keep_alive_is_due(who: SignedIn, *, now: datetime) -> bool:
    """Whether it is to be written that the person was seen: at most once a minute."""
    return now - who.seen_at >= _SEEN_EVERY


def keep_alive(session: Session, who: SignedIn, *, now: datetime) -> None:
    """Writes that the person was seen, so that the session does not fall idle."""
    session.execute(
        update(StaffSession)
        .where(
            StaffSession.id == who.session_id,
            StaffSession.revoked_at.is_(None),
            StaffSession.seen_at <= now - _SEEN_EVERY,
        )
        .values(seen_at=now)
    )


def sign_out(session: Session, who: SignedIn, *, now: datetime) -> None:
    """Ends the session; once ended, it stays as it was."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.id == who.session_id, StaffSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    tell(session, "staff.signed_out", who.staff_id, now=now)


def all_of(session: Session, staff_id: int, *, now: datetime) -> Sequence[StaffSession]:
    """The sessions of a person that live, the latest seen first."""
    rows = select(StaffSession).where(StaffSession.staff_id == staff_id, _lives(now))
    return session.scalars(rows.order_by(StaffSession.seen_at.desc(), StaffSession.id)).all()


def end_one(session: Session, who: SignedIn, public_id: str, *, now: datetime) -> None:
    """Ends one of the person's own sessions. Raises `UnknownSession`."""
    mine = (StaffSession.staff_id == who.staff_id) & (StaffSession.public_id == public_id)
    ended = session.execute(
        update(StaffSession).where(mine, StaffSession.revoked_at.is_(None)).values(revoked_at=now)
    )
    if not rows_of(ended):
        raise UnknownSession
    tell(session, "staff.sessions_ended", who.staff_id, now=now, count=1)


def end_others(session: Session, who: SignedIn, *, now: datetime) -> None:
    """Ends all of the person's sessions but this one."""
    count = end_sessions(session, who.staff_id, but=who.session_id, now=now)
    tell(session, "staff.sessions_ended", who.staff_id, now=now, count=count)


def held_by(session: Session, who: SignedIn, *, now: datetime) -> StaffSession:
    """The row of the session. Raises `NotSignedIn` where it ended meanwhile."""
    return _living(session, StaffSession.id == who.session_id, now=now)


def _lives(now: datetime) -> ColumnElement[bool]:
    """A session that was neither ended nor left idle nor is too old; half a one lives shortly."""
    proved = StaffSession.proved_at.is_not(None) | (StaffSession.started_at > now - FRESH)
    return (
        StaffSession.revoked_at.is_(None)
        & (StaffSession.ends_at > now)
        & (StaffSession.seen_at > now - IDLE)
        & proved
    )


def _living(session: Session, which: ColumnElement[bool], *, now: datetime) -> StaffSession:
    found = session.scalar(
        select(StaffSession)
        .join(Person, Person.id == StaffSession.staff_id)
        .where(which, _lives(now), Person.active.is_(True))
    )
    if found is None:
        raise NotSignedIn
    return found


def begin(
    session: Session,
    person: Person,
    browser: Browser,
    *,
    ends_at: datetime,
    proved_at: datetime | None,
    required: Collection[Role],
    now: datetime,
    by_provider: bool = False,
) -> NewSession:
    """A new session of the person at this browser; tells nobody."""
    token = secrets.token_urlsafe(32)
    row = StaffSession(
        staff_id=person.id,
        token_hash=_digest(token),
        public_id=str(uuid7()),
        address=browser.address,
        browser=browser.name[:_LONGEST_BROWSER],
        started_at=now,
        seen_at=now,
        ends_at=ends_at,
        proved_at=proved_at,
        by_provider=by_provider,
    )
    session.add(row)
    session.flush()
    return NewSession(who=_signed_in(session, row, person, required=required), token=token)


def _signed_in(
    session: Session, row: StaffSession, person: Person, *, required: Collection[Role]
) -> SignedIn:
    roles = roles_of(session, person.id)
    return SignedIn(
        session_id=row.id,
        staff_id=person.id,
        username=person.username,
        name=person.name,
        roles=roles,
        seen_at=row.seen_at,
        proved_at=row.proved_at,
        owes=_owed(session, row, person, must_have=not roles.isdisjoint(required)),
        by_provider=row.by_provider,
    )


def _owed(session: Session, row: StaffSession, person: Person, *, must_have: bool) -> Owed | None:
    if row.proved_at is None:
        return Owed.CODE
    if person.password_temporary and not row.by_provider:
        return Owed.PASSWORD
    if must_have and factors.live(session, person.id) is None:
        return Owed.FACTOR
    return None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def tell(
    session: Session,
    action: str,
    staff_id: int,
    *,
    now: datetime,
    by: str | None = None,
    **details: object,
) -> None:
    """Writes in the audit trail what a person did about their own sign-in, or `by` about it."""
    who = actor(staff_id)
    audit.append(session, actor=by or who, action=action, subject=who, details=details, now=now)
