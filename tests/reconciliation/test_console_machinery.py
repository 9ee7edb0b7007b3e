"""What administrators see and decide in the console: keys, accounts, webhooks, jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, connections, outbox, portals, staff
from payments.core import leases
from payments.core.approvals import Approval
from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.core.leases import Outcome
from payments.core.scheduler import Job
from payments.outbox import Delivery, DeliveryState
from payments.portals import Scope
from payments.staff import Role
from tests.bank import TODAY
from tests.builders import (
    NOON,
    a_message,
    a_payment_request,
    a_province,
    paid,
    settle,
    the_province,
)
from tests.console import PASSWORD, Person, SignIn, employ, whole_app

pytestmark = pytest.mark.committed

SECRET = "the-bank-gave-us-this"
KEYS = "/console/keys"
CONNECTIONS = "/console/connections"


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """A province, two administrators, a viewer; a paid request that the portal is told of."""

    def unit(session: Session) -> None:
        province = a_province(session)
        employ(session, Role.ADMINISTRATOR, Role.VIEWER)
        told = {"name": "Ms Second", "password": PASSWORD, "roles": [Role.ADMINISTRATOR]}
        staff.add(session, "second", by="command:test", now=NOON, **told)
        url, hosts = "http://127.0.0.1:9/hook", ["127.0.0.1:9"]
        portals.set_endpoint(
            session,
            province.portal.id,
            url=url,
            allowed_hosts=hosts,
            vault=province.vault,
            by="staff:1",
            now=NOON,
        )
        paid(province, a_payment_request(province))
        a_message(province, "x", amount=0)
        settle(province)
        leases.note_run(
            session,
            "expire",
            scheduled_for=NOON - timedelta(minutes=1),
            outcome=Outcome.DONE,
            detail="3 expired",
            now=NOON,
        )

    database.write(unit)
    with whole_app(database_url, NOON) as whole:
        yield whole


@pytest.fixture
def first(app: Flask, sign_in: SignIn) -> Person:
    """The administrator who proposes."""
    return sign_in(Role.ADMINISTRATOR)


@pytest.fixture
def second(app: Flask) -> Person:
    """The administrator who approves."""
    person = Person(app.test_client())
    answer = person.send("/sign-in", on="/sign-in", username="second", password=PASSWORD)
    assert answer.status_code == 303
    return person


def waiting(page: str) -> str:
    """The public number of the proposal that waits on a page."""
    found = re.search(r"/console/changes/([0-9a-f-]+)/(approve|withdraw)", page)
    assert found is not None, page
    return found[1]


def propose(person: Person, on: str, **fields: object) -> str:
    """Sends a proposal's form and gives the number of what waits then."""
    answer = person.send(on, on=on, reason="agreed by letter 12", **fields)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return waiting(person.see(on))


def opens(database: Database, text: str) -> bool:
    """Whether a key opens anything."""

    def unit(session: Session) -> bool:
        try:
            portals.authenticate(session, text, now=NOON)
        except portals.BadKey:
            return False
        return True

    return database.read(unit)


def test_a_key_is_proposed_by_one_made_by_another_and_seen_once(
    first: Person, second: Person, database: Database
) -> None:
    """Nobody approves their own; the key stands on one answer and nowhere else."""
    portal = database.read(lambda session: the_province(session).portal.public_id)
    scopes = [Scope.REQUESTS_READ.value]
    number = propose(first, KEYS, act="portal_key.issue", portal=portal, scope=scopes)
    path = f"/console/changes/{number}/approve"
    told = f'<a href="{KEYS}">Keys of the portals</a>: 1 proposals wait for you'
    assert told in second.see("/console/people")
    assert "wait for you" not in first.see("/console/people")
    own = first.send(path, on=KEYS)
    assert own.status_code == 403, own.get_data(as_text=True)
    made = second.send(path, on=KEYS)
    text = made.get_data(as_text=True)
    assert made.status_code == 200
    assert made.headers["Cache-Control"] == "no-store"
    key = re.search(r"told-once\"><strong>([^<]+)<", text)
    assert key is not None
    assert opens(database, key[1])
    assert key[1] not in second.see(KEYS)
    assert key[1] not in database.read(
        lambda s: (
            str([one.shown for one in s.scalars(select(Approval))])
            + str([one.details for one in s.scalars(select(AuditEntry))])
        )
    )
    assert second.send(path, on=KEYS).status_code == 409
    prefix = key[1][:8]
    number = propose(first, KEYS, act="portal_key.revoke", portal=portal, prefix=prefix)
    assert second.send(f"/console/changes/{number}/approve", on=KEYS).status_code == 303
    assert not opens(database, key[1])
    assert prefix not in second.see(KEYS)


def test_what_has_become_something_else_is_not_approved(
    first: Person, second: Person, database: Database
) -> None:
    """A portal whose keys changed meanwhile: it is proposed anew, or ends."""
    portal = database.read(lambda session: the_province(session).portal.public_id)
    number = propose(first, KEYS, act="portal_key.issue", portal=portal, scope=["reports:read"])

    def meanwhile(session: Session) -> str:
        province = the_province(session)
        told = {"scopes": ["requests:read"], "by": "command:portal", "now": NOON}
        return portals.new_key(session, province.portal.id, **told).text  # type: ignore[arg-type]

    database.write(meanwhile)
    assert second.send(f"/console/changes/{number}/approve", on=KEYS).status_code == 409
    declined = second.send(f"/console/changes/{number}/decline", on=KEYS, reason="not needed")
    assert declined.status_code == 303
    number = propose(first, KEYS, act="portal.add", portal="Cổng mới", scope=["requests:write"])
    assert second.send(f"/console/changes/{number}/withdraw", on=KEYS).status_code == 403
    assert first.send(f"/console/changes/{number}/withdraw", on=KEYS).status_code == 303
    assert "Nothing waits." in first.see(KEYS)
    for fields in (
        {"act": "portal.add", "portal": " ", "scope": ["requests:write"]},
        {"act": "portal.add", "portal": "x", "scope": ["everything"]},
        {"act": "portal_key.revoke", "portal": portal, "prefix": "none"},
        {"act": "portal_key.issue", "portal": "none", "scope": ["requests:write"]},
        {"act": "delete"},
    ):
        answer = first.send(KEYS, on=KEYS, reason="r", **fields)
        assert answer.status_code in (404, 409, 422), fields


def test_a_bank_account_and_its_connection_take_two_administrators(
    first: Person, second: Person, database: Database
) -> None:
    """The account is there from its day on; the secret is sealed, and opens the bank's messages."""
    account = {
        "act": "collection_account.open",
        "agency": "H09",
        "bin": "970436",
        "number": "0099887766554",
        "name": "SO MAU HAI",
        "valid_from": TODAY.isoformat(),
        "cut_off": "16:00",
        "run_at": "06:30",
    }
    number = propose(first, CONNECTIONS, **account)
    assert second.send(f"/console/changes/{number}/approve", on=CONNECTIONS).status_code == 303
    opened = database.read(lambda session: agencies.by_number(session, "0099887766554"))
    assert (opened.name, opened.cut_off) == ("SO MAU HAI", "16:00")
    told = {"name": "payOS hai", "source": "payos:hmac", "account": [opened.public_id]}
    number = propose(first, CONNECTIONS, act="connection.add", secret=SECRET, **told)
    assert SECRET not in second.see(CONNECTIONS)
    assert second.send(f"/console/changes/{number}/approve", on=CONNECTIONS).status_code == 303

    def live(session: Session) -> tuple[bool, tuple[str, ...]]:
        vault = the_province(session).vault
        one = session.scalars(
            select(connections.Connection).where(connections.Connection.name == "payOS hai")
        ).one()
        return one.active, connections.live_secrets(session, one.id, vault, now=NOON)

    active, secrets = database.read(live)
    assert (active, len(secrets)) == (True, 1)
    for fields in (
        account | {"number": "not a number!"},
        account | {"number": "1", "valid_from": "2020-01-01"},
        account | {"number": "1", "agency": "nowhere"},
        account | {"number": "1", "bin": "000000"},
        account | {"number": "1", "cut_off": "25:00"},
        account,
        {"act": "connection.add", "secret": SECRET, **told, "source": "payos:none"},
        {"act": "connection.add", "secret": SECRET, **told},
        {"act": "connection.rotate", "secret": "x", "connection": "none"},
    ):
        answer = first.send(CONNECTIONS, on=CONNECTIONS, reason="r", **fields)
        assert answer.status_code in (404, 409, 422), fields


def test_a_message_is_sent_once_more_by_an_administrator(
    first: Person, sign_in: SignIn, database: Database
) -> None:
    """Who asked is in the audit trail; others see the attempts and no button."""

    def give_up(session: Session) -> int:
        [endpoint] = outbox.endpoints_due(session, now=NOON)
        vault = the_province(session).vault
        parcels = outbox.lease(session, endpoint, most=9, vault=vault, now=NOON)
        gone = outbox.Attempt(at=NOON, status=500, milliseconds=12, answer="<b>down</b>")
        outbox.record_all(session, [outbox.Outcome(one, gone, jitter=0.0) for one in parcels])
        for one in session.scalars(select(Delivery)):
            one.state = DeliveryState.GIVEN_UP
        return parcels[0].delivery_id

    number = database.write(give_up)
    path = f"/console/webhooks/deliveries/{number}"
    seen = sign_in(Role.VIEWER).see(path)
    assert "&lt;b&gt;down" in seen
    assert "Send it once more" not in seen
    assert first.send(f"{path}/again", on=path).status_code == 303
    state, acts = database.read(
        lambda session: (
            session.get_one(Delivery, number).state,
            [one.action for one in session.scalars(select(AuditEntry))],
        )
    )
    assert state == DeliveryState.DUE
    assert "delivery.redelivered" in acts
    portal = database.read(lambda session: the_province(session).portal.public_id)
    assert path in first.see(f"/console/webhooks/{portal}?state=due")
    assert first.client.get("/console/webhooks/none").status_code == 404


def test_an_administrator_finds_every_page_of_theirs(first: Person) -> None:
    """From where they begin, by links: keys, bank accounts, jobs and all that stands beside."""
    begin = first.client.get("/staff").headers["Location"]
    met, waiting = set(), [begin]
    while waiting:
        page = waiting.pop()
        met.add(page)
        header = first.see(page).partition("</header>")[0]
        waiting += set(re.findall(r'href="(/console/[a-z]+)"', header)) - met - set(waiting)
    assert met >= {
        f"/console/{name}"
        for name in "people audit keys connections jobs webhooks sources tariff units me".split()
    }


def test_what_came_of_each_job_is_told_in_the_readers_language(
    app: Flask, first: Person, database: Database
) -> None:
    """Its name and what it did; a Vietnamese page has no English word of it."""
    told = {}
    for job in app.extensions["work"]:
        if isinstance(job, Job):
            told[job.name] = job.run(app.extensions["cashless"], NOON)

    def unit(session: Session) -> None:
        for name, detail in told.items():
            run = {"scheduled_for": NOON, "outcome": Outcome.DONE, "now": NOON}
            leases.note_run(session, name, detail=detail, **run)

    database.write(unit)
    vietnamese = {"Accept": "text/html", "Accept-Language": "vi"}
    page = first.client.get("/console/jobs", headers=vietnamese).get_data(as_text=True)
    assert "job." not in page
    assert told["read_audit"] is not None
    assert [one for one in told.values() if one and one in page] == []
    assert "đối soát 0/0 ngày" in page


def test_what_runs_and_what_banks_send_is_seen(first: Person) -> None:
    """A job's last run and what was missed; a source's trust, latest message and what it lost."""
    jobs = first.see("/console/jobs")
    assert "3 expired" in jobs
    assert "No scheduler is alive" in jobs
    sources = first.see("/console/sources")
    assert "Trust A" in sources
    assert "an amount of zero" in sources
    assert "Sample fee" not in first.see("/console/tariff")
    assert "Phí mẫu PHI" in first.see(f"/console/tariff?on={TODAY}")
    assert "Tỉnh mẫu" in first.see("/console/units")
