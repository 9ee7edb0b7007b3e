"""Approvals: what needs two people, proposed by one and approved or declined by another.

What is proposed is kept as it was shown, with its SHA-256: approving is refused when what would be
done now looks different. Whoever proposed never approves or declines; the table holds that too.
Doing what was approved is the business of the module that asked for it, in the same unit of work.
Every step is an entry of the audit trail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Index,
    UniqueConstraint,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from payments.core import audit
from payments.core.columns import Amount, Code, Instant, Json, Key, Words, one_of, partial_index
from payments.core.database import Row, Rows, table_of
from payments.core.errors import Conflict, Invalid, NotFound, Refused
from payments.core.money import ZERO, Dong

LONGEST_REASON: Final = 500


class SamePerson(Refused):
    """Nobody approves what they proposed themselves."""

    code = "same_person"


class NotTheMaker(Refused):
    """Only who proposed something takes the proposal back."""

    code = "not_the_maker"


class UnknownApproval(NotFound):
    """There is no proposal of that number."""

    code = "unknown_approval"


class AlreadyProposed(Conflict):
    """Something is proposed about the same already and waits for a second person."""

    code = "already_proposed"


class ProposalDecided(Conflict):
    """The proposal was approved, declined or withdrawn before."""

    code = "proposal_decided"


class ShownChanged(Conflict):
    """What was shown when it was proposed is no longer so; it has to be proposed anew."""

    code = "shown_changed"


class NoReasonGiven(Invalid):
    """A decision is made, or declined, for a reason that is written down."""

    code = "no_reason_given"


class ReasonTooLong(Invalid):
    """A reason is kept whole, so it is not longer than can be kept."""

    code = "reason_too_long"


class State(StrEnum):
    """What became of a proposal."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Approval(Row):
    """One proposal: what is to be done to what, as it was shown, by whom, and what became of it.

    About one subject one proposal waits at a time, whatever its action.

    `reason` is the maker's, `answer` the checker's where it was declined, or why it was withdrawn.
    """

    __tablename__ = "approval"
    __table_args__ = (
        UniqueConstraint("public_id"),
        partial_index(
            "uq_approval_live",
            "subject",
            unique=True,
            where="state = 'proposed'",
        ),
        Index(None, "subject"),
        one_of("state", State),
        CheckConstraint("checker <> maker", name="four_eyes"),
        CheckConstraint(
            "(state IN ('approved', 'declined')) = (checker IS NOT NULL)", name="checker"
        ),
        CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided_at"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("length(shown_sha256) = 64", name="shown_sha256"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    action: Mapped[str] = mapped_column(Code())
    subject: Mapped[str] = mapped_column(Code())
    shown: Mapped[Any] = mapped_column(Json())
    shown_sha256: Mapped[str] = mapped_column(Code())
    amount: Mapped[Dong] = mapped_column(Amount())
    reason: Mapped[str] = mapped_column(Words())
    maker: Mapped[str] = mapped_column(Code())
    proposed_at: Mapped[datetime] = mapped_column(Instant())
    state: Mapped[str] = mapped_column(Code())
    checker: Mapped[str | None] = mapped_column(Code())
    decided_at: Mapped[datetime | None] = mapped_column(Instant())
    answer: Mapped[str | None] = mapped_column(Words())


PROPOSED: Final[ColumnElement[bool]] = literal_column("approval.state = 'proposed'")
"""What waits for a second person, in the words of its index."""

Shown = Mapping[str, Any]
"""What a person sees before deciding: JSON without fractions of numbers."""


def propose(
    session: Session,
    action: str,
    subject: str,
    *,
    shown: Shown,
    reason: str,
    by: str,
    now: datetime,
    amount: Dong = ZERO,
) -> Approval:
    """Proposes an action to another person. Raises `NoReasonGiven` or `AlreadyProposed`."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = {
        "public_id": str(uuid7()),
        "action": action,
        "subject": subject,
        "shown": dict(shown),
        "shown_sha256": audit.digest(shown),
        "amount": amount,
        "reason": given(reason),
        "maker": by,
        "proposed_at": now,
        "state": State.PROPOSED.value,
    }
    new = insert(table_of(Approval)).values(row).on_conflict_do_nothing()
    number = session.scalar(new.returning(Approval.id))
    if number is None:
        raise AlreadyProposed
    approval = session.get_one(Approval, number)
    _tell(session, approval, by=by, now=now, shown=approval.shown_sha256, amount=int(amount))
    return approval


def approve(session: Session, approval: Approval, *, shown: Shown, by: str, now: datetime) -> None:
    """Approves a proposal, if what is `shown` now is what was shown then.

    Raises `ProposalDecided`, `SamePerson` or `ShownChanged`.
    """
    _lock(session, approval)
    if approval.maker == by:
        raise SamePerson
    if audit.digest(shown) != approval.shown_sha256:
        raise ShownChanged
    _decide(session, approval, State.APPROVED, checker=by, answer=None, by=by, now=now)


def decline(session: Session, approval: Approval, *, reason: str, by: str, now: datetime) -> None:
    """Says no to a proposal. Raises `NoReasonGiven`, `ProposalDecided` or `SamePerson`."""
    answer = given(reason)
    _lock(session, approval)
    if approval.maker == by:
        raise SamePerson
    _decide(session, approval, State.DECLINED, checker=by, answer=answer, by=by, now=now)


def withdraw(session: Session, approval: Approval, *, by: str, now: datetime) -> None:
    """Takes one's own proposal back. Raises `ProposalDecided` or `NotTheMaker`."""
    _lock(session, approval)
    if approval.maker != by:
        raise NotTheMaker
    _decide(session, approval, State.WITHDRAWN, checker=None, answer=None, by=by, now=now)


def lapse(session: Session, approval: Approval, *, reason: str, by: str, now: datetime) -> None:
    """Takes a proposal back because what it was about is gone. Raises `ProposalDecided`."""
    _lock(session, approval)
    _decide(session, approval, State.WITHDRAWN, checker=None, answer=given(reason), by=by, now=now)


def by_public_id(session: Session, public_id: str) -> Approval:
    """The proposal of that public number. Raises `UnknownApproval`."""
    found = session.scalar(select(Approval).where(Approval.public_id == public_id))
    if found is None:
        raise UnknownApproval(approval=public_id[:40])
    return found


def live(session: Session, action: str, subject: str) -> Approval | None:
    """The proposal of this action that waits for a second person, if there is one."""
    return session.scalar(
        select(Approval).where(
            Approval.action == action,
            Approval.subject == subject,
            Approval.state == State.PROPOSED,
        )
    )


def live_of(session: Session, subjects: Rows) -> Sequence[Approval]:
    """What waits for a second person about any of the subjects, in order."""
    waiting = select(Approval).where(
        Approval.subject.in_(subjects), Approval.state == State.PROPOSED
    )
    return session.scalars(waiting.order_by(Approval.id)).all()


def of_subject(session: Session, subject: str) -> Sequence[Approval]:
    """Every proposal that was ever made about something, in order."""
    rows = select(Approval).where(Approval.subject == subject)
    return session.scalars(rows.order_by(Approval.id)).all()


def given(reason: str) -> str:
    """A reason as it is kept: 500 characters at most. Raises `NoReasonGiven` or `ReasonTooLong`."""
    kept = reason.replace("\r\n", "\n").strip()
    if not kept:
        raise NoReasonGiven(pointer="/reason")
    if len(kept) > LONGEST_REASON:
        raise ReasonTooLong(pointer="/reason", most=LONGEST_REASON)
    return kept


def _lock(session: Session, approval: Approval) -> None:
    session.refresh(approval, with_for_update=True)
    if approval.state != State.PROPOSED:
        raise ProposalDecided


def _decide(
    session: Session,
    approval: Approval,
    state: State,
    *,
    checker: str | None,
    answer: str | None,
    by: str,
    now: datetime,
) -> None:
    approval.state, approval.checker = state.value, checker
    approval.decided_at, approval.answer = now, answer
    session.flush()
    told = {} if answer is None else {"answer": answer}
    _tell(session, approval, by=by, now=now, **told)


def _tell(
    session: Session, approval: Approval, *, by: str, now: datetime, **details: object
) -> None:
    audit.append(
        session,
        actor=by,
        action=f"approval.{approval.state}",
        subject=f"approval:{approval.public_id}",
        details={"action": approval.action, "subject": approval.subject, **details},
        now=now,
    )
