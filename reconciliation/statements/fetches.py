"""Fetches: which days' statements are to be fetched from banks, and how each went.

A day is wanted while no statement covers it, or only one that does not add up. Each wanted day is
asked for again after a pause that grows with every failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import calendar
from payments.core.columns import Code, Count, Day, Instant, Json, Key, one_of
from payments.core.database import Row
from payments.core.errors import CashlessError, Invalid, Unavailable
from payments.core.vault import Vault
from reconciliation.statements.continuity import days_without
from reconciliation.statements.keeping import plain
from reconciliation.statements.pulls import (
    NoPull,
    StatementPull,
    filled,
    key_of,
    pull_of,
    pulls_in_force,
)
from reconciliation.statements.tables import Statement, stands

LOOK_BACK: Final = timedelta(days=31)
"""A day missed longer ago than this is fetched by hand."""

FIRST_PAUSE: Final = timedelta(minutes=14)
"""Just under the quarter of an hour between two rounds, so that the next one asks again."""

LONGEST_PAUSE: Final = timedelta(hours=4)

_PATIENT: Final = 96
"""So often, a day of quarter hours, a statement that is not ready is asked for each round."""

_ONE: Final = timedelta(days=1)


class StatementNotReady(Unavailable):
    """The bank has no statement of that day yet (202, 204, 404 or 425)."""

    code = "statement_not_ready"


class BankDeclined(Unavailable):
    """The bank answered with a `status` that gives no statement."""

    code = "bank_declined"


class StatementOfOtherDays(Invalid):
    """What came is a statement, but says nothing of the day that was asked for."""

    code = "statement_of_other_days"


class FetchOutcome(StrEnum):
    """What came of the latest attempt to fetch a day."""

    UNDER_WAY = "under_way"
    FETCHED = "fetched"
    NOT_READY = "not_ready"
    FAILED = "failed"


class StatementFetch(Row):
    """How fetching one day of one account went: the latest attempt, and when the next is due."""

    __tablename__ = "statement_fetch"
    __table_args__ = (
        UniqueConstraint("collection_account_id", "day"),
        Index(None, "tried_at"),
        one_of("outcome", FetchOutcome),
        CheckConstraint("attempts >= 1", name="attempts"),
        CheckConstraint(
            "(outcome IN ('not_ready', 'failed')) = (problem IS NOT NULL)", name="problem"
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    day: Mapped[date] = mapped_column(Day())
    outcome: Mapped[str] = mapped_column(Code())
    problem: Mapped[Any | None] = mapped_column(Json())
    attempts: Mapped[int] = mapped_column(Count())
    tried_at: Mapped[datetime] = mapped_column(Instant())
    next_at: Mapped[datetime] = mapped_column(Instant())


@dataclass(frozen=True, slots=True, order=True)
class Wanted:
    """A day of an account whose statement is to be fetched from `host`; in order by account."""

    collection_account_id: int
    day: date
    host: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt that was begun: whom to ask, and what for."""

    account: CollectionAccount
    day: date
    url: str
    headers: dict[str, str] = field(repr=False)
    format: str | None
    attempt: int

    @property
    def filename(self) -> str:
        """The name under which the file is kept."""
        return f"{self.account.number}-{self.day:%Y%m%d}"


def wanted(session: Session, *, now: datetime) -> list[Wanted]:
    """Every day that is to be fetched, whether or not its pause is over."""
    return [
        Wanted(pull.collection_account_id, day, urlsplit(pull.address).netloc)
        for pull in pulls_in_force(session, now=now)
        for day in _days(session, pull, today=calendar.local_day(now))
    ]


def due(session: Session, *, now: datetime) -> list[Wanted]:
    """Every day that is to be fetched and whose pause is over."""
    paused = select(StatementFetch.collection_account_id, StatementFetch.day).where(
        StatementFetch.next_at > now
    )
    waiting = {Wanted(account, day) for account, day in session.execute(paused)}
    return [one for one in wanted(session, now=now) if one not in waiting]


def take_call(session: Session, one: Wanted, *, vault: Vault, now: datetime) -> Call | None:
    """Begins an attempt of a day that is due; None when another has just begun it."""
    agencies.lock(session, one.collection_account_id)
    before = _fetch(session, one)
    if before is not None and before.next_at > now:
        return None
    return begin_call(session, one, vault=vault, now=now)


def begin_call(session: Session, one: Wanted, *, vault: Vault, now: datetime) -> Call:
    """Begins an attempt whether or not the day is due; its pause counts from now.

    Raises `NoPull` or `UnknownCollectionAccount`.
    """
    agencies.lock(session, one.collection_account_id)
    account = session.get_one(CollectionAccount, one.collection_account_id)
    pull = pull_of(session, account.id, now=now)
    fetch = _fetch(session, one)
    if fetch is None:
        fetch = StatementFetch(collection_account_id=account.id, day=one.day, attempts=0)
        session.add(fetch)
    fetch.attempts += 1
    fetch.outcome, fetch.problem = FetchOutcome.UNDER_WAY.value, None
    fetch.tried_at, fetch.next_at = now, now + _pause(fetch.attempts)
    session.flush()
    return Call(
        account=account,
        day=one.day,
        url=filled(pull.address, account.number, one.day),
        headers={pull.header: key_of(pull, vault=vault)},
        format=pull.format,
        attempt=fetch.attempts,
    )


def record_fetched(session: Session, call: Call) -> None:
    """Notes that the day's statement came."""
    _record(session, call, FetchOutcome.FETCHED, None)


def record_failed(
    session: Session,
    call: Call,
    error: CashlessError,
    *,
    come_back: timedelta = timedelta(),
    now: datetime,
) -> None:
    """Notes why no statement came; the bank asked not to be called again before `come_back`."""
    not_ready = isinstance(error, StatementNotReady)
    outcome = FetchOutcome.NOT_READY if not_ready else FetchOutcome.FAILED
    fields = {name: plain(value) for name, value in error.fields.items()}
    fetch = _record(session, call, outcome, {"code": error.code, "fields": fields})
    own = FIRST_PAUSE if not_ready and call.attempt <= _PATIENT else _pause(call.attempt)
    fetch.next_at = now + max(own, min(come_back, LONGEST_PAUSE))
    session.flush()


def _days(session: Session, pull: StatementPull, *, today: date) -> list[date]:
    since, through = max(pull.since, today - LOOK_BACK), today - _ONE
    if since > through:
        return []
    without = days_without(session, pull.collection_account_id, since=since, through=through)
    unsure = _not_adding_up(session, pull.collection_account_id, since=since, through=through)
    return sorted({*without, *unsure})


def _not_adding_up(session: Session, account: int, *, since: date, through: date) -> Iterator[date]:
    """The days of statements that do not add up, until they are superseded."""
    rows = session.execute(
        select(Statement.from_day, Statement.to_day).where(
            Statement.collection_account_id == account,
            Statement.balanced.is_(False),
            stands(),
            Statement.to_day >= since,
            Statement.from_day <= through,
        )
    )
    for from_day, to_day in rows:
        day = max(from_day, since)
        while day <= min(to_day, through):
            yield day
            day += _ONE


def _pause(attempts: int) -> timedelta:
    """14 minutes after the first attempt, twice as long after each further one, at most 4 hours."""
    doublings: int = 2 ** min(attempts - 1, 8)
    return min(LONGEST_PAUSE, FIRST_PAUSE * doublings)


def _fetch(session: Session, one: Wanted) -> StatementFetch | None:
    return session.scalar(
        select(StatementFetch).where(
            StatementFetch.collection_account_id == one.collection_account_id,
            StatementFetch.day == one.day,
        )
    )


def _record(
    session: Session, call: Call, outcome: FetchOutcome, problem: dict[str, Any] | None
) -> StatementFetch:
    fetch = _fetch(session, Wanted(call.account.id, call.day))
    if fetch is None:
        raise NoPull
    fetch.outcome, fetch.problem = outcome.value, problem
    session.flush()
    return fetch
