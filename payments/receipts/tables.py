"""The tables of receipts: series of numbers, and the receipts that bear them.

A receipt says what was paid of one kind of fee and never changes what it says: a mistake is put
right by cancelling it or by another that replaces it. Its number is used up for ever.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import (
    Amount,
    Code,
    Count,
    Instant,
    Json,
    Key,
    Words,
    one_of,
    partial_index,
)
from payments.core.database import Row
from payments.core.money import Dong
from payments.fees import FeeKind
from payments.payment_requests import RECEIPTS_DUE

LAST_NUMBER: Final = 99_999_999
"""A receipt's number has eight digits at most (Circular 78/2021/TT-BTC, Art. 4)."""


class State(StrEnum):
    """Where a receipt stands; the first two are live, and there is one live of a kind at most."""

    NUMBERED = "numbered"  # it has its number, its papers are not signed yet
    ISSUED = "issued"
    CANCELLED = "cancelled"
    REPLACED = "replaced"


_LIVE: Final = "state IN ('numbered', 'issued')"
_UNSIGNED: Final = "state = 'numbered'"

LIVE: Final[ColumnElement[bool]] = literal_column(f"receipt.{_LIVE}")
"""A receipt that counts, in the words of its index."""

DUE: Final[ColumnElement[bool]] = literal_column(f"({RECEIPTS_DUE})")
"""A paid request whose receipts may not say what was paid, in the words of its index."""

UNSIGNED: Final[ColumnElement[bool]] = literal_column(f"receipt.{_UNSIGNED}")
"""A receipt without papers, in the words of its index."""

MOVES: Final = frozenset(
    {
        (State.NUMBERED, State.ISSUED),
        (State.NUMBERED, State.CANCELLED),  # it ended before its papers were signed
        (State.ISSUED, State.CANCELLED),
        (State.ISSUED, State.REPLACED),
        (State.REPLACED, State.CANCELLED),  # nothing was left to be receipted in its place
    }
)
"""How a receipt's state changes: what ended never counts again."""

FIXED: Final = (
    "public_id",
    "receipt_series_id",
    "number",
    "payment_request_id",
    "kind",
    "amount",
    "content",
    "numbered_at",
    "replaces_id",
)
"""What a receipt says never changes; the database refuses it."""


class ReceiptSeries(Row):
    """Numbers for one kind of fee in one year, under a form code and a symbol.

    It serves an agency and those below it that have none of their own. `next_number` is the first
    that is not used. `tax_code` is that of the agency that issues.
    """

    __tablename__ = "receipt_series"
    __table_args__ = (
        UniqueConstraint("form", "symbol"),
        UniqueConstraint("agency_id", "kind", "year"),
        one_of("kind", FeeKind),
        CheckConstraint("year BETWEEN 2000 AND 2099", name="year"),
        CheckConstraint(f"next_number BETWEEN 1 AND {LAST_NUMBER + 1}", name="next_number"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    kind: Mapped[str] = mapped_column(Code())
    year: Mapped[int] = mapped_column(Count())
    form: Mapped[str] = mapped_column(Code())
    symbol: Mapped[str] = mapped_column(Code())
    tax_code: Mapped[str | None] = mapped_column(Code())
    next_number: Mapped[int] = mapped_column(Count())


class Receipt(Row):
    """One receipt: its number, what it says (`content`), and what became of it.

    `reason` and `ended_by` say why and by whom it was cancelled or replaced. Which one replaces it
    is the one with papers that names it in `replaces_id`: one that was never signed is cancelled
    and keeps its number, and the next one replaces what that one was to replace.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("receipt_series_id", "number"),
        one_of("kind", FeeKind),
        one_of("state", State),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(f"number BETWEEN 1 AND {LAST_NUMBER}", name="number"),
        CheckConstraint("replaces_id <> id", name="replaces"),
        CheckConstraint(
            "(issued_at IS NULL) = (document_id IS NULL)"
            " AND (state NOT IN ('issued', 'replaced') OR issued_at IS NOT NULL)"
            " AND (state <> 'numbered' OR issued_at IS NULL)",
            name="issued_at",
        ),
        CheckConstraint(
            "(state IN ('cancelled', 'replaced')) = (ended_at IS NOT NULL)"
            " AND (ended_at IS NULL) = (reason IS NULL)"
            " AND (ended_at IS NULL) = (ended_by IS NULL)",
            name="ended_at",
        ),
        partial_index("uq_receipt_live", "payment_request_id", "kind", unique=True, where=_LIVE),
        partial_index(
            "uq_receipt_replaces_id", "replaces_id", unique=True, where="issued_at IS NOT NULL"
        ),
        partial_index("ix_receipt_unsigned", "id", where=_UNSIGNED),
        Index(None, "payment_request_id"),
        Index(None, "state", "id"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    receipt_series_id: Mapped[int] = mapped_column(ForeignKey("receipt_series.id"))
    number: Mapped[int] = mapped_column(Count())
    payment_request_id: Mapped[int] = mapped_column(ForeignKey("payment_request.id"))
    kind: Mapped[str] = mapped_column(Code())
    amount: Mapped[Dong] = mapped_column(Amount())
    content: Mapped[Any] = mapped_column(Json())
    state: Mapped[str] = mapped_column(Code())
    numbered_at: Mapped[datetime] = mapped_column(Instant())
    issued_at: Mapped[datetime | None] = mapped_column(Instant())
    document_id: Mapped[int | None] = mapped_column(Key())
    replaces_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("receipt.id"))
    reason: Mapped[str | None] = mapped_column(Words())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())
    ended_by: Mapped[str | None] = mapped_column(Code())
