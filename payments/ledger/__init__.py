"""The ledger: double entry, transfer-shaped, append-only.

A posting moves an amount from one ledger account (credited) to another (debited), so an entry
that does not balance cannot be written down. An entry's `decision` is a text naming the row that
caused it (`credit:812`, `match:77`); with its kind it is unique, so a decision is booked exactly
once. Nothing edits the past: corrections are new entries or reversals, and triggers on both
engines refuse UPDATE and DELETE.

Closing a day closes everything up to it: what is posted for a closed day is booked in the next
open one. A snapshot of every balance is taken at each closing, so a balance is the newest
snapshot and what came after.
"""

from payments.ledger.days import (
    DayOutOfOrder,
    Standing,
    balance,
    balances,
    close_day,
    closed_through,
    open_day,
    reopen_day,
    standing,
)
from payments.ledger.entries import draft, post_all, reverse_all
from payments.ledger.tables import (
    BalanceSnapshot,
    JournalEntry,
    LedgerAccount,
    LedgerDay,
    Posting,
)

APPEND_ONLY = ("journal_entry", "posting")
"""Tables whose rows are never changed or removed; triggers hold it on both engines."""

__all__ = [
    "APPEND_ONLY",
    "BalanceSnapshot",
    "DayOutOfOrder",
    "JournalEntry",
    "LedgerAccount",
    "LedgerDay",
    "Posting",
    "Standing",
    "balance",
    "balances",
    "close_day",
    "closed_through",
    "draft",
    "open_day",
    "post_all",
    "reopen_day",
    "reverse_all",
    "standing",
]
