"""The queue of breaks: what waits for somebody, the most urgent and oldest first, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from payments.core.calendar import at, local_day
from payments.core.columns import Amount, Instant
from payments.core.money import Dong
from reconciliation.breaks.about import by_public_id
from reconciliation.breaks.tables import Break, Kind, State

MOST: Final = 50

WAITING: Final[ColumnElement[bool]] = literal_column("state <> 'resolved'")
"""In the words of the indexes of the queue."""

_ENDED: Final[ColumnElement[bool]] = literal_column("state = 'resolved'")


class Age(StrEnum):
    """How many days a break has stood, both ends included."""

    DAYS_0_1 = "0_1"
    DAYS_2_7 = "2_7"
    DAYS_8_30 = "8_30"
    OVER_30 = "over_30"


_OLDEST: Final = {Age.DAYS_0_1: 1, Age.DAYS_2_7: 7, Age.DAYS_8_30: 30}
_YOUNGEST: Final = {Age.DAYS_2_7: 2, Age.DAYS_8_30: 8, Age.OVER_30: 31}


@dataclass(frozen=True, slots=True)
class Search:
    """Which breaks are asked for; without a state those that wait.

    `owner` is who looks after them; `unowned` asks for those nobody does.
    """

    collection_account_id: int | None = None
    kind: Kind | None = None
    state: State | None = None
    owner: str | None = None
    unowned: bool = False
    age: Age | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """The breaks of one age: how many, what they come to, how many are overdue."""

    age: Age
    count: int
    amount: Dong
    overdue: int


@dataclass(frozen=True, slots=True)
class Oldest:
    """So many breaks, and since when the oldest stands; None where there is none."""

    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some breaks of the queue; `next` is what to ask for the following ones after."""

    rows: Sequence[Break]
    next: str | None


def page(
    session: Session, wanted: Search, *, after: str | None, now: datetime, most: int = MOST
) -> Page:
    """The next breaks after the one of the public number `after`. Raises `UnknownBreak`."""
    last = None if after is None else by_public_id(session, after)
    rows = session.scalars(listed(wanted, last, now=now).limit(most + 1)).all()
    shown = rows[:most]
    return Page(shown, shown[-1].public_id if len(rows) > most else None)


def listed(wanted: Search, last: Break | None, *, now: datetime) -> Select[Any]:
    """The breaks asked for, in order: of those resolved the latest first, else the most urgent."""
    rows = select(Break).where(*_asked(wanted, now=now))
    if wanted.state is State.RESOLVED:
        if last is not None:
            rows = rows.where(Break.id < last.id)
        return rows.order_by(Break.id.desc())
    if last is not None:
        place = (Break.priority, Break.since, Break.id)
        reached = (literal(last.priority), literal(last.since, Instant()), literal(last.id))
        rows = rows.where(tuple_(*place) > tuple_(*reached))
    return rows.order_by(Break.priority, Break.since, Break.id)


def oldest(session: Session, wanted: Search, *, now: datetime) -> Oldest:
    """How many breaks are asked for, and since when the oldest of them stands."""
    count, since = session.execute(
        select(func.count(), func.min(Break.since, type_=Instant())).where(*_asked(wanted, now=now))
    ).one()
    return Oldest(count, since)


def ageing(session: Session, wanted: Search, *, now: datetime) -> list[Bucket]:
    """What waits, by age; every age is there, however few there are."""
    rows = {row[0]: row[1:] for row in session.execute(aged(wanted, now=now))}
    nothing = (0, 0, 0)
    return [
        Bucket(age, count, Dong(amount or 0), overdue)
        for age in Age
        for count, amount, overdue in [rows.get(age.value, nothing)]
    ]


def aged(wanted: Search, *, now: datetime) -> Select[Any]:
    """(age, how many, what they come to, how many are overdue) of what waits, whatever its age."""
    everything = Search(
        collection_account_id=wanted.collection_account_id,
        kind=wanted.kind,
        owner=wanted.owner,
        unowned=wanted.unowned,
    )
    age = case(
        *[(Break.since >= _begins(days, now), one.value) for one, days in _OLDEST.items()],
        else_=Age.OVER_30.value,
    )
    return (
        select(
            age,
            func.count(),
            cast(func.sum(Break.amount), Amount()),
            func.count(case((Break.due_on < local_day(now), 1))),
        )
        .where(*_asked(everything, now=now))
        .group_by(age)
    )


def _asked(wanted: Search, *, now: datetime) -> list[ColumnElement[bool]]:
    asked = [_ENDED if wanted.state is State.RESOLVED else WAITING]
    if wanted.state not in (None, State.RESOLVED):
        asked.append(Break.state == wanted.state)
    if wanted.collection_account_id is not None:
        asked.append(Break.collection_account_id == wanted.collection_account_id)
    if wanted.kind is not None:
        asked.append(Break.kind == wanted.kind)
    if wanted.owner is not None:
        asked.append(Break.owner == wanted.owner)
    if wanted.unowned:
        asked.append(Break.owner.is_(None))
    return asked if wanted.age is None else asked + _of_age(wanted.age, now=now)


def _of_age(age: Age, *, now: datetime) -> list[ColumnElement[bool]]:
    asked = []
    if age in _OLDEST:
        asked.append(Break.since >= _begins(_OLDEST[age], now))
    if age in _YOUNGEST:
        asked.append(Break.since < _begins(_YOUNGEST[age] - 1, now))
    return asked


def _begins(days: int, now: datetime) -> datetime:
    """When the day so many days ago began."""
    return at(local_day(now) - timedelta(days=days), time(0))
