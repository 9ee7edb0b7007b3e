"""What is open, by its age: breaks that wait for somebody, and money that is no fee yet.

Ages are days up to the day asked about: 0 to 1, 2 to 7, 8 to 30, more than 30.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from sqlalchemy import Row as Result
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.core.calendar import local_day
from payments.core.database import Rows
from payments.core.sheets import Kind
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from reconciliation.breaks import Break, State
from reconciliation.reports.asking import Asked
from reconciliation.reports.definition import Cells, Column, Report

AGES: Final = ("0_1", "2_7", "8_30", "over_30")
"""The names of the ages."""

_LAST_DAYS: Final = (1, 7, 30)
_AT_ONCE: Final = 1000
_OPEN: Final = text("(held > 0 OR unidentified > 0 OR reversed > 0)")
"""As the index says it, so that only open credits are looked at."""


def age_of(since: date, *, on: date) -> int:
    """The place among `AGES` of what began on a day."""
    days = (on - since).days
    return sum(days > last for last in _LAST_DAYS)


def live_breaks(asked: Asked) -> Rows:
    """Breaks that wait for somebody: (kind, since, amount)."""
    return select(Break.kind, Break.since, Break.amount).where(
        Break.collection_account_id.in_(asked.accounts),
        text("cleared_at IS NULL"),
        Break.state != State.RESOLVED,
    )


def open_credits(asked: Asked) -> Rows:
    """Credits of which something is held or unidentified, the oldest first."""
    return (
        select(
            Credit.id,
            Credit.day,
            Credit.booked_at,
            CollectionAccount.number,
            PaymentRequest.reference,
            Credit.finding,
            Credit.amount,
            Credit.held,
            Credit.unidentified,
            Credit.memo,
        )
        .join(CollectionAccount, CollectionAccount.id == Credit.collection_account_id)
        .outerjoin(PaymentRequest, PaymentRequest.id == Credit.payment_request_id)
        .where(
            Credit.collection_account_id.in_(asked.accounts),
            _OPEN,
            Credit.held + Credit.unidentified > 0,
            Credit.merged_into_id.is_(None),
        )
        .order_by(Credit.day, Credit.id)
    )


def _breaks(session: Session, asked: Asked) -> Iterator[Cells]:
    """Each kind: how many of each age, and what all of them amount to."""
    today = local_day(asked.now)
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * len(AGES))
    amounts: dict[str, int] = defaultdict(int)
    live = live_breaks(asked).execution_options(yield_per=_AT_ONCE)
    for kind, since, amount in session.execute(live):
        counts[kind][age_of(local_day(since), on=today)] += 1
        amounts[kind] += int(amount)
    for kind, of_age in sorted(counts.items()):
        yield (kind, *of_age, sum(of_age), amounts[kind])


def _held(session: Session, asked: Asked) -> Iterator[Cells]:
    """Each account and age: how many credits, and what of them is held and unidentified."""
    today = local_day(asked.now)
    found: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in _streamed(session, asked):
        of_age = found[row.number, age_of(row.day, on=today)]
        for place, more in enumerate((1, int(row.held), int(row.unidentified))):
            of_age[place] += more
    for (number, age), (count, held, unidentified) in sorted(found.items()):
        yield (number, AGES[age], count, held, unidentified, held + unidentified)


def _held_items(session: Session, asked: Asked) -> Iterator[Cells]:
    """Each credit of which something is open, the oldest first."""
    today = local_day(asked.now)
    for row in _streamed(session, asked):
        yield (
            row.day,
            (today - row.day).days,
            row.booked_at,
            row.number,
            row.reference,
            row.finding,
            int(row.amount),
            int(row.held),
            int(row.unidentified),
            row.memo,
        )


def _streamed(session: Session, asked: Asked) -> Iterator[Result[*tuple[Any, ...]]]:
    rows = open_credits(asked).execution_options(yield_per=_AT_ONCE)
    with session.execute(rows) as streamed:
        yield from streamed


AGEING: Final = Report(
    "ageing",
    (
        Column("kind", words="break"),
        *(Column(f"age_{age}", Kind.COUNT, total=True) for age in AGES),
        Column("breaks", Kind.COUNT, total=True),
        Column("amount", Kind.AMOUNT, total=True),
    ),
    _breaks,
    frozenset(),
)
HELD: Final = Report(
    "held",
    (
        Column("account"),
        Column("age", words="age"),
        Column("credits", Kind.COUNT, total=True),
        Column("held", Kind.AMOUNT, total=True),
        Column("unidentified", Kind.AMOUNT, total=True),
        Column("open_amount", Kind.AMOUNT, total=True),
    ),
    _held,
    frozenset(),
)
HELD_ITEMS: Final = Report(
    "held_items",
    (
        Column("day", Kind.DAY),
        Column("days", Kind.COUNT),
        Column("booked_at", Kind.MOMENT),
        Column("account"),
        Column("reference"),
        Column("finding", words="finding"),
        Column("amount", Kind.AMOUNT),
        Column("held", Kind.AMOUNT, total=True),
        Column("unidentified", Kind.AMOUNT, total=True),
        Column("memo"),
    ),
    _held_items,
    frozenset(),
)
