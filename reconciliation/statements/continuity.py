"""Whether statements follow one another without a gap, and what the balance was at a day's end.

A day's balance is stated by the statement that ends on it; of several on one day by the one that no
other goes on from, whichever came here first. Days between an equal closing and opening had no
movement. A statement over several days gives its inner days by its own lines, and
one without balances by what went before and its lines; such a balance is derived, not proved.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, case, cast, exists, func, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.util import AliasedClass

from payments.advice import Direction
from payments.core.columns import Amount
from payments.core.database import Rows
from payments.core.money import Dong
from reconciliation.statements.tables import Statement, StatementLine, stands

_Statements: TypeAlias = type[Statement] | AliasedClass[Statement]


class Basis(StrEnum):
    """How the balance at a day's end is known."""

    STATED = "stated"
    CARRIED = "carried"  # nothing moved between a closing and the next opening
    DERIVED = "derived"  # from an earlier balance and the lines since


@dataclass(frozen=True, slots=True)
class Closing:
    """The balance at the end of a day, and how it is known."""

    amount: Dong
    basis: Basis


def closing_on(session: Session, collection_account_id: int, day: date) -> Closing | None:
    """The bank's balance at the end of `day`; None where no statement tells it."""
    ending = _newest(collection_account_id, Statement.to_day == day)
    stated = session.scalars(ending).first()
    if stated is not None and stated.closing is not None:
        return Closing(stated.closing, Basis.STATED)
    over = _over(session, collection_account_id, day)
    if over is not None and over.opening is not None:
        moved = moved_between(session, collection_account_id, over.from_day, day)
        return Closing(over.opening + moved, Basis.DERIVED)
    before = session.scalars(_newest(collection_account_id, Statement.to_day < day)).first()
    if before is None or before.closing is None:
        return None
    if _next_opening(session, collection_account_id, day) == before.closing:
        return Closing(before.closing, Basis.CARRIED)
    if not is_covered(session, collection_account_id, day):
        return None
    since = moved_between(session, collection_account_id, before.to_day, day, after=before.to_day)
    return Closing(before.closing + since, Basis.DERIVED)


def first_opening(session: Session, collection_account_id: int) -> Statement | None:
    """The earliest statement with an opening balance: what the account held before us."""
    return session.scalar(
        select(Statement)
        .where(
            Statement.collection_account_id == collection_account_id,
            stands(),
            Statement.opening.is_not(None),
        )
        .order_by(Statement.from_day, *_first_of_day())
        .limit(1)
    )


def is_covered(session: Session, collection_account_id: int, day: date) -> bool:
    """Whether some statement's period holds `day`."""
    holds = select(Statement.id).where(
        Statement.collection_account_id == collection_account_id,
        Statement.from_day <= day,
        Statement.to_day >= day,
        Statement.set_aside_at.is_(None),
    )
    return session.scalar(holds.limit(1)) is not None


def days_without(
    session: Session, collection_account_id: int, *, since: date, through: date
) -> list[date]:
    """The days in that span that no statement covers and that are not known to be still."""
    rows = session.execute(
        select(Statement.from_day, Statement.to_day, Statement.opening, Statement.closing).where(
            Statement.collection_account_id == collection_account_id,
            stands(),
        )
    ).all()
    closings: dict[date, set[Dong]] = {}
    for row in rows:
        known = closings.setdefault(row.to_day, set())
        if row.closing is not None:
            known.add(row.closing)
    ends = sorted(closings)
    covered: set[date] = set()
    for from_day, to_day, opening, _ in rows:
        place = bisect_left(ends, from_day)
        if place and opening in closings[ends[place - 1]]:
            covered |= _days(max(ends[place - 1], since), min(from_day, through))
        covered |= _days(max(from_day, since), min(to_day, through))
    return sorted(_days(since, through) - covered)


def moved_between(
    session: Session,
    collection_account_id: int,
    from_day: date,
    to_day: date,
    *,
    after: date | None = None,
) -> Dong:
    """Credits less debits of the lines from one day to another, or after a day."""
    asked = select(func.coalesce(net(), 0)).where(
        StatementLine.collection_account_id == collection_account_id,
        StatementLine.day >= from_day,
        StatementLine.day <= to_day,
    )
    if after is not None:
        asked = asked.where(StatementLine.day > after)
    return Dong(session.scalar(asked) or 0)


def net() -> ColumnElement[Any]:
    """Σ of lines: credits count for, debits against."""
    signed = case(
        (StatementLine.direction == Direction.CREDIT, StatementLine.amount),
        else_=-StatementLine.amount,
    )
    return cast(func.sum(signed), Amount())


def gaps(collection_account_id: int) -> Rows:
    """The statements that do not open with the closing before them: (id, day, amount missing).

    One that goes on from another of its day does, if the first of that day opens as it has to.
    """
    later, earlier, last = aliased(Statement), aliased(Statement), aliased(Statement)
    first = aliased(Statement)
    newest = (
        select(func.max(last.to_day))
        .where(
            last.collection_account_id == later.collection_account_id,
            stands(last),
            last.to_day < later.from_day,
            last.closing.is_not(None),
        )
        .correlate(later)
        .scalar_subquery()
    )
    ends_there = and_(
        earlier.collection_account_id == later.collection_account_id,
        stands(earlier),
        earlier.to_day == newest,
        earlier.closing.is_not(None),
    )
    fits = exists().where(ends_there, earlier.closing == later.opening)
    begins = exists().where(
        ends_there,
        first.collection_account_id == later.collection_account_id,
        stands(first),
        first.from_day == later.from_day,
        first.opening == earlier.closing,
    )
    closing = select(func.max(earlier.closing)).where(ends_there).scalar_subquery()
    missing = later.opening - closing
    return select(later.id, later.from_day, case((missing < 0, -missing), else_=missing)).where(
        later.collection_account_id == collection_account_id,
        stands(later),
        later.opening.is_not(None),
        newest.is_not(None),
        ~fits,
        ~and_(_goes_on(later), begins),
    )


def _days(first: date, last: date) -> set[date]:
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


def _newest(collection_account_id: int, when: ColumnElement[bool]) -> Select[Statement]:
    """The statements with a closing balance, the last word first."""
    return (
        select(Statement)
        .where(
            Statement.collection_account_id == collection_account_id,
            stands(),
            Statement.closing.is_not(None),
            when,
        )
        .order_by(
            Statement.to_day.desc(),
            Statement.sequence.desc().nulls_last(),
            case((_is_gone_on_from(Statement), 1), else_=0),
            case((Statement.added > 0, 0), else_=1),
            Statement.id.desc(),
        )
        .limit(1)
    )


def _first_of_day() -> tuple[Any, ...]:
    """Orders the statements of one day by which begins it."""
    return (
        case((_goes_on(Statement), 1), else_=0),
        Statement.sequence.nulls_first(),
        Statement.id,
    )


def _goes_on(one: _Statements) -> ColumnElement[bool]:
    """Whether a statement opens with the closing of another that ends on the day it begins."""
    other = aliased(Statement)
    return _another(one, other, other.to_day == one.from_day, other.closing == one.opening)


def _is_gone_on_from(one: _Statements) -> ColumnElement[bool]:
    """Whether another that begins on the day a statement ends opens with its closing."""
    other = aliased(Statement)
    return _another(one, other, other.from_day == one.to_day, other.opening == one.closing)


def _another(
    one: _Statements, other: _Statements, *when: ColumnElement[bool]
) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            other.collection_account_id == one.collection_account_id,
            other.id != one.id,
            stands(other),
            *when,
        )
        .correlate(one)
    )


def _over(session: Session, collection_account_id: int, day: date) -> Statement | None:
    """A statement with an opening balance that begins before or on `day` and goes on after it."""
    rows = select(Statement).where(
        Statement.collection_account_id == collection_account_id,
        Statement.from_day <= day,
        Statement.to_day > day,
        Statement.opening.is_not(None),
        stands(),
    )
    return session.scalars(rows.order_by(Statement.from_day.desc(), Statement.id.desc())).first()


def _next_opening(session: Session, collection_account_id: int, day: date) -> Dong | None:
    return session.scalar(
        select(Statement.opening)
        .where(
            Statement.collection_account_id == collection_account_id,
            Statement.from_day > day,
            Statement.opening.is_not(None),
            stands(),
        )
        .order_by(Statement.from_day, *_first_of_day())
        .limit(1)
    )
