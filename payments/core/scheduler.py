"""The scheduler: a clock that strikes, and loops that go round; the database decides who works.

Any number of hosts may run one. APScheduler only tells the time (jobs declared in code, memory
store, Asia/Ho_Chi_Minh). When a job's hour strikes, its lease is taken, and every slot of its
timetable that is due and not done is run in order: the one that just struck, and those missed
while nobody was there. A slot that fails is tried again at the next sweep and does not hold up
the later ones. A holder that died is replaced when its lease ends.

Loops (settle, deliver) go round on every host; they share work by locks of their own.
"""

from __future__ import annotations

import logging
import random
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import FrameType
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy.orm import Session

from payments.core import clock, leases, metrics
from payments.core.calendar import VIETNAM
from payments.core.errors import CashlessError
from payments.core.leases import Fence, Outcome
from payments.core.logs import log
from payments.core.service import Service

LOOK_BACK: Final = timedelta(days=7)
"""A slot missed longer ago than this is not caught up."""

_LEASED: Final = timedelta(seconds=60)
_BEATS: Final = timedelta(seconds=5)
_SWEEPS: Final = timedelta(minutes=5)
_INSTANT: Final = timedelta(microseconds=1)
_LONGEST_WAIT: Final = 60.0

_RUNS: Final = metrics.counter("job_runs", "Slots and rounds run.", labels=["job", "outcome"])
_LATENESS: Final = metrics.histogram(
    "job_lateness_seconds",
    "From when a slot was due to when it began, in seconds.",
    labels=["job"],
    buckets=(1, 5, 30, 60, 300, 1800, 3600, 21600, 86400, 604800),
)


@dataclass(frozen=True)
class Job:
    """Work by timetable.

    `run` is given the service and the slot, the instant it was due, and may return a sentence
    about what it did. With `once` each slot is run once, whoever's clock strikes, and missed
    ones are caught up; without it the work needs no history: it is done when the hour strikes
    unless another is just at it.
    """

    name: str
    trigger: CronTrigger
    run: Callable[[Service, datetime], str | None]
    once: bool = True


@dataclass(frozen=True)
class Loop:
    """Work that waits in the database.

    `run` is given the service and now, and says whether more may wait; the loop sleeps for
    `asleep` only when nothing does. After a round that had work it pauses for `pause`: where work
    comes steadily and a round costs much however little it does, the next does more at once.
    """

    name: str
    asleep: timedelta
    run: Callable[[Service, datetime], bool]
    pause: timedelta = timedelta(0)


def daily(wall_time: time) -> CronTrigger:
    """Every day when a wall clock in Viet Nam shows `wall_time`."""
    return _cron(hour=wall_time.hour, minute=wall_time.minute, second=wall_time.second)


def weekly(weekday: str, wall_time: time) -> CronTrigger:
    """Every week on `weekday` (`mon` to `sun`) at `wall_time` in Viet Nam."""
    return _cron(day_of_week=weekday, hour=wall_time.hour, minute=wall_time.minute, second=0)


def every(minutes: int) -> CronTrigger:
    """Every so many minutes of each hour, from its beginning; `minutes` divides 60."""
    return _cron(minute=f"*/{minutes}", second=0)


def slots(trigger: CronTrigger, *, after: datetime, until: datetime) -> list[datetime]:
    """The instants of a timetable in the half-open span (after, until], in order, in UTC."""
    found: list[datetime] = []
    moment = trigger.get_next_fire_time(None, after + _INSTANT)
    while moment is not None and moment <= until:
        found.append(moment.astimezone(UTC))
        moment = trigger.get_next_fire_time(moment, moment + _INSTANT)
    return found


class Scheduler:
    """One scheduler of perhaps many, working until it is stopped."""

    def __init__(
        self,
        cashless: Service,
        work: Sequence[Job | Loop],
        *,
        holder: str | None = None,
        leased: timedelta = _LEASED,
    ) -> None:
        self._cashless = cashless
        self._database = cashless.database
        self._jobs = [job for job in work if isinstance(job, Job)]
        self._loops = [loop for loop in work if isinstance(loop, Loop)]
        self._holder = holder or leases.this_process()
        self._leased = leased
        self._stopping = threading.Event()
        self._held: dict[str, Fence] = {}
        self._threads: list[threading.Thread] = []
        logging.getLogger("apscheduler").setLevel(logging.WARNING)  # else a line at each strike
        self._clock = BackgroundScheduler(
            timezone=VIETNAM,
            executors={"default": {"type": "threadpool", "max_workers": len(self._jobs) + 1}},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def start(self) -> None:
        """Starts the clock and the loops, and catches up with what was missed."""
        for job in self._jobs:
            self._clock.add_job(self.strike, _Shifted(job.trigger), args=[job], id=job.name)
        self._clock.add_job(
            self.sweep, "interval", seconds=_SWEEPS.total_seconds(), next_run_time=_machine_now()
        )
        self._clock.start()
        rounds = [(self._beat, "heart"), *((self._rounds(one), one.name) for one in self._loops)]
        for target, name in rounds:
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        log.info("scheduler.started", jobs=[job.name for job in self._jobs], worker=self._holder)

    def stop(self) -> None:
        """Lets what is under way finish its unit or its slot, and gives every lease back."""
        self._stopping.set()
        if self._clock.running:
            self._clock.shutdown(wait=True)
        for thread in self._threads:
            thread.join()
        log.info("scheduler.stopped", worker=self._holder)

    def sweep(self) -> None:
        """Runs whatever is due and not done, of every job that keeps its history."""
        for job in self._jobs:
            if job.once:
                self.strike(job)

    def strike(self, job: Job) -> None:
        """Does `job` now, unless another holds its lease; whatever goes wrong is logged."""
        try:
            self._work(job)
        except Exception as error:  # noqa: BLE001  a clock that strikes must not stop
            _RUNS.labels(job.name, Outcome.FAILED).inc()
            log.error("job.failed", job=job.name, exc_info=error)

    def _work(self, job: Job) -> None:
        fence = self._take(f"job:{job.name}")
        if fence is None:
            return
        try:
            if not job.once:
                self._run_now(job)
                return
            for slot in self._due(job):
                if self._stopping.is_set() or not self._run_slot(job, slot, fence):
                    break
        finally:
            self._give_back(fence)

    def _run_now(self, job: Job) -> None:
        """Runs a job that keeps no history, and writes down how that went."""
        begun = clock.now()
        outcome, detail = Outcome.FAILED, None
        try:
            detail = job.run(self._cashless, begun)
            outcome = Outcome.DONE
            _RUNS.labels(job.name, outcome).inc()
        except Exception as error:
            detail = _told(error)
            raise
        finally:
            ended, told = clock.now(), (outcome, detail)
            self._database.write(
                lambda session: leases.note_run(
                    session,
                    job.name,
                    scheduled_for=begun,
                    outcome=told[0],
                    detail=told[1],
                    now=ended,
                )
            )

    def _due(self, job: Job) -> list[datetime]:
        now = clock.now()
        seen, done = self._database.write(
            lambda session: (
                leases.first_seen(session, job.name, now=now),
                leases.settled_slots(session, job.name, since=now - LOOK_BACK),
            )
        )
        due = slots(job.trigger, after=max(seen, now - LOOK_BACK), until=now)
        return [slot for slot in due if slot not in done]

    def _run_slot(self, job: Job, slot: datetime, fence: Fence) -> bool:
        """Runs one slot; False when the lease is lost and another has taken over."""
        begun = clock.now()
        if not self._database.write(
            lambda session: leases.begin_run(
                session, job.name, scheduled_for=slot, fence=fence, now=begun
            )
        ):
            return False
        _LATENESS.labels(job.name).observe((begun - slot).total_seconds())
        try:
            outcome, detail = Outcome.DONE, job.run(self._cashless, slot)
        except Exception as error:  # noqa: BLE001  a slot that fails is tried again; others go on
            outcome, detail = Outcome.FAILED, _told(error)
            log.error("job.failed", job=job.name, run_at=slot, exc_info=error)
        _RUNS.labels(job.name, outcome).inc()
        ended = clock.now()
        return self._database.write(
            lambda session: leases.end_run(
                session,
                job.name,
                scheduled_for=slot,
                fence=fence,
                outcome=outcome,
                detail=detail,
                now=ended,
            )
        )

    def _take(self, name: str) -> Fence | None:
        now = clock.now()
        fence = self._database.write(
            lambda session: leases.take(
                session, name, holder=self._holder, for_=self._leased, now=now
            )
        )
        if fence is not None:
            self._held[name] = fence
        return fence

    def _give_back(self, fence: Fence) -> None:
        self._held.pop(fence.name, None)
        now = clock.now()
        self._database.write(lambda session: leases.release(session, fence, now=now))

    def _beat(self) -> None:
        """Says every few seconds that a scheduler is alive, and keeps the leases it holds."""
        while True:
            try:
                self._beat_once()
            except Exception as error:  # noqa: BLE001  the next beat may reach the database
                log.error("scheduler.beat_failed", exc_info=error)
            if self._stopping.wait(_BEATS.total_seconds()):
                return

    def _beat_once(self) -> None:
        now, held = clock.now(), list(self._held.values())

        def unit(session: Session) -> list[Fence]:
            leases.beat(session, leases.HEART, holder=self._holder, for_=6 * _BEATS, now=now)
            return [
                fence
                for fence in held
                if not leases.renew(session, fence, for_=self._leased, now=now)
            ]

        for lost in self._database.write(unit):
            if self._held.get(lost.name) == lost:
                log.warning("scheduler.lease_lost", job=lost.name, worker=self._holder)

    def _rounds(self, loop: Loop) -> Callable[[], None]:
        """What a loop's thread does: round after round, never ended by an error."""

        def go() -> None:
            failures, wait = 0, 0.0
            while not self._stopping.wait(wait):
                try:
                    more = loop.run(self._cashless, clock.now())
                    failures, wait = 0, (loop.pause if more else loop.asleep).total_seconds()
                except Exception as error:  # noqa: BLE001  a loop never dies of one round
                    failures += 1
                    _RUNS.labels(loop.name, Outcome.FAILED).inc()
                    wait = min(_LONGEST_WAIT, 0.5 * 2**failures) * random.uniform(0.5, 1.0)  # noqa: S311  jitter
                    log.error("loop.failed", job=loop.name, attempt=failures, exc_info=error)

        return go


def serve(scheduler: Scheduler) -> None:
    """Runs `scheduler` until SIGTERM or SIGINT, then stops it cleanly; from the main thread."""
    asked = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    scheduler.start()
    asked.wait()
    scheduler.stop()


class _Shifted(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """A timetable by this process's clock, told to APScheduler, which knows the machine's."""

    def __init__(self, trigger: CronTrigger) -> None:
        self._trigger = trigger

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """The machine's instant at which the timetable strikes next."""
        ahead = clock.offset()
        before = None if previous_fire_time is None else previous_fire_time + ahead
        moment: datetime | None = self._trigger.get_next_fire_time(before, now + ahead)
        return None if moment is None else moment - ahead


def _cron(**fields: object) -> CronTrigger:
    return CronTrigger(timezone=VIETNAM, **fields)


def _machine_now() -> datetime:
    return clock.now() - clock.offset()


def _told(error: Exception) -> str:
    """What a run's row says of its failure: the code or the type, never values."""
    return error.code if isinstance(error, CashlessError) else type(error).__name__
