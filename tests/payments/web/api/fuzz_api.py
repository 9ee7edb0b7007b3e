"""Thousands of made-up calls to the API, from its own description: `make fuzz-api`.

Schemathesis makes calls that follow the description and calls that break it. Whatever comes in,
the answer is no 5xx and is one that the description promises. A third of the calls follow it and
name a request, an agency and a fee that exist, so that they get behind the first check.

Not collected with the tests: `CASHLESS_FUZZ_CASES` says how many calls are made (default 5,000).
"""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import hypothesis
import schemathesis
from flask import Flask
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from payments.core.service import Service
from payments.web.api import OPENAPI
from tests.receipts import receipted

CASES: Final = int(os.environ.get("CASHLESS_FUZZ_CASES", "5000"))
FOLLOWING: Final = schemathesis.GenerationMode.POSITIVE
BREAKING: Final = schemathesis.GenerationMode.NEGATIVE
MANNERS: Final = ((FOLLOWING, True), (FOLLOWING, False), (BREAKING, False))
"""How the calls are made up, and whether they name what exists."""
EXISTING: Final = {"agency": "H09", "replaces": None}
TAKEN: Final = {"agency": "H09", "request": None, "channel": "counter", "dossier": "D-1"}
MOST_ROUNDS: Final = 8
"""An operation without arguments is called once a round, however large its share."""
PRICED: Final = {"fee": "CERT", "amount": None, "quantity": 1, "reduction": "student"}
KNOWN: Final = {"bin": "970422"}
PROMISES_TOO_MUCH: Final = [positive_data_acceptance]
"""A call may follow the description and still name a fee that does not exist: 422 is right."""

_keys = itertools.count(1)


def test_no_call_is_answered_by_a_fault_or_against_the_description(
    app: Flask, service: Service, portal: Any, payers: Any
) -> None:
    """Each operation gets its share of calls; all that went wrong is told together."""
    paid = portal.issue(lines=[{"fee": "PHI", "amount": 50_000}])["reference"]
    (receipt,) = service.database.write(lambda session: receipted(session, paid))
    unpaid, overpaid = (portal.issue()["reference"] for _ in range(2))
    payers.pay(overpaid, 1_000_000, payer="9704229200112233")
    payers.stand_on_a_statement()
    taken = portal.post(
        "/cash-collections",
        json={"request": portal.issue()["reference"], "amount": 200_000, "reason": "refuses"},
        headers={"Idempotency-Key": "fedcba9876543211"},
    ).json["id"]
    named = {"reference": unpaid, "receipt_id": receipt.public_id, "name": "detail"}
    named["collection"] = taken
    operations = described(app)
    answers: Counter[int] = Counter()
    failures: list[BaseException] = []
    for _ in range(MOST_ROUNDS):
        share = math.ceil((CASES - answers.total()) / len(operations) / len(MANNERS))
        for operation, manner in itertools.product(operations if share > 0 else [], MANNERS):
            named["reference"] = overpaid if operation.path.endswith("/refunds") else unpaid
            try:
                calling(operation, *manner, share, portal.key, named, answers)
            except (FailureGroup, AssertionError) as failure:
                failure.add_note(f"{operation.label}, {manner[0].value} data")
                failures.append(failure)
    told = ", ".join(f"{status}: {count}" for status, count in sorted(answers.items()))
    print(f"\n{answers.total()} calls to {len(operations)} operations; answers {told}")
    if failures:
        raise BaseExceptionGroup("what the API should not have answered", failures)
    assert answers.total() >= CASES
    assert {200, 201, 404, 422} <= answers.keys()


def described(app: Flask) -> list[Any]:
    """The operations of the API. Every one refuses a caller without a key, and is not asked again:

    the calls to come all have a key, which is not Schemathesis's to make up.
    """
    schema = schemathesis.openapi.from_wsgi(OPENAPI, app)
    for path, methods in schema.raw_schema["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict) and operation.pop("security", None):
                assert app.test_client().open(path, method=method).status_code == 401
    return [found.ok() for found in schema.get_all_operations()]


def calling(
    operation: Any,
    mode: schemathesis.GenerationMode,
    existing: bool,
    share: int,
    key: str,
    named: Mapping[str, str],
    answers: Counter[int],
) -> None:
    """Makes `share` calls to one operation; raises the simplest that was answered wrongly."""
    authorization = {"Authorization": f"Bearer {key}"}

    @hypothesis.settings(
        max_examples=share,
        deadline=None,
        database=None,
        verbosity=hypothesis.Verbosity.quiet,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(mode))
    def made_up(case: schemathesis.Case) -> None:
        if existing:
            name_what_exists(case, named)
        answer = case.call(headers=authorization)
        answers[answer.status_code] += 1
        case.validate_response(answer, excluded_checks=PROMISES_TOO_MUCH, headers=authorization)

    try:
        made_up()
    except hypothesis.errors.Unsatisfiable:
        assert mode is BREAKING, f"{operation.label} cannot be called"


def name_what_exists(case: schemathesis.Case, named: Mapping[str, str]) -> None:
    """Puts what is `named`, and agency, fee and bank of this province, where the call has one."""
    for name in set(case.path_parameters or {}) & set(named):
        case.path_parameters[name] = named[name]
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = f"key-{next(_keys):016}"
    if isinstance(case.body, Mapping) and isinstance(case.body.get("to"), Mapping):
        case.body = {**case.body, "to": {**case.body["to"], **KNOWN}}
    elif isinstance(case.body, Mapping) and case.body.get("lines"):
        lines = [{**line, **PRICED} for line in case.body["lines"]]
        existing = TAKEN if "reason" in case.body else EXISTING
        case.body = {**case.body, **existing, "lines": lines}
        if "reason" in case.body:
            case.body["amount"] = 100_000 * len(lines)
