"""A practice bank with two accounts, somebody who listens, and codes to pay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.core.money import Dong
from payments.vietqr import encode
from sandbox.app import DESK, create_app
from sandbox.config import SandboxConfig
from sandbox.web.desk import Desk
from tests.sandbox.listening import Listener

VCB = {"bin": "970436", "number": "0011001234567", "name": "SO TU PHAP", "opening_balance": 1000000}
ACB = {"bin": "970416", "number": "20000001", "name": "UBND PHUONG A", "short_references": True}
CODE = "TTHC1234567894"
SECRET = "a secret for tests"


@dataclass
class PracticeBank:
    """The bank as a program sees it: over its control API."""

    app: Flask
    client: FlaskClient

    @property
    def desk(self) -> Desk:
        return self.app.extensions[DESK]

    def post(self, path: str, **told: Any) -> dict[str, Any]:
        answer = self.client.post(f"/api/{path}", json=told)
        assert answer.status_code in (200, 201), answer.get_json(force=True)
        return answer.get_json()

    def pay(self, **told: Any) -> dict[str, Any]:
        order = {"account": VCB["number"], "bin": VCB["bin"], "amount": 150000, "memo": CODE} | told
        return self.post("pay", **order)

    def subscribe(self, listener: Listener, protocol: str = "sandbox", **told: Any) -> int:
        who = {"accounts": [VCB["number"], ACB["number"]]} | told
        return self.post(
            "subscriptions", protocol=protocol, url=listener.url, secret=SECRET, **who
        )["id"]

    def counts(self) -> dict[str, int]:
        return self.client.get("/api/callbacks").get_json()["counts"]

    def balance(self, number: str = VCB["number"]) -> int:
        return self.client.get(f"/api/accounts/{number}").get_json()["balance"]

    def statement(self, day: str, layout: str, number: str = VCB["number"]) -> bytes:
        answer = self.client.get(f"/api/statements/{number}?day={day}&format={layout}")
        assert answer.status_code == 200, answer.text
        return answer.data


@pytest.fixture
def a_bank() -> Iterator[Callable[..., PracticeBank]]:
    """Makes practice banks without accounts, impatient in their retries unless told otherwise."""
    made = []

    def make(**settings: Any) -> PracticeBank:
        app = create_app(SandboxConfig(**{"retry_factor": 0.0002, "seed": 7} | settings))
        app.testing = True
        made.append(PracticeBank(app, app.test_client()))
        return made[-1]

    yield make
    for one in made:
        one.desk.courier.close()


@pytest.fixture
def an_empty_bank(a_bank: Callable[..., PracticeBank]) -> PracticeBank:
    """A practice bank without accounts."""
    return a_bank()


@pytest.fixture
def bank(an_empty_bank: PracticeBank) -> PracticeBank:
    """A practice bank with an account at Vietcombank and one at ACB."""
    an_empty_bank.post("accounts", **VCB)
    an_empty_bank.post("accounts", **ACB)
    return an_empty_bank


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Somebody who may be subscribed."""
    one = Listener()
    yield one
    one.close()


@pytest.fixture
def a_code() -> Callable[..., str]:
    """Makes VietQR texts for the account at Vietcombank."""

    def make(amount: int | None = 150000, memo: str | None = CODE, **told: str) -> str:
        whom = {"bin": VCB["bin"], "account": VCB["number"]} | told
        return encode(**whom, amount=None if amount is None else Dong(amount), memo=memo)

    return make
