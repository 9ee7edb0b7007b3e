"""Connections: which source reports which collection account, and the secrets it signs with.

A connection is one registration with one bank or gateway. Its public id is part of the callback
address, so the secret is known before the body is read. Secrets are sealed and rotate with
overlap; several may be live at once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Bytes, Code, Flag, Instant, Key, Words
from payments.core.database import Row


class Connection(Row):
    """One source's registration with us: how its callbacks are signed and where they come in."""

    __tablename__ = "connection"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code(), unique=True)
    source: Mapped[str] = mapped_column(Code())
    scheme: Mapped[str] = mapped_column(Code())
    name: Mapped[str] = mapped_column(Words(), unique=True)
    active: Mapped[bool] = mapped_column(Flag())

    __table_args__ = ({"sqlite_strict": True},)


class ConnectionAccount(Row):
    """A collection account that a connection reports on."""

    __tablename__ = "connection_account"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    connection_id: Mapped[int] = mapped_column(Key(), ForeignKey("connection.id"))
    collection_account_id: Mapped[int] = mapped_column(Key(), ForeignKey("collection_account.id"))

    __table_args__ = (
        UniqueConstraint("connection_id", "collection_account_id"),
        Index(None, "collection_account_id"),
        {"sqlite_strict": True},
    )


class ConnectionSecret(Row):
    """A secret of a connection, sealed, live from one instant to another."""

    __tablename__ = "connection_secret"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    connection_id: Mapped[int] = mapped_column(Key(), ForeignKey("connection.id"))
    sealed: Mapped[bytes] = mapped_column(Bytes())
    valid_from: Mapped[datetime] = mapped_column(Instant())
    valid_to: Mapped[datetime | None] = mapped_column(Instant())

    __table_args__ = (
        Index(None, "connection_id"),
        CheckConstraint("valid_to >= valid_from", name="valid_to"),
        {"sqlite_strict": True},
    )
