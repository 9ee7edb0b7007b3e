"""The tables of the ledger, and the chart as paths.

Ledger accounts are paths; `b` is the number of a collection account:

    assets:bank:b             seen on a statement
    assets:transit:b          told, not yet seen
    assets:transfers:b        left for another account of ours, less what came from one
    assets:receivable:b       to be got back
    liabilities:fees:b:agency:kind:sub-item
    liabilities:held:b        received, not (yet) a fee
    liabilities:unidentified:b
    liabilities:payouts:b     approved, not yet seen leaving
    expenses:charges:b        income:interest:b        equity:opening:b
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Amount, Code, Day, Instant, Key
from payments.core.database import Row
from payments.core.money import Dong


class LedgerAccount(Row):
    """A place where money is: a path, opened when it is first posted to."""

    __tablename__ = "ledger_account"
    __table_args__ = (UniqueConstraint("path"), {"sqlite_strict": True})

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    path: Mapped[str] = mapped_column(Code())


class JournalEntry(Row):
    """One decision booked: its kind, what decided it, its accounting day."""

    __tablename__ = "journal_entry"
    __table_args__ = (
        UniqueConstraint("collection_account_id", "kind", "decision"),
        UniqueConstraint("reverses_id"),
        CheckConstraint("reverses_id < id", name="reverses_an_earlier_entry"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    kind: Mapped[str] = mapped_column(Code())
    decision: Mapped[str] = mapped_column(Code())
    day: Mapped[date] = mapped_column(Day())
    booked_at: Mapped[datetime] = mapped_column(Instant())
    actor: Mapped[str] = mapped_column(Code())
    reverses_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("journal_entry.id"))


class Posting(Row):
    """An amount moved within an entry, from the credited to the debited ledger account."""

    __tablename__ = "posting"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint("debit_id <> credit_id", name="two_accounts"),
        Index(None, "journal_entry_id"),
        Index(None, "debit_id", "day"),
        Index(None, "credit_id", "day"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    journal_entry_id: Mapped[int] = mapped_column(ForeignKey("journal_entry.id"))
    day: Mapped[date] = mapped_column(Day())
    debit_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    credit_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    amount: Mapped[Dong] = mapped_column(Amount())


class LedgerDay(Row):
    """A closed day of a collection account: it and everything before it take no more postings."""

    __tablename__ = "ledger_day"
    __table_args__ = (
        UniqueConstraint("collection_account_id", "day"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    day: Mapped[date] = mapped_column(Day())
    closed_at: Mapped[datetime] = mapped_column(Instant())
    closed_by: Mapped[str] = mapped_column(Code())


class BalanceSnapshot(Row):
    """What had been debited and credited to a ledger account by the end of a closed day."""

    __tablename__ = "balance_snapshot"
    __table_args__ = (
        UniqueConstraint("ledger_account_id", "day"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    ledger_account_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    day: Mapped[date] = mapped_column(Day())
    debits: Mapped[Dong] = mapped_column(Amount())
    credits: Mapped[Dong] = mapped_column(Amount())
