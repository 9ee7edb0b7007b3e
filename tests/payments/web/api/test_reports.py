"""`/reports`: what a portal's own requests received, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from payments import connections
from payments.agencies import CollectionAccount
from payments.core.service import Service
from payments.payment_requests import by_reference
from payments.portals import Scope
from reconciliation import reports
from tests.builders import NOON, Province, a_message, a_vault, settle
from tests.callers import Portal, a_portal, refused

DAYS = f"from={NOON.date()}&to={NOON.date() + timedelta(days=1)}"
CUTS = ("units", "banks", "findings", "summary", "times", "detail", "requests")


@pytest.fixture
def paid(portal: Portal, other: Portal, service: Service) -> list[str]:
    """Three requests of the portal and one of another's, all paid; and money nobody can name."""
    mine = [portal.issue(dossier=f"D{n}")["reference"] for n in range(3)]
    foreign = other.issue()["reference"]

    def unit(session: Session) -> None:
        account = session.query(CollectionAccount).one()
        intakes = {}
        for one in session.query(connections.Connection):
            intakes[one.name.split()[0]] = connections.intake(
                session, one.public_id, a_vault(), now=NOON
            )
        province = Province(session, account, portal, intakes)  # type: ignore[arg-type]
        for reference in [*mine, foreign]:
            owner = portal.id if reference in mine else other.id
            amount = int(by_reference(session, reference, portal_id=owner).amount)
            a_message(province, reference, amount=amount)
        a_message(province, "khong ma", amount=9_000)
        settle(province)

    service.database.write(unit)
    return mine


def test_a_portal_sees_its_own_requests_alone(portal: Portal, paid: list[str]) -> None:
    """By each cut the same amount; neither another's nor what nobody can name."""
    for name in ("units", "banks", "findings", "summary", "times"):
        told = portal.get(f"/reports/{name}?{DAYS}").json
        assert (told["total"]["amount"], told["total"]["credits"]) == (600_000, 3), name
    rows = portal.get(f"/reports/detail?{DAYS}").json["items"]
    assert [row["reference"] for row in rows] == paid


def test_rows_are_objects_with_codes(portal: Portal, paid: list[str]) -> None:
    """Amounts are whole numbers, days ISO, findings and statuses as everywhere in the API."""
    told = portal.get(f"/reports/summary?{DAYS}").json
    assert told["from"] == str(NOON.date())
    assert told["columns"][:3] == [
        {"name": "status", "kind": "text"},
        {"name": "finding", "kind": "text"},
        {"name": "credits", "kind": "count"},
    ]
    (row,) = told["items"]
    assert (row["status"], row["finding"], row["le_phi"]) == ("paid", "exact", 600_000)
    assert row.keys() == {column["name"] for column in told["columns"]}


def test_a_list_is_told_page_by_page(portal: Portal, paid: list[str]) -> None:
    """Each credit once; the total of a list is added up by whoever reads it."""
    seen, cursor = [], ""
    for _ in paid:
        told = portal.get(f"/reports/detail?{DAYS}&limit=1{cursor}").json
        assert told["total"] is None
        seen += [row["reference"] for row in told["items"]]
        cursor = f"&cursor={told['next']}"
    assert (seen, told["next"]) == (paid, None)


@pytest.mark.parametrize("name", CUTS)
def test_csv_has_the_same_rows(portal: Portal, paid: list[str], name: str) -> None:
    """Under the names of columns, with codes; unchanged, it is not sent again."""
    answer = portal.get(f"/reports/{name}.csv?{DAYS}", buffered=True)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    items = portal.get(f"/reports/{name}?{DAYS}").json["items"]
    counted = [
        {key: str(value) for key, value in item.items() if isinstance(value, int)} for item in items
    ]
    assert [{key: row[key] for key in one} for row, one in zip(rows, counted, strict=True)] == (
        counted
    )
    tag = {"If-None-Match": answer.headers["ETag"]}
    again = portal.get(f"/reports/{name}.csv?{DAYS}", headers=tag, buffered=True)
    assert again.status_code == 304
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_without_a_period_it_is_the_present_month(portal: Portal) -> None:
    """From its first day to today."""
    told = portal.get("/reports/times").json
    assert told["from"][8:] == "01"
    assert told["items"] == []


@pytest.mark.parametrize(
    "name", [name for name in (*reports.REPORTS, "x", "UNITS") if name not in CUTS]
)
def test_what_is_the_treasurys_is_no_portals(portal: Portal, name: str) -> None:
    """Ledger, fees, breaks and open money are shown in the console."""
    for form in ("", ".csv"):
        assert refused(portal.get(f"/reports/{name}{form}"))[:2] == (404, "unknown_report")


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("from=2026-11-25&to=2026-11-24", "query:from", "period_reversed"),
        ("from=2026-02-30", "query:from", "wrong_format"),
        ("basis=guess", "query:basis", "unknown_choice"),
        ("by=week", "query:by", "unknown_choice"),
        ("limit=0", "query:limit", "limit_out_of_range"),
        ("cursor=abc", "query:cursor", "unreadable_cursor"),
        ("cursor=djF8MXwyMDI2LTExLTI0fDE%3D", "query:cursor", "unreadable_cursor"),
        ("form=2026-11-24", "query:form", "unknown_field"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(
    portal: Portal, query: str, pointer: str, code: str
) -> None:
    """Rather than answered with everything."""
    status, told, errors = refused(portal.get(f"/reports/detail?{query}"))
    assert status == 422
    assert errors == [(pointer, code)] or told == code


def test_a_key_needs_the_scope(service: Service, client: FlaskClient) -> None:
    """`reports:read`, and nothing else will do."""
    others = [scope for scope in Scope if scope is not Scope.REPORTS_READ]
    nosy = a_portal(service, client, "nosy", *others)
    assert refused(nosy.get("/reports/units"))[:2] == (403, "scope_missing")
    good = a_portal(service, client, "good", Scope.REPORTS_READ)
    assert good.get("/reports/units").status_code == 200


def test_without_the_other_half_there_is_no_report(app: Flask, portal: Portal) -> None:
    """The API says so, and fails nowhere."""
    del app.extensions["reports"]
    assert refused(portal.get("/reports/units"))[:2] == (404, "not_found")
