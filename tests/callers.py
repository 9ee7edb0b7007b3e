"""Portals that call the API in tests, and what they ask for."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from payments import fees, portals
from payments.core.database import Database
from payments.core.money import Dong
from payments.core.service import Service
from payments.fees import FeeKind, ReductionKind
from payments.portals import Scope
from tests.bank import BankLine, a_statement, run
from tests.builders import BY, SINCE, a_message, settle, the_province

_numbers = itertools.count(1)


@dataclass
class Portal:
    """A portal that calls the API with its key."""

    id: int
    key: str
    client: FlaskClient = field(repr=False)

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """The answer to one call below `/api/v1`."""
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.call("POST", path, **options)

    def put(self, path: str, **options: Any) -> TestResponse:
        return self.call("PUT", path, **options)

    def try_to_issue(self, *, key: str | None = None, **told: Any) -> TestResponse:
        """Asks for a request; `told` changes the usual order."""
        headers = {"Idempotency-Key": key or f"key-{next(_numbers):016}"}
        body = json.dumps(an_order(**told))
        return self.post(
            "/payment-requests", data=body, content_type="application/json", headers=headers
        )

    def issue(self, **told: Any) -> dict[str, Any]:
        """A new request."""
        answer = self.try_to_issue(**told)
        assert answer.status_code == 201, answer.text
        return answer.json


@dataclass
class Payers:
    """Those who pay requests by transfer, at the bank of the only account."""

    database: Database = field(repr=False)

    def pay(self, reference: str, amount: int, *, payer: str, at: datetime | None = None) -> None:
        """A transfer that a message tells, settled."""

        def unit(session: Session) -> None:
            province = the_province(session)
            a_message(province, reference, amount=amount, payer=payer, at=at or datetime.now(UTC))
            settle(province, now=at or datetime.now(UTC))

        self.database.write(unit)

    def stand_on_a_statement(self) -> None:
        """Every transfer that was told stands on a statement now."""

        def unit(session: Session) -> None:
            province = the_province(session)
            told = [credit for credit in province.credits() if credit.match_id is None]
            lines = [BankLine(int(one.amount), one.memo, day=one.day) for one in told]
            before, days = province.balance("assets:bank"), sorted(one.day for one in told)
            several = {"day": days[0], "through": days[-1], "number": f"S{before}"}
            a_statement(province, *lines, opening=before, **several)
            run(province, days[-1])

        self.database.write(unit)


def an_order(**told: Any) -> dict[str, Any]:
    """What a portal asks for: one certificate."""
    return {
        "agency": "H09",
        "dossier": "000.00.12.H09-261124-0001",
        "channel": "online",
        "lines": [{"fee": "CERT"}],
        **told,
    }


def a_portal(service: Service, client: FlaskClient, name: str, *scopes: Scope) -> Portal:
    """A portal with a key for `scopes`, for everything if none is named."""
    now = datetime.now(UTC)

    def unit(session: Session) -> tuple[int, str]:
        added = portals.add(session, name, by=BY, now=now)
        made = portals.new_key(session, added.id, scopes=scopes or list(Scope), by=BY, now=now)
        return added.id, made.text

    number, key = service.database.write(unit)
    return Portal(number, key, client)


def a_priced_fee(session: Session) -> None:
    """A certificate for 200.000 đồng, 100.000 for students, nothing for the poor; unverified."""
    described = fees.Described(
        code="CERT",
        name="Cấp giấy chứng nhận mẫu",
        name_en="Sample certificate",
        kind=FeeKind.LE_PHI,
        unit="bản",
        sub_item="2716",
        collected_by="Sở mẫu",
        legal_basis="mẫu",
        variable=False,
        verified=False,
        confidence="1 source",
        source="test",
    )
    dated = {"valid_from": SINCE, "valid_to": None, "verified": False}
    price = fees.Price(
        channel=fees.ANY_CHANNEL,
        from_quantity=1,
        unit_amount=Dong(200_000),
        at_most=None,
        basis="mẫu",
        **dated,
    )
    reductions = [
        fees.Reduction(
            code=code, name=code, name_en=None, kind=ReductionKind(kind), value=value, **dated
        )
        for code, kind, value in (("student", "amount", 100_000), ("poor", "exempt", None))
    ]
    fees.put(session, described, prices=[price], reductions=reductions, on=SINCE)


def refused(answer: TestResponse) -> tuple[int, str, list[tuple[str, str]]]:
    """A problem's status, code, and what was wrong where."""
    assert answer.mimetype == "application/problem+json", answer.text
    told = answer.json
    assert told["status"] == answer.status_code
    assert told["request_id"] == answer.headers["X-Request-Id"]
    return told["status"], told["code"], [(one["pointer"], one["code"]) for one in told["errors"]]
