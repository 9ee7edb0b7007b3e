"""Figures for `/metrics`: what the latest day of each account came to, and its oldest break."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.columns import Instant
from payments.core.metrics import Reading
from reconciliation.breaks import WEIGHTS, Break, State, Weight
from reconciliation.day_close import AccountDay

_COUNTED = [kind.value for kind, weight in WEIGHTS.items() if weight is not Weight.INFO]


def days(session: Session) -> Iterator[Reading]:
    """The verdict on each account's latest day, and the age of its oldest break in seconds."""
    now = clock.now()
    for account in session.scalars(select(CollectionAccount).order_by(CollectionAccount.id)):
        latest = session.scalars(
            select(AccountDay)
            .where(AccountDay.collection_account_id == account.id)
            .order_by(AccountDay.day.desc())
            .limit(1)
        ).first()
        if latest is not None:
            labels = {"account": account.public_id, "verdict": latest.verdict}
            yield Reading("day_verdict", "The verdict on the latest day run.", 1.0, labels)
        oldest = session.scalar(
            select(func.min(Break.since, type_=Instant())).where(
                Break.collection_account_id == account.id,
                Break.cleared_at.is_(None),
                Break.state != State.RESOLVED,
                Break.kind.in_(_COUNTED),
            )
        )
        age = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
        labels = {"account": account.public_id}
        yield Reading("oldest_break_seconds", "Age of the oldest break.", age, labels)
