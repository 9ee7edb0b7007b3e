"""The cashless share of a province-year: rolling it up, and reading its overview.

    python -m bench.bench_targets [--engine sqlite|postgresql|both] [--payments N ...]

A year of 119 units is laid out by sets, 15 of a hundred payments in cash, and rolled up from the
raw tables; the time of each size shows how it grows. At the largest the pages are asked for by the
application whole, as somebody signed in sees them, and then the questions behind them one by one,
each several times, beside a floor: a bare sum over the same roll-up.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.__main__ import machine
from bench.serving import address_of
from bench.world import a_database
from payments.core import logs
from payments.core.config import Mode
from payments.core.database import Database, table_of
from payments.staff import Role
from reconciliation.jobs.rollups import count_months_of, roll_up_changes
from reconciliation.targets import practice, rollup_proof, rollups, share, usage
from reconciliation.targets.monthly_tables import Span
from reconciliation.targets.promises import promises
from reconciliation.targets.rollup_tables import DailyRollup, DailyTotal, MonthlyFees, MonthlyMeans
from reconciliation.targets.share import By
from tests.console import employ, signing_in, whole_app
from tests.province_year import BY, FIRST, LAST, YEAR, lay_out, province
from tests.reconciliation.targets.comparing import differences, same_months
from tests.second_count import SecondCount, export

BEGAN = datetime(YEAR, 1, 1, 3, tzinfo=UTC)
NEW_YEAR = datetime(YEAR + 1, 1, 2, 3, tzinfo=UTC)
DISTRICT = "H09.724"
PARTIAL = date(YEAR, 12, 20)
ROUNDS = 7

QUESTIONS: dict[str, Callable[[Session], object]] = {
    "floor: a bare sum over the months": lambda session: session.execute(
        select(func.sum(MonthlyFees.cashless_fees), func.sum(MonthlyFees.cash_fees))
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
PERIOD = f"from={FIRST}&to={PARTIAL}"
PAGES = {
    "the overview until 20 December": f"/console/targets?{PERIOD}",
    "the overview of a whole year": f"/console/targets?from={FIRST}&to={LAST}",
    "the overview of a district": f"/console/targets?{PERIOD}&unit={DISTRICT}",
    "one procedure of the year": f"/console/targets?{PERIOD}&procedure=CTBS",
    "the sheet of a district": f"/console/targets/units/{DISTRICT}?{PERIOD}",
}
"""What somebody at the console sees, by the address."""

AS_KNOWN = "report as known on the last day"


def main() -> None:
    """Measure each engine with each size; the pages are read at the largest."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    asked.add_argument("--payments", type=int, nargs="+", default=[100_000, 400_000, 1_200_000])
    asked.add_argument(
        "--second-count",
        action="store_true",
        help="count the largest year a second time, by DuckDB over the exported raw tables",
    )
    chosen = asked.parse_args()
    logs.configure(level="WARNING")
    print(machine())
    for engine in ("sqlite", "postgresql") if chosen.engine == "both" else (chosen.engine,):
        rolled: dict[int, Took] = {}
        for payments in sorted(chosen.payments):
            largest = payments == max(chosen.payments)
            with a_database(engine) as database:
                rolled[payments] = measure(engine, database, payments, read=largest)
                if largest and chosen.second_count:
                    count_twice(database)
        print(growth(rolled), flush=True)


def growth(rolled: Mapping[int, Took]) -> str:
    """By which power of the payments the rolling up grew from size to size: 1 is linear."""
    sizes = sorted(rolled)
    steps = [
        f"{small:,} to {large:,}: "
        f"{math.log(rolled[large].processor / rolled[small].processor, large / small):.2f}"
        for small, large in itertools.pairwise(sizes)
    ]
    return f"  rolling up grows with the power of {', '.join(steps) or '–'} (1 is linear)"


def measure(engine: str, database: Database, payments: int, *, read: bool) -> Took:
    """One year of so many payments: laid out, rolled up, and read if it is the largest."""
    watch = Watch(database)
    database.write(a_year)
    laid = watch.time(lambda: lay_out(database, payments))
    rolled = watch.time(lambda: roll_up_changes(database, now=NEW_YEAR))
    months = watch.time(lambda: count_months_of(database, now=NEW_YEAR))
    day = watch.time(lambda: one_day(database))
    each = rolled.processor / payments * 1e6
    print(
        f"\n{engine}, {payments:,} payments (laid out in {laid}, load {load()}):\n"
        f"  rolled up in {rolled}: {each:.0f} µs of the processor a payment;"
        f" twelve months counted in {months}\n"
        f"  one day again {day}; rows: {database.read(sizes)}",
        flush=True,
    )
    if read:
        pages(database, watch)
        questions(database, watch)
    return rolled


def a_year(session: Session) -> None:
    """The province with eight quarters of coverage, and somebody to look at it."""
    province(session, now=BEGAN)
    practice.practise(session, mode=Mode.SANDBOX, by=BY, now=NEW_YEAR)
    employ(session, Role.VIEWER)


def pages(database: Database, watch: Watch) -> None:
    """The pages as they are answered: read and drawn, without a network."""
    with whole_app(address_of(database), NEW_YEAR) as app:
        viewer = signing_in(app)(Role.VIEWER)
        for name, path in PAGES.items():
            told(
                f"PAGE: {name}, {len(viewer.see(path)) // 1024:,} KiB",
                watch,
                partial(viewer.see, path),
            )


def count_twice(database: Database) -> None:
    """Compares every cut with a second count; ends with 1 where one differs."""
    with tempfile.TemporaryDirectory() as folder:
        database.read(lambda session: export(session, Path(folder)))
        second = SecondCount(Path(folder))

        def compare(session: Session) -> list[str]:
            same_months(session, second)
            return differences(session, second)

        differ = database.read(compare)
    broken = [one.name for one in database.read(rollup_proof.prove) if not one.holds]
    print(f"  a second count by DuckDB: {differ or 'every figure the same'};", end=" ")
    print(f"identities that do not hold: {broken or 'none'}", flush=True)
    if differ or broken:
        raise SystemExit(1)


def questions(database: Database, watch: Watch) -> None:
    """What the pages ask, one by one."""
    for name, ask in (QUESTIONS | {AS_KNOWN: as_known}).items():
        told(name, watch, partial(database.read, ask))
    print(f"  load {load()}", flush=True)


def told(name: str, watch: Watch, work: Callable[[], object]) -> None:
    """The middle of several rounds, by the clock and of the processor."""
    rounds = [watch.time(work) for _ in range(ROUNDS)]
    clock = statistics.median(one.clock for one in rounds) * 1000
    processor = statistics.median(one.processor for one in rounds) * 1000
    print(f"  {clock:8.1f} ms, {processor:8.1f} ms of the processor  {name}", flush=True)


def as_known(session: Session) -> None:
    """The overview from the differences of days, as of the last day on which one was learnt."""
    known = session.scalar(select(func.max(DailyRollup.known_on)))
    share.board(session, first=FIRST, last=LAST, as_of=known)


def one_day(database: Database) -> None:
    """One day counted again, in the middle of the year."""
    day = date(YEAR, 6, 15)
    database.write(lambda session: rollups.refresh(session, day, known_on=day))


def sizes(session: Session) -> str:
    """How many rows the roll-ups have."""
    tables = (DailyRollup, MonthlyMeans, MonthlyFees, DailyTotal)
    counts = [session.scalar(select(func.count()).select_from(table_of(one))) for one in tables]
    return ", ".join(
        f"{one.__tablename__} {number:,}" for one, number in zip(tables, counts, strict=True)
    )


@dataclass(frozen=True)
class Took:
    """Seconds by the clock, and of the processor: ours and the database server's."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:.1f} s ({self.processor:.1f} s of the processor)"


class Watch:
    """Measures work; of the processor also what a PostgreSQL server of ours takes.

    On a busy machine the clock tells how busy it is, and the processor what the work is.
    """

    def __init__(self, database: Database) -> None:
        self._server = None if database.is_sqlite else database.read(_server)

    def time(self, work: Callable[[], object]) -> Took:
        """How long a piece of work took."""
        busy, began = self._busy(), time.perf_counter()
        work()
        return Took(time.perf_counter() - began, self._busy() - busy)

    def _busy(self) -> float:
        ours = time.process_time()
        return ours if self._server is None else ours + _ticks_of(self._server)


def _server(session: Session) -> int:
    """The number of the process that started our connection's."""
    backend = session.scalar(select(func.pg_backend_pid()))
    return int(_fields(Path(f"/proc/{backend}"))[1])


def _ticks_of(server: int) -> float:
    """Seconds of the processor that a server and all its processes took, ended ones too."""
    ticks = sum(map(int, _fields(Path(f"/proc/{server}"))[11:15]))
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = _fields(folder)
            if int(fields[1]) == server:
                ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(process: Path) -> list[str]:
    """What Linux tells of a process, from its state on."""
    return (process / "stat").read_text().rpartition(")")[2].split()


def load() -> str:
    """How busy the machine is."""
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
