"""What a settlement writes: the credits' parts, which fees they pay, the ledger, the news.

A completed request's amount is a stretch from zero; its credits pay it one after another, and its
fee lines lie along it one after another. What overlaps is what a credit pays of a line.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Insert,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    union_all,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments import credits, ledger, payment_requests
from payments.agencies import Agency
from payments.core.columns import Amount, Code
from payments.core.database import Rows, table_of
from payments.core.temporary import analyze
from payments.credits import Credit, Finding
from payments.credits.paths import fees_path, held, path, unidentified
from payments.payment_requests import PaymentRequest, PaymentRequestLine, Status
from payments.settlement.sets import contribution, payment, settling, share, stretch

CREDIT: Final = table_of(Credit)
REQUEST: Final = table_of(PaymentRequest)
LINE: Final = table_of(PaymentRequestLine)
AGENCY: Final = table_of(Agency)


def write_all(session: Session, *, actor: str, now: datetime) -> None:
    """Writes the outcome of the set that `findings.find_all` worked out."""
    credits.divide_all(session, _parts(), now=now)
    session.execute(_contributions())
    analyze(session, share, contribution)
    session.execute(_stretches())
    analyze(session, stretch)
    session.execute(_payments())
    analyze(session, payment)
    _keep_payments(session, now=now)
    ledger.post_all(session, _drafts(), actor=actor, now=now)
    payment_requests.announce_all(session, _news(), now=now)


@cache
def _parts() -> Rows:
    s = settling.c
    nobody = s.finding == Finding.UNIDENTIFIED
    return select(
        s.credit_id,
        s.finding,
        s.payment_request_id,
        s.to_fees,
        case((nobody, 0), else_=s.amount - s.to_fees),
        case((nobody, s.amount), else_=0),
        s.reversed,
    )


@cache
def _contributions() -> Insert:
    """Which stretch of a completed request its credits pay: earlier short ones, then the last."""
    columns = [column.name for column in contribution.c]
    return insert(contribution).from_select(columns, union_all(_last(), _earlier()))


def _last() -> Rows:
    """The credits that complete requests: from what was received before to what is asked for."""
    ends = share.c.starts + share.c.counted
    return (
        select(
            share.c.credit_id,
            share.c.payment_request_id,
            share.c.starts,
            case((ends > REQUEST.c.amount, REQUEST.c.amount), else_=ends),
            settling.c.decision,
            literal(False),
            settling.c.day,
        )
        .join(settling, settling.c.credit_id == share.c.credit_id)
        .join(REQUEST, REQUEST.c.id == share.c.payment_request_id)
        .where(share.c.completes.is_(True))
    )


def _earlier() -> Rows:
    """The short credits of completed requests, held until now, one after another from zero.

    They turn into fees on the day of the completing credit, but not before they came themselves:
    what completes a request may be told after what followed it.
    """
    came_later = CREDIT.c.day > settling.c.day
    reached = cast(
        func.sum(CREDIT.c.held).over(
            partition_by=CREDIT.c.payment_request_id, order_by=CREDIT.c.id
        ),
        Amount(),
    )
    number = literal("credit:", Code()) + cast(CREDIT.c.id, SqlText)
    ours = and_(
        CREDIT.c.collection_account_id == settling.c.collection_account_id,
        CREDIT.c.payment_request_id == share.c.payment_request_id,
    )
    return (
        select(
            CREDIT.c.id,
            CREDIT.c.payment_request_id,
            reached - CREDIT.c.held,
            reached,
            number + literal(":by:", Code()) + settling.c.decision,
            literal(True),
            case((came_later, CREDIT.c.day), else_=settling.c.day),
        )
        .select_from(share)
        .join(settling, settling.c.credit_id == share.c.credit_id)
        .join(CREDIT, ours)
        .where(share.c.completes.is_(True), CREDIT.c.finding == Finding.SHORT, CREDIT.c.held > 0)
    )


@cache
def _stretches() -> Insert:
    reached = cast(
        func.sum(LINE.c.amount).over(
            partition_by=LINE.c.payment_request_id, order_by=LINE.c.position
        ),
        Amount(),
    )
    completed = select(contribution.c.payment_request_id)
    return insert(stretch).from_select(
        [column.name for column in stretch.c],
        select(LINE.c.id, LINE.c.payment_request_id, fees_path(), reached - LINE.c.amount, reached)
        .join(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .join(AGENCY, AGENCY.c.id == REQUEST.c.agency_id)
        .where(LINE.c.payment_request_id.in_(completed)),
    )


@cache
def _payments() -> Insert:
    given, line = contribution.c, stretch.c
    starts = case((given.starts > line.starts, given.starts), else_=line.starts)
    ends = case((given.ends < line.ends, given.ends), else_=line.ends)
    return insert(payment).from_select(
        [column.name for column in payment.c],
        select(
            given.credit_id,
            line.payment_request_line_id,
            ends - starts,
            given.decision,
            line.path,
            given.earlier,
            given.day,
        )
        .select_from(contribution)
        .join(stretch, line.payment_request_id == given.payment_request_id)
        .where(ends > starts),
    )


def _keep_payments(session: Session, *, now: datetime) -> None:
    """Keeps the allocations, and turns what earlier short credits held into fees."""
    credits.allocate_all(session, _kept())
    if session.execute(_turned().limit(1)).first():
        credits.divide_all(session, _turned(), now=now)


@cache
def _kept() -> Rows:
    return select(
        CREDIT.c.collection_account_id,
        payment.c.credit_id,
        payment.c.payment_request_line_id,
        payment.c.amount,
        payment.c.decision,
        payment.c.day,
    ).join(CREDIT, CREDIT.c.id == payment.c.credit_id)


@cache
def _turned() -> Rows:
    return (
        select(
            CREDIT.c.id,
            CREDIT.c.finding,
            CREDIT.c.payment_request_id,
            CREDIT.c.to_fees + CREDIT.c.held,
            literal(0, Amount()),
            CREDIT.c.unidentified,
            CREDIT.c.reversed,
        )
        .join(contribution, contribution.c.credit_id == CREDIT.c.id)
        .where(contribution.c.earlier.is_(True))
    )


@cache
def _drafts() -> Rows:
    drafts = union_all(_fees(), _turned_into_fees(), _held(), _unidentified()).subquery()
    return select(*drafts.c)


def _source() -> ColumnElement[str]:
    """The ledger account a credit's money stands on before it is settled."""
    account = settling.c.collection_account_id
    return case(
        (settling.c.part == "transit", path("assets:transit:", account)),
        (settling.c.part == "held", held(account)),
        else_=unidentified(account),
    )


def _draft(into: ColumnElement[Any], amount: ColumnElement[Any]) -> Rows:
    """A posting for each credit of the set: Dr where its money stands, Cr `into`."""
    drafts: Rows = select(
        settling.c.collection_account_id,
        literal("credit", Code()),
        settling.c.decision,
        settling.c.day,
        _source(),
        into,
        amount,
        cast(literal(None), Amount()),
    )
    return drafts


def _fees() -> Rows:
    """What the credits of the set pay of fee lines."""
    s = settling.c
    return (
        _draft(payment.c.path, cast(func.sum(payment.c.amount), Amount()))
        .join(payment, payment.c.credit_id == s.credit_id)
        .where(payment.c.earlier.is_(False))
        .group_by(s.collection_account_id, s.decision, s.day, s.part, payment.c.path)
    )


def _turned_into_fees() -> Rows:
    """What earlier short credits held and now pay: Dr held, Cr fees."""
    account = CREDIT.c.collection_account_id
    turned: Rows = select(
        account,
        literal("allocation", Code()),
        payment.c.decision,
        payment.c.day,
        held(account),
        payment.c.path,
        cast(func.sum(payment.c.amount), Amount()),
        cast(literal(None), Amount()),
    )
    return (
        turned.join(CREDIT, CREDIT.c.id == payment.c.credit_id)
        .where(payment.c.earlier.is_(True))
        .group_by(account, payment.c.decision, payment.c.day, payment.c.path)
    )


def _held() -> Rows:
    """What is no fee and whose owner is known; what was held already stays where it is."""
    s = settling.c
    return _draft(held(s.collection_account_id), s.amount - s.to_fees).where(
        s.finding != Finding.UNIDENTIFIED, s.amount > s.to_fees, s.part != "held"
    )


def _unidentified() -> Rows:
    """Money that nobody can name yet, or whose assignment was taken back."""
    s = settling.c
    into = unidentified(s.collection_account_id)
    return _draft(into, s.amount).where(s.finding == Finding.UNIDENTIFIED, s.part != "unidentified")


@cache
def _news() -> Rows:
    over = settling.c.finding == Finding.OVERPAID
    base = (
        select(share.c.payment_request_id)
        .join(settling, settling.c.credit_id == share.c.credit_id)
        .join(REQUEST, REQUEST.c.id == share.c.payment_request_id)
    )
    paid = base.add_columns(literal("payment_request.paid", Code()), literal(1)).where(
        share.c.completes.is_(True)
    )
    overpaid = base.add_columns(literal("payment_request.overpaid", Code()), literal(2)).where(over)
    partly = (
        base.add_columns(literal("payment_request.partially_paid", Code()), literal(1))
        .where(share.c.completes.is_(False), REQUEST.c.status != Status.PAID)
        .distinct()
    )
    news = union_all(paid, overpaid, partly).subquery()
    return select(*news.c)
