"""The statement service: a file for a day that is over, to whoever has the key; and its faults."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.clock import bank_day
from sandbox.statements import FORMATS
from sandbox.statements.service import StatementFault
from tests.sandbox.conftest import ACB, VCB

KEY = {"Authorization": "Bearer a-key"}


@pytest.fixture
def customer(bank):
    """The bank, a customer with a key, and a payment of yesterday."""
    bank.post("statement-keys", account=VCB["number"], key="a-key")
    bank.pay(at=f"{yesterday(bank)}T09:00:00+07:00")
    return bank


def yesterday(bank):
    return bank_day(bank.desk.clock.now()) - timedelta(days=1)


def fetch(bank, day=None, number=VCB["number"], headers=KEY, layout="camt053"):
    path = f"/api/accounts/{number}/statements/{day or yesterday(bank)}?format={layout}"
    return bank.client.get(path, headers=headers)


@pytest.mark.parametrize("layout", FORMATS)
def test_the_key_opens_the_file_of_a_day_that_is_over(customer, layout):
    """It is the very file that people download."""
    answer = fetch(customer, layout=layout)

    assert answer.status_code == 200
    if layout != "camt053":  # which tells when it was made
        assert answer.data == customer.statement(f"{yesterday(customer)}", layout)


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ({}, VCB["number"]),
        ({"Authorization": "Bearer another"}, VCB["number"]),
        ({"Authorization": "a-key"}, VCB["number"]),
        (KEY, ACB["number"]),
        (KEY, "nobody"),
    ],
)
def test_without_the_accounts_key_nothing_is_given(customer, headers, number):
    """No key, another's, another account's: 401."""
    answer = fetch(customer, headers=headers, number=number)

    assert (answer.status_code, answer.get_json(force=True)["code"]) == (401, "bad_statement_key")


def test_a_day_that_is_not_over_has_no_statement_yet(customer):
    """Today's is not there before midnight."""
    answer = fetch(customer, day=bank_day(customer.desk.clock.now()))

    assert (answer.status_code, answer.get_json(force=True)["code"]) == (404, "statement_not_ready")


def test_an_unreadable_day_or_format_is_named(customer):
    """Neither is guessed."""
    assert fetch(customer, day="2026-02-30").get_json(force=True)["code"] == "not_a_day"
    assert fetch(customer, layout="pdf").get_json(force=True)["code"] == "not_a_choice"


@pytest.mark.parametrize(
    ("fault", "status"), [("unavailable", 503), ("not_ready", 202), ("garbled", 200)]
)
def test_the_next_answers_go_wrong_as_often_as_asked(customer, fault, status):
    """And then no more."""
    customer.post("statement-faults", account=VCB["number"], fault=fault, times=2)
    whole = customer.statement(f"{yesterday(customer)}", "vcb_csv")

    answers = [fetch(customer, layout="vcb_csv") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert [answer.data == whole for answer in answers] == [False, False, True]


def test_a_cut_answer_promises_more_than_it_gives(customer):
    """Half the file, under the length of all of it."""
    whole = fetch(customer, layout="vcb_csv").data
    customer.post("statement-faults", account=VCB["number"], fault=StatementFault.CUT.value)

    answer = fetch(customer, layout="vcb_csv")

    assert answer.headers["Content-Length"] == str(len(whole))
    assert answer.data == whole[: len(whole) // 2]
