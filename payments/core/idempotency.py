"""Idempotency keys: a portal that lost our answer asks again and gets the same one.

The answer is kept in the same transaction as the work, so that both exist or neither. The same
key with another body is refused; a key whose first request is still being worked on is told to
come back. On PostgreSQL that is seen at once, by a lock that is tried and never waited for; on
SQLite, with its single writer, the second request simply waits for the first.

Source: draft-ietf-httpapi-idempotency-key-header; keys are kept 30 days.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Index,
    UniqueConstraint,
    delete,
    func,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.core.columns import Code, Count, Instant, Key, Words
from payments.core.database import Row
from payments.core.errors import Conflict, Invalid

KEPT: Final = timedelta(days=30)

_KEY: Final = re.compile(r"[!-~]{16,255}", re.ASCII)


class IdempotencyKeyMalformed(Invalid):
    """An idempotency key is 16 to 255 visible ASCII characters."""

    code = "idempotency_key_malformed"


class IdempotencyKeyReused(Invalid):
    """This key was used before, with another request."""

    code = "idempotency_key_reused"


class IdempotencyInFlight(Conflict):
    """The first request with this key is still being worked on."""

    code = "idempotency_in_flight"


class IdempotencyKey(Row):
    """A key a caller used, what was asked with it and what was answered."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        UniqueConstraint("caller", "key"),
        CheckConstraint("status BETWEEN 200 AND 599", name="status"),
        Index(None, "created_at"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    caller: Mapped[str] = mapped_column(Code())
    key: Mapped[str] = mapped_column(Code())
    fingerprint: Mapped[str] = mapped_column(Code())
    status: Mapped[int] = mapped_column(Count())
    body: Mapped[str] = mapped_column(Words())
    created_at: Mapped[datetime] = mapped_column(Instant())


@dataclass(frozen=True)
class Question:
    """A request that carries a key: who asks (`portal:3`), the key, and what is asked."""

    caller: str
    key: str
    fingerprint: str


@dataclass(frozen=True)
class Answer:
    """What was answered: the HTTP status and the body, to the byte."""

    status: int
    body: str


def question(caller: str, key: str, *, method: str, path: str, body: bytes) -> Question:
    """The question a request asks. Raises `IdempotencyKeyMalformed`."""
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyMalformed
    asked = f"{method} {path}\n".encode() + body
    return Question(caller, key, hashlib.sha256(asked).hexdigest())


def answered_once(
    session: Session, asked: Question, work: Callable[[], Answer], *, now: datetime
) -> Answer:
    """What `work` answers the first time, and that same answer every time after.

    Runs inside the unit of work of `work`, which is not run for a key already answered. When
    `work` raises, nothing is kept and the key is free. Raises `IdempotencyKeyReused` and
    `IdempotencyInFlight`.
    """
    given = claim(session, asked, now=now)
    if given is None:
        given = work()
        keep(session, asked, given, now=now)
    return given


def claim(session: Session, asked: Question, *, now: datetime) -> Answer | None:
    """The answer given to this question before; None when the caller is to work it out now."""
    if session.get_bind().dialect.name == "postgresql":
        turn = select(func.pg_try_advisory_xact_lock(_lock_number(asked)))
        if not session.scalar(turn):
            raise IdempotencyInFlight(retry_after=1)
    row = session.scalars(select(IdempotencyKey).where(*_is(asked))).one_or_none()
    if row is None:
        return None
    if row.created_at <= now - KEPT:
        session.execute(delete(IdempotencyKey).where(*_is(asked)))
        return None
    if row.fingerprint != asked.fingerprint:
        raise IdempotencyKeyReused
    return Answer(row.status, row.body)


def keep(session: Session, asked: Question, answer: Answer, *, now: datetime) -> None:
    """Writes the answer down beside the work; after `claim`, in the same unit of work."""
    session.add(
        IdempotencyKey(
            caller=asked.caller,
            key=asked.key,
            fingerprint=asked.fingerprint,
            status=answer.status,
            body=answer.body,
            created_at=now,
        )
    )
    session.flush()


def forget_old(session: Session, *, now: datetime) -> int:
    """Deletes keys older than 30 days; how many."""
    old = delete(IdempotencyKey).where(IdempotencyKey.created_at <= now - KEPT)
    return len(session.scalars(old.returning(IdempotencyKey.id)).all())


def _is(asked: Question) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return IdempotencyKey.caller == asked.caller, IdempotencyKey.key == asked.key


def _lock_number(asked: Question) -> int:
    """The advisory lock of a key: 64 bits of its digest, signed as PostgreSQL wants it."""
    digest = hashlib.sha256(f"{asked.caller}\n{asked.key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
