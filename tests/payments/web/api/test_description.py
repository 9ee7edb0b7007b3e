"""The description says what the API does: valid, complete, in both languages, kept to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from payments.cash import Reason
from payments.core.service import Service
from payments.core.words import LANGUAGES
from payments.outbox import EventType
from payments.payment_requests import CancelReason, PublicStatus
from payments.payouts import State
from payments.web.api import OPENAPI, refunds
from tests.callers import Payers, Portal, an_order
from tests.receipts import receipted

METHODS = ("get", "put", "post", "delete")

SAID_IN_BOTH = {"Created", "Accepted"}
"""The names that HTTP gives to what is well."""


@pytest.fixture(params=LANGUAGES)
def spec(request: pytest.FixtureRequest, client: FlaskClient) -> dict[str, Any]:
    """The description as it is served, in one language."""
    return client.get(OPENAPI, headers={"Accept-Language": request.param}).json


def operations(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every call that is described: its path, method and description."""
    for path, methods in spec["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def test_it_is_valid_openapi(spec: dict[str, Any]) -> None:
    """By an independent validator, as version 3.1."""
    assert spec["openapi"] == "3.1.0"
    validate(spec)


def test_it_describes_every_address_there_is(app: Flask, spec: dict[str, Any]) -> None:
    """And no other."""
    served = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1") and rule.rule != OPENAPI
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in operations(spec)} == served


def test_every_call_is_named_and_needs_a_key(spec: dict[str, Any]) -> None:
    """An operationId of its own, a key with a scope, and its refusals as problems."""
    names = [operation["operationId"] for _, _, operation in operations(spec)]
    assert len(names) == len(set(names))
    for path, method, operation in operations(spec):
        (needed,) = operation["security"]
        assert needed["key"], path
        assert {"400", "401", "403", "429", "503"} <= operation["responses"].keys(), path
        if "requestBody" in operation:
            assert {"413", "415", "422"} <= operation["responses"].keys(), path
        if "{" in path:
            assert "404" in operation["responses"], path
        if method == "get":
            assert "304" in operation["responses"], path
    for name, response in spec["components"]["responses"].items():
        assert list(response["content"]) == ["application/problem+json"], name


def test_every_word_of_it_is_in_the_catalogue(spec: dict[str, Any]) -> None:
    """No key is left where a sentence belongs."""
    left = [
        text
        for text in _texts(spec)
        if text.startswith(("api.", "operation.", "event.", "problem."))
    ]
    assert left == []


def test_it_speaks_both_languages(client: FlaskClient) -> None:
    """The same description, in other words, each with a mark of its own."""
    answers = {
        language: client.get(OPENAPI, headers={"Accept-Language": language})
        for language in LANGUAGES
    }
    texts = {
        language: {told for told in _described(answer.json) if len(told) > 3}
        for language, answer in answers.items()
    }
    assert len(texts["vi"]) > 60
    assert texts["vi"] & texts["en"] == SAID_IN_BOTH
    for language, answer in answers.items():
        headers = {"Accept-Language": language, "If-None-Match": answer.headers["ETag"]}
        assert client.get(OPENAPI, headers=headers).status_code == 304


def test_codes_are_those_of_the_program(spec: dict[str, Any]) -> None:
    """A status, a reason or a type of event that is added is described."""
    schemas = spec["components"]["schemas"]
    assert schemas["PaymentRequest"]["properties"]["status"]["enum"] == list(PublicStatus)
    assert schemas["Cancel"]["properties"]["reason"]["enum"] == list(CancelReason)
    assert schemas["Refund"]["properties"]["state"]["enum"] == list(State)
    assert schemas["CashCollection"]["properties"]["reason"]["enum"] == list(Reason)
    assert spec["webhooks"].keys() == set(EventType)


def test_what_a_portal_is_told_of_refunds_is_a_refund(
    portal: Portal, client: FlaskClient, payers: Payers
) -> None:
    """Each message of a refund carries what its address shows."""
    spec = client.get(OPENAPI).json
    refund = {"$ref": "#/components/schemas/Refund"}
    for name, message in spec["webhooks"].items():
        content = message["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert (content["properties"]["data"] == refund) == name.startswith("refund."), name
    reference = portal.issue()["reference"]
    payers.pay(reference, 250_000, payer="9704229200112233")
    payers.stand_on_a_statement()
    headers = {"Idempotency-Key": "fedcba9876543210"}
    path = f"/payment-requests/{reference}"
    portal.post(f"{path}/refunds", json=refunds.EXAMPLE, headers=headers)
    told = portal.get(f"{path}/events").json["items"][0]
    assert told["type"] == "refund.proposed"
    _check(spec, refund, told["data"])


def test_what_is_asked_is_closed_and_what_is_answered_open(spec: dict[str, Any]) -> None:
    """An unknown field is refused in a body; a reader leaves room for fields to come."""
    schemas = spec["components"]["schemas"]
    for asked in (
        "Order",
        "LineAsked",
        "Cancel",
        "QuoteAsked",
        "Address",
        "RefundAsked",
        "To",
        "Taking",
    ):
        assert schemas[asked]["additionalProperties"] is False, asked
    for shown in (
        "PaymentRequest",
        "Line",
        "Problem",
        "Event",
        "Delivery",
        "Webhook",
        "Fee",
        "Receipt",
        "Refund",
        "CashCollection",
    ):
        assert "additionalProperties" not in schemas[shown], shown
        assert sorted(schemas[shown]["properties"]) == schemas[shown]["required"], shown


def test_answers_are_as_described(
    service: Service, portal: Portal, client: FlaskClient, payers: Payers
) -> None:
    """One answer of each call, by an independent validator of JSON Schema."""
    spec = client.get(OPENAPI).json
    portal.put("/webhook", json={"url": "http://127.0.0.1:9/"})
    paid = portal.issue(lines=[{"fee": "PHI", "amount": 50_000}])["reference"]
    (receipt,) = service.database.write(lambda session: receipted(session, paid))
    unpaid, reference = portal.issue()["reference"], portal.issue()["reference"]
    payers.pay(reference, 250_000, payer="9704229200112233")
    payers.stand_on_a_statement()
    event = portal.post("/webhook/test").json["id"]
    refund = portal.call(
        "POST",
        f"/payment-requests/{reference}/refunds",
        json=refunds.EXAMPLE,
        headers={"Idempotency-Key": "fedcba9876543210"},
    ).json["items"][0]["id"]
    taken = portal.post(
        "/cash-collections",
        json={"request": portal.issue()["reference"], "amount": 200_000, "reason": "refuses"},
        headers={"Idempotency-Key": "fedcba9876543211"},
    ).json["id"]
    bodies = {
        "issue_payment_request": an_order(),
        "record_cash_collection": {
            "request": portal.issue()["reference"],
            "amount": 200_000,
            "reason": "app_failed",
        },
        "void_cash_collection": {"reason": "ghi nhầm"},
        "propose_refund": {**refunds.EXAMPLE, "excess": 30_000},
        "cancel_payment_request": {"reason": "other"},
        "quote": {"channel": "online", "lines": [{"fee": "CERT"}]},
        "set_webhook": {"url": "http://127.0.0.1:9/2"},
    }
    open_one = ("cancel_payment_request", "get_slip", "get_qr_svg", "get_qr_png", "get_qr_text")
    last = {"cancel_payment_request": 1}
    calls = sorted(operations(spec), key=lambda call: last.get(call[2]["operationId"], 0))
    for path, method, operation in calls:
        name = operation["operationId"]
        address = path.removeprefix("/api/v1").format(
            reference=unpaid if name in open_one else reference,
            event=event,
            name="units",
            refund=refund,
            collection=taken,
            receipt_id=receipt.public_id,
        )
        body, headers = bodies.get(name), {"Idempotency-Key": f"{name:->32}"}
        answer = portal.call(method.upper(), address, json=body, headers=headers, buffered=True)
        described = operation["responses"][str(answer.status_code)]
        assert answer.status_code < 300, (name, answer.text)
        assert answer.mimetype in described["content"], name
        if answer.mimetype == "application/json":
            schema = described["content"]["application/json"]["schema"]
            _check(spec, schema, answer.json)


@pytest.mark.parametrize("told", [{"agency": "H77"}, {"agency": None}, {"x": 1}, {"lines": [{}]}])
def test_problems_are_as_described(
    portal: Portal, client: FlaskClient, told: dict[str, Any]
) -> None:
    """Every refusal has the same form."""
    spec = client.get(OPENAPI).json
    answer = portal.try_to_issue(**told)
    _check(spec, {"$ref": "#/components/schemas/Problem"}, answer.json)


def test_the_example_of_an_order_is_in_order(portal: Portal, client: FlaskClient) -> None:
    """Copied from the page, it is refused only for what this province does not have."""
    spec = client.get(OPENAPI).json
    content = spec["paths"]["/api/v1/payment-requests"]["post"]["requestBody"]["content"]
    answer = portal.try_to_issue(**content["application/json"]["example"])
    assert answer.json["code"] in ("unknown_agency", "unknown_fee")


def _check(spec: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    whole = {**schema, "components": spec["components"]}
    jsonschema_rs.validator_for(json.loads(json.dumps(whole)), validate_formats=True).validate(
        value
    )


def _described(part: Any) -> Iterator[str]:
    """Every description and summary."""
    if isinstance(part, list):
        for below in part:
            yield from _described(below)
    elif isinstance(part, dict):
        for name, below in part.items():
            if name in ("description", "summary", "title") and isinstance(below, str):
                yield below
            else:
                yield from _described(below)


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, list):
        for below in part:
            yield from _texts(below)
    elif isinstance(part, dict):
        for below in part.values():
            yield from _texts(below)
