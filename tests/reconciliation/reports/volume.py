"""Very many credits at once, for what is measured: of one account, some days, nobody's."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Integer, case, cast, func, insert, literal, select, update
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from payments.agencies import CollectionAccount
from payments.core.columns import Amount, Code, Count, Day, Flag, Instant, Json, Key, Words
from payments.core.database import table_of
from payments.core.money import Dong
from payments.credits import Credit
from reconciliation.breaks import Break
from reconciliation.matching import LineMatch
from reconciliation.statements import Statement, StatementFile, StatementLine
from tests.bank import TODAY
from tests.builders import NOON

DAYS = 5
YEAR = 250


def many_credits(session: Session, account: int, many: int, *, days: int = DAYS) -> None:
    """Unidentified credits of 1.000 đồng, spread over some days from today on."""
    one = select(literal(1, Integer).label("number")).cte("counted", recursive=True)
    counted = one.union_all(select(one.c.number + 1).where(one.c.number < many))
    number = counted.c.number
    day = case(
        {n: literal(TODAY + timedelta(days=n), Day()) for n in range(days)}, value=number % days
    )
    amount, none = literal(1_000, Amount()), literal(0, Amount())
    values = {
        "collection_account_id": literal(account, Count()),
        "amount": amount,
        "booked_at": literal(NOON, Instant()),
        "day": day,
        "memo": literal("=nộp phí ", Words()) + cast(number, SqlText),
        "trusted": literal(True, Flag()),
        "arrived_at": literal(NOON, Instant()),
        "finding": literal("unidentified", Code()),
        "settled_at": literal(NOON, Instant()),
        "decisions": literal(1, Count()),
        "advised": none,
        "to_fees": none,
        "held": none,
        "unidentified": amount,
        "refunded": none,
        "reversed": none,
    }
    session.execute(insert(table_of(Credit)).from_select(list(values), select(*values.values())))


def a_million_of_everything(
    session: Session, account: CollectionAccount, *, many: int = 1_000_000
) -> None:
    """Credits, and lines, matches and breaks of the account, as many of each.

    One break of a hundred is not resolved; each line is matched with the credit of its number.
    """
    many_credits(session, account.id, many, days=YEAR)
    statement = _a_statement(session, account, many)
    credit, line = table_of(Credit), table_of(StatementLine)
    columns = {
        "collection_account_id": credit.c.collection_account_id,
        "statement_id": literal(statement, Key()),
        "number": credit.c.id,
        "day": credit.c.day,
        "booked_at": credit.c.booked_at,
        "timed": literal(True, Flag()),
        "direction": literal("credit", Code()),
        "amount": credit.c.amount,
        "memo": credit.c.memo,
        "reversal": literal(False, Flag()),
        "identity": cast(credit.c.id, SqlText),
        "occurrence": literal(1, Count()),
        "extractor": literal(1, Count()),
    }
    session.execute(insert(line).from_select(list(columns), select(*columns.values())))
    match = table_of(LineMatch)
    columns = {
        "collection_account_id": line.c.collection_account_id,
        "day": line.c.day,
        "rule": literal("missed_callback", Code()),
        "reasons": literal(["nobody_told"], Json()),
        "amount": line.c.amount,
        "first_line_id": line.c.id,
        "first_credit_id": line.c.number,
        "made_at": literal(NOON, Instant()),
        "made_by": literal("test", Code()),
    }
    session.execute(insert(match).from_select(list(columns), select(*columns.values())))
    session.execute(
        update(line).values(match_id=match.c.id).where(match.c.first_line_id == line.c.id)
    )
    session.execute(
        update(credit).values(match_id=match.c.id).where(match.c.first_credit_id == credit.c.id)
    )
    _breaks_of_credits(session)


def _a_statement(session: Session, account: CollectionAccount, many: int) -> int:
    """One file with one statement of all the days; the statement's number."""
    file = StatementFile(
        public_id=str(uuid7()),
        sha256="0" * 64,
        filename="a-million.xml",
        size=1,
        state="refused",
        refusal={"code": "statement_empty", "fields": {}},
        received_at=NOON,
        received_by="test",
    )
    session.add(file)
    session.flush()
    statement = Statement(
        statement_file_id=file.id,
        collection_account_id=account.id,
        position=1,
        format="camt.053",
        from_day=TODAY,
        to_day=TODAY + timedelta(days=YEAR - 1),
        credits=Dong(1_000 * many),
        debits=Dong(0),
        lines=many,
        added=many,
        differs=False,
    )
    session.add(statement)
    session.flush()
    return statement.id


def _breaks_of_credits(session: Session) -> None:
    """A break for each credit, urgent and not, one of a hundred waiting to be worked."""
    credit = table_of(Credit)
    ended = credit.c.id % 100 != 0
    columns = {
        "public_id": literal("00000000-0000-7000-8000-", Code())
        + func.substr(cast(credit.c.id + 1_000_000_000_000, SqlText), 2),
        "collection_account_id": credit.c.collection_account_id,
        "leg": literal("settlement", Code()),
        "key": cast(credit.c.id, SqlText),
        "kind": literal("unidentified", Code()),
        "day": credit.c.day,
        "amount": credit.c.amount,
        "items": literal(1, Count()),
        "since": credit.c.booked_at,
        "found_at": literal(NOON, Instant()),
        "cleared_at": case((ended, literal(NOON, Instant()))),
        "state": case((ended, "resolved"), else_="open"),
        "priority": credit.c.id % 3 + 1,
    }
    session.execute(insert(table_of(Break)).from_select(list(columns), select(*columns.values())))
