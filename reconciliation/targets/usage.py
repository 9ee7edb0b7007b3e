"""Who uses it and when: the hours of the day, accounts that pay, for the first time and again.

Read from what is counted once a night; a payer is an account, known by a keyed digest alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reconciliation.targets.monthly_tables import (
    UNKNOWN,
    Measure,
    MonthlyCount,
    PayerCount,
    Span,
)
from reconciliation.targets.units import units

FEWEST: Final = 10
"""A group of fewer payers is not shown: somebody might be known in it."""


@dataclass(frozen=True, slots=True)
class Hour:
    """The fees paid in one hour of the day in a period; `hour` is None where the bank tells none.

    Not-yet-reconciled payments are in it.
    """

    hour: int | None
    cashless: int
    cash: int


@dataclass(frozen=True, slots=True)
class Payers:
    """How many accounts paid at a unit, or below it; None where they are fewer than `FEWEST`.

    `first_time` never paid in the province before the period; `repeat` paid two requests or more
    in it. They are None too where either they or the others are too few.
    """

    agency: str
    payers: int | None
    first_time: int | None
    repeat: int | None


def hours(
    session: Session, *, first: date, last: date, agency: str | None = None
) -> Sequence[Hour]:
    """The hours 0 to 23 of whole months, from that of `first` to that of `last`.

    What has no hour comes last, if there is any. Raises `UnknownAgency`.
    """
    both = (Measure.HOUR_CASHLESS, Measure.HOUR_CASH)
    found, cash = counts(session, both, first=first, last=last, agency=agency).values()
    every = [
        Hour(hour, found.get(f"{hour:02}", 0), cash.get(f"{hour:02}", 0)) for hour in range(24)
    ]
    without = Hour(None, found.get(UNKNOWN, 0), cash.get(UNKNOWN, 0))
    return [*every, without] if without.cashless or without.cash else every


def payers(session: Session, *, span: Span, begins: date) -> Sequence[Payers]:
    """The payers of every unit in a month or year that begins on `begins`, by the units' codes.

    Those of a unit are not the sum of those below it: somebody pays at several.
    """
    rows = session.scalars(
        select(PayerCount)
        .where(PayerCount.span == span.value, PayerCount.begins == begins)
        .order_by(PayerCount.agency)
    )
    return [
        Payers(
            row.agency,
            shown(row.payers, of=None),
            shown(row.first_time, of=row.payers),
            shown(row.repeat, of=row.payers),
        )
        for row in rows
    ]


def shown(number: int, *, of: int | None) -> int | None:
    """A number of payers, unless they, or the others of a whole, are too few to be shown."""
    small = 0 < number < FEWEST or (of is not None and (of < FEWEST or 0 < of - number < FEWEST))
    return None if small else number


def counts(
    session: Session,
    measures: Sequence[Measure],
    *,
    first: date,
    last: date,
    agency: str | None = None,
) -> Mapping[Measure, Mapping[str, int]]:
    """What was counted of measures in whole months of a unit and below it, by band.

    Raises `UnknownAgency`.
    """
    here = units(session, on=last, top=agency)
    by = (MonthlyCount.measure, MonthlyCount.band)
    rows = select(*by, func.sum(MonthlyCount.number)).where(
        MonthlyCount.measure.in_([one.value for one in measures]),
        MonthlyCount.month.between(first.replace(day=1), last),
    )
    if not here.whole:
        rows = rows.where(MonthlyCount.agency_id.in_(here.ids))
    found: dict[Measure, dict[str, int]] = {one: {} for one in measures}
    for measure, band, number in session.execute(rows.group_by(*by)):
        found[Measure(measure)][band] = int(number)
    return found
