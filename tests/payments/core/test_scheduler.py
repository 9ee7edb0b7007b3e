"""The scheduler: every slot once, missed ones caught up in order, loops that never die."""

from __future__ import annotations

import itertools
import threading
import time as machine
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core import clock, leases, scheduler
from payments.core.calendar import VIETNAM
from payments.core.config import Config, Mode
from payments.core.database import Database
from payments.core.leases import HEART, JobRun, Outcome
from payments.core.scheduler import Job, Loop, Scheduler
from payments.core.service import Service
from payments.core.vault import Vault

DAY = timedelta(days=1)
SIX = scheduler.daily(time(6, 0))


def at(day: int, hour: int = 6, minute: int = 0) -> datetime:
    """An instant of November 2026 by a wall clock in Viet Nam."""
    return datetime(2026, 11, day, hour, minute, tzinfo=VIETNAM).astimezone(UTC)


def service_on(database: Database) -> Service:
    config = Config(
        mode=Mode.SANDBOX,
        database_url=str(database.engine.url),
        base_url="http://127.0.0.1:8000",
        master_keys=(b"k" * 32,),
        reference_prefix="TTHC",
        webhook_hosts=frozenset(),
        trusted_proxies=0,
        log_level="INFO",
        clock_offset_seconds=0,
    )
    return Service(config, database, Vault(config.master_keys))


@pytest.fixture
def cashless(database: Database) -> Service:
    return service_on(database)


class Diary:
    """A job that writes down which slots it ran."""

    def __init__(self, *, fails_on: frozenset[datetime] = frozenset()) -> None:
        self.slots: list[datetime] = []
        self.fails_on = fails_on

    def run(self, _cashless: Service, slot: datetime) -> str | None:
        self.slots.append(slot)
        if slot in self.fails_on:
            raise LookupError("NGUYEN VAN AN owes 50.000")
        return f"run {len(self.slots)}"

    def job(self, *, once: bool = True) -> Job:
        return Job("diary", SIX, self.run, once=once)


def strike(cashless: Service, job: Job, *, now: datetime, holder: str = "a") -> None:
    """The clock strikes at `now` for one of perhaps several schedulers."""
    with time_machine.travel(now, tick=False):
        Scheduler(cashless, [job], holder=holder).strike(job)


def runs(session: Session) -> list[tuple[datetime, str]]:
    rows = session.scalars(
        select(JobRun).where(JobRun.outcome != "first_seen").order_by(JobRun.scheduled_for)
    )
    return [(row.scheduled_for, row.outcome) for row in rows]


def test_slots_are_those_of_a_wall_clock_in_viet_nam() -> None:
    assert scheduler.slots(SIX, after=at(20), until=at(23)) == [at(21), at(22), at(23)]
    assert scheduler.slots(SIX, after=at(20, 5), until=at(20, 5, 59)) == []
    quarters = scheduler.slots(scheduler.every(15), after=at(20, 6), until=at(20, 7))
    assert quarters == [at(20, 6, 15), at(20, 6, 30), at(20, 6, 45), at(20, 7)]
    sundays = scheduler.weekly("sun", time(3, 30))
    assert scheduler.slots(sundays, after=at(1, 4), until=at(30)) == [
        at(day, 3, 30) for day in (8, 15, 22, 29)
    ]


def test_a_new_service_has_missed_nothing(cashless: Service, database: Database) -> None:
    """Slots count from when a timetable is first seen, not from the beginning of time."""
    diary = Diary()
    strike(cashless, diary.job(), now=at(20, 9))
    assert diary.slots == []
    strike(cashless, diary.job(), now=at(21))
    assert diary.slots == [at(21)]
    assert database.read(runs) == [(at(21), Outcome.DONE)]


def test_missed_slots_are_caught_up_in_order(cashless: Service, database: Database) -> None:
    diary = Diary()
    strike(cashless, diary.job(), now=at(20, 9))
    strike(cashless, diary.job(), now=at(23, 9))
    assert diary.slots == [at(21), at(22), at(23)]
    strike(cashless, diary.job(), now=at(23, 10))
    assert len(diary.slots) == 3
    assert [outcome for _, outcome in database.read(runs)] == [Outcome.DONE] * 3


def test_what_was_missed_too_long_ago_is_left(cashless: Service) -> None:
    diary = Diary()
    strike(cashless, diary.job(), now=at(1, 9))
    strike(cashless, diary.job(), now=at(25, 9))
    assert diary.slots == [at(day) for day in range(19, 26)]


def test_a_slot_that_fails_is_tried_again_and_holds_up_nothing(
    cashless: Service, database: Database
) -> None:
    diary = Diary(fails_on=frozenset([at(21)]))
    strike(cashless, diary.job(), now=at(20, 9))
    strike(cashless, diary.job(), now=at(22, 9))
    assert diary.slots == [at(21), at(22)]
    assert database.read(runs) == [(at(21), Outcome.FAILED), (at(22), Outcome.DONE)]
    diary.fails_on = frozenset()
    strike(cashless, diary.job(), now=at(22, 9, 5))
    assert diary.slots == [at(21), at(22), at(21)]
    assert [outcome for _, outcome in database.read(runs)] == [Outcome.DONE] * 2


def test_a_failure_is_told_without_what_it_was_about(cashless: Service, database: Database) -> None:
    """The row names the type of the error: its text may hold a payer's name."""
    diary = Diary(fails_on=frozenset([at(21)]))
    strike(cashless, diary.job(), now=at(20, 9))
    strike(cashless, diary.job(), now=at(21, 9))
    failed = select(JobRun.detail).where(JobRun.outcome == Outcome.FAILED)
    assert database.read(lambda s: s.scalars(failed).all()) == ["LookupError"]


def test_a_slot_left_by_a_scheduler_that_died_is_run_by_another(
    cashless: Service, database: Database
) -> None:
    """The dead one's lease runs out within a minute; until then nobody runs the slot."""
    diary = Diary()
    strike(cashless, diary.job(), now=at(20, 9))

    def died_in_the_middle(session: Session) -> None:
        fence = leases.take(
            session, "job:diary", holder="dead", for_=timedelta(seconds=60), now=at(21)
        )
        assert fence is not None
        leases.begin_run(session, "diary", scheduled_for=at(21), fence=fence, now=at(21))

    database.write(died_in_the_middle)
    strike(cashless, diary.job(), now=at(21) + timedelta(seconds=59))
    assert diary.slots == []
    strike(cashless, diary.job(), now=at(21) + timedelta(seconds=60))
    assert diary.slots == [at(21)]
    assert database.read(runs) == [(at(21), Outcome.DONE)]


def test_a_run_that_was_overtaken_does_not_write_its_end(
    cashless: Service, database: Database
) -> None:
    """Its process slept; another took the lease, and its word counts."""

    def overtaken(_cashless: Service, _slot: datetime) -> str:
        late = clock.now() + timedelta(seconds=61)
        taken = database.write(lambda s: leases.take(s, "job:slow", holder="b", for_=DAY, now=late))
        assert taken is not None
        return "too late"

    job = Job("slow", SIX, overtaken)
    strike(cashless, job, now=at(20, 9))
    strike(cashless, job, now=at(22, 9))
    assert database.read(runs) == [(at(21), Outcome.RUNNING)]


def test_of_work_without_history_the_latest_run_is_told(
    cashless: Service, database: Database
) -> None:
    """One row for what was done and one for what failed, however often it ran."""
    diary = Diary()
    for day in (20, 21):
        strike(cashless, diary.job(once=False), now=at(day, 6))
    assert diary.slots == [at(20, 6), at(21, 6)]
    assert database.read(runs) == [(at(21, 6), Outcome.DONE)]

    def fails(_cashless: Service, _now: datetime) -> str:
        raise LookupError

    for day in (22, 23):
        strike(cashless, Job("sums", SIX, fails, once=False), now=at(day, 6))
    assert sorted(database.read(runs)) == [
        (at(21, 6), Outcome.DONE),
        (at(23, 6), Outcome.FAILED),
    ]


def test_an_unreachable_database_does_not_stop_the_clock(cashless: Service) -> None:
    """A strike that fails altogether is logged; the next one comes."""
    diary = Diary()
    broken = Service(cashless.config, Database("sqlite:////nowhere/at/all.sqlite"), cashless.vault)
    strike(broken, diary.job(), now=at(20, 9))
    assert diary.slots == []


def eventually(true: Callable[[], bool], within: float = 20.0) -> None:
    """Waits until something is so."""
    end = machine.monotonic() + within
    while not true():
        assert machine.monotonic() < end, "it did not come about"
        machine.sleep(0.01)


@pytest.fixture
def started() -> Iterator[Callable[..., Scheduler]]:
    """Starts schedulers, and stops them after the test."""
    running: list[Scheduler] = []

    def start(cashless: Service, *work: Job | Loop, holder: str = "a") -> Scheduler:
        one = Scheduler(cashless, work, holder=holder)
        one.start()
        running.append(one)
        return one

    yield start
    for one in running:
        one.stop()


EACH_SECOND = scheduler.CronTrigger(second="*", timezone=VIETNAM)


def in_parallel(schedulers: list[Scheduler], job: Job) -> None:
    """All the schedulers' clocks strike at the same moment."""
    start = threading.Barrier(len(schedulers))

    def go(one: Scheduler) -> None:
        start.wait()
        one.strike(job)

    threads = [threading.Thread(target=go, args=[one]) for one in schedulers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.committed
def test_four_schedulers_run_every_slot_once(cashless: Service, database: Database) -> None:
    """Sixty days in a hurry, all four clocks striking at once; some days nobody is there."""
    diary = Diary()
    job = diary.job()
    four = [Scheduler(cashless, [job], holder=str(number)) for number in range(4)]
    start = datetime(2026, 1, 1, 9, tzinfo=VIETNAM)
    present = [number for number in range(60) if number % 5 not in (3, 4)]
    for number in present:
        with time_machine.travel(start + number * DAY, tick=True):
            in_parallel(four, job)
    expected = scheduler.slots(SIX, after=start, until=start + present[-1] * DAY)
    assert sorted(diary.slots) == expected
    assert diary.slots == expected, "and in order"
    assert [slot for slot, _ in database.read(runs)] == expected


@pytest.mark.committed
def test_without_the_claim_slots_run_twice(cashless: Service, database: Database) -> None:
    """The naive variant: each scheduler runs what has no row yet, and then writes the row."""
    ran: Counter[datetime] = Counter()
    together = threading.Barrier(2)

    def naive(one: str, now: datetime) -> None:
        due = scheduler.slots(SIX, after=now - DAY, until=now)
        known = database.read(lambda s: set(s.scalars(select(JobRun.scheduled_for))))
        together.wait()
        for slot in due:
            if slot not in known:
                ran[slot] += 1
        together.wait()
        if one == "a":
            database.write(lambda s: leases.first_seen(s, "naive", now=due[-1]))

    for day in range(1, 6):
        threads = [threading.Thread(target=naive, args=[one, at(day)]) for one in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert max(ran.values()) == 2


@pytest.mark.committed
def test_two_running_schedulers_share_the_seconds(
    cashless: Service, started: Callable[..., Scheduler]
) -> None:
    """The real clocks, for some seconds: whichever strikes first runs it, and only that one."""
    ran: Counter[datetime] = Counter()

    def count(_cashless: Service, slot: datetime) -> None:
        ran[slot] += 1

    job = Job("each_second", EACH_SECOND, count)
    for holder in ("a", "b"):
        started(cashless, job, holder=holder)
    eventually(lambda: len(ran) >= 4)
    assert set(ran.values()) == {1}
    seconds = sorted(ran)
    gaps = {later - earlier for earlier, later in itertools.pairwise(seconds)}
    assert gaps == {timedelta(seconds=1)}


@pytest.mark.committed
def test_the_practice_clock_moves_the_timetable(
    cashless: Service, started: Callable[..., Scheduler]
) -> None:
    """A clock that runs hours ahead strikes at its own hours, not at the machine's."""
    ran = threading.Event()

    def note(_cashless: Service, _slot: datetime) -> None:
        ran.set()

    real = datetime.now(UTC)
    due = real + timedelta(hours=7, minutes=11, seconds=3)
    trigger = scheduler.daily(due.astimezone(VIETNAM).time())
    clock.set_offset(int(timedelta(hours=7, minutes=11).total_seconds()))
    try:
        started(cashless, Job("ahead", trigger, note))
        assert ran.wait(20)
    finally:
        clock.set_offset(0)


@pytest.mark.committed
def test_a_loop_goes_on_while_something_waits_and_sleeps_when_nothing_does(
    cashless: Service, started: Callable[..., Scheduler]
) -> None:
    left = 50
    rounds: list[float] = []

    def settle(_cashless: Service, _now: datetime) -> bool:
        nonlocal left
        rounds.append(machine.monotonic())
        left = max(0, left - 1)
        return left > 0

    started(cashless, Loop("settle", timedelta(seconds=0.2), settle))
    eventually(lambda: len(rounds) >= 52)
    assert rounds[49] - rounds[0] < 5
    assert rounds[51] - rounds[50] >= 0.19


@pytest.mark.committed
def test_a_loop_survives_whatever_a_round_does(
    cashless: Service, started: Callable[..., Scheduler]
) -> None:
    """It is tried again after a while, and longer each time."""
    tries: list[float] = []

    def stumbles(_cashless: Service, _now: datetime) -> bool:
        tries.append(machine.monotonic())
        if len(tries) < 3:
            raise LookupError
        return False

    started(cashless, Loop("stumbles", timedelta(seconds=0.05), stumbles))
    eventually(lambda: len(tries) >= 5)
    assert tries[1] - tries[0] >= 0.5
    assert tries[2] - tries[1] >= 1.0


@pytest.mark.committed
def test_a_running_scheduler_has_a_heart(
    cashless: Service, database: Database, started: Callable[..., Scheduler]
) -> None:
    def beats() -> bool:
        return database.read(lambda s: leases.is_alive(s, HEART, now=clock.now()))

    assert not beats()
    started(cashless)
    eventually(beats)


@pytest.mark.committed
def test_stopping_waits_for_the_slot_under_way_and_gives_the_lease_back(
    cashless: Service, database: Database
) -> None:
    began, ended = threading.Event(), threading.Event()

    def slow(_cashless: Service, _slot: datetime) -> None:
        began.set()
        machine.sleep(0.5)
        ended.set()

    one = Scheduler(cashless, [Job("slow", EACH_SECOND, slow)], holder="a")
    one.start()
    assert began.wait(20)
    one.stop()
    assert ended.is_set()
    taken = database.write(
        lambda s: leases.take(s, "job:slow", holder="b", for_=DAY, now=clock.now())
    )
    assert taken is not None
