"""Leases: work that must happen once is leased in the database, never to "the" process.

A lease has a name (`day:0011001234567:2026-09-21`), a holder, an end and a fence: a number that
grows each time the lease changes hands. A holder that was stopped for a while may wake up and
believe it still has the lease; before it writes, `still_mine` compares the fence and holds the
row until the unit of work ends, so a late writer changes nothing.

A job run is one slot of a job's timetable: its row is unique, so that a slot is run once,
whoever's clock strikes first, and its progress and outcome can be seen.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, UniqueConstraint, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.core.columns import Code, Count, Instant, Key, Words, one_of
from payments.core.database import Row

HEART: Final = "scheduler"
"""The lease that says some scheduler is alive: `is_alive(session, HEART, now=now)`."""


class Outcome(StrEnum):
    """How a job's run stands: `first_seen` marks from when on a timetable counts."""

    FIRST_SEEN = "first_seen"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Lease(Row):
    """A piece of work held by one holder until an instant, or done for good."""

    __tablename__ = "lease"
    __table_args__ = (
        UniqueConstraint("name"),
        CheckConstraint("fence >= 1", name="fence"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    name: Mapped[str] = mapped_column(Code())
    holder: Mapped[str] = mapped_column(Code())
    fence: Mapped[int] = mapped_column(Count())
    leased_until: Mapped[datetime] = mapped_column(Instant())
    done_at: Mapped[datetime | None] = mapped_column(Instant())


class JobRun(Row):
    """One slot of a job's timetable, and what became of it."""

    __tablename__ = "job_run"
    __table_args__ = (
        UniqueConstraint("job", "scheduled_for"),
        one_of("outcome", Outcome),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        CheckConstraint("(outcome = 'running') = (finished_at IS NULL)", name="finished"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    job: Mapped[str] = mapped_column(Code())
    scheduled_for: Mapped[datetime] = mapped_column(Instant())
    started_at: Mapped[datetime] = mapped_column(Instant())
    finished_at: Mapped[datetime | None] = mapped_column(Instant())
    outcome: Mapped[str] = mapped_column(Code())
    progress: Mapped[int] = mapped_column(Count())
    detail: Mapped[str | None] = mapped_column(Words())


@dataclass(frozen=True)
class Fence:
    """The right to one lease: its name, and the number it was taken with."""

    name: str
    number: int


def this_process() -> str:
    """How a process calls itself as a holder: its host and its number there."""
    return f"{socket.gethostname()}:{os.getpid()}"


def take(
    session: Session, name: str, *, holder: str, for_: timedelta, now: datetime
) -> Fence | None:
    """The lease `name` until `now + for_`; None while another holds it, or when it is done."""
    offer = _upsert(session)(Lease).values(
        name=name, holder=holder, fence=1, leased_until=now + for_
    )
    taken = offer.on_conflict_do_update(
        index_elements=[Lease.name],
        set_={
            "holder": offer.excluded.holder,
            "fence": Lease.fence + 1,
            "leased_until": offer.excluded.leased_until,
        },
        where=(Lease.done_at.is_(None)) & (Lease.leased_until <= now),
    ).returning(Lease.fence)
    number = session.scalar(taken)
    return None if number is None else Fence(name, number)


def renew(session: Session, fence: Fence, *, for_: timedelta, now: datetime) -> bool:
    """Keeps the lease until `now + for_`; False when it is no longer the caller's."""
    return _change(session, fence, leased_until=now + for_)


def finish(session: Session, fence: Fence, *, now: datetime) -> bool:
    """Marks the work done, so that nobody takes it again; False when it is no longer ours."""
    return _change(session, fence, leased_until=now, done_at=now)


def release(session: Session, fence: Fence, *, now: datetime) -> bool:
    """Gives the lease back undone, for whoever asks next; False when it is no longer ours.

    The fence moves on, so that a renewal under way at the same moment changes nothing.
    """
    return _change(session, fence, leased_until=now, fence=Lease.fence + 1)


def still_mine(session: Session, fence: Fence) -> bool:
    """Whether nobody took the lease since; it then stays so until this unit of work ends."""
    held = (
        select(Lease.id)
        .where(Lease.name == fence.name, Lease.fence == fence.number, Lease.done_at.is_(None))
        .with_for_update()
    )
    return session.scalar(held) is not None


def beat(session: Session, name: str, *, holder: str, for_: timedelta, now: datetime) -> None:
    """Says that `name` is alive until `now + for_`, whoever said so before (no exclusion)."""
    said = _upsert(session)(Lease).values(
        name=name, holder=holder, fence=1, leased_until=now + for_
    )
    session.execute(
        said.on_conflict_do_update(
            index_elements=[Lease.name],
            set_={"holder": said.excluded.holder, "leased_until": said.excluded.leased_until},
        )
    )


def is_alive(session: Session, name: str, *, now: datetime) -> bool:
    """Whether `name` is held, or said to be alive, at `now`."""
    held = select(Lease.id).where(Lease.name == name, Lease.leased_until > now)
    return session.scalar(held) is not None


def first_seen(session: Session, job: str, *, now: datetime) -> datetime:
    """From when on the timetable of `job` counts; written down the first time it is asked."""
    earliest = session.scalar(select(func.min(JobRun.scheduled_for)).where(JobRun.job == job))
    if earliest is not None:
        return earliest
    session.add(
        JobRun(
            job=job,
            scheduled_for=now,
            started_at=now,
            finished_at=now,
            outcome=Outcome.FIRST_SEEN,
            progress=100,
        )
    )
    session.flush()
    return now


def settled_slots(session: Session, job: str, *, since: datetime) -> frozenset[datetime]:
    """The slots of `job` after `since` that need no run: they are done."""
    done = select(JobRun.scheduled_for).where(
        JobRun.job == job, JobRun.scheduled_for > since, JobRun.outcome == Outcome.DONE
    )
    return frozenset(session.scalars(done))


def begin_run(
    session: Session, job: str, *, scheduled_for: datetime, fence: Fence, now: datetime
) -> bool:
    """Marks a slot as running; False when it is done already, or the lease is no longer ours.

    Under the lease of the job a slot that reads `running` was left so by a holder that died.
    """
    if not still_mine(session, fence):
        return False
    begun = {
        "started_at": now,
        "finished_at": None,
        "outcome": Outcome.RUNNING.value,
        "progress": 0,
        "detail": None,
    }
    claim = _upsert(session)(JobRun).values(job=job, scheduled_for=scheduled_for, **begun)
    claimed = claim.on_conflict_do_update(
        index_elements=[JobRun.job, JobRun.scheduled_for],
        set_=begun,
        where=JobRun.outcome.in_([Outcome.RUNNING, Outcome.FAILED]),
    ).returning(JobRun.id)
    return session.scalar(claimed) is not None


def report_run(session: Session, job: str, *, scheduled_for: datetime, progress: int) -> None:
    """Writes down how far a running slot has come, in percent."""
    session.execute(
        update(JobRun)
        .where(JobRun.job == job, JobRun.scheduled_for == scheduled_for)
        .where(JobRun.outcome == Outcome.RUNNING)
        .values(progress=progress)
    )


def end_run(
    session: Session,
    job: str,
    *,
    scheduled_for: datetime,
    fence: Fence,
    outcome: Outcome,
    detail: str | None,
    now: datetime,
) -> bool:
    """Writes down how a slot's run ended; False when the lease is no longer the caller's."""
    if not still_mine(session, fence):
        return False
    came = {"progress": 100} if outcome is Outcome.DONE else {}
    session.execute(
        update(JobRun)
        .where(JobRun.job == job, JobRun.scheduled_for == scheduled_for)
        .where(JobRun.outcome == Outcome.RUNNING)
        .values(outcome=outcome.value, finished_at=now, detail=detail, **came)
    )
    return True


def note_run(
    session: Session,
    job: str,
    *,
    scheduled_for: datetime,
    outcome: Outcome,
    detail: str | None,
    now: datetime,
) -> None:
    """Writes down the latest run of a job that keeps no history: one row for each outcome.

    `scheduled_for` is when it began.
    """
    before = or_(JobRun.outcome == outcome, JobRun.scheduled_for == scheduled_for)
    session.execute(delete(JobRun).where(JobRun.job == job, before))
    session.add(
        JobRun(
            job=job,
            scheduled_for=scheduled_for,
            started_at=scheduled_for,
            finished_at=now,
            outcome=outcome.value,
            progress=100 if outcome is Outcome.DONE else 0,
            detail=detail,
        )
    )
    session.flush()


def _change(session: Session, held: Fence, /, **values: object) -> bool:
    changed = session.execute(
        update(Lease)
        .where(Lease.name == held.name, Lease.fence == held.number, Lease.done_at.is_(None))
        .values(**values)
        .returning(Lease.id)
    )
    return changed.first() is not None


def _upsert(session: Session) -> Callable[[type[Row]], postgresql.Insert]:
    """The INSERT that knows ON CONFLICT; both dialects spell it alike."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert  # type: ignore[return-value]  # same methods, no common type
    return postgresql.insert
