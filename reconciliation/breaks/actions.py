"""What a decision does: it posts through the doors of money, and never edits a figure.

Each action takes one break under its account's lock. The break itself goes when its cause is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import credits, payouts, settlement
from payments.core.calendar import local_day
from payments.core.errors import Conflict, Invalid
from payments.core.money import Dong
from payments.credits import Credit
from payments.payment_requests import WAITING, PaymentRequest, UnknownRequest
from payments.payouts import Payout
from reconciliation import bookings, matching
from reconciliation.bookings import Booking
from reconciliation.breaks.about import (
    by_public_ids,
    credit_of,
    facts_of,
    facts_of_request,
    line_of,
)
from reconciliation.breaks.booking_lines import book_line, free_line, line_taken_for
from reconciliation.breaks.rules import LONGEST_WAIT
from reconciliation.breaks.tables import Action, Break, Leg, State
from reconciliation.matching import Suggestion, suggestions
from reconciliation.statements import StatementLine


class RequestElsewhere(Conflict):
    """Money is assigned to a request of the account it lies on."""

    code = "request_elsewhere"


class RequestNotWaiting(Conflict):
    """Money is assigned to a request that still waits for money."""

    code = "request_not_waiting"


class WaitOutOfRange(Invalid):
    """One waits until a later day, and not for ever."""

    code = "wait_out_of_range"


class StillToGetBack(Conflict):
    """What the bank took of a credit is still to be got back, or part of it was set off."""

    code = "still_to_get_back"


class NothingToMatchWith(Invalid):
    """A match is made of breaks about lines and of breaks about credits, of one account."""

    code = "nothing_to_match_with"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done and why; which further words it needs depends on the action.

    `reference` is the code of the request of `assign`, or of the payout of `payout`; `until` the
    last day of `wait`; `suggestion` and `others` the public numbers of a suggestion and of the
    breaks to match with.
    """

    action: Action
    reason: str
    reference: str | None = None
    until: date | None = None
    suggestion: str | None = None
    others: Sequence[str] = ()

    def told(self) -> Mapping[str, Any]:
        """The decision as JSON; `heard` reads it again."""
        until = None if self.until is None else self.until.isoformat()
        return {
            "action": self.action.value,
            "reference": self.reference,
            "until": until,
            "suggestion": self.suggestion,
            "others": sorted(self.others),
        }

    @classmethod
    def heard(cls, told: Mapping[str, Any], *, reason: str) -> Decision:
        """The decision that `told` was made of."""
        until = told["until"]
        return cls(
            action=Action(told["action"]),
            reason=reason,
            reference=told["reference"],
            until=None if until is None else date.fromisoformat(until),
            suggestion=told["suggestion"],
            others=tuple(told["others"]),
        )


@dataclass(frozen=True, slots=True)
class Joined:
    """The breaks that a match is made of, with their lines and the credits that were told."""

    breaks: Sequence[Break]
    lines: Sequence[StatementLine]
    credits: Sequence[Credit]

    @property
    def amount(self) -> Dong:
        """What comes to the more, the lines or the credits: a match is made where both agree."""
        lines = sum(line.amount for line in self.lines)
        return Dong(max(lines, sum(credit.amount for credit in self.credits)))


def joined(session: Session, one: Break, decision: Decision) -> Joined:
    """What a match from this break is made of. Raises `UnknownBreak` or `NothingToMatchWith`."""
    together = [one, *by_public_ids(session, decision.others)]
    found = [line_for(session, each) for each in together]
    lines = {line.id: line for line in found if line is not None}
    told = {each.key: _credit(session, each) for each in together if each.leg == Leg.CONFIRMATION}
    elsewhere = any(each.collection_account_id != one.collection_account_id for each in together)
    if elsewhere or len(lines) + len(told) != len(together):
        raise NothingToMatchWith
    return Joined(together, list(lines.values()), list(told.values()))


def perform(session: Session, one: Break, decision: Decision, *, by: str, now: datetime) -> None:
    """Does what was decided about one break, under its account's lock.

    Raises what the action and the doors it goes through raise; nothing is changed then.
    """
    _DO[decision.action](session, one, decision, by, now)
    session.flush()
    session.expire_all()


def picture_of(session: Session, one: Break, decision: Decision) -> Mapping[str, Any]:
    """What beside the break itself a decision rests on, as it is now: JSON."""
    if decision.action is Action.SWEPT:
        swept = payouts.of_sweep(session, one.collection_account_id, one.amount)
        return {"remittances": [_of_payout(each) for each in swept]}
    if decision.action is Action.ASSIGN:
        return {"request": facts_of_request(_named(session, decision))}
    if decision.action is Action.SUGGESTION:
        found = suggestions.by_public_id(session, decision.suggestion or "")
        request = session.get(PaymentRequest, found.payment_request_id or 0, populate_existing=True)
        return {
            "clue": found.clue,
            "state": found.state,
            "line": found.statement_line_id,
            "request": None if request is None else facts_of_request(request),
        }
    if decision.action is Action.PAYOUT:
        return {"payout": _of_payout(payouts.by_code(session, decision.reference or ""))}
    if decision.action is Action.MATCH:
        others = by_public_ids(session, decision.others)
        return {"with": [facts_of(session, one) for one in others]}
    return {}


def suggested(session: Session, one: Break, public_id: str) -> Suggestion:
    """The suggestion of that number, if it is about this break. Raises `UnknownSuggestion`."""
    found = suggestions.by_public_id(session, public_id)
    credit, line = credit_of(session, one), line_of(session, one)
    about = (credit is not None and found.credit_id == credit.id) or (
        line is not None and found.statement_line_id == line.id
    )
    if not about:
        raise suggestions.UnknownSuggestion(suggestion=found.public_id)
    return found


def line_for(session: Session, one: Break) -> StatementLine | None:
    """The line of a break: its own, or the one taken for a credit that nobody told."""
    credit = credit_of(session, one) if one.leg == Leg.SETTLEMENT else None
    return line_of(session, one) if credit is None else line_taken_for(session, credit)


def _assign(session: Session, one: Break, decision: Decision, by: str, now: datetime) -> None:
    request = _named(session, decision)
    if request.collection_account_id != one.collection_account_id:
        raise RequestElsewhere(reference=request.reference)
    if request.status not in WAITING:
        raise RequestNotWaiting(reference=request.reference)
    settlement.assign(session, _credit(session, one), request, actor=by, now=now)


def _suggested(session: Session, one: Break, decision: Decision, by: str, now: datetime) -> None:
    found = suggested(session, one, decision.suggestion or "")
    suggestions.accept(session, found, reason=decision.reason, by=by, now=now)


def _match(session: Session, one: Break, decision: Decision, by: str, now: datetime) -> None:
    together = joined(session, one, decision)
    matching.match_by_hand(
        session,
        one.collection_account_id,
        lines=[line.id for line in together.lines],
        credits=[credit.id for credit in together.credits],
        reason=decision.reason,
        by=by,
        now=now,
    )


def _withdraw(session: Session, one: Break, _decision: Decision, by: str, now: datetime) -> None:
    settlement.withdraw(session, _credit(session, one), actor=by, now=now)


def _dismiss(session: Session, one: Break, _decision: Decision, by: str, now: datetime) -> None:
    """Nothing was booked; the request is no longer waiting for what was only advised."""
    settlement.withdraw(session, _credit(session, one), actor=by, now=now)


def _charge(session: Session, one: Break, _decision: Decision, by: str, now: datetime) -> None:
    book_line(session, _line(session, one), kind=Booking.CHARGE, by=by, now=now)


def _interest(session: Session, one: Break, decision: Decision, by: str, now: datetime) -> None:
    line = _freed(session, one, decision, by, now)
    book_line(session, line, kind=Booking.INTEREST, by=by, now=now)


def _receivable(session: Session, one: Break, _decision: Decision, by: str, now: datetime) -> None:
    book_line(session, _line(session, one), kind=Booking.RECEIVABLE, by=by, now=now)


def _recovered(session: Session, one: Break, decision: Decision, by: str, now: datetime) -> None:
    line = _freed(session, one, decision, by, now)
    book_line(session, line, kind=Booking.RECOVERED, by=by, now=now)


def _set_off(session: Session, one: Break, _decision: Decision, by: str, now: datetime) -> None:
    credit = _credit(session, one)
    to_get_back = bookings.to_get_back(session, one.collection_account_id)
    if _left_of(credit) > to_get_back:
        raise bookings.NothingToGetBack(most=to_get_back)
    settlement.set_off(session, credit, actor=by, now=now)


def _release(session: Session, one: Break, _decision: Decision, _by: str, _now: datetime) -> None:
    credit = _credit(session, one)
    to_get_back = bookings.to_get_back(session, one.collection_account_id)
    if credit.reversed or _left_of(credit) <= to_get_back:
        raise StillToGetBack(amount=to_get_back)
    credits.release_all(session, select(Credit.id).where(Credit.id == credit.id))


def _left_of(credit: Credit) -> int:
    """What of a credit is still with us, in đồng."""
    return credit.held + credit.unidentified + credit.to_fees


def _payout(session: Session, one: Break, decision: Decision, by: str, now: datetime) -> None:
    payout = payouts.by_code(session, decision.reference or "")
    line = _freed(session, one, decision, by, now)
    matching.pay_out_by_hand(session, line, payout, by=by, now=now)


def _swept(session: Session, one: Break, _decision: Decision, by: str, now: datetime) -> None:
    matching.sweep_by_hand(session, _line(session, one), by=by, now=now)


def _wait(_session: Session, one: Break, decision: Decision, _by: str, now: datetime) -> None:
    today = local_day(now)
    if decision.until is None or not today < decision.until <= today + LONGEST_WAIT:
        raise WaitOutOfRange(pointer="/until", most=LONGEST_WAIT.days)
    one.waiting_until = decision.until
    if one.due_on is None or one.due_on < decision.until:
        one.due_on = decision.until


def _accept(_session: Session, one: Break, _decision: Decision, _by: str, _now: datetime) -> None:
    one.state, one.waiting_until = State.RESOLVED.value, None


_DO: Final[Mapping[Action, Callable[[Session, Break, Decision, str, datetime], None]]] = (
    MappingProxyType(
        {
            Action.ASSIGN: _assign,
            Action.SUGGESTION: _suggested,
            Action.MATCH: _match,
            Action.WITHDRAW: _withdraw,
            Action.DISMISS: _dismiss,
            Action.CHARGE: _charge,
            Action.INTEREST: _interest,
            Action.RECEIVABLE: _receivable,
            Action.RECOVERED: _recovered,
            Action.SET_OFF: _set_off,
            Action.RELEASE: _release,
            Action.PAYOUT: _payout,
            Action.SWEPT: _swept,
            Action.WAIT: _wait,
            Action.ACCEPT: _accept,
        }
    )
)


def _named(session: Session, decision: Decision) -> PaymentRequest:
    """The request that the decision names. Raises `UnknownRequest`."""
    reference = (decision.reference or "").strip().upper()
    found = session.scalar(
        select(PaymentRequest)
        .where(PaymentRequest.reference == reference)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise UnknownRequest(reference=reference[:40])
    return found


def _of_payout(payout: Payout) -> Mapping[str, Any]:
    return {"code": payout.code, "state": payout.state, "amount": int(payout.amount)}


def _credit(session: Session, one: Break) -> Credit:
    return session.get_one(Credit, int(one.key), populate_existing=True)


def _freed(
    session: Session, one: Break, decision: Decision, by: str, now: datetime
) -> StatementLine:
    """The line of a break, taken out of the credit it was taken for where it was."""
    if one.leg == Leg.LINE:
        return _line(session, one)
    credit = _credit(session, one)
    return free_line(session, credit, reason=decision.reason, by=by, now=now)


def _line(session: Session, one: Break) -> StatementLine:
    return session.get_one(StatementLine, int(one.key), populate_existing=True)
