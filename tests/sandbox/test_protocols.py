"""What banks and gateways say, and how they prove it."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from payments.sources import SOURCES, BadSignature
from sandbox.protocols import PROTOCOLS, payos, practice, sepay
from tests.sandbox.conftest import ACB, CODE, SECRET

VECTORS = {
    vector["id"]: vector
    for vector in json.loads(
        (Path(__file__).parents[1] / "vectors" / "webhook_vectors.json").read_text()
    )["vectors"]
}
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize("name", ["payos-docs-example", "payos-sdk-test-webhook"])
def test_payos_signatures_are_the_published_ones(name):
    """payOS's own examples come out with the signatures payOS prints."""
    vector = VECTORS[name]
    assert payos.signature(vector["data"], secret=vector["key"]) == vector["signature"]


def test_payos_signs_an_absent_value_as_empty_text():
    """Null, "null" and "undefined" are all signed as nothing."""
    expected = payos.signature({"a": "", "b": 1}, secret="k")
    for absent in (None, "null", "undefined"):
        assert payos.signature({"b": 1, "a": absent}, secret="k") == expected


def test_sepay_signature_is_the_known_one():
    """SePay's HMAC runs over timestamp, a dot and the raw body."""
    vector = VECTORS["sepay-hmac-synthetic"]
    signature = sepay.signature(
        vector["raw_body"].encode(),
        secret=vector["key"],
        timestamp=vector["headers"]["X-SePay-Timestamp"],
    )
    assert signature == vector["headers"]["X-SePay-Signature"]


def test_sandbox_signature_is_an_hmac_over_timestamp_and_body():
    """Anyone with the secret can recompute the practice bank's signature from the headers."""
    message = practice.seal({"a": "ă"}, "secret", NOW)
    timestamp = message.headers["X-Sandbox-Timestamp"]
    signed = f"{timestamp}.".encode() + message.body
    expected = hmac.new(b"secret", signed, hashlib.sha256).hexdigest()
    assert timestamp == "1795489200"
    assert message.headers["X-Sandbox-Signature"] == f"v1={expected}"


def test_a_shared_key_travels_alone():
    """SePay's key-only way sends the key and signs nothing."""
    message = PROTOCOLS["sepay_key"].seal({}, "key", NOW)
    assert message.headers == {
        "Content-Type": "application/json",
        "Authorization": "Apikey key",
    }


def test_sepay_sends_the_fields_of_its_documents(bank, listener):
    """A SePay message has every documented field in its documented type."""
    bank.subscribe(listener, "sepay")
    paid = bank.pay(via="plain", at="2026-11-24T23:59:59+07:00")
    [message] = listener.wait(1)
    told = message.told
    identity = told.pop("id")
    assert isinstance(identity, int)
    assert told == {
        "gateway": "Vietcombank",
        "transactionDate": "2026-11-24 23:59:59",
        "accountNumber": "0011001234567",
        "subAccount": None,
        "code": None,
        "content": CODE,
        "transferType": "in",
        "description": f"BankAPINotify {CODE}",
        "transferAmount": 150000,
        "accumulated": 1150000,
        "referenceCode": paid["bank_reference"],
    }
    assert message.headers["X-SePay-Signature"] == sepay.signature(
        message.body, secret=SECRET, timestamp=message.headers["X-SePay-Timestamp"]
    )


def test_acb_tells_sepay_four_digits(bank, listener):
    """An account with short references is told by four digits, which repeat."""
    bank.subscribe(listener, "sepay")
    bank.pay(account=ACB["number"], bin=ACB["bin"])
    [message] = listener.wait(1)
    assert len(message.told["referenceCode"]) == 4
    assert message.told["referenceCode"].isdigit()


def test_payos_sends_the_fields_of_its_documents(bank, listener):
    """A payOS message has the documented `data`, the bank's reference and a signature over it."""
    bank.subscribe(listener, "payos")
    payer = {"name": "Đặng Thị Ưởng", "account": "99887766", "bin": "970422"}
    paid = bank.pay(via="plain", payer=payer, at="2026-11-24T10:00:00+07:00")
    [message] = listener.wait(1)
    told = message.told
    assert set(told["data"]) == set(VECTORS["payos-docs-example"]["data"])
    assert (told["code"], told["success"]) == ("00", True)
    assert told["signature"] == payos.signature(told["data"], secret=SECRET)
    assert told["data"]["reference"] == paid["bank_reference"]
    assert told["data"]["transactionDateTime"] == "2026-11-24 10:00:00"
    assert told["data"]["counterAccountName"] == "DANG THI UONG"
    assert told["data"]["counterAccountBankId"] == "970422"
    assert isinstance(told["data"]["orderCode"], int)


def test_the_sandbox_message_says_what_was_booked(bank, listener):
    """The practice bank's message and the movement its control API shows are one and the same."""
    bank.subscribe(listener)
    paid = bank.pay(at="2026-11-24T02:00:00Z")
    [message] = listener.wait(1)
    assert message.told == {
        "event_id": paid["event_id"],
        "type": "credit",
        "account": "0011001234567",
        "bin": "970436",
        "amount": 150000,
        "currency": "VND",
        "booked_at": "2026-11-24T09:00:00+07:00",
        "memo": paid["memo_as_booked"],
        "bank_reference": paid["bank_reference"],
        "payer_account": paid["payer_account"],
        "payer_name": paid["payer_name"],
        "reverses": None,
    }


@pytest.mark.parametrize(
    ("protocol", "source", "scheme", "has_payer"),
    [
        ("sandbox", "sandbox", "hmac", True),
        ("sepay", "sepay", "hmac", False),
        ("sepay_key", "sepay", "key", False),
        ("payos", "payos", "hmac", True),
    ],
)
def test_the_service_believes_and_reads_every_protocol(
    bank, listener, protocol, source, scheme, has_payer
):
    """The service's own sources verify each message and read from it what was booked."""
    bank.subscribe(listener, protocol)
    paid = bank.pay()
    [message] = listener.wait(1)
    headers = {name.lower(): text for name, text in message.headers.items()}
    reader = SOURCES[source]
    reader.verify(message.body, headers, scheme=scheme, secrets=[SECRET], now=datetime.now(UTC))
    advice = reader.read(message.body, scheme=scheme)
    assert (advice.account_number, advice.amount) == (paid["account"], paid["amount"])
    assert advice.memo == paid["memo_as_booked"]
    assert advice.booked_at == datetime.fromisoformat(paid["booked_at"])
    if has_payer:
        assert (advice.payer_account, advice.bank_reference) == (
            paid["payer_account"],
            paid["bank_reference"],
        )


@pytest.mark.parametrize(
    ("protocol", "source", "scheme"),
    [
        ("sandbox", "sandbox", "hmac"),
        ("sepay", "sepay", "hmac"),
        ("sepay_key", "sepay", "key"),
        ("payos", "payos", "hmac"),
    ],
)
def test_the_service_believes_no_forged_message(bank, listener, protocol, source, scheme):
    """A message with the fault `bad_signature` is refused by the service's own source."""
    bank.subscribe(listener, protocol)
    bank.pay(faults=["bad_signature"])
    [message] = listener.wait(1)
    headers = {name.lower(): text for name, text in message.headers.items()}
    with pytest.raises(BadSignature):
        SOURCES[source].verify(
            message.body, headers, scheme=scheme, secrets=[SECRET], now=datetime.now(UTC)
        )


def test_the_service_reads_a_reversal(bank, listener):
    """The debit names the credit it takes back."""
    bank.subscribe(listener)
    paid = bank.pay()
    listener.wait(1)
    bank.post("reverse", movement=paid["id"])
    advice = SOURCES["sandbox"].read(listener.wait(2)[1].body, scheme="hmac")
    assert advice.direction.value == "debit"
    assert advice.reverses == paid["bank_reference"]
