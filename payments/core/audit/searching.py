"""Entries found by who did it, what was done, to what, and on which days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select

from payments.core.audit.chain import AuditEntry


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: None asks for every one; `since` and `until` are half-open."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(wanted: Wanted) -> Select[AuditEntry]:
    """The entries that are wanted, in no order yet: each filter is an index."""
    found = select(AuditEntry)
    if wanted.actor is not None:
        found = found.where(AuditEntry.actor == wanted.actor)
    if wanted.action is not None:
        found = found.where(AuditEntry.action == wanted.action)
    if wanted.subject is not None:
        found = found.where(AuditEntry.subject == wanted.subject)
    if wanted.since is not None:
        found = found.where(AuditEntry.at >= wanted.since)
    return found if wanted.until is None else found.where(AuditEntry.at < wanted.until)
