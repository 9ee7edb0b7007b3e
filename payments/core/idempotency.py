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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import (
    CheckConstraint,
    Index,
    UniqueConstraint,
    delete,
    text,
)
from sqlalchemy import Row as Result
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.core.columns import Code, Count, Flag, Instant, Key, Words
from payments.core.database import Row, table_of
from payments.core.errors import CashlessError, Conflict, Invalid
from payments.core.rows import insert_new_rows

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
    `IdempotencyInFlight`, the latter also where `work` says no only because another has just done
    the same.
    """
    given = claim(session, asked, now=now)
    if given is None:
        try:
            given = work()
        except CashlessError:
            if _look(session, [asked])[0].id is not None:
                raise IdempotencyInFlight(retry_after=1) from None
            raise
        keep(session, asked, given, now=now)
    return given


def claim(session: Session, asked: Question, *, now: datetime) -> Answer | None:
    """The answer given to this question before; None when the caller is to work it out now."""
    (given,) = claim_all(session, [asked], now=now)
    if isinstance(given, CashlessError):
        raise given
    return given


def claim_all(
    session: Session, asked: Sequence[Question], *, now: datetime
) -> list[Answer | CashlessError | None]:
    """For each question what `claim` would say, the error it would raise included.

    Of two with the same key in one set the second is told that the first is being worked on.
    """
    seen = _look(session, asked)
    held = {_key_of(one): row.mine for one, row in zip(asked, seen, strict=True)}
    _forget(session, [row.id for row in seen if row.mine and _is_old(row, now=now)])
    said: list[Answer | CashlessError | None] = []
    for one, row in zip(asked, seen, strict=True):
        if not held[_key_of(one)]:
            said.append(IdempotencyInFlight(retry_after=1))
        elif row.id is None or _is_old(row, now=now):
            held[_key_of(one)] = False  # whoever asks the same after this one waits for it
            said.append(None)
        elif row.fingerprint != one.fingerprint:
            said.append(IdempotencyKeyReused())
        else:
            said.append(Answer(row.status, row.body))
    return said


def keep(session: Session, asked: Question, answer: Answer, *, now: datetime) -> None:
    """Writes the answer down beside the work; after `claim`, in the same unit of work."""
    keep_all(session, [(asked, answer)], now=now)


def keep_all(
    session: Session, answers: Sequence[tuple[Question, Answer]], *, now: datetime
) -> None:
    """Writes answers down beside the work; after `claim_all`, in the same unit of work.

    Raises `IdempotencyInFlight`, so that the work is undone, where another's answer to the same
    question became visible only after `claim_all` looked.
    """
    rows = [
        {
            "caller": asked.caller,
            "key": asked.key,
            "fingerprint": asked.fingerprint,
            "status": answer.status,
            "body": answer.body,
            "created_at": now,
        }
        for asked, answer in answers
    ]
    kept = insert_new_rows(session, _table, rows, returning=["id"])
    if len(kept) != len(rows):
        raise IdempotencyInFlight(retry_after=1)


def forget_old(session: Session, *, now: datetime) -> int:
    """Deletes keys older than 30 days; how many."""
    old = delete(IdempotencyKey).where(IdempotencyKey.created_at <= now - KEPT)
    return len(session.scalars(old.returning(IdempotencyKey.id)).all())


def _look(session: Session, asked: Sequence[Question]) -> Sequence[Result[*tuple[Any, ...]]]:
    """For each question whether it is ours to answer, and what was answered before, if anything.

    On PostgreSQL the lock is tried in the same statement that looks. Who gets it just after its
    holder committed does not see that answer yet; `keep_all` finds out. Keys are looked up one by
    one (LATERAL), so that a plan made while the table was empty does not read all of it later.
    """
    columns: dict[str, list[Any]] = {
        "callers": [one.caller for one in asked],
        "keys": [one.key for one in asked],
        "numbers": [_lock_number(one) for one in asked],
    }
    if session.get_bind().dialect.name == "sqlite":
        told = {"asked": orjson.dumps(list(zip(*columns.values(), strict=True))).decode()}
        return session.connection().execute(_ON_SQLITE, told).all()
    return session.connection().execute(_ON_POSTGRESQL, columns).all()


def _is_old(row: Result[*tuple[Any, ...]], *, now: datetime) -> bool:
    return row.id is not None and row.created_at <= now - KEPT


def _forget(session: Session, ids: Sequence[int]) -> None:
    if ids:
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.id.in_(ids)))


def _key_of(asked: Question) -> tuple[str, str]:
    return asked.caller, asked.key


def _lock_number(asked: Question) -> int:
    """The advisory lock of a key: 64 bits of its digest, signed as PostgreSQL wants it."""
    digest = hashlib.sha256(f"{asked.caller}\n{asked.key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


_table: Final = table_of(IdempotencyKey)
_GIVEN: Final = {column.name: column.type for column in _table.c}
_ON_POSTGRESQL: Final = text(
    "SELECT pg_try_advisory_xact_lock(asked.number) AS mine, given.*"
    " FROM unnest(CAST(:callers AS text[]), CAST(:keys AS text[]), CAST(:numbers AS bigint[]))"
    " WITH ORDINALITY AS asked(caller, key, number, place)"
    " LEFT JOIN LATERAL (SELECT * FROM idempotency_key"
    " WHERE caller = asked.caller AND key = asked.key LIMIT 1) AS given ON true"
    " ORDER BY asked.place"
).columns(mine=Flag(), **_GIVEN)
_ON_SQLITE: Final = text(
    "SELECT 1 AS mine, given.*"
    " FROM json_each(:asked) AS asked"
    " LEFT JOIN idempotency_key AS given"
    " ON given.caller = asked.value ->> 0 AND given.key = asked.value ->> 1"
    " ORDER BY asked.key"
).columns(mine=Flag(), **_GIVEN)
