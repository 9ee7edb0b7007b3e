"""The tables of roll-ups: paid fees counted by day and by month, so that a year is read at once.

A day's cells are kept as differences: what became known later (a line on a statement, a refund, a
voided collection) is a further row with the day on which it was learnt, never an edit of an earlier
one. So figures can be told as they were known on any day. Months and totals hold the sums.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Amount, Code, Count, Day, Instant, Key, one_of
from payments.core.database import Row
from payments.core.money import Dong


class Means(StrEnum):
    """How a fee was paid."""

    QR = "qr"  # the transfer bears the request's whole code, or came to its virtual account
    TRANSFER = "transfer"  # any other transfer, given to its request by hand
    CASH = "cash"


class Raw(StrEnum):
    """The tables whose new rows change what days count."""

    ALLOCATION = "allocation"
    EVIDENCE = "evidence"
    LINE_MATCH = "line_match"
    CASH_COLLECTION = "cash_collection"


CELL: Final = ("agency_id", "fee_id", "channel", "means", "detail")
"""What fees are counted by, within a day."""

MEANS_CELL: Final = ("agency_id", "means", "detail")
FEES_CELL: Final = ("agency_id", "fee_id", "channel")
TOTAL_CELL: Final = ("agency_id",)
"""What they are counted by in months, and in the totals of days: together they are few rows."""

MEASURES: Final = ("fees", "amount", "waiting_fees", "waiting_amount")
"""What is counted: reconciled money and recorded cash; and paid money on no statement yet."""

SIDES: Final = (
    "cashless_fees",
    "cashless_amount",
    "cash_fees",
    "cash_amount",
    "waiting_fees",
    "waiting_amount",
)
"""The measures where the means stand beside each other, in one row instead of three."""

_SIDES_NEVER_LESS: Final = (
    "cashless_fees >= 0 AND cashless_amount >= cashless_fees AND cash_fees >= 0"
    " AND cash_amount >= cash_fees AND waiting_fees >= 0 AND waiting_amount >= waiting_fees"
)
_NEVER_LESS: Final = (
    "fees >= 0 AND amount >= fees AND waiting_fees >= 0 AND waiting_amount >= waiting_fees"
)
_CASH_NEVER_WAITS: Final = "means <> 'cash' OR waiting_fees = 0"


class DailyRollup(Row):
    """What became known on `known_on` of the fees of a day: a difference, which may be negative.

    A fee is one line of a request or of a cash collection. `detail` is the source that told of
    the transfer first (`statement` where none did), or the reason for cash. Of a day before
    `known_on` = today no row is changed any more.
    """

    __tablename__ = "daily_rollup"
    __table_args__ = (
        UniqueConstraint("day", *CELL, "known_on"),
        one_of("channel", ("online", "counter")),
        one_of("means", Means),
        CheckConstraint(_CASH_NEVER_WAITS, name="cash_never_waits"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    day: Mapped[date] = mapped_column(Day())
    known_on: Mapped[date] = mapped_column(Day())
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    fee_id: Mapped[int] = mapped_column(ForeignKey("fee.id"))
    channel: Mapped[str] = mapped_column(Code())
    means: Mapped[str] = mapped_column(Code())
    detail: Mapped[str] = mapped_column(Code())
    fees: Mapped[int] = mapped_column(Count())
    amount: Mapped[Dong] = mapped_column(Amount())
    waiting_fees: Mapped[int] = mapped_column(Count())
    waiting_amount: Mapped[Dong] = mapped_column(Amount())


class MonthlyMeans(Row):
    """The fees of a month, named by its first day, of an agency by means and source or reason."""

    __tablename__ = "monthly_means"
    __table_args__ = (
        UniqueConstraint("month", *MEANS_CELL),
        one_of("means", Means),
        CheckConstraint(_NEVER_LESS, name="never_less"),
        CheckConstraint(_CASH_NEVER_WAITS, name="cash_never_waits"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    month: Mapped[date] = mapped_column(Day())
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    means: Mapped[str] = mapped_column(Code())
    detail: Mapped[str] = mapped_column(Code())
    fees: Mapped[int] = mapped_column(Count())
    amount: Mapped[Dong] = mapped_column(Amount())
    waiting_fees: Mapped[int] = mapped_column(Count())
    waiting_amount: Mapped[Dong] = mapped_column(Amount())


class MonthlyFees(Row):
    """The fees of a month, named by its first day, of an agency by fee and channel."""

    __tablename__ = "monthly_fees"
    __table_args__ = (
        UniqueConstraint("month", *FEES_CELL),
        one_of("channel", ("online", "counter")),
        CheckConstraint(_SIDES_NEVER_LESS, name="never_less"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    month: Mapped[date] = mapped_column(Day())
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    fee_id: Mapped[int] = mapped_column(ForeignKey("fee.id"))
    channel: Mapped[str] = mapped_column(Code())
    cashless_fees: Mapped[int] = mapped_column(Count())
    cashless_amount: Mapped[Dong] = mapped_column(Amount())
    cash_fees: Mapped[int] = mapped_column(Count())
    cash_amount: Mapped[Dong] = mapped_column(Amount())
    waiting_fees: Mapped[int] = mapped_column(Count())
    waiting_amount: Mapped[Dong] = mapped_column(Amount())


class DailyTotal(Row):
    """The fees of a day of an agency: what months, weeks and curves are drawn from."""

    __tablename__ = "daily_total"
    __table_args__ = (
        UniqueConstraint("day", "agency_id"),
        Index(None, "agency_id", "day"),
        CheckConstraint(_SIDES_NEVER_LESS, name="never_less"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    day: Mapped[date] = mapped_column(Day())
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    cashless_fees: Mapped[int] = mapped_column(Count())
    cashless_amount: Mapped[Dong] = mapped_column(Amount())
    cash_fees: Mapped[int] = mapped_column(Count())
    cash_amount: Mapped[Dong] = mapped_column(Amount())
    waiting_fees: Mapped[int] = mapped_column(Count())
    waiting_amount: Mapped[Dong] = mapped_column(Amount())


class RollupMark(Row):
    """How far a raw table was counted: all rows up to `sure`, and what changed until `sure_at`.

    `seen` and `seen_at` are the newest row and the instant of the last look. They become sure
    only when no unit of work that began before can still be open: ids are given before a commit.
    """

    __tablename__ = "rollup_mark"
    __table_args__ = (
        UniqueConstraint("name"),
        one_of("name", Raw),
        CheckConstraint("seen >= sure", name="seen"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    name: Mapped[str] = mapped_column(Code())
    seen: Mapped[int] = mapped_column(Count())
    seen_at: Mapped[datetime] = mapped_column(Instant())
    sure: Mapped[int] = mapped_column(Count())
    sure_at: Mapped[datetime] = mapped_column(Instant())
