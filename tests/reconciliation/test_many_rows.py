"""With a million rows of everything, every list of the console still goes by an index.

The console is walked from its first page: every kind of link it offers is followed once, second
pages and filters among them, and each SELECT that a page sent is asked for its plan.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.core.temporary import scratch, temporary
from payments.staff import Role
from tests.builders import a_province
from tests.console import Person, employ, signing_in, whole_app
from tests.reconciliation.reports.volume import a_million_of_everything
from tests.reconciliation.test_console_breaks import MORNING

LARGE = {"credit", "statement_line", "line_match", "break"}
"""Tables that grow with every payment, as far as they are filled here."""

SEARCHES = ("state=resolved", "kind=unidentified", "owner=nobody", "owner=mine")
"""What the form of the queue asks for, which no link does."""

WHOLE = ("/console/reports", "/console/sign-out")
"""What reads everything by its nature, or isn't a list."""

Sent = tuple[str, Any]


def kind_of(link: str) -> str:
    """What a link is an example of: its path without numbers, and the names it asks by."""
    path, _, query = link.partition("?")
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\d|\d+", "*", path)
    return f"{path}?{'&'.join(sorted(part.partition('=')[0] for part in query.split('&')))}"


def walked(person: Person) -> Iterator[str]:
    """Every kind of page of the console, from the first on."""
    waiting = ["/console/", *(f"/console/breaks?{search}" for search in SEARCHES)]
    seen = {kind_of(page) for page in waiting}
    while waiting:
        page = waiting.pop(0)
        yield page
        for link in re.findall(r'href="(/console[^"#]*)"', person.see(page)):
            address = unescape(link)
            kind = kind_of(address)
            a_file = re.search(r"\.\w+(\?|$)", address)
            leads_to_list = not (a_file or "lang=" in address or address.startswith(WHOLE))
            if leads_to_list and kind not in seen:
                seen.add(kind)
                waiting.append(address)


def scanned(session: Session, sent: Sent) -> list[str]:
    """The large tables that a statement reads from end to end.

    SQLite may read a table in the order asked for, until a page is full. Temporary tables that a
    statement names are there, and empty.
    """
    statement, parameters = sent
    named = [table for name, table in scratch.tables.items() if name in statement]
    if named:
        temporary(session, *named)
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        sorts = any(row[3] == "USE TEMP B-TREE FOR ORDER BY" for row in plan)
        if " LIMIT " in statement and not sorts:
            return []
        steps = [row[3].split() for row in plan if re.fullmatch(r"SCAN \w+", row[3])]
        return [name for name in (re.sub(r"_\d+$", "", step[1]) for step in steps) if name in LARGE]
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    found, nodes = [], [plan[0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE:
            found.append(node["Relation Name"])
    return found


@pytest.mark.slow
@pytest.mark.committed
def test_no_list_of_the_console_reads_a_whole_table(
    database: Database, database_url: str, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does its second page, nor a search."""

    def fill(session: Session) -> None:
        province = a_province(session)
        employ(session, Role.RECONCILER)
        a_million_of_everything(session, province.account)

    database.write(fill)
    database.write(lambda session: session.execute(text("ANALYZE")))
    took: dict[str, float] = {}
    wrong: list[tuple[str, list[str], str]] = []
    with whole_app(database_url, MORNING) as app:
        person, sent = signing_in(app)(Role.RECONCILER), dict[str, Sent]()

        def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if statement.startswith(("SELECT", "WITH")):
                sent.setdefault(statement, (statement, parameters))

        event.listen(app.extensions["cashless"].database.engine, "before_cursor_execute", keep)
        for page in walked(person):
            began = time.perf_counter()
            person.see(page)
            took[page] = time.perf_counter() - began
            for one in list(sent.values()):
                found = database.read(lambda session, one=one: scanned(session, one))
                wrong += [(page, found, one[0])] if found else []
            sent.clear()
    with capsys.disabled():
        worst = sorted(took.items(), key=lambda item: -item[1])[:6]
        told = ", ".join(f"{page} {seconds:.2f} s" for page, seconds in worst)
        print(f"\n{engine}: {len(took)} kinds of page at a million rows; slowest {told}")
        for page, tables, statement in wrong:
            print(f"{page} reads the whole {tables}: {statement}")
    assert not wrong
    assert len(took) >= 14
