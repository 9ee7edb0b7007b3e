"""`/console/jobs`: what is done by timetable and in loops, when it last was, what waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask import current_app, render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments import receipts
from payments.core import clock, leases
from payments.core.columns import Instant
from payments.core.leases import JobRun, Lease, Outcome
from payments.core.scheduler import Job, Loop, slots
from payments.core.service import Service
from payments.inbox import Callback
from payments.inbox import State as CallbackState
from payments.outbox import Delivery, DeliveryState
from payments.web.auth import StaffPages, staff_only
from reconciliation.statements import FileState, StatementFile
from reconciliation.web.console.run_words import told_of
from reconciliation.web.console.watching import WATCHERS

MOST_RUNS: Final = 20

_GRACE: Final = timedelta(minutes=2)
"""So long after its hour a job has not been done is no lateness yet."""

_BACK: Final = timedelta(days=1)
"""So far back missed hours are counted."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A job of the timetable: its last good and its last failed run, and what was missed since."""

    name: str
    done: JobRun | None
    failed: JobRun | None
    missed: int
    next: datetime | None
    holder: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a loop: how much, and since when the oldest."""

    name: str
    count: int | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """All the work as the page shows it; `alive` says whether some scheduler's heart beats."""

    alive: bool
    timed: Sequence[Timed]
    loops: Sequence[Waiting]
    runs: Sequence[JobRun]
    now: datetime


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page."""

    @pages.get("/jobs", endpoint="jobs")
    @staff_only(*WATCHERS)
    def shown() -> str:
        work: Sequence[Job | Loop] = current_app.extensions["work"]
        now = clock.now()
        found = cashless.database.read(lambda session: _shown(session, work, now=now))
        return render_template("console/jobs.html", shown=found, told_of=told_of)


def _shown(session: Session, work: Sequence[Job | Loop], *, now: datetime) -> Shown:
    waits = _waits(session)
    runs = select(JobRun).where(JobRun.outcome != Outcome.FIRST_SEEN)
    return Shown(
        alive=leases.is_alive(session, leases.HEART, now=now),
        timed=[_timed(session, one, now=now) for one in work if isinstance(one, Job)],
        loops=[
            Waiting(one.name, *waits.get(one.name, (None, None)))
            for one in work
            if isinstance(one, Loop)
        ],
        runs=session.scalars(runs.order_by(JobRun.id.desc()).limit(MOST_RUNS)).all(),
        now=now,
    )


def _timed(session: Session, job: Job, *, now: datetime) -> Timed:
    done, failed = (_last(session, job.name, one) for one in (Outcome.DONE, Outcome.FAILED))
    since = now - _BACK if done is None else max(done.started_at, now - _BACK)
    ahead = slots(job.trigger, after=now, until=now + _BACK)
    lease = session.scalar(select(Lease).where(Lease.name == f"job:{job.name}"))
    held = lease is not None and lease.leased_until > now
    return Timed(
        name=job.name,
        done=done,
        failed=failed,
        missed=len(slots(job.trigger, after=since, until=now - _GRACE)),
        next=ahead[0] if ahead else None,
        holder=lease.holder if lease is not None and held else None,
    )


def _last(session: Session, job: str, outcome: Outcome) -> JobRun | None:
    runs = select(JobRun).where(JobRun.job == job, JobRun.outcome == outcome)
    return session.scalars(runs.order_by(JobRun.scheduled_for.desc()).limit(1)).first()


def _waits(session: Session) -> Mapping[str, tuple[int, datetime | None]]:
    """What waits for each loop, as far as it can be counted."""
    callbacks = session.execute(
        select(func.count(), func.min(Callback.received_at, type_=Instant())).where(
            Callback.state == CallbackState.WAITING
        )
    ).one()
    deliveries = session.execute(
        select(func.count(), func.min(Delivery.next_at, type_=Instant())).where(
            Delivery.state == DeliveryState.DUE
        )
    ).one()
    files = session.execute(
        select(func.count(), func.min(StatementFile.received_at, type_=Instant())).where(
            StatementFile.state == FileState.WAITING
        )
    ).one()
    return {
        "settle": (callbacks[0], callbacks[1]),
        "deliver": (deliveries[0], deliveries[1]),
        "issue_receipts": receipts.waiting(session),
        "import_waiting": (files[0], files[1]),
    }
