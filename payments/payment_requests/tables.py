"""The tables of payment requests, their statuses and allowed moves.

A request's stored facts are bounded by constraints, so that its status can't lie about money: it
is paid exactly when at least its amount was received. What the outside sees is derived
(`snapshots.public_status`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, and_, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import (
    Amount,
    Code,
    Count,
    Flag,
    Instant,
    Key,
    Words,
    one_of,
    partial_index,
)
from payments.core.database import Row
from payments.core.money import Dong


class Status(StrEnum):
    """The stored status; the public one is derived from it and the facts."""

    OPEN = "open"
    PAID = "paid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class CancelReason(StrEnum):
    """Why a request was cancelled."""

    WITHDRAWN = "withdrawn"  # the citizen withdrew the dossier
    REFUSED = "refused"  # the dossier was not accepted
    MISTAKEN = "mistaken"  # asked for by mistake: wrong fee, quantity or agency
    REPLACED = "replaced"  # another request takes its place
    PAID_IN_CASH = "paid_in_cash"
    OTHER = "other"


MOVES: Final = frozenset(
    {
        (Status.OPEN, Status.PAID),
        (Status.OPEN, Status.EXPIRED),
        (Status.OPEN, Status.CANCELLED),
        (Status.EXPIRED, Status.PAID),
        (Status.PAID, Status.OPEN),  # a credit was reversed or withdrawn
    }
)

WAITING: Final = (Status.OPEN, Status.EXPIRED)
"""Requests that money which arrives still pays."""

RECEIPTS_DUE: Final = "status = 'paid' AND amount > 0 AND receipted_at IS NULL"
"""Paid requests whose receipts may not say what was paid, in the words of their index."""


class PaymentRequest(Row):
    """A fee asked for: priced, addressed to a collection account, known by its reference."""

    __tablename__ = "payment_request"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("token"),
        one_of("status", Status),
        one_of("channel", ("online", "counter")),
        one_of("cancel_reason", CancelReason),
        CheckConstraint("amount BETWEEN 0 AND 499999999", name="amount"),
        CheckConstraint("received >= 0 AND advised >= 0", name="received"),
        CheckConstraint("confirmed BETWEEN 0 AND received", name="confirmed"),
        CheckConstraint("refunded BETWEEN 0 AND amount", name="refunded"),
        CheckConstraint("remitted BETWEEN 0 AND amount", name="remitted"),
        CheckConstraint("(status = 'paid') = (received >= amount)", name="paid_is_received"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_at"),
        CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_at"),
        CheckConstraint("expires_at > issued_at", name="expires_at"),
        Index(None, "portal_id", "id"),
        Index(None, "portal_id", "dossier"),
        Index(None, "portal_id", "status", "id"),
        Index(None, "portal_id", "issued_at"),
        partial_index(
            "ix_payment_request_expiring",
            "collection_account_id",
            "expires_at",
            where="status = 'open'",
        ),
        # Not of `confirmed`: PostgreSQL would write a request into all its indexes anew each time a
        # statement confirms one. Measured: that doubled the cost of the update.
        partial_index(
            "ix_payment_request_unforwarded",
            "collection_account_id",
            where="status = 'paid' AND remitted + refunded <> amount",
        ),
        partial_index(
            "ix_payment_request_unannounced",
            "collection_account_id",
            where="status = 'paid' AND reconciled_at IS NULL",
        ),
        partial_index(
            "ix_payment_request_receipts_due",
            "collection_account_id",
            "id",
            where=RECEIPTS_DUE,
        ),
        {"sqlite_strict": True, "postgresql_with": {"fillfactor": 60}},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    reference: Mapped[str] = mapped_column(Code())
    token: Mapped[str] = mapped_column(Code())
    page: Mapped[str] = mapped_column(Words())
    portal_id: Mapped[int] = mapped_column(ForeignKey("portal.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    dossier: Mapped[str] = mapped_column(Words())
    channel: Mapped[str] = mapped_column(Code())
    description: Mapped[str] = mapped_column(Words())
    amount: Mapped[Dong] = mapped_column(Amount())
    received: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    advised: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    confirmed: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    refunded: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    remitted: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    status: Mapped[str] = mapped_column(Code())
    late: Mapped[bool] = mapped_column(Flag(), default=False)
    issued_at: Mapped[datetime] = mapped_column(Instant())
    expires_at: Mapped[datetime] = mapped_column(Instant())
    paid_at: Mapped[datetime | None] = mapped_column(Instant())
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant())
    cancel_reason: Mapped[str | None] = mapped_column(Code())
    reconciled_at: Mapped[datetime | None] = mapped_column(Instant())
    receipted_at: Mapped[datetime | None] = mapped_column(Instant())
    replaces_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("payment_request.id"))
    sequence: Mapped[int] = mapped_column(Count(), default=1)


UNFORWARDED: Final = and_(
    PaymentRequest.status == literal_column("'paid'"),
    PaymentRequest.confirmed == PaymentRequest.received,
    PaymentRequest.remitted + PaymentRequest.refunded != PaymentRequest.amount,
)
"""Requests whose every credit stands on a statement, and of which fees are still with us: in the
words of their index, with which SQLite knows no "less than" of a sum, and what is seen besides."""


class PaymentRequestLine(Row):
    """One fee of a request, as it was priced on the day of issue, and what has become of it.

    `refunded` is what was given back, `forwarded` what a remittance has or is to have.
    """

    __tablename__ = "payment_request_line"
    __table_args__ = (
        UniqueConstraint("payment_request_id", "position"),
        one_of("kind", ("phi", "le_phi")),
        CheckConstraint("quantity BETWEEN 1 AND 10000", name="quantity"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("refunded BETWEEN 0 AND amount", name="refunded"),
        CheckConstraint("forwarded >= 0 AND forwarded + refunded <= amount", name="forwarded"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    payment_request_id: Mapped[int] = mapped_column(ForeignKey("payment_request.id"))
    position: Mapped[int] = mapped_column(Count())
    fee_id: Mapped[int] = mapped_column(ForeignKey("fee.id"))
    fee: Mapped[str] = mapped_column(Code())
    name: Mapped[str] = mapped_column(Words())
    kind: Mapped[str] = mapped_column(Code())
    sub_item: Mapped[str] = mapped_column(Code())
    quantity: Mapped[int] = mapped_column(Count())
    unit_amount: Mapped[Dong] = mapped_column(Amount())
    amount: Mapped[Dong] = mapped_column(Amount())
    refunded: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    forwarded: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    reduction: Mapped[str | None] = mapped_column(Code())
