"""The tables of shifts: who serves where and since when, and what was shown to citizens."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Code, Instant, Key, partial_index
from payments.core.database import Row

APPEND_ONLY: Final = ("showing",)


class Shift(Row):
    """A clerk at a counter of an agency, from when they begin until they end it."""

    __tablename__ = "shift"
    __table_args__ = (
        UniqueConstraint("public_id"),
        CheckConstraint("ended_at >= begun_at", name="ended_at"),
        partial_index("uq_shift_open", "staff_id", where="ended_at IS NULL", unique=True),
        Index(None, "staff_id", "id"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    begun_at: Mapped[datetime] = mapped_column(Instant())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())


class Showing(Row):
    """A request shown to a citizen from this instant on; None where the screen was cleared."""

    __tablename__ = "showing"
    __table_args__ = (Index(None, "shift_id", "id"), {"sqlite_strict": True})

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    payment_request_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("payment_request.id"))
    shown_at: Mapped[datetime] = mapped_column(Instant())
