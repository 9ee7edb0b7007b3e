"""The tables of people: who they are, what they may do, how they prove it, where they sign in.

A session is known by the SHA-256 of its token; a password and a recovery code by their argon2id
hashes; the secret of a second factor is sealed by the vault.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import (
    Bytes,
    Code,
    Count,
    Flag,
    Instant,
    Key,
    Words,
    one_of,
    partial_index,
)
from payments.core.database import Row


class Role(StrEnum):
    """What a person may do; which of them exclude each other is in `payments.staff.people`."""

    VIEWER = "viewer"
    RECONCILER = "reconciler"
    APPROVER = "approver"
    CLERK = "clerk"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Proof(StrEnum):
    """What somebody typed to show that it is them."""

    PASSWORD = "password"  # noqa: S105  a kind of proof, not one
    CODE = "code"
    PROVIDER = "provider"  # what the identity provider says


class Person(Row):
    """Someone who signs in: a clerk, a reconciler, an administrator.

    `password_by` is who set the password; while it is temporary, its owner chooses another first.
    """

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code(), unique=True)
    username: Mapped[str] = mapped_column(Code(), unique=True)
    name: Mapped[str] = mapped_column(Words())
    password_hash: Mapped[str] = mapped_column(Code())
    password_by: Mapped[str] = mapped_column(Code())
    password_temporary: Mapped[bool] = mapped_column(Flag())
    active: Mapped[bool] = mapped_column(Flag())
    added_at: Mapped[datetime] = mapped_column(Instant())

    __table_args__ = (
        CheckConstraint("username = lower(username)", name="username"),
        {"sqlite_strict": True},
    )


GUARDED: Final = frozenset({Role.RECONCILER, Role.APPROVER, Role.CLERK, Role.ADMINISTRATOR})
"""The roles that two administrators give: those that touch money, and those that give roles."""

_NOT_GUARDED: Final = ", ".join(f"'{role}'" for role in Role if role not in GUARDED)


class StaffRole(Row):
    """A role that a person has, and who gave it.

    What lets somebody change anything was approved by `given_by` as another proposed it, where it
    was not given on the server itself; triggers look that up.
    """

    __tablename__ = "staff_role"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    staff_id: Mapped[int] = mapped_column(Key(), ForeignKey("staff.id"))
    role: Mapped[str] = mapped_column(Code())
    given_by: Mapped[str] = mapped_column(Code())
    approval_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("approval.id"))

    __table_args__ = (
        UniqueConstraint("staff_id", "role"),
        one_of("role", Role),
        CheckConstraint(
            f"role IN ({_NOT_GUARDED}) OR given_by NOT LIKE 'staff:%' OR approval_id IS NOT NULL",
            name="by_two",
        ),
        CheckConstraint("given_by <> 'staff:' || staff_id", name="not_own"),
        {"sqlite_strict": True},
    )


class SecondFactor(Row):
    """An app on a phone that shows a code every half minute (TOTP), from enrolment to its end.

    It waits until a first code shows that the phone has the secret. `last_step` is the half minute
    (since 1970) of the last code that was used; the secret goes when the factor ends.
    """

    __tablename__ = "second_factor"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    staff_id: Mapped[int] = mapped_column(Key(), ForeignKey("staff.id"))
    secret: Mapped[bytes | None] = mapped_column(Bytes())
    begun_at: Mapped[datetime] = mapped_column(Instant())
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant())
    last_step: Mapped[int | None] = mapped_column(Count())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())
    ended_by: Mapped[str | None] = mapped_column(Code())

    __table_args__ = (
        partial_index(
            "uq_second_factor_live",
            "staff_id",
            unique=True,
            where="confirmed_at IS NOT NULL AND ended_at IS NULL",
        ),
        partial_index(
            "uq_second_factor_waiting",
            "staff_id",
            unique=True,
            where="confirmed_at IS NULL AND ended_at IS NULL",
        ),
        Index(None, "staff_id"),
        CheckConstraint("(ended_at IS NULL) = (secret IS NOT NULL)", name="secret"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by"),
        CheckConstraint("(confirmed_at IS NULL) = (last_step IS NULL)", name="last_step"),
        {"sqlite_strict": True},
    )


class RecoveryCode(Row):
    """A code on paper that takes the place of a phone's, once."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    second_factor_id: Mapped[int] = mapped_column(Key(), ForeignKey("second_factor.id"))
    code_hash: Mapped[str] = mapped_column(Code())
    made_at: Mapped[datetime] = mapped_column(Instant())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())

    __table_args__ = (Index(None, "second_factor_id"), {"sqlite_strict": True})


class StaffSession(Row):
    """Someone signed in, until they leave, fall idle or the working day is over.

    `proved_at` is when they last proved that it is them; while None, the phone's code is awaited.
    `by_provider` tells that the identity provider let them in, and not a password of ours.
    """

    __tablename__ = "staff_session"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    staff_id: Mapped[int] = mapped_column(Key(), ForeignKey("staff.id"))
    token_hash: Mapped[str] = mapped_column(Code(), unique=True)
    public_id: Mapped[str] = mapped_column(Code(), unique=True)
    address: Mapped[str] = mapped_column(Code())
    browser: Mapped[str] = mapped_column(Words())
    started_at: Mapped[datetime] = mapped_column(Instant())
    seen_at: Mapped[datetime] = mapped_column(Instant())
    ends_at: Mapped[datetime] = mapped_column(Instant())
    proved_at: Mapped[datetime | None] = mapped_column(Instant())
    revoked_at: Mapped[datetime | None] = mapped_column(Instant())
    by_provider: Mapped[bool] = mapped_column(Flag())

    __table_args__ = (Index(None, "staff_id"), {"sqlite_strict": True})


class StaffIdentity(Row):
    """What the identity provider calls a person, from when two administrators said so.

    A person is one of the provider's at a time, and one of the provider's is one person.
    """

    __tablename__ = "staff_identity"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    staff_id: Mapped[int] = mapped_column(Key(), ForeignKey("staff.id"))
    issuer: Mapped[str] = mapped_column(Code())
    subject: Mapped[str] = mapped_column(Code())
    approval_id: Mapped[int] = mapped_column(Key(), ForeignKey("approval.id"), unique=True)
    linked_at: Mapped[datetime] = mapped_column(Instant())
    linked_by: Mapped[str] = mapped_column(Code())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())
    ended_by: Mapped[str | None] = mapped_column(Code())

    __table_args__ = (
        partial_index(
            "uq_staff_identity_subject",
            "issuer",
            "subject",
            unique=True,
            where="ended_at IS NULL",
        ),
        partial_index(
            "uq_staff_identity_person", "staff_id", unique=True, where="ended_at IS NULL"
        ),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by"),
        {"sqlite_strict": True},
    )


class ProviderAnswer(Row):
    """An answer of the identity provider that was believed; none is believed twice.

    `nonce_hash` is the SHA-256 of what the answer was asked with.
    """

    __tablename__ = "provider_answer"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    staff_id: Mapped[int] = mapped_column(Key(), ForeignKey("staff.id"))
    nonce_hash: Mapped[str] = mapped_column(Code(), unique=True)
    believed_at: Mapped[datetime] = mapped_column(Instant())

    __table_args__ = ({"sqlite_strict": True},)


class SignInAttempt(Row):
    """A password or code that was tried: kept so that guessing slows down."""

    __tablename__ = "sign_in_attempt"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    username: Mapped[str] = mapped_column(Code())
    address: Mapped[str] = mapped_column(Code())
    proof: Mapped[str] = mapped_column(Code())
    tried_at: Mapped[datetime] = mapped_column(Instant())
    succeeded: Mapped[bool] = mapped_column(Flag())

    __table_args__ = (
        Index(None, "username", "tried_at"),
        Index(None, "address", "tried_at"),
        one_of("proof", Proof),
        {"sqlite_strict": True},
    )
