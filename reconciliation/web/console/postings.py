"""What entries of the ledger booked, as pages show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from payments.core.database import Rows
from payments.core.money import Dong
from payments.ledger import JournalEntry, LedgerAccount, Posting


@dataclass(frozen=True, slots=True)
class Booked:
    """A posting: `amount` đồng from the account `source` to `target`, on the accounting day."""

    day: date
    target: str
    source: str
    amount: Dong
    booked_at: datetime
    actor: str
    reverses: bool


def postings_of(session: Session, entries: Rows) -> Sequence[Booked]:
    """The postings of the entries with these ids and of what took them back, in order."""
    debit, credit, entry = aliased(LedgerAccount), aliased(LedgerAccount), JournalEntry
    rows = session.execute(
        select(
            entry.day,
            debit.path,
            credit.path,
            Posting.amount,
            entry.booked_at,
            entry.actor,
            entry.reverses_id,
        )
        .join(Posting, Posting.journal_entry_id == entry.id)
        .join(debit, debit.id == Posting.debit_id)
        .join(credit, credit.id == Posting.credit_id)
        .where(or_(entry.id.in_(entries), entry.reverses_id.in_(entries)))
        .order_by(Posting.id)
    )
    return [
        Booked(day, head(to), head(out_of), Dong(amount), at, by, reverses is not None)
        for day, to, out_of, amount, at, by, reverses in rows
    ]


def head(path: str) -> str:
    """A ledger path without what is numbered: `liabilities:held:1` is `liabilities.held`."""
    return ".".join(path.split(":")[:2])
