"""The tables of breaks and of notes on them: kinds, states, and what a kind weighs on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType
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


class Leg(StrEnum):
    """What a break is about; with a key it says which credit, line, statement, day or callback."""

    CONFIRMATION = "confirmation"  # a credit that no statement line confirms
    SETTLEMENT = "settlement"  # what a credit was found to be
    TELLING = "telling"  # the credits of a day that no callback told
    LINE = "line"  # a statement line that is not booked
    STATEMENT = "statement"  # a statement that does not add up
    CONTINUITY = "continuity"  # a statement that does not follow the one before
    DAY = "day"  # a day without a statement
    PAYOUT = "payout"  # money that was sent, and not seen leaving or came back
    RECEIPT = "receipt"  # a paid request without its receipts
    CALLBACK = "callback"  # a message that contradicts an earlier one, or can't be settled
    FORWARDING = "forwarding"  # the fees of an agency that are not forwarded in time
    CLAIM = "claim"  # a payer says to have paid


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
    RECLAIMED = "reclaimed"
    AMOUNT_DIFFERS = "amount_differs"
    DEBIT_UNEXPLAINED = "debit_unexplained"
    TRANSFER_UNSEEN = "transfer_unseen"
    PAYOUT_NOT_SEEN = "payout_not_seen"
    PAYOUT_RETURNED = "payout_returned"
    RECEIPT_MISSING = "receipt_missing"
    DELIVERY_CONFLICT = "delivery_conflict"
    CALLBACK_FAILED = "callback_failed"
    BALANCE_GAP = "balance_gap"
    STATEMENT_MISSING = "statement_missing"
    STATEMENT_UNBALANCED = "statement_unbalanced"
    NOT_REMITTED_IN_24H = "not_remitted_in_24h"
    CITIZEN_CLAIM = "citizen_claim"


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

ACCEPTABLE: Final = (
    Kind.MISSED_CALLBACK,
    Kind.DELIVERY_CONFLICT,
    Kind.CALLBACK_FAILED,
    Kind.REVERSED,
    Kind.PAYOUT_RETURNED,
)
"""Kinds that may be left as they are, with a reason: in them no money waits to be placed.

What a message that failed told of comes with the statement, if it is so; what came back stands
where it came from.
"""

_LISTED: Final = ", ".join(f"'{kind}'" for kind in ACCEPTABLE)

GRACE: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.CALLBACK_WITHOUT_LINE: "callback_grace_hours",
        Kind.ADVISED_UNCONFIRMED: "advised_grace_hours",
        Kind.TRANSFER_UNSEEN: "transfer_grace_hours",
        Kind.PAYOUT_NOT_SEEN: "payout_grace_hours",
        Kind.CITIZEN_CLAIM: "claim_grace_hours",
    }
)
"""The policies by which a kind may wait before it counts; the others count at once."""


class State(StrEnum):
    """Where a break stands; a resolved one is gone, or was accepted as it is."""

    OPEN = "open"
    ASSIGNED = "assigned"  # somebody looks after it
    PROPOSED = "proposed"  # a decision waits for a second person
    RESOLVED = "resolved"


class Priority(IntEnum):
    """How soon a break is to be worked, in the order of the queue."""

    HIGH = 1
    NORMAL = 2
    LOW = 3


class Action(StrEnum):
    """What may be decided about a break; which kinds allow it is in `rules`."""

    ASSIGN = "assign"  # give its money to a request
    REFUND = "refund"  # give its money back to who paid it
    SUGGESTION = "suggestion"  # do what matching suggests
    MATCH = "match"  # the lines and the credits of these breaks are the same money
    WITHDRAW = "withdraw"  # the credit was told and never came
    DISMISS = "dismiss"  # what a class C message advised is not so
    CHARGE = "charge"  # the line is a bank charge
    INTEREST = "interest"  # the line is interest
    RECEIVABLE = "receivable"  # the line left and is to be got back
    RECOVERED = "recovered"  # the line is such money come back
    SET_OFF = "set_off"  # what is left of a credit ends with what the bank took of it
    PAYOUT = "payout"  # the line is a payout of ours, sent or come back
    RELEASE = "release"  # what the bank took of a credit has come again: it is as it was
    SWEPT = "swept"  # the line are remittances that the bank sent by itself
    WAIT = "wait"  # nothing is done until a day
    ACCEPT = "accept"  # it stays as it is


class NoteKind(StrEnum):
    """What a note tells."""

    NOTE = "note"
    CONTACT = "contact"  # whom at the bank one spoke to
    LETTER = "letter"  # a letter of inquiry (thư tra soát), with its number
    REPLY = "reply"  # what the bank answered


APPEND_ONLY: Final = ("break_note",)

_QUEUED: Final = "state <> 'resolved'"


def _queue(*columns: str) -> Index:
    """An index of what waits to be worked, in the order of the queue."""
    name = "_".join(["ix_break_queue", *columns])
    order = ("priority", "since", "id")
    return partial_index(name, *columns, *order, where=_QUEUED)


def _ended(*columns: str) -> Index:
    """An index of what is resolved, in order of number."""
    ended = "state = 'resolved'"
    name = "_".join(["ix_break_resolved", *columns])
    return partial_index(name, *columns, "id", where=ended)


class Break(Row):
    """Something that does not agree, derived from its cause and cleared when that goes.

    It is known by (account, leg, key): its kind may change, it stays the same break and ages
    `since` its cause arose. `items` counts what it stands for, where that is more than one thing.
    `resolution` is what a person did; the break is gone only when its cause is, or when it was
    accepted as it is. `waiting_until` is a day until which somebody decided to wait.
    """

    __tablename__ = "break"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("collection_account_id", "leg", "key"),
        one_of("leg", Leg),
        one_of("kind", Kind),
        one_of("state", State),
        one_of("resolution", Action),
        CheckConstraint("priority BETWEEN 1 AND 3", name="priority"),
        CheckConstraint("cleared_at IS NULL OR state = 'resolved'", name="cleared"),
        CheckConstraint(
            f"state <> 'resolved' OR cleared_at IS NOT NULL OR kind IN ({_LISTED})",
            name="accepted",
        ),
        CheckConstraint("(state = 'proposed') = (approval_id IS NOT NULL)", name="proposed"),
        CheckConstraint("state <> 'assigned' OR owner IS NOT NULL", name="assigned"),
        CheckConstraint("state <> 'open' OR owner IS NULL", name="open"),
        CheckConstraint(
            "(resolution IS NULL) = (resolved_by IS NULL)"
            " AND (resolution IS NULL) = (resolved_at IS NULL)",
            name="resolved_by",
        ),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("items >= 1", name="items"),
        partial_index(
            "ix_break_live",
            "collection_account_id",
            "day",
            where="cleared_at IS NULL",
        ),
        _queue(),
        _queue("collection_account_id"),
        _queue("kind"),
        _queue("owner"),
        _ended(),
        _ended("collection_account_id"),
        partial_index(
            "ix_break_proposed",
            "approval_id",
            where="approval_id IS NOT NULL",
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
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
    state: Mapped[str] = mapped_column(Code())
    priority: Mapped[int] = mapped_column(Count())
    owner: Mapped[str | None] = mapped_column(Code())
    due_on: Mapped[date | None] = mapped_column(Day())
    waiting_until: Mapped[date | None] = mapped_column(Day())
    approval_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("approval.id"))
    resolution: Mapped[str | None] = mapped_column(Code())
    resolved_by: Mapped[str | None] = mapped_column(Code())
    resolved_at: Mapped[datetime | None] = mapped_column(Instant())


class BreakNote(Row):
    """What somebody wrote or brought about a break; it stays as it was written.

    A letter of inquiry has its `number`; an attachment is a stored file under its `filename`.
    """

    __tablename__ = "break_note"
    __table_args__ = (
        UniqueConstraint("public_id"),
        Index(None, "break_id", "id"),
        one_of("kind", NoteKind),
        CheckConstraint("kind <> 'letter' OR number IS NOT NULL", name="number"),
        CheckConstraint("(filename IS NULL) = (stored_file_id IS NULL)", name="filename"),
        CheckConstraint("words <> '' OR stored_file_id IS NOT NULL", name="words"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    break_id: Mapped[int] = mapped_column(ForeignKey("break.id"))
    kind: Mapped[str] = mapped_column(Code())
    words: Mapped[str] = mapped_column(Words())
    number: Mapped[str | None] = mapped_column(Words())
    stored_file_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("stored_file.id"))
    filename: Mapped[str | None] = mapped_column(Words())
    written_at: Mapped[datetime] = mapped_column(Instant())
    written_by: Mapped[str] = mapped_column(Code())
