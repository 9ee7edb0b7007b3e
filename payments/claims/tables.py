"""The table of claims. Nothing of the payer's person is asked: the request says whose it is."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Amount, Code, Day, Instant, Key, Words, partial_index
from payments.core.database import Row
from payments.core.money import Dong

DIGITS: Final = 8
"""Of a claim's number: random, so that none tells how many there are."""


class State(StrEnum):
    """Where a claim stands; derived from the request and the answer, never stored."""

    OPEN = "open"
    ANSWERED = "answered"
    FOUND = "found"  # the request is paid


class Claim(Row):
    """What a payer tells of a payment that is not to be seen, and what staff answer.

    `bank_number` is the bank's number of the transfer, in capitals and without spaces; `amount` and
    `paid_on` are as the payer says. A photo is a stored file that staff alone see.
    """

    __tablename__ = "claim"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("number"),
        UniqueConstraint("payment_request_id"),
        CheckConstraint("amount BETWEEN 1 AND 499999999", name="amount"),
        CheckConstraint(
            "(answer IS NULL) = (answered_at IS NULL) AND (answer IS NULL) = (answered_by IS NULL)",
            name="answered",
        ),
        partial_index(
            "ix_claim_unanswered",
            "collection_account_id",
            "id",
            where="answered_at IS NULL",
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    number: Mapped[str] = mapped_column(Code())
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    payment_request_id: Mapped[int] = mapped_column(ForeignKey("payment_request.id"))
    bank_number: Mapped[str] = mapped_column(Code())
    paid_on: Mapped[date] = mapped_column(Day())
    amount: Mapped[Dong] = mapped_column(Amount())
    words: Mapped[str] = mapped_column(Words())
    stored_file_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("stored_file.id"))
    made_at: Mapped[datetime] = mapped_column(Instant())
    answer: Mapped[str | None] = mapped_column(Words())
    answered_at: Mapped[datetime | None] = mapped_column(Instant())
    answered_by: Mapped[str | None] = mapped_column(Code())
