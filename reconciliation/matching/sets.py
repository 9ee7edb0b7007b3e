"""The sets that matching works with: a chunk of lines not booked yet, and what they were found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Table,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from payments import ledger
from payments.core.columns import Amount, Code, Day, Flag, Key
from payments.core.database import Rows, table_of
from payments.core.temporary import analyze, materialise, scratch, temporary
from payments.credits import Credit
from reconciliation.matching.tables import LineMatch, MatchMember
from reconciliation.statements import StatementLine

CREDIT: Final = table_of(Credit)
LINE: Final = table_of(StatementLine)

chunk: Final = Table(
    "line_chunk",
    scratch,
    Column("line_id", Key(), primary_key=True),
    Column("collection_account_id", Key()),
    Column("day", Day()),
    Column("booked_on", Day()),
    Column("direction", Code()),
    Column("amount", Amount()),
    Column("code", Code()),
    Column("virtual_account", Code()),
    Column("payout_code", Code()),
    Column("payer_key", Code()),
    Column("bank_reference", Code()),
    Column("reversal", Flag()),
    Column("reverses", Code()),
    prefixes=["TEMPORARY"],
)
"""Lines not booked yet; `booked_on` is the accounting day: the line's, or the next open one."""

_SAME: Final = tuple(
    column.name for column in chunk.c if column.name not in ("line_id", "booked_on")
)

found: Final = Table(
    "line_found",
    scratch,
    Column("line_id", Key(), primary_key=True),
    Column("credit_id", Key(), unique=True),
    Column("reversed_credit_id", Key(), unique=True),
    Column("other_line_id", Key(), unique=True),
    Column("payout_id", Key(), unique=True),
    Column("rule", Code()),
    prefixes=["TEMPORARY"],
)
"""What one rule found; emptied before the next."""

numbered_match: Final = Table(
    "line_found_match",
    scratch,
    Column("line_id", Key(), primary_key=True),
    Column("match_id", Key(), unique=True),
    prefixes=["TEMPORARY"],
)
"""The number of the match that each line of `found` gets."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a walk over an account's lines has come: the last line, in the order of days."""

    day: date
    line_id: int


def lay_out(
    session: Session,
    collection_account_id: int,
    *,
    through: date,
    after: Cursor | None,
    most: int,
) -> Cursor | None:
    """Lays out the next lines not booked yet, up to a day; the last of them, None without any.

    A line whose match was revoked is left to staff.
    """
    rows = waiting(session, collection_account_id).where(LINE.c.day <= through)
    if after is not None:
        last = tuple_(literal(after.day, Day()), literal(after.line_id, Key()))
        rows = rows.where(LINE.c.day >= after.day, tuple_(LINE.c.day, LINE.c.id) > last)
    laid = rows.order_by(LINE.c.day, LINE.c.id).limit(most)
    materialise(session, chunk, laid)
    reached = select(chunk.c.day, chunk.c.line_id)
    newest = session.execute(
        reached.order_by(chunk.c.day.desc(), chunk.c.line_id.desc()).limit(1)
    ).first()
    return None if newest is None else Cursor(newest.day, newest.line_id)


def lay_out_line(session: Session, line: StatementLine) -> None:
    """Lays out one line of an account, for what staff say it is; `found` is empty."""
    temporary(session, chunk, found, numbered_match)
    account = line.collection_account_id
    row = select(*[LINE.c[name] for name in ("id", *_SAME)]).where(LINE.c.id == line.id)
    told = session.execute(row).one()._asdict()
    booked_on = line.day if account is None else ledger.open_day(session, account, line.day)
    session.execute(insert(chunk), {**told, "line_id": told.pop("id"), "booked_on": booked_on})
    analyze(session, chunk)


def lines_of_chunk() -> Select[Any]:
    """The lines of the chunk that are not booked yet, by number."""
    return (
        select(chunk.c.line_id)
        .join(LINE, LINE.c.id == chunk.c.line_id)
        .where(LINE.c.match_id.is_(None))
    )


def untold(*same: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a credit of the account that no line confirms yet answers to what is asked."""
    return exists().where(
        CREDIT.c.collection_account_id == chunk.c.collection_account_id,
        CREDIT.c.day == chunk.c.day,
        CREDIT.c.match_id.is_(None),
        CREDIT.c.merged_into_id.is_(None),
        CREDIT.c.reversed == 0,
        *same,
    )


def find(session: Session, pairs: Rows, *, credit: str = "credit_id") -> int:
    """Keeps what a rule found, (line_id, the number in `credit`, rule); how many."""
    temporary(session, found, numbered_match)
    session.execute(insert(found).from_select(["line_id", credit, "rule"], pairs))
    analyze(session, found)
    return how_many(session, found)


def how_many(session: Session, table: Table) -> int:
    """The rows of a set."""
    return session.scalar(select(func.count()).select_from(table)) or 0


def waiting(session: Session, collection_account_id: int) -> Select[Any]:
    """The rows of `chunk` that an account's lines would be: not booked yet, not left to staff."""
    return _waiting(collection_account_id, _booked_on(session, collection_account_id))


def _booked_on(session: Session, collection_account_id: int) -> ColumnElement[date]:
    closed = ledger.closed_through(session, collection_account_id)
    if closed is None:
        return LINE.c.day
    next_open = literal(closed + timedelta(days=1), Day())
    return case((LINE.c.day <= closed, next_open), else_=LINE.c.day)


def _waiting(collection_account_id: int, booked_on: ColumnElement[date]) -> Select[Any]:
    revoked = exists().where(
        LineMatch.collection_account_id == collection_account_id,
        LineMatch.first_line_id == LINE.c.id,
        LineMatch.revoked_at.is_not(None),
    )
    revoked_with_others = exists().where(
        MatchMember.collection_account_id == collection_account_id,
        MatchMember.statement_line_id == LINE.c.id,
    )
    return select(
        LINE.c.id,
        LINE.c.collection_account_id,
        LINE.c.day,
        booked_on,
        LINE.c.direction,
        LINE.c.amount,
        LINE.c.code,
        LINE.c.virtual_account,
        LINE.c.payout_code,
        LINE.c.payer_key,
        LINE.c.bank_reference,
        LINE.c.reversal,
        LINE.c.reverses,
    ).where(
        LINE.c.collection_account_id == collection_account_id,
        LINE.c.match_id.is_(None),
        ~revoked,
        ~revoked_with_others,
    )
