"""What a portal may see and do with its own things, and with another's: every call of the API."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from payments import outbox
from payments.core import clock
from payments.core.service import Service
from tests.callers import Payers, Portal, refused
from tests.payments.web.api.test_callers import MATRIX, calls
from tests.payments.web.api.test_cash import FEES, take
from tests.payments.web.api.test_refunds import PAYER, TWO, ask
from tests.receipts import receipted

Things = dict[str, str]
NOBODYS: Things = {
    "reference": "TTHC9999999999",
    "event": "01a229ff-9825-744d-957e-a8374b10db5f",
    "refund": "01a229ff-9825-744d-957e-a8374b10db5f",
    "receipt_id": "01a229ff-9825-744d-957e-a8374b10db5f",
    "collection": "01a229ff-9825-744d-957e-a8374b10db5f",
}
"""What every kind of thing is called that is nobody's."""

LISTS = {
    "/payment-requests",
    "/cash-collections",
    "/events",
    "/webhook/deliveries",
    "/reports/<name>",
    "/reports/<name>.csv",
}
"""What answers with a portal's own things alone."""

ALIKE = {"/fees", "/agencies", "/quotes", "/openapi.json"}
"""What is the same for everybody."""

OWN = {"/webhook", "/webhook/rotate", "/webhook/test"}
"""What has no other name than its caller's: each portal has one endpoint."""

_keys = itertools.count(1)


@pytest.fixture
def things(service: Service, portal: Portal, payers: Payers) -> Things:
    """One of each kind that belongs to the first portal; both portals listen at an endpoint."""
    portal.put("/webhook", json={"url": "http://127.0.0.1:9/"})
    reference = str(portal.issue(lines=TWO)["reference"])
    service.database.write(lambda session: receipted(session, reference) and None)
    payers.pay(reference, 20_000, payer=PAYER)
    payers.stand_on_a_statement()
    receipt = portal.get(f"/payment-requests/{reference}/receipts").json["items"][0]
    return {
        "reference": reference,
        "event": portal.post("/webhook/test").json["id"],
        "refund": ask(portal, reference, excess=5_000).json["items"][0]["id"],
        "receipt_id": receipt["id"],
        "collection": take(portal, amount=500_000, **FEES).json["id"],
    }


def named(rule: str, things: Things) -> str:
    """The address of a rule for these things."""
    return re.sub(r"<(\w+)>", lambda found: things[found[1]], rule)


def of_a_thing(rule: str) -> bool:
    """Whether the address names a thing that belongs to somebody."""
    return any(f"<{thing}>" in rule for thing in NOBODYS)


def send(portal: Portal, method: str, path: str, body: Any) -> Any:
    """What a call answers, each with a key of its own."""
    return portal.call(
        method, path, json=body, headers={"Idempotency-Key": f"foreign-{next(_keys):016}"}
    )


def told(portal: Portal, path: str) -> Any:
    """What is answered, without what only this very call has."""
    answer = portal.get(path)
    return answer.data if answer.status_code == 200 else refused(answer)


def test_every_call_is_about_a_thing_or_is_known_not_to_be(app: Flask) -> None:
    """A new call is tried with another's thing, or named above as one that has none."""
    without = {rule for _, rule in calls(app) if not of_a_thing(rule)}
    assert without == LISTS | ALIKE | OWN


def test_nobody_sees_or_touches_anothers_things(
    portal: Portal, other: Portal, things: Things
) -> None:
    """Refused with 404 and the words for what does not exist; and nothing has changed."""
    other.put("/webhook", json={"url": "http://127.0.0.1:9/"})
    readable = [rule for method, rule in MATRIX if method == "GET" and of_a_thing(rule)]
    before = [told(portal, named(rule, things)) for rule in readable]
    for (method, rule), (_, body) in MATRIX.items():
        if of_a_thing(rule):
            theirs = refused(send(other, method, named(rule, things), body))
            nobodys = refused(send(other, method, named(rule, NOBODYS), body))
            assert theirs == nobodys, (method, rule)
            assert theirs[0] == 404, (method, rule)
    assert [told(portal, named(rule, things)) for rule in readable] == before


def test_a_list_names_its_callers_own_things_alone(
    portal: Portal, other: Portal, things: Things, service: Service
) -> None:
    """The first portal finds its request in each, the other finds nothing of it."""
    now = clock.now()
    service.database.write(lambda session: outbox.place_events(session, holder="test", now=now))
    for rule in sorted(LISTS):
        path = rule.replace("<name>", "detail")
        mine, theirs = portal.get(path), other.get(path)
        assert mine.status_code == theirs.status_code == 200, rule
        for thing in things.values():
            assert thing not in theirs.text, rule
        assert any(thing in mine.text for thing in things.values()), rule


def test_everybody_reaches_their_own_things(portal: Portal, things: Things) -> None:
    """Each call with its own thing: done, or refused for what it is, never as not there."""
    refused_for: dict[tuple[str, str], Callable[[int], bool]] = {
        ("POST", "/payment-requests/<reference>/cancel"): lambda code: code == 409,
        ("GET", "/payment-requests/<reference>/qr.svg"): lambda code: code == 409,
        ("GET", "/payment-requests/<reference>/qr.png"): lambda code: code == 409,
        ("GET", "/payment-requests/<reference>/qr.txt"): lambda code: code == 409,
        ("GET", "/payment-requests/<reference>/slip.pdf"): lambda code: code == 409,
        ("POST", "/webhook/deliveries/<event>/redeliver"): lambda code: code in (200, 202, 409),
    }
    for (method, rule), (_, body) in MATRIX.items():
        if of_a_thing(rule):
            answer = send(portal, method, named(rule, things), body)
            as_it_must = refused_for.get((method, rule), lambda code: code in (200, 201))
            assert as_it_must(answer.status_code), (method, rule, answer.text)
