"""Decisions about breaks: one person below the limit of the policy, two from it on.

A refund is not decided here but proposed, see `refunding`.

A decision is about one break or about many of one kind and account, and about those that it is
matched with; its amount is that of all. What needs a second person is proposed, and done when
approved, if all looks as it did then. Until then nothing else is decided about the same money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies
from payments.core import approvals, audit
from payments.core.approvals import Approval
from payments.core.errors import Conflict, Invalid
from reconciliation.breaks import rules
from reconciliation.breaks.about import facts_of
from reconciliation.breaks.actions import Decision, perform, picture_of, suggested
from reconciliation.breaks.reach import Reach, reach_of
from reconciliation.breaks.refunding import check_no_refund
from reconciliation.breaks.tables import Action, Break, State
from reconciliation.breaks.working import (
    AwaitsSecondPerson,
    back_to_work,
    check_seen,
    is_live,
    tell,
)
from reconciliation.matching import suggestions

MOST: Final = 200
"""Breaks of one decision: what a person can look through."""


class MixedBreaks(Invalid):
    """One decision is about breaks of one kind and one account, and not too many."""

    code = "mixed_breaks"


class ActionNotAllowed(Conflict):
    """This kind of break is not resolved in this way."""

    code = "action_not_allowed"


class BreakGone(Conflict):
    """The break is resolved; nothing is left to decide."""

    code = "break_gone"


def decide(
    session: Session,
    chosen: Sequence[Break],
    decision: Decision,
    *,
    by: str,
    now: datetime,
    seen: Mapping[str, str] | None = None,
) -> Approval | None:
    """Does what was decided, or proposes it where it needs a second person: then the proposal.

    `seen` tells by public number how the breaks, and those to match with, were shown, where they
    were. Raises `MixedBreaks`, `ActionNotAllowed`, `BreakGone`, `AwaitsSecondPerson`,
    `RefundProposed`, `BreakChanged`, `NoReasonGiven`, `ReasonTooLong`, and what the action raises;
    nothing is changed then.
    """
    approvals.given(decision.reason)
    _hold(session, chosen)
    _check(chosen, decision)
    reach = reach_of(session, chosen, decision)
    _check_free(reach)
    check_no_refund(session, [*chosen, *reach.others, *reach.beside])
    if seen is not None:
        named = [one for one in reach.others if one.public_id in decision.others]
        check_seen([*chosen, *named], seen)
    if reach.amount < rules.second_person_from(session, now=now):
        _perform(session, chosen, decision, by=by, now=now)
        return None
    proposed = approvals.propose(
        session,
        f"break.{decision.action}",
        _subject(chosen),
        shown=_shown(session, chosen, decision),
        reason=decision.reason,
        amount=reach.amount,
        by=by,
        now=now,
    )
    for one in (*chosen, *reach.others):
        one.state, one.approval_id = State.PROPOSED.value, proposed.id
        tell(session, one, "proposed", by=by, now=now, **_words(decision, proposed))
    session.flush()
    return proposed


def approve(session: Session, approval: Approval, *, by: str, now: datetime) -> None:
    """Approves what another person proposed, and does it.

    Raises `ProposalDecided`, `SamePerson`, `ShownChanged`, `RefundProposed` where a refund of the
    same money waits, and what the action raises.
    """
    together = _proposed(session, approval)
    check_no_refund(session, together)  # a portal may have proposed one since
    decision = Decision.heard(approval.shown["decision"], reason=approval.reason)
    numbers = {told["id"] for told in approval.shown["breaks"]}
    chosen = [one for one in together if one.public_id in numbers]
    shown = _shown(session, chosen, decision)
    approvals.approve(session, approval, shown=shown, by=by, now=now)
    for one in together:
        tell(session, one, "approved", by=by, now=now, **_words(decision, approval))
    back_to_work(session, together)
    _perform(session, chosen, decision, by=by, now=now)


def decline(session: Session, approval: Approval, *, reason: str, by: str, now: datetime) -> None:
    """Says no to what another person proposed; the breaks are as before.

    Raises `NoReasonGiven`, `ProposalDecided` or `SamePerson`.
    """
    chosen = _proposed(session, approval)
    approvals.decline(session, approval, reason=reason, by=by, now=now)
    _let_go(session, chosen, approval, "declined", by=by, now=now, answer=reason)


def decline_suggestion(
    session: Session, one: Break, public_id: str, *, reason: str, by: str, now: datetime
) -> None:
    """Notes that what is suggested about a break is wrong; it is not suggested again.

    Raises `NoReasonGiven`, `UnknownSuggestion`, `SuggestionDecided`, or `AwaitsSecondPerson` where
    a decision about the same money is proposed.
    """
    approvals.given(reason)
    _hold(session, [one])
    found = suggested(session, one, public_id)
    if one.state == State.PROPOSED:
        raise AwaitsSecondPerson
    _check_free(reach_of(session, [one], Decision(Action.SUGGESTION, reason, suggestion=public_id)))
    suggestions.decline(session, found, reason=reason, by=by, now=now)


def withdraw(session: Session, approval: Approval, *, by: str, now: datetime) -> None:
    """Takes one's own proposal back. Raises `ProposalDecided` or `NotTheMaker`."""
    chosen = _proposed(session, approval)
    approvals.withdraw(session, approval, by=by, now=now)
    _let_go(session, chosen, approval, "taken_back", by=by, now=now)


def _hold(session: Session, chosen: Sequence[Break]) -> None:
    """Locks the account and reads the breaks as they are now. Raises `MixedBreaks`."""
    accounts = {one.collection_account_id for one in chosen}
    if len(accounts) != 1:
        raise MixedBreaks(most=MOST)
    agencies.lock(session, accounts.pop())
    for one in chosen:
        session.refresh(one)


def _check(chosen: Sequence[Break], decision: Decision) -> None:
    if len({one.kind for one in chosen}) != 1 or len(chosen) > MOST:
        raise MixedBreaks(most=MOST)
    if len(chosen) > 1 and decision.action not in rules.FOR_MANY:
        raise ActionNotAllowed
    for one in chosen:
        if not is_live(one):
            raise BreakGone
        if one.state == State.PROPOSED:
            raise AwaitsSecondPerson
        if decision.action is Action.REFUND or decision.action not in rules.allowed(one):
            raise ActionNotAllowed


def _check_free(reach: Reach) -> None:
    """Whatever else the decision settles still waits, and no proposal is about the same money."""
    for one in reach.others:
        if not is_live(one):
            raise BreakGone
    if any(one.state == State.PROPOSED for one in (*reach.others, *reach.beside)):
        raise AwaitsSecondPerson


def _perform(
    session: Session, chosen: Sequence[Break], decision: Decision, *, by: str, now: datetime
) -> None:
    for one in chosen:
        perform(session, one, decision, by=by, now=now)
        one.resolution, one.resolved_by, one.resolved_at = decision.action.value, by, now
        tell(session, one, "decided", by=by, now=now, **_words(decision, None))
    session.flush()


def _proposed(session: Session, approval: Approval) -> Sequence[Break]:
    chosen = session.scalars(
        select(Break).where(Break.approval_id == approval.id).order_by(Break.id)
    ).all()
    if not chosen:
        raise approvals.ProposalDecided
    _hold(session, chosen)
    return chosen


def _let_go(
    session: Session,
    chosen: Sequence[Break],
    approval: Approval,
    what: str,
    *,
    by: str,
    now: datetime,
    **told: str,
) -> None:
    back_to_work(session, chosen)
    for one in chosen:
        tell(session, one, what, by=by, now=now, proposal=approval.public_id, **told)


def _shown(session: Session, chosen: Sequence[Break], decision: Decision) -> Mapping[str, Any]:
    return {
        "decision": dict(decision.told()),
        "rests_on": dict(picture_of(session, chosen[0], decision)),
        "breaks": [dict(facts_of(session, one)) for one in chosen],
    }


def _subject(chosen: Sequence[Break]) -> str:
    if len(chosen) == 1:
        return f"break:{chosen[0].public_id}"
    return f"breaks:{audit.digest({'breaks': sorted(one.public_id for one in chosen)})[:32]}"


def _words(decision: Decision, approval: Approval | None) -> Mapping[str, Any]:
    told = {name: value for name, value in decision.told().items() if value}
    told["decision"] = told.pop("action")
    if approval is None:
        return told | {"reason": decision.reason}
    return told | {"reason": decision.reason, "proposal": approval.public_id}
