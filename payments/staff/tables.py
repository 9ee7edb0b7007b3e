"""The four tables of people: who they are, what they may do, where they are signed in, who tried.

A session is known by the SHA-256 of its token; a password by its argon2id hash.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Code, Flag, Instant, Key, Words, one_of
from payments.core.database import Row


class Role(StrEnum):
    """What a person may do; which of them exclude each other is in `payments.staff.people`."""

    VIEWER = "viewer"
    RECONCILER = "reconciler"
    APPROVER = "approver"
    CLERK = "clerk"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Person(Row):
    """Someone who signs in: a clerk, a reconciler, an administrator."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code(), unique=True)
    username: Mapped[str] = mapped_column(Code(), unique=True)
    name: Mapped[str] = mapped_column(Words())
    password_hash: Mapped[str] = mapped_column(Code())
    active: Mapped[bool] = mapped_column(Flag())
    added_at: Mapped[datetime] = mapped_column(Instant())

    __table_args__ = (
        CheckConstraint("username = lower(username)", name="username"),
        {"sqlite_strict": True},
    )


class StaffRole(Row):
    """A role that a person has."""

    __tablename__ = "staff_role"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    staff_id: Mapped[int] = mapped_column(Key(), ForeignKey("staff.id"))
    role: Mapped[str] = mapped_column(Code())

    __table_args__ = (
        UniqueConstraint("staff_id", "role"),
        one_of("role", Role),
        {"sqlite_strict": True},
    )


class StaffSession(Row):
    """Someone signed in, until they leave, fall idle or the working day is over."""

    __tablename__ = "staff_session"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    staff_id: Mapped[int] = mapped_column(Key(), ForeignKey("staff.id"))
    token_hash: Mapped[str] = mapped_column(Code(), unique=True)
    address: Mapped[str] = mapped_column(Code())
    started_at: Mapped[datetime] = mapped_column(Instant())
    seen_at: Mapped[datetime] = mapped_column(Instant())
    ends_at: Mapped[datetime] = mapped_column(Instant())
    revoked_at: Mapped[datetime | None] = mapped_column(Instant())

    __table_args__ = (Index(None, "staff_id"), {"sqlite_strict": True})


class SignInAttempt(Row):
    """A try to sign in, kept so that guessing slows down by account and by address."""

    __tablename__ = "sign_in_attempt"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    username: Mapped[str] = mapped_column(Code())
    address: Mapped[str] = mapped_column(Code())
    tried_at: Mapped[datetime] = mapped_column(Instant())
    succeeded: Mapped[bool] = mapped_column(Flag())

    __table_args__ = (
        Index(None, "username", "tried_at"),
        Index(None, "address", "tried_at"),
        {"sqlite_strict": True},
    )
