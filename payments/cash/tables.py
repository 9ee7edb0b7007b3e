"""The tables of cash taken: each time it was, for which fees, why, and whether it counts."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import (
    Amount,
    Code,
    Count,
    Day,
    Instant,
    Key,
    Words,
    one_of,
    partial_index,
)
from payments.core.database import Row
from payments.core.money import Dong
from payments.fees import Channel, FeeKind

APPEND_ONLY: Final = ("cash_collection_line",)


class Reason(StrEnum):
    """Why it was cash."""

    NO_ACCOUNT = "no_account"
    NO_SMARTPHONE = "no_smartphone"
    APP_FAILED = "app_failed"
    REFUSES = "refuses"
    OTHER = "other"  # with an explanation


class State(StrEnum):
    """Whether a collection counts."""

    TAKEN = "taken"
    VOIDED = "voided"


MOVES: Final = frozenset({(State.TAKEN, State.VOIDED)})
"""How a collection's state changes: once, and never back."""

FIXED: Final = (
    "public_id",
    "portal_id",
    "agency_id",
    "payment_request_id",
    "dossier",
    "channel",
    "amount",
    "reason",
    "explanation",
    "taken_at",
    "taken_on",
    "taken_by",
)
"""What a collection says is never changed; the database refuses it."""


class CashCollection(Row):
    """Cash taken for the fees of one dossier.

    `portal_id` is the portal that recorded it or whose request it was taken for, None where a
    clerk took it for a dossier without a request. `channel` is how the dossier was handed in.
    `taken_on` is the calendar day in Viet Nam: cash knows no bank's cut-off.
    """

    __tablename__ = "cash_collection"
    __table_args__ = (
        UniqueConstraint("public_id"),
        one_of("channel", Channel),
        one_of("reason", Reason),
        one_of("state", State),
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint("reason <> 'other' OR explanation <> ''", name="explanation"),
        CheckConstraint("(state = 'voided') = (voided_at IS NOT NULL)", name="voided_at"),
        CheckConstraint("(state = 'voided') = (voided_by IS NOT NULL)", name="voided_by"),
        CheckConstraint("(state = 'voided') = (void_reason IS NOT NULL)", name="void_reason"),
        partial_index(
            "uq_cash_collection_counting",
            "payment_request_id",
            where="state = 'taken'",
            unique=True,
        ),
        Index(None, "portal_id", "id"),
        Index(None, "taken_by", "taken_at"),
        Index(None, "taken_on"),
        partial_index("ix_cash_collection_voided", "voided_at", where="state = 'voided'"),
        Index(None, "agency_id", "taken_on"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    portal_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("portal.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    payment_request_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("payment_request.id"))
    dossier: Mapped[str] = mapped_column(Words())
    channel: Mapped[str] = mapped_column(Code())
    amount: Mapped[Dong] = mapped_column(Amount())
    reason: Mapped[str] = mapped_column(Code())
    explanation: Mapped[str] = mapped_column(Words())
    taken_at: Mapped[datetime] = mapped_column(Instant())
    taken_on: Mapped[date] = mapped_column(Day())
    taken_by: Mapped[str] = mapped_column(Code())
    state: Mapped[str] = mapped_column(Code(), default=State.TAKEN.value)
    voided_at: Mapped[datetime | None] = mapped_column(Instant())
    voided_by: Mapped[str | None] = mapped_column(Code())
    void_reason: Mapped[str | None] = mapped_column(Words())


class CashCollectionLine(Row):
    """One fee that cash was taken for, as it was priced."""

    __tablename__ = "cash_collection_line"
    __table_args__ = (
        UniqueConstraint("cash_collection_id", "position"),
        one_of("kind", FeeKind),
        CheckConstraint("quantity BETWEEN 1 AND 10000", name="quantity"),
        CheckConstraint("amount >= 0", name="amount"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    cash_collection_id: Mapped[int] = mapped_column(ForeignKey("cash_collection.id"))
    position: Mapped[int] = mapped_column(Count())
    fee_id: Mapped[int] = mapped_column(ForeignKey("fee.id"))
    fee: Mapped[str] = mapped_column(Code())
    name: Mapped[str] = mapped_column(Words())
    kind: Mapped[str] = mapped_column(Code())
    sub_item: Mapped[str] = mapped_column(Code())
    quantity: Mapped[int] = mapped_column(Count())
    unit_amount: Mapped[Dong] = mapped_column(Amount())
    amount: Mapped[Dong] = mapped_column(Amount())
    reduction: Mapped[str | None] = mapped_column(Code())
