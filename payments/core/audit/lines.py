"""The audit trail as JSON lines: each entry as it was hashed, with its hash, and nothing else.

A line is written in one way only, so that every altered byte shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import Session

from payments.core.audit.chain import AuditEntry, canonical, content_of

_AT_ONCE: Final = 1000


def line_of(entry: AuditEntry) -> bytes:
    """One entry as a line, with its end."""
    return canonical({**content_of(entry), "hash": entry.hash}) + b"\n"


def after(session: Session, hash_: str | None, *, until: str) -> Iterator[bytes]:
    """The lines of the chain after the entry of one hash, up to and with that of another.

    None begins with the first. Memory does not grow with the chain.
    """
    reading = select(AuditEntry).where(AuditEntry.id <= _number(until)).order_by(AuditEntry.id)
    if hash_ is not None:
        reading = reading.where(AuditEntry.id > _number(hash_))
    with session.scalars(reading.execution_options(yield_per=_AT_ONCE)) as rows:
        for entry in rows:
            yield line_of(entry)
            session.expunge(entry)


def _number(hash_: str) -> ScalarSelect[int]:
    return select(AuditEntry.id).where(AuditEntry.hash == hash_).scalar_subquery()
