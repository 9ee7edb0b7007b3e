"""The control API: what it accepts, and how it says no."""

from __future__ import annotations

import json
from random import Random

import pytest

from sandbox.protocols import PROTOCOLS
from tests.sandbox.conftest import ACB, CODE, VCB

ORDER = {"account": VCB["number"], "bin": VCB["bin"], "amount": 150000, "memo": CODE}
LINE = {"account": VCB["number"], "amount": 1000}
SUBSCRIPTION = {
    "account": VCB["number"],
    "protocol": "sandbox",
    "url": "http://127.0.0.1:1/",
    "secret": "s",
}
MISSING = object()


def send(bank, path, told, **headers):
    return bank.client.post(f"/api/{path}", json=told, headers=headers)


def test_an_account_is_opened_once(bank):
    """The same account again is no error; with other particulars it is one."""
    assert send(bank, "accounts", VCB).status_code == 201
    other = send(bank, "accounts", VCB | {"opening_balance": 2})
    assert (other.status_code, other.get_json()["code"]) == (409, "account_exists")
    listed = bank.client.get("/api/accounts").get_json()["items"]
    assert [one["number"] for one in listed] == [VCB["number"], ACB["number"]]


def test_a_code_is_paid_as_it_says(bank, a_code):
    """Paying a VietQR text credits its account with its amount under its memo."""
    paid = bank.post("pay", qr=f"  {a_code()}\n", via="plain")
    assert (paid["amount"], paid["memo_as_booked"]) == (150000, CODE)
    assert bank.balance() == 1_150_000


def test_a_payer_may_change_amount_memo_name_and_time(bank, a_code):
    """What is told beside the code takes the place of what it says."""
    paid = bank.post(
        "pay",
        qr=a_code(),
        amount=1000,
        memo="khac",
        payer={"name": "Trần Thị Bé", "account": "123"},
        via="plain",
        at="2026-11-24T23:30:00Z",
    )
    assert (paid["amount"], paid["memo_as_booked"]) == (1000, "khac")
    assert (paid["payer_name"], paid["payer_account"]) == ("TRAN THI BE", "123")
    assert paid["booked_at"] == "2026-11-25T06:30:00+07:00"


def test_a_code_without_an_amount_needs_one(bank, a_code):
    """A static code is paid with the amount the payer says, and not without."""
    refused = send(bank, "pay", {"qr": a_code(None)})
    assert (refused.status_code, refused.get_json()["code"]) == (422, "missing_amount")
    assert bank.post("pay", qr=a_code(None), amount=5000)["amount"] == 5000


def test_one_seed_draws_one_day(a_bank):
    """Two banks with the same seed draw the same payers and the same ways of sending."""
    drawn = []
    for _ in range(2):
        bank = a_bank(seed=42)
        bank.post("accounts", **VCB)
        paid = [bank.pay(at="2026-11-24T09:00:00+07:00") for _ in range(20)]
        drawn.append([(one["payer_name"], one["memo_as_booked"]) for one in paid])
    assert drawn[0] == drawn[1]
    assert len({name for name, _ in drawn[0]}) > 10


@pytest.mark.parametrize(
    ("path", "base", "change", "code"),
    [
        ("accounts", VCB, {"bin": "97043"}, "not_a_bin"),
        ("accounts", VCB, {"bin": 970436}, "not_a_text"),
        ("accounts", VCB, {"number": "00-11"}, "not_an_account_number"),
        ("accounts", VCB, {"number": "1" * 20}, "not_an_account_number"),
        ("accounts", VCB, {"name": "   "}, "not_a_text"),
        ("accounts", VCB, {"name": "A\x00B"}, "not_a_text"),
        ("accounts", VCB, {"opening_balance": -1}, "not_an_amount"),
        ("accounts", VCB, {"short_references": "yes"}, "not_a_truth"),
        ("accounts", VCB, {"colour": "red"}, "unknown_field"),
        ("pay", ORDER, {"amount": 0}, "not_an_amount"),
        ("pay", ORDER, {"amount": -5}, "not_an_amount"),
        ("pay", ORDER, {"amount": 1.5}, "not_an_amount"),
        ("pay", ORDER, {"amount": True}, "not_an_amount"),
        ("pay", ORDER, {"amount": 10**13}, "not_an_amount"),
        ("pay", ORDER, {"amount": "1e3"}, "not_an_amount"),
        ("pay", ORDER, {"amount": MISSING}, "missing_field"),
        ("pay", ORDER, {"bin": MISSING}, "missing_field"),
        ("pay", ORDER, {"bin": "970415"}, "unknown_account"),
        ("pay", ORDER, {"account": "999"}, "unknown_account"),
        ("pay", ORDER, {"account": MISSING}, "either_qr_or_account"),
        ("pay", ORDER, {"qr": "000201"}, "either_qr_or_account"),
        ("pay", ORDER, {"memo": "x" * 141}, "not_a_text"),
        ("pay", ORDER, {"memo": "a\nb"}, "not_a_text"),
        ("pay", ORDER, {"memo": "\ud800"}, "not_a_text"),
        ("pay", ORDER, {"at": "2026-11-24T09:00:00"}, "not_an_instant"),
        ("pay", ORDER, {"at": "2026-02-30T09:00:00Z"}, "not_an_instant"),
        ("pay", ORDER, {"at": "9999-01-01T09:00:00Z"}, "not_an_instant"),
        ("pay", ORDER, {"at": 1795489200}, "not_a_text"),
        ("pay", ORDER, {"via": "pigeon"}, "not_a_choice"),
        ("pay", ORDER, {"faults": "memo_cut"}, "not_a_list"),
        ("pay", ORDER, {"faults": [1]}, "not_a_list"),
        ("pay", ORDER, {"faults": ["x"] * 101}, "not_a_list"),
        ("pay", ORDER, {"late_seconds": -1}, "not_an_amount"),
        ("pay", ORDER, {"payer": "Nam"}, "not_an_object"),
        ("pay", ORDER, {"payer": {"name": "Nam"}}, "missing_field"),
        ("pay", ORDER, {"payer": {"name": "阮", "account": "1"}}, "not_a_text"),
        ("pay", ORDER, {"payer": {"name": "A", "account": "1", "age": 3}}, "unknown_field"),
        ("subscriptions", SUBSCRIPTION, {"protocol": "swift"}, "not_a_choice"),
        ("subscriptions", SUBSCRIPTION, {"url": "ftp://x/"}, "not_an_address"),
        ("subscriptions", SUBSCRIPTION, {"url": "http://"}, "not_an_address"),
        ("subscriptions", SUBSCRIPTION, {"url": "http://x:99999/"}, "not_an_address"),
        ("subscriptions", SUBSCRIPTION, {"url": "http://[::1"}, "not_an_address"),
        ("subscriptions", SUBSCRIPTION, {"secret": ""}, "not_a_text"),
        ("subscriptions", SUBSCRIPTION, {"account": "999"}, "unknown_account"),
        ("subscriptions", SUBSCRIPTION, {"accounts": ["999"]}, "unknown_account"),
        ("charge", LINE, {"amount": "nhiều"}, "not_an_amount"),
        ("interest", LINE, {"account": MISSING}, "missing_field"),
        ("extra-line", LINE, {"direction": "up"}, "not_a_choice"),
        ("reverse", {"movement": 1}, {}, "unknown_movement"),
        ("reverse", {"movement": "x"}, {}, "not_an_amount"),
        ("release", {"movement": 5}, {}, "unknown_movement"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_changes(bank, path, base, change, code):
    """Each refusal has its code, says why in words, and leaves the bank as it was."""
    told = {name: value for name, value in (base | change).items() if value is not MISSING}
    answer = send(bank, path, told)
    problem = answer.get_json()
    assert answer.status_code in (404, 409, 422)
    assert answer.mimetype == "application/problem+json"
    assert problem["code"] == code
    assert problem["detail"]
    assert problem["errors"][0]["pointer"].startswith("/")
    assert bank.balance() == VCB["opening_balance"]
    assert len(bank.client.get("/api/accounts").get_json()["items"]) == 2
    assert bank.client.get("/api/subscriptions").get_json()["items"] == []


def test_a_field_inside_an_object_is_pointed_at(bank):
    """The pointer leads into the object in which the field stands."""
    problem = send(bank, "pay", ORDER | {"payer": {"name": "A"}}).get_json()
    assert problem["errors"][0]["pointer"] == "/payer/account"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"1", b"null", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"[" * 100_000],
)
def test_a_body_that_is_no_json_object_is_refused(bank, body):
    """Cut, nested without end, doubled names, not UTF-8: a clear 400 or 413."""
    answer = bank.client.post("/api/pay", data=body, content_type="application/json")
    assert answer.status_code in (400, 413)
    assert answer.get_json()["code"] in ("not_json", "too_large")


def test_a_call_must_say_that_it_is_json(bank):
    """A form of another site can't send JSON, so nothing else is taken."""
    body = json.dumps(ORDER)
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        answer = bank.client.post("/api/pay", data=body, content_type=kind)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "not_json_type")


def test_the_bank_answers_only_to_its_own_name(bank):
    """A request under another host's name is refused, whatever it asks for."""
    for path in ("/", "/api/accounts"):
        answer = bank.client.get(path, headers={"Host": "evil.example"})
        assert answer.status_code == 400
    good = bank.client.get("/api/accounts", headers={"Host": "127.0.0.1:8100"})
    assert good.status_code == 200


def test_refusals_speak_the_callers_language(bank):
    """Vietnamese, unless the caller prefers English."""
    vietnamese = send(bank, "pay", ORDER | {"amount": 0}).get_json()["detail"]
    english = send(bank, "pay", ORDER | {"amount": 0}, **{"Accept-Language": "en-GB"}).get_json()
    assert vietnamese.startswith("Phải là số nguyên")
    assert english["detail"].startswith("It must be a whole number")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("accounts/999", 404),
        ("movements/7", 404),
        ("movements?account=999", 404),
        ("movements", 422),
        ("movements?account=0011001234567&day=yesterday", 422),
        ("callbacks?state=happy", 422),
        ("callbacks?limit=0", 422),
        ("callbacks?limit=99999", 422),
        ("callbacks?page=2", 422),
        ("statements/0011001234567", 422),
        ("statements/0011001234567?day=2026-13-01&format=camt053", 422),
        ("statements/0011001234567?day=20261124&format=camt053", 422),
        ("statements/0011001234567?day=2026-11-24&format=pdf", 422),
        ("statements/999?day=2026-11-24&format=camt053", 404),
        ("nothing", 404),
        ("pay", 405),
    ],
)
def test_a_question_that_makes_no_sense_gets_a_problem(bank, path, status):
    """Wrong addresses, days, formats and filters: a problem in JSON, never a page or a crash."""
    answer = bank.client.get(f"/api/{path}")
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["detail"]


def test_the_secret_is_never_shown(bank):
    """Neither the answer nor the list of subscriptions repeats the secret."""
    secret = "tell nobody"
    made = send(bank, "subscriptions", SUBSCRIPTION | {"secret": secret})
    listed = bank.client.get("/api/subscriptions")
    assert secret not in made.text + listed.text
    assert secret not in repr(bank.desk.courier.subscriptions())


def test_no_noise_breaks_the_api(bank):
    """A thousand random bodies get an answer below 500 each."""
    chance = Random(11)
    odd = [None, True, -1, 1.5, 10**20, "", "x", "0011001234567", [], ["memo_cut"], {}, {"a": 1}]
    names = "qr account bin amount memo at via faults payer late_seconds movement text".split()
    paths = ["pay", "reverse", "charge", "extra-line", "release", "accounts", "subscriptions"]
    for _ in range(1000):
        told = {name: chance.choice(odd) for name in chance.sample(names, chance.randint(0, 6))}
        base = chance.choice([{}, ORDER, LINE, SUBSCRIPTION])
        assert send(bank, chance.choice(paths), base | told).status_code < 500


def test_every_protocol_can_be_subscribed_to(bank):
    """Each protocol the bank speaks is one a subscriber may ask for."""
    for name in PROTOCOLS:
        assert send(bank, "subscriptions", SUBSCRIPTION | {"protocol": name}).status_code == 201
