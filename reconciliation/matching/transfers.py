"""Movements between two of our own accounts, such as what a gateway pays out to our bank.

They are known by the account pair: the line that left one account names the other, the line that
reached the other names the first, and the amount is the same on both statements. Either line alone
is no evidence; it waits for the other one's statement, and no credit is made of it meanwhile. A
line with a code of ours belongs to a request and is never taken for a transfer.

Both lines are matched and booked in one unit, each on its own account, so that what is proved of an
account rests on its own lines. Equal transfers are the same to the ledger: of several on a day the
k-th is paired with the k-th, those nearest in days first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Subquery,
    Table,
    and_,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from payments.advice import Direction
from payments.core.columns import Code, Count, Day, Key
from payments.core.temporary import analyze, scratch, temporary
from reconciliation.matching.matches import book_transfers
from reconciliation.matching.sets import (
    CREDIT,
    LINE,
    chunk,
    found,
    how_many,
    numbered_match,
    untold,
    waiting,
)
from reconciliation.matching.tables import Rule
from reconciliation.statements import Statement

NEAR: Final = timedelta(days=7)
"""How far apart the two banks may book one transfer: a weekend, a holiday, a late cut-off."""

_apart: Final = Table(
    "days_apart",
    scratch,
    Column("left", Day(), primary_key=True),
    Column("reached", Day(), primary_key=True),
    Column("days", Count()),
    prefixes=["TEMPORARY"],
)
"""Days on which a transfer may have left and reached, and how many lie between."""

_pair: Final = Table(
    "transfer_pair",
    scratch,
    Column("debit_id", Key(), primary_key=True),
    Column("credit_id", Key(), unique=True),
    prefixes=["TEMPORARY"],
)
"""The two lines of each transfer that was found."""


def partners(session: Session, collection_account_id: int) -> frozenset[int]:
    """Our accounts that lines of this one, not booked yet, name as their other side.

    Whoever matches transfers locks them all, in the order of their numbers.
    """
    return frozenset(_kept(session, collection_account_id))


def awaited(session: Session, collection_account_id: int) -> ColumnElement[bool]:
    """Of the account's lines: whether the other half may still come with the other's statement.

    It may until that account's statements reach a week beyond the line's day.
    """
    kept = _kept(session, collection_account_id)
    return or_(
        false(),
        *(
            and_(*_naming(), LINE.c.other_account_id == other, LINE.c.day > last - NEAR)
            for other, last in sorted(kept.items())
        ),
    )


def match_transfers(
    session: Session,
    collection_account_id: int,
    *,
    others: Collection[int],
    through: date,
    most: int,
    actor: str,
    now: datetime,
) -> frozenset[int]:
    """Matches the account's transfers from and to `others` up to a day, and books them.

    The caller holds the lock of the account and of each of the others. Returns those of them on
    which a line was booked.
    """
    if not others:
        return frozenset()
    temporary(session, chunk, found, numbered_match, _apart, _pair)
    ours = LINE.c.other_account_id.in_(sorted(others))
    _lay_out(session, collection_account_id, ours, LINE.c.day <= through, most=most)
    for other in sorted(others):
        back = LINE.c.other_account_id == collection_account_id
        _lay_out(session, other, back, most=most)
    analyze(session, chunk)
    for days in _days_apart(session):
        session.execute(insert(_pair).from_select(["debit_id", "credit_id"], _pairs(days)))
    if not how_many(session, _pair):
        return frozenset()
    _find(session)
    book_transfers(session, actor=actor, now=now)
    booked = select(chunk.c.collection_account_id).join(found, found.c.line_id == chunk.c.line_id)
    return frozenset(session.scalars(booked.distinct())) - {collection_account_id}


def _kept(session: Session, collection_account_id: int) -> dict[int, date]:
    """The accounts that unbooked lines name and of which statements are kept: up to which day."""
    named = (
        select(LINE.c.other_account_id)
        .where(
            LINE.c.collection_account_id == collection_account_id,
            LINE.c.match_id.is_(None),
            *_naming(),
        )
        .distinct()
    )
    rows = session.execute(
        select(Statement.collection_account_id, func.max(Statement.to_day, type_=Day()))
        .where(Statement.collection_account_id.in_(named))
        .group_by(Statement.collection_account_id)
    )
    return {row[0]: row[1] for row in rows}


def _naming() -> tuple[ColumnElement[bool], ...]:
    """Lines that may be half of a transfer."""
    return (
        LINE.c.other_account_id.is_not(None),
        LINE.c.code.is_(None),
        LINE.c.reversal.is_(False),
    )


def _lay_out(session: Session, account: int, *which: ColumnElement[bool], most: int) -> None:
    rows = waiting(session, account).where(*_naming(), *which)
    laid = rows.order_by(LINE.c.day, LINE.c.id).limit(most)
    session.execute(insert(chunk).from_select([column.name for column in chunk.c], laid))


def _days_apart(session: Session) -> Sequence[int]:
    """Fills `_apart` with the days of the chunk; how many days lie between, the fewest first."""
    rows = session.execute(select(chunk.c.direction, chunk.c.day).distinct()).all()
    left = [row.day for row in rows if row.direction == Direction.DEBIT]
    reached = [row.day for row in rows if row.direction == Direction.CREDIT]
    near = [
        {"left": one, "reached": other, "days": (other - one).days}
        for one in left
        for other in reached
        if abs(other - one) <= NEAR
    ]
    if near:
        session.execute(insert(_apart), near)
    analyze(session, _apart)
    return sorted({row["days"] for row in near}, key=lambda days: (abs(days), -days))


def _pairs(days: int) -> Select[Any]:
    """(debit, credit) of lines so many days apart that name each other's account."""
    debit, credit = _numbered(Direction.DEBIT), _numbered(Direction.CREDIT)
    return (
        select(debit.c.line_id, credit.c.line_id)
        .select_from(debit)
        .join(_apart, and_(_apart.c.left == debit.c.day, _apart.c.days == days))
        .join(
            credit,
            and_(
                credit.c.day == _apart.c.reached,
                credit.c.account == debit.c.other,
                credit.c.other == debit.c.account,
                credit.c.amount == debit.c.amount,
                credit.c.rank == debit.c.rank,
            ),
        )
    )


def _numbered(direction: Direction) -> Subquery:
    """The lines of one direction that have no pair yet, numbered within equal ones of a day."""
    own = _pair.c.debit_id if direction is Direction.DEBIT else _pair.c.credit_id
    equal = (
        chunk.c.collection_account_id,
        LINE.c.other_account_id,
        chunk.c.amount,
        chunk.c.day,
    )
    return (
        select(
            chunk.c.line_id,
            chunk.c.collection_account_id.label("account"),
            LINE.c.other_account_id.label("other"),
            chunk.c.amount,
            chunk.c.day,
            func.row_number().over(partition_by=equal, order_by=chunk.c.line_id).label("rank"),
        )
        .join(LINE, LINE.c.id == chunk.c.line_id)
        .where(
            chunk.c.direction == direction,
            ~exists().where(own == chunk.c.line_id),
            ~_may_be_told(),
        )
        .subquery()
    )


def _may_be_told() -> ColumnElement[bool]:
    """Whether a message told of the line's money: then its own account's run confirms that."""
    silent = or_(CREDIT.c.bank_reference.is_(None), chunk.c.bank_reference.is_(None))
    payer = or_(CREDIT.c.payer_key == chunk.c.payer_key, CREDIT.c.payer_key.is_(None))
    told = untold(
        CREDIT.c.amount == chunk.c.amount,
        or_(CREDIT.c.bank_reference == chunk.c.bank_reference, and_(silent, payer)),
    )
    return and_(chunk.c.direction == Direction.CREDIT, told)


def _find(session: Session) -> None:
    """Both lines of each pair as found, each naming the other."""
    rule = literal(Rule.TRANSFER.value, Code())
    both = union_all(
        select(_pair.c.debit_id, _pair.c.credit_id, rule),
        select(_pair.c.credit_id, _pair.c.debit_id, rule),
    )
    session.execute(insert(found).from_select(["line_id", "other_line_id", "rule"], both))
    analyze(session, found)
