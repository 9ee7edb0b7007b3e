"""`POST /payment-requests`: priced by us, once for each idempotency key, strictly read."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from payments import vietqr
from payments.core.service import Service
from payments.outbox import Event
from payments.payment_requests import PaymentRequest
from tests.callers import Portal, an_order, refused

KEY = "0123456789abcdef"


def issued(service: Service) -> int:
    """How many requests there are."""
    return service.database.read(
        lambda session: session.scalar(select(func.count()).select_from(PaymentRequest)) or 0
    )


def test_a_request_is_priced_by_the_tariff_and_payable_at_once(portal: Portal) -> None:
    """The caller says what, we say how much; the answer carries the code to pay it by."""
    answer = portal.try_to_issue(lines=[{"fee": "CERT", "quantity": 3, "reduction": "student"}])
    assert answer.status_code == 201
    told = answer.json
    assert (told["status"], told["amount"], told["received"]) == ("open", 300_000, 0)
    assert told["lines"] == [
        {
            "fee": "CERT",
            "kind": "le_phi",
            "quantity": 3,
            "unit_amount": 200_000,
            "amount": 300_000,
            "refunded": 0,
            "reduction": "student",
        }
    ]
    transfer = vietqr.decode(told["pay_to"]["qr"])
    assert (transfer.bin, transfer.account) == ("970436", "0011001234567")
    assert (transfer.amount, transfer.memo) == (300_000, told["reference"])
    assert answer.headers["Location"] == f"/api/v1/payment-requests/{told['reference']}"
    assert portal.get(f"/payment-requests/{told['reference']}").json == told


def test_an_exempt_request_is_paid_at_once_and_told(portal: Portal, service: Service) -> None:
    """Nothing is due: no code to scan, and the portal is told that it is paid."""
    told = portal.issue(lines=[{"fee": "CERT", "reduction": "poor"}])
    assert (told["status"], told["amount"], told["pay_to"]) == ("paid", 0, None)
    assert told["paid_at"] is not None
    types = service.database.read(lambda session: list(session.scalars(select(Event.type))))
    assert types == ["payment_request.paid"]


def test_a_fee_of_any_amount_takes_one(portal: Portal) -> None:
    """Only such a fee does."""
    assert portal.issue(lines=[{"fee": "PHI", "amount": 12_345}])["amount"] == 12_345
    assert refused(portal.try_to_issue(lines=[{"fee": "PHI"}])) == (
        422,
        "amount_required",
        [("/lines/0/amount", "amount_required")],
    )
    assert refused(portal.try_to_issue(lines=[{"fee": "CERT", "amount": 1}]))[1] == (
        "amount_not_allowed"
    )


def test_a_request_may_name_the_one_it_replaces(portal: Portal, other: Portal) -> None:
    """One of the portal's own."""
    first = portal.issue()
    assert portal.issue(replaces=first["reference"])["status"] == "open"
    theirs = other.issue()
    wrong = refused(portal.try_to_issue(replaces=theirs["reference"]))
    assert wrong == (422, "unknown_replaced", [("/replaces", "unknown_replaced")])


def test_the_same_key_and_body_get_the_first_answer_again(portal: Portal, service: Service) -> None:
    """To the byte, however the body's fields are ordered; one request is issued."""
    first = portal.try_to_issue(key=KEY)
    body = json.dumps(dict(reversed(an_order().items())), indent=2)
    again = portal.post(
        "/payment-requests",
        data=body,
        content_type="application/json",
        headers={"Idempotency-Key": KEY},
    )
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert issued(service) == 1


def test_the_same_key_with_another_body_is_refused(portal: Portal, service: Service) -> None:
    """And nothing is issued."""
    portal.try_to_issue(key=KEY)
    other_body = portal.try_to_issue(key=KEY, dossier="other")
    assert refused(other_body)[:2] == (422, "idempotency_key_reused")
    assert issued(service) == 1


def test_keys_of_two_portals_have_nothing_to_do_with_each_other(
    portal: Portal, other: Portal
) -> None:
    """The same key is two keys."""
    mine, theirs = portal.issue(key=KEY), other.issue(key=KEY)
    assert mine["reference"] != theirs["reference"]


def test_a_refused_call_leaves_its_key_free(portal: Portal) -> None:
    """The caller sets right what was wrong and uses the same key."""
    assert portal.try_to_issue(key=KEY, agency="nowhere").status_code == 422
    assert portal.try_to_issue(key=KEY).status_code == 201


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "missing_field"),
        ("", "idempotency_key_malformed"),
        ("short", "idempotency_key_malformed"),
        ("x" * 256, "idempotency_key_malformed"),
        ("with space 0123456789", "idempotency_key_malformed"),
        ("kh\xf3a-0123456789abcdef", "idempotency_key_malformed"),
    ],
)
def test_an_idempotency_key_is_16_to_255_visible_characters(
    portal: Portal, service: Service, key: str | None, code: str
) -> None:
    """Without one nothing is issued."""
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = portal.post("/payment-requests", json=an_order(), headers=headers)
    assert refused(answer) == (422, "invalid", [("headers:Idempotency-Key", code)])
    assert issued(service) == 0


@pytest.mark.committed
def test_the_same_call_many_times_at_once_issues_one(
    app: Flask, portal: Portal, service: Service
) -> None:
    """Each gets the one answer, or is told to come back; nobody gets another request."""
    answers: list[Any] = []
    start = threading.Barrier(8)

    def ask() -> None:
        own = Portal(portal.id, portal.key, app.test_client())
        start.wait()
        answers.append(own.try_to_issue(key=KEY))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [answer for answer in answers if answer.status_code == 201]
    told_to_wait = [answer for answer in answers if answer.status_code == 409]
    assert len(given) + len(told_to_wait) == 8
    assert len({answer.data for answer in given}) == 1
    assert all(answer.headers["Retry-After"] for answer in told_to_wait)
    assert all(refused(answer)[1] == "idempotency_in_flight" for answer in told_to_wait)
    assert issued(service) == 1
    assert portal.try_to_issue(key=KEY).data == given[0].data


@pytest.mark.parametrize(
    ("told", "code", "pointer"),
    [
        ({"agency": "H77"}, "unknown_agency", "/agency"),
        ({"lines": [{"fee": "CERT"}, {"fee": "NONE"}]}, "unknown_fee", "/lines/1/fee"),
        (
            {"lines": [{"fee": "CERT", "reduction": "rich"}]},
            "unknown_reduction",
            "/lines/0/reduction",
        ),
        (
            {"lines": [{"fee": "PHI", "amount": 5, "quantity": 2}]},
            "quantity_out_of_range",
            "/lines/0/quantity",
        ),
        ({"lines": [{"fee": "PHI", "amount": 500_000_000}]}, "amount_over_limit", None),
        ({"lines": [{"fee": "CERT", "quantity": 2_500}]}, "amount_over_limit", None),
        ({"replaces": "TTHC0000000000"}, "unknown_replaced", "/replaces"),
    ],
)
def test_what_the_tariff_or_the_tree_does_not_know_is_refused(
    portal: Portal, service: Service, told: dict[str, Any], code: str, pointer: str | None
) -> None:
    """With the place of what is wrong; nothing is issued."""
    status, found, errors = refused(portal.try_to_issue(**told))
    assert (status, found) == (422, code)
    assert errors == ([] if pointer is None else [(pointer, code)])
    assert issued(service) == 0


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"agency": None}, "/agency", "null_field"),
    ({"agency": 9}, "/agency", "wrong_type"),
    ({"agency": ""}, "/agency", "wrong_format"),
    ({"agency": "H09\n"}, "/agency", "wrong_format"),
    ({"dossier": "a b"}, "/dossier", "wrong_format"),
    ({"dossier": "hồ-sơ"}, "/dossier", "wrong_format"),
    ({"dossier": "x" * 65}, "/dossier", "wrong_format"),
    ({"dossier": "a\u0001b"}, "/dossier", "wrong_format"),
    ({"channel": "fax"}, "/channel", "unknown_choice"),
    ({"lines": []}, "/lines", "wrong_length"),
    ({"lines": [{"fee": "CERT"}] * 51}, "/lines", "wrong_length"),
    ({"lines": {}}, "/lines", "wrong_type"),
    ({"lines": ["CERT"]}, "/lines/0", "wrong_type"),
    ({"lines": [{}]}, "/lines/0/fee", "missing_field"),
    ({"lines": [{"fee": "CERT", "price": 1}]}, "/lines/0/price", "unknown_field"),
    ({"lines": [{"fee": "CERT", "quantity": 0}]}, "/lines/0/quantity", "out_of_range"),
    ({"lines": [{"fee": "CERT", "quantity": -1}]}, "/lines/0/quantity", "out_of_range"),
    ({"lines": [{"fee": "CERT", "quantity": 10_001}]}, "/lines/0/quantity", "out_of_range"),
    ({"lines": [{"fee": "CERT", "quantity": 1.0}]}, "/lines/0/quantity", "wrong_type"),
    ({"lines": [{"fee": "CERT", "quantity": 1.5}]}, "/lines/0/quantity", "wrong_type"),
    ({"lines": [{"fee": "CERT", "quantity": "1"}]}, "/lines/0/quantity", "wrong_type"),
    ({"lines": [{"fee": "CERT", "quantity": True}]}, "/lines/0/quantity", "wrong_type"),
    ({"lines": [{"fee": "CERT", "quantity": None}]}, "/lines/0/quantity", "null_field"),
    ({"lines": [{"fee": "PHI", "amount": 0}]}, "/lines/0/amount", "out_of_range"),
    ({"lines": [{"fee": "PHI", "amount": -5}]}, "/lines/0/amount", "out_of_range"),
    ({"lines": [{"fee": "PHI", "amount": 2**63 - 1}]}, "/lines/0/amount", "out_of_range"),
    ({"lines": [{"fee": "PHI", "amount": 2**63}]}, "/lines/0/amount", "out_of_range"),
    ({"lines": [{"fee": "PHI", "amount": 10**30}]}, "/lines/0/amount", "wrong_type"),
    ({"lines": [{"fee": "PHI", "amount": 1e3}]}, "/lines/0/amount", "wrong_type"),
    ({"description": "x" * 201}, "/description", "wrong_format"),
    ({"description": "a\nb"}, "/description", "wrong_format"),
    ({"replaces": "tthc1234567894"}, "/replaces", "wrong_format"),
    ({"amount": 1}, "/amount", "unknown_field"),
    ({"a/b~c": 1}, "/a~1b~0c", "unknown_field"),
]


@pytest.mark.parametrize(("told", "pointer", "code"), WRONG)
def test_each_wrong_field_is_named(
    portal: Portal, service: Service, told: dict[str, Any], pointer: str, code: str
) -> None:
    """By a JSON pointer and a code; nothing is issued."""
    assert refused(portal.try_to_issue(**told)) == (422, "invalid", [(pointer, code)])
    assert issued(service) == 0


def test_a_text_with_a_nul_is_refused_wherever_it_stands(portal: Portal) -> None:
    """PostgreSQL keeps no NUL in a text; neither engine ever sees one."""
    for place in ("agency", "dossier", "channel", "description", "replaces"):
        assert refused(portal.try_to_issue(**{place: "a\x00b"}))[0] == 422, place
    for place in ("fee", "reduction"):
        line = {"fee": "CERT", place: "a\x00b"}
        assert refused(portal.try_to_issue(lines=[line]))[0] == 422, place


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed"),
        (b'{"agency": NaN}', "application/json", 400, "malformed"),
        (b'"\\ud800"', "application/json", 400, "malformed"),
        (b'{"agency": "\xff"}', "application/json", 400, "malformed"),
        (b"[" * 20_000, "application/json", 400, "malformed"),
        (b"[]", "application/json", 422, "invalid"),
        (b"null", "application/json", 422, "invalid"),
        (b"7", "application/json", 422, "invalid"),
        (b"", "application/json", 400, "empty_body"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b'{"dossier": "' + b"x" * 70_000 + b'"}', "application/json", 413, "too_large"),
    ],
)
def test_a_body_that_is_no_order_is_refused(
    portal: Portal, body: bytes, media_type: str, status: int, code: str
) -> None:
    """Unreadable, of another kind, or too long."""
    headers = {"Idempotency-Key": KEY}
    answer = portal.post("/payment-requests", data=body, content_type=media_type, headers=headers)
    assert refused(answer)[:2] == (status, code)


def test_refusals_speak_the_callers_language(portal: Portal) -> None:
    """Vietnamese unless English is asked for; the code is the same."""
    vietnamese = portal.try_to_issue(agency="H77")
    headers = {"Idempotency-Key": KEY, "Accept-Language": "en"}
    english = portal.post("/payment-requests", json=an_order(agency="H77"), headers=headers)
    assert vietnamese.json["code"] == english.json["code"] == "unknown_agency"
    assert vietnamese.headers["Content-Language"] == "vi"
    assert english.headers["Content-Language"] == "en"
    for answer in (vietnamese, english):
        assert answer.json["detail"] not in ("", "error.unknown_agency")
        assert answer.json["type"].endswith("/docs/errors#unknown_agency")
    assert vietnamese.json["detail"] != english.json["detail"]


def test_issuing_many_asks_for_the_tariff_once(portal: Portal, service: Service) -> None:
    """The second request of the same kind costs a handful of statements."""
    portal.issue()
    sent: list[str] = []

    def note(_c, _cursor, statement, *_):
        sent.append(statement)

    event.listen(service.database.engine, "before_cursor_execute", note)
    portal.issue()
    event.remove(service.database.engine, "before_cursor_execute", note)
    asked = [statement for statement in sent if "SAVEPOINT" not in statement]
    assert not [one for one in asked if "FROM fee" in one or "FROM agency" in one]
    assert len(asked) <= 8, asked
