"""What anybody may open: one list. Whatever else there is belongs to a role or to a key.

With the table of roles (test_console_roles.py) and that of scopes (api/test_callers.py) every
address of the service is in exactly one place; one that is in none fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from payments.core.database import Database
from payments.staff import Role
from payments.web.auth import Opening
from tests.builders import NOON
from tests.console import SignIn, employ, whole_app
from tests.reconciliation.test_console_roles import matrix

pytestmark = pytest.mark.committed

OPEN = """
    callbacks      callback
    citizen        account claim claim_state make_claim name_account pay qr_png qr_svg receipt
    citizen        slashed slip_pdf state
    docs           api errors
    open_data      as_csv as_json dictionary index
    openapi        openapi
    ops            healthz page readyz
    provider       back begin prove
    public_tariff  everything page prices reductions
    start          page
    sign_in        code enter form give_code home leave
    verify         certificates check form paper
"""
"""Banks by their signature, payers by their token, monitors from within, and the public."""

ASKS_WHO = {"provider.prove", "sign_in.code", "sign_in.give_code", "sign_in.home", "sign_in.leave"}
"""Of those, what may ask a stranger who they are."""


def listed() -> set[str]:
    """The names in the list."""
    rows = [line.split() for line in OPEN.strip().splitlines()]
    return {"static", *(f"{part}.{name}" for part, *names in rows for name in names)}


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, with a provider that nobody asks, and people of every role."""

    def unit(session: Session) -> None:
        employ(session, *Role)

    database.write(unit)
    asked = ("http://127.0.0.1:9", "client", "secret")
    with whole_app(database_url, NOON, oidc=asked) as whole:
        yield whole


def test_every_address_is_a_roles_a_keys_or_everybodys(app: Flask) -> None:
    """Never two of it, and never none."""
    staff, keys, anyone = set(), set(), set()
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions[rule.endpoint]
        if isinstance(getattr(view, "staff_only", None), Opening):
            staff.add(rule.endpoint)
        elif rule.rule.startswith("/api/v1/") and rule.endpoint != "openapi.openapi":
            keys.add(rule.endpoint)
        else:
            anyone.add(rule.endpoint)
    assert staff == matrix().keys()
    assert len(keys) > 20
    assert anyone == listed()


def test_what_is_everybodys_is_so_for_every_role(app: Flask, sign_in: SignIn) -> None:
    """Nobody is refused for their role, and nothing is answered to a role that others don't get."""
    people: dict[str, FlaskClient] = {role.value: sign_in(role).client for role in Role}
    people["stranger"] = app.test_client()
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint == "sign_in.leave"):
        if rule.endpoint not in listed() - {"static", "provider.begin"}:
            continue
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            told = {who: answered(client, method, rule) for who, client in people.items()}
            strangers = told.pop("stranger")
            assert strangers[1] != "not_signed_in" or rule.endpoint in ASKS_WHO, rule.endpoint
            assert len(set(told.values())) == 1, (rule.endpoint, told)
            assert all(code != "not_your_role" for _, code in told.values()), rule.endpoint
            if rule.endpoint.partition(".")[0] != "sign_in" and rule.endpoint not in ASKS_WHO:
                assert {*told.values()} == {strangers}, (rule.endpoint, told, strangers)


def answered(client: FlaskClient, method: str, rule: Rule) -> tuple[int, str | None]:
    """The status, and the code where it is refused."""
    told = {"form": "pdf", "filename": "none.css"}
    made = rule.build({name: told.get(name, "none") for name in rule.arguments})
    assert made is not None
    with client.open(made[1], method=method, headers={"Accept": "application/json"}) as answer:
        assert answer.status_code != 500, rule.endpoint
        return answer.status_code, answer.json.get("code") if answer.is_json else None
