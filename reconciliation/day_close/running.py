"""The run of a day: match its lines in chunks, derive its breaks, judge it.

Each chunk is one short unit of work under the account's lock and the run's lease. A run can be
repeated at any time; a crash anywhere leaves a state from which the next run ends the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments import agencies
from payments.core import leases
from payments.core.calendar import local_day
from payments.core.columns import Day
from payments.core.errors import Conflict, Invalid, NotFound
from payments.core.leases import Fence
from reconciliation import breaks, matching
from reconciliation.day_close.bridge import bridge
from reconciliation.day_close.due import LOOK_BACK, first_day
from reconciliation.day_close.figures import Figures, gather
from reconciliation.day_close.tables import AccountDay
from reconciliation.day_close.verdict import Judged, judge
from reconciliation.matching import Cursor, Walk
from reconciliation.statements import StatementLine

LEASED: Final = timedelta(seconds=60)
"""How long a run may be silent before another takes it over."""


class RunUnderWay(Conflict):
    """Somebody is running this day just now."""

    code = "day_run_under_way"


class RunTakenOver(Conflict):
    """This run was silent for so long that another took it over."""

    code = "day_run_taken_over"


class DayNotRun(NotFound):
    """The day has not been reconciled yet."""

    code = "day_not_run"


class DayNotToBeRun(Invalid):
    """Only days that have begun are run, and none from before anything is known of the account."""

    code = "day_not_to_be_run"


class Step(StrEnum):
    """What a run does next."""

    CONFIRM = "confirm"
    TAKE = "take"
    CONCLUDE = "conclude"
    DONE = "done"


_WALKS: Final = {Step.CONFIRM: Walk.CONFIRM, Step.TAKE: Walk.TAKE}
_NEXT: Final = {Step.CONFIRM: Step.TAKE, Step.TAKE: Step.CONCLUDE}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come; `lines` were looked at in this walk, `matched` in all."""

    step: Step = Step.CONFIRM
    after: Cursor | None = None
    lines: int = 0
    matched: int = 0


def begin(
    session: Session, collection_account_id: int, day: date, *, holder: str, now: datetime
) -> Fence:
    """Leases the run of a day. Raises `RunUnderWay` while another holds it.

    Raises `DayNotToBeRun` for a day that lies ahead, or before all that is known of the account.
    """
    today = local_day(now)
    first = first_day(session, collection_account_id) or today - LOOK_BACK
    if not first <= day <= today:
        raise DayNotToBeRun(day=day, first=first, last=today)
    name = f"day:{collection_account_id}:{day.isoformat()}"
    fence = leases.take(session, name, holder=holder, for_=LEASED, now=now)
    if fence is None:
        raise RunUnderWay(day=day)
    return fence


def run_chunk(
    session: Session,
    collection_account_id: int,
    day: date,
    *,
    fence: Fence,
    progress: Progress,
    actor: str,
    now: datetime,
    most: int = matching.MOST_AT_ONCE,
) -> Progress:
    """Does the next part of a run: a chunk of lines, or at last the conclusion.

    Raises `RunTakenOver` when the lease was lost; nothing is changed then.
    """
    if not leases.renew(session, fence, for_=LEASED, now=now):
        raise RunTakenOver(day=day)
    taking = progress.step is Step.TAKE
    others = matching.partners(session, collection_account_id) if taking else frozenset()
    for account in sorted({collection_account_id, *others}):
        agencies.lock(session, account)
    if progress.step is Step.CONCLUDE:
        matching.suggest_all(session, collection_account_id, through=day, now=now)
        conclude(session, collection_account_id, day, actor=actor, now=now)
        leases.release(session, fence, now=now)
        return Progress(Step.DONE, matched=progress.matched)
    done = matching.match_chunk(
        session,
        collection_account_id,
        walk=_WALKS[progress.step],
        through=day,
        after=progress.after,
        actor=actor,
        now=now,
        most=most,
        others=others,
    )
    for other in sorted(done.touched):
        renew_breaks(session, other, now=now)
    matched = progress.matched + done.matched
    if done.reached is None or done.lines < most:
        return Progress(_NEXT[progress.step], matched=matched)
    return Progress(progress.step, done.reached, progress.lines + done.lines, matched)


def conclude(
    session: Session, collection_account_id: int, day: date, *, actor: str, now: datetime
) -> AccountDay:
    """Derives the breaks, draws the bridge and judges the day; the caller holds the lock.

    A closed day keeps what it was closed with; only whether it still holds is noted.
    """
    row = find(session, collection_account_id, day)
    verdict, figures = assess(session, collection_account_id, day, now=now)
    if row is None:
        row = AccountDay(collection_account_id=collection_account_id, day=day, runs=0)
        session.add(row)
    if row.record is not None:
        row.proved_again_at = now
        row.holds = figures["bridge"] == row.record["bridge"]
    else:
        row.verdict, row.figures = verdict, figures
    row.runs, row.run_at, row.run_by = row.runs + 1, now, actor
    session.flush()
    return row


def assess(
    session: Session, collection_account_id: int, day: date, *, now: datetime
) -> tuple[str, Figures]:
    """The verdict on a day and its figures, as things stand."""
    days = [day, *_ends(session, collection_account_id)]
    breaks.derive(session, collection_account_id, since=min(days), through=max(days), now=now)
    tallies = breaks.tallies(session, collection_account_id, through=day, now=now)
    drawn = bridge(session, collection_account_id, day)
    judged = judge(drawn, tallies)
    figures = gather(
        session, collection_account_id, day, bridge=drawn, judged=judged, tallies=tallies
    )
    return judged.verdict.value, figures


def standing(session: Session, collection_account_id: int, day: date, *, now: datetime) -> Judged:
    """The verdict on a day as things stand, whatever its last run found; nothing is written.

    The breaks are those that were derived last: after a run, or a decision about one.
    """
    tallies = breaks.tallies(session, collection_account_id, through=day, now=now)
    return judge(bridge(session, collection_account_id, day), tallies)


def renew_breaks(session: Session, collection_account_id: int, *, now: datetime) -> None:
    """Brings an account's breaks in line with their causes after a decision, under its lock.

    What the days came to is judged when they are run or proposed.
    """
    agencies.lock(session, collection_account_id)
    days = _ends(session, collection_account_id)
    if days:
        breaks.derive(session, collection_account_id, since=min(days), through=max(days), now=now)


def _ends(session: Session, collection_account_id: int) -> list[date]:
    """The first and the last day that was ever run."""
    runs = [
        session.scalar(
            select(extreme(AccountDay.day, type_=Day())).where(
                AccountDay.collection_account_id == collection_account_id
            )
        )
        for extreme in (func.min, func.max)
    ]
    return [day for day in runs if day is not None]


def find(session: Session, collection_account_id: int, day: date) -> AccountDay | None:
    """A day as its latest run left it, if it was run."""
    return session.scalar(
        select(AccountDay).where(
            AccountDay.collection_account_id == collection_account_id, AccountDay.day == day
        )
    )


def of(session: Session, collection_account_id: int, day: date) -> AccountDay:
    """A day as its latest run left it. Raises `DayNotRun`."""
    row = find(session, collection_account_id, day)
    if row is None:
        raise DayNotRun(day=day)
    return row


def lines_to_look_at(session: Session, collection_account_id: int, day: date) -> int:
    """How many lines a run has before it, for a progress bar."""
    waiting = select(func.count()).where(
        StatementLine.collection_account_id == collection_account_id,
        StatementLine.day <= day,
        StatementLine.match_id.is_(None),
    )
    return session.scalar(waiting) or 0
