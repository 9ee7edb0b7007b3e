"""People and their roles: who may not also be whom, and who may not change what.

Roles that exclude each other (reliability.md 6.6, segregation of duties): whoever proposes does
not approve; administrators have nothing to do with money; an auditor has no other role. Nobody
changes their own roles, and one administrator always remains.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import combinations
from typing import Final

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments.core import audit
from payments.core.database import rows_of
from payments.core.errors import Conflict, Invalid, NotFound, Refused
from payments.core.words import Named
from payments.staff import passwords
from payments.staff.tables import Person, Role, SecondFactor, StaffRole, StaffSession

MONEY_ROLES: Final = frozenset({Role.RECONCILER, Role.APPROVER, Role.CLERK})

EXCLUDED: Final = frozenset(
    {frozenset({Role.RECONCILER, Role.APPROVER})}
    | {frozenset({Role.ADMINISTRATOR, role}) for role in MONEY_ROLES}
    | {frozenset({Role.AUDITOR, role}) for role in Role if role is not Role.AUDITOR}
)
"""The pairs of roles that nobody has at once."""

LONGEST_NAME: Final = 100

_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}", re.ASCII)


class InvalidUsername(Invalid):
    """A username has 2 to 40 small letters, digits, dots, dashes or underscores."""

    code = "invalid_username"


class NameMissing(Invalid):
    """A person is called by a name of 1 to 100 characters."""

    code = "name_missing"


class UsernameTaken(Conflict):
    """Somebody has that username."""

    code = "username_taken"


class UnknownPerson(NotFound):
    """Nobody has that username."""

    code = "unknown_person"


class UnknownRole(Invalid):
    """A person has one or more of the known roles."""

    code = "unknown_role"


class NoRoleChosen(UnknownRole):
    """Whoever is let in has a role."""

    code = "no_role_chosen"


class RolesExcluded(Invalid):
    """Two of the roles may not be one person's."""

    code = "roles_excluded"


class OwnRoles(Refused):
    """Nobody changes their own roles."""

    code = "own_roles"


class OwnFactor(Refused):
    """Nobody resets their own second factor: whoever has the phone replaces it."""

    code = "own_factor"


class SameHand(Refused):
    """One administrator gives the new password, another resets the second factor.

    Else one alone could become somebody else.
    """

    code = "same_hand"


class OwnPassword(Refused):
    """Nobody gives themselves a new password as an administrator: they change it as everybody."""

    code = "own_password"


class LastAdministrator(Conflict):
    """Somebody must remain who can let people in."""

    code = "last_administrator"


def add(
    session: Session,
    username: str,
    *,
    name: str,
    password: str,
    roles: Collection[str],
    by: str,
    now: datetime,
) -> Person:
    """A new person who can sign in.

    Raises `InvalidUsername`, `UsernameTaken`, `UnknownRole`, `RolesExcluded` or `WeakPassword`.
    """
    granted = checked(roles)
    person = _new(session, username, name=name, password=password, by=by, now=now)
    session.add_all(StaffRole(staff_id=person.id, role=role, given_by=by) for role in granted)
    session.flush()
    _tell(session, "staff.added", person.id, by=by, now=now, roles=granted)
    return person


def add_without_roles(
    session: Session, username: str, *, name: str, password: str, by: str, now: datetime
) -> Person:
    """A new person who can sign in and do nothing yet.

    Raises `InvalidUsername`, `UsernameTaken` or `WeakPassword`.
    """
    person = _new(session, username, name=name, password=password, by=by, now=now)
    _tell(session, "staff.added", person.id, by=by, now=now, roles=[])
    return person


def by_username(session: Session, username: str) -> Person:
    """The person of that username. Raises `UnknownPerson`."""
    person = session.scalar(_named(username))
    if person is None:
        raise UnknownPerson(username=username[:40])
    return person


def by_public_id(session: Session, public_id: str) -> Person:
    """The person of that public number. Raises `UnknownPerson`."""
    person = session.scalar(select(Person).where(Person.public_id == public_id))
    if person is None:
        raise UnknownPerson(username=public_id[:40])
    return person


def roles_of(session: Session, staff_id: int) -> frozenset[Role]:
    """What a person may do."""
    rows = session.scalars(select(StaffRole.role).where(StaffRole.staff_id == staff_id))
    return frozenset(Role(role) for role in rows)


def set_roles(
    session: Session,
    staff_id: int,
    roles: Collection[str],
    *,
    by: str,
    now: datetime,
    reason: str = "",
    approval_id: int | None = None,
) -> None:
    """Gives a person these roles instead of the old ones, and signs them out everywhere.

    Whoever was not let in any more is let in again. `approval_id` is the approval of two others
    that gives what lets somebody change anything. Raises `OwnRoles`, `LastAdministrator`,
    `UnknownRole` or `RolesExcluded`.
    """
    granted = checked(roles)
    if by == actor(staff_id):
        raise OwnRoles
    if Role.ADMINISTRATOR not in granted:
        _keep_an_administrator(session, leaving=staff_id)
    has = roles_of(session, staff_id)
    session.execute(
        delete(StaffRole).where(StaffRole.staff_id == staff_id, StaffRole.role.not_in(granted))
    )
    session.add_all(
        StaffRole(staff_id=staff_id, role=role, given_by=by, approval_id=approval_id)
        for role in granted
        if role not in has
    )
    session.get_one(Person, staff_id).active = True
    session.flush()
    end_sessions(session, staff_id, now=now)
    _tell(session, "staff.roles_set", staff_id, by=by, now=now, roles=granted, **_because(reason))


def reset_password(
    session: Session, staff_id: int, password: str, *, by: str, now: datetime
) -> None:
    """Gives a person a new password and signs them out everywhere.

    Raises `WeakPassword`, `OwnPassword`, or `SameHand` where whoever gives it reset the second
    factor.
    """
    if by == actor(staff_id):
        raise OwnPassword
    person = session.get_one(Person, staff_id, with_for_update=True)
    passwords.check(password, username=person.username)
    if by.startswith("staff:") and _factor_reset_by(session, staff_id) == by:
        raise SameHand
    person.password_hash = passwords.hash_of(password)
    person.password_by, person.password_temporary = by, False
    session.flush()
    end_sessions(session, staff_id, now=now)
    _tell(session, "staff.password_reset", staff_id, by=by, now=now)


def make_temporary(session: Session, staff_id: int) -> None:
    """The password was told by somebody else: it opens only the page to choose another."""
    session.get_one(Person, staff_id).password_temporary = True
    session.flush()


def disable(session: Session, staff_id: int, *, by: str, now: datetime, reason: str = "") -> None:
    """Lets a person in no more, from this moment. Raises `OwnRoles` or `LastAdministrator`."""
    if by == actor(staff_id):
        raise OwnRoles
    _keep_an_administrator(session, leaving=staff_id)
    session.get_one(Person, staff_id).active = False
    session.flush()
    end_sessions(session, staff_id, now=now)
    _tell(session, "staff.disabled", staff_id, by=by, now=now, **_because(reason))


def count_administrators(session: Session) -> int:
    """How many can let people in; giving roles takes two."""
    found = session.scalar(
        select(func.count(Person.id))
        .join(StaffRole, StaffRole.staff_id == Person.id)
        .where(StaffRole.role == Role.ADMINISTRATOR, Person.active.is_(True))
    )
    return found or 0


def end_sessions(session: Session, staff_id: int, *, but: int | None = None, now: datetime) -> int:
    """Signs a person out everywhere, but for one session where that is named; how many ended."""
    theirs = (StaffSession.staff_id == staff_id) & StaffSession.revoked_at.is_(None)
    if but is not None:
        theirs &= StaffSession.id != but
    return rows_of(session.execute(update(StaffSession).where(theirs).values(revoked_at=now)))


def actor(staff_id: int) -> str:
    """How a person is written as whoever did something: `staff:12`."""
    return f"staff:{staff_id}"


def checked(roles: Iterable[str]) -> list[str]:
    """The roles, in order, each once; every pair of them allowed together.

    Raises `UnknownRole` or `RolesExcluded`.
    """
    asked = sorted({str(role) for role in roles})
    unknown = [role for role in asked if role not in set(Role)]
    if unknown:
        raise UnknownRole(role=", ".join(unknown), known=", ".join(Role))
    if not asked:
        raise NoRoleChosen
    for pair in combinations(asked, 2):
        if frozenset(pair) in EXCLUDED:
            raise RolesExcluded(one=Named(f"role.{pair[0]}"), other=Named(f"role.{pair[1]}"))
    return asked


def _new(
    session: Session, username: str, *, name: str, password: str, by: str, now: datetime
) -> Person:
    if not _USERNAME.fullmatch(username):
        raise InvalidUsername(username=username[:40])
    called = " ".join(name.split())
    if not 0 < len(called) <= LONGEST_NAME:
        raise NameMissing(most=LONGEST_NAME)
    passwords.check(password, username=username)
    if session.scalar(_named(username)) is not None:
        raise UsernameTaken(username=username)
    person = Person(
        public_id=str(uuid7()),
        username=username,
        name=called,
        password_hash=passwords.hash_of(password),
        password_by=by,
        password_temporary=False,
        active=True,
        added_at=now,
    )
    session.add(person)
    session.flush()
    return person


def _factor_reset_by(session: Session, staff_id: int) -> str | None:
    """Who reset the person's second factor, if they have enrolled none since."""
    last = session.scalar(
        select(SecondFactor)
        .where(SecondFactor.staff_id == staff_id, SecondFactor.confirmed_at.is_not(None))
        .order_by(SecondFactor.id.desc())
        .limit(1)
    )
    return None if last is None else last.ended_by


def _keep_an_administrator(session: Session, *, leaving: int) -> None:
    """Locks the active administrators in order, so that two can't remove each other at once."""
    administrators = session.scalars(
        select(Person.id)
        .join(StaffRole, StaffRole.staff_id == Person.id)
        .where(StaffRole.role == Role.ADMINISTRATOR, Person.active.is_(True))
        .order_by(Person.id)
        .with_for_update()
    ).all()
    if leaving in administrators and len(administrators) == 1:
        raise LastAdministrator


def _because(reason: str) -> dict[str, str]:
    return {"reason": reason} if reason else {}


def _named(username: str) -> Select[Person]:
    return select(Person).where(Person.username == username)


def _tell(
    session: Session,
    action: str,
    staff_id: int,
    *,
    by: str,
    now: datetime,
    **details: object,
) -> None:
    audit.append(
        session,
        actor=by,
        action=action,
        subject=actor(staff_id),
        details=details,
        now=now,
    )
