"""The tables of portals: who they are, their keys by digest, their webhook endpoint."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Bytes, Code, Flag, Instant, Json, Key, Words
from payments.core.database import Row


class Scope(StrEnum):
    """What a key's bearer may do."""

    REQUESTS_WRITE = "requests:write"
    REQUESTS_READ = "requests:read"
    REFUNDS_PROPOSE = "refunds:propose"
    REPORTS_READ = "reports:read"
    CASH_WRITE = "cash:write"


class Portal(Row):
    """A system that asks for fees on behalf of agencies."""

    __tablename__ = "portal"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code(), unique=True)
    name: Mapped[str] = mapped_column(Words(), unique=True)
    active: Mapped[bool] = mapped_column(Flag())
    added_at: Mapped[datetime] = mapped_column(Instant())

    __table_args__ = ({"sqlite_strict": True},)


class PortalKey(Row):
    """An API key, known only by its digest and its first letters."""

    __tablename__ = "portal_key"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    portal_id: Mapped[int] = mapped_column(Key(), ForeignKey("portal.id"))
    prefix: Mapped[str] = mapped_column(Code())
    hash: Mapped[str] = mapped_column(Code(), unique=True)
    scopes: Mapped[list[str]] = mapped_column(Json())
    valid_from: Mapped[datetime] = mapped_column(Instant())
    valid_to: Mapped[datetime | None] = mapped_column(Instant())
    last_used_at: Mapped[datetime | None] = mapped_column(Instant())

    __table_args__ = (
        Index(None, "portal_id"),
        CheckConstraint("length(prefix) = 8", name="prefix"),
        CheckConstraint("length(hash) = 64", name="hash"),
        CheckConstraint("valid_to >= valid_from", name="valid_to"),
        {"sqlite_strict": True},
    )


class WebhookEndpoint(Row):
    """Where a portal is told what happened, and the secrets its messages are signed with."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    portal_id: Mapped[int] = mapped_column(Key(), ForeignKey("portal.id"), unique=True)
    url: Mapped[str] = mapped_column(Code())
    secret: Mapped[bytes] = mapped_column(Bytes())
    previous_secret: Mapped[bytes | None] = mapped_column(Bytes())
    previous_until: Mapped[datetime | None] = mapped_column(Instant())
    active: Mapped[bool] = mapped_column(Flag())

    __table_args__ = (
        CheckConstraint(
            "(previous_secret IS NULL) = (previous_until IS NULL)",
            name="previous_until",
        ),
        {"sqlite_strict": True},
    )
