"""The portal's endpoint: set, its secret replaced, its deliveries seen and sent again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from payments import outbox, portals
from payments.core.service import Service
from payments.outbox import Attempt, Parcel
from tests.callers import Portal, refused

HERE = "http://127.0.0.1:9/webhook"


def now() -> datetime:
    return datetime.now(UTC)


def leased(service: Service) -> list[Parcel]:
    """What is due, leased."""
    return service.database.write(
        lambda session: [
            parcel
            for endpoint in outbox.endpoints_due(session, now=now())
            for parcel in outbox.lease(session, endpoint, most=9, vault=service.vault, now=now())
        ]
    )


def tried(service: Service, parcel: Parcel, status: int) -> None:
    """One attempt, recorded."""
    attempt = Attempt(at=now(), status=status, milliseconds=12, answer="words")
    outcome = outbox.Outcome(parcel, attempt, 0)
    service.database.write(lambda session: outbox.record_all(session, [outcome]))


def secrets(service: Service, portal: Portal) -> tuple[str, ...]:
    """What messages to the portal are signed with now."""

    def unit(session: Session) -> tuple[str, ...]:
        endpoint = portals.endpoint_of(session, portal.id, service.vault, now=now())
        assert endpoint is not None
        return endpoint.secrets

    return service.database.read(unit)


def test_the_secret_is_shown_when_made_and_never_again(portal: Portal, service: Service) -> None:
    """Another address keeps the secret."""
    assert refused(portal.get("/webhook"))[:2] == (404, "no_webhook_endpoint")
    first = portal.put("/webhook", json={"url": HERE}).json
    assert (first["url"], first["active"]) == (HERE, True)
    assert first["secret"].startswith("whsec_")
    moved = portal.put("/webhook", json={"url": f"{HERE}/2"}).json
    assert (moved["url"], moved["secret"]) == (f"{HERE}/2", None)
    assert portal.get("/webhook").json == moved
    assert secrets(service, portal) == (first["secret"],)


def test_a_replaced_secret_stays_live_for_a_while(portal: Portal, service: Service) -> None:
    """So that the portal can change over."""
    old = portal.put("/webhook", json={"url": HERE}).json["secret"]
    answer = portal.post("/webhook/rotate").json
    assert secrets(service, portal) == (answer["secret"], old)
    assert answer["previous_secret_until"] > now().isoformat()
    assert refused_without(portal, "/webhook/rotate") is None


def refused_without(portal: Portal, path: str) -> str | None:
    """The code of a POST's refusal, None for one that is done."""
    answer = portal.post(path)
    return None if answer.status_code < 300 else answer.json["code"]


@pytest.mark.parametrize("path", ["/webhook/rotate", "/webhook/test"])
def test_without_an_endpoint_there_is_nothing_to_do(portal: Portal, path: str) -> None:
    """Neither a secret to replace nor anywhere to send a test."""
    assert refused_without(portal, path) == "no_webhook_endpoint"
    assert portal.get("/webhook/deliveries").json == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://portal.example.vn/webhook", "address_refused"),
        ("https://user@portal.example.vn/", "address_refused"),
        ("https://portal.example.vn/#part", "address_refused"),
        ("https://", "wrong_format"),
        ("ftp://portal.example.vn/", "wrong_format"),
        ("//portal.example.vn/", "wrong_format"),
        ("https://portal.example.vn/a b", "wrong_format"),
        ("https://cổng.example.vn/", "wrong_format"),
        ("https://portal.example.vn/" + "x" * 3000, "wrong_format"),
        (None, "null_field"),
        (7, "wrong_type"),
    ],
)
def test_messages_go_to_https_only(portal: Portal, url: object, code: str) -> None:
    """Unless the machine's settings allow the host; an address that is refused changes nothing."""
    answer = portal.put("/webhook", json={"url": url})
    status, _, errors = refused(answer)
    assert (status, errors) == (422, [("/url", code)])
    assert portal.get("/webhook").status_code == 404


def test_what_became_of_each_message_is_seen(portal: Portal, service: Service) -> None:
    """Due, delivered, given up; the last attempt, and when the next one is."""
    portal.put("/webhook", json={"url": HERE})
    reference = portal.issue()["reference"]
    portal.post(f"/payment-requests/{reference}/cancel", json={"reason": "other"})
    test = portal.post("/webhook/test")
    assert test.status_code == 202
    cancelled, tested = leased(service)
    tried(service, cancelled, 204)
    tried(service, tested, 500)
    first, second = portal.get("/webhook/deliveries").json["items"]
    assert (first["id"], first["type"], first["reference"]) == (
        test.json["id"],
        "webhook.test",
        None,
    )
    assert (first["state"], first["attempts"]) == ("due", 1)
    assert first["next_at"] > now().isoformat()
    attempt = first["last_attempt"]
    assert (attempt["status"], attempt["milliseconds"], attempt["answer"]) == (500, 12, "words")
    assert attempt["at"].endswith("Z")
    assert (second["reference"], second["state"], second["next_at"]) == (
        reference,
        "delivered",
        None,
    )
    for state, ids in (("due", [first["id"]]), ("delivered", [second["id"]]), ("given_up", [])):
        shown = portal.get(f"/webhook/deliveries?state={state}").json["items"]
        assert [one["id"] for one in shown] == ids


def test_deliveries_are_paged_newest_first(portal: Portal) -> None:
    """The second page goes on where the first ended."""
    portal.put("/webhook", json={"url": HERE})
    sent = [portal.post("/webhook/test").json["id"] for _ in range(5)]
    first = portal.get("/webhook/deliveries?limit=3").json
    second = portal.get(f"/webhook/deliveries?limit=3&cursor={first['next']}").json
    assert [one["id"] for one in first["items"] + second["items"]] == list(reversed(sent))
    assert second["next"] is None


def test_a_delivered_message_is_sent_again_when_asked(portal: Portal, service: Service) -> None:
    """With the same id."""
    portal.put("/webhook", json={"url": HERE})
    sent = portal.post("/webhook/test").json["id"]
    (parcel,) = leased(service)
    tried(service, parcel, 200)
    assert leased(service) == []
    again = portal.post(f"/webhook/deliveries/{sent}/redeliver")
    assert (again.status_code, again.json) == (202, {"id": sent})
    assert [one.event for one in leased(service)] == [sent]


@pytest.mark.parametrize("event", ["0192f3a1-aaaa-7bbb-8ccc-123456789abc", "x", "%C3%A1", "1"])
def test_an_unknown_message_is_not_sent_again(portal: Portal, event: str) -> None:
    """404."""
    portal.put("/webhook", json={"url": HERE})
    assert refused_without(portal, f"/webhook/deliveries/{event}/redeliver") == "unknown_event"
