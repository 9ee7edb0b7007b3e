"""Storing what files say: each file once, each line once, the refused ones with their reason.

One format per account and day is booked. A second one is compared with it, not booked. Which lines
of a file are new is found in `overlap`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core.database import load, table_of
from payments.core.errors import Conflict, Invalid
from payments.core.money import Dong
from reconciliation.statements.keeping import keep, tell
from reconciliation.statements.layouts import refuse_unconfirmed
from reconciliation.statements.overlap import new_lines
from reconciliation.statements.reading import Read, Received
from reconciliation.statements.tables import (
    FileState,
    LineReference,
    Statement,
    StatementFile,
    StatementLine,
    stands,
)

LINE: Final = table_of(StatementLine)
STATEMENT: Final = table_of(Statement)
REFERENCE: Final = table_of(LineReference)

_AT_ONCE: Final = 5_000
_TOLD_DIFFERENCES: Final = 50

Movement = tuple[str, int]
"""Direction and amount: what two formats of one bank tell alike."""


class StatementOfAnotherAccount(Invalid):
    """The file is of another account than the one it was given for."""

    code = "statement_of_another_account"


class AccountNotSaid(Invalid):
    """The file does not name its account, and nobody said which it is of."""

    code = "statement_account_not_said"


class ImportedForAnother(Conflict):
    """This very file was imported for another account before."""

    code = "statement_imported_for_another"


class SetAsideBefore(Conflict):
    """Two persons set this very file aside; only a person brings it again."""

    code = "statement_set_aside_before"


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file. `again` says that it was here before and nothing was changed."""

    file_id: int
    again: bool
    statements: Sequence[Statement]


def known(
    session: Session, received: Received, *, account: CollectionAccount | None
) -> Imported | None:
    """What came of this very file when it was imported before; None when it was not.

    Raises `ImportedForAnother` when that was for another account than `account`.
    """
    file_id = session.scalar(
        select(StatementFile.id).where(
            StatementFile.sha256 == received.sha256, StatementFile.state == FileState.IMPORTED
        )
    )
    if file_id is None:
        return None
    rows = select(Statement).where(Statement.statement_file_id == file_id)
    statements = session.scalars(rows.order_by(Statement.position)).all()
    of = {one.collection_account_id for one in statements}
    if account is not None and account.id not in of:
        raise ImportedForAnother(account=account.number[-4:])
    return Imported(file_id, again=True, statements=statements)


def import_file(
    session: Session,
    received: Received,
    statements: Sequence[Read],
    *,
    account: CollectionAccount | None,
    by: str,
    now: datetime,
) -> Imported:
    """Stores a file and what was read of it; the same file again changes nothing.

    Raises `StatementOfAnotherAccount` for a statement of another account than `account`,
    `AccountNotSaid` when neither file nor caller names one, `UnknownCollectionAccount`,
    `LayoutNotConfirmed` for a sheet in a saved layout that no second person has confirmed, and
    `SetAsideBefore` where a job brings a file that was set aside.
    """
    refuse_unconfirmed(session, {one.layout_id for one in statements})
    whose = [_account(session, one, asked=account) for one in statements]
    for account_id in sorted({one.id for one in whose}):
        agencies.lock(session, account_id)
    before = known(session, received, account=account)
    if before is not None:
        return before
    _refuse_set_aside(session, received, by=by)
    file = keep(session, received, state=FileState.IMPORTED, by=by, now=now)
    stored = [
        _store(session, one, file_id=file.id, account_id=of.id, position=position)
        for position, (one, of) in enumerate(zip(statements, whose, strict=True), start=1)
    ]
    tell(session, "statement.imported", file, by=by, now=now, statements=_told(stored))
    return Imported(file.id, again=False, statements=stored)


def _refuse_set_aside(session: Session, received: Received, *, by: str) -> None:
    """A file that was set aside does not come back by itself, however often a bank offers it."""
    if not by.startswith("job:"):
        return
    aside = select(StatementFile.id).where(
        StatementFile.sha256 == received.sha256, StatementFile.state == FileState.SET_ASIDE
    )
    if session.scalar(aside.limit(1)) is not None:
        raise SetAsideBefore


def _account(session: Session, read: Read, *, asked: CollectionAccount | None) -> CollectionAccount:
    told = "".join(c for c in read.start.account or "" if c.isalnum())
    if asked is not None:
        if told and told != asked.number:
            raise StatementOfAnotherAccount(account=asked.number[-4:], told=told[-4:])
        return asked
    if not told:
        raise AccountNotSaid
    return agencies.by_number(session, told)


def _store(
    session: Session, read: Read, *, file_id: int, account_id: int, position: int
) -> Statement:
    taken = _days_of_other_formats(session, account_id, read)
    compared = _compare(session, account_id, read, taken)
    new = new_lines(session, account_id, read, taken)
    statement = Statement(
        statement_file_id=file_id,
        collection_account_id=account_id,
        position=position,
        format=read.start.format,
        number=read.start.number,
        sequence=read.start.sequence,
        from_day=read.from_day,
        to_day=read.to_day,
        opening=_dong(read.start.opening),
        closing=_dong(read.end.closing),
        credits=Dong(int(read.end.credits)),
        debits=Dong(int(read.end.debits)),
        lines=len(read.lines),
        added=len(new),
        statement_layout_id=read.layout_id,
        balanced=read.end.balanced,
        discrepancies=_discrepancies(read),
        differs=any(day["only_here"] or day["only_there"] for day in compared.values()),
        compared=compared or None,
    )
    session.add(statement)
    session.flush()
    _insert(session, new, account_id=account_id, statement_id=statement.id)
    _supersede(session, statement)
    return statement


def _supersede(session: Session, statement: Statement) -> None:
    """What did not add up gives way to a statement of its days that does and has all its lines."""
    if not statement.balanced or statement.differs:
        return
    session.execute(
        update(Statement)
        .where(
            Statement.collection_account_id == statement.collection_account_id,
            Statement.id < statement.id,
            Statement.from_day >= statement.from_day,
            Statement.to_day <= statement.to_day,
            Statement.balanced.is_(False),
            stands(),
            Statement.lines <= statement.lines - statement.added,
        )
        .values(superseded_by_id=statement.id)
        .execution_options(synchronize_session=False)
    )


def _days_of_other_formats(session: Session, account_id: int, read: Read) -> frozenset[date]:
    days = session.scalars(
        select(StatementLine.day)
        .join(Statement, Statement.id == StatementLine.statement_id)
        .where(
            StatementLine.collection_account_id == account_id,
            StatementLine.day.between(read.from_day, read.to_day),
            Statement.format != read.start.format,
        )
        .distinct()
    )
    return frozenset(days)


def _compare(
    session: Session, account_id: int, read: Read, days: Iterable[date]
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """For each day booked from another format: the movements that only one of the two has."""
    here: dict[date, Counter[Movement]] = {day: Counter() for day in sorted(days)}
    for row in read.lines:
        if row["day"] in here:
            here[row["day"]][row["direction"], int(row["amount"])] += 1
    return {
        day.isoformat(): _difference(movements, _booked(session, account_id, day))
        for day, movements in here.items()
    }


def _booked(session: Session, account_id: int, day: date) -> Counter[Movement]:
    rows = session.execute(
        select(StatementLine.direction, StatementLine.amount, func.count())
        .where(StatementLine.collection_account_id == account_id, StatementLine.day == day)
        .group_by(StatementLine.direction, StatementLine.amount)
    )
    return Counter({(direction, int(amount)): count for direction, amount, count in rows})


def _difference(
    here: Counter[Movement], there: Counter[Movement]
) -> dict[str, list[dict[str, Any]]]:
    def told(some: Counter[Movement]) -> list[dict[str, Any]]:
        return [
            {"direction": direction, "amount": amount, "count": count}
            for (direction, amount), count in sorted(some.items())[:_TOLD_DIFFERENCES]
        ]

    return {"only_here": told(here - there), "only_there": told(there - here)}


def _insert(
    session: Session,
    new: Sequence[tuple[dict[str, Any], Mapping[str, str]]],
    *,
    account_id: int,
    statement_id: int,
) -> None:
    others = {
        number: id_ for number, id_ in agencies.told_apart(session).items() if id_ != account_id
    }
    for start in range(0, len(new), _AT_ONCE):
        batch = new[start : start + _AT_ONCE]
        ids = _new_ids(session, len(batch))
        owner = {"collection_account_id": account_id, "statement_id": statement_id}
        lines = [
            _named(row, others) | owner | {"id": id_}
            for id_, (row, _) in zip(ids, batch, strict=True)
        ]
        found = [
            {
                "collection_account_id": account_id,
                "statement_line_id": id_,
                "code": code,
                "kind": kind,
            }
            for id_, (_, some) in zip(ids, batch, strict=True)
            for code, kind in some.items()
        ]
        load(session, LINE, lines)
        if found:
            load(session, REFERENCE, found)


def _named(row: Mapping[str, Any], others: Mapping[str, int]) -> dict[str, Any]:
    """A line as it is stored: the account of ours that its counterparty is, not the number."""
    stored = {key: value for key, value in row.items() if key != "counterparty"}
    return stored | {"other_account_id": others.get(row["counterparty"])}


def _new_ids(session: Session, count: int) -> list[int]:
    """Numbers of lines to come, in order; nobody else is given them."""
    if session.get_bind().dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(LINE.name, "id")
        rows = select(func.nextval(sequence)).select_from(func.generate_series(1, count))
        return sorted(session.scalars(rows))
    newest = session.scalar(select(func.coalesce(func.max(LINE.c.id), 0))) or 0
    return list(range(newest + 1, newest + 1 + count))


def _told(stored: Sequence[Statement]) -> list[dict[str, Any]]:
    return [
        {
            "collection_account": one.collection_account_id,
            "from_day": one.from_day.isoformat(),
            "to_day": one.to_day.isoformat(),
            "lines": one.lines,
            "added": one.added,
        }
        for one in stored
    ]


def _discrepancies(read: Read) -> list[dict[str, Any]] | None:
    told = [
        {"figure": one.figure.value, "stated": int(one.stated), "read": int(one.read)}
        for one in read.end.discrepancies
    ]
    return told or None


def _dong(amount: Any | None) -> Dong | None:
    return None if amount is None else Dong(int(amount))
