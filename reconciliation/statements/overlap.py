"""Which lines of a file are new, where it overlaps with what was imported before.

Lines are counted by their identity: of n in the file and k stored, n - k are new. So equal
movements of one day all stay, and a file exported twice adds nothing. A statement that goes on
where the last one ended holds only new lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.core.money import Dong
from reconciliation.statements.reading import Read
from reconciliation.statements.tables import Statement, StatementLine


def new_lines(
    session: Session, account_id: int, read: Read, taken: frozenset[date]
) -> list[tuple[dict[str, Any], Mapping[str, str]]]:
    """The lines to be stored, each with its references and its occurrence among equal ones."""
    stored = _stored_identities(session, account_id, read)
    continues = bool(stored) and _continues(session, account_id, read)
    new = []
    for row, found in zip(read.lines, read.found, strict=True):
        before = stored[row["identity"]]
        if row["day"] in taken:
            continue
        if continues:
            new.append((row | {"occurrence": row["occurrence"] + before}, found))
        elif row["occurrence"] > before:
            new.append((row, found))
    return new


def _stored_identities(session: Session, account_id: int, read: Read) -> Counter[str]:
    rows = session.execute(
        select(StatementLine.identity, func.max(StatementLine.occurrence).label("stored"))
        .where(
            StatementLine.collection_account_id == account_id,
            StatementLine.day.between(read.from_day, read.to_day),
        )
        .group_by(StatementLine.identity)
    )
    return Counter({row.identity: row.stored for row in rows})


def _continues(session: Session, account_id: int, read: Read) -> bool:
    """Whether this statement goes on where the last one of the same day ended.

    Its opening is that one's closing, and it begins after it: by the bank's running number, else
    by the time of its lines. A number alone does not tell where the balance came back to what a
    statement of the day opened with: there a copy of that one looks the same.
    """
    last = session.scalars(
        select(Statement)
        .where(
            Statement.collection_account_id == account_id,
            Statement.to_day == read.from_day,
            Statement.set_aside_at.is_(None),
        )
        .order_by(Statement.sequence.desc().nulls_last(), Statement.id.desc())
        .limit(1)
    ).first()
    if last is None or last.closing is None or _opening(read) != last.closing:
        return False
    if read.start.sequence is not None and last.sequence is not None:
        return read.start.sequence > last.sequence and not _repeats(session, account_id, read)
    newest = session.scalar(
        select(func.max(StatementLine.booked_at)).where(
            StatementLine.collection_account_id == account_id, StatementLine.day == read.from_day
        )
    )
    begun = min((row["booked_at"] for row in read.lines if row["timed"]), default=None)
    timed = all(row["timed"] for row in read.lines)
    return timed and newest is not None and begun is not None and begun > newest


def _repeats(session: Session, account_id: int, read: Read) -> bool:
    """Whether this may be a statement of these days issued again, as it was or with more lines.

    It opens as that one did and has all of its lines. A statement that goes on and has them all
    once more, without a time or a number of the bank's to tell them by, is taken for a copy: what
    is not booked is found by the bank's figures, what is booked twice would be given to a payer.
    """
    like = select(Statement).where(
        Statement.collection_account_id == account_id,
        Statement.from_day == read.from_day,
        Statement.to_day <= read.to_day,
        Statement.opening == _opening(read),
        Statement.set_aside_at.is_(None),
        Statement.added > 0,
        Statement.lines <= len(read.lines),
        Statement.credits <= int(read.end.credits),
        Statement.debits <= int(read.end.debits),
    )
    here = Counter(row["identity"] for row in read.lines)
    return any(_lines_of(session, one) <= here for one in session.scalars(like))


def _lines_of(session: Session, statement: Statement) -> Counter[str]:
    """By identity, the lines that stand here by that statement."""
    rows = session.execute(
        select(StatementLine.identity, func.count().label("stored"))
        .where(StatementLine.statement_id == statement.id)
        .group_by(StatementLine.identity)
    )
    return Counter({row.identity: row.stored for row in rows})


def _opening(read: Read) -> Dong | None:
    return None if read.start.opening is None else Dong(int(read.start.opening))
