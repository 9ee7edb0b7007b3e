"""Breaks follow their causes: they open, change their kind and clear as those do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    cast,
    exists,
    func,
    or_,
    select,
    true,
    union,
    update,
)
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments import policies
from payments.claims import Claim
from payments.core.approvals import Approval
from payments.core.calendar import local_day
from payments.core.columns import Amount
from payments.core.database import load, table_of
from payments.core.money import Dong
from payments.payment_requests import PaymentRequest, Status
from reconciliation.breaks import rules
from reconciliation.breaks.causes import cause, gather, gather_claims
from reconciliation.breaks.queue import WAITING
from reconciliation.breaks.tables import GRACE, WEIGHTS, Break, Kind, Leg, State, Weight
from reconciliation.breaks.unassigning import lapse_gone
from reconciliation.breaks.working import lapse

BREAK: Final = table_of(Break)

BY: Final = "job:reconcile"


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
    _follow(session, collection_account_id, true(), now=now)
    lapse_gone(session, collection_account_id, by=BY, now=now)


def follow_claims(session: Session, collection_account_id: int, *, now: datetime) -> None:
    """Brings the breaks of payers' claims in line with them, and no others; under its lock."""
    gather_claims(session, collection_account_id)
    _follow(session, collection_account_id, BREAK.c.leg == Leg.CLAIM, now=now)


def with_claims(session: Session) -> Sequence[int]:
    """The accounts with a payer's claim that waits, or a break that such a one left."""
    waiting = (
        select(Claim.collection_account_id)
        .join(PaymentRequest, PaymentRequest.id == Claim.payment_request_id)
        .where(Claim.answered_at.is_(None), PaymentRequest.status != Status.PAID)
    )
    left = select(Break.collection_account_id).where(WAITING, Break.kind == Kind.CITIZEN_CLAIM)
    return session.scalars(select(union(waiting, left).subquery().c[0])).all()


def _follow(
    session: Session, collection_account_id: int, these: ColumnElement[bool], *, now: datetime
) -> None:
    """Opens, changes and clears the breaks by `cause`; those that are not of `these` stay."""
    high_from = rules.second_person_from(session, now=now)
    same = and_(
        BREAK.c.collection_account_id == collection_account_id,
        BREAK.c.leg == cause.c.leg,
        BREAK.c.key == cause.c.key,
    )
    _change(session, same, high_from=high_from)
    _add(session, collection_account_id, same, high_from=high_from, now=now)
    _clear(session, collection_account_id, these, now=now)
    _set_due(session, collection_account_id, now=now)


def _change(session: Session, same: ColumnElement[bool], *, high_from: Dong) -> None:
    """Breaks whose cause says something else by now, or has come back: those are open again."""
    told = ("kind", "day", "amount", "items")
    gone, ended = BREAK.c.cleared_at.is_not(None), BREAK.c.state == State.RESOLVED
    other_kind = BREAK.c.kind != cause.c.kind
    again = case((BREAK.c.owner.is_(None), State.OPEN.value), else_=State.ASSIGNED.value)
    forgotten = ("resolution", "resolved_by", "resolved_at")
    session.execute(
        update(BREAK)
        .where(same, or_(gone, *[BREAK.c[name] != cause.c[name] for name in told]))
        .values(
            {name: cause.c[name] for name in told}
            | {name: case((ended, None), else_=BREAK.c[name]) for name in forgotten}
            | {
                "since": case((gone, cause.c.since), else_=BREAK.c.since),
                "cleared_at": None,
                "state": case((ended, again), else_=BREAK.c.state),
                "priority": rules.priority_of(cause.c.kind, cause.c.amount, high_from=high_from),
                "due_on": case((or_(ended, other_kind), None), else_=BREAK.c.due_on),
                "waiting_until": case((other_kind, None), else_=BREAK.c.waiting_until),
            }
        )
    )


def _add(
    session: Session,
    collection_account_id: int,
    same: ColumnElement[bool],
    *,
    high_from: Dong,
    now: datetime,
) -> None:
    """Breaks of causes that are new."""
    priority = rules.priority_of(cause.c.kind, cause.c.amount, high_from=high_from)
    new = select(*cause.c, priority.label("priority")).where(~exists().where(same))
    by_number = func.length(cause.c.key)  # "9" before "10"
    rows = [
        {
            **row._asdict(),
            "public_id": str(uuid7()),
            "collection_account_id": collection_account_id,
            "found_at": now,
            "state": State.OPEN.value,
        }
        for row in session.execute(new.order_by(cause.c.leg, by_number, cause.c.key))
    ]
    load(session, BREAK, rows)


def _clear(
    session: Session, collection_account_id: int, these: ColumnElement[bool], *, now: datetime
) -> None:
    """Breaks whose cause is gone; what was proposed about them has nothing to be done about."""
    gone = (
        BREAK.c.collection_account_id == collection_account_id,
        BREAK.c.cleared_at.is_(None),
        these,
        ~exists().where(cause.c.leg == BREAK.c.leg, cause.c.key == BREAK.c.key),
    )
    proposals = select(Break.approval_id).where(*gone, Break.approval_id.is_not(None))
    for number in session.scalars(proposals.distinct()).all():
        approval = session.get_one(Approval, number)
        lapse(session, approval, reason="cause_gone", by=BY, now=now)
    session.execute(
        update(BREAK)
        .where(*gone)
        .values(cleared_at=now, state=State.RESOLVED.value, waiting_until=None)
    )


def _set_due(session: Session, collection_account_id: int, *, now: datetime) -> None:
    undated = (
        BREAK.c.collection_account_id == collection_account_id,
        BREAK.c.cleared_at.is_(None),
        BREAK.c.due_on.is_(None),
    )
    if session.scalar(select(BREAK.c.id).where(*undated).limit(1)) is not None:
        due = rules.due_of(session, collection_account_id, BREAK.c.kind, BREAK.c.priority, now=now)
        session.execute(update(BREAK).where(*undated).values(due_on=due))


def tallies(
    session: Session, collection_account_id: int, *, through: date, now: datetime
) -> list[Tally]:
    """The live breaks of an account up to a day, by kind; those accepted as they are don't count.

    One that waits until a later day still has time, as one within its grace.
    """
    deadlines = {
        kind: now - timedelta(hours=policies.value(session, policy, on=local_day(now)))
        for kind, policy in GRACE.items()
    }
    in_time = or_(
        Break.waiting_until >= local_day(now),
        *[and_(Break.kind == kind, Break.since > deadline) for kind, deadline in deadlines.items()],
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
            Break.state != State.RESOLVED,
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
        Break.state != State.RESOLVED,
        Break.day <= through,
    )
    return session.scalars(rows.order_by(Break.day, Break.kind, Break.id).limit(most)).all()
