"""The table of days: what each account's day came to, who proposed and who closed it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import (
    Code,
    Count,
    Day,
    Flag,
    Instant,
    Json,
    Key,
    Words,
    one_of,
    partial_index,
)
from payments.core.database import Row

WITHOUT_PAPER: Final = "closed_by IS NOT NULL AND document_id IS NULL"
"""Days that are closed and whose record is not signed yet."""

TO_DECIDE: Final = "(proposed_by IS NOT NULL AND closed_by IS NULL) OR reopening_by IS NOT NULL"
"""Days of which something is proposed."""


class Verdict(StrEnum):
    """What a day came to; the worst that holds."""

    RECONCILED = "reconciled"
    PENDING = "pending"  # only items that still have time
    BREAKS = "breaks"
    INCOMPLETE = "incomplete"  # it can't be proved


class AccountDay(Row):
    """One day of one account as its latest run left it, and its closing.

    `figures` are the bridge, the lines, the matches and the breaks. What a closed day came to is
    never rewritten; `proved_again_at` and `holds` tell of later proofs.
    """

    __tablename__ = "account_day"
    __table_args__ = (
        UniqueConstraint("collection_account_id", "day"),
        Index(None, "day"),
        one_of("verdict", Verdict),
        CheckConstraint("runs >= 1", name="runs"),
        CheckConstraint("(proposed_by IS NULL) = (proposed_hash IS NULL)", name="proposed"),
        CheckConstraint(
            "closed_by IS NULL OR (proposed_by IS NOT NULL AND closed_by <> proposed_by)",
            name="four_eyes",
        ),
        CheckConstraint("closed_by IS NULL OR verdict <> 'incomplete'", name="closed_is_proved"),
        CheckConstraint("(closed_by IS NULL) = (closed_at IS NULL)", name="closed_at"),
        CheckConstraint("(closed_by IS NULL) = (record IS NULL)", name="record"),
        CheckConstraint("document_id IS NULL OR closed_by IS NOT NULL", name="document"),
        partial_index("ix_account_day_without_paper", "id", where=WITHOUT_PAPER),
        partial_index("ix_account_day_to_decide", "day", "id", where=TO_DECIDE),
        CheckConstraint(
            "(reopening_by IS NULL) = (reopening_reason IS NULL)", name="reopening_reason"
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    day: Mapped[date] = mapped_column(Day())
    verdict: Mapped[str] = mapped_column(Code())
    figures: Mapped[Any] = mapped_column(Json())
    runs: Mapped[int] = mapped_column(Count())
    run_at: Mapped[datetime] = mapped_column(Instant())
    run_by: Mapped[str] = mapped_column(Code())
    proposed_by: Mapped[str | None] = mapped_column(Code())
    proposed_at: Mapped[datetime | None] = mapped_column(Instant())
    proposed_hash: Mapped[str | None] = mapped_column(Code())
    closed_by: Mapped[str | None] = mapped_column(Code())
    closed_at: Mapped[datetime | None] = mapped_column(Instant())
    record: Mapped[Any | None] = mapped_column(Json())
    record_hash: Mapped[str | None] = mapped_column(Code())
    document_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("document.id"))
    """The signed record, once it is signed."""
    proved_again_at: Mapped[datetime | None] = mapped_column(Instant())
    holds: Mapped[bool | None] = mapped_column(Flag())
    reopening_by: Mapped[str | None] = mapped_column(Code())
    reopening_reason: Mapped[str | None] = mapped_column(Words())
