"""Which requests fall back to open when money leaves them, and whose money stood for those."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ColumnElement, Table, and_, func, insert, select, union, union_all
from sqlalchemy.orm import Session

from payments import credits
from payments.core.columns import Amount, Code, Day, Flag, Key
from payments.core.database import Rows, rows_of, table_of
from payments.core.temporary import analyze, scratch, temporary
from payments.credits import COUNTED, Allocation, Credit, Finding
from payments.payment_requests import PaymentRequest, PaymentRequestLine

CREDIT: Final = table_of(Credit)
REQUEST: Final = table_of(PaymentRequest)
LINE: Final = table_of(PaymentRequestLine)
ALLOCATION: Final = table_of(Allocation)

back: Final = Table(
    "taking_back",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("decision", Code()),
    Column("day", Day()),
    Column("leaves", Flag()),  # else its money stays, and pays something else
    prefixes=["TEMPORARY"],
)
"""The credits that are taken back, or freed."""

reopened: Final = Table(
    "reopened_request",
    scratch,
    Column("payment_request_id", Key(), primary_key=True),
    Column("day", Day()),
    Column("was_paid", Flag()),
    prefixes=["TEMPORARY"],
)
"""The requests that fall back to open, and since when."""

share: Final = Table(
    "taken_share",
    scratch,
    Column("credit_id", Key()),
    Column("payment_request_id", Key()),
    Column("amount", Amount()),
    Column("seen", Flag()),
    prefixes=["TEMPORARY"],
)
"""What each credit counted for those requests."""

_concerned: Final = Table(
    "concerned_credit",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    prefixes=["TEMPORARY"],
)


def begin(session: Session, pairs: Rows, *, leaves: ColumnElement[bool]) -> None:
    """Lays out the credits, (credit_id, decision, day), and all that falls with them."""
    temporary(session, back, reopened, share, _concerned)
    names = ["credit_id", "decision", "day", "leaves"]
    session.execute(insert(back).from_select(names, pairs.add_columns(leaves)))
    analyze(session, back)
    _find_shares(session)


def leaving() -> Rows:
    """The credits whose money leaves."""
    return select(back.c.credit_id).where(back.c.leaves.is_(True))


def staying() -> Rows:
    """The credits of reopened requests whose money stays, and since when those are open."""
    return (
        select(share.c.credit_id, func.min(reopened.c.day, type_=Day()).label("day"))
        .join(reopened, reopened.c.payment_request_id == share.c.payment_request_id)
        .where(share.c.credit_id.not_in(leaving()))
        .group_by(share.c.credit_id)
    )


def to_settle_anew() -> Rows:
    """The credits that counted for, or were held as duplicates of, a reopened request, and stay."""
    duplicates = _named_by_reopened().where(
        CREDIT.c.held > 0,
        CREDIT.c.refunded == 0,
        CREDIT.c.finding.in_([*COUNTED, Finding.DUPLICATE.value]),
        CREDIT.c.merged_into_id.is_(None),
        CREDIT.c.id.not_in(leaving()),
    )
    freed = select(back.c.credit_id, back.c.day).where(back.c.leaves.is_(False))
    both = union_all(staying(), duplicates, freed).subquery()
    return select(both.c[0], func.min(both.c[1])).group_by(both.c[0])


def _find_shares(session: Session) -> None:
    """The requests these credits count for, and every credit that counts for those."""
    mine = credits.counted(select(back.c.credit_id)).subquery()
    opened = (
        select(mine.c.payment_request_id, func.min(back.c.day))
        .join(back, back.c.credit_id == mine.c.credit_id)
        .group_by(mine.c.payment_request_id)
    )
    session.execute(insert(reopened).from_select(["payment_request_id", "day"], opened))
    grown = 1
    while grown:
        analyze(session, reopened)
        temporary(session, share, _concerned)
        session.execute(insert(_concerned).from_select(["credit_id"], _credits_of_reopened()))
        analyze(session, _concerned)
        counted = credits.counted(select(_concerned.c.credit_id))
        session.execute(insert(share).from_select([column.name for column in share.c], counted))
        more = insert(reopened).from_select(["payment_request_id", "day"], _drawn_in())
        grown = rows_of(session.execute(more))
    analyze(session, reopened, share)


def _drawn_in() -> Rows:
    """Further requests that a credit of a reopened one pays, and since when they are open too."""
    further = share.alias()
    known = select(reopened.c.payment_request_id)
    return (
        select(further.c.payment_request_id, func.min(reopened.c.day))
        .select_from(reopened)
        .join(share, share.c.payment_request_id == reopened.c.payment_request_id)
        .join(further, further.c.credit_id == share.c.credit_id)
        .where(further.c.payment_request_id.not_in(known))
        .group_by(further.c.payment_request_id)
    )


def _credits_of_reopened() -> Rows:
    """Credits that pay, or are held for, a reopened request."""
    named = _named_by_reopened().where(CREDIT.c.reversed == 0)
    paying = (
        select(ALLOCATION.c.credit_id)
        .select_from(reopened)
        .join(LINE, LINE.c.payment_request_id == reopened.c.payment_request_id)
        .join(ALLOCATION, ALLOCATION.c.payment_request_line_id == LINE.c.id)
    )
    named = select(named.subquery().c.id)
    both = union(named, paying, select(back.c.credit_id)).subquery()
    return select(both.c[0])


def _named_by_reopened() -> Rows:
    """Credits of a reopened request, by the index that begins with its account."""
    ours = and_(
        CREDIT.c.collection_account_id == REQUEST.c.collection_account_id,
        CREDIT.c.payment_request_id == REQUEST.c.id,
    )
    return (
        select(CREDIT.c.id, reopened.c.day)
        .select_from(reopened)
        .join(REQUEST, REQUEST.c.id == reopened.c.payment_request_id)
        .join(CREDIT, ours)
    )
