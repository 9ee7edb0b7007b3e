"""Every fault does what its name says, seen by a real subscriber and on the statement."""

from __future__ import annotations

import csv
import io
import time
from random import Random

import pytest

from payments.references import Kind, find
from sandbox.faults import Fault, another_amount
from sandbox.protocols import practice
from tests.sandbox.conftest import ACB, CODE, SECRET, VCB
from tests.sandbox.listening import until

DAY = "2026-11-24"
AT = f"{DAY}T10:00:00+07:00"


def lines(bank, number=VCB["number"]):
    """The day's lines on the statement: (sign, amount, memo)."""
    text = bank.statement(DAY, "vcb_csv", number).decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text)) if len(row) == 5]
    return [(row[2], int(row[3].replace(",", "")), row[4]) for row in rows[1:-1]]


def refused(bank, **told):
    order = {"account": VCB["number"], "bin": VCB["bin"], "amount": 150000, "memo": CODE} | told
    answer = bank.client.post("/api/pay", json=order)
    return answer.status_code, answer.get_json()["code"]


def test_a_lost_callback_is_never_sent(bank, listener):
    """The money is on the statement, nobody is told, and releasing does not bring it back."""
    bank.subscribe(listener)
    bank.pay(faults=["callback_lost"], at=AT)
    assert bank.post("release") == {"released": 0}
    bank.pay(at=AT)
    until(lambda: bank.counts()["delivered"] == 1)
    assert bank.counts()["lost"] == 1
    assert len(listener.received) == 1
    assert len(lines(bank)) == 2


def test_a_late_callback_waits_until_it_is_released(bank, listener):
    """It is held while later ones are sent, and comes when somebody says so, once."""
    bank.subscribe(listener)
    late = bank.pay(faults=["callback_late"])
    bank.pay()
    listener.wait(1)
    assert bank.counts()["held"] == 1
    assert bank.post("release", movement=late["id"]) == {"released": 1}
    assert listener.wait(2)[1].told["event_id"] == late["event_id"]
    assert bank.post("release") == {"released": 0}


def test_a_callback_late_by_seconds_comes_by_itself(bank, listener):
    """Told so many seconds, it is held that long and then sent without being released."""
    bank.subscribe(listener)
    started = time.monotonic()
    bank.pay(faults=["callback_late"], late_seconds=1)
    assert bank.counts()["held"] == 1
    listener.wait(1)
    assert time.monotonic() - started >= 1
    until(lambda: bank.counts()["delivered"] == 1)


def test_a_callback_released_before_its_time_comes_once(bank, listener):
    """Released early, the message is not sent again when its seconds are over."""
    bank.subscribe(listener)
    bank.pay(faults=["callback_late"], late_seconds=1)
    bank.post("release")
    until(lambda: bank.counts()["delivered"] == 1)
    time.sleep(1.2)
    assert len(listener.received) == 1


def test_a_callback_out_of_order_comes_after_the_next_one(bank, listener):
    """The first payment's message arrives second; a payment whose message is lost counts not."""
    bank.subscribe(listener)
    first = bank.pay(faults=["callback_out_of_order"])
    bank.pay(faults=["callback_lost"])
    assert bank.counts()["held"] == 1
    second = bank.pay()
    order = [message.told["event_id"] for message in listener.wait(2)]
    assert order == [second["event_id"], first["event_id"]]
    until(lambda: bank.counts()["delivered"] == 2)


def test_a_callback_out_of_order_can_be_released_too(bank, listener):
    """Where no other payment comes, releasing sends it, and then no payment sends it again."""
    bank.subscribe(listener)
    bank.pay(faults=["callback_out_of_order"])
    bank.post("release")
    listener.wait(1)
    bank.pay()
    until(lambda: bank.counts()["delivered"] == 2)
    assert len(listener.received) == 2


def test_a_doubled_callback_comes_twice_with_one_identity(bank, listener):
    """Both copies are the same bytes; the money is booked once."""
    bank.subscribe(listener)
    bank.pay(faults=["callback_doubled"], at=AT)
    received = listener.wait(2)
    until(lambda: bank.counts()["delivered"] == 2)
    assert received[0].body == received[1].body
    assert len(lines(bank)) == 1


def test_a_stale_callback_is_signed_an_hour_ago(bank, listener):
    """The signature is good for its timestamp, but the timestamp is an hour old, at every try."""
    bank.subscribe(listener)
    listener.answers = [401]
    bank.pay(faults=["stale_timestamp"])
    for message in listener.wait(2):
        timestamp = message.headers[practice.TIMESTAMP]
        assert abs(int(timestamp) - (time.time() - 3600)) < 10
        expected = practice.signature(message.body, secret=SECRET, timestamp=timestamp)
        assert message.headers[practice.SIGNATURE] == expected


@pytest.mark.parametrize("protocol", ["sandbox", "sepay", "sepay_key", "payos"])
def test_a_forged_callback_does_not_verify(bank, listener, protocol):
    """The same message with a good and with a forged proof differs in the proof alone."""
    bank.subscribe(listener, protocol)
    good = bank.pay(via="plain", at=AT)
    [genuine] = listener.wait(1)
    bank.pay(via="plain", at=AT, faults=["bad_signature"])
    forged = listener.wait(2)[1]
    proofs = {
        "sandbox": "X-Sandbox-Signature",
        "sepay": "X-SePay-Signature",
        "sepay_key": "Authorization",
    }
    if protocol == "payos":
        assert forged.told["signature"] != genuine.told["signature"]
        assert len(forged.told["signature"]) == 64
    else:
        name = proofs[protocol]
        assert forged.headers[name] != genuine.headers[name]
    if protocol == "sandbox":
        timestamp = forged.headers[practice.TIMESTAMP]
        expected = practice.signature(forged.body, secret=SECRET, timestamp=timestamp)
        assert forged.headers[practice.SIGNATURE] != expected
    assert good["amount"] == 150000


def test_a_wrong_amount_is_really_paid(bank, listener):
    """Message and statement agree on an amount that is not the one asked for."""
    bank.subscribe(listener)
    paid = bank.pay(faults=["wrong_amount"], at=AT)
    [message] = listener.wait(1)
    assert paid["amount"] == message.told["amount"] != 150000
    assert [amount for _, amount, _ in lines(bank)] == [paid["amount"]]


@pytest.mark.parametrize("amount", [1, 2, 999, 1000, 1001, 15000, 499_999_999])
def test_another_amount_is_positive_and_another(amount):
    """Whatever the amount, the wrong one differs from it and is above zero."""
    others = {another_amount(amount, chance=Random(seed)) for seed in range(50)}
    assert amount not in others
    assert min(others) > 0


def test_a_wrong_account_gets_the_money(bank, listener):
    """The credit, its message and its line are all on the bank's other account."""
    bank.subscribe(listener)
    paid = bank.pay(faults=["wrong_account"], at=AT)
    [message] = listener.wait(1)
    assert paid["account"] == message.told["account"] == ACB["number"]
    assert lines(bank) == []
    assert len(lines(bank, ACB["number"])) == 1
    assert bank.balance() == VCB["opening_balance"]


def test_a_wrong_account_needs_a_second_account(an_empty_bank):
    """A bank with one account can't pay into another by mistake; nothing moves."""
    an_empty_bank.post("accounts", **VCB)
    assert refused(an_empty_bank, faults=["wrong_account"]) == (409, "no_other_account")
    assert an_empty_bank.balance() == VCB["opening_balance"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("memo_cut", Kind.CUT), ("memo_split", Kind.FULL), ("memo_damaged", Kind.DAMAGED)],
)
def test_a_mishandled_memo_is_the_same_in_message_and_statement(bank, listener, fault, kind):
    """What reaches the subscriber also stands on the statement, and reads as it should."""
    bank.subscribe(listener)
    for _ in range(10):
        bank.pay(faults=[fault], at=AT)
    memos = {message.told["memo"] for message in listener.wait(10)}
    assert memos == {memo for _, _, memo in lines(bank)}
    assert {one.kind for memo in memos for one in find(memo)} == {kind}
    assert CODE not in "".join(memos)


def test_a_missing_memo_leaves_no_code(bank, listener):
    """The payer's app writes the payer's name, as it does for a payer who writes nothing."""
    bank.subscribe(listener)
    forgotten = bank.pay(faults=["memo_missing"], via="plain")
    empty = bank.pay(memo="", via="plain")
    for paid in (forgotten, empty):
        assert paid["memo_as_booked"] == f"{paid['payer_name']} chuyen tien"
        assert find(paid["memo_as_booked"]) == []


def test_a_missing_line_is_told_and_never_booked(bank, listener):
    """The subscriber hears of money that is on no statement and in no balance."""
    bank.subscribe(listener)
    paid = bank.pay(faults=["missing_statement_line"], at=AT)
    [message] = listener.wait(1)
    assert message.told["amount"] == 150000
    assert lines(bank) == []
    assert bank.balance() == paid["balance"] == VCB["opening_balance"]


def test_an_amount_that_differs_is_told_but_not_booked(bank, listener):
    """The message tells one amount, the statement another; both are in the bank's answer."""
    bank.subscribe(listener)
    paid = bank.pay(faults=["callback_amount_differs"], at=AT)
    [message] = listener.wait(1)
    assert message.told["amount"] == paid["told_amount"] != paid["amount"] == 150000
    assert [amount for _, amount, _ in lines(bank)] == [150000]


def test_an_extra_line_is_only_on_the_statement(bank):
    """A line nobody told stands among the others, either way, with its own text."""
    bank.post("extra-line", account=VCB["number"], amount=50000, text="nộp lệ phí", at=AT)
    bank.post("extra-line", account=VCB["number"], amount=20000, direction="debit", at=AT)
    assert lines(bank) == [("+", 50000, "nop le phi"), ("-", 20000, "CHUYEN TIEN")]


def test_a_credit_is_taken_back_once(bank):
    """A second reversal, a reversal of a debit or of what was never booked is refused."""
    paid = bank.pay(at=AT)
    unseen = bank.pay(faults=["missing_statement_line"])
    reversal = bank.post("reverse", movement=paid["id"], at=AT)
    for number in (paid["id"], reversal["id"], unseen["id"]):
        answer = bank.client.post("/api/reverse", json={"movement": number})
        assert (answer.status_code, answer.get_json()["code"]) == (409, "not_reversible")
    assert bank.client.post("/api/reverse", json={"movement": 99}).status_code == 404
    assert [sign for sign, _, _ in lines(bank)] == ["+", "-"]
    assert paid["bank_reference"] in lines(bank)[1][2]


@pytest.mark.parametrize(
    "names",
    [
        ["callback_lost", "callback_late"],
        ["callback_late", "callback_out_of_order"],
        ["memo_cut", "memo_missing"],
        ["stale_timestamp", "bad_signature"],
        ["callback_lost", "callback_doubled"],
        ["callback_lost", "missing_statement_line"],
    ],
)
def test_contradictory_faults_are_refused(bank, names):
    """Two faults that can't both happen to one payment are refused, and nothing moves."""
    assert refused(bank, faults=names) == (422, "contradictory_faults")
    assert bank.balance() == VCB["opening_balance"]


def test_an_unknown_fault_is_refused(bank):
    """A fault's name must be one the bank knows."""
    assert refused(bank, faults=["fire"]) == (422, "unknown_fault")


def test_faults_that_agree_happen_together(bank, listener):
    """A callback can be doubled, late, on a wrong amount and with a cut code, all at once."""
    bank.subscribe(listener)
    faults = ["callback_doubled", "callback_late", "wrong_amount", "memo_cut"]
    paid = bank.pay(faults=faults)
    assert bank.counts()["held"] == 2
    assert bank.post("release") == {"released": 2}
    told = [message.told for message in listener.wait(2)]
    assert told[0] == told[1]
    assert told[0]["amount"] == paid["amount"] != 150000


def test_every_fault_can_be_asked_for(bank):
    """Each fault alone is a payment the bank carries out."""
    for fault in Fault:
        assert bank.pay(faults=[fault.value])["faults"] == [fault.value]
