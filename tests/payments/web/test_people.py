"""People at the console: let in, given roles by two, shut out; and which role opens which page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import staff
from payments.core.database import Database
from payments.staff import Role
from payments.web.people import PAGE
from tests.builders import NOON
from tests.console import PASSWORD, Person, SignIn, employ, whole_app
from tests.phones import a_phone

pytestmark = pytest.mark.committed

MORNING = NOON + timedelta(hours=20)
PEOPLE = "/console/people"
NEW = f"{PEOPLE}/new"


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, with people of every role and a second administrator."""

    def unit(session: Session) -> None:
        employ(session, *Role)
        second = {"name": "Second", "password": PASSWORD, "roles": [Role.ADMINISTRATOR]}
        staff.add(session, "second", by="command:test", now=NOON, **second)

    database.write(unit)
    with whole_app(database_url, MORNING) as whole:
        yield whole


@pytest.fixture
def other(app: Flask) -> Person:
    """The second administrator."""
    person = Person(app.test_client())
    sent = person.send("/sign-in", on="/sign-in", username="second", password=PASSWORD)
    assert sent.status_code == 303
    return person


def page_of(admin: Person, username: str) -> str:
    """The address of somebody's page."""
    rows = re.findall(
        rf'href="({PEOPLE}/[^"?]+)">[^<]*</a><br><span class="small code">([^<]+)<',
        admin.see(PEOPLE),
    )
    (found,) = [path for path, name in rows if name == username]
    return found


def roles_of(database: Database, username: str) -> set[str]:
    def unit(session: Session) -> set[str]:
        return set(staff.roles_of(session, staff.by_username(session, username).id))

    return database.read(unit)


def shown_password(text: str) -> str:
    found = re.search(r"<strong>([A-Za-z0-9_-]{20})</strong>", text)
    assert found is not None
    return found[1]


def test_somebody_is_let_in_by_two(
    database: Database, app: Flask, sign_in: SignIn, other: Person
) -> None:
    """The password is shown once; the roles wait for the second; the person changes it first."""
    first = sign_in(Role.ADMINISTRATOR)
    told = {"username": "lan", "name": "Trần Thị Lan", "role": ["approver", "viewer"]}
    added = first.send(NEW, on=NEW, reason="QĐ 12", **told)
    password = shown_password(added.text)
    assert "wait for another administrator" in added.text
    page = page_of(first, "lan")
    assert password not in first.see(page)

    lan = Person(app.test_client())
    given = lan.send("/sign-in", on="/sign-in", username="lan", password=password)
    assert given.location == "/console/me/password"
    own = "mật khẩu của riêng mình"
    chosen = lan.send(given.location, on=given.location, present=password, new=own, again=own)
    assert chosen.status_code == 303
    assert "Your roles wait for a second administrator" in lan.see("/sign-in")
    assert lan.client.get("/console/").status_code == 403

    assert first.send(f"{page}/approve", on=page).status_code == 404
    assert "QĐ 12" in other.see(page)
    assert other.send(f"{page}/approve", on=page).status_code == 303
    assert roles_of(database, "lan") == {"approver", "viewer"}
    assert lan.client.get("/console/").status_code == 401
    lan.send("/sign-in", on="/sign-in", username="lan", password=own)
    lan.see("/console/")


@pytest.mark.parametrize(
    ("told", "status", "words"),
    [
        ({"username": "viewer"}, 409, "viewer"),
        ({"username": "Lan!"}, 422, ""),
        ({"name": " "}, 422, "A name is needed"),
        ({"role": []}, 422, "at least one role"),
        ({"role": ["reconciler", "approver"]}, 422, "both Approver and Reconciler"),
        ({"role": ["auditor", "viewer"]}, 422, ""),
        ({"reason": " "}, 422, ""),
    ],
)
def test_a_form_that_is_wrong_says_why_and_keeps_what_was_typed(
    database: Database, sign_in: SignIn, told: dict[str, object], status: int, words: str
) -> None:
    """Nobody is added."""
    fields = {"username": "lan", "name": "Lan", "role": ["viewer"], "reason": "QĐ 12", **told}
    answer = sign_in(Role.ADMINISTRATOR).send(NEW, on=NEW, **fields)
    assert answer.status_code == status
    assert 'id="refusal"' in answer.text
    assert words in answer.text
    assert f'value="{fields["username"]}"' in answer.text
    with pytest.raises(staff.UnknownPerson):
        database.read(lambda session: staff.by_username(session, "lan"))


def test_roles_are_changed_declined_and_taken_back(
    database: Database, sign_in: SignIn, other: Person
) -> None:
    """Away by one; to it by two; the other says no with a reason, or the first thinks again."""
    first = sign_in(Role.ADMINISTRATOR)
    page = page_of(first, "clerk")
    assert first.send(f"{page}/roles", on=page, role=["viewer"], reason="x").status_code == 303
    assert roles_of(database, "clerk") == {"viewer"}
    for _ in range(2):
        first.send(f"{page}/roles", on=page, role=["reconciler"], reason="x")
        assert "Waits for a second administrator" in other.see(PEOPLE)
        waiting = other.see(page)
        assert other.send_from(waiting, f"{page}/decline", reason=" ").status_code == 422
        assert other.send_from(waiting, f"{page}/decline", reason="chưa").status_code == 303
    first.send(f"{page}/roles", on=page, role=["reconciler"], reason="x")
    assert first.send(f"{page}/take-back", on=page).status_code == 303
    assert other.send_from(waiting, f"{page}/approve").status_code == 404
    assert roles_of(database, "clerk") == {"viewer"}


def test_who_is_shut_out_is_out_at_once(sign_in: SignIn) -> None:
    """And with a reason; their page says so."""
    first, viewer = sign_in(Role.ADMINISTRATOR), sign_in(Role.VIEWER)
    page = page_of(first, "viewer")
    assert first.send(f"{page}/disable", on=page, reason=" ").status_code == 422
    viewer.see("/console/")
    assert first.send(f"{page}/disable", on=page, reason="nghỉ việc").status_code == 303
    assert viewer.client.get("/console/").status_code == 401
    assert "Let in again" in first.see(page)
    first.send(f"{page}/roles", on=page, role=["viewer"], reason="trở lại")
    sign_in(Role.VIEWER).see("/console/")


def test_nobody_does_anything_to_themselves(sign_in: SignIn) -> None:
    """Not by the page, which offers nothing, nor by its addresses."""
    first = sign_in(Role.ADMINISTRATOR)
    page = page_of(first, "administrator")
    assert f'action="{page}' not in first.see(page)
    for form in ("roles", "disable", "password", "factor"):
        sent = first.send(f"{page}/{form}", on=NEW, role=["viewer"], reason="x")
        assert sent.status_code == 403, form


def test_the_last_administrator_stays(database: Database, sign_in: SignIn, other: Person) -> None:
    """One of two may go, and the one left not."""
    first = sign_in(Role.ADMINISTRATOR)
    page, mine = page_of(first, "second"), page_of(first, "administrator")
    assert "You are the only administrator" not in first.see(PEOPLE)
    assert first.send(f"{page}/disable", on=page, reason="x").status_code == 303
    assert other.client.get(PEOPLE).status_code == 401
    assert first.send(f"{mine}/disable", on=NEW, reason="x").status_code == 403
    assert "You are the only administrator" in first.see(PEOPLE)
    assert roles_of(database, "administrator") == {"administrator"}


def test_a_new_password_and_a_lost_phone_take_two_hands(
    database: Database, app: Flask, sign_in: SignIn, other: Person
) -> None:
    """Who gave the password does not take the phone away; the person sets up another."""

    def unit(session: Session) -> None:
        a_phone(session, staff.by_username(session, "viewer").id, now=MORNING)

    database.write(unit)
    first = sign_in(Role.ADMINISTRATOR)
    page = page_of(first, "viewer")
    password = shown_password(first.send(f"{page}/password", on=page).text)
    assert first.send(f"{page}/factor", on=page).status_code == 403
    viewer = Person(app.test_client())
    told = {"username": "viewer", "password": password}
    assert viewer.send("/sign-in", on="/sign-in", **told).location == "/sign-in/code"
    assert other.send(f"{page}/factor", on=page).status_code == 303
    assert other.send(f"{page}/password", on=page).status_code == 403
    assert viewer.send("/sign-in", on="/sign-in", **told).location == "/console/me/password"


def test_an_administrator_proves_who_it_is_after_five_minutes(
    database: Database, sign_in: SignIn
) -> None:
    """And all that was typed goes along."""
    first = sign_in(Role.ADMINISTRATOR)
    page = page_of(first, "clerk")
    with time_machine.travel(MORNING + timedelta(minutes=6), tick=False):
        asked = first.send(f"{page}/roles", on=page, role=["viewer"], reason="x")
        assert asked.status_code == 403
        assert 'name="role" value="viewer"' in asked.text
        assert roles_of(database, "clerk") == {"clerk"}
        told = {"role": ["viewer"], "reason": "x", "proof": PASSWORD}
        assert first.send(f"{page}/roles", on=page, **told).status_code == 303
    assert roles_of(database, "clerk") == {"viewer"}


def test_many_people_have_several_pages(database: Database, sign_in: SignIn) -> None:
    """In the order of their usernames; a page beyond the last says that nobody follows."""

    def unit(session: Session) -> None:
        for number in range(PAGE):
            name, told = f"x{number:03}", {"password": PASSWORD, "roles": [Role.VIEWER]}
            staff.add(session, name, name="Đông", by="command:test", now=NOON, **told)

    database.write(unit)
    first = sign_in(Role.ADMINISTRATOR)
    page = first.see(PEOPLE)
    following = re.search(rf'href="({PEOPLE}\?after=[^"]+)"', page)
    assert following is not None
    rest = first.see(following[1])
    names = re.findall(r'<span class="small code">([^<]+)<', page + rest)
    total = len(database.read(lambda s: s.scalars(select(staff.Person.id)).all()))
    assert (len(names), names) == (total, sorted(names))
    assert "Next page" not in rest
    assert "Nobody follows" in first.see(f"{PEOPLE}?after=zzz")
