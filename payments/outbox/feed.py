"""The feed: events in the order of positions, which are given only after they are committed.

Two transactions that overlap may take ids 7 and 8 and commit 8 first; who reads by id sees 8,
remembers it, and never sees 7. Positions are given by one unit of work at a time to events that
are there for all to see, so a reader who remembers the last position misses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from payments.core import leases
from payments.core.database import rows_of
from payments.outbox.tables import Event

MOST_AT_ONCE: Final = 5000
"""Events that get their positions in one unit of work."""

_LEASE: Final = "outbox:positions"
_HELD: Final = timedelta(seconds=30)


def unplaced(session: Session) -> bool:
    """Whether an event waits for its position."""
    waiting = select(Event.id).where(Event.position.is_(None)).limit(1)
    return session.scalar(waiting) is not None


def place_events(session: Session, *, holder: str, now: datetime) -> int:
    """Gives the events committed so far their positions, in the order of their ids; how many.

    The lease's row is held until the unit of work ends, so there is one giver at a time, and the
    next one sees what this one gave. None are given while another holder has the lease.
    """
    fence = leases.take(session, _LEASE, holder=holder, for_=_HELD, now=now)
    if fence is None:
        return 0
    last = session.scalar(select(func.max(Event.position))) or 0
    waiting = (
        select(Event.id)
        .where(Event.position.is_(None))
        .order_by(Event.id)
        .limit(MOST_AT_ONCE)
        .subquery()
    )
    numbered = select(
        waiting.c.id, func.row_number().over(order_by=waiting.c.id).label("rank")
    ).subquery()
    placed = session.execute(
        update(Event)
        .where(Event.id == numbered.c.id)
        .values(position=last + numbered.c.rank)
        .execution_options(synchronize_session=False)
    )
    leases.release(session, fence, now=now)
    return rows_of(placed)


def feed(session: Session, portal_id: int, *, after: int, limit: int) -> Sequence[Event]:
    """A portal's events behind the position `after`, in order, at most `limit`."""
    events = (
        select(Event)
        .where(Event.portal_id == portal_id, Event.position > after)
        .order_by(Event.position)
        .limit(limit)
    )
    return session.scalars(events).all()
