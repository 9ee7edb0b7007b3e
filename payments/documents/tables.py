"""The tables of signed papers: each with its code, files and state; and who signed them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Bytes, Code, Instant, Json, Key, Words, one_of, partial_index
from payments.core.config import Mode
from payments.core.database import Row

APPEND_ONLY: Final = ("signing_certificate",)


class Kind(StrEnum):
    """What a paper is."""

    RECEIPT = "receipt"  # biên lai
    DAY_RECORD = "day_record"  # biên bản đối soát


class State(StrEnum):
    """Whether a paper counts."""

    VALID = "valid"
    CANCELLED = "cancelled"
    REPLACED = "replaced"  # another paper counts in its place


MOVES: Final = frozenset(
    {
        (State.VALID, State.CANCELLED),
        (State.VALID, State.REPLACED),
        (State.CANCELLED, State.REPLACED),
    }
)
"""How a paper's state changes: what was cancelled never counts again."""

FIXED: Final = (
    "public_id",
    "code",
    "kind",
    "subject",
    "facts",
    "pdf_file_id",
    "pdf_sha256",
    "xml_file_id",
    "xml_sha256",
    "signing_certificate_id",
    "signed_at",
)
"""What a paper is never changes; the database refuses it."""


class SigningCertificate(Row):
    """A certificate that papers were signed with; all of them are trusted.

    Sandbox mode's own has its key beside it, sealed, so that every process signs with the same.
    """

    __tablename__ = "signing_certificate"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        one_of("mode", Mode),
        CheckConstraint("length(fingerprint) = 64", name="fingerprint"),
        CheckConstraint("sealed IS NULL OR mode = 'sandbox'", name="sealed"),
        partial_index(
            "uq_signing_certificate_practice", "mode", where="sealed IS NOT NULL", unique=True
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Code())
    certificate: Mapped[str] = mapped_column(Words())
    """PEM."""
    mode: Mapped[str] = mapped_column(Code())
    sealed: Mapped[bytes | None] = mapped_column(Bytes())
    added_at: Mapped[datetime] = mapped_column(Instant())


class Document(Row):
    """A signed paper: what it is, its code, its files by their SHA-256, and whether it counts.

    `subject` names what it is the paper of (`receipt:<public id>`); one paper of a subject counts
    at a time. `facts` are what the public page shows. `ended_*` tell why, when and by whom it no
    longer counts.
    """

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("code"),
        UniqueConstraint("pdf_sha256"),
        UniqueConstraint("xml_sha256"),
        UniqueConstraint("replaced_by_id"),
        Index(None, "subject"),
        partial_index("uq_document_counting", "subject", where="state = 'valid'", unique=True),
        one_of("kind", Kind),
        one_of("state", State),
        CheckConstraint("length(code) = 24", name="code"),
        CheckConstraint("(xml_file_id IS NULL) = (xml_sha256 IS NULL)", name="xml"),
        CheckConstraint("(state = 'valid') = (ended_at IS NULL)", name="ended_at"),
        CheckConstraint("(state = 'valid') = (ended_by IS NULL)", name="ended_by"),
        CheckConstraint("(state = 'valid') = (reason IS NULL)", name="reason"),
        CheckConstraint("(state = 'replaced') = (replaced_by_id IS NOT NULL)", name="replaced_by"),
        CheckConstraint("replaced_by_id <> id", name="replaced_by_another"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    code: Mapped[str] = mapped_column(Code())
    kind: Mapped[str] = mapped_column(Code())
    subject: Mapped[str] = mapped_column(Code())
    facts: Mapped[Any] = mapped_column(Json())
    pdf_file_id: Mapped[int] = mapped_column(Key(), ForeignKey("stored_file.id"))
    pdf_sha256: Mapped[str] = mapped_column(Code())
    xml_file_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("stored_file.id"))
    xml_sha256: Mapped[str | None] = mapped_column(Code())
    signing_certificate_id: Mapped[int] = mapped_column(ForeignKey("signing_certificate.id"))
    signed_at: Mapped[datetime] = mapped_column(Instant())
    state: Mapped[str] = mapped_column(Code())
    reason: Mapped[str | None] = mapped_column(Words())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())
    ended_by: Mapped[str | None] = mapped_column(Code())
    replaced_by_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("document.id"))
