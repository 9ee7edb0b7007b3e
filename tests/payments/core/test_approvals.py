"""What needs two people: proposed by one, approved by another, exactly as it was shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.core import approvals, audit
from payments.core.approvals import (
    AlreadyProposed,
    Approval,
    NoReasonGiven,
    NotTheMaker,
    ProposalDecided,
    SamePerson,
    ShownChanged,
)
from payments.core.audit import AuditEntry
from payments.core.money import Dong

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
MAKER, CHECKER = "staff:1", "staff:2"
SHOWN = {"amount": 2_500_000, "to": "TTHC1234567894", "parts": {"held": 2_500_000, "fees": 0}}


def proposed(
    session: Session, subject: str = "thing:1", action: str = "thing.give", **told: object
) -> Approval:
    return approvals.propose(
        session,
        action,
        subject,
        **{
            "shown": SHOWN,
            "reason": "the payer called",
            "by": MAKER,
            "now": NOW,
            "amount": Dong(2_500_000),
        }
        | told,
    )


def approve(session: Session, approval: Approval, by: str = CHECKER, **told: object) -> None:
    approvals.approve(session, approval, **{"shown": SHOWN, "by": by, "now": LATER} | told)


def steps(session: Session) -> list[tuple[str, str]]:
    """Who did what, as the audit trail has it."""
    rows = select(AuditEntry.actor, AuditEntry.action).order_by(AuditEntry.id)
    return [tuple(row) for row in session.execute(rows)]


def test_one_proposes_and_another_approves(session: Session) -> None:
    """Both are kept, with what was shown, its hash and the times; each step is in the audit."""
    approval = proposed(session)
    approve(session, approval)

    assert (approval.maker, approval.checker, approval.state) == (MAKER, CHECKER, "approved")
    assert (approval.proposed_at, approval.decided_at) == (NOW, LATER)
    assert (approval.shown, approval.amount) == (SHOWN, 2_500_000)
    assert steps(session) == [(MAKER, "approval.proposed"), (CHECKER, "approval.approved")]
    assert audit.verify(session).holds


def test_nobody_decides_their_own_proposal(session: Session) -> None:
    """Whoever proposed neither approves nor declines; the proposal waits on."""
    approval = proposed(session)

    with pytest.raises(SamePerson):
        approve(session, approval, by=MAKER)
    with pytest.raises(SamePerson):
        approvals.decline(session, approval, reason="no", by=MAKER, now=LATER)

    assert (approval.state, approval.checker) == ("proposed", None)


def test_the_database_alone_refuses_one_person_for_two(session: Session) -> None:
    """Whatever the code does, no row says that one person was both."""
    approval = proposed(session)
    own = update(Approval).where(Approval.id == approval.id)

    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(own.values(state="approved", checker=MAKER, decided_at=LATER))


@pytest.mark.parametrize(
    "facts",
    [
        {"state": "approved"},
        {"state": "approved", "decided_at": LATER},
        {"checker": CHECKER},
        {"state": "withdrawn"},
        {"state": "lost", "decided_at": LATER},
        {"amount": -1},
    ],
)
def test_the_database_refuses_what_cannot_be(session: Session, facts: dict[str, object]) -> None:
    """Approved by nobody, decided at no time, a state nobody knows."""
    approval = proposed(session)

    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(update(Approval).where(Approval.id == approval.id).values(**facts))


def test_what_is_approved_is_what_was_shown(session: Session) -> None:
    """If it looks different by now, it is refused and has to be proposed anew."""
    approval = proposed(session)

    with pytest.raises(ShownChanged):
        approve(session, approval, shown=SHOWN | {"amount": 2_500_001})

    assert approval.state == "proposed"
    approve(session, approval, shown=dict(reversed(SHOWN.items())))  # another order is the same
    assert approval.state == "approved"


def test_the_same_is_proposed_once_at_a_time(session: Session) -> None:
    """A second proposal about the same, whatever its action, waits until the first is decided."""
    first = proposed(session)
    for action in (first.action, "thing.undo"):
        with pytest.raises(AlreadyProposed):
            proposed(session, by=CHECKER, action=action)
    proposed(session, subject="thing:2")
    row = {column.name: getattr(first, column.name) for column in Approval.__table__.c}
    row |= {"id": first.id + 1000, "public_id": "another"}
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(insert(Approval).values(row))

    approvals.decline(session, first, reason="wrong request", by=CHECKER, now=LATER)

    assert proposed(session).id != first.id
    assert [one.state for one in approvals.of_subject(session, "thing:1")] == [
        "declined",
        "proposed",
    ]


def test_a_proposal_is_decided_once(session: Session) -> None:
    """What was approved is not approved, declined or taken back again."""
    approval = proposed(session)
    approve(session, approval)

    for again in (
        lambda: approve(session, approval, by="staff:3"),
        lambda: approvals.decline(session, approval, reason="no", by="staff:3", now=LATER),
        lambda: approvals.withdraw(session, approval, by=MAKER, now=LATER),
        lambda: approvals.lapse(session, approval, reason="gone", by="job:x", now=LATER),
    ):
        with pytest.raises(ProposalDecided):
            again()


def test_a_proposal_is_taken_back_by_its_maker_alone(session: Session) -> None:
    """Another person may decline it, not withdraw it."""
    approval = proposed(session)
    with pytest.raises(NotTheMaker):
        approvals.withdraw(session, approval, by=CHECKER, now=LATER)

    approvals.withdraw(session, approval, by=MAKER, now=LATER)

    assert (approval.state, approval.checker) == ("withdrawn", None)
    assert approvals.live(session, "thing.give", "thing:1") is None


def test_nothing_is_proposed_or_declined_without_a_reason(session: Session) -> None:
    """Blanks are no reason."""
    with pytest.raises(NoReasonGiven):
        proposed(session, reason="  \n")
    approval = proposed(session)
    with pytest.raises(NoReasonGiven):
        approvals.decline(session, approval, reason="", by=CHECKER, now=LATER)
