"""The tables of credits: real movements of money into collection accounts.

A credit is told by messages (its evidence, at most one of each source) and by one statement line
(its match), in any order. What became of its amount is divided into parts that always add up.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import (
    Amount,
    Bytes,
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
from payments.core.money import Dong
from payments.references import Kind


class Finding(StrEnum):
    """What settlement found a credit to be (money.md, Settlement)."""

    EXACT = "exact"
    SHORT = "short"
    OVERPAID = "overpaid"
    DUPLICATE = "duplicate"
    AFTER_CANCEL = "after_cancel"
    LATE = "late"
    SPLIT = "split"
    SPLIT_MISMATCH = "split_mismatch"
    WRONG_ACCOUNT = "wrong_account"
    UNIDENTIFIED = "unidentified"
    GIVEN_BACK = "given_back"  # part of a request that was not completed, given back since


class Credit(Row):
    """One movement of money into a collection account.

    `code` is what ties it to requests: its FULL codes in order, joined by `+`; where it was paid
    to a `virtual_account` of ours, that one's and no other. `bank_reference` is kept only from
    sources whose references are the statement's. `remitted` is what of its fees was forwarded, and
    still belongs to `to_fees`; `reclaimed` is what the bank took of it after something had left:
    from then on nothing of it leaves. `trusted` says that more than a class C message
    told it; until then all of it is `advised` and nothing is booked.
    """

    __tablename__ = "credit"
    __table_args__ = (
        one_of("finding", Finding),
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint(
            "advised >= 0 AND to_fees >= 0 AND held >= 0 AND unidentified >= 0"
            " AND refunded >= 0 AND reversed >= 0",
            name="parts",
        ),
        CheckConstraint(
            "advised + to_fees + held + unidentified + refunded + reversed = amount",
            name="divided",
        ),
        CheckConstraint("(settled_at IS NULL) = (finding IS NULL)", name="settled_at"),
        CheckConstraint("advised = 0 OR advised = amount", name="advised"),
        CheckConstraint("refunded = 0 OR match_id IS NOT NULL", name="refunded_is_seen"),
        CheckConstraint("remitted BETWEEN 0 AND to_fees", name="remitted"),
        CheckConstraint("remitted = 0 OR match_id IS NOT NULL", name="remitted_is_seen"),
        CheckConstraint("reclaimed BETWEEN 0 AND amount", name="reclaimed"),
        CheckConstraint("merged_into_id IS NULL OR reversed = amount", name="merged_is_empty"),
        Index(None, "collection_account_id", "code"),
        Index(None, "collection_account_id", "bank_reference", "day"),
        Index(None, "collection_account_id", "payer_key", "day"),
        Index(None, "collection_account_id", "payment_request_id"),
        Index(None, "collection_account_id", "day"),
        partial_index(
            "ix_credit_open_parts",
            "collection_account_id",
            "day",
            where="held > 0 OR unidentified > 0 OR reversed > 0",
        ),
        partial_index(
            "ix_credit_reclaimed",
            "collection_account_id",
            "day",
            where="reclaimed > 0",
        ),
        partial_index(
            "ix_credit_unmatched",
            "collection_account_id",
            "day",
            where="match_id IS NULL",
        ),
        {"sqlite_strict": True, "postgresql_with": {"fillfactor": 50}},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    payment_request_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("payment_request.id"))
    amount: Mapped[Dong] = mapped_column(Amount())
    booked_at: Mapped[datetime] = mapped_column(Instant())
    day: Mapped[date] = mapped_column(Day())
    memo: Mapped[str] = mapped_column(Words())
    bank_reference: Mapped[str | None] = mapped_column(Code())
    code: Mapped[str | None] = mapped_column(Code())
    virtual_account: Mapped[str | None] = mapped_column(Code())
    payer_key: Mapped[str | None] = mapped_column(Code())
    payer: Mapped[bytes | None] = mapped_column(Bytes())
    trusted: Mapped[bool] = mapped_column(Flag())
    arrived_at: Mapped[datetime] = mapped_column(Instant())
    finding: Mapped[str | None] = mapped_column(Code())
    settled_at: Mapped[datetime | None] = mapped_column(Instant())
    decisions: Mapped[int] = mapped_column(Count(), default=0)
    advised: Mapped[Dong] = mapped_column(Amount())
    to_fees: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    held: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    unidentified: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    refunded: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    reversed: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    remitted: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    reclaimed: Mapped[Dong] = mapped_column(Amount(), default=Dong(0))
    match_id: Mapped[int | None] = mapped_column(Key())
    merged_into_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("credit.id"))


class CreditReference(Row):
    """A code found in a credit's memo, whole or not."""

    __tablename__ = "credit_reference"
    __table_args__ = (
        UniqueConstraint("credit_id", "code"),
        one_of("kind", Kind),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    credit_id: Mapped[int] = mapped_column(ForeignKey("credit.id"))
    code: Mapped[str] = mapped_column(Code())
    kind: Mapped[str] = mapped_column(Code())


class Assignment(Row):
    """That staff gave a credit to a request, and what the credit carried before.

    `code` and `references` are its code and its `CreditReference`s (kinds by code) until then: when
    the assignment is taken back, the credit carries them again. The row stays.
    """

    __tablename__ = "assignment"
    __table_args__ = (
        Index(None, "credit_id"),
        CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL) AND (ended_at IS NULL) = (reason IS NULL)",
            name="ended",
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    credit_id: Mapped[int] = mapped_column(ForeignKey("credit.id"))
    payment_request_id: Mapped[int] = mapped_column(ForeignKey("payment_request.id"))
    code: Mapped[str | None] = mapped_column(Code())
    references: Mapped[Any] = mapped_column(Json())
    assigned_at: Mapped[datetime] = mapped_column(Instant())
    assigned_by: Mapped[str] = mapped_column(Code())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())
    ended_by: Mapped[str | None] = mapped_column(Code())
    reason: Mapped[str | None] = mapped_column(Words())


class Evidence(Row):
    """One source's message that a credit happened. Raw bytes are the callback's."""

    __tablename__ = "evidence"
    __table_args__ = (
        UniqueConstraint("collection_account_id", "source", "event_id"),
        UniqueConstraint("credit_id", "source"),
        one_of("trust", ("A", "B", "C")),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    credit_id: Mapped[int] = mapped_column(ForeignKey("credit.id"))
    source: Mapped[str] = mapped_column(Code())
    event_id: Mapped[str] = mapped_column(Code())
    trust: Mapped[str] = mapped_column(Code())
    callback_id: Mapped[int] = mapped_column(Key())
    body_sha256: Mapped[str] = mapped_column(Code())
    arrived_at: Mapped[datetime] = mapped_column(Instant())


class Allocation(Row):
    """How much of a credit went to one fee line, and from which day; negative when taken back."""

    __tablename__ = "allocation"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        Index(None, "collection_account_id", "credit_id"),
        Index(None, "collection_account_id", "day"),
        UniqueConstraint("payment_request_line_id", "credit_id", "decision"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    credit_id: Mapped[int] = mapped_column(ForeignKey("credit.id"))
    payment_request_line_id: Mapped[int] = mapped_column(ForeignKey("payment_request_line.id"))
    amount: Mapped[Dong] = mapped_column(Amount())
    decision: Mapped[str] = mapped_column(Code())
    day: Mapped[date] = mapped_column(Day())
