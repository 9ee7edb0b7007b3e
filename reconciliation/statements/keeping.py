"""Files as rows: kept with their content, offered or waiting, or refused with the reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments.core import audit, files
from payments.core.errors import CashlessError, NotFound
from reconciliation.formats.refusals import visible
from reconciliation.statements.reading import Received
from reconciliation.statements.tables import FileState, StatementFile

_MEDIA_TYPE: Final = "application/octet-stream"


class NotOffered(NotFound):
    """No file of that number waits to be looked at; it may have been imported meanwhile."""

    code = "statement_not_offered"


def keep(
    session: Session, received: Received, *, state: FileState, by: str, now: datetime
) -> StatementFile:
    """The file's row in that state, with its content; one that waited before is that row."""
    file = _pending(session, received.sha256)
    if file is None:
        file = _file(received, state=state, by=by, now=now)
        file.stored_file_id = files.store(session, received.content, media_type=_MEDIA_TYPE)
        session.add(file)
    file.state, file.received_at, file.received_by = state.value, now, by
    session.flush()
    return file


def offer(session: Session, received: Received, *, by: str, now: datetime) -> StatementFile:
    """Keeps a file that somebody wants to look at before it is imported; offered once."""
    return keep(session, received, state=FileState.OFFERED, by=by, now=now)


def offered(session: Session, public_id: str) -> tuple[StatementFile, Received]:
    """A file that waits to be looked at, and its content. Raises `NotOffered`."""
    file = session.scalar(
        select(StatementFile).where(
            StatementFile.public_id == public_id, StatementFile.state == FileState.OFFERED
        )
    )
    if file is None or file.stored_file_id is None:
        raise NotOffered(file=public_id[:40])
    return file, Received(files.fetch(session, file.stored_file_id).content, file.filename)


def withdraw_offer(session: Session, public_id: str, *, by: str, now: datetime) -> None:
    """Forgets a file that was only looked at. Raises `NotOffered`."""
    file, _ = offered(session, public_id)
    tell(session, "statement.withdrawn", file, by=by, now=now)
    session.delete(file)
    session.flush()


def put_in_line(
    session: Session,
    received: Received,
    *,
    collection_account_id: int | None,
    by: str,
    now: datetime,
) -> StatementFile:
    """Keeps a large file to be imported when its turn comes."""
    file = keep(session, received, state=FileState.WAITING, by=by, now=now)
    file.collection_account_id, file.progress = collection_account_id, 0
    session.flush()
    return file


def in_line(session: Session) -> list[int]:
    """The files that wait for their turn, in order, by number."""
    rows = select(StatementFile.id).where(StatementFile.state == FileState.WAITING)
    return list(session.scalars(rows.order_by(StatementFile.id)))


def next_in_line(session: Session, file_id: int) -> tuple[StatementFile, Received] | None:
    """A file that waits for its turn, and its content; None when it waits no more."""
    file = session.get(StatementFile, file_id, populate_existing=True)
    if file is None or file.state != FileState.WAITING or file.stored_file_id is None:
        return None
    return file, Received(files.fetch(session, file.stored_file_id).content, file.filename)


def leave_line(session: Session, file_id: int) -> None:
    """Forgets a waiting file that turned out to have been imported before."""
    file = session.get(StatementFile, file_id, populate_existing=True)
    if file is not None and file.state == FileState.WAITING:
        session.delete(file)
        session.flush()


def report_progress(session: Session, file_id: int, percent: int) -> None:
    """Notes how much of a waiting file has been read."""
    session.execute(
        update(StatementFile)
        .where(StatementFile.id == file_id, StatementFile.state == FileState.WAITING)
        .values(progress=percent)
    )


def keep_refusal(
    session: Session, received: Received, error: CashlessError, *, by: str, now: datetime
) -> None:
    """Notes that a file was refused, and why; nothing of its content is kept."""
    file = _pending(session, received.sha256)
    if file is None or file.state != FileState.WAITING:
        file = _file(received, state=FileState.REFUSED, by=by, now=now)
    file.state, file.stored_file_id = FileState.REFUSED.value, None
    fields = {name: plain(value) for name, value in error.fields.items()}
    file.refusal = {"code": error.code, "fields": fields}
    session.add(file)
    session.flush()
    tell(session, "statement.refused", file, by=by, now=now, reason=error.code)


def tell(
    session: Session, action: str, file: StatementFile, *, by: str, now: datetime, **details: Any
) -> None:
    """Notes in the audit trail what was done with a file."""
    audit.append(
        session,
        actor=by,
        action=action,
        subject=f"statement_file:{file.id}",
        details={"sha256": file.sha256, **details},
        now=now,
    )


def _pending(session: Session, sha256: str) -> StatementFile | None:
    """The row of that file that waits to be looked at, or for its turn."""
    rows = select(StatementFile).where(
        StatementFile.sha256 == sha256,
        StatementFile.state.in_([FileState.OFFERED.value, FileState.WAITING.value]),
    )
    return session.scalar(rows.order_by(StatementFile.state.desc(), StatementFile.id).limit(1))


def _file(received: Received, *, state: FileState, by: str, now: datetime) -> StatementFile:
    return StatementFile(
        public_id=str(uuid7()),
        sha256=received.sha256,
        filename=visible(received.filename)[:200],
        size=len(received.content),
        state=state,
        received_at=now,
        received_by=by,
    )


def plain(value: object) -> object:
    """A field of a refusal as it is kept: a number or a text."""
    return value if value is None or isinstance(value, int | str) else str(value)
