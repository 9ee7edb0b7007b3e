"""The tables of matching: which line is which credit, and what is only suggested to staff."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import (
    Amount,
    Code,
    Count,
    Day,
    Instant,
    Json,
    Key,
    Words,
    one_of,
    partial_index,
)
from payments.core.database import Row
from payments.core.money import Dong

VERSION: Final = 1
"""The version of the rules, kept in the record of each closed day."""


class Rule(StrEnum):
    """Why a line was matched or booked."""

    REFERENCE = "reference"
    VIRTUAL_ACCOUNT = "virtual_account"
    CODE = "code"
    PAYER = "payer"
    MISSED_CALLBACK = "missed_callback"
    REVERSAL = "reversal"
    CHARGE = "charge"
    INTEREST = "interest"
    RECEIVABLE = "receivable"
    RECOVERED = "recovered"
    TRANSFER = "transfer"
    PAYOUT = "payout"
    RETURNED = "returned"
    BY_HAND = "by_hand"


class Reason(StrEnum):
    """What a match rests on, as it is told to staff."""

    SAME_REFERENCE = "same_reference"
    SAME_VIRTUAL_ACCOUNT = "same_virtual_account"
    SAME_CODE = "same_code"
    SAME_PAYER = "same_payer"
    SAME_AMOUNT = "same_amount"
    SAME_DAY = "same_day"
    NOBODY_TOLD = "nobody_told"
    BANK_SAYS_REVERSAL = "bank_says_reversal"
    KNOWN_WORDS = "known_words"
    EACH_NAMES_THE_OTHER = "each_names_the_other"
    SAME_PAYOUT = "same_payout"
    BY_HAND = "by_hand"


REASONS = {
    Rule.REFERENCE: [Reason.SAME_REFERENCE, Reason.SAME_DAY, Reason.SAME_AMOUNT],
    Rule.VIRTUAL_ACCOUNT: [Reason.SAME_VIRTUAL_ACCOUNT, Reason.SAME_AMOUNT],
    Rule.CODE: [Reason.SAME_CODE, Reason.SAME_AMOUNT],
    Rule.PAYER: [Reason.SAME_PAYER, Reason.SAME_DAY, Reason.SAME_AMOUNT],
    Rule.MISSED_CALLBACK: [Reason.NOBODY_TOLD],
    Rule.REVERSAL: [Reason.BANK_SAYS_REVERSAL, Reason.SAME_AMOUNT],
    Rule.CHARGE: [Reason.KNOWN_WORDS],
    Rule.INTEREST: [Reason.KNOWN_WORDS],
    Rule.RECEIVABLE: [Reason.BY_HAND],
    Rule.RECOVERED: [Reason.BY_HAND],
    Rule.TRANSFER: [Reason.EACH_NAMES_THE_OTHER, Reason.SAME_AMOUNT],
    Rule.PAYOUT: [Reason.SAME_PAYOUT, Reason.SAME_AMOUNT],
    Rule.RETURNED: [Reason.SAME_PAYOUT, Reason.SAME_AMOUNT],
    Rule.BY_HAND: [Reason.BY_HAND],
}
"""What each rule rests on."""


def _live(column: str) -> Index:
    return partial_index(
        f"uq_line_match_{column}_live",
        "collection_account_id",
        column,
        unique=True,
        where="revoked_at IS NULL",
    )


class LineMatch(Row):
    """A line found to be a credit, or booked for what it is; `day` is the accounting day.

    It names its first line and credit, each in at most one live match. A reversal names the credit
    that the bank took back, a transfer the line of our other account, whose own match names this
    one's; the two are made and revoked together. A payout seen leaving or coming back names that. A
    revoked match keeps its row; `revoked_on` is the accounting day of its reversal.
    """

    __tablename__ = "line_match"
    __table_args__ = (
        _live("first_line_id"),
        _live("first_credit_id"),
        _live("reversed_credit_id"),
        _live("other_line_id"),
        partial_index(
            "uq_line_match_payout_live",
            "collection_account_id",
            "payout_id",
            "rule",
            unique=True,
            where="revoked_at IS NULL",
        ),
        partial_index(
            "ix_line_match_revoked",
            "collection_account_id",
            "first_line_id",
            where="revoked_at IS NOT NULL",
        ),
        Index(None, "collection_account_id", "day"),
        one_of("rule", Rule),
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint(
            "(rule IN ('reference', 'virtual_account', 'code', 'payer', 'missed_callback',"
            " 'by_hand'))"
            " = (first_credit_id IS NOT NULL)",
            name="first_credit",
        ),
        CheckConstraint(
            "(rule = 'reversal') = (reversed_credit_id IS NOT NULL)", name="reversed_credit"
        ),
        CheckConstraint("(rule = 'transfer') = (other_line_id IS NOT NULL)", name="other_line"),
        CheckConstraint("other_line_id <> first_line_id", name="two_lines"),
        CheckConstraint(
            "(rule IN ('payout', 'returned')) = (payout_id IS NOT NULL)", name="payout"
        ),
        CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by IS NULL)"
            " AND (revoked_at IS NULL) = (revoked_on IS NULL)"
            " AND (revoked_at IS NULL) = (revoke_reason IS NULL)",
            name="revoked",
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    day: Mapped[date] = mapped_column(Day())
    rule: Mapped[str] = mapped_column(Code())
    reasons: Mapped[Any] = mapped_column(Json())
    amount: Mapped[Dong] = mapped_column(Amount())
    first_line_id: Mapped[int] = mapped_column(ForeignKey("statement_line.id"))
    first_credit_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("credit.id"))
    reversed_credit_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("credit.id"))
    other_line_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("statement_line.id"))
    payout_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("payout.id"))
    made_at: Mapped[datetime] = mapped_column(Instant())
    made_by: Mapped[str] = mapped_column(Code())
    revoked_at: Mapped[datetime | None] = mapped_column(Instant())
    revoked_by: Mapped[str | None] = mapped_column(Code())
    revoked_on: Mapped[date | None] = mapped_column(Day())
    revoke_reason: Mapped[str | None] = mapped_column(Words())


class MatchMember(Row):
    """A further line or credit of a match that joins several; the first ones stand on the match."""

    __tablename__ = "match_member"
    __table_args__ = (
        Index(None, "collection_account_id", "statement_line_id"),
        Index(None, "collection_account_id", "credit_id"),
        Index(None, "line_match_id"),
        CheckConstraint(
            "(statement_line_id IS NULL) <> (credit_id IS NULL)", name="line_or_credit"
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    line_match_id: Mapped[int] = mapped_column(ForeignKey("line_match.id"))
    statement_line_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("statement_line.id"))
    credit_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("credit.id"))


class Clue(StrEnum):
    """Why something is suggested: never enough to be done by itself."""

    DAMAGED = "damaged"  # the code with one digit changed, or two neighbours exchanged
    CUT = "cut"  # the beginning of the code, six digits or more
    KNOWN_PAYER = "known_payer"  # the payer's account paid for the same dossier before
    SAME_AMOUNT = "same_amount"  # a line and a credit of one amount and day, and nothing against it


class SuggestionState(StrEnum):
    """What became of a suggestion; one declined is not made again."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    GONE = "gone"  # its cause went


class Suggestion(Row):
    """A request that a credit may be meant for, or a line that a credit may be.

    `code` is what the memo holds of the request's reference; `rank` orders a credit's suggestions,
    the likeliest first.
    """

    __tablename__ = "suggestion"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("collection_account_id", "credit_id", "payment_request_id"),
        UniqueConstraint("collection_account_id", "credit_id", "statement_line_id"),
        partial_index(
            "ix_suggestion_open",
            "collection_account_id",
            "credit_id",
            where="state = 'open'",
        ),
        Index(None, "collection_account_id", "statement_line_id"),
        one_of("clue", Clue),
        one_of("state", SuggestionState),
        CheckConstraint("rank >= 1", name="rank"),
        CheckConstraint(
            "(payment_request_id IS NULL) <> (statement_line_id IS NULL)", name="request_or_line"
        ),
        CheckConstraint(
            "(statement_line_id IS NOT NULL) = (clue = 'same_amount')", name="clue_of_line"
        ),
        CheckConstraint(
            "(state IN ('accepted', 'declined')) = (decided_by IS NOT NULL)"
            " AND (decided_at IS NULL) = (decided_by IS NULL)",
            name="decided",
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    credit_id: Mapped[int] = mapped_column(ForeignKey("credit.id"))
    payment_request_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("payment_request.id"))
    statement_line_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("statement_line.id"))
    clue: Mapped[str] = mapped_column(Code())
    code: Mapped[str | None] = mapped_column(Code())
    rank: Mapped[int] = mapped_column(Count())
    state: Mapped[str] = mapped_column(Code())
    made_at: Mapped[datetime] = mapped_column(Instant())
    decided_at: Mapped[datetime | None] = mapped_column(Instant())
    decided_by: Mapped[str | None] = mapped_column(Code())
