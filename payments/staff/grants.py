"""Giving roles: whatever lets a person change something is given by two administrators.

One proposes, another approves; nobody does either for themselves. What takes rights away, and what
only lets a person look, is done at once by one. Whoever is let in again after having been shut out
gets their roles anew, by the same rule. Source: reliability.md 6.6, four eyes on users and roles.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core import approvals
from payments.core.approvals import Approval, State
from payments.staff import people
from payments.staff.people import OwnRoles, actor
from payments.staff.tables import GUARDED, Person, Role

ACTION: Final = "staff.roles"


def give(
    session: Session,
    staff_id: int,
    roles: Collection[str],
    *,
    reason: str,
    by: str,
    now: datetime,
) -> Approval | None:
    """Gives a person these roles instead of the old ones; the proposal, if it needs another's word.

    Raises `OwnRoles`, `UnknownRole`, `RolesExcluded`, `LastAdministrator`, `NoReasonGiven` or
    `AlreadyProposed`.
    """
    wanted = people.checked(roles)
    if by == actor(staff_id):
        raise OwnRoles
    person = session.get_one(Person, staff_id, with_for_update=True)
    has = people.roles_of(session, staff_id) if person.active else frozenset[Role]()
    if not GUARDED.intersection(wanted) - has:
        told = approvals.given(reason)
        people.set_roles(session, staff_id, wanted, by=by, now=now, reason=told)
        return None
    return approvals.propose(
        session,
        ACTION,
        actor(staff_id),
        shown=_shown(session, person, wanted),
        reason=reason,
        by=by,
        now=now,
    )


def approve(session: Session, approval: Approval, *, by: str, now: datetime) -> None:
    """Gives the roles that were proposed.

    Raises `OwnRoles`, `SamePerson`, `ProposalDecided`, `LastAdministrator`, or `ShownChanged` where
    the person has other roles than when it was proposed, or was shut out or let in since.
    """
    person = _subject(session, approval)
    if by == actor(person.id):
        raise OwnRoles
    wanted: Sequence[str] = approval.shown["roles"]
    approvals.approve(session, approval, shown=_shown(session, person, wanted), by=by, now=now)
    people.set_roles(session, person.id, wanted, by=by, now=now, approval_id=approval.id)


def decline(session: Session, approval: Approval, *, reason: str, by: str, now: datetime) -> None:
    """Says no. Raises `OwnRoles`, `SamePerson`, `NoReasonGiven` or `ProposalDecided`."""
    if by == approval.subject:
        raise OwnRoles
    approvals.decline(session, approval, reason=reason, by=by, now=now)


def waiting_for(session: Session, staff_id: int) -> Approval | None:
    """The proposal about a person that waits for another administrator, if there is one."""
    return approvals.live(session, ACTION, actor(staff_id))


def all_waiting(session: Session) -> Sequence[Approval]:
    """Every proposal of roles that waits, in order."""
    rows = select(Approval).where(Approval.action == ACTION, Approval.state == State.PROPOSED)
    return session.scalars(rows.order_by(Approval.id)).all()


def _subject(session: Session, approval: Approval) -> Person:
    number = int(approval.subject.removeprefix("staff:"))
    return session.get_one(Person, number, with_for_update=True)


def _shown(session: Session, person: Person, wanted: Sequence[str]) -> Mapping[str, Any]:
    """What both see: who it is, what they may do now, what they are to do."""
    return {
        "username": person.username,
        "name": person.name,
        "active": person.active,
        "has": sorted(people.roles_of(session, person.id)),
        "roles": list(wanted),
    }
