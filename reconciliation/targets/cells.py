"""The cells of a period: whole months from the roll-ups of months, parts of months from days.

So a year is some ten thousand rows instead of a million payments. Of a month that is not whole the
days in it are read, or the month and the days outside it: whichever are fewer. Today's month is so
read as a whole one. As they were known on an
earlier day they are added up from the differences alone, day by day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, func, literal, select, union_all
from sqlalchemy import Row as Result
from sqlalchemy.orm import Session

from payments.core.columns import Day
from payments.core.database import Rows, table_of
from reconciliation.targets.raw_fees import sides
from reconciliation.targets.rollup_tables import (
    SIDES,
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

Measured = Result[*tuple[Any, ...]]
"""A row that ends with means and detail, where it is cut by them, and the six `SIDES`."""


class Key(StrEnum):
    """What cells can be added up by."""

    AGENCY = "agency_id"
    FEE = "fee_id"
    CHANNEL = "channel"
    MONTH = "month"


def read_means(
    session: Session,
    here: Units,
    first: date,
    last: date,
    *,
    as_of: date | None,
    keys: Sequence[Key] = (),
) -> Sequence[Measured]:
    """The cells of a period by `keys` (agency or month), means and detail, which stand behind."""
    return _read(session, _Cut(here, by_fee=False), first, last, as_of=as_of, keys=keys)


def read_fees(
    session: Session,
    here: Units,
    first: date,
    last: date,
    *,
    as_of: date | None,
    keys: Sequence[Key],
    only: Mapping[Key, int | str] = MappingProxyType({}),
) -> Sequence[Measured]:
    """The cells of a period by `keys`; `only` those of which the named keys have these values."""
    cut = _Cut(here, by_fee=True)
    return _read(session, cut, first, last, as_of=as_of, keys=keys, only=only)


def read_days(
    session: Session, here: Units, first: date, last: date, *, as_of: date | None
) -> Sequence[Measured]:
    """The fees of each day, behind it; from the totals of days where it is now."""
    table = TOTAL if as_of is None else DAILY
    measures = table.c if as_of is None else sides(DAILY.c)
    sums = [func.sum(measures[name]) for name in SIDES]
    days = select(table.c.day, *sums).where(
        table.c.day.between(first, last), *_theirs(here, table.c.agency_id)
    )
    if as_of is not None:
        days = days.where(DAILY.c.known_on <= as_of)
    return session.execute(days.group_by(table.c.day)).all()


@dataclass(frozen=True, slots=True)
class _Cut:
    """Whose cells are read, and from which of the two roll-ups of months."""

    here: Units
    by_fee: bool

    @property
    def names(self) -> tuple[str, str]:
        """What stands behind the agency."""
        return ("fee_id", "channel") if self.by_fee else ("means", "detail")


def _read(
    session: Session,
    cut: _Cut,
    first: date,
    last: date,
    *,
    as_of: date | None,
    keys: Sequence[Key],
    only: Mapping[Key, int | str] = MappingProxyType({}),
) -> Sequence[Measured]:
    cell = union_all(*_of_period(session, cut, first, last, as_of=as_of)).subquery("cell")
    names = [key.value for key in keys] + ([] if cut.by_fee else list(cut.names))
    by = [cell.c[name] for name in names]
    sums = [func.sum(cell.c[name]) for name in SIDES]
    wanted = [cell.c[key.value] == value for key, value in only.items()]
    return session.execute(select(*by, *sums).where(*wanted).group_by(*by)).all()


def _of_period(
    session: Session, cut: _Cut, first: date, last: date, *, as_of: date | None
) -> list[Rows]:
    spans = _by_months(first, last)
    if as_of is not None:
        return [_of_days(cut, *span, as_of=as_of) for span in spans]
    months = []
    days: list[Rows] = []
    for span in spans:
        outside = _outside(*span)
        if outside and _rows(session, span) <= sum(_rows(session, one) for one in outside):
            days.append(_of_days(cut, *span, as_of=None))
        else:
            months.append(span[0].replace(day=1))
            days += [_of_days(cut, *one, as_of=None, sign=-1) for one in outside]
    return [_of_months(cut, months), *days] if months else days


def _rows(session: Session, span: tuple[date, date]) -> int:
    """How many rows the days have: the fewer are read."""
    counted = select(func.count()).select_from(DAILY).where(DAILY.c.day.between(*span))
    return session.scalar(counted) or 0


def _of_months(cut: _Cut, months: Sequence[date]) -> Rows:
    table = BY_FEES if cut.by_fee else BY_MEANS
    measures = table.c if cut.by_fee else sides(table.c)
    return select(
        table.c.month,
        table.c.agency_id,
        *(table.c[name] for name in cut.names),
        *(measures[name].label(name) for name in SIDES),
    ).where(table.c.month.in_(months), *_theirs(cut.here, table.c.agency_id))


def _of_days(cut: _Cut, first: date, last: date, *, as_of: date | None, sign: int = 1) -> Rows:
    """The differences of days of one month, or their opposites where they are to be taken off."""
    measures = sides(DAILY.c)
    rows = select(
        literal(first.replace(day=1), Day()).label("month"),
        DAILY.c.agency_id,
        *(DAILY.c[name] for name in cut.names),
        *((sign * measures[name]).label(name) for name in SIDES),
    ).where(DAILY.c.day.between(first, last), *_theirs(cut.here, DAILY.c.agency_id))
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
