"""The cashless share of a province-year: rolling it up, and reading its overview.

    python -m bench.bench_targets [--engine sqlite|postgresql|both] [--payments N ...]

A year of 119 units is laid out by sets, 15 of a hundred payments in cash, and rolled up from the
raw tables; the time of each size shows how it grows. Then what the overview page asks is read, each
question several times, beside a floor: a bare sum over the same roll-up.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.__main__ import machine
from bench.world import a_database
from payments.core.database import Database, table_of
from reconciliation.jobs.rollups import count_months_of, roll_up_anew, roll_up_changes
from reconciliation.targets import rollups, share, usage
from reconciliation.targets.monthly_tables import Span
from reconciliation.targets.promises import promises
from reconciliation.targets.rollup_tables import DailyRollup, DailyTotal, MonthlyFees, MonthlyMeans
from reconciliation.targets.share import By
from tests.province_year import FIRST, LAST, YEAR, lay_out, province

BEGAN = datetime(YEAR, 1, 1, 3, tzinfo=UTC)
NEW_YEAR = datetime(YEAR + 1, 1, 2, 3, tzinfo=UTC)
DISTRICT = "H09.724"
PARTIAL = date(YEAR, 12, 20)
ROUNDS = 7

QUESTIONS: dict[str, Callable[[Session], object]] = {
    "floor: a bare sum over the months": lambda session: session.execute(
        select(func.sum(MonthlyFees.fees), func.sum(MonthlyFees.amount))
    ).all(),
    "overview of the whole year": lambda session: share.board(session, first=FIRST, last=LAST),
    "overview until 20 December": lambda session: share.board(session, first=FIRST, last=PARTIAL),
    "overview of a district": lambda session: share.board(
        session, first=FIRST, last=PARTIAL, agency=DISTRICT
    ),
    "weeks of the year": lambda session: share.figures(
        session, first=FIRST, last=PARTIAL, by=By.WEEK
    ),
    "hours": lambda session: usage.hours(session, first=FIRST, last=LAST),
    "payers": lambda session: usage.payers(session, span=Span.YEAR, begins=FIRST),
    "promises": lambda session: promises(session, first=FIRST, last=LAST),
}
PAGE = ("overview until 20 December", "weeks of the year", "hours", "payers", "promises")
"""What the overview page asks, one after another."""

AS_KNOWN = "report as known on the last day"


def main() -> None:
    """Measure each engine with each size; the overview is read at the largest."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    asked.add_argument("--payments", type=int, nargs="+", default=[100_000, 300_000, 1_200_000])
    told = asked.parse_args()
    print(machine())
    for engine in ("sqlite", "postgresql") if told.engine == "both" else (told.engine,):
        for payments in sorted(told.payments):
            largest = payments == max(told.payments)
            with a_database(engine) as database:
                measure(engine, database, payments, read=largest)


def measure(engine: str, database: Database, payments: int, *, read: bool) -> None:
    """One year of so many payments: laid out, rolled up, and read if it is the largest."""
    database.write(lambda session: province(session, now=BEGAN))
    laid = took(lambda: lay_out(database, payments))
    rolled = took(lambda: roll_up_changes(database, now=NEW_YEAR))
    again = took(lambda: roll_up_anew(database))
    months = took(lambda: count_months_of(database, now=NEW_YEAR))
    rows = database.read(sizes)
    print(
        f"\n{engine}, {payments:,} payments (laid out in {laid:.0f} s, load {load()}):\n"
        f"  rolled up in {rolled:.1f} s ({rolled / payments * 1e6:.1f} µs a payment), "
        f"again without a difference {again:.1f} s, twelve months counted {months:.1f} s\n"
        f"  one day {one_day(database) * 1000:.0f} ms; rows: {rows}",
        flush=True,
    )
    if read:
        questions(database)


def questions(database: Database) -> None:
    """What the overview asks, in milliseconds: the middle of several rounds, and the slowest."""
    middle = {}
    for name, ask in QUESTIONS.items():
        rounds = [took(lambda ask=ask: database.read(ask)) * 1000 for _ in range(ROUNDS)]
        middle[name] = statistics.median(rounds)
        print(f"  {middle[name]:8.1f} ms (slowest {max(rounds):.1f})  {name}", flush=True)
    rounds = [took(lambda: database.read(page)) * 1000 for _ in range(ROUNDS)]
    print(
        f"  {statistics.median(rounds):8.1f} ms (slowest {max(rounds):.1f})  THE PAGE: "
        f"{', '.join(PAGE)}; load {load()}",
        flush=True,
    )
    known = database.read(lambda session: session.scalar(select(func.max(DailyRollup.known_on))))
    as_known = took(
        lambda: database.read(
            lambda session: share.board(session, first=FIRST, last=LAST, as_of=known)
        )
    )
    print(f"  {as_known * 1000:8.1f} ms  {AS_KNOWN}", flush=True)


def page(session: Session) -> None:
    """What the overview page asks."""
    for name in PAGE:
        QUESTIONS[name](session)


def one_day(database: Database) -> float:
    """Seconds for one day counted again, in the middle of the year."""
    day = date(YEAR, 6, 15)
    return min(
        took(lambda: database.write(lambda session: rollups.refresh(session, day, known_on=day)))
        for _ in range(3)
    )


def sizes(session: Session) -> str:
    """How many rows the roll-ups have."""
    tables = (DailyRollup, MonthlyMeans, MonthlyFees, DailyTotal)
    counts = [session.scalar(select(func.count()).select_from(table_of(one))) for one in tables]
    return ", ".join(
        f"{one.__tablename__} {number:,}" for one, number in zip(tables, counts, strict=True)
    )


def took(work: Callable[[], object]) -> float:
    """Seconds that a piece of work took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def load() -> str:
    """How busy the machine is."""
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
