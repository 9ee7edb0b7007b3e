"""Large files: kept at once, imported in turn, their progress to be seen, never read by two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from payments import agencies
from payments.agencies import Opening
from payments.core import clock, leases
from payments.core.database import Database
from payments.staff import Role
from reconciliation import jobs, statements
from reconciliation.jobs import Importer
from reconciliation.jobs.waiting import LEASED
from reconciliation.statements import Received, StatementFile, StatementLine
from tests.bank import BankLine, camt
from tests.builders import BY, NOON, SINCE, a_province
from tests.console import Person, employ, signing_in, whole_app
from tests.services import a_service

pytestmark = pytest.mark.committed

NUMBER = "0011001234567"
MORNING = NOON + timedelta(hours=20)
LINES = 8_000
LARGE = camt(NUMBER, [BankLine(1_000 + n, f"nop phi {n} {'x' * 60}") for n in range(LINES)])


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The application, an account, a reconciler and a viewer."""
    database.write(lambda session: a_province(session, number=NUMBER) and None)
    database.write(lambda session: employ(session, Role.RECONCILER, Role.VIEWER))
    with whole_app(database_url, MORNING) as app:
        yield app


def bring(
    person: Person, content: bytes, *, accept: str = "text/html", **told: str
) -> TestResponse:
    """The answer to a file that is brought by the form.

    Encoded here: werkzeug's client leaves the temporary file of a large form open.
    """
    token = re.search(r'name="csrf_token" value="([^"]+)"', person.see("/console/statements"))
    assert token is not None
    form = {"csrf_token": token[1], "file": FileStorage(BytesIO(content), "day.xml"), **told}
    boundary, body = encode_multipart(form)
    return person.client.post(
        "/console/statements",
        data=body,
        content_type=f"multipart/form-data; boundary={boundary}",
        headers={"Accept": accept, "Accept-Language": "en"},
    )


def look(database: Database, *, at: datetime = MORNING) -> bool:
    """One round of the loop; progress is noted as often as it is heard."""
    with time_machine.travel(at, tick=False):
        return Importer(told_every=0).go_round(a_service(database), clock.now())


def files(database: Database) -> list[tuple[str, str | None]]:
    """Each file's state, and why it was refused."""
    rows = select(StatementFile).order_by(StatementFile.id)
    return database.read(
        lambda session: [
            (one.state, one.refusal and one.refusal["code"]) for one in session.scalars(rows)
        ]
    )


def lines(database: Database) -> int:
    """How many statement lines are stored."""
    count = select(func.count()).select_from(StatementLine)
    return database.read(lambda session: session.scalar(count)) or 0


def test_a_large_file_is_kept_then_imported(app: Flask, database: Database) -> None:
    """The form answers with a page that asks again by itself; the loop does the rest."""
    assert len(LARGE) > jobs.LARGE
    person = signing_in(app)(Role.RECONCILER)
    answer = bring(person, LARGE)
    address = answer.headers["Location"]
    page = person.see(address)

    assert (answer.status_code, "Read: 0 %" in page, 'http-equiv="refresh"' in page) == (
        303,
        True,
        True,
    )
    assert "Read: 0 %" in person.see("/console/statements")
    assert (lines(database), files(database)) == (0, [("waiting", None)])

    assert look(database)
    assert (lines(database), files(database)) == (LINES, [("imported", None)])
    assert person.client.get(address).status_code == 302
    assert not look(database)


def test_progress_is_noted_while_a_file_is_read(app: Flask, database: Database) -> None:
    """In percent of its bytes, and seen by whoever may see figures."""
    bring(signing_in(app)(Role.RECONCILER), LARGE)
    seen = database.read(lambda session: session.scalar(select(StatementFile.public_id)))
    look(database)

    noted = database.read(lambda session: session.scalar(select(StatementFile.progress))) or 0
    assert 50 <= noted <= 99
    assert signing_in(app)(Role.VIEWER).client.get(f"/console/statements/{seen}/progress")


def test_a_program_is_told_where_to_look(app: Flask) -> None:
    """202, and the address of the progress."""
    answer = bring(signing_in(app)(Role.RECONCILER), LARGE, accept="application/json")

    assert (answer.status_code, answer.get_json()["state"]) == (202, "waiting")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (LARGE[:-50_000], "unreadable_file"),
        (LARGE.replace(NUMBER.encode(), b"0099999999"), "unknown_account_number"),
    ],
)
def test_a_large_file_that_is_refused_ends_refused(
    app: Flask, database: Database, content: bytes, reason: str
) -> None:
    """Its one row says why; nothing of it is stored, and it waits no more."""
    bring(signing_in(app)(Role.RECONCILER), content)
    look(database)

    ((state, told),) = files(database)
    assert state == "refused"
    assert reason in (told, "unreadable_file")
    assert (lines(database), look(database)) == (0, False)


def test_one_brought_for_another_account_is_refused_in_its_turn(
    app: Flask, database: Database
) -> None:
    """The account that the form named is remembered with the file."""
    other = database.write(
        lambda session: (
            agencies.open_account(
                session,
                agencies.by_code(session, "H09", on=SINCE).id,
                Opening(bin="970436", number="0022002200220", name="SO KHAC"),
                valid_from=SINCE,
                by=BY,
                now=NOON,
            ).public_id
        )
    )
    bring(signing_in(app)(Role.RECONCILER), LARGE, account=other)
    look(database)

    assert files(database) == [("refused", "statement_of_another_account")]


def test_the_same_file_again_is_known_at_once(app: Flask, database: Database) -> None:
    """Once imported it does not wait again; brought twice before, it waits once."""
    person = signing_in(app)(Role.RECONCILER)
    bring(person, LARGE)
    bring(person, LARGE)
    assert files(database) == [("waiting", None)]
    look(database)

    assert "came=known" in bring(person, LARGE).headers["Location"]
    assert (files(database), lines(database)) == ([("imported", None)], LINES)


def test_a_file_imported_by_another_door_waits_no_more(app: Flask, database: Database) -> None:
    """The command imported it meanwhile: its row is the one that waited."""
    bring(signing_in(app)(Role.RECONCILER), LARGE)
    with time_machine.travel(MORNING, tick=False):
        jobs.import_statement(
            a_service(database), Received(LARGE, "day.xml"), account=None, by="command:statement"
        )

    assert (look(database), files(database)) == (False, [("imported", None)])


def test_two_hosts_do_not_read_one_file(app: Flask, database: Database) -> None:
    """One that died leaves it to another once its lease is over."""
    bring(signing_in(app)(Role.RECONCILER), LARGE)
    (number,) = database.read(statements.in_line)

    def held(session: Session) -> bool:
        name = f"statement_file:{number}"
        return bool(leases.take(session, name, holder="dead", for_=LEASED, now=MORNING))

    assert database.write(held)
    assert (look(database), lines(database)) == (False, 0)
    assert look(database, at=MORNING + LEASED)
    assert lines(database) == LINES
