"""Three ways of looking at one day: what the portal was told, the bank says, the ledger booked.

A row is a credit of the day, or a line of the day's statement that is none of them: a charge, what
the bank took back, a line nobody booked, a line of another day's credit. For each the three sides
are compared in the database; what agrees is counted, what differs is listed with its reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy import Row as Result
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import InstrumentedAttribute, Session

from payments.advice import Direction
from payments.core.columns import Amount, Code, Flag
from payments.core.database import Rows
from payments.core.money import Dong
from payments.core.sheets import Heading, Kind
from payments.credits import Allocation, Credit, Finding
from payments.ledger import JournalEntry, LedgerAccount, Posting
from payments.outbox import Delivery, DeliveryState, Event
from payments.payment_requests import PaymentRequest, PaymentRequestLine, Status
from reconciliation.matching import LineMatch, Rule
from reconciliation.reports.facts import request_of
from reconciliation.statements import StatementLine


class Differs(StrEnum):
    """Why the three sides of a row are not the same."""

    NOT_ON_STATEMENT = "not_on_statement"  # told and booked, and no line shows it
    ADVISED = "advised"  # told by a message that nothing confirms; not booked
    NOT_BOOKED = "not_booked"  # a line that no rule and nobody could book
    ANOTHER_DAY = "another_day"  # the line and the credit have different days
    UNIDENTIFIED = "unidentified"  # booked, and nobody knows for which request
    HELD = "held"  # booked, and not as the fee of its request
    TAKEN_BACK = "taken_back"  # told once, and the bank or staff took it back
    STATUS = "status"  # the request's status is not what the money says
    NOT_TOLD = "not_told"  # the portal has not taken the message
    LEDGER = "ledger"  # what is booked is another amount


class Side(StrEnum):
    """What a row is of."""

    CREDIT = "credit"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: after this row. The credits come first, then the lines."""

    side: Side = Side.CREDIT
    number: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """A row: `amount` went in `direction`; the columns of each side are None where it has none.

    `told` is how the request's messages stand (`delivered`, `due`, `given_up`, None without any);
    `booked` is what the ledger has of it in đồng.
    """

    side: Side
    number: int
    direction: str
    amount: Dong
    at: datetime
    memo: str
    reference: str | None
    status: str | None
    told: str | None
    finding: str | None
    line_day: date | None
    match: int | None
    rule: str | None
    booked: Dong
    reasons: tuple[Differs, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are, how many differ, and how many for each reason."""

    rows: int
    differ: int
    reasons: Mapping[Differs, int]

    @property
    def agree(self) -> int:
        """How many are the same on all three sides."""
        return self.rows - self.differ


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are asked for: those of a day, or the credits of a request on whatever day.

    Without a reason those that differ by any; `agreeing` asks for all.
    """

    account: int
    day: date | None = None
    request: int | None = None
    reason: Differs | None = None
    agreeing: bool = False


HEADINGS: Final = (
    Heading("side"),
    Heading("number", Kind.COUNT),
    Heading("direction"),
    Heading("amount", Kind.AMOUNT),
    Heading("at", Kind.MOMENT),
    Heading("memo"),
    Heading("reference"),
    Heading("status"),
    Heading("told"),
    Heading("finding"),
    Heading("line_day", Kind.DAY),
    Heading("match", Kind.COUNT),
    Heading("rule"),
    Heading("booked", Kind.AMOUNT),
    Heading("reasons"),
)
"""The columns of the file, by name; codes stay codes."""

_AT_ONCE: Final = 500
_PAID_BY: Final = (Finding.EXACT, Finding.LATE, Finding.OVERPAID, Finding.SPLIT)
_FACTS: Final = 14
"""Columns of a row before its reasons."""


def page(session: Session, wanted: Wanted, *, after: Place, most: int) -> list[Compared]:
    """The next rows after a place, at most so many."""
    found: list[Compared] = []
    for rows in lists(wanted, after):
        left = most - len(found)
        if left > 0:
            found += [_told(row) for row in session.execute(rows.limit(left))]
    return found


def every(session: Session, wanted: Wanted) -> Iterator[tuple[Any, ...]]:
    """All rows asked for as cells under `HEADINGS`, a few in memory at a time."""
    for rows in lists(wanted, Place()):
        streamed = session.execute(rows.execution_options(yield_per=_AT_ONCE))
        for row in streamed:
            yield (*row[:_FACTS], " ".join(_told(row).reasons))


def tally(session: Session, wanted: Wanted) -> Tally:
    """How many rows there are in all, whatever reason is asked for."""
    counts: dict[str, int] = dict.fromkeys(["rows", "differ", *Differs], 0)
    for rows in _rows(wanted):
        one = rows.subquery()
        flags = [one.c[_column(reason)] for reason in Differs]
        added = [func.coalesce(func.sum(_one_if(flag.is_(True))), 0) for flag in flags]
        differ = func.coalesce(func.sum(_one_if(or_(*[flag.is_(True) for flag in flags]))), 0)
        told = session.execute(select(func.count(), differ, *added).select_from(one)).one()
        for name, count in zip(counts, told, strict=True):
            counts[name] += int(count)
    return Tally(
        counts["rows"], counts["differ"], {reason: counts[reason.value] for reason in Differs}
    )


def lists(wanted: Wanted, after: Place) -> list[Rows]:
    """The rows of a question after a place, as one query for credits and one for lines."""
    found = []
    for side, rows in zip(Side, _rows(wanted), strict=False):
        if after.side is Side.LINE and side is Side.CREDIT:
            continue
        one = rows.subquery()
        asked: Rows = select(*one.c).order_by(one.c.number)
        if side is after.side:
            asked = asked.where(one.c.number > after.number)
        if not wanted.agreeing:
            reasons = Differs if wanted.reason is None else (wanted.reason,)
            asked = asked.where(or_(*[one.c[_column(reason)].is_(True) for reason in reasons]))
        found.append(asked)
    return found


def _rows(wanted: Wanted) -> list[Rows]:
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
            _column(reason)
        )
        if reason in flags
        else literal(False, Flag()).label(_column(reason))
        for reason in Differs
    ]


def _column(reason: Differs) -> str:
    return f"differs_{reason.value}"


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _told(row: Result[*tuple[Any, ...]]) -> Compared:
    return Compared(
        side=Side(row.side),
        number=row.number,
        direction=row.direction,
        amount=Dong(row.amount),
        at=row.at,
        memo=row.memo,
        reference=row.reference,
        status=row.status,
        told=row.told,
        finding=row.finding,
        line_day=row.line_day,
        match=row.match,
        rule=row.rule,
        booked=Dong(row.booked or 0),
        reasons=tuple(reason for reason in Differs if getattr(row, _column(reason))),
    )
