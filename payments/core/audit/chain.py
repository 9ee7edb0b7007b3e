"""The chain: each entry carries the hash of the one before it.

An entry changed, removed, added or moved breaks the chain at that place. The table takes no UPDATE
and no DELETE; whoever gets round that is found by `verify`. A tail cut off is found by comparing
with a head written down elsewhere.

Entries are appended one at a time: the head is locked last in a unit of work and briefly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.core.columns import Code, Instant, Json, Key
from payments.core.database import Row

APPEND_ONLY: Final = ("audit_entry",)

GENESIS: Final = "0" * 64
"""What the first entry carries as the hash before it."""

_HEAD_LOCK: Final = 5_071_982_002
"""The advisory lock that whoever appends holds on PostgreSQL; SQLite has one writer anyway."""


class AuditEntry(Row):
    """One thing done: by whom, what, to what, with the details that matter."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        UniqueConstraint("previous_hash"),
        UniqueConstraint("hash"),
        Index(None, "subject", "id"),
        Index(None, "actor", "id"),
        Index(None, "action", "id"),
        Index(None, "at"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant())
    actor: Mapped[str] = mapped_column(Code())
    action: Mapped[str] = mapped_column(Code())
    subject: Mapped[str] = mapped_column(Code())
    details: Mapped[Any] = mapped_column(Json())
    previous_hash: Mapped[str] = mapped_column(Code())
    hash: Mapped[str] = mapped_column(Code())


@dataclass(frozen=True)
class Verdict:
    """What a reading of the whole chain found.

    `entries` were read; `head` is the last good hash; `broken_at` is the id of the first entry
    that does not fit, None if all do; `head_found` tells whether the head asked for was seen.
    """

    entries: int
    head: str
    broken_at: int | None
    head_found: bool

    @property
    def holds(self) -> bool:
        """Whether nothing was edited, and nothing cut off that was asked for."""
        return self.broken_at is None and self.head_found


def append(
    session: Session,
    *,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
    now: datetime,
) -> str:
    """Adds an entry and returns its hash. `details` is JSON without fractions of numbers."""
    told = dict(details or {})
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_HEAD_LOCK)))
    previous = session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1))
    entry = AuditEntry(
        at=now,
        actor=actor,
        action=action,
        subject=subject,
        details=told,
        previous_hash=previous or GENESIS,
    )
    entry.hash = hash_of(entry)
    session.add(entry)
    session.flush()
    return entry.hash


def verify(session: Session, *, head: str = GENESIS) -> Verdict:
    """Reads the chain from its beginning, in constant memory.

    `head` is a hash written down earlier, which the chain must still contain.
    """
    entries, previous, found = 0, GENESIS, head == GENESIS
    reading = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1000)
    with session.scalars(reading) as rows:
        for entry in rows:
            if entry.previous_hash != previous or entry.hash != hash_of(entry):
                return Verdict(entries, previous, entry.id, found)
            entries, previous = entries + 1, entry.hash
            found = found or previous == head
            session.expunge(entry)
    return Verdict(entries, previous, None, found)


def of_subjects(session: Session, subjects: Iterable[str], *, most: int) -> Sequence[AuditEntry]:
    """The latest entries about any of these, in order."""
    rows = select(AuditEntry).where(AuditEntry.subject.in_(sorted(set(subjects))))
    return session.scalars(rows.order_by(AuditEntry.id.desc()).limit(most)).all()[::-1]


def position_of(session: Session, hash_: str) -> int | None:
    """The place in the chain of the entry with that hash, counted from 1; None if there is none."""
    number = session.scalar(select(AuditEntry.id).where(AuditEntry.hash == hash_))
    if number is None:
        return None
    return session.scalar(select(func.count(AuditEntry.id)).where(AuditEntry.id <= number))


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of canonical JSON."""
    return hashlib.sha256(canonical(content)).hexdigest()


def canonical(content: Mapping[str, Any]) -> bytes:
    """JSON that is written in one way only: keys sorted, no spaces, no fractions of numbers."""
    _refuse_fractions(content)
    return orjson.dumps(dict(content), option=orjson.OPT_SORT_KEYS)


def content_of(entry: AuditEntry) -> dict[str, Any]:
    """All that the hash of an entry covers; the instant in UTC."""
    return {
        "at": stamp(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
        "previous_hash": entry.previous_hash,
    }


def hash_of(entry: AuditEntry) -> str:
    """What the entry's hash has to be."""
    return digest(content_of(entry))


def stamp(instant: datetime) -> str:
    """An instant as it is hashed and signed: UTC, to the microsecond."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _refuse_fractions(value: Any) -> None:
    """A float may come back from a database as another one, and would break the chain."""
    if isinstance(value, float):
        raise TypeError("the audit trail holds no fractions")
    if isinstance(value, Mapping):
        for part in value.values():
            _refuse_fractions(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_fractions(part)
