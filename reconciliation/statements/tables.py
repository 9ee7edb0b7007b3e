"""The tables of statements: files as received, what each says of an account, and its lines.

A line is a movement that the bank booked. It stands here once, however many files carry it, and
`match_id` says what it was found to be; a line without one is not booked by us yet.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    and_,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.util import AliasedClass

from payments.advice import Direction
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


class FileState(StrEnum):
    """Whether a file's content was taken, waits for a person or for its turn, or was refused.

    One whose statements all were set aside is set aside itself, and may be brought again.
    """

    OFFERED = "offered"
    WAITING = "waiting"
    IMPORTED = "imported"
    REFUSED = "refused"
    SET_ASIDE = "set_aside"


class StatementFile(Row):
    """A file as it was received. Of a refused one only the refusal is kept.

    A large one waits for its turn to be read; `progress` says how much of it has been, in percent,
    and `collection_account_id` the account it was brought for, where somebody said so.
    """

    __tablename__ = "statement_file"
    __table_args__ = (
        UniqueConstraint("public_id"),
        partial_index(
            "uq_statement_file_sha256_imported",
            "sha256",
            unique=True,
            where="state = 'imported'",
        ),
        partial_index(
            "ix_statement_file_waiting",
            "id",
            where="state = 'waiting'",
        ),
        partial_index(
            "ix_statement_file_set_aside",
            "sha256",
            where="state = 'set_aside'",
        ),
        one_of("state", FileState),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refusal"),
        CheckConstraint("(state = 'refused') = (stored_file_id IS NULL)", name="stored_file"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    sha256: Mapped[str] = mapped_column(Code())
    filename: Mapped[str] = mapped_column(Words())
    size: Mapped[int] = mapped_column(Count())
    state: Mapped[str] = mapped_column(Code())
    stored_file_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("stored_file.id"))
    refusal: Mapped[Any | None] = mapped_column(Json())
    progress: Mapped[int] = mapped_column(Count(), default=0)
    collection_account_id: Mapped[int | None] = mapped_column(
        Key(), ForeignKey("collection_account.id")
    )
    received_at: Mapped[datetime] = mapped_column(Instant())
    received_by: Mapped[str] = mapped_column(Code())


class LayoutState(StrEnum):
    """Whether a saved layout reads files for booking, still waits, or does so no more."""

    WAITING = "waiting"
    ACTIVE = "active"
    DECLINED = "declined"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


class LayoutDraft(Row):
    """A layout that somebody still works on: its sample, and the answers so far."""

    __tablename__ = "layout_draft"
    __table_args__ = (UniqueConstraint("public_id"), {"sqlite_strict": True})

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    name: Mapped[str] = mapped_column(Code())
    filename: Mapped[str] = mapped_column(Words())
    stored_file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    choices: Mapped[Any] = mapped_column(Json())
    drafted_at: Mapped[datetime] = mapped_column(Instant())
    drafted_by: Mapped[str] = mapped_column(Code())


class StatementLayout(Row):
    """A saved layout of a bank's sheet, in TOML as in `layouts.toml`; never overwritten.

    It is confirmed by another person than saved it, and books nothing before. A confirmed version
    replaces the one before of that name.
    """

    __tablename__ = "statement_layout"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("name", "version"),
        *(
            partial_index(
                f"uq_statement_layout_name_{state.value}",
                "name",
                unique=True,
                where=f"state = '{state.value}'",
            )
            for state in (LayoutState.WAITING, LayoutState.ACTIVE)
        ),
        one_of("state", LayoutState),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("confirmed_by <> saved_by", name="four_eyes"),
        CheckConstraint("(confirmed_by IS NULL) = (confirmed_at IS NULL)", name="confirmed_at"),
        CheckConstraint(
            "state NOT IN ('active', 'replaced') OR confirmed_by IS NOT NULL", name="confirmed_by"
        ),
        CheckConstraint(
            "state NOT IN ('waiting', 'declined') OR confirmed_by IS NULL", name="unconfirmed"
        ),
        CheckConstraint("(state IN ('waiting', 'active')) = (ended_at IS NULL)", name="ended_at"),
        CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name="ended_by"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    name: Mapped[str] = mapped_column(Code())
    version: Mapped[int] = mapped_column(Count())
    described: Mapped[str] = mapped_column(Words())
    choices: Mapped[Any] = mapped_column(Json())
    filename: Mapped[str] = mapped_column(Words())
    stored_file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    reason: Mapped[str] = mapped_column(Words())
    state: Mapped[str] = mapped_column(Code())
    saved_at: Mapped[datetime] = mapped_column(Instant())
    saved_by: Mapped[str] = mapped_column(Code())
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant())
    confirmed_by: Mapped[str | None] = mapped_column(Code())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())
    ended_by: Mapped[str | None] = mapped_column(Code())
    ended_because: Mapped[str | None] = mapped_column(Words())


class Statement(Row):
    """What one file says of one account: its period, balances and control figures.

    `balanced` is None where the file gives no balances to tell. `compared` says, for each day that
    was booked from another format already, which lines only one of the two has. `lines` were read,
    `added` of them were new. `statement_layout_id` is the saved layout it was read by, None for one
    that comes with this service or from the file of layouts. One that did not add up and was
    followed by one of the same days that does, with all its lines, is superseded: it stays to be
    seen and proves nothing any more. One that two persons set aside does neither: its lines belong
    to no account any more (`setting_aside`). Which statements count, `stands` says.
    """

    __tablename__ = "statement"
    __table_args__ = (
        UniqueConstraint("statement_file_id", "position"),
        Index(None, "collection_account_id", "to_day"),
        Index(None, "collection_account_id", "from_day"),
        CheckConstraint("to_day >= from_day", name="period"),
        CheckConstraint("added BETWEEN 0 AND lines", name="added"),
        CheckConstraint("set_aside_by <> set_aside_proposed_by", name="four_eyes"),
        CheckConstraint(
            "(set_aside_at IS NULL) = (set_aside_by IS NULL)"
            " AND (set_aside_at IS NULL) = (set_aside_proposed_by IS NULL)"
            " AND (set_aside_at IS NULL) = (set_aside_because IS NULL)",
            name="set_aside",
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    statement_file_id: Mapped[int] = mapped_column(ForeignKey("statement_file.id"))
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    position: Mapped[int] = mapped_column(Count())
    format: Mapped[str] = mapped_column(Code())
    number: Mapped[str | None] = mapped_column(Words())
    sequence: Mapped[int | None] = mapped_column(Count())
    from_day: Mapped[date] = mapped_column(Day())
    to_day: Mapped[date] = mapped_column(Day())
    opening: Mapped[Dong | None] = mapped_column(Amount())
    closing: Mapped[Dong | None] = mapped_column(Amount())
    credits: Mapped[Dong] = mapped_column(Amount())
    debits: Mapped[Dong] = mapped_column(Amount())
    lines: Mapped[int] = mapped_column(Count())
    added: Mapped[int] = mapped_column(Count())
    statement_layout_id: Mapped[int | None] = mapped_column(
        Key(), ForeignKey("statement_layout.id")
    )
    balanced: Mapped[bool | None] = mapped_column(Flag())
    discrepancies: Mapped[Any | None] = mapped_column(Json())
    differs: Mapped[bool] = mapped_column(Flag())
    compared: Mapped[Any | None] = mapped_column(Json())
    superseded_by_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("statement.id"))
    set_aside_at: Mapped[datetime | None] = mapped_column(Instant())
    set_aside_by: Mapped[str | None] = mapped_column(Code())
    set_aside_proposed_by: Mapped[str | None] = mapped_column(Code())
    set_aside_because: Mapped[str | None] = mapped_column(Words())


def stands(
    statement: type[Statement] | AliasedClass[Statement] = Statement,
) -> ColumnElement[bool]:
    """Whether a statement still counts: no later one superseded it, and nobody set it aside."""
    return and_(statement.superseded_by_id.is_(None), statement.set_aside_at.is_(None))


class StatementLine(Row):
    """One movement on a statement; `day` is the bank's booking day.

    `timed` says that the bank gave the time and not only the day; without it `booked_at` is the
    day's beginning. `code` are the FULL codes of the memo, as on a credit, found by the version
    `extractor` of the references; on a line that names a `virtual_account` of ours, that one's.
    `payout_code` is the whole code of a payout in the memo: money that left, or came back.
    `other_account_id` is the collection account of ours that the bank names as the other side.
    A `reversal` takes back the movement that `reverses` names. `identity` and `occurrence` tell
    equal lines of several files from genuine repeats.

    A line of a statement that was set aside belongs to no account any more: whatever asks for an
    account's lines, or for equal ones, does not find it. It is never matched again.
    """

    __tablename__ = "statement_line"
    __table_args__ = (
        UniqueConstraint("collection_account_id", "identity", "occurrence"),
        Index(None, "collection_account_id", "day", "id"),
        Index(None, "statement_id", "id"),
        # Measured: costs nothing on SQLite and 3 % of a day's run on PostgreSQL, and makes a run
        # independent of how many lines the account ever had.
        partial_index(
            "ix_statement_line_unbooked",
            "collection_account_id",
            "day",
            "id",
            where="match_id IS NULL",
        ),
        # Of the few lines that name another account of ours.
        partial_index(
            "ix_statement_line_other_account",
            "collection_account_id",
            "other_account_id",
            "day",
            where="other_account_id IS NOT NULL",
        ),
        one_of("direction", Direction),
        CheckConstraint("other_account_id <> collection_account_id", name="other_account"),
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint("occurrence >= 1", name="occurrence"),
        CheckConstraint("collection_account_id IS NOT NULL OR match_id IS NULL", name="set_aside"),
        {"sqlite_strict": True, "postgresql_with": {"fillfactor": 50}},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int | None] = mapped_column(
        Key(), ForeignKey("collection_account.id")
    )
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"))
    number: Mapped[int] = mapped_column(Count())
    day: Mapped[date] = mapped_column(Day())
    value_day: Mapped[date | None] = mapped_column(Day())
    booked_at: Mapped[datetime] = mapped_column(Instant())
    timed: Mapped[bool] = mapped_column(Flag())
    direction: Mapped[str] = mapped_column(Code())
    amount: Mapped[Dong] = mapped_column(Amount())
    balance: Mapped[Dong | None] = mapped_column(Amount())
    bank_reference: Mapped[str | None] = mapped_column(Code())
    memo: Mapped[str] = mapped_column(Words())
    code: Mapped[str | None] = mapped_column(Code())
    virtual_account: Mapped[str | None] = mapped_column(Code())
    payout_code: Mapped[str | None] = mapped_column(Code())
    payer_key: Mapped[str | None] = mapped_column(Code())
    payer: Mapped[bytes | None] = mapped_column(Bytes())
    other_account_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("collection_account.id"))
    reversal: Mapped[bool] = mapped_column(Flag())
    reverses: Mapped[str | None] = mapped_column(Code())
    identity: Mapped[str] = mapped_column(Code())
    occurrence: Mapped[int] = mapped_column(Count())
    extractor: Mapped[int] = mapped_column(Count())
    match_id: Mapped[int | None] = mapped_column(Key())


class LineReference(Row):
    """A code found in a line's memo, whole or not."""

    __tablename__ = "line_reference"
    __table_args__ = (
        UniqueConstraint("collection_account_id", "statement_line_id", "code"),
        one_of("kind", Kind),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    statement_line_id: Mapped[int] = mapped_column(ForeignKey("statement_line.id"))
    code: Mapped[str] = mapped_column(Code())
    kind: Mapped[str] = mapped_column(Code())
