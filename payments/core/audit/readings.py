"""Readings of the chain: when it was read to its end, how far it reached, whether it held.

Kept so that a page can say so without reading all of it again, and so that the next reading finds a
tail that was cut off since. It guards against slips; what guards against whoever may do everything
with the database are the heads kept elsewhere.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.core.audit.chain import Verdict, position_of
from payments.core.audit.heads import Head
from payments.core.columns import Code, Count, Flag, Instant, Key, one_of
from payments.core.database import Row
from payments.core.errors import Conflict

APPEND_ONLY: Final = ("audit_reading",)


class AuditBroken(Conflict):
    """The audit chain does not hold: an entry was edited, removed or added."""

    code = "audit_broken"


class AuditCut(Conflict):
    """The audit chain no longer holds a head that was written down."""

    code = "audit_cut"


class Finding(StrEnum):
    """What a reading of the chain found."""

    HOLDS = "holds"
    BROKEN = "broken"  # an entry does not follow the one before it, or is not as it was
    CUT = "cut"  # all that is there holds, and what a head knows is not there


class AuditReading(Row):
    """One reading of the whole chain.

    `entries` held, the last of them with the hash `head`; `broken_at` is the number of the first
    entry that did not. `brought` tells whether entries and head were also put into the folder.
    """

    __tablename__ = "audit_reading"
    __table_args__ = (
        one_of("finding", Finding),
        CheckConstraint("entries >= 0", name="entries"),
        CheckConstraint("(finding = 'broken') = (broken_at IS NOT NULL)", name="broken_at"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    read_at: Mapped[datetime] = mapped_column(Instant())
    finding: Mapped[str] = mapped_column(Code())
    entries: Mapped[int] = mapped_column(Count())
    head: Mapped[str] = mapped_column(Code())
    broken_at: Mapped[int | None] = mapped_column(Key())
    brought: Mapped[bool] = mapped_column(Flag())


def refuse(session: Session, found: Verdict, *heads: Head | None) -> None:
    """Compares a reading with heads known from before, and with the last that is kept here.

    Raises `AuditBroken` or `AuditCut`.
    """
    if found.broken_at is not None:
        raise AuditBroken(entry=found.broken_at, good=found.entries)
    kept = last(session, Finding.HOLDS)
    known = {(one.entries, one.hash) for one in heads if one is not None}
    if kept is not None:
        known.add((kept.entries, kept.head))
    for entries, hash_ in sorted(known):
        if entries and position_of(session, hash_) != entries:
            raise AuditCut(head=hash_, entries=found.entries)


def keep(
    session: Session, found: Verdict, finding: Finding, *, brought: bool, now: datetime
) -> None:
    """Writes a reading down; trouble that is the same as at the last reading is not told again."""
    before = last(session)
    same = before is not None and (before.finding, before.broken_at) == (finding, found.broken_at)
    if same and finding is not Finding.HOLDS:
        return
    session.add(
        AuditReading(
            read_at=now,
            finding=finding.value,
            entries=found.entries,
            head=found.head,
            broken_at=found.broken_at,
            brought=brought,
        )
    )
    session.flush()


def last(session: Session, finding: Finding | None = None) -> AuditReading | None:
    """The last reading, or the last that found this."""
    rows = select(AuditReading).order_by(AuditReading.id.desc()).limit(1)
    if finding is not None:
        rows = rows.where(AuditReading.finding == finding.value)
    return session.scalar(rows)
