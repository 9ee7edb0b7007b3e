"""Breaks follow their causes: they open, change their kind and clear as those do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import and_, case, cast, exists, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from payments import policies
from payments.core.calendar import local_day
from payments.core.columns import Amount, Count, Instant
from payments.core.database import table_of
from payments.core.money import Dong
from reconciliation.breaks.causes import cause, gather
from reconciliation.breaks.tables import GRACE, WEIGHTS, Break, Kind, Weight

BREAK: Final = table_of(Break)


@dataclass(frozen=True, slots=True)
class Tally:
    """The live breaks of one kind: how many, what they amount to, how many still have time."""

    kind: Kind
    count: int
    amount: Dong
    waiting: int

    @property
    def weight(self) -> Weight:
        """What they make of the day."""
        return WEIGHTS[self.kind]

    @property
    def counting(self) -> int:
        """Those whose time is over."""
        return self.count - self.waiting


def derive(
    session: Session,
    collection_account_id: int,
    *,
    since: date,
    through: date,
    now: datetime,
) -> None:
    """Brings the account's breaks in line with their causes up to the last day run.

    `since` is the first day that was ever run; a day before it needs no statement.
    """
    gather(session, collection_account_id, since=since, through=through, now=now)
    same = and_(
        BREAK.c.collection_account_id == collection_account_id,
        BREAK.c.leg == cause.c.leg,
        BREAK.c.key == cause.c.key,
    )
    told = ("kind", "day", "amount", "items")
    changed = or_(BREAK.c.cleared_at.is_not(None), *[BREAK.c[n] != cause.c[n] for n in told])
    gone = BREAK.c.cleared_at.is_not(None)
    session.execute(
        update(BREAK)
        .where(same, changed)
        .values(
            {name: cause.c[name] for name in told}
            | {
                "since": case((gone, cause.c.since), else_=BREAK.c.since),
                "cleared_at": None,
            }
        )
    )
    session.execute(
        insert(BREAK).from_select(
            ["collection_account_id", *[column.name for column in cause.c], "found_at"],
            select(
                literal(collection_account_id, Count()), *cause.c, literal(now, Instant())
            ).where(~exists().where(same)),
        )
    )
    session.execute(
        update(BREAK)
        .where(
            BREAK.c.collection_account_id == collection_account_id,
            BREAK.c.cleared_at.is_(None),
            ~exists().where(cause.c.leg == BREAK.c.leg, cause.c.key == BREAK.c.key),
        )
        .values(cleared_at=now)
    )


def tallies(
    session: Session, collection_account_id: int, *, through: date, now: datetime
) -> list[Tally]:
    """The live breaks of an account up to a day, by kind."""
    deadlines = {
        kind: now - timedelta(hours=policies.value(session, policy, on=local_day(now)))
        for kind, policy in GRACE.items()
    }
    in_time = or_(
        *[and_(Break.kind == kind, Break.since > deadline) for kind, deadline in deadlines.items()]
    )
    rows = session.execute(
        select(
            Break.kind,
            func.count(),
            cast(func.sum(Break.amount), Amount()),
            func.count(case((in_time, 1))),
        )
        .where(
            Break.collection_account_id == collection_account_id,
            Break.cleared_at.is_(None),
            Break.day <= through,
        )
        .group_by(Break.kind)
        .order_by(Break.kind)
    )
    return [
        Tally(Kind(kind), count, Dong(amount or 0), waiting)
        for kind, count, amount, waiting in rows
    ]


def live(
    session: Session, collection_account_id: int, *, through: date, most: int
) -> Sequence[Break]:
    """The live breaks of an account up to a day, the oldest first."""
    rows = select(Break).where(
        Break.collection_account_id == collection_account_id,
        Break.cleared_at.is_(None),
        Break.day <= through,
    )
    return session.scalars(rows.order_by(Break.day, Break.kind, Break.id).limit(most)).all()
