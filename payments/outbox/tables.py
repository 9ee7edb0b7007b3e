"""The tables of the outbox: events, their deliveries, and every attempt at one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Code, Count, Instant, Json, Key, Words, one_of, partial_index
from payments.core.database import Row


class EventType(StrEnum):
    """What a portal is told of."""

    CONFIRMING = "payment_request.confirming"
    PARTIALLY_PAID = "payment_request.partially_paid"
    PAID = "payment_request.paid"
    OVERPAID = "payment_request.overpaid"
    EXPIRED = "payment_request.expired"
    CANCELLED = "payment_request.cancelled"
    REVERSED = "payment_request.reversed"
    RECONCILED = "payment_request.reconciled"
    REFUND_PROPOSED = "refund.proposed"
    REFUND_APPROVED = "refund.approved"
    REFUND_DECLINED = "refund.declined"
    REFUND_WITHDRAWN = "refund.withdrawn"
    REFUND_FILED = "refund.filed"
    REFUND_REJECTED = "refund.rejected"
    REFUND_PAID_OUT = "refund.paid_out"
    REFUND_RETURNED = "refund.returned"
    RECEIPT_ISSUED = "receipt.issued"
    RECEIPT_CANCELLED = "receipt.cancelled"
    RECEIPT_REPLACED = "receipt.replaced"
    CASH_RECORDED = "cash_collection.recorded"
    CASH_VOIDED = "cash_collection.voided"
    TEST = "webhook.test"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    DUE = "due"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Event(Row):
    """Something the portal is told, whole.

    `sequence` counts what is told of a request itself; news of its receipts has none.
    """

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("position"),
        UniqueConstraint("payment_request_id", "sequence"),
        partial_index(
            "ix_event_unplaced",
            "id",
            where="position IS NULL",
        ),
        Index(None, "portal_id", "position"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    position: Mapped[int | None] = mapped_column(Count())
    type: Mapped[str] = mapped_column(Code())
    portal_id: Mapped[int] = mapped_column(ForeignKey("portal.id"))
    payment_request_id: Mapped[int | None] = mapped_column(Key())
    sequence: Mapped[int | None] = mapped_column(Count())
    occurred_at: Mapped[datetime] = mapped_column(Instant())
    content: Mapped[Any] = mapped_column(Json())


class Delivery(Row):
    """One event on its way to one endpoint.

    `attempts` counts those since it was last made due by hand. While it is leased, `next_at` is the
    lease's end: a sender that dies leaves it due again from then on.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "webhook_endpoint_id"),
        one_of("state", DeliveryState),
        CheckConstraint("attempts >= 0", name="attempts"),
        partial_index(
            "ix_delivery_due",
            "webhook_endpoint_id",
            "next_at",
            where="state = 'due'",
        ),
        Index(None, "webhook_endpoint_id", "id"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id"))
    webhook_endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoint.id"))
    state: Mapped[str] = mapped_column(Code())
    attempts: Mapped[int] = mapped_column(Count())
    next_at: Mapped[datetime] = mapped_column(Instant())
    leased_until: Mapped[datetime | None] = mapped_column(Instant())
    fence: Mapped[int] = mapped_column(Count())


class DeliveryAttempt(Row):
    """One try to deliver: what was answered, and how long it took (milliseconds)."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (Index(None, "delivery_id"), {"sqlite_strict": True})

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"))
    at: Mapped[datetime] = mapped_column(Instant())
    status: Mapped[int | None] = mapped_column(Count())
    milliseconds: Mapped[int] = mapped_column(Count())
    answer: Mapped[str] = mapped_column(Words())
