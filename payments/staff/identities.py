"""Who is whom at the identity provider: said by two administrators, once, never by signing in.

The provider's own name for a person (the subject) is what counts: it is opaque, and the provider
never gives it to another. An e-mail address or a user name may change hands: neither is believed.
Nobody is let in, and no role given, by what the provider says. Taking a link away is done at once
by one. Source: OpenID Connect Core 1.0, 5.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core import approvals, audit
from payments.core.approvals import Approval, State
from payments.core.errors import Conflict, Invalid, Refused
from payments.staff.people import actor, end_sessions
from payments.staff.tables import Person, StaffIdentity

ACTION: Final = "staff.identity"
LONGEST: Final = 255


class OwnIdentity(Refused):
    """Nobody links themselves to an account of the provider."""

    code = "own_identity"


class InvalidSubject(Invalid):
    """The provider's name for a person has 1 to 255 characters and no spaces."""

    code = "invalid_subject"


class SubjectTaken(Conflict):
    """Somebody is linked to this account of the provider already."""

    code = "subject_taken"


class NotLinked(Refused):
    """The provider knows who it is, and nobody here is linked to that account."""

    code = "not_linked"


def propose(
    session: Session,
    staff_id: int,
    subject: str,
    *,
    issuer: str,
    reason: str,
    by: str,
    now: datetime,
) -> Approval:
    """Proposes that a person is this one of the provider's.

    Raises `OwnIdentity`, `InvalidSubject`, `SubjectTaken`, `NoReasonGiven` or `AlreadyProposed`.
    """
    if by == actor(staff_id):
        raise OwnIdentity
    told = subject.strip()
    if not 0 < len(told) <= LONGEST or not told.isprintable() or " " in told:
        raise InvalidSubject(pointer="/subject")
    person = session.get_one(Person, staff_id, with_for_update=True)
    _refuse_taken(session, issuer, told)
    return approvals.propose(
        session,
        ACTION,
        actor(staff_id),
        shown=_shown(session, person, issuer, told),
        reason=reason,
        by=by,
        now=now,
    )


def approve(session: Session, approval: Approval, *, by: str, now: datetime) -> None:
    """Links the person as proposed; an earlier link ends, and they are signed out everywhere.

    Raises `OwnIdentity`, `SubjectTaken`, `SamePerson`, `ProposalDecided` or `ShownChanged`.
    """
    person = session.get_one(
        Person, int(approval.subject.removeprefix("staff:")), with_for_update=True
    )
    if by == actor(person.id):
        raise OwnIdentity
    issuer, subject = approval.shown["issuer"], approval.shown["subject"]
    _refuse_taken(session, issuer, subject)
    shown = _shown(session, person, issuer, subject)
    approvals.approve(session, approval, shown=shown, by=by, now=now)
    _end(session, person.id, by=by, now=now)
    session.add(
        StaffIdentity(
            staff_id=person.id,
            issuer=issuer,
            subject=subject,
            approval_id=approval.id,
            linked_at=now,
            linked_by=by,
        )
    )
    session.flush()
    end_sessions(session, person.id, now=now)
    _tell(session, "staff.identity_linked", person.id, by=by, now=now, subject=subject)


def decline(session: Session, approval: Approval, *, reason: str, by: str, now: datetime) -> None:
    """Says no. Raises `OwnIdentity`, `SamePerson`, `NoReasonGiven` or `ProposalDecided`."""
    if by == approval.subject:
        raise OwnIdentity
    approvals.decline(session, approval, reason=reason, by=by, now=now)


def end(session: Session, staff_id: int, *, reason: str, by: str, now: datetime) -> None:
    """Takes the link away and signs the person out everywhere.

    Raises `OwnIdentity`, `NotLinked` or `NoReasonGiven`.
    """
    told = approvals.given(reason)
    if by == actor(staff_id):
        raise OwnIdentity
    session.get_one(Person, staff_id, with_for_update=True)
    if not _end(session, staff_id, by=by, now=now):
        raise NotLinked
    end_sessions(session, staff_id, now=now)
    _tell(session, "staff.identity_ended", staff_id, by=by, now=now, reason=told)


def of_person(session: Session, staff_id: int) -> StaffIdentity | None:
    """Who a person is at the provider, if anybody."""
    return session.scalar(
        select(StaffIdentity).where(
            StaffIdentity.staff_id == staff_id, StaffIdentity.ended_at.is_(None)
        )
    )


def person_of(session: Session, issuer: str, subject: str) -> Person | None:
    """Who one of the provider's is here, held until the unit of work ends; None if nobody."""
    return session.scalar(
        select(Person)
        .join(StaffIdentity, StaffIdentity.staff_id == Person.id)
        .where(
            StaffIdentity.issuer == issuer,
            StaffIdentity.subject == subject,
            StaffIdentity.ended_at.is_(None),
        )
        .with_for_update(of=Person)
    )


def waiting_for(session: Session, staff_id: int) -> Approval | None:
    """The proposal of a link that waits for another administrator, if there is one."""
    return approvals.live(session, ACTION, actor(staff_id))


def all_waiting(session: Session) -> Sequence[Approval]:
    """Every proposal of a link that waits, in order."""
    rows = select(Approval).where(Approval.action == ACTION, Approval.state == State.PROPOSED)
    return session.scalars(rows.order_by(Approval.id)).all()


def _refuse_taken(session: Session, issuer: str, subject: str) -> None:
    found = person_of(session, issuer, subject)
    if found is not None:
        raise SubjectTaken(name=found.name)


def _end(session: Session, staff_id: int, *, by: str, now: datetime) -> bool:
    found = of_person(session, staff_id)
    if found is not None:
        found.ended_at, found.ended_by = now, by
        session.flush()
    return found is not None


def _shown(session: Session, person: Person, issuer: str, subject: str) -> Mapping[str, Any]:
    """What both see: who it is here, who at the provider now, who from then on."""
    has = of_person(session, person.id)
    return {
        "username": person.username,
        "name": person.name,
        "has": None if has is None else has.subject,
        "issuer": issuer,
        "subject": subject,
    }


def _tell(
    session: Session, action: str, staff_id: int, *, by: str, now: datetime, **details: object
) -> None:
    audit.append(
        session, actor=by, action=action, subject=actor(staff_id), details=details, now=now
    )
