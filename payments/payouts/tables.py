"""The tables of money that leaves: payouts, what each is made of, and the files they are sent in.

A payout says how much goes where and why; its items say out of which credits. Money moves when it
is approved, and is seen leaving on a statement, or comes back.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.banks import by_bin
from payments.core.columns import (
    Amount,
    Bytes,
    Code,
    Count,
    Day,
    Flag,
    Instant,
    Key,
    Words,
    one_of,
    partial_index,
)
from payments.core.database import Row
from payments.core.money import Dong

APPEND_ONLY: Final = ("refund_account",)


class Kind(StrEnum):
    """Why money leaves."""

    REFUND = "refund"  # back to who paid it
    REMITTANCE = "remittance"  # fees, forwarded to the treasury


class State(StrEnum):
    """Where a payout stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"  # booked, and not in a file yet
    FILED = "filed"  # in a file for the bank, and not seen leaving yet
    PAID_OUT = "paid_out"  # seen leaving on a statement
    RETURNED = "returned"  # seen coming back on a statement
    REJECTED = "rejected"  # approved, and never left
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


MOVES: Final = frozenset(
    {
        (State.PROPOSED, State.APPROVED),
        (State.PROPOSED, State.DECLINED),
        (State.PROPOSED, State.WITHDRAWN),
        (State.APPROVED, State.FILED),
        (State.APPROVED, State.REJECTED),
        (State.FILED, State.PAID_OUT),
        (State.FILED, State.REJECTED),
        (State.PAID_OUT, State.RETURNED),
        (State.PAID_OUT, State.FILED),  # its match was revoked
        (State.APPROVED, State.PAID_OUT),  # the bank sent it by itself
        (State.PAID_OUT, State.APPROVED),  # that match was revoked
    }
)

LIVE: Final = (State.PROPOSED, State.APPROVED, State.FILED, State.PAID_OUT)
"""Payouts that have money, or are to have it."""

AWAY: Final = (State.APPROVED, State.FILED, State.PAID_OUT)
"""Payouts whose money has left the credits it came from."""

GIVEN: Final = (State.FILED, State.PAID_OUT, State.RETURNED)
"""Payouts that the bank was told to send."""

LEAVING: Final = (State.APPROVED, State.FILED)
"""Payouts whose money is booked as leaving and not seen on a statement."""


def allowed_into(state: State) -> list[str]:
    """The states from which a payout may move into `state`."""
    return sorted(str(before) for before, after in MOVES if after == state)


class Part(StrEnum):
    """The part of a credit that money is paid out of."""

    HELD = "held"
    UNIDENTIFIED = "unidentified"
    FEES = "fees"


class PaymentFile(Row):
    """A file of payouts for the bank, made once: ISO 20022 and the bank's sheet, kept as sent."""

    __tablename__ = "payment_file"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("number"),
        CheckConstraint("payouts >= 1", name="payouts"),
        CheckConstraint("total >= 1", name="total"),
        Index(None, "collection_account_id", "id"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    number: Mapped[str] = mapped_column(Code())
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    payouts: Mapped[int] = mapped_column(Count())
    total: Mapped[Dong] = mapped_column(Amount())
    pain_file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    pain_sha256: Mapped[str] = mapped_column(Code())
    sheet_file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    sheet_sha256: Mapped[str] = mapped_column(Code())
    made_at: Mapped[datetime] = mapped_column(Instant())
    made_by: Mapped[str] = mapped_column(Code())


MOST_NAMED: Final = 5
"""So often a payer names an account for the refunds of one request."""


class RefundAccount(Row):
    """An account that the payer of a request named for what is kept of it to go back to.

    The newest counts; `number` counts those of a request from 1. Number and name are sealed, `hint`
    are the account's last digits. Nothing is paid by it: it is what a proposal is filled in with.
    """

    __tablename__ = "refund_account"
    __table_args__ = (
        UniqueConstraint("payment_request_id", "number"),
        CheckConstraint(f"number BETWEEN 1 AND {MOST_NAMED}", name="number"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    payment_request_id: Mapped[int] = mapped_column(ForeignKey("payment_request.id"))
    number: Mapped[int] = mapped_column(Count())
    beneficiary: Mapped[bytes] = mapped_column(Bytes())
    bin: Mapped[str] = mapped_column(Code())
    hint: Mapped[str] = mapped_column(Code())
    named_at: Mapped[datetime] = mapped_column(Instant())

    @property
    def bank(self) -> str:
        """The bank's short name; its BIN where no list knows it."""
        bank = by_bin(self.bin)
        return self.bin if bank is None else bank.short_name


class Payout(Row):
    """Money to be paid out, and how far it has come.

    `code` stands first in the transfer's text, so that the statement's line is known by it. The
    beneficiary's account and name are sealed; `beneficiary_hint` are the account's last digits.
    A remittance is of fees of one agency and kind, by one route. `elsewhere` says that a refund
    goes to another account than the money came from: then two persons beside the proposer approve
    it, `approved_by` and `seconded_by`. `refund_account_id` is the account that the payer had named
    when it was proposed, where it goes to that one. `swept` says of a remittance that the bank sent
    it by itself, in no file of ours.
    """

    __tablename__ = "payout"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("code"),
        one_of("kind", Kind),
        one_of("state", State),
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint(
            "approved_by <> proposed_by AND (seconded_by IS NULL"
            " OR (seconded_by <> proposed_by AND seconded_by <> approved_by))",
            name="four_eyes",
        ),
        CheckConstraint("approved_at IS NULL OR approved_by IS NOT NULL", name="approved_by"),
        CheckConstraint(
            "state <> 'rejected' OR (ended_by <> approved_by"
            " AND (seconded_by IS NULL OR ended_by <> seconded_by))",
            name="rejected_by",
        ),
        CheckConstraint(
            "approved_at IS NULL OR NOT elsewhere OR seconded_by IS NOT NULL", name="six_eyes"
        ),
        CheckConstraint(
            "(state IN ('approved', 'filed', 'paid_out', 'returned', 'rejected'))"
            " = (approved_at IS NOT NULL)",
            name="approved_at",
        ),
        CheckConstraint(
            "(state NOT IN ('filed', 'paid_out', 'returned')"
            " OR payment_file_id IS NOT NULL OR swept)"
            " AND (payment_file_id IS NULL) = (filed_at IS NULL)"
            " AND (payment_file_id IS NULL) = (filed_on IS NULL)",
            name="filed",
        ),
        CheckConstraint(
            "NOT swept OR (kind = 'remittance' AND payment_file_id IS NULL"
            " AND state IN ('paid_out', 'returned'))",
            name="swept",
        ),
        CheckConstraint(
            "(state IN ('paid_out', 'returned')) = (match_id IS NOT NULL)"
            " AND (match_id IS NULL) = (paid_out_on IS NULL)",
            name="paid_out",
        ),
        CheckConstraint(
            "(state = 'returned') = (returned_match_id IS NOT NULL)"
            " AND (returned_match_id IS NULL) = (returned_on IS NULL)"
            " AND (returned_match_id IS NULL) = (returned_at IS NULL)",
            name="returned",
        ),
        CheckConstraint(
            "(state IN ('rejected', 'declined', 'withdrawn')) = (ended_at IS NOT NULL)"
            " AND (ended_at IS NULL) = (ended_by IS NULL)"
            " AND (ended_at IS NULL) = (answer IS NULL)",
            name="ended",
        ),
        CheckConstraint("(kind = 'refund') = (credit_id IS NOT NULL)", name="credit"),
        CheckConstraint(
            "refund_account_id IS NULL OR payment_request_id IS NOT NULL", name="refund_account"
        ),
        CheckConstraint(
            "(kind = 'remittance') = (remittance_route_id IS NOT NULL)"
            " AND (remittance_route_id IS NULL) = (agency_id IS NULL)"
            " AND (remittance_route_id IS NULL) = (fee_kind IS NULL)",
            name="route",
        ),
        one_of("fee_kind", ("phi", "le_phi")),
        Index(None, "collection_account_id", "state", "id"),
        Index(None, "state", "id"),
        Index(None, "credit_id"),
        Index(None, "payment_request_id"),
        Index(None, "payment_file_id"),
        Index(None, "match_id"),
        Index(None, "returned_match_id"),
        Index(None, "refund_account_id"),
        partial_index(
            "ix_payout_leaving",
            "collection_account_id",
            where="state IN ('approved', 'filed')",
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    code: Mapped[str] = mapped_column(Code())
    kind: Mapped[str] = mapped_column(Code())
    state: Mapped[str] = mapped_column(Code())
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    credit_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("credit.id"))
    payment_request_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("payment_request.id"))
    remittance_route_id: Mapped[int | None] = mapped_column(
        Key(), ForeignKey("remittance_route.id")
    )
    agency_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("agency.id"))
    fee_kind: Mapped[str | None] = mapped_column(Code())
    amount: Mapped[Dong] = mapped_column(Amount())
    reason: Mapped[str] = mapped_column(Words())
    elsewhere: Mapped[bool] = mapped_column(Flag())
    beneficiary: Mapped[bytes] = mapped_column(Bytes())
    beneficiary_bin: Mapped[str] = mapped_column(Code())
    beneficiary_hint: Mapped[str] = mapped_column(Code())
    refund_account_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("refund_account.id"))
    proposed_by: Mapped[str] = mapped_column(Code())
    proposed_at: Mapped[datetime] = mapped_column(Instant())
    approved_by: Mapped[str | None] = mapped_column(Code())
    seconded_by: Mapped[str | None] = mapped_column(Code())
    approved_at: Mapped[datetime | None] = mapped_column(Instant())
    payment_file_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("payment_file.id"))
    filed_at: Mapped[datetime | None] = mapped_column(Instant())
    filed_on: Mapped[date | None] = mapped_column(Day())
    swept: Mapped[bool] = mapped_column(Flag(), default=False)
    match_id: Mapped[int | None] = mapped_column(Key())
    paid_out_on: Mapped[date | None] = mapped_column(Day())
    returned_match_id: Mapped[int | None] = mapped_column(Key())
    returned_on: Mapped[date | None] = mapped_column(Day())
    returned_at: Mapped[datetime | None] = mapped_column(Instant())
    ended_by: Mapped[str | None] = mapped_column(Code())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())
    answer: Mapped[str | None] = mapped_column(Words())


class PayoutItem(Row):
    """What of a credit a payout is made of: a part; of fees also the line, and since which day.

    Rows are written with the proposal and never changed.
    """

    __tablename__ = "payout_item"
    __table_args__ = (
        UniqueConstraint("payout_id", "credit_id", "part", "payment_request_line_id", "fee_day"),
        one_of("part", Part),
        CheckConstraint("amount >= 1", name="amount"),
        CheckConstraint(
            "(part = 'fees') = (payment_request_line_id IS NOT NULL)"
            " AND (part = 'fees') = (fee_day IS NOT NULL)",
            name="fees",
        ),
        Index(None, "collection_account_id", "credit_id"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    payout_id: Mapped[int] = mapped_column(ForeignKey("payout.id"))
    credit_id: Mapped[int] = mapped_column(ForeignKey("credit.id"))
    part: Mapped[str] = mapped_column(Code())
    payment_request_line_id: Mapped[int | None] = mapped_column(
        Key(), ForeignKey("payment_request_line.id")
    )
    fee_day: Mapped[date | None] = mapped_column(Day())
    amount: Mapped[Dong] = mapped_column(Amount())
