"""The three sides of each row in SQL, and a flag for each way to differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import InstrumentedAttribute

from payments.advice import Direction
from payments.core.columns import Amount, Code, Flag
from payments.core.database import Rows
from payments.credits import Allocation, Credit, Finding
from payments.ledger import JournalEntry, LedgerAccount, Posting
from payments.outbox import Delivery, DeliveryState, Event
from payments.payment_requests import PaymentRequest, PaymentRequestLine, Status
from reconciliation.matching import LineMatch, Rule
from reconciliation.reports.facts import request_of
from reconciliation.reports.three_way.rows import Differs, Side, Wanted
from reconciliation.statements import StatementLine

_PAID_BY: Final = (Finding.EXACT, Finding.LATE, Finding.OVERPAID, Finding.SPLIT)


def compared(wanted: Wanted) -> list[Rows]:
    """The credits of a question, then its lines; of a request the credits alone."""
    if wanted.day is None:
        return [_credits(wanted)]
    return [_credits(wanted), _lines(wanted.account, wanted.day)]


def _credits(wanted: Wanted) -> Rows:
    """Credits with their requests and lines, and a flag for each reason."""
    request, match, line = PaymentRequest, LineMatch, StatementLine
    in_transit = _in_transit(wanted.account)
    rows: Rows = (
        select(
            literal(Side.CREDIT.value, Code()).label("side"),
            Credit.id.label("number"),
            literal(Direction.CREDIT.value, Code()).label("direction"),
            Credit.amount,
            Credit.booked_at.label("at"),
            Credit.memo,
            request.reference,
            request.status,
            _delivery(request.id).label("told"),
            Credit.finding,
            line.day.label("line_day"),
            Credit.match_id.label("match"),
            match.rule,
            in_transit.label("booked"),
            *_labelled(_flags_of_credits(wanted.account)),
        )
        .select_from(Credit)
        .outerjoin(request, request.id == (wanted.request or request_of()))
        .outerjoin(match, match.id == Credit.match_id)
        .outerjoin(line, line.id == match.first_line_id)
        .where(
            Credit.collection_account_id == wanted.account,
            Credit.merged_into_id.is_(None),
        )
    )
    if wanted.day is not None:
        rows = rows.where(Credit.day == wanted.day)
    return rows if wanted.request is None else rows.where(_of_request(wanted.request))


def _flags_of_credits(account: int) -> Mapping[Differs, ColumnElement[bool]]:
    request, line = PaymentRequest, StatementLine
    matched = literal("match:", Code()) + cast(LineMatch.id, SqlText)
    at_bank = _posted(account, "match", matched, moving="bank")
    seen, standing = Credit.match_id.is_not(None), Credit.reversed == 0
    booked = and_(Credit.finding.is_not(None), Credit.advised == 0)
    paid_by = and_(Credit.finding.in_([one.value for one in _PAID_BY]), standing)
    return {
        Differs.NOT_ON_STATEMENT: and_(~seen, standing, Credit.advised == 0),
        Differs.ADVISED: Credit.advised > 0,
        Differs.ANOTHER_DAY: and_(seen, line.day != Credit.day),
        Differs.UNIDENTIFIED: Credit.unidentified > 0,
        Differs.HELD: Credit.held > 0,
        Differs.TAKEN_BACK: Credit.reversed > 0,
        Differs.STATUS: and_(paid_by, request.status != Status.PAID),
        Differs.NOT_TOLD: _undelivered(request.id),
        Differs.LEDGER: or_(
            and_(booked, _in_transit(account) != Credit.amount),
            and_(seen, at_bank != LineMatch.amount),
        ),
    }


def _in_transit(account: int) -> ColumnElement[Any]:
    """What was booked when a credit was told, in đồng."""
    told = literal("credit:", Code()) + cast(Credit.id, SqlText)
    return _posted(account, "credit", told, moving="transit")


def _lines(account: int, day: date) -> Rows:
    """The day's lines that are no credit of the day, and a flag for each reason."""
    line, match, request = StatementLine, LineMatch, PaymentRequest
    number = literal("match:", Code()) + cast(match.id, SqlText)
    back = literal("line:", Code()) + cast(line.id, SqlText)
    posted = case(
        (match.rule == Rule.REVERSAL, _posted(account, "bank_reversal", back, moving="bank")),
        (match.first_credit_id.is_(None), _posted(account, match.rule, number, moving="bank")),
        else_=_posted(account, "match", number, moving="bank"),
    )
    flags = {
        Differs.NOT_BOOKED: line.match_id.is_(None),
        Differs.ANOTHER_DAY: match.first_credit_id.is_not(None),
        Differs.LEDGER: and_(line.match_id.is_not(None), posted != match.amount),
        Differs.NOT_TOLD: _undelivered(request.id),
    }
    of_another_day = or_(match.first_credit_id.is_(None), Credit.day != line.day)
    credit_id = func.coalesce(match.first_credit_id, match.reversed_credit_id)
    rows: Rows = (
        select(
            literal(Side.LINE.value, Code()).label("side"),
            line.id.label("number"),
            line.direction,
            line.amount,
            line.booked_at.label("at"),
            line.memo,
            request.reference,
            request.status,
            _delivery(request.id).label("told"),
            Credit.finding,
            line.day.label("line_day"),
            line.match_id.label("match"),
            match.rule,
            cast(func.coalesce(posted, 0), Amount()).label("booked"),
            *_labelled(flags),
        )
        .select_from(line)
        .outerjoin(match, match.id == line.match_id)
        .outerjoin(Credit, Credit.id == credit_id)
        .outerjoin(request, request.id == Credit.payment_request_id)
        .where(line.collection_account_id == account, line.day == day, of_another_day)
    )
    return rows


def _posted(
    account: int,
    kind: str | InstrumentedAttribute[str],
    decision: ColumnElement[str],
    *,
    moving: str,
) -> ColumnElement[Any]:
    """What an entry moved into or out of the account's `bank` or `transit`, in đồng."""
    path = f"assets:{moving}:{account}"
    place = select(LedgerAccount.id).where(LedgerAccount.path == path).scalar_subquery()
    return (
        select(cast(func.coalesce(func.sum(Posting.amount), 0), Amount()))
        .join(JournalEntry, JournalEntry.id == Posting.journal_entry_id)
        .where(
            JournalEntry.collection_account_id == account,
            JournalEntry.kind == kind,
            JournalEntry.decision == decision,
            place.in_([Posting.debit_id, Posting.credit_id]),
        )
        .correlate(Credit, LineMatch, StatementLine)
        .scalar_subquery()
    )


def _delivery(request: InstrumentedAttribute[int]) -> ColumnElement[str]:
    """How a request's messages stand: given up, else due, else delivered; None without any."""
    return case(
        (_messages(request, DeliveryState.GIVEN_UP), DeliveryState.GIVEN_UP.value),
        (_messages(request, DeliveryState.DUE), DeliveryState.DUE.value),
        (_messages(request, DeliveryState.DELIVERED), DeliveryState.DELIVERED.value),
    )


def _undelivered(request: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    return _messages(request, DeliveryState.GIVEN_UP, DeliveryState.DUE)


def _messages(request: InstrumentedAttribute[int], *states: DeliveryState) -> ColumnElement[bool]:
    return exists().where(
        Event.payment_request_id == request,
        Delivery.event_id == Event.id,
        Delivery.state.in_([state.value for state in states]),
    )


def _of_request(request: int) -> ColumnElement[bool]:
    """The credits that stand for a request, or pay one of its fees."""
    paying = (
        select(Allocation.credit_id)
        .join(PaymentRequestLine, PaymentRequestLine.id == Allocation.payment_request_line_id)
        .where(PaymentRequestLine.payment_request_id == request)
    )
    return or_(Credit.payment_request_id == request, Credit.id.in_(paying))


def _labelled(flags: Mapping[Differs, ColumnElement[bool]]) -> list[ColumnElement[Any]]:
    """A column for each reason, true or false; false where the row can't differ so."""
    return [
        case((flags[reason], literal(True, Flag())), else_=literal(False, Flag())).label(
            flag_of(reason)
        )
        if reason in flags
        else literal(False, Flag()).label(flag_of(reason))
        for reason in Differs
    ]


def flag_of(reason: Differs) -> str:
    """The name of the column that says whether a row differs so."""
    return f"differs_{reason.value}"
