"""The audit trail's page: filtered, exported, and what it says about the chain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core import audit
from payments.core.audit import AuditEntry, verify_audit
from payments.core.database import Database
from payments.jobs.auditing import read_audit
from payments.staff import Role
from tests.builders import NOON
from tests.console import Person, SignIn, employ, whole_app

pytestmark = pytest.mark.committed

TRAIL = "/console/audit"


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application with people of some roles."""
    database.write(lambda s: employ(s, Role.AUDITOR, Role.ADMINISTRATOR, Role.VIEWER))
    with whole_app(database_url, NOON) as whole:
        yield whole


@pytest.fixture
def auditor(sign_in: SignIn) -> Person:
    return sign_in(Role.AUDITOR)


def exported(person: Person, what: str) -> bytes:
    """The file that the page gives."""
    with person.client.get(f"{TRAIL}/trail.{what}") as answer:
        assert answer.status_code == 200
        return answer.data


def of_action(database: Database, action: str) -> list[AuditEntry]:
    return database.read(
        lambda s: list(s.scalars(select(AuditEntry).where(AuditEntry.action == action)))
    )


def test_entries_are_found_by_who_what_whom_and_day(sign_in: SignIn, auditor: Person) -> None:
    """In words, the newest first; the address holds the question."""
    sign_in(Role.VIEWER).client.get("/console/people", headers={"Accept": "text/html"})
    page = auditor.see(f"{TRAIL}?who=viewer")
    assert page.count("<tr>") == 3
    assert page.index("Action refused") < page.index('<td class="plain">Signed in</td>')
    assert "not_your_role" in page
    assert "page:people.everybody" in page
    one = auditor.see(f"{TRAIL}?what=page.refused&first=2026-11-24&last=2026-11-24")
    assert one.count("<tr>") == 2
    assert "Nothing is like that" in auditor.see(f"{TRAIL}?last=2026-11-23")
    assert "Nobody has this user name" in auditor.see(f"{TRAIL}?who=nobody-here")
    assert auditor.see(f"{TRAIL}?about=staff:1").count("<tr>") > 1
    for wrong in ("what=nothing", "first=24/11/2026", "order=1", "who=a&who=b", "cursor=x"):
        answer = auditor.client.get(f"{TRAIL}?{wrong}", headers={"Accept": "text/html"})
        assert answer.status_code == 422, wrong


def test_a_long_trail_comes_in_pages(database: Database, auditor: Person) -> None:
    """The next page goes on where this one ended."""

    def unit(session: Session) -> None:
        for number in range(60):
            audit.append(
                session, actor="job:x", action="seed.loaded", subject=f"s:{number}", now=NOON
            )

    database.write(unit)
    first = auditor.see(f"{TRAIL}?who=job:x")
    assert ("s:59<" in first, "s:10<" in first, "s:9<" in first) == (True, True, False)
    following = first.split('class="button" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "s:9<" in auditor.see(following.partition("#")[0])


def test_what_is_shown_is_exported_and_that_is_written_down(
    database: Database, auditor: Person
) -> None:
    """As a table for people and as lines that prove themselves; a formula stays a text."""
    database.write(
        lambda s: audit.append(s, actor="job:x", action="seed.loaded", subject="=1+1", now=NOON)
    )
    assert b"'=1+1" in exported(auditor, "csv?who=job:x")
    lines = exported(auditor, "jsonl?what=staff.added").splitlines(keepends=True)
    assert len(lines) == 3
    for line in lines:
        assert verify_audit.entry_of(line, {})["action"] == "staff.added"
    told = [entry.details for entry in of_action(database, "audit.exported")]
    assert told == [{"kind": "csv", "who": "job:x"}, {"kind": "jsonl", "what": "staff.added"}]


def test_the_page_says_whether_the_chain_holds(
    app: Flask, database: Database, auditor: Person
) -> None:
    """Not read yet; then up to which entry."""
    assert "was not read yet" in auditor.see(TRAIL)
    read_audit(app.extensions["cashless"], NOON)
    page = auditor.see(TRAIL)
    count = database.read(audit.verify).entries
    assert f"holds up to entry {count}" in page
    assert "is not brought out of the database" in page


def test_whatever_a_form_asks_in_vain_is_written_down(sign_in: SignIn, database: Database) -> None:
    """Not found, not possible, without its token, not allowed: each with the code of its reason."""
    admin = sign_in(Role.ADMINISTRATOR)
    people = "/console/people"
    own = database.read(lambda s: s.scalars(select(AuditEntry.subject)).first())
    assert own is not None
    admin.send(f"{people}/none/disable", on=people, reason="x")
    admin.send(f"{people}/new", on=f"{people}/new", name="A", username="viewer", reason="x")
    admin.client.post(f"{people}/new", data={"name": "A"}, headers={"Accept": "text/html"})
    sign_in(Role.VIEWER).send(f"{people}/new", on="/sign-in", name="A")
    told = [(one.subject, one.details["code"]) for one in of_action(database, "page.refused")]
    assert told == [
        ("page:people.disable", "unknown_person"),
        ("page:people.add", "username_taken"),
        ("page:people.add", "stale_form"),
        ("page:people.add", "not_your_role"),
    ]
