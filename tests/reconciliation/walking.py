"""A day's matching as its run makes it: both walks, chunk by chunk."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from payments import agencies
from reconciliation import matching
from reconciliation.matching import Walk


def match_account(
    session: Session, collection_account_id: int, *, through: date, now: datetime
) -> None:
    """Matches what it can of an account's lines up to a day, under the account's lock."""
    agencies.lock(session, collection_account_id)
    for walk in Walk:
        after = None
        while True:
            step = matching.match_chunk(
                session,
                collection_account_id,
                walk=walk,
                through=through,
                after=after,
                actor="job:reconcile",
                now=now,
            )
            if step.reached is None:
                break
            after = step.reached
