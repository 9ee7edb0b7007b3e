"""Where people land when they sign in, and what a form says whose session has ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask import Flask
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.staff import Role
from tests.builders import NOON
from tests.console import PASSWORD, Person, SignIn, employ, whole_app

pytestmark = pytest.mark.committed

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application with people of every role."""

    def unit(session: Session) -> None:
        employ(session, *Role)

    database.write(unit)
    with whole_app(database_url, NOON) as whole:
        yield whole


def test_a_clerk_begins_at_the_counter(app: Flask) -> None:
    """Not led to a page that is closed to them; what their role can do is said in words."""
    person = Person(app.test_client())
    told = {"username": "clerk", "password": PASSWORD, "next": "/console/"}

    answer = person.send("/sign-in", on="/sign-in", **told)

    assert (answer.status_code, answer.location) == (303, "/staff")
    assert person.client.get("/staff").location == "/counter"
    page = person.see("/sign-in")
    assert "show a payment" in page
    assert 'href="/counter"' in page
    assert 'href="/console/"' not in page


def test_an_administrator_begins_with_people(sign_in: SignIn) -> None:
    """They have nothing to do with money."""
    person = sign_in(Role.ADMINISTRATOR)

    assert person.client.get("/staff").location == "/console/people"
    assert "see no figures of money" in person.see("/sign-in")


def test_a_page_closed_to_a_role_leads_to_what_it_can_do(sign_in: SignIn) -> None:
    """Also who opens a closed page by its address is shown a way on."""
    person = sign_in(Role.CLERK)

    closed = person.client.get("/console/", headers={"Accept": "text/html"})

    assert closed.status_code == 403
    assert 'href="/sign-in"' in closed.text


def test_who_may_go_on_is_led_back_to_the_page(app: Flask) -> None:
    """A page within this service that is open to the role is where they land."""
    person = Person(app.test_client())
    told = {"username": "viewer", "password": PASSWORD, "next": "/console/breaks?kind=short"}

    answer = person.send("/sign-in", on="/sign-in", **told)

    assert answer.location == "/console/breaks?kind=short"


@pytest.mark.parametrize("away", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_nobody_is_led_elsewhere(app: Flask, away: str) -> None:
    """An address of another service is not followed."""
    person = Person(app.test_client())

    answer = person.send("/sign-in", on="/sign-in", username="viewer", password=PASSWORD, next=away)

    assert answer.location == "/staff"


@pytest.mark.parametrize(
    ("sent_to", "page"),
    [
        ("/console/statements", "/console/statements"),
        ("/console/breaks/some-break/notes", "/console/breaks/some-break"),
    ],
)
def test_a_form_whose_session_ended_says_so(sign_in: SignIn, sent_to: str, page: str) -> None:
    """What was typed is lost, and that is said; after signing in they are on its page again."""
    person = sign_in(Role.RECONCILER)
    with time_machine.travel(LATER, tick=False):
        answer = person.client.post(sent_to, data={"words": "x"}, headers={"Accept": "text/html"})
        assert answer.status_code == 303
        asked = urlsplit(answer.location)
        assert (asked.path, parse_qs(asked.query)) == ("/sign-in", {"next": [page], "ended": ["1"]})
        shown = person.see(answer.location)
        assert "Your session had ended, so nothing was changed." in shown
        assert f'name="next" value="{page}"' in shown
        vietnamese = person.client.get(answer.location, headers={"Accept-Language": "vi"}).text
        assert "Phiên làm việc của bạn đã kết thúc nên chưa có gì thay đổi." in vietnamese


def test_a_page_whose_session_ended_asks_only_who_it_is(sign_in: SignIn) -> None:
    """Nothing was sent, so nothing is said to be lost."""
    person = sign_in(Role.RECONCILER)
    with time_machine.travel(LATER, tick=False):
        answer = person.client.get("/console/breaks", headers={"Accept": "text/html"})
        assert "ended" not in answer.location
        assert "Your session had ended" not in person.see(answer.location)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/console/nothing", 404), ("GET", "/counter/a/b/c", 404), ("PUT", "/console/", 405)],
)
def test_staff_are_told_of_what_is_not_there_on_a_page_of_theirs(
    sign_in: SignIn, app: Flask, method: str, path: str, status: int
) -> None:
    """With the way on, and their name; a stranger learns nothing and is told as anyone."""
    html = {"Accept": "text/html", "Accept-Language": "en"}
    theirs = sign_in(Role.RECONCILER).client.open(path, method=method, headers=html)
    anyones = app.test_client().open(path, method=method, headers=html)
    assert (theirs.status_code, anyones.status_code) == (status, status)
    assert "Signed in as Ms reconciler" in theirs.text
    assert 'href="/console/me"' in theirs.text
    assert "Signed in" not in anyones.text
