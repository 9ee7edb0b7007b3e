"""Figures for `/metrics` that the database knows: what waits, how long, what stands where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments import ledger, payouts, receipts
from payments.agencies import CollectionAccount
from payments.core import audit, clock
from payments.core.calendar import local_day
from payments.core.columns import Instant
from payments.core.metrics import Reading
from payments.inbox import Callback
from payments.inbox import State as CallbackState
from payments.outbox import Delivery, DeliveryState

_BALANCES: Final = ("assets:transit", "liabilities:held", "liabilities:unidentified")


def waiting(session: Session) -> Iterable[Reading]:
    """Callbacks not settled and webhooks not delivered: how many, and how old the oldest is."""
    now = clock.now()
    count, oldest = session.execute(
        select(func.count(), func.min(Callback.received_at, type_=Instant())).where(
            Callback.state == CallbackState.WAITING
        )
    ).one()
    yield Reading("callbacks_waiting", "Callbacks not settled yet.", count)
    yield Reading("oldest_unsettled_seconds", "Age of the oldest of them.", _age(oldest, now))
    count, oldest = session.execute(
        select(func.count(), func.min(Delivery.next_at, type_=Instant())).where(
            Delivery.state == DeliveryState.DUE
        )
    ).one()
    yield Reading("deliveries_due", "Webhooks not delivered yet.", count)
    yield Reading("outbox_lag_seconds", "How late the latest of them is.", _age(oldest, now))
    unsigned, since = receipts.waiting(session)
    yield Reading("receipts_unsigned", "Receipts with a number and without papers.", unsigned)
    yield Reading("receipts_lag_seconds", "Age of the oldest of them.", _age(since, now))


def balances(session: Session) -> Iterator[Reading]:
    """What stands in transit, held and unidentified on each collection account, in đồng."""
    today = local_day(clock.now())
    for account in session.scalars(select(CollectionAccount).order_by(CollectionAccount.id)):
        for path in _BALANCES:
            amount = abs(ledger.balance(session, f"{path}:{account.id}", on=today))
            labels = {"account": account.public_id, "of": path.rpartition(":")[2]}
            yield Reading("balance_dong", "Balances that should go down again.", amount, labels)


def forwarding(session: Session) -> Iterator[Reading]:
    """Fees not forwarded to the treasury yet: what is late, and how old the oldest is."""
    now = clock.now()
    for account in session.scalars(select(CollectionAccount).order_by(CollectionAccount.id)):
        for told in payouts.unforwarded(session, account.id, now=now).values():
            labels = {"account": account.public_id, "agency": told.agency}
            age = told.age.total_seconds()
            yield Reading(
                "oldest_unforwarded_seconds", "Working time since the oldest fee came.", age, labels
            )
            yield Reading("late_fees_dong", "Fees not forwarded in time.", told.late, labels)


def audit_trail(session: Session) -> Iterator[Reading]:
    """How long ago the audit chain was read to its end, and whether it held."""
    now, last = clock.now(), audit.last(session)
    if last is not None:
        age = _age(last.read_at, now)
        yield Reading("audit_read_seconds", "Time since the audit chain was read.", age)
        holds = int(last.finding == audit.Finding.HOLDS)
        yield Reading("audit_chain_holds", "1 where it held then, 0 where it did not.", holds)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
