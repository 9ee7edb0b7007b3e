"""What happens to lines after they are stored: they are matched, and a match may be revoked."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table, update
from sqlalchemy.orm import Session

from payments.core.columns import Key
from payments.core.database import Rows, rows_of, table_of
from payments.core.errors import Conflict
from payments.core.temporary import materialise, scratch
from reconciliation.statements.tables import Statement, StatementLine

LINE: Final = table_of(StatementLine)

_numbers: Final = Table(
    "line_number",
    scratch,
    Column("line_id", Key(), primary_key=True),
    Column("match_id", Key()),
    prefixes=["TEMPORARY"],
)


class LineAlreadyMatched(Conflict):
    """A line stands in at most one live match."""

    code = "line_already_matched"


def account_of(session: Session, line: StatementLine) -> int:
    """The account whose statement the line is on, also when that was set aside."""
    return session.get_one(Statement, line.statement_id).collection_account_id


def match_all(session: Session, matched: Rows) -> None:
    """Puts the number of its match on each line: (line_id, match_id).

    Raises `LineAlreadyMatched` when one of them has a match.
    """
    expected = materialise(session, _numbers, matched)
    done = session.execute(
        update(LINE)
        .where(LINE.c.id == _numbers.c.line_id, LINE.c.match_id.is_(None))
        .values(match_id=_numbers.c.match_id)
    )
    if rows_of(done) != expected:
        raise LineAlreadyMatched


def unmatch_all(session: Session, lines: Rows) -> None:
    """Takes the number of a revoked match off its lines, by their ids."""
    session.execute(update(LINE).where(LINE.c.id.in_(lines)).values(match_id=None))
