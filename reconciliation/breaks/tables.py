"""The table of breaks, their kinds, and how much each kind weighs on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Amount, Code, Count, Day, Instant, Key, one_of
from payments.core.database import Row
from payments.core.money import Dong


class Leg(StrEnum):
    """What a break is about; with a key it says which credit, line, statement, day or callback."""

    CONFIRMATION = "confirmation"  # a credit that no statement line confirms
    SETTLEMENT = "settlement"  # what a credit was found to be
    TELLING = "telling"  # the credits of a day that no callback told
    LINE = "line"  # a statement line that is not booked
    STATEMENT = "statement"  # a statement that does not add up
    CONTINUITY = "continuity"  # a statement that does not follow the one before
    DAY = "day"  # a day without a statement
    CALLBACK = "callback"  # a message that contradicts an earlier one


class Kind(StrEnum):
    """Why something needs a person."""

    CALLBACK_WITHOUT_LINE = "callback_without_line"
    ADVISED_UNCONFIRMED = "advised_unconfirmed"
    MISSED_CALLBACK = "missed_callback"
    UNIDENTIFIED = "unidentified"
    DAMAGED_CODE = "damaged_code"
    SHORT = "short"
    OVERPAID = "overpaid"
    DUPLICATE = "duplicate"
    AFTER_CANCEL = "after_cancel"
    SPLIT_MISMATCH = "split_mismatch"
    WRONG_ACCOUNT = "wrong_account"
    REVERSED = "reversed"
    AMOUNT_DIFFERS = "amount_differs"
    DEBIT_UNEXPLAINED = "debit_unexplained"
    DELIVERY_CONFLICT = "delivery_conflict"
    BALANCE_GAP = "balance_gap"
    STATEMENT_MISSING = "statement_missing"
    STATEMENT_UNBALANCED = "statement_unbalanced"


class Weight(StrEnum):
    """What an open break makes of its day."""

    INFO = "info"  # nothing to do
    OPEN = "open"  # somebody has to decide
    INCOMPLETE = "incomplete"  # the day can't be proved


WEIGHTS: Final[Mapping[Kind, Weight]] = MappingProxyType(
    dict.fromkeys(Kind, Weight.OPEN)
    | {
        Kind.MISSED_CALLBACK: Weight.INFO,
        Kind.BALANCE_GAP: Weight.INCOMPLETE,
        Kind.STATEMENT_MISSING: Weight.INCOMPLETE,
        Kind.STATEMENT_UNBALANCED: Weight.INCOMPLETE,
    }
)

GRACE: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.CALLBACK_WITHOUT_LINE: "callback_grace_hours",
        Kind.ADVISED_UNCONFIRMED: "advised_grace_hours",
    }
)
"""The policies by which a kind may wait before it counts; the others count at once."""


class Break(Row):
    """Something that does not agree, derived from its cause and cleared when that goes.

    It is known by (account, leg, key): its kind may change, it stays the same break and ages
    `since` its cause arose. `items` counts what it stands for, where that is more than one thing.
    """

    __tablename__ = "break"
    __table_args__ = (
        UniqueConstraint("collection_account_id", "leg", "key"),
        one_of("leg", Leg),
        one_of("kind", Kind),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("items >= 1", name="items"),
        Index(
            "ix_break_live",
            "collection_account_id",
            "day",
            sqlite_where=text("cleared_at IS NULL"),
            postgresql_where=text("cleared_at IS NULL"),
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    leg: Mapped[str] = mapped_column(Code())
    key: Mapped[str] = mapped_column(Code())
    kind: Mapped[str] = mapped_column(Code())
    day: Mapped[date] = mapped_column(Day())
    amount: Mapped[Dong] = mapped_column(Amount())
    items: Mapped[int] = mapped_column(Count())
    since: Mapped[datetime] = mapped_column(Instant())
    found_at: Mapped[datetime] = mapped_column(Instant())
    cleared_at: Mapped[datetime | None] = mapped_column(Instant())
