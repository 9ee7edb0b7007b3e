"""A set starts from its own few rows: what it costs does not grow with all that ever was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from payments import settlement
from payments.core.database import metadata
from reconciliation import bookings
from tests.bank import TODAY, BankLine, a_statement, known_words, run
from tests.builders import (
    BY,
    NOON,
    Province,
    a_message,
    a_payment_request,
    a_province,
    settle,
)

LARGE = {
    "allocation",
    "assignment",
    "callback",
    "credit",
    "credit_reference",
    "delivery",
    "event",
    "evidence",
    "journal_entry",
    "line_match",
    "line_reference",
    "match_member",
    "one",  # aliases of credit
    "other",
    "payment_request",
    "payment_request_line",
    "posting",
    "statement_line",
}
"""Tables that grow with every payment."""


@contextmanager
def whole_reads(session: Session) -> Iterator[list[str]]:
    """The steps of SQLite's plans by which statements of the block read a large table whole."""
    found: list[str] = []
    engine = session.connection().engine

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.startswith(("SELECT", "UPDATE", "INSERT", "DELETE", "WITH")):
            return
        if statement.startswith("INSERT") and " SELECT " not in statement:
            return
        asked = connection.connection.driver_connection.execute(
            f"EXPLAIN QUERY PLAN {statement}", parameters
        )
        read = [step for *_, step in asked if table_of_scan(step) in LARGE - checked_for(statement)]
        found.extend(f"{step}: {statement[:90]}" for step in read)

    event.listen(engine, "before_cursor_execute", explain)
    yield found
    event.remove(engine, "before_cursor_execute", explain)


def table_of_scan(step: str) -> str | None:
    """The table that a step reads from end to end, if it does."""
    scan = re.match(r"SCAN (\w+?)(_\d+)?( |$)", step)
    return scan[1] if scan else None


def checked_for(statement: str) -> set[str]:
    """Tables that would be checked by foreign keys if a new row replaced an old one; none does."""
    into = re.match(r"INSERT INTO (\w+)", statement)
    return {
        table.name
        for table in metadata.tables.values()
        for key in table.foreign_keys
        if into and key.column.table.name == into[1]
    }


@pytest.fixture
def province(session: Session) -> Province:
    """A province with credits of every finding, on SQLite, which tells its plan without rows."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    return a_province(session)


def requests(province: Province) -> list[str]:
    """References of requests to be paid by `all_that_is_told`."""
    return [a_payment_request(province).reference for _ in range(6)]


def all_that_is_told(province: Province, asked: list[str], *, after: int = 0) -> None:
    """Payments that fit, are short, double, without a code, for two requests, told twice."""
    exact, short, one, other = asked[:4]
    at = NOON + timedelta(days=after)
    for memo, amount, source, reference in (
        (exact, 50_000, "sandbox", f"FT1{after}"),
        (exact, 50_000, "sepay", f"FT1{after}"),
        (exact, 50_000, "sandbox", f"FT2{after}"),
        (short, 20_000, "sandbox", None),
        (short, 20_000, "sandbox", None),
        (f"{one} {other}", 100_000, "sandbox", f"FT3{after}"),
        ("nop phi", 70_000, "sandbox", f"FT4{after}"),
    ):
        a_message(province, memo, amount=amount, source=source, reference=reference, at=at)
    settle(province, now=at)


def a_day_on_paper(province: Province, asked: list[str], *, after: int = 0) -> None:
    """The bank's statement of such a day: what was told, what wasn't, a reversal, a charge."""
    day = TODAY + timedelta(days=after)
    lines = [
        BankLine(50_000, "x", reference=f"FT1{after}"),
        BankLine(50_000, "x", reference=f"FT2{after}"),
        BankLine(20_000, asked[1]),
        BankLine(50_000, asked[4]),
        BankLine(50_000, asked[5][:12]),
        BankLine(100_000, "khong ro"),
        BankLine(-50_000, "x", reversal=True, reverses=f"FT2{after}"),
        BankLine(-5_000, "THU PHI SMS"),
        BankLine(-9_000, "khong biet"),
    ]
    lines = [replace(line, day=day) for line in lines]
    opening = after * sum(line.amount for line in lines)
    night = NOON + timedelta(days=after, hours=13)
    a_statement(province, *lines, now=night, opening=opening, day=day)


def test_settling_reads_no_large_table_whole(province: Province) -> None:
    """Whatever the messages are found to be."""
    all_that_is_told(province, requests(province))  # the first set measures its temporary tables
    asked = requests(province)

    with whole_reads(province.session) as found:
        all_that_is_told(province, asked)

    assert found == []


def test_a_days_run_reads_no_large_table_whole(province: Province) -> None:
    """Matching, booking what nobody told, reversals, charges, suggestions, breaks, verdict."""
    known_words(province, bookings.Kind.CHARGE, "THU PHI SMS")
    for after in range(2):
        asked = requests(province)
        all_that_is_told(province, asked, after=after)
        a_day_on_paper(province, asked, after=after)
        with whole_reads(province.session) as found:
            run(province, TODAY + timedelta(days=after))

    assert found == []


def test_taking_back_reads_no_large_table_whole(province: Province) -> None:
    """Of a part among others, whose request then falls open."""
    all_that_is_told(province, requests(province))
    first, second = (credit for credit in province.credits() if credit.finding == "short")
    settlement.withdraw(province.session, first, actor=BY, now=NOON)

    with whole_reads(province.session) as found:
        settlement.withdraw(province.session, second, actor=BY, now=NOON)

    assert found == []


def test_taking_an_assignment_back_reads_no_large_table_whole(province: Province) -> None:
    """Of a request that others paid in part before."""
    for again in range(2):
        all_that_is_told(province, requests(province))
        asked = a_payment_request(province, amount=90_000)
        a_message(province, asked.reference, amount=20_000)
        settle(province)
        unnamed = [one for one in province.credits() if one.finding == "unidentified"][-1]
        settlement.assign(province.session, unnamed, asked, actor=BY, now=NOON)
        told = {"reason": "wrong", "actor": BY, "now": NOON}
        if not again:  # the first set measures its temporary tables
            settlement.unassign(province.session, unnamed, **told)

    with whole_reads(province.session) as found:
        settlement.unassign(province.session, unnamed, **told)

    assert found == []
