"""The second step of signing in, one's own account, and a fresh proof for whatever is decided."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO

import pytest
import time_machine
from flask import Blueprint, Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from payments import staff
from payments.core.audit import AuditEntry
from payments.core.config import FactorFor
from payments.core.database import Database
from payments.staff import Role, SecondFactor
from payments.web import auth
from payments.web.auth import Opening, StaffPages, staff_only
from reconciliation.statements import Statement
from tests.bank import BankLine, camt
from tests.builders import NOON, a_province
from tests.console import PASSWORD, Person, SignIn, employ, whole_app
from tests.phones import Phone, a_phone

pytestmark = pytest.mark.committed

MORNING = NOON + timedelta(hours=20)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def number(database: Database) -> str:
    """A province with an account, its number, and people of every role."""

    def unit(session: Session) -> str:
        province = a_province(session)
        employ(session, *Role)
        return province.account.number

    return database.write(unit)


@pytest.fixture
def app(number: str, database_url: str) -> Iterator[Flask]:
    """The whole application, where a second factor is for whoever wants one."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


@pytest.fixture
def strict(number: str, database_url: str) -> Iterator[Flask]:
    """The whole application, where those who propose, approve or administer need one."""
    with whole_app(database_url, MORNING, second_factor=FactorFor.DECIDERS) as whole:
        yield whole


def has_phone(database: Database, role: Role) -> Phone:
    """The phone that the person of a role enrolled an hour ago."""

    def unit(session: Session) -> Phone:
        person = staff.by_username(session, role.value)
        return a_phone(session, person.id, now=MORNING - timedelta(hours=1))[0]

    return database.write(unit)


def at(minutes: float) -> time_machine.travel:
    """So many minutes after everything began."""
    return time_machine.travel(MORNING + minutes * MINUTE, tick=False)


def code_page(person: Person, **fields: str) -> TestResponse:
    """What the second step answers."""
    return person.send("/sign-in/code", on="/sign-in/code", **fields)


def actions(database: Database) -> list[tuple[str, str]]:
    """What the audit trail says of pages: the action and its subject."""
    rows = select(AuditEntry.action, AuditEntry.subject).order_by(AuditEntry.id)
    return [tuple(row) for row in database.read(lambda session: session.execute(rows).all())]


def test_after_the_password_comes_the_code(database: Database, app: Flask) -> None:
    """Between the two no page opens; after it the person is where they were going."""
    phone, person = has_phone(database, Role.APPROVER), Person(app.test_client())
    told = {"username": "approver", "password": PASSWORD, "next": "/console/breaks?kind=short"}

    first = person.send("/sign-in", on="/sign-in", **told)

    assert first.location == "/sign-in/code?next=/console/breaks?kind%3Dshort"
    closed = person.client.get("/console/", headers={"Accept": "text/html"})
    assert (closed.status_code, closed.location.split("?")[0]) == (303, "/sign-in")
    assert 'value="/console/breaks?kind=short"' in person.see(first.location)
    wrong = code_page(person, proof="000000")
    assert wrong.status_code == 403
    assert "The code is not right" in wrong.text
    right = code_page(person, proof=phone.shows(MORNING), next="/console/breaks?kind=short")
    assert (right.status_code, right.location) == (303, "/console/breaks?kind=short")
    person.see("/console/breaks")


@pytest.mark.parametrize("away", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_the_second_step_leads_nobody_elsewhere(database: Database, app: Flask, away: str) -> None:
    """An address of another service is not followed."""
    phone, person = has_phone(database, Role.APPROVER), Person(app.test_client())
    person.enter(Role.APPROVER)
    answer = code_page(person, proof=phone.shows(MORNING), next=away)
    assert answer.location == "/staff"


def test_who_is_too_slow_with_the_code_begins_again(database: Database, app: Flask) -> None:
    """After five minutes the password is asked for again, and that is said."""
    phone, person = has_phone(database, Role.APPROVER), Person(app.test_client())
    person.enter(Role.APPROVER)
    page = person.see("/sign-in/code")
    with at(6):
        shown = phone.shows(MORNING + 6 * MINUTE)
        answer = person.send_from(page, "/sign-in/code", proof=shown)
        assert answer.location == "/sign-in?ended=1"
        again = person.client.get("/sign-in/code")
        assert again.location == "/sign-in"


def test_whose_role_needs_a_phone_sets_it_up_before_anything_else(
    database: Database, strict: Flask
) -> None:
    """Every page leads there; a first code and the recovery codes, shown once, and all opens."""
    person = Person(strict.test_client())
    assert person.enter(Role.APPROVER).location == "/console/me/factor"
    for page in ("/console/", "/console/me", "/staff"):
        answer = person.client.get(page, headers={"Accept": "text/html"})
        assert answer.location == "/console/me/factor", page
    told = person.client.get("/console/", headers={"Accept": "application/json"})
    assert (told.status_code, told.json["code"]) == (403, "still_owed")
    assert "Your role needs a second factor" in person.see("/console/me/factor")

    assert person.send("/console/me/factor", on="/console/me/factor").status_code == 303
    page = person.see("/console/me/factor")
    secret = re.search(r"<strong>([A-Z2-7 ]+)</strong>", page)
    assert secret is not None
    phone = Phone(secret[1].replace(" ", ""))
    wrong = person.send_from(page, "/console/me/factor/confirm", code="000000")
    assert wrong.status_code == 403
    assert secret[1] in wrong.text
    done = person.send_from(page, "/console/me/factor/confirm", code=phone.shows(MORNING))
    codes = re.findall(r"[0-9]{4}-[0-9]{4}-[0-9]{4}", done.text)
    assert len(codes) == 10

    person.see("/console/")
    account = person.see("/console/me")
    assert "Recovery codes left: 10" in account
    assert codes[0] not in account
    other = Person(strict.test_client())
    other.enter(Role.APPROVER)
    assert code_page(other, proof=codes[0]).location == "/staff"
    assert "Recovery codes left: 9" in other.see("/console/me")


@pytest.mark.parametrize(
    ("role", "needs"),
    [
        (Role.VIEWER, False),
        (Role.RECONCILER, True),
        (Role.APPROVER, True),
        (Role.CLERK, False),
        (Role.ADMINISTRATOR, True),
        (Role.AUDITOR, False),
    ],
)
def test_in_live_mode_those_need_a_phone_who_propose_approve_or_administer(
    strict: Flask, role: Role, needs: bool
) -> None:
    """The others may have one."""
    landed = Person(strict.test_client()).enter(role).location
    assert (landed == "/console/me/factor") is needs


def a_proposal(sign_in: SignIn, database: Database, number: str) -> str:
    """A statement that somebody proposed to set aside: the address of its page."""
    maker = sign_in(Role.RECONCILER)
    content = camt(number, [BankLine(1_000, "x")])
    maker.send("/console/statements", file=(BytesIO(content), "day.xml"))
    page = maker.see("/console/statements")
    path = re.search(r'href="(/console/statements/[^"/]+/1)"', page)
    assert path is not None
    sent = maker.send(f"{path[1]}/set-aside", on=path[1], reason="tệp thử")
    assert sent.status_code == 303
    return path[1]


def is_set_aside(database: Database) -> list[bool]:
    rows = select(Statement.set_aside_at)
    return [one is not None for one in database.read(lambda s: s.scalars(rows).all())]


def declined(database: Database) -> list[str]:
    """The reasons why proposals were declined."""
    entries = select(AuditEntry).where(AuditEntry.action == "approval.declined")
    return [e.details["answer"] for e in database.read(lambda s: s.scalars(entries).all())]


REASON = 'tệp "đúng"\r\n<b>&amp; rồi</b>'


def test_a_decision_after_five_minutes_asks_for_the_code_and_goes_on(
    database: Database, app: Flask, sign_in: SignIn, number: str
) -> None:
    """The reason is kept through wrong codes; then it is done at once, under a new token."""
    path = a_proposal(sign_in, database, number)
    phone, checker = has_phone(database, Role.APPROVER), Person(app.test_client())
    checker.enter(Role.APPROVER)
    code_page(checker, proof=phone.shows(MORNING))
    with at(4):
        checker.see(path)
    with at(6):
        asked = checker.send(f"{path}/set-aside/decline", on=path, reason=REASON)
        assert asked.status_code == 403
        assert "Nothing was done yet" in asked.text
        for page in (asked, again(checker, asked, path, proof="000000")):
            assert (
                html.escape(REASON, quote=True)
                .replace("&#x27;", "&#39;")
                .replace("&quot;", "&#34;")
                in page.text
            )
            assert re.search(r'<form method="post">', page.text)
            assert declined(database) == []
        token = cookie(checker)
        done = again(checker, asked, path, proof=phone.shows(MORNING + 6 * MINUTE))
        assert (done.status_code, done.location) == (303, path)
        assert declined(database) == [REASON.replace("\r\n", "\n")]
        assert cookie(checker) != token
        checker.see(path)


def again(person: Person, asked: TestResponse, path: str, **fields: str) -> TestResponse:
    """Sends the form of the page that asks for a proof, with all that it kept."""
    kept = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', asked.text)
    told = {name: html.unescape(value) for name, value in kept}
    return person.client.post(
        f"{path}/set-aside/decline",
        data={**told, **fields},
        headers={"Accept": "text/html", "Accept-Language": "en"},
    )


def cookie(person: Person) -> str:
    found = person.client.get_cookie("sid")
    assert found is not None
    return found.value


def test_who_has_no_phone_gives_the_password_again(
    database: Database, app: Flask, sign_in: SignIn, number: str
) -> None:
    """Only where nobody must have one; right after signing in nothing is asked."""
    path = a_proposal(sign_in, database, number)
    checker = sign_in(Role.APPROVER)
    with at(5):
        page = checker.see(path)
        asked = checker.send_from(page, f"{path}/set-aside/confirm")
        assert asked.status_code == 403
        assert 'type="password"' in asked.text
        for proof, status in (("sai mật khẩu", 403), (PASSWORD, 303)):
            assert is_set_aside(database) == [False]
            sent = checker.send_from(page, f"{path}/set-aside/confirm", proof=proof)
            assert sent.status_code == status
        assert is_set_aside(database) == [True]


def test_a_program_is_told_that_a_proof_is_needed(
    database: Database, app: Flask, sign_in: SignIn, number: str
) -> None:
    """In JSON, with the code of it."""
    path = a_proposal(sign_in, database, number)
    checker = sign_in(Role.APPROVER)
    with at(5):
        token = re.search(r'name="csrf_token" value="([^"]+)"', checker.see(path))
        assert token is not None
        answer = checker.client.post(
            f"{path}/set-aside/confirm",
            data={"csrf_token": token[1]},
            headers={"Accept": "application/json"},
        )
    assert (answer.status_code, answer.json["code"]) == (403, "proof_needed")


def test_guessing_at_the_proof_slows_down(
    database: Database, app: Flask, sign_in: SignIn, number: str
) -> None:
    """Somebody at a screen left open does not try passwords for long."""
    path = a_proposal(sign_in, database, number)
    checker = sign_in(Role.APPROVER)
    with at(5):
        page = checker.see(path)
        told = [
            checker.send_from(page, f"{path}/set-aside/confirm", proof="sai").status_code
            for _ in range(6)
        ]
        waits = checker.send_from(page, f"{path}/set-aside/confirm", proof=PASSWORD)
    assert told == [403] * 5 + [429]
    assert (waits.status_code, waits.headers["Retry-After"]) == (429, "30")
    assert is_set_aside(database) == [False]


def openings(app: Flask) -> dict[str, Opening]:
    """Who may send the form of each address that takes one, by its endpoint."""
    return {
        rule.endpoint: opening
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
        and isinstance(
            opening := getattr(app.view_functions[rule.endpoint], "staff_only", None), Opening
        )
    }


def test_no_form_that_decides_is_forgotten(app: Flask) -> None:
    """What deciders alone may send asks for a fresh proof, and so does what is named so."""
    found = openings(app)
    forgotten = {
        name for name, one in found.items() if one.roles <= auth.DECIDERS and not one.proved
    }
    assert forgotten == set()
    words = ("approve", "confirm", "decline", "close_day", "reopen_day")
    deciding = {
        name
        for name, one in found.items()
        if Role.APPROVER in one.roles and any(word in name for word in words)
    }
    assert {name for name in deciding if not found[name].proved} == set()


def test_a_form_of_deciders_can_not_be_added_without_it() -> None:
    """Whoever forgets is told when the application is made."""
    pages = StaffPages("forgetful", __name__)
    assert isinstance(pages, Blueprint)
    with pytest.raises(TypeError, match="proved_only"):
        pages.post("/approve")(staff_only(Role.APPROVER)(lambda: "done"))


def test_what_is_refused_to_somebody_is_written_down(
    database: Database, app: Flask, sign_in: SignIn, number: str
) -> None:
    """A page of another role, one's own proposal, a wrong password."""
    path = a_proposal(sign_in, database, number)
    sign_in(Role.CLERK).client.get("/console/", headers={"Accept": "text/html"})
    sign_in(Role.RECONCILER).send(f"{path}/set-aside/confirm", on=path)
    Person(app.test_client()).send("/sign-in", on="/sign-in", username="viewer", password="sai")
    told = actions(database)
    assert ("page.refused", "page:console.accounts") in told
    assert ("page.refused", "page:console.confirm_setting_aside") in told
    refused = [subject for action, subject in told if action == "staff.sign_in_refused"]
    assert len(refused) == 1


def test_one_sees_where_one_is_signed_in_and_ends_it(app: Flask, sign_in: SignIn) -> None:
    """Each browser by its name; one or all others end, and the present one stays."""
    first, second, third = (sign_in(Role.VIEWER) for _ in range(3))
    page = first.see("/console/me")
    ends = re.findall(r'action="(/console/me/sessions/[^"]+/end)"', page)
    assert len(ends) == 2
    assert first.send(ends[0], on="/console/me").status_code == 303
    open_ones = [p.client.get("/console/").status_code for p in (first, second, third)]
    assert sorted(open_ones) == [200, 200, 401]
    assert first.send(ends[0], on="/console/me").status_code == 404
    fourth = sign_in(Role.VIEWER)
    assert fourth.send("/console/me/sessions/end-others", on="/console/me").status_code == 303
    assert [p.client.get("/console/").status_code for p in (first, second, third)] == [401] * 3
    fourth.see("/console/me")


def test_nobody_ends_the_session_of_somebody_else(app: Flask, sign_in: SignIn) -> None:
    """Its number is not enough."""
    one, other = sign_in(Role.VIEWER), sign_in(Role.VIEWER)
    ends = re.findall(r'action="(/console/me/sessions/[^"]+/end)"', one.see("/console/me"))
    stranger = sign_in(Role.AUDITOR)
    assert stranger.send(ends[0], on="/console/me").status_code == 404
    other.see("/console/me")


def test_one_chooses_another_password(app: Flask, sign_in: SignIn) -> None:
    """Typed twice, with the present one; signed out elsewhere, and in here."""
    here, elsewhere = sign_in(Role.VIEWER), sign_in(Role.VIEWER)
    page = "/console/me/password"
    new = "một mật khẩu mới"

    def choose(**told: str) -> TestResponse:
        fields = {"present": PASSWORD, "new": new, "again": new, **told}
        return here.send(page, on=page, **fields)

    assert "not typed twice alike" in choose(again="khác").text
    assert choose(present="sai mật khẩu").status_code == 403
    assert choose(new=PASSWORD, again=PASSWORD).status_code == 409
    assert choose(new="ngắn", again="ngắn").status_code == 422
    assert choose().location == "/console/me"
    here.see("/console/me")
    assert elsewhere.client.get("/console/me").status_code == 401
    old = Person(app.test_client()).enter(Role.VIEWER)
    assert old.status_code == 401


def test_a_password_given_by_somebody_else_is_changed_first(database: Database, app: Flask) -> None:
    """Nothing else opens until it is."""

    def unit(session: Session) -> None:
        staff.make_temporary(session, staff.by_username(session, "viewer").id)

    database.write(unit)
    person = Person(app.test_client())
    page = "/console/me/password"
    assert person.enter(Role.VIEWER).location == page
    assert person.client.get("/console/", headers={"Accept": "text/html"}).location == page
    assert "given to you by somebody else" in person.see(page)
    new = "một mật khẩu mới"
    sent = person.send(page, on=page, present=PASSWORD, new=new, again=new)
    assert sent.location == "/staff"
    person.see("/console/")


def test_moving_to_another_phone_asks_for_the_present_one(database: Database, app: Flask) -> None:
    """A screen left open is not enough to take over an account."""
    phone, person = has_phone(database, Role.VIEWER), Person(app.test_client())
    person.enter(Role.VIEWER)
    code_page(person, proof=phone.shows(MORNING))

    def waiting() -> list[datetime]:
        rows = select(SecondFactor.begun_at).where(SecondFactor.confirmed_at.is_(None))
        return list(database.read(lambda session: session.scalars(rows).all()))

    with at(6):
        for path in ("/console/me/factor", "/console/me/factor/codes"):
            asked = person.send(path, on="/console/me")
            assert asked.status_code == 403
        assert waiting() == []
        proof = phone.shows(MORNING + 6 * MINUTE)
        person.send("/console/me/factor", on="/console/me", proof=proof)
        assert len(waiting()) == 1
