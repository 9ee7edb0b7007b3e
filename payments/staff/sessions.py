"""Signing in and staying in: guessing slows down, sessions are short and can be ended at once.

An unknown username takes as long as a wrong password. Whoever has a second factor is let in by its
code after the password. A session ends after 15 minutes without use, after 8 hours in any case,
and when the person's roles or password change. It has a new token whenever somebody proved anew
that it is them.
"""

from __future__ import annotations

import hashlib
import re
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
from payments.core.errors import Conflict, Invalid, NotFound, Refused
from payments.core.vault import Vault
from payments.staff import factors, passwords, tries
from payments.staff.people import actor, end_sessions, roles_of
from payments.staff.tables import Person, Proof, Role, StaffSession
from payments.staff.tries import TooManyTries

IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=8)
FRESH: Final = timedelta(minutes=5)
"""How long a proof is good for what needs a fresh one, and how long the code may be awaited."""

_SEEN_EVERY: Final = timedelta(minutes=1)
_USERNAME: Final = re.compile(r"[a-z0-9._-]{1,40}", re.ASCII)
_NOT_A_USERNAME: Final = "?"
_LONGEST_BROWSER: Final = 200


class BadCredentials(Refused):
    """No active person has this username and password."""

    code = "bad_credentials"


class WrongPassword(Refused):
    """It is not the password of whoever is signed in."""

    code = "wrong_password"


class WrongCode(Refused):
    """It is not the code that the phone shows, or it was used before."""

    code = "wrong_code"


class PasswordsDiffer(Invalid):
    """A new password is typed twice alike."""

    code = "passwords_differ"


class SamePassword(Conflict):
    """A new password is another one."""

    code = "same_password"


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


def sign_in(
    session: Session,
    username: str,
    password: str,
    *,
    address: str,
    now: datetime,
    browser: str = "",
    required: Collection[Role] = (),
) -> NewSession | BadCredentials | TooManyTries:
    """A session for the person, or why not; whoever has a second factor still owes its code.

    `required` are the roles that need a second factor. The refusal is returned, not raised: the
    try must be kept, and a raised error would undo the unit of work. The person's row is held
    meanwhile, so that tries at once count one by one.
    """
    known_as = _known_as(username)
    person = session.scalar(select(Person).where(Person.username == known_as).with_for_update())
    waits = tries.refusal(session, known_as, Proof.PASSWORD, address=address, now=now)
    if waits is not None:
        return waits
    stored = person.password_hash if person is not None and person.active else None
    right = passwords.matches(password, stored)
    tries.keep(session, known_as, Proof.PASSWORD, address=address, right=right, now=now)
    if person is None or not right:
        if person is not None:
            _tell(session, "staff.sign_in_refused", person.id, by="-", now=now)
        return BadCredentials()
    if passwords.is_outdated(person.password_hash):
        person.password_hash = passwords.hash_of(password)
    waiting = factors.live(session, person.id) is not None
    begun = _begin(
        session,
        person,
        Browser(address, browser),
        ends_at=now + LONGEST,
        proved_at=None if waiting else now,
        required=required,
        now=now,
    )
    if not waiting:
        _tell(session, "staff.signed_in", person.id, now=now)
    return begun


def prove(
    session: Session,
    who: SignedIn,
    typed: str,
    *,
    vault: Vault,
    address: str,
    now: datetime,
    phone_at: datetime,
    required: Collection[Role] = (),
) -> NewSession | WrongCode | WrongPassword | TooManyTries:
    """Proves that it is still them: a code where there is a second factor, else the password.

    The session goes on with a new token; the refusal is returned, as by `sign_in`. `phone_at` is
    what the clock of a phone says. Raises `NotSignedIn` where the session ended meanwhile.
    """
    person = session.get_one(Person, who.staff_id, with_for_update=True)
    row = _living(session, StaffSession.id == who.session_id, now=now)
    factor = factors.live(session, person.id)
    proof = Proof.PASSWORD if factor is None else Proof.CODE
    waits = tries.refusal(session, person.username, proof, address=address, now=now)
    if waits is not None:
        return waits
    if factor is None:
        right = passwords.matches(typed, person.password_hash)
    else:
        right = factors.accepts(session, factor, typed, vault=vault, now=now, phone_at=phone_at)
    tries.keep(session, person.username, proof, address=address, right=right, now=now)
    if not right:
        _tell(session, "staff.proof_refused", person.id, now=now, proof=proof.value)
        return WrongPassword() if factor is None else WrongCode()
    done = "staff.signed_in" if row.proved_at is None else "staff.proved"
    _tell(session, done, person.id, now=now, proof=proof.value)
    return renew(session, row, person, now=now, required=required)


def take_factor(
    session: Session,
    who: SignedIn,
    code: str,
    *,
    vault: Vault,
    now: datetime,
    phone_at: datetime,
    required: Collection[Role] = (),
) -> tuple[NewSession, Sequence[str]] | WrongCode:
    """Takes the second factor that waits into use, and ends the person's other sessions.

    With the recovery codes, which are never told again. Raises `NoFactorWaits` or `NotSignedIn`.
    """
    codes = factors.confirm(session, who.staff_id, code, vault=vault, now=now, phone_at=phone_at)
    if codes is None:
        return WrongCode()
    row = _living(session, StaffSession.id == who.session_id, now=now)
    session.execute(
        update(StaffSession)
        .where(_others(who), StaffSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    person = session.get_one(Person, who.staff_id)
    return renew(session, row, person, now=now, required=required), codes


def choose_password(
    session: Session,
    who: SignedIn,
    present: str,
    new: str,
    *,
    browser: Browser,
    now: datetime,
    required: Collection[Role] = (),
) -> NewSession | WrongPassword | TooManyTries:
    """A person's own new password: signs them out everywhere, and in again here.

    The refusal is returned, as by `sign_in`. Raises `WeakPassword` or `SamePassword`.
    """
    person = session.get_one(Person, who.staff_id, with_for_update=True)
    row = _living(session, StaffSession.id == who.session_id, now=now)
    passwords.check(new, username=person.username)
    username, address = person.username, browser.address
    waits = tries.refusal(session, username, Proof.PASSWORD, address=address, now=now)
    if waits is not None:
        return waits
    right = passwords.matches(present, person.password_hash)
    if right and passwords.matches(new, person.password_hash):
        raise SamePassword
    tries.keep(session, username, Proof.PASSWORD, address=address, right=right, now=now)
    if not right:
        _tell(session, "staff.proof_refused", person.id, now=now, proof=Proof.PASSWORD.value)
        return WrongPassword()
    person.password_hash = passwords.hash_of(new)
    person.password_by, person.password_temporary = who.actor, False
    end_sessions(session, person.id, now=now)
    _tell(session, "staff.password_chosen", person.id, now=now)
    return _begin(
        session,
        person,
        browser,
        ends_at=row.ends_at,
        proved_at=row.proved_at,
        required=required,
        now=now,
    )


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
) -> NewSession:
    """The session goes on under a new token, proved now; what it was known by opens nothing."""
    token = secrets.token_urlsafe(32)
    row.token_hash, row.proved_at, row.seen_at = _digest(token), now, now
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
    _tell(session, "staff.signed_out", who.staff_id, now=now)


def all_of(session: Session, staff_id: int, *, now: datetime) -> Sequence[StaffSession]:
    """The sessions of a person that live, the latest seen first."""
    rows = select(StaffSession).where(StaffSession.staff_id == staff_id, _lives(now))
    return session.scalars(rows.order_by(StaffSession.seen_at.desc(), StaffSession.id)).all()


def end_one(session: Session, who: SignedIn, public_id: str, *, now: datetime) -> None:
    """Ends one of the person's own sessions. Raises `UnknownSession`."""
    mine = (StaffSession.staff_id == who.staff_id) & (StaffSession.public_id == public_id)
    _end(session, who, mine, now=now)


def end_others(session: Session, who: SignedIn, *, now: datetime) -> None:
    """Ends all of the person's sessions but this one. Raises `UnknownSession` without others."""
    _end(session, who, _others(who), now=now)


def _others(who: SignedIn) -> ColumnElement[bool]:
    return (StaffSession.staff_id == who.staff_id) & (StaffSession.id != who.session_id)


def _end(session: Session, who: SignedIn, which: ColumnElement[bool], *, now: datetime) -> None:
    ended = session.execute(
        update(StaffSession).where(which, StaffSession.revoked_at.is_(None)).values(revoked_at=now)
    )
    if not rows_of(ended):
        raise UnknownSession
    _tell(session, "staff.sessions_ended", who.staff_id, now=now, count=rows_of(ended))


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


def _begin(
    session: Session,
    person: Person,
    browser: Browser,
    *,
    ends_at: datetime,
    proved_at: datetime | None,
    required: Collection[Role],
    now: datetime,
) -> NewSession:
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
    )


def _owed(session: Session, row: StaffSession, person: Person, *, must_have: bool) -> Owed | None:
    if row.proved_at is None:
        return Owed.CODE
    if person.password_temporary:
        return Owed.PASSWORD
    if must_have and factors.live(session, person.id) is None:
        return Owed.FACTOR
    return None


def _known_as(username: str) -> str:
    """What was typed, if it can be a username: some type their password there."""
    folded = username.strip().lower()
    return folded if _USERNAME.fullmatch(folded) else _NOT_A_USERNAME


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _tell(
    session: Session,
    action: str,
    staff_id: int,
    *,
    now: datetime,
    by: str | None = None,
    **details: object,
) -> None:
    who = actor(staff_id)
    audit.append(session, actor=by or who, action=action, subject=who, details=details, now=now)
