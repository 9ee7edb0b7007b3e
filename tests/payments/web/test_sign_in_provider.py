"""Signing in by an identity provider, over real HTTP, and every way of coming back wrongly."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from payments import staff
from payments.core.audit import AuditEntry
from payments.core.config import FactorFor
from payments.core.database import Database
from payments.staff import Role, identities
from tests.builders import NOON
from tests.console import PASSWORD, Person, SignIn, employ, hidden_in, whole_app
from tests.identity_provider import CLIENT, SECRET, IdentityProvider, an_identity_provider
from tests.phones import a_phone

pytestmark = pytest.mark.committed

PEOPLE = "/console/people"
HTML = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """The provider, its clock at noon."""
    with an_identity_provider(NOON.timestamp()) as running:
        yield running


@pytest.fixture
def app(database: Database, database_url: str, provider: IdentityProvider) -> Iterator[Flask]:
    """The whole application; the approver is the provider's person, by two administrators."""

    def unit(session: Session) -> None:
        employ(session, *Role)
        link(session, Role.APPROVER, provider)

    database.write(unit)
    told = (provider.issuer, CLIENT, SECRET)
    with whole_app(database_url, NOON, oidc=told) as whole:
        yield whole


def link(session: Session, role: Role, provider: IdentityProvider) -> None:
    """Two administrators say who the person of a role is at the provider."""
    person = staff.by_username(session, role.value)
    told = {"issuer": provider.issuer, "reason": "SSO", "now": NOON}
    proposal = identities.propose(session, person.id, provider.subject, by="staff:8", **told)
    told = {"name": "Ms boss", "password": PASSWORD, "by": "command:test", "now": NOON}
    boss = staff.add(session, "boss", roles=[Role.ADMINISTRATOR], **told)
    identities.approve(session, proposal, by=staff.actor(boss.id), now=NOON)


def asked(person: Person, path: str = "/sign-in/provider") -> str:
    """Where the provider is asked."""
    away = person.client.get(path, headers=HTML)
    assert away.status_code == 303, away.get_data(as_text=True)
    return away.location


def answered(address: str) -> str:
    """Where the provider sends the browser back to."""
    parts = urlsplit(address)
    line = http.client.HTTPConnection(parts.netloc)
    line.request("GET", f"{parts.path}?{parts.query}")
    location = line.getresponse().headers["Location"]
    line.close()
    back = urlsplit(location)
    return f"{back.path}?{back.query}"


def come_back(person: Person, path: str = "/sign-in/provider") -> TestResponse:
    """The whole way to the provider and back."""
    return person.client.get(answered(asked(person, path)), headers=HTML)


def opens(person: Person, path: str = "/console/") -> bool:
    return person.client.get(path, headers=HTML).status_code == 200


def last_refusal(database: Database) -> str:
    """Why the last sign-in was refused, by the audit trail."""
    rows = select(AuditEntry).where(AuditEntry.action == "staff.sign_in_refused")
    found = database.read(lambda s: s.scalars(rows.order_by(AuditEntry.id.desc())).first())
    assert found is not None
    return str(found.details["reason"])


@pytest.fixture
def person(app: Flask) -> Person:
    """Somebody at a browser, not signed in."""
    return Person(app.test_client())


def test_whoever_is_linked_signs_in_and_lands_where_they_were_going(person: Person) -> None:
    """The page of sign-in offers it; the address asks with PKCE, state and nonce."""
    page = person.see("/sign-in?next=/console/breaks")
    assert "/sign-in/provider?next=/console/breaks" in page
    address = asked(person, "/sign-in/provider?next=/console/breaks")
    told = parse_qs(urlsplit(address).query)
    assert told["code_challenge_method"] == ["S256"]
    assert told["redirect_uri"] == ["http://127.0.0.1:8000/sign-in/provider/return"]
    assert {"state", "nonce", "code_challenge"} <= told.keys()
    assert "prompt" not in told
    answer = person.client.get(answered(address), headers=HTML)
    assert (answer.status_code, answer.location) == (303, "/console/breaks")
    assert opens(person)
    assert person.send("/sign-out", on="/console/me").status_code == 303
    assert not opens(person)


def test_nobody_is_made_by_signing_in(
    person: Person, provider: IdentityProvider, database: Database
) -> None:
    """An e-mail address or a user name of somebody here is not enough, nor roles in the token."""
    count = database.read(lambda s: len(s.scalars(select(staff.Person)).all()))
    provider.subject = "somebody-else"
    provider.claims = {
        "preferred_username": "approver",
        "email": "approver@example.vn",
        "roles": ["administrator"],
    }
    answer = come_back(person)
    assert answer.status_code == 403
    assert "somebody-else" in answer.get_data(as_text=True)
    assert not opens(person)
    assert database.read(lambda s: len(s.scalars(select(staff.Person)).all())) == count
    assert last_refusal(database) == "not_linked"


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "another nonce": ({"claims": {"nonce": "other"}}, "nonce"),
    "no nonce": ({"claims": {"nonce": None}}, "nonce"),
    "another audience": ({"claims": {"aud": "other"}}, "audience"),
    "given to another": ({"claims": {"aud": [CLIENT, "other"], "azp": "other"}}, "audience"),
    "for two, given to none": ({"claims": {"aud": [CLIENT, "other"]}}, "audience"),
    "another issuer": ({"claims": {"iss": "https://evil.example"}}, "issuer"),
    "expired": ({"claims": {"exp": int(NOON.timestamp()) - 61}}, "expired"),
    "no end": ({"claims": {"exp": None}}, "expired"),
    "made long ago": ({"claims": {"iat": int(NOON.timestamp()) - 3600}}, "issued"),
    "made tomorrow": ({"claims": {"iat": int(NOON.timestamp()) + 86400}}, "issued"),
    "time as text": ({"claims": {"exp": "later"}}, "token"),
    "no subject": ({"claims": {"sub": ""}}, "subject"),
    "not signed": ({"algorithm": "none"}, "algorithm"),
    "a key not published": ({"signs_with": "ec-9"}, "key"),
    "a stranger's key by a known name": (
        {"signs_with": "ec-9", "header": {"kid": "ec-1"}},
        "signature",
    ),
    "a key of another kind": ({"signs_with": "rsa-1", "algorithm": "RS256"}, "key"),
    "an answer of another issuer": ({"answers": {"iss": "https://evil.example"}}, "issuer"),
    "refused there": ({"answers": {"error": "access_denied", "code": ""}}, "denied"),
    "a code of somebody else": ({"answers": {"code": "code-0"}}, "code"),
}


def test_an_answer_that_is_not_as_it_must_be_lets_nobody_in(
    person: Person, provider: IdentityProvider, database: Database
) -> None:
    """A page says so, no session begins, and the audit trail says why."""
    found: dict[str, str] = {}
    right = dict(vars(provider))
    for how, (told, _) in WRONG.items():
        vars(provider).update({**right, **told})
        answer = come_back(person)
        assert answer.status_code == 403, how
        assert "is not accepted" in answer.get_data(as_text=True)
        assert not opens(person), how
        found[how] = last_refusal(database)
    assert found == {how: reason for how, (_, reason) in WRONG.items()}


def test_an_answer_belongs_to_the_browser_that_asked(app: Flask, person: Person) -> None:
    """Another browser, another state, no state, twice the same, or after ten minutes: nothing."""
    other = Person(app.test_client())
    back = answered(asked(person))
    assert other.client.get(back, headers=HTML).status_code == 403
    asked(other)
    assert other.client.get(back, headers=HTML).status_code == 403
    assert not opens(other)
    parts = parse_qs(urlsplit(back).query)
    for changed in ({"state": "x"}, {"state": ""}):
        asked(person)
        query = urlencode({"code": "code-1", "iss": parts["iss"][0], **changed})
        answer = person.client.get(f"/sign-in/provider/return?{query}", headers=HTML)
        assert answer.status_code == 403
    back = answered(asked(person))
    assert person.client.get(f"{back}&state=x", headers=HTML).status_code == 403
    back = answered(asked(person))
    with time_machine.travel(NOON + timedelta(minutes=11), tick=False):
        assert person.client.get(back, headers=HTML).status_code == 403
    assert not opens(person)


def test_an_answer_is_of_use_once(person: Person, provider: IdentityProvider) -> None:
    """Neither again with the same cookie nor by a provider that gives a code twice."""
    address = asked(person)
    cookie = person.client.get_cookie("flow")
    assert cookie is not None
    back = answered(address)
    codes = dict(provider.codes)
    assert person.client.get(back, headers=HTML).status_code == 303
    person.send("/sign-out", on="/console/me")
    assert person.client.get(back, headers=HTML).status_code == 403
    provider.codes.update(codes)
    person.client.set_cookie("flow", cookie.value)
    answer = person.client.get(back, headers=HTML)
    assert answer.status_code == 403
    assert "used before" in answer.get_data(as_text=True)
    assert not opens(person)


def test_a_key_that_was_changed_is_looked_for_anew(
    app: Flask, person: Person, provider: IdentityProvider
) -> None:
    """Once in a while, and never for each token of a stranger. RS256 is as good as ES256."""
    assert come_back(person).status_code == 303
    provider.publishes, provider.signs_with = ["ec-1", "rsa-2"], "rsa-2"
    provider.algorithm = "RS256"
    assert come_back(Person(app.test_client())).status_code == 403
    with time_machine.travel(NOON + timedelta(seconds=30), tick=False):
        assert come_back(Person(app.test_client())).status_code == 303


def test_nobody_is_led_elsewhere(person: Person) -> None:
    """Where one lands is a page of ours; the answer can't say otherwise."""
    for going in ("https://evil.example", "//evil.example", "/\\evil.example"):
        back = answered(asked(person, f"/sign-in/provider?{urlencode({'next': going})}"))
        answer = person.client.get(f"{back}&next=https://evil.example", headers=HTML)
        assert (answer.status_code, answer.location) == (303, "/staff"), going


def test_without_the_provider_the_password_remains(
    person: Person, provider: IdentityProvider
) -> None:
    """A page says that it does not answer, or not as it must, and leads to the password."""
    wrong: dict[str, object] = {"issuer": "https://evil.example"}
    plain: dict[str, object] = {"token_endpoint": "http://elsewhere.example/token"}
    right = dict(vars(provider))
    for told in ({"down": True}, {"document": wrong}, {"document": plain}):
        vars(provider).update({**right, **told})
        answer = person.client.get("/sign-in/provider", headers=HTML)
        assert answer.status_code == 503, told
        assert "Sign in by password" in answer.get_data(as_text=True)
    assert person.enter(Role.VIEWER).status_code == 303


def test_guessing_slows_down(person: Person, provider: IdentityProvider) -> None:
    """After twenty wrong answers to one address the provider is not even asked."""
    provider.claims = {"nonce": "other"}
    for _ in range(20):
        come_back(person)
    provider.claims = {}
    assert come_back(person).status_code == 429


def test_whoever_has_a_phone_still_owes_its_code(database: Database, person: Person) -> None:
    """The provider takes the place of the password alone."""

    def unit(session: Session) -> tuple[object, list[str]]:
        return a_phone(session, staff.by_username(session, "approver").id, now=NOON)

    _, codes = database.write(unit)
    answer = come_back(person)
    assert (answer.status_code, answer.location) == (303, "/sign-in/code")
    assert not opens(person)
    assert person.send("/sign-in/code", on="/sign-in/code", proof=codes[0]).status_code == 303
    assert opens(person)


def test_a_decision_asks_for_a_proof_at_the_provider(
    person: Person, provider: IdentityProvider
) -> None:
    """That somebody was let in there an hour ago is none; the form waits and goes on after it.

    Neither the password nor an answer that asked nobody stands in for it.
    """
    come_back(person)
    path = "/console/statements"
    begin = "/console/me/factor"
    sent = person.send(begin, on="/console/me")
    page = sent.get_data(as_text=True)
    assert sent.status_code == 403
    assert "/sign-in/provider/prove" in page
    assert 'name="proof"' not in page
    assert person.send(begin, on="/console/me", proof=PASSWORD).status_code == 403
    provider.claims = {"auth_time": int(NOON.timestamp()) - 3600}
    assert come_back(person, "/sign-in/provider/prove").status_code == 403
    provider.claims = {"auth_time": None}
    assert come_back(person, "/sign-in/provider/prove").status_code == 403
    provider.claims, provider.subject = {}, "somebody-else"
    assert come_back(person, "/sign-in/provider/prove").status_code == 403
    provider.subject = IdentityProvider(now=0).subject
    proved = come_back(person, "/sign-in/provider/prove")
    assert proved.status_code == 200, proved.get_data(as_text=True)
    assert provider.asked[-1]["prompt"] == "login"
    assert person.send_from(page, begin).status_code == 303
    assert opens(person, path)


def test_a_temporary_password_holds_up_nobody_who_does_not_use_it(
    database: Database, person: Person
) -> None:
    """It is owed by whoever signs in with it."""
    database.write(lambda s: staff.make_temporary(s, staff.by_username(s, "approver").id))
    come_back(person)
    assert opens(person)


def test_two_administrators_say_who_is_whom(
    app: Flask, sign_in: SignIn, database: Database, provider: IdentityProvider
) -> None:
    """One proposes, another approves, nobody for themselves; one alone ends it, at once."""

    def second(session: Session) -> str:
        told = {"name": "Second", "password": PASSWORD, "roles": [Role.ADMINISTRATOR]}
        staff.add(session, "second", by="command:test", now=NOON, **told)
        return staff.by_username(session, "viewer").public_id

    viewer = f"{PEOPLE}/{database.write(second)}"
    provider.subject = "viewer-there"
    admin, other = sign_in(Role.ADMINISTRATOR), Person(app.test_client())
    other.send("/sign-in", on="/sign-in", username="second", password=PASSWORD)
    one = {"subject": "viewer-there", "reason": "SSO"}
    assert admin.send(f"{viewer}/identity", on=viewer, **one).status_code == 303
    waits = hidden_in(admin.see(viewer), f"{viewer}/take-back")
    assert admin.send(f"{viewer}/approve", on=viewer, **waits).status_code == 403
    person = Person(app.test_client())
    assert come_back(person).status_code == 403
    assert other.send(f"{viewer}/approve", on=viewer).status_code == 303
    assert come_back(person).status_code == 303
    assert opens(person)
    assert "viewer-there" in other.see(viewer)
    assert other.send(f"{viewer}/identity/end", on=viewer, reason="left").status_code == 303
    assert not opens(person)
    assert come_back(person).status_code == 403
    taken = {"subject": IdentityProvider(now=0).subject, "reason": "SSO"}
    assert admin.send(f"{viewer}/identity", on=viewer, **taken).status_code == 409
    wrong = {"subject": "a b", "reason": "SSO"}
    assert admin.send(f"{viewer}/identity", on=viewer, **wrong).status_code == 422


def test_in_live_mode_deciders_have_a_phone_all_the_same(
    database: Database, database_url: str, provider: IdentityProvider
) -> None:
    """Whoever decides and has none sets one up before anything opens."""

    def unit(session: Session) -> None:
        employ(session, Role.APPROVER)
        link(session, Role.APPROVER, provider)

    database.write(unit)
    told = {"oidc": (provider.issuer, CLIENT, SECRET), "second_factor": FactorFor.DECIDERS}
    with whole_app(database_url, NOON, **told) as whole:
        person = Person(whole.test_client())
        assert come_back(person).location == "/console/me/factor"
        assert not opens(person)
