"""Rolling up paid fees: day by day, each a unit of work of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from payments.core import clock
from payments.core.calendar import local_day
from payments.core.database import Database
from payments.core.service import Service
from reconciliation.targets import monthly, rollups
from reconciliation.targets.monthly_tables import Span


def roll_up(cashless: Service, now: datetime) -> str:
    """Counts every day anew whose raw rows changed; one that was counted before is left alone."""
    days, cells = roll_up_changes(cashless.database, now=now)
    return f"{cells} cells of {days} days"


def roll_up_changes(database: Database, *, now: datetime) -> tuple[int, int]:
    """As `roll_up`: how many days were counted, and how many cells of them were different."""
    waiting = database.read(lambda session: rollups.pending(session, now=now))
    cells = _count(database, waiting.days)
    database.write(_kept(waiting))
    return len(waiting.days), cells


def roll_up_anew(database: Database) -> tuple[int, int]:
    """Counts every day there is; how many days, and how many cells were different."""
    days = database.read(rollups.every_day)
    return len(days), _count(database, days)


def count_months(cashless: Service, now: datetime) -> str:
    """Counts hours, payers and promises of the months in which something changed."""
    months = count_months_of(cashless.database, now=now)
    return f"{len(months)} months"


def count_months_of(database: Database, *, now: datetime) -> Sequence[date]:
    """As `count_months`: the months that were counted, by their first days."""
    today = local_day(now)
    months = database.read(lambda session: monthly.due(session, on=today))
    for one in months:
        database.write(_measured(one))
    spans = [(Span.MONTH, one.month) for one in months]
    spans += [(Span.YEAR, year) for year in sorted({one.month.replace(month=1) for one in months})]
    for span, begins in spans:
        payers = database.read(_payers_of(span, begins, on=today))
        database.write(_stored(span, begins, payers))
    database.write(lambda session: monthly.keep_counted(session, months))
    return [one.month for one in months]


def _count(database: Database, days: Sequence[date]) -> int:
    return sum(database.write(_refreshed(day)) for day in days)


def _refreshed(day: date) -> Callable[[Session], int]:
    def unit(session: Session) -> int:
        rollups.hold(session)
        return rollups.refresh(session, day, known_on=local_day(clock.now()))

    return unit


def _kept(done: rollups.Pending) -> Callable[[Session], None]:
    def unit(session: Session) -> None:
        rollups.hold(session)
        rollups.keep(session, done)

    return unit


def _measured(one: monthly.Due) -> Callable[[Session], None]:
    return lambda session: monthly.count(session, one.month)


def _payers_of(
    span: Span, begins: date, *, on: date
) -> Callable[[Session], Sequence[monthly.Payers]]:
    return lambda session: monthly.count_payers(session, span, begins, on=on)


def _stored(
    span: Span, begins: date, payers: Sequence[monthly.Payers]
) -> Callable[[Session], None]:
    return lambda session: monthly.store_payers(session, span, begins, payers)
