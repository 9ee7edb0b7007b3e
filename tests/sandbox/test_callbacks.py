"""Whoever subscribes is told: at once, again when it fails, and never at the payer's cost."""

from __future__ import annotations

import threading
import time

import pytest

from sandbox.protocols import practice
from tests.sandbox.conftest import ACB, SECRET, VCB
from tests.sandbox.listening import until


def test_every_subscriber_of_an_account_is_told(bank, listener):
    """Several subscriptions of one account get the same movement, each in its protocol."""
    for protocol in ("sandbox", "sepay", "sepay_key", "payos"):
        bank.subscribe(listener, protocol)
    bank.pay()
    bodies = [message.told for message in listener.wait(4)]
    told = [sum(mark in body for body in bodies) for mark in ("event_id", "gateway", "signature")]
    assert told == [1, 2, 1]


def test_nobody_is_told_of_anothers_account(bank, listener):
    """A subscription hears of its own accounts only."""
    bank.subscribe(listener, accounts=[ACB["number"]])
    bank.pay()
    bank.pay(account=ACB["number"], bin=ACB["bin"], amount=7000)
    until(lambda: bank.counts()["delivered"] == 1)
    assert [message.told["amount"] for message in listener.received] == [7000]


def test_who_unsubscribes_is_told_no_more(bank, listener):
    """After a subscription is deleted nothing is sent, and it can't be deleted again."""
    number = bank.subscribe(listener)
    assert bank.client.delete(f"/api/subscriptions/{number}").status_code == 204
    bank.pay()
    assert bank.client.get("/api/callbacks").get_json()["items"] == []
    assert bank.client.delete(f"/api/subscriptions/{number}").status_code == 404


def test_an_answer_other_than_2xx_is_tried_again(bank, listener):
    """Errors and redirects are retried with the same event and a fresh signature each time."""
    bank.subscribe(listener)
    listener.answers = [500, 302, 429]
    bank.pay()
    received = listener.wait(4)
    until(lambda: bank.counts()["delivered"] == 1)
    assert len({message.body for message in received}) == 1
    [delivery] = bank.client.get("/api/callbacks?state=delivered").get_json()["items"]
    assert [one["status"] for one in delivery["attempts"]] == [500, 302, 429, 200]


def test_after_eight_attempts_it_is_given_up(bank, listener):
    """A subscriber that never accepts is tried eight times, as SePay does."""
    bank.subscribe(listener)
    listener.answers = [503] * 20
    bank.pay()
    until(lambda: bank.counts()["failed"] == 1)
    assert len(listener.received) == 8


def test_a_subscriber_that_is_down_is_tried_again(bank, listener):
    """No connection counts as a failed attempt, with its reason kept."""
    bank.subscribe(listener)
    listener.close()
    bank.pay()
    until(lambda: bank.counts()["failed"] == 1)
    [delivery] = bank.client.get("/api/callbacks").get_json()["items"]
    assert {one["error"] for one in delivery["attempts"]} == {"NewConnectionError"}


def test_paying_never_waits_for_a_slow_subscriber(bank, listener):
    """Payments are booked at once while the messages of earlier ones are still under way."""
    bank.subscribe(listener)
    listener.slow_seconds = 0.5
    started = time.monotonic()
    for _ in range(10):
        bank.pay()
    assert time.monotonic() - started < 2.5  # waiting for each would take five
    listener.wait(10)


def test_payments_of_many_threads_are_each_told_once(bank, listener):
    """Under concurrent payers no movement is lost, doubled or misnumbered."""
    bank.subscribe(listener)

    def pay_some() -> None:
        client = bank.app.test_client()
        for _ in range(25):
            order = {"account": VCB["number"], "bin": VCB["bin"], "amount": 1000, "memo": "x"}
            assert client.post("/api/pay", json=order).status_code == 201

    threads = [threading.Thread(target=pay_some) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    received = listener.wait(200)
    until(lambda: bank.counts()["delivered"] == 200)
    assert len({message.told["event_id"] for message in received}) == 200
    assert len({message.told["bank_reference"] for message in received}) == 200
    assert bank.balance() == VCB["opening_balance"] + 200 * 1000


def test_a_reversal_is_told_by_the_banks_own_protocol_alone(bank, listener):
    """The debit message names the credit's reference; SePay and payOS keep silent."""
    for protocol in ("sandbox", "sepay", "payos"):
        bank.subscribe(listener, protocol)
    paid = bank.pay()
    listener.wait(3)
    reversal = bank.post("reverse", movement=paid["id"])
    told = listener.wait(4)[3].told
    until(lambda: bank.counts()["delivered"] == 4)
    assert (told["type"], told["amount"]) == ("debit", 150000)
    assert told["reverses"] == paid["bank_reference"]
    assert told["bank_reference"] == reversal["bank_reference"] != paid["bank_reference"]


def test_charges_interest_and_extra_lines_are_told_to_nobody(bank, listener):
    """What the bank books by itself is learnt from the statement."""
    bank.subscribe(listener)
    for path in ("charge", "interest", "extra-line"):
        bank.post(path, account=VCB["number"], amount=1000)
    assert bank.client.get("/api/callbacks").get_json()["items"] == []


def test_a_callbacks_time_is_the_banks_clock(a_bank, listener):
    """With an offset the signature's timestamp and the default booking time both move."""
    from_machine = int(time.time())
    bank = a_bank(clock_offset_seconds=-86_400)
    bank.post("accounts", **VCB)
    bank.subscribe(listener, accounts=[VCB["number"]])
    paid = bank.pay()
    [message] = listener.wait(1)
    assert abs(int(message.headers[practice.TIMESTAMP]) - (from_machine - 86_400)) <= 5
    assert message.told["booked_at"] == paid["booked_at"]


def _poll(bank, number=VCB["number"], query="", secret=SECRET, timestamp=None, path=None):
    path = f"/api/transactions/{number}{query}" if path is None else path
    timestamp = str(int(time.time())) if timestamp is None else timestamp
    signed = f"GET {path}".encode()
    return bank.client.get(
        f"/api/transactions/{number}{query}",
        headers={
            "X-Sandbox-Timestamp": timestamp,
            "X-Sandbox-Signature": practice.signature(signed, secret=secret, timestamp=timestamp),
        },
    )


def test_a_poll_lists_what_callbacks_tell_under_the_same_identity(bank, listener):
    """Lost callbacks are in the list too; charges, which nobody is told of, are not."""
    bank.subscribe(listener)
    bank.pay()
    bank.pay(faults=["callback_lost"])
    bank.post("charge", account=VCB["number"], amount=1000)
    bank.post("reverse", movement=1)
    told = [message.told for message in listener.wait(2)]
    items = _poll(bank).get_json()["items"]
    assert len(items) == 3
    assert all(message in items for message in told)


@pytest.mark.parametrize("protocol", ["sepay", "sepay_key", "payos"])
def test_a_poll_speaks_the_subscriptions_protocol(bank, listener, protocol):
    """The list holds the very bodies of the callbacks, so one reader reads both."""
    bank.subscribe(listener, protocol)
    bank.pay()
    [message] = listener.wait(1)
    assert _poll(bank).get_json()["items"] == [message.told]


def test_a_poll_is_read_page_by_page_and_from_an_instant(bank, listener):
    """`after` and `limit` page through the list; `since` leaves out what was booked earlier."""
    bank.subscribe(listener)
    for hour in range(5):
        bank.pay(at=f"2026-11-24T0{hour}:00:00+07:00", amount=1000 + hour)
    first = _poll(bank, query="?limit=2").get_json()
    second = _poll(bank, query=f"?limit=2&after={first['next']}").get_json()
    last = _poll(bank, query=f"?limit=2&after={second['next']}").get_json()
    pages = [[item["amount"] for item in page["items"]] for page in (first, second, last)]
    assert pages == [[1000, 1001], [1002, 1003], [1004]]
    assert last["next"] is None
    late = _poll(bank, query="?since=2026-11-24T03:00:00%2B07:00").get_json()["items"]
    assert [item["amount"] for item in late] == [1003, 1004]


def test_a_poll_without_a_good_signature_is_refused(bank, listener):
    """No signature, another secret, another address, or a stale or odd timestamp: 401."""
    bank.subscribe(listener, accounts=[VCB["number"]])
    old = str(int(time.time()) - 301)
    refused = [
        bank.client.get(f"/api/transactions/{VCB['number']}"),
        _poll(bank, secret="another"),
        _poll(bank, timestamp=old),
        _poll(bank, timestamp="soon"),
        _poll(bank, timestamp="١٧٩٥٤٨٩٢٠٠"),
        _poll(bank, path="/api/transactions/20000001"),
        _poll(bank, number=ACB["number"]),
    ]
    assert [answer.status_code for answer in refused] == [401] * len(refused)
    assert refused[0].get_json()["code"] == "bad_poll_signature"
    assert _poll(bank).status_code == 200
