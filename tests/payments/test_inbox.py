"""The door for banks: verified, stored, answered; what it refuses and what it keeps."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core import clock
from payments.core.database import Database
from payments.inbox import Callback
from payments.web import callbacks, kit
from tests.builders import Province, a_payment_request, a_province, settle

SECRET = "a secret long enough to be one"


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, a portal and every source."""
    return a_province(session)


@pytest.fixture
def client(database: Database, province: Province) -> FlaskClient:
    """A client of the callback addresses."""
    app: Flask = kit.new_app(base_url="https://pay.example")
    app.register_blueprint(callbacks.blueprint(database, province.vault))
    return app.test_client()


def body_of(province: Province, **changed: Any) -> bytes:
    """A message of the practice bank: 50.000 đồng came."""
    told = {
        "event_id": "e1",
        "type": "credit",
        "account": province.account.number,
        "bin": "970436",
        "amount": 50_000,
        "currency": "VND",
        "booked_at": clock.now().isoformat(),
        "memo": "",
        "bank_reference": "FT1",
    }
    return json.dumps(told | changed).encode()


def signed(raw: bytes, *, at: datetime | None = None, secret: str = SECRET) -> Mapping[str, str]:
    """The practice bank's headers for a message."""
    stamp = str(int((at or clock.now()).timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
    return {"X-Sandbox-Timestamp": stamp, "X-Sandbox-Signature": f"v1={digest}"}


def address(province: Province, source: str = "sandbox") -> str:
    """Where the source calls."""
    from_id = province.session.execute(
        select(callbacks.connections.Connection.public_id).where(
            callbacks.connections.Connection.id == province.intakes[source].connection_id
        )
    ).scalar_one()
    return f"/callbacks/{province.intakes[source].source}/{from_id}"


def kept(province: Province) -> list[tuple[str, str | None]]:
    """(state, reason) of every callback kept, in order."""
    province.session.expire_all()
    rows = province.session.execute(select(Callback.state, Callback.reason).order_by(Callback.id))
    return [(state, reason) for state, reason in rows]


def test_an_authentic_message_is_stored_before_it_is_answered(
    client: FlaskClient, province: Province
) -> None:
    """The bank hears 200 when its message is durable; settling follows."""
    request = a_payment_request(province)
    raw = body_of(province, memo=request.reference)

    answer = client.post(address(province), data=raw, headers=signed(raw))

    assert (answer.status_code, answer.get_json()) == (200, {"ok": True})
    assert kept(province) == [("waiting", None)]
    assert settle(province, now=clock.now()) == 1
    province.session.refresh(request)
    assert request.status == "paid"


def test_the_same_delivery_twice_gets_the_same_answer(
    client: FlaskClient, province: Province
) -> None:
    """A bank that sends again is told again that all is well; one message is kept."""
    raw = body_of(province)

    answers = [client.post(address(province), data=raw, headers=signed(raw)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert kept(province) == [("waiting", None)]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"account": "999"}, "unknown_account"),
        ({"currency": "USD"}, "wrong_currency"),
        ({"type": "debit"}, "debit"),
        ({"amount": 0}, "zero"),
        ({"booked_at": "2009-01-01T00:00:00+07:00"}, "impossible_time"),
        ({"booked_at": "2098-01-01T00:00:00+07:00"}, "impossible_time"),
    ],
)
def test_what_is_no_money_of_ours_is_kept_and_books_nothing(
    client: FlaskClient, province: Province, changed: dict[str, Any], reason: str
) -> None:
    """A debit, zero, a foreign currency, an unknown account or an absurd time is kept so."""
    raw = body_of(province, **changed)

    answer = client.post(address(province), data=raw, headers=signed(raw))

    assert answer.status_code == 200
    assert kept(province) == [("rejected", reason)]
    assert settle(province) == 0
    assert province.credits() == []


def test_a_forged_message_is_not_believed(client: FlaskClient, province: Province) -> None:
    """A wrong secret, no signature, or a body changed after signing: 401, nothing kept."""
    raw = body_of(province)
    wrong = signed(raw, secret="another")
    moved = signed(raw.replace(b"50000", b"90000"))

    answers = [
        client.post(address(province), data=raw, headers=headers) for headers in (wrong, {}, moved)
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert kept(province) == []


@pytest.mark.parametrize("drift", [-301, 301, -86_400])
def test_a_stale_message_is_not_believed(
    client: FlaskClient, province: Province, drift: int
) -> None:
    """A signed message whose time is more than five minutes off may be a replay: 401."""
    raw = body_of(province)
    at = datetime.fromtimestamp(clock.now().timestamp() + drift, UTC)

    answer = client.post(address(province), data=raw, headers=signed(raw, at=at))

    assert (answer.status_code, answer.get_json()["code"]) == (401, "stale_timestamp")
    assert kept(province) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"a":1,"a":2}',
        b'{"amount":NaN}',
        b'{"x":' + b"[" * 2000 + b"]" * 2000 + b"}",
        b'{"event_id":"e","type":"credit","account":"1","amount":1.5,"currency":"VND"}',
        b'{"event_id":"e","type":"credit","account":"1","amount":true,"currency":"VND"}',
        b'{"event_id":"e","type":"credit","account":"1","amount":"5","currency":"VND"}',
        b'{"event_id":"","type":"credit"}',
        b'{"event_id":7,"type":"credit"}',
        b'{"amount":' + b"9" * 5000 + b"}",
        *(
            json.dumps(
                {"event_id": "e", "type": "credit", "account": "1", "amount": 5}
                | {"currency": "VND", "booked_at": at}
            ).encode()
            for at in (
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-12:00",
                "2026-11-24T09:00:00",
                "24/11/2026",
            )
        ),
    ],
)
def test_a_signed_message_that_cannot_be_read_is_400(
    client: FlaskClient, province: Province, raw: bytes
) -> None:
    """JSON is read strictly; money is a whole number; nothing is guessed and nothing kept."""
    answer = client.post(address(province), data=raw, headers=signed(raw))

    assert (answer.status_code, answer.get_json()["code"]) == (400, "unreadable_advice")
    assert kept(province) == []


def test_an_unsigned_number_without_end_is_no_fault(
    client: FlaskClient, province: Province
) -> None:
    """Anybody may send digits for ever to a source whose signature stands in the body: 401."""
    raw = b'{"data":{"amount":' + b"9" * 5000 + b'},"signature":"x"}'

    answer = client.post(address(province, "payos"), data=raw)

    assert answer.status_code == 401
    assert kept(province) == []


def test_an_unknown_address_or_another_source_is_404(
    client: FlaskClient, province: Province
) -> None:
    """A connection answers only under its own source's name."""
    raw = body_of(province)
    known = address(province)

    for path in ("/callbacks/sandbox/unknown", known.replace("sandbox", "sepay")):
        answer = client.post(path, data=raw, headers=signed(raw))
        assert answer.status_code == 404
    assert kept(province) == []


def test_a_body_over_the_limit_is_413(client: FlaskClient, province: Province) -> None:
    """More than 64 KiB is refused before it is verified."""
    raw = body_of(province, memo="x" * 70_000)

    assert client.post(address(province), data=raw, headers=signed(raw)).status_code == 413


def test_a_shared_key_is_enough_to_be_heard_and_no_more(
    client: FlaskClient, province: Province
) -> None:
    """SePay with a key alone is class C: its word is kept as advice."""
    request = a_payment_request(province)
    raw = json.dumps(
        {
            "id": 7,
            "transactionDate": "2026-11-24 09:00:00",
            "accountNumber": province.account.number,
            "content": request.reference,
            "transferType": "in",
            "transferAmount": 50_000,
        }
    ).encode()
    there = address(province, "sepay_key")

    assert client.post(there, data=raw).status_code == 401
    wrong = {"Authorization": "Apikey no"}
    assert client.post(there, data=raw, headers=wrong).status_code == 401
    right = {"Authorization": f"Apikey {SECRET}"}
    assert client.post(there, data=raw, headers=right).status_code == 200
    settle(province, now=clock.now())
    assert province.findings() == [None]
