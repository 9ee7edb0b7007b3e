"""Taking an assignment back: one person below the limit of the policy, two from it on.

The request waits for payment again and its receipts are cancelled; the money is what it was before
and waits for a decision again, by a break that comes back when those are derived anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, credits, settlement
from payments.core import approvals, audit
from payments.core.approvals import PROPOSED, AlreadyProposed, Approval
from payments.core.errors import CashlessError
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from reconciliation.breaks import rules
from reconciliation.breaks.about import facts_of_request
from reconciliation.breaks.refunding import RefundProposed, refund_of_waits, waiting_undecided

UNASSIGN: Final = "credit.unassign"


def unassign(
    session: Session, credit: Credit, assignment: int, *, reason: str, by: str, now: datetime
) -> Approval | None:
    """Takes the assignment of that number back, or proposes to: then the proposal.

    Raises `NoReasonGiven`, `ReasonTooLong`, `NotAssigned` where another one stands, or none, what
    `settlement.check_unassignable` does, `RefundProposed`, `AwaitsSecondPerson` where a decision
    about the same money is proposed, and `AlreadyProposed`; nothing is changed then.
    """
    reason = approvals.given(reason)
    _hold(session, credit)
    if settlement.check_unassignable(session, credit).id != assignment:
        raise settlement.NotAssigned(credit=credit.id)
    _check_free(session, credit)
    if unassignment_of(session, credit) is not None:  # the limit may have been raised since
        raise AlreadyProposed
    if credit.amount < rules.second_person_from(session, now=now):
        _perform(session, credit, reason=reason, by=by, now=now)
        return None
    return approvals.propose(
        session,
        UNASSIGN,
        _subject(credit),
        shown=_shown(session, credit),
        reason=reason,
        amount=credit.amount,
        by=by,
        now=now,
    )


def approve_unassignment(
    session: Session, credit: Credit, approval: Approval, *, by: str, now: datetime
) -> None:
    """Approves what another person proposed, and does it.

    Raises `ProposalDecided`, `SamePerson`, `ShownChanged`, and what `unassign` does.
    """
    _hold(session, credit)
    settlement.check_unassignable(session, credit)
    _check_free(session, credit)
    approvals.approve(session, approval, shown=_shown(session, credit), by=by, now=now)
    _perform(session, credit, reason=approval.reason, by=by, now=now)


def stays_assigned(session: Session, credit: Credit) -> CashlessError | None:
    """Why the assignment of a credit can't be taken back now, where it can't."""
    try:
        settlement.check_unassignable(session, credit)
        _check_free(session, credit)
    except CashlessError as error:
        return error
    return None


def lapse_gone(session: Session, collection_account_id: int, *, by: str, now: datetime) -> None:
    """Ends what was proposed about assignments that stand no more, or whose money is gone."""
    proposed = select(Approval).where(PROPOSED, Approval.action == UNASSIGN)
    for one in session.scalars(proposed.order_by(Approval.id)).all():
        credit = session.get_one(Credit, one.shown["credit"], populate_existing=True)
        if credit.collection_account_id == collection_account_id and isinstance(
            stays_assigned(session, credit), (settlement.NotAssigned, settlement.AlreadyTakenBack)
        ):
            approvals.lapse(session, one, reason="cause_gone", by=by, now=now)


def unassignment_of(session: Session, credit: Credit) -> Approval | None:
    """The proposal to take the assignment of a credit back that waits for a second person."""
    return approvals.live(session, UNASSIGN, _subject(credit))


def _hold(session: Session, credit: Credit) -> None:
    agencies.lock(session, credit.collection_account_id)
    session.refresh(credit)


def _check_free(session: Session, credit: Credit) -> None:
    """Raises where something else about the same money waits for a second person."""
    waiting_undecided(session, credit)
    if refund_of_waits(session, [credit.id]):
        raise RefundProposed


def _perform(session: Session, credit: Credit, *, reason: str, by: str, now: datetime) -> None:
    told = {"reason": reason, "request": _request(session, credit).reference}
    settlement.unassign(session, credit, reason=reason, actor=by, now=now)
    audit.append(
        session,
        actor=by,
        action="credit.unassigned",
        subject=_subject(credit),
        details=told,
        now=now,
    )
    session.flush()
    session.expire_all()


def _subject(credit: Credit) -> str:
    return f"credit:{credit.id}"


def _request(session: Session, credit: Credit) -> PaymentRequest:
    """The request of the assignment that stands."""
    one = credits.assignment(session, credit)
    if one is None:
        raise settlement.NotAssigned(credit=credit.id)
    return session.get_one(PaymentRequest, one.payment_request_id, populate_existing=True)


def _shown(session: Session, credit: Credit) -> Mapping[str, Any]:
    """What the decision rests on: JSON."""
    parts = ("to_fees", "held", "unidentified", "refunded", "reversed")
    return {
        "credit": credit.id,
        "assigned": [one.id for one, _ in credits.assignments(session, credit.id)],
        "parts": {name: int(getattr(credit, name)) for name in parts},
        "request": dict(facts_of_request(_request(session, credit))),
    }
