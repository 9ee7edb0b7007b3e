"""Which days are due to be run: yesterday at the account's hour, and what was missed before.

A day is due when it was not run since its hour, or when a statement of it came after its run. The
day before a due one is proved again. Days on which the bank does not work wait for the next one on
which it does, unless a statement of theirs comes before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from payments import agencies, ledger
from payments.agencies import CollectionAccount
from payments.core import calendar
from payments.core.columns import Day
from payments.credits import Credit
from reconciliation import statements
from reconciliation.day_close.tables import AccountDay
from reconciliation.statements import Statement, StatementFile

LOOK_BACK: Final = timedelta(days=31)
"""A day missed longer ago than this is run by hand."""

_ONE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """One day of one account that is to be run; in order, account by account."""

    collection_account_id: int
    day: date


def due(session: Session, *, now: datetime) -> list[Due]:
    """Every day that is due at `now`, in order."""
    today = calendar.local_day(now)
    return [
        Due(account.id, day)
        for account in agencies.accounts(session, on=today)
        for day in _days(session, account, today=today, now=now)
    ]


def first_left_out(session: Session, collection_account_id: int, *, before: date) -> date | None:
    """The first open day before that one that nobody has run, though it holds something to prove.

    That is money that was told, a statement, or, on a working day, that no statement covers it; a
    day is left out rightly when the bank did not work, or when nothing moved between an equal
    closing and opening, and when it lies before all that is known.
    """
    closed = ledger.closed_through(session, collection_account_id)
    first = first_day(session, collection_account_id)
    if closed is not None:
        first = closed + _ONE
    last = before - _ONE
    if first is None or first > last:
        return None
    works = agencies.calendar_of(session, collection_account_id).works
    bare = statements.days_without(session, collection_account_id, since=first, through=last)
    told = session.scalars(
        select(Credit.day)
        .where(
            Credit.collection_account_id == collection_account_id,
            Credit.day.between(first, last),
            Credit.merged_into_id.is_(None),
        )
        .distinct()
    )
    something = {day for day in bare if works(day)} | set(told)
    something |= _news(session, collection_account_id, since=first, through=last).keys()
    something -= _runs(session, collection_account_id, since=first).keys()
    return min(something, default=None)


def _days(
    session: Session, account: CollectionAccount, *, today: date, now: datetime
) -> list[date]:
    hour = time.fromisoformat(account.run_at)
    yesterday = today - _ONE if now >= calendar.at(today, hour) else today - 2 * _ONE
    last = _last_working_day(session, account.id, through=yesterday)
    first = max(first_day(session, account.id) or last, last - LOOK_BACK)
    span = [first + n * _ONE for n in range((last - first).days + 1)]
    runs = _runs(session, account.id, since=first - _ONE)
    news = _news(session, account.id, since=first - _ONE, through=yesterday)
    fresh = {day for day in span if day not in runs or runs[day] < calendar.at(day + _ONE, hour)}
    again = {day - _ONE for day in fresh if day - _ONE in runs}
    told = {day for day in news if day not in runs or runs[day] < news[day]} - {first - _ONE}
    return sorted(fresh | again | told)


def _last_working_day(session: Session, collection_account_id: int, *, through: date) -> date:
    works = agencies.calendar_of(session, collection_account_id).works
    day = through
    while not works(day) and through - day < LOOK_BACK:
        day -= _ONE
    return day


def first_day(session: Session, collection_account_id: int) -> date | None:
    """The first day of which anything is known of an account; None when nothing is.

    Once an account's days are run, an odd credit of long ago does not make all days since then due.
    """
    run = _first(session, AccountDay.day, AccountDay.collection_account_id, collection_account_id)
    told = _first(session, Credit.day, Credit.collection_account_id, collection_account_id)
    stated = session.scalar(
        select(func.min(Statement.from_day, type_=Day())).where(
            Statement.collection_account_id == collection_account_id,
            Statement.set_aside_at.is_(None),
        )
    )
    known = [stated, told if run is None else run]
    return min((day for day in known if day is not None), default=None)


def _first(
    session: Session,
    day: InstrumentedAttribute[date],
    whose: InstrumentedAttribute[int],
    collection_account_id: int,
) -> date | None:
    return session.scalar(select(func.min(day, type_=Day())).where(whose == collection_account_id))


def _runs(session: Session, account: int, *, since: date) -> dict[date, datetime]:
    rows = session.execute(
        select(AccountDay.day, AccountDay.run_at).where(
            AccountDay.collection_account_id == account, AccountDay.day >= since
        )
    )
    return {row.day: row.run_at for row in rows}


def _news(session: Session, account: int, *, since: date, through: date) -> dict[date, datetime]:
    """When the newest statement of each day came, or one was set aside."""
    rows = session.execute(
        select(
            Statement.from_day,
            Statement.to_day,
            func.coalesce(Statement.set_aside_at, StatementFile.received_at),
        )
        .join(StatementFile, StatementFile.id == Statement.statement_file_id)
        .where(
            Statement.collection_account_id == account,
            Statement.to_day >= since,
            Statement.from_day <= through,
        )
    )
    news: dict[date, datetime] = {}
    for from_day, to_day, told_at in rows:
        day, end = max(from_day, since), min(to_day, through)
        while day <= end:
            news[day] = max(told_at, news.get(day, told_at))
            day += _ONE
    return news
