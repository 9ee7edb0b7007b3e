"""What staff do with suggestions: look at them, accept one, decline one.

Accepting assigns the credit's money to the request, or matches the line with the credit, by the
doors that any decision goes through. From which amount on that needs a second person is held
where decisions are proposed, in `reconciliation.breaks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, settlement
from payments.core import audit
from payments.core.errors import Conflict, NotFound
from payments.credits import Credit
from payments.payment_requests import WAITING, PaymentRequest
from reconciliation.matching.by_hand import match_by_hand
from reconciliation.matching.tables import Suggestion, SuggestionState


class UnknownSuggestion(NotFound):
    """There is no suggestion of that number."""

    code = "unknown_suggestion"


class SuggestionDecided(Conflict):
    """The suggestion was accepted or declined before, or its cause is gone."""

    code = "suggestion_decided"


class SuggestionOutOfDate(Conflict):
    """What the suggestion rests on has changed since it was made."""

    code = "suggestion_out_of_date"


def of_credits(session: Session, credit_ids: Iterable[int]) -> Mapping[int, Sequence[Suggestion]]:
    """The open suggestions of each credit, the likeliest first."""
    found: dict[int, list[Suggestion]] = {number: [] for number in credit_ids}
    rows = select(Suggestion).where(
        Suggestion.credit_id.in_(found), Suggestion.state == SuggestionState.OPEN
    )
    for one in session.scalars(rows.order_by(Suggestion.rank, Suggestion.id)):
        found[one.credit_id].append(one)
    return found


def of_credit(session: Session, credit_id: int) -> Sequence[Suggestion]:
    """The open suggestions of a credit, the likeliest first."""
    return of_credits(session, [credit_id])[credit_id]


def of_line(session: Session, line_id: int) -> Sequence[Suggestion]:
    """The open suggestions of which credit a line may be, the likeliest first."""
    rows = select(Suggestion).where(
        Suggestion.statement_line_id == line_id, Suggestion.state == SuggestionState.OPEN
    )
    return session.scalars(rows.order_by(Suggestion.rank, Suggestion.id)).all()


def by_public_id(session: Session, public_id: str) -> Suggestion:
    """The suggestion of that public number. Raises `UnknownSuggestion`."""
    found = session.scalar(select(Suggestion).where(Suggestion.public_id == public_id))
    if found is None:
        raise UnknownSuggestion(suggestion=public_id[:40])
    return found


def accept(
    session: Session, suggestion: Suggestion, *, reason: str, by: str, now: datetime
) -> None:
    """Does what is suggested.

    Raises `SuggestionDecided`, `SuggestionOutOfDate`, or what the decision itself raises; nothing
    is changed then.
    """
    credit = _still_open(session, suggestion)
    if suggestion.payment_request_id is not None:
        request = session.get_one(
            PaymentRequest, suggestion.payment_request_id, populate_existing=True
        )
        due = request.amount - request.received
        if request.status not in WAITING or due != credit.unidentified:
            raise SuggestionOutOfDate(suggestion=suggestion.public_id)
        settlement.assign(session, credit, request, actor=by, now=now)
    else:
        match_by_hand(
            session,
            suggestion.collection_account_id,
            lines=[suggestion.statement_line_id or 0],
            credits=[credit.id],
            reason=reason,
            by=by,
            now=now,
        )
    _decide(session, suggestion, SuggestionState.ACCEPTED, reason=reason, by=by, now=now)


def decline(
    session: Session, suggestion: Suggestion, *, reason: str, by: str, now: datetime
) -> None:
    """Notes that the suggestion is wrong; it is not made again. Raises `SuggestionDecided`."""
    _still_open(session, suggestion)
    _decide(session, suggestion, SuggestionState.DECLINED, reason=reason, by=by, now=now)


def _still_open(session: Session, suggestion: Suggestion) -> Credit:
    agencies.lock(session, suggestion.collection_account_id)
    session.refresh(suggestion)
    if suggestion.state != SuggestionState.OPEN:
        raise SuggestionDecided(suggestion=suggestion.public_id)
    return session.get_one(Credit, suggestion.credit_id, populate_existing=True)


def _decide(
    session: Session,
    suggestion: Suggestion,
    state: SuggestionState,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    suggestion.state, suggestion.decided_at, suggestion.decided_by = state.value, now, by
    session.flush()
    audit.append(
        session,
        actor=by,
        action=f"suggestion.{state}",
        subject=f"suggestion:{suggestion.public_id}",
        details={"clue": suggestion.clue, "credit": suggestion.credit_id, "reason": reason},
        now=now,
    )
