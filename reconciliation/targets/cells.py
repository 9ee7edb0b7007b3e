"""The cells of a period: whole months from the roll-ups of months, parts of months from days.

So a year is some ten thousand rows instead of a million payments. Of a month that is not whole the
days in it are read, or the month and the days outside it: whichever are fewer. Today's month is so
read as a whole one. As they were known on an
earlier day they are added up from the differences alone, day by day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, func, literal, select, union_all
from sqlalchemy import Row as Result
from sqlalchemy.orm import Session

from payments.core.columns import Code, Day
from payments.core.database import Rows, table_of
from reconciliation.targets.rollup_tables import (
    MEASURES,
    DailyRollup,
    DailyTotal,
    MonthlyFees,
    MonthlyMeans,
)
from reconciliation.targets.units import Units

DAILY: Final = table_of(DailyRollup)
TOTAL: Final = table_of(DailyTotal)
BY_MEANS: Final = table_of(MonthlyMeans)
BY_FEES: Final = table_of(MonthlyFees)

_A_DAY: Final = timedelta(days=1)
_NO_DETAIL: Final = literal("", Code()).label("detail")

Measured = Result[*tuple[Any, ...]]
"""A row that ends with means, detail and the measures."""


class Key(StrEnum):
    """What cells can be added up by."""

    AGENCY = "agency_id"
    FEE = "fee_id"
    CHANNEL = "channel"
    MONTH = "month"


def read(
    session: Session,
    here: Units,
    first: date,
    last: date,
    *,
    as_of: date | None,
    keys: Sequence[Key] = (),
) -> Sequence[Measured]:
    """The cells of a period added up by `keys`, means and detail, which stand behind the keys.

    By fee or channel the detail is empty: it is not counted by all of them at once.
    """
    by_fee = not {Key.FEE, Key.CHANNEL}.isdisjoint(keys)
    cells = union_all(*_of_period(session, here, first, last, as_of=as_of, by_fee=by_fee))
    cell = cells.subquery("cell")
    by = [*(cell.c[key.value] for key in keys), cell.c.means, cell.c.detail]
    sums = [func.sum(cell.c[name]) for name in MEASURES]
    return session.execute(select(*by, *sums).group_by(*by)).all()


def read_days(
    session: Session, here: Units, first: date, last: date, *, as_of: date | None
) -> Sequence[Measured]:
    """The fees of each day by means, behind the day; from the totals of days where it is now."""
    table = TOTAL if as_of is None else DAILY
    sums = [func.sum(table.c[name]) for name in MEASURES]
    cells = select(table.c.day, table.c.means, _NO_DETAIL, *sums).where(
        table.c.day.between(first, last), *_theirs(here, table.c.agency_id)
    )
    if as_of is not None:
        cells = cells.where(DAILY.c.known_on <= as_of)
    return session.execute(cells.group_by(table.c.day, table.c.means)).all()


def _of_period(
    session: Session, here: Units, first: date, last: date, *, as_of: date | None, by_fee: bool
) -> list[Rows]:
    spans = _by_months(first, last)
    if as_of is not None:
        return [_of_days(here, *span, as_of=as_of, by_fee=by_fee) for span in spans]
    months = []
    days: list[Rows] = []
    for span in spans:
        outside = _outside(*span)
        if outside and _rows(session, span) <= sum(_rows(session, one) for one in outside):
            days.append(_of_days(here, *span, as_of=None, by_fee=by_fee))
        else:
            months.append(span[0].replace(day=1))
            days += [_of_days(here, *one, as_of=None, by_fee=by_fee, sign=-1) for one in outside]
    return [_of_months(here, months, by_fee=by_fee), *days] if months else days


def _rows(session: Session, span: tuple[date, date]) -> int:
    """How many rows the days have: the fewer are read."""
    counted = select(func.count()).select_from(DAILY).where(DAILY.c.day.between(*span))
    return session.scalar(counted) or 0


def _of_months(here: Units, months: Sequence[date], *, by_fee: bool) -> Rows:
    table = BY_FEES if by_fee else BY_MEANS
    cell = (table.c.fee_id, table.c.channel) if by_fee else ()
    detail = _NO_DETAIL if by_fee else table.c.detail
    measures = [table.c[name] for name in MEASURES]
    return select(table.c.month, table.c.agency_id, *cell, table.c.means, detail, *measures).where(
        table.c.month.in_(months), *_theirs(here, table.c.agency_id)
    )


def _of_days(
    here: Units, first: date, last: date, *, as_of: date | None, by_fee: bool, sign: int = 1
) -> Rows:
    """The differences of days of one month, or their opposites where they are to be taken off."""
    cell = (DAILY.c.fee_id, DAILY.c.channel) if by_fee else ()
    detail = _NO_DETAIL if by_fee else DAILY.c.detail
    month = literal(first.replace(day=1), Day()).label("month")
    measures = [(sign * DAILY.c[name]).label(name) for name in MEASURES]
    rows = select(month, DAILY.c.agency_id, *cell, DAILY.c.means, detail, *measures).where(
        DAILY.c.day.between(first, last), *_theirs(here, DAILY.c.agency_id)
    )
    return rows if as_of is None else rows.where(DAILY.c.known_on <= as_of)


def _theirs(here: Units, agency: ColumnElement[int]) -> Sequence[ColumnElement[bool]]:
    return () if here.whole else (agency.in_(here.ids),)


def _outside(first: date, last: date) -> list[tuple[date, date]]:
    """The days of a month that are not in a part of it."""
    begins = first.replace(day=1)
    ends = (begins + timedelta(days=31)).replace(day=1) - _A_DAY
    before, after = (begins, first - _A_DAY), (last + _A_DAY, ends)
    return [span for span in (before, after) if span[0] <= span[1]]


def _by_months(first: date, last: date) -> list[tuple[date, date]]:
    """A period month by month, by the first and the last day of each."""
    spans = []
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=31)).replace(day=1)
        spans.append((first, min(last, following - _A_DAY)))
        first = following
    return spans
