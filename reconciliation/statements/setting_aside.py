"""Setting a wrong statement aside, by two persons, so that the bank's corrected file is taken.

Whatever its figures say, a statement that was imported counts. One that should not - its own lines
are wrong, or it is not the bank's - is set aside: file, statement and lines stay to be seen, with
who, when and why, and its lines belong to no account any more. So nothing that asks for an
account's lines finds them: not matching, balances or breaks, and not the import of another file.
Nothing moves in the ledger, which is why it is refused while a line stands in a live match, while
a day of it is closed, and while a later statement left out lines because this one had them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from payments import agencies, ledger
from payments.core import approvals
from payments.core.approvals import Approval
from payments.core.database import table_of
from payments.core.errors import CashlessError, Conflict, NotFound
from reconciliation.statements.keeping import tell
from reconciliation.statements.tables import FileState, Statement, StatementFile, StatementLine

LINE: Final = table_of(StatementLine)
ACTION: Final = "set_statement_aside"


class UnknownStatement(NotFound):
    """There is no statement of that file and place."""

    code = "unknown_statement"


class StatementSetAside(Conflict):
    """The statement was set aside before."""

    code = "statement_set_aside"


class SettingAsideNotProposed(Conflict):
    """Nobody has proposed to set the statement aside."""

    code = "setting_aside_not_proposed"


class StatementMatched(Conflict):
    """Lines of the statement stand in live matches, which are revoked first."""

    code = "statement_matched"


class StatementOfClosedDay(Conflict):
    """A day of the statement is closed; it is reopened first."""

    code = "statement_of_closed_day"


class StatementBuiltUpon(Conflict):
    """A later file left out lines that this one has; that one is set aside first."""

    code = "statement_built_upon"


def propose(
    session: Session, statement: Statement, *, reason: str, by: str, now: datetime
) -> Approval:
    """Proposes to set a statement aside; nothing changes yet.

    Raises what `refuse` raises, `NoReasonGiven` or `AlreadyProposed`.
    """
    _hold(session, statement)
    refuse(session, statement)
    return approvals.propose(
        session,
        ACTION,
        _subject(statement),
        shown=_shown(session, statement),
        reason=reason,
        by=by,
        now=now,
    )


def confirm(session: Session, statement: Statement, *, by: str, now: datetime) -> None:
    """Sets a statement aside that another person proposed to.

    What it superseded counts again. A file whose statements all are set aside may be brought again.
    Raises what `refuse` raises, `SettingAsideNotProposed` or `SamePerson`.
    """
    _hold(session, statement)
    approval = _proposed(session, statement)
    if approval.maker == by:
        raise approvals.SamePerson
    refuse(session, statement)
    approvals.approve(session, approval, shown=_shown(session, statement), by=by, now=now)
    session.execute(
        update(LINE).where(LINE.c.statement_id == statement.id).values(collection_account_id=None)
    )
    session.execute(
        update(Statement)
        .where(
            Statement.collection_account_id == statement.collection_account_id,
            Statement.superseded_by_id == statement.id,
        )
        .values(superseded_by_id=None)
        .execution_options(synchronize_session=False)
    )
    statement.set_aside_at, statement.set_aside_by = now, by
    statement.set_aside_proposed_by, statement.set_aside_because = approval.maker, approval.reason
    session.flush()
    file = _set_aside_file(session, statement)
    told = {"position": statement.position, "reason": approval.reason}
    tell(session, "statement.set_aside", file, by=by, now=now, **told)
    session.expire_all()


def decline(session: Session, statement: Statement, *, reason: str, by: str, now: datetime) -> None:
    """Says no to setting a statement aside: it goes on counting.

    Raises `SettingAsideNotProposed`, `SamePerson` or `NoReasonGiven`.
    """
    _hold(session, statement)
    approvals.decline(session, _proposed(session, statement), reason=reason, by=by, now=now)


def refuse(session: Session, statement: Statement) -> None:
    """Raises why a statement may not be set aside as things stand.

    That is `StatementSetAside`, `StatementOfClosedDay`, `StatementBuiltUpon` or `StatementMatched`.
    """
    if statement.set_aside_at is not None:
        raise StatementSetAside
    closed = ledger.closed_through(session, statement.collection_account_id)
    if closed is not None and statement.from_day <= closed:
        raise StatementOfClosedDay(closed_through=closed)
    later = _built_upon_by(session, statement)
    if later is not None:
        raise StatementBuiltUpon(filename=later)
    if matched_lines(session, statement, most=1):
        raise StatementMatched


def why_not(session: Session, statement: Statement) -> CashlessError | None:
    """Why a statement may not be set aside as things stand; None where it may."""
    try:
        refuse(session, statement)
    except Conflict as error:
        return error
    return None


def waiting(session: Session, statement: Statement) -> Approval | None:
    """The proposal to set the statement aside that waits for a second person."""
    return approvals.live(session, ACTION, _subject(statement))


def statement_at(session: Session, public_id: str, position: int) -> Statement:
    """The statement at that place, from 1, of the file of that public number.

    Raises `UnknownStatement`.
    """
    found = session.scalar(
        select(Statement)
        .join(StatementFile, StatementFile.id == Statement.statement_file_id)
        .where(StatementFile.public_id == public_id, Statement.position == position)
    )
    if found is None:
        raise UnknownStatement(file=public_id[:40], position=position)
    return found


def matched_lines(session: Session, statement: Statement, *, most: int) -> Sequence[StatementLine]:
    """The first lines of a statement that stand in live matches, at most so many."""
    rows = select(StatementLine).where(
        StatementLine.statement_id == statement.id, StatementLine.match_id.is_not(None)
    )
    return session.scalars(rows.order_by(StatementLine.id).limit(most)).all()


def lines_of(
    session: Session, statement: Statement, *, after: int, most: int
) -> Sequence[StatementLine]:
    """The lines that came with a statement, after one's number, at most so many."""
    rows = select(StatementLine).where(
        StatementLine.statement_id == statement.id, StatementLine.id > after
    )
    return session.scalars(rows.order_by(StatementLine.id).limit(most)).all()


def _built_upon_by(session: Session, statement: Statement) -> str | None:
    """The file of a later statement of these days that took lines for known."""
    if not statement.added:
        return None
    rows = (
        select(StatementFile.filename)
        .join(Statement, Statement.statement_file_id == StatementFile.id)
        .where(
            Statement.collection_account_id == statement.collection_account_id,
            Statement.id > statement.id,
            Statement.from_day <= statement.to_day,
            Statement.to_day >= statement.from_day,
            Statement.added < Statement.lines,
            Statement.set_aside_at.is_(None),
        )
    )
    return session.scalar(rows.order_by(Statement.id.desc()).limit(1))


def _hold(session: Session, statement: Statement) -> None:
    """Under the account's lock, as everything that imports, matches or closes."""
    agencies.lock(session, statement.collection_account_id)
    session.refresh(statement)


def _proposed(session: Session, statement: Statement) -> Approval:
    if statement.set_aside_at is not None:
        raise StatementSetAside
    found = waiting(session, statement)
    if found is None:
        raise SettingAsideNotProposed
    return found


def _set_aside_file(session: Session, statement: Statement) -> StatementFile:
    file = session.get_one(StatementFile, statement.statement_file_id)
    counts = exists().where(
        Statement.statement_file_id == file.id, Statement.set_aside_at.is_(None)
    )
    if not session.scalar(select(counts)):
        file.state = FileState.SET_ASIDE.value
        session.flush()
    return file


def _subject(statement: Statement) -> str:
    return f"statement:{statement.id}"


def _shown(session: Session, statement: Statement) -> Mapping[str, Any]:
    sha256 = session.scalar(
        select(StatementFile.sha256).where(StatementFile.id == statement.statement_file_id)
    )
    return {
        "sha256": sha256,
        "position": statement.position,
        "from_day": statement.from_day.isoformat(),
        "to_day": statement.to_day.isoformat(),
        "lines": statement.lines,
        "added": statement.added,
    }
