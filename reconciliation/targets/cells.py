"""The cells of a period: whole months from the roll-up of months, the rest from that of days.

So a year is some hundred thousand rows instead of a million payments. As they were known on an
earlier day they are added up from the differences alone, day by day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Subquery, func, literal, select, union_all
from sqlalchemy import Row as Result
from sqlalchemy.orm import Session

from payments.core.columns import Day
from payments.core.database import Rows, table_of
from reconciliation.targets.rollup_tables import (
    CELL,
    MEASURES,
    DailyRollup,
    DailyTotal,
    MonthlyRollup,
)
from reconciliation.targets.units import Units

DAILY: Final = table_of(DailyRollup)
MONTHLY: Final = table_of(MonthlyRollup)
TOTAL: Final = table_of(DailyTotal)

Keys = Callable[[Subquery], Sequence[ColumnElement[Any]]]
Measured = Result[*tuple[Any, ...]]
"""A row that ends with means, detail and the measures."""


def read(
    session: Session,
    here: Units,
    first: date,
    last: date,
    *,
    as_of: date | None,
    keys: Keys,
) -> Sequence[Measured]:
    """The cells of a period added up by `keys`, means and detail, which stand behind the keys."""
    cells = union_all(*_of_period(here, first, last, as_of=as_of)).subquery("cell")
    by = [*keys(cells), cells.c.means, cells.c.detail]
    sums = [func.sum(cells.c[name]) for name in MEASURES]
    return session.execute(select(*by, *sums).group_by(*by)).all()


def read_days(
    session: Session, here: Units, first: date, last: date, *, as_of: date | None
) -> Sequence[Measured]:
    """The fees of each day by means, behind the day; from the totals of days where it is now."""
    table = TOTAL if as_of is None else DAILY
    sums = [func.sum(table.c[name]) for name in MEASURES]
    cells = select(table.c.day, table.c.means, literal("").label("detail"), *sums).where(
        table.c.day.between(first, last), *_theirs(here, table.c.agency_id)
    )
    if as_of is not None:
        cells = cells.where(DAILY.c.known_on <= as_of)
    return session.execute(cells.group_by(table.c.day, table.c.means)).all()


def _of_period(here: Units, first: date, last: date, *, as_of: date | None) -> list[Rows]:
    months, rest = _whole_months(first, last) if as_of is None else ([], [(first, last)])
    cells: list[Rows] = [_of_months(here, months)] if months else []
    for begins, ends in rest:
        cells += [_of_days(here, *span, as_of=as_of) for span in _by_months(begins, ends)]
    return cells


def _of_months(here: Units, months: Sequence[date]) -> Rows:
    columns = [MONTHLY.c[name] for name in (*CELL, *MEASURES)]
    return select(MONTHLY.c.month, *columns).where(
        MONTHLY.c.month.in_(months), *_theirs(here, MONTHLY.c.agency_id)
    )


def _of_days(here: Units, first: date, last: date, *, as_of: date | None) -> Rows:
    """The differences of days of one month."""
    month = literal(first.replace(day=1), Day()).label("month")
    rows = select(month, *(DAILY.c[name] for name in (*CELL, *MEASURES))).where(
        DAILY.c.day.between(first, last), *_theirs(here, DAILY.c.agency_id)
    )
    return rows if as_of is None else rows.where(DAILY.c.known_on <= as_of)


def _theirs(here: Units, agency: ColumnElement[int]) -> Sequence[ColumnElement[bool]]:
    return () if here.whole else (agency.in_(here.ids),)


def _whole_months(first: date, last: date) -> tuple[list[date], list[tuple[date, date]]]:
    """The whole months of a period by their first days, and what is left before and after."""
    months = []
    rest = []
    for begins, ends in _by_months(first, last):
        if begins.day == 1 and (ends + timedelta(days=1)).day == 1:
            months.append(begins)
        else:
            rest.append((begins, ends))
    return months, rest


def _by_months(first: date, last: date) -> list[tuple[date, date]]:
    """A period month by month, by the first and the last day of each."""
    spans = []
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        spans.append((first, min(last, following - timedelta(days=1))))
        first = following
    return spans
