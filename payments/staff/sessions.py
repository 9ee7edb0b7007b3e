"""Signing in and staying in: guessing slows down, sessions are short and can be ended at once.

Failed tries count by username and, more patiently, by address; after some, each further one must
wait twice as long. An unknown username takes as long as a wrong password. A session ends after
15 minutes without use, after 8 hours in any case, and when the person's roles or password change.
"""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from payments.core import audit
from payments.core.errors import Refused
from payments.staff import passwords
from payments.staff.people import actor, roles_of
from payments.staff.tables import Person, Role, SignInAttempt, StaffSession

IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=8)

_SEEN_EVERY: Final = timedelta(minutes=1)
_COUNTED: Final = timedelta(minutes=15)
_FREE_BY_USERNAME: Final = 5
_FREE_BY_ADDRESS: Final = 20
_FIRST_WAIT: Final = timedelta(seconds=30)
_USERNAME: Final = re.compile(r"[a-z0-9._-]{1,40}", re.ASCII)
_NOT_A_USERNAME: Final = "?"


class BadCredentials(Refused):
    """No active person has this username and password."""

    code = "bad_credentials"


class TooManyTries(Refused):
    """Too many tries have failed; `retry_after` says in how many seconds the next one counts."""

    code = "too_many_tries"


class NotSignedIn(Refused):
    """There is no session, or it has ended."""

    code = "not_signed_in"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is at the other end, by a session that lives."""

    session_id: int
    staff_id: int
    username: str
    name: str
    roles: frozenset[Role]
    seen_at: datetime

    @property
    def actor(self) -> str:
        """How the person is written as whoever did something: `staff:12`."""
        return actor(self.staff_id)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session at the only moment its token is known."""

    who: SignedIn
    token: str = field(repr=False)


def sign_in(
    session: Session, username: str, password: str, *, address: str, now: datetime
) -> NewSession | BadCredentials | TooManyTries:
    """A session for the person, or why not.

    The refusal is returned, not raised: the try must be kept, and a raised error would undo the
    unit of work. The person's row is held meanwhile, so that tries at once count one by one.
    """
    known_as = _known_as(username)
    person = session.scalar(select(Person).where(Person.username == known_as).with_for_update())
    retry_after = _wait(session, known_as, address=address, now=now)
    if retry_after > 0:
        return TooManyTries(retry_after=retry_after)
    stored = person.password_hash if person is not None and person.active else None
    right = passwords.matches(password, stored)
    session.add(SignInAttempt(username=known_as, address=address, tried_at=now, succeeded=right))
    session.flush()
    if person is None or not right:
        return BadCredentials()
    if passwords.is_outdated(person.password_hash):
        person.password_hash = passwords.hash_of(password)
    return _begin(session, person, address=address, now=now)


def session_of(session: Session, token: str, *, now: datetime) -> SignedIn:
    """Who holds this token. Reads only; `keep_alive` writes that they were seen.

    Raises `NotSignedIn`.
    """
    found = session.execute(
        select(StaffSession, Person)
        .join(Person, Person.id == StaffSession.staff_id)
        .where(
            StaffSession.token_hash == _digest(token),
            StaffSession.revoked_at.is_(None),
            StaffSession.ends_at > now,
            StaffSession.seen_at > now - IDLE,
            Person.active.is_(True),
        )
    ).one_or_none()
    if found is None:
        raise NotSignedIn
    row, person = found
    return _signed_in(session, row, person)


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
    _tell(session, "staff.signed_out", who.staff_id, now=now)


def _begin(session: Session, person: Person, *, address: str, now: datetime) -> NewSession:
    token = secrets.token_urlsafe(32)
    row = StaffSession(
        staff_id=person.id,
        token_hash=_digest(token),
        address=address,
        started_at=now,
        seen_at=now,
        ends_at=now + LONGEST,
    )
    session.add(row)
    session.flush()
    _tell(session, "staff.signed_in", person.id, now=now)
    return NewSession(who=_signed_in(session, row, person), token=token)


def _signed_in(session: Session, row: StaffSession, person: Person) -> SignedIn:
    return SignedIn(
        session_id=row.id,
        staff_id=person.id,
        username=person.username,
        name=person.name,
        roles=roles_of(session, person.id),
        seen_at=row.seen_at,
    )


def _wait(session: Session, username: str, *, address: str, now: datetime) -> int:
    """Seconds until a further try counts; 0 if it does now."""
    last_success = (
        select(func.max(SignInAttempt.id))
        .where(SignInAttempt.username == username, SignInAttempt.succeeded.is_(True))
        .scalar_subquery()
    )
    by_username = (SignInAttempt.username == username) & (
        SignInAttempt.id > func.coalesce(last_success, 0)
    )
    by_address = SignInAttempt.address == address
    return max(
        _wait_for(session, by_username, free=_FREE_BY_USERNAME, now=now),
        _wait_for(session, by_address, free=_FREE_BY_ADDRESS, now=now),
    )


def _wait_for(session: Session, whose: ColumnElement[bool], *, free: int, now: datetime) -> int:
    failed, last = session.execute(
        select(func.count(), func.max(SignInAttempt.tried_at)).where(
            whose,
            SignInAttempt.succeeded.is_(False),
            SignInAttempt.tried_at > now - _COUNTED,
        )
    ).one()
    if failed < free:
        return 0
    wait = min(_FIRST_WAIT * 2 ** min(failed - free, 10), _COUNTED)
    left: timedelta = last + wait - now
    return max(0, math.ceil(left.total_seconds()))


def _known_as(username: str) -> str:
    """What was typed, if it can be a username: some type their password there."""
    folded = username.strip().lower()
    return folded if _USERNAME.fullmatch(folded) else _NOT_A_USERNAME


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _tell(session: Session, action: str, staff_id: int, *, now: datetime) -> None:
    who = actor(staff_id)
    audit.append(session, actor=who, action=action, subject=who, now=now)
