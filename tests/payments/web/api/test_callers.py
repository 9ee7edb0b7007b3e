"""Who may call: a live key, for its scopes, at a bearable pace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import portals
from payments.core.audit import AuditEntry
from payments.core.service import Service
from payments.portals import PortalKey, Scope
from payments.web import api, kit
from payments.web.pace import Pace
from payments.web.problems import TooMany
from tests.builders import BY
from tests.callers import Portal, a_portal, an_order, refused
from tests.services import BASE_URL

WRITES = Scope.REQUESTS_WRITE
READS = Scope.REQUESTS_READ

MATRIX: dict[tuple[str, str], tuple[Scope, Any]] = {
    ("POST", "/payment-requests"): (WRITES, an_order()),
    ("GET", "/payment-requests"): (READS, None),
    ("GET", "/payment-requests/<reference>"): (READS, None),
    ("POST", "/payment-requests/<reference>/cancel"): (WRITES, {"reason": "other"}),
    ("GET", "/payment-requests/<reference>/qr.svg"): (READS, None),
    ("GET", "/payment-requests/<reference>/qr.png"): (READS, None),
    ("GET", "/payment-requests/<reference>/qr.txt"): (READS, None),
    ("GET", "/payment-requests/<reference>/slip.pdf"): (READS, None),
    ("POST", "/payment-requests/<reference>/refunds"): (
        Scope.REFUNDS_PROPOSE,
        {
            "reason": "x",
            "to": {"bin": "970422", "account": "1", "name": "X"},
            "excess": 1,
        },
    ),
    ("GET", "/payment-requests/<reference>/refunds"): (READS, None),
    ("GET", "/refunds/<refund>"): (READS, None),
    ("POST", "/cash-collections"): (
        Scope.CASH_WRITE,
        {"request": "TTHC0000000000", "amount": 1, "reason": "refuses"},
    ),
    ("GET", "/cash-collections"): (READS, None),
    ("GET", "/cash-collections/<collection>"): (READS, None),
    ("POST", "/cash-collections/<collection>/void"): (Scope.CASH_WRITE, {"reason": "x"}),
    ("GET", "/payment-requests/<reference>/receipts"): (READS, None),
    ("GET", "/receipts/<receipt_id>"): (READS, None),
    ("GET", "/receipts/<receipt_id>.pdf"): (READS, None),
    ("GET", "/receipts/<receipt_id>.xml"): (READS, None),
    ("GET", "/payment-requests/<reference>/events"): (READS, None),
    ("GET", "/events"): (READS, None),
    ("GET", "/fees"): (READS, None),
    ("POST", "/quotes"): (READS, {"channel": "online", "lines": [{"fee": "CERT"}]}),
    ("GET", "/agencies"): (READS, None),
    ("GET", "/webhook"): (READS, None),
    ("PUT", "/webhook"): (WRITES, {"url": "http://127.0.0.1:9/"}),
    ("POST", "/webhook/rotate"): (WRITES, None),
    ("GET", "/webhook/deliveries"): (READS, None),
    ("POST", "/webhook/deliveries/<event>/redeliver"): (WRITES, None),
    ("POST", "/webhook/test"): (WRITES, None),
    ("GET", "/reports/<name>"): (Scope.REPORTS_READ, None),
    ("GET", "/reports/<name>.csv"): (Scope.REPORTS_READ, None),
}
"""Every call of the API, the scope it needs and a body that is in order."""

OPEN = {("GET", "/openapi.json")}
"""Calls for anyone."""


def calls(app: Flask) -> Iterator[tuple[str, str]]:
    """Every call that the application's addresses make possible."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1"):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, rule.rule.removeprefix("/api/v1")


def test_the_matrix_below_forgets_no_call(app: Flask) -> None:
    """A new call is added here with its scope, or this fails."""
    assert sorted(calls(app)) == sorted(MATRIX.keys() | OPEN)


def path_to(rule: str, *, reference: str, event: str) -> str:
    """The address of a rule for one request and one event."""
    named = rule.replace("<name>", "units")
    for thing in ("<refund>", "<receipt_id>", "<collection>"):
        named = named.replace(thing, event)
    return named.replace("<reference>", reference).replace("<event>", event)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer not-a-key"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": "Bearer khóa".encode().decode("latin-1")},
        {"Authorization": "Basic cG9ydGFsOmtleQ=="},
        {"Authorization": "Digest x"},
        {"X-Api-Key": "key"},
    ],
)
def test_without_a_live_key_every_call_is_refused_alike(
    app: Flask, client: FlaskClient, headers: dict[str, str], service: Service
) -> None:
    """401, whatever is asked for and whether it exists, before anything is read."""
    for method, rule in MATRIX:
        path = path_to(rule, reference="TTHC0000000000", event="x")
        answer = client.open(f"/api/v1{path}", method=method, data=b"{", headers=headers)
        assert refused(answer) == (401, "unauthenticated", []), rule
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_opens_what_its_scopes_say_and_nothing_else(
    service: Service, client: FlaskClient, portal: Portal
) -> None:
    """Each call with every single scope: let through by its own, refused with every other."""
    keys = {scope: a_portal(service, client, f"only {scope}", scope) for scope in Scope}
    for (method, rule), (needed, body) in MATRIX.items():
        path = path_to(rule, reference="TTHC0000000000", event="x")
        for scope, only in keys.items():
            headers = {"Idempotency-Key": "0123456789abcdef"}
            answer = only.call(method, path, json=body, headers=headers)
            if scope is needed:
                assert answer.status_code != 403, (rule, scope)
            else:
                assert refused(answer)[:2] == (403, "scope_missing"), (rule, scope)


def test_a_revoked_key_is_refused_within_a_second(portal: Portal, service: Service) -> None:
    """What a process remembers of a key, it remembers no longer."""
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5), tick=False) as clock:
        assert portal.get("/fees").status_code == 200
        service.database.write(
            lambda s: portals.revoke(s, portal.id, portal.key[:8], by=BY, now=datetime.now(UTC))
        )
        clock.shift(1)
        assert refused(portal.get("/fees"))[0] == 401


def test_the_use_of_a_key_is_written_down_once_a_minute(portal: Portal, service: Service) -> None:
    """So that a key nobody uses any more is found."""

    def used(session: Session) -> datetime | None:
        key = session.scalars(select(PortalKey).where(PortalKey.portal_id == portal.id)).one()
        return key.last_used_at

    start = datetime.now(UTC) + timedelta(minutes=5)
    with time_machine.travel(start, tick=False) as clock:
        seen = []
        for _ in range(4):
            portal.get("/fees")
            seen.append(service.database.read(used))
            clock.shift(30)
    assert seen == [start, start, start + timedelta(seconds=60), start + timedelta(seconds=60)]


def test_who_calls_too_often_is_told_to_wait(service: Service) -> None:
    """With 429 and when to come back; another key is not held up."""
    app = kit.new_app(base_url=BASE_URL)
    api.install(app, service, pace=Pace(per_second=1, store=3))
    hasty = a_portal(service, app.test_client(), "hasty")
    calm = a_portal(service, app.test_client(), "calm")
    answers = [hasty.get("/fees") for _ in range(5)]
    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    assert [answer.headers["RateLimit"] for answer in answers[:3]] == [
        '"key";r=2;t=1',
        '"key";r=1;t=1',
        '"key";r=0;t=1',
    ]
    last = answers[-1]
    assert refused(last)[:2] == (429, "too_many_requests")
    assert int(last.headers["Retry-After"]) >= 1
    assert last.headers["RateLimit-Policy"] == '"key";q=3;w=3'
    assert calm.get("/fees").status_code == 200


def test_a_store_of_calls_fills_up_again() -> None:
    """At the pace of so many a second, up to its size."""
    pace = Pace(per_second=2, store=4)
    assert [pace.spend(1, at=100.0) for _ in range(4)] == [3, 2, 1, 0]
    with pytest.raises(TooMany):
        pace.spend(1, at=100.4)
    assert pace.spend(1, at=100.5) == 0
    assert pace.spend(1, at=1000.0) == 3
    assert pace.spend(2, at=1000.0) == 3


def test_an_unknown_address_or_method_is_told_as_a_problem(client: FlaskClient) -> None:
    """404, and 405 with what is allowed."""
    assert refused(client.get("/api/v1/nothing"))[0] == 404
    answer = client.delete("/api/v1/payment-requests")
    assert refused(answer)[0] == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


def test_what_a_portal_asks_in_vain_is_in_the_audit_trail(portal: Portal, service: Service) -> None:
    """Once a minute for the same; what is wrong with an order is its portal's own affair."""
    reader = a_portal(service, portal.client, "reader", READS)
    asked = select(AuditEntry).where(AuditEntry.action == "portal.refused")
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        for _ in range(3):
            reader.post("/payment-requests/TTHC9999999999/cancel", json={"reason": "other"})
            portal.post("/payment-requests/TTHC9999999999/cancel", json={"reason": "other"})
            portal.try_to_issue(agency="nobody")
            portal.get("/payment-requests/TTHC9999999999")
        clock.shift(61)
        portal.post("/payment-requests/TTHC9999999999/cancel", json={"reason": "other"})
    told = service.database.read(
        lambda session: [
            (one.actor, one.subject, one.details) for one in session.scalars(asked).all()
        ]
    )
    subject = "call:payment_requests.cancel_payment_request"
    of_reader, of_portal = f"portal:{reader.id}", f"portal:{portal.id}"
    assert [(actor, about, details["code"]) for actor, about, details in told] == [
        (of_reader, subject, "scope_missing"),
        (of_portal, subject, "unknown_request"),
        (of_portal, subject, "unknown_request"),
    ]
    assert told[-1][2]["arguments"] == {"reference": "TTHC9999999999"}
