"""Leases and job runs: one holder at a time, and a late writer changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core import leases
from payments.core.database import Database
from payments.core.leases import Fence, JobRun, Lease, Outcome

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = "day:0011001234567:2026-11-23"


def take(session: Session, holder: str, *, at: datetime = NOW, name: str = DAY) -> Fence | None:
    return leases.take(session, name, holder=holder, for_=MINUTE, now=at)


def taken(session: Session, holder: str, *, at: datetime = NOW) -> Fence:
    fence = take(session, holder, at=at)
    assert fence is not None
    return fence


def test_a_lease_has_one_holder_until_it_ends(session: Session) -> None:
    assert take(session, "a") == Fence(DAY, 1)
    assert take(session, "b") is None
    assert take(session, "a") is None
    assert take(session, "b", at=NOW + MINUTE - timedelta(microseconds=1)) is None
    assert take(session, "b", at=NOW + MINUTE) == Fence(DAY, 2)


def test_leases_of_different_work_do_not_meet(session: Session) -> None:
    assert take(session, "a", name="day:1:2026-11-23") is not None
    assert take(session, "b", name="day:2:2026-11-23") is not None


def test_a_renewed_lease_lasts_longer(session: Session) -> None:
    fence = taken(session, "a")
    assert leases.renew(session, fence, for_=5 * MINUTE, now=NOW)
    assert take(session, "b", at=NOW + 4 * MINUTE) is None
    assert take(session, "b", at=NOW + 5 * MINUTE) is not None


def test_what_is_done_is_never_taken_again(session: Session) -> None:
    fence = taken(session, "a")
    assert leases.finish(session, fence, now=NOW)
    assert take(session, "b", at=NOW + timedelta(days=400)) is None
    assert not leases.still_mine(session, fence)
    assert not leases.renew(session, fence, for_=MINUTE, now=NOW)


def test_what_is_given_back_may_be_taken_at_once(session: Session) -> None:
    fence = taken(session, "a")
    assert leases.release(session, fence, now=NOW)
    assert take(session, "b") == Fence(DAY, 3)


def test_a_renewal_after_giving_back_changes_nothing(session: Session) -> None:
    """The heart of a scheduler renews what it holds while the work gives it back."""
    fence = taken(session, "a")
    leases.release(session, fence, now=NOW)
    assert not leases.renew(session, fence, for_=MINUTE, now=NOW)
    assert take(session, "b") is not None


def test_a_holder_that_slept_too_long_changes_nothing(session: Session) -> None:
    sleeper = taken(session, "a")
    successor = taken(session, "b", at=NOW + MINUTE)
    assert not leases.still_mine(session, sleeper)
    assert not leases.renew(session, sleeper, for_=MINUTE, now=NOW)
    assert not leases.finish(session, sleeper, now=NOW)
    assert not leases.release(session, sleeper, now=NOW)
    assert leases.still_mine(session, successor)


def test_an_overdue_holder_that_nobody_replaced_may_still_write(session: Session) -> None:
    """The fence decides, not the clock: two machines' clocks never quite agree."""
    fence = taken(session, "a")
    assert leases.still_mine(session, fence)
    assert leases.renew(session, fence, for_=MINUTE, now=NOW + 9 * MINUTE)


def test_a_heart_beats_for_whoever_says_so(session: Session) -> None:
    assert not leases.is_alive(session, "scheduler", now=NOW)
    for holder in ("a", "b"):
        leases.beat(session, "scheduler", holder=holder, for_=MINUTE, now=NOW)
    assert leases.is_alive(session, "scheduler", now=NOW)
    assert not leases.is_alive(session, "scheduler", now=NOW + MINUTE)


def at_once(work: Callable[[int], object], threads: int) -> list[object]:
    """What `work` gave in each of `threads` threads that start together."""
    given: list[object] = []
    start = threading.Barrier(threads)

    def run(number: int) -> None:
        start.wait()
        given.append(work(number))

    running = [threading.Thread(target=run, args=[number]) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return given


@pytest.mark.committed
def test_of_many_who_ask_at_once_one_gets_the_lease(database: Database) -> None:
    """Each round the lease has run out; eight ask, one gets it, and the fence grows by one."""
    for number in range(10):
        at = NOW + number * MINUTE
        given = at_once(
            lambda holder, at=at: database.write(lambda s: take(s, str(holder), at=at)), threads=8
        )
        assert [fence for fence in given if fence] == [Fence(DAY, number + 1)]


@pytest.mark.committed
def test_without_the_single_statement_two_get_it(database: Database) -> None:
    """The naive variant: look whether it is free, then take it."""

    def naive(holder: int) -> bool:
        free = database.read(lambda s: s.scalar(select(Lease.leased_until))) in (None, NOW)
        together.wait()
        if free:
            database.write(lambda s: leases.beat(s, DAY, holder=str(holder), for_=MINUTE, now=NOW))
        return free

    together = threading.Barrier(4)
    assert at_once(naive, threads=4).count(True) > 1


@pytest.mark.committed
def test_while_a_holder_writes_nobody_takes_over(database: Database) -> None:
    """`still_mine` holds the lease's row until the unit ends, however long ago it ran out."""
    fence = database.write(lambda session: taken(session, "a"))
    order: list[str] = []
    checked = threading.Event()

    def late_write(session: Session) -> None:
        assert leases.still_mine(session, fence)
        checked.set()
        threading.Event().wait(0.3)
        order.append("written")

    def take_over() -> None:
        checked.wait()
        late = NOW + 9 * MINUTE
        assert database.write(lambda session: take(session, "b", at=late)) is not None
        order.append("taken")

    other = threading.Thread(target=take_over)
    other.start()
    database.write(late_write)
    other.join()
    assert order == ["written", "taken"]


SLOT = datetime(2026, 11, 24, 2, tzinfo=UTC)


def begin(session: Session, fence: Fence, slot: datetime = SLOT) -> bool:
    return leases.begin_run(session, "run_day", scheduled_for=slot, fence=fence, now=NOW)


def end(session: Session, fence: Fence, outcome: Outcome = Outcome.DONE) -> bool:
    return leases.end_run(
        session,
        "run_day",
        scheduled_for=SLOT,
        fence=fence,
        outcome=outcome,
        detail="3 accounts",
        now=NOW + MINUTE,
    )


def the_run(session: Session) -> JobRun:
    session.expire_all()
    return session.scalars(select(JobRun)).one()


def test_a_run_is_written_down_from_begin_to_end(session: Session) -> None:
    fence = taken(session, "a")
    assert begin(session, fence)
    leases.report_run(session, "run_day", scheduled_for=SLOT, progress=40)
    run = the_run(session)
    assert (run.outcome, run.progress, run.finished_at) == (Outcome.RUNNING, 40, None)
    assert end(session, fence)
    run = the_run(session)
    assert (run.outcome, run.progress, run.detail) == (Outcome.DONE, 100, "3 accounts")
    assert (run.started_at, run.finished_at) == (NOW, NOW + MINUTE)


def test_a_slot_that_is_done_is_not_run_again(session: Session) -> None:
    fence = taken(session, "a")
    begin(session, fence)
    end(session, fence)
    assert not begin(session, fence)
    assert leases.settled_slots(session, "run_day", since=SLOT - MINUTE) == {SLOT}
    assert leases.settled_slots(session, "run_day", since=SLOT) == frozenset()


def test_a_slot_that_failed_may_be_run_again(session: Session) -> None:
    fence = taken(session, "a")
    begin(session, fence)
    end(session, fence, Outcome.FAILED)
    assert leases.settled_slots(session, "run_day", since=SLOT - MINUTE) == frozenset()
    assert begin(session, fence)
    assert (the_run(session).outcome, the_run(session).detail) == (Outcome.RUNNING, None)


def test_a_slot_left_running_by_a_holder_that_died_is_run_again(session: Session) -> None:
    begin(session, taken(session, "a"))
    successor = taken(session, "b", at=NOW + MINUTE)
    assert begin(session, successor)


def test_a_run_that_lost_its_lease_cannot_write_its_end(session: Session) -> None:
    sleeper = taken(session, "a")
    begin(session, sleeper)
    taken(session, "b", at=NOW + MINUTE)
    assert not end(session, sleeper)
    assert not begin(session, sleeper, SLOT + MINUTE)
    assert the_run(session).outcome == Outcome.RUNNING


def test_a_timetable_counts_from_when_it_was_first_seen(session: Session) -> None:
    assert leases.first_seen(session, "run_day", now=NOW) == NOW
    assert leases.first_seen(session, "run_day", now=NOW + MINUTE) == NOW
