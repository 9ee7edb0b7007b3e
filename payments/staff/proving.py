"""Proving who it is: by password, by the code after it, by either again before a decision.

Refusals are returned, not raised: the try must be kept, and a raised error would undo the unit of
work. The person's row is held meanwhile, so that tries at once count one by one. An unknown
username takes as long as a wrong password.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core import audit
from payments.core.errors import Conflict, Invalid, Refused
from payments.core.vault import Vault
from payments.staff import factors, passwords, sessions, tries
from payments.staff.people import actor, end_sessions
from payments.staff.sessions import LONGEST, Browser, NewSession, SignedIn
from payments.staff.tables import Person, Proof, Role
from payments.staff.tries import TooManyTries

_USERNAME: Final = re.compile(r"[a-z0-9._-]{1,40}", re.ASCII)
_NOT_A_USERNAME: Final = "?"


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

    `required` are the roles that need a second factor.
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
        _tell_refused(session, known_as, person, address=address, now=now)
        return BadCredentials()
    if passwords.is_outdated(person.password_hash):
        person.password_hash = passwords.hash_of(password)
    waiting = factors.live(session, person.id) is not None
    begun = sessions.begin(
        session,
        person,
        Browser(address, browser),
        ends_at=now + LONGEST,
        proved_at=None if waiting else now,
        required=required,
        now=now,
    )
    if not waiting:
        sessions.tell(session, "staff.signed_in", person.id, now=now)
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

    The session goes on with a new token. `phone_at` is what the clock of a phone says. Raises
    `NotSignedIn` where the session ended meanwhile.
    """
    person = session.get_one(Person, who.staff_id, with_for_update=True)
    row = sessions.held_by(session, who, now=now)
    factor = factors.live(session, person.id)
    proof = Proof.PASSWORD if factor is None else Proof.CODE
    waits = tries.refusal(session, person.username, proof, address=address, now=now)
    if waits is not None:
        return waits
    if factor is None:
        right = not row.by_provider and passwords.matches(typed, person.password_hash)
    else:
        right = factors.accepts(session, factor, typed, vault=vault, now=now, phone_at=phone_at)
    tries.keep(session, person.username, proof, address=address, right=right, now=now)
    if not right:
        sessions.tell(session, "staff.proof_refused", person.id, now=now, proof=proof.value)
        return WrongPassword() if factor is None else WrongCode()
    done = "staff.signed_in" if row.proved_at is None else "staff.proved"
    sessions.tell(session, done, person.id, now=now, proof=proof.value)
    return sessions.renew(session, row, person, now=now, required=required)


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
    row = sessions.held_by(session, who, now=now)
    end_sessions(session, who.staff_id, but=who.session_id, now=now)
    person = session.get_one(Person, who.staff_id)
    return sessions.renew(session, row, person, now=now, required=required), codes


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

    Raises `WeakPassword` or `SamePassword`.
    """
    person = session.get_one(Person, who.staff_id, with_for_update=True)
    row = sessions.held_by(session, who, now=now)
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
        sessions.tell(
            session, "staff.proof_refused", person.id, now=now, proof=Proof.PASSWORD.value
        )
        return WrongPassword()
    person.password_hash = passwords.hash_of(new)
    person.password_by, person.password_temporary = who.actor, False
    end_sessions(session, person.id, now=now)
    sessions.tell(session, "staff.password_chosen", person.id, now=now)
    return sessions.begin(
        session,
        person,
        browser,
        ends_at=row.ends_at,
        proved_at=row.proved_at,
        required=required,
        now=now,
    )


def _tell_refused(
    session: Session, known_as: str, person: Person | None, *, address: str, now: datetime
) -> None:
    """Writes down a sign-in that failed, and from when on further ones do not even count.

    A name that nobody has is not written: it may be a password.
    """
    waits = tries.refusal(session, known_as, Proof.PASSWORD, address=address, now=now)
    audit.append(
        session,
        actor="-",
        action="staff.sign_in_refused",
        subject="staff:-" if person is None else actor(person.id),
        details={"address": address} | ({} if waits is None else waits.fields),
        now=now,
    )


def _known_as(username: str) -> str:
    """What was typed, if it can be a username: some type their password there."""
    folded = username.strip().lower()
    return folded if _USERNAME.fullmatch(folded) else _NOT_A_USERNAME
