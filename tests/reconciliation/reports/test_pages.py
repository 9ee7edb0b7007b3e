"""`/console/reports`: each report with its question in the address, its files, the day's record."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import product

import openpyxl
import pytest
from flask import Flask
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.core.words import say
from payments.staff import Role
from reconciliation import reports
from reconciliation.reports import Takes
from reconciliation.web.console import reports as pages
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import NOON, a_message, a_payment_request, a_province, paid, settle
from tests.console import Person, employ, signing_in, whole_app

pytestmark = pytest.mark.committed

DAYS = f"from={TODAY}&to={TODAY}"


@pytest.fixture
def public_id(database: Database) -> str:
    """A province with a day that was run, and people; the public id of its account."""

    def unit(session: Session) -> str:
        province = a_province(session)
        request = a_payment_request(province, le_phi=20_000)
        paid(province, request)
        a_message(province, '<b>=HYPERLINK("x")</b>', amount=7_000)
        settle(province)
        a_statement(province, BankLine(50_000, request.reference))
        run(province)
        employ(session, Role.VIEWER, Role.ADMINISTRATOR)
        return province.account.public_id

    return database.write(unit)


@pytest.fixture
def app(public_id: str, database_url: str) -> Iterator[Flask]:
    """The whole application."""
    with whole_app(database_url, NOON) as whole:
        yield whole


@pytest.fixture
def viewer(app: Flask) -> Person:
    """Somebody who may see figures."""
    return signing_in(app)(Role.VIEWER)


def test_every_report_is_listed_and_shown(viewer: Person) -> None:
    """With its headings in the reader's language and links to its files."""
    listed = viewer.see("/console/reports")
    for name, report in reports.REPORTS.items():
        assert f"/console/reports/{name}" in listed
        page = viewer.see(f"/console/reports/{name}?{DAYS}")
        assert f"/console/reports/{name}.xlsx?" in page, name
        assert "report." not in page, name
        if Takes.BASIS in report.takes:
            assert 'name="basis"' in page, name


def test_figures_are_for_those_who_may_see_money(app: Flask, public_id: str) -> None:
    """Neither strangers nor administrators get a page or a file."""
    admin = signing_in(app)(Role.ADMINISTRATOR)
    for path in (
        "/console/reports",
        "/console/reports/detail",
        "/console/reports/detail.csv",
        "/console/reports/ledger/csv",
        f"/console/days/{public_id}/{TODAY}/record.pdf",
    ):
        assert admin.client.get(path).status_code == 403, path
        stranger = app.test_client().get(path, headers={"Accept": "text/html"})
        assert stranger.status_code == 303, path


def test_a_page_shows_what_its_address_asks(viewer: Person, public_id: str) -> None:
    """The question is in the address, so that it can be kept and sent."""
    page = viewer.see(f"/console/reports/findings?{DAYS}&account={public_id}&basis=bank")
    assert "50,000" in page
    assert "Unidentified</td>" not in page
    assert f'value="{public_id}" selected' in page
    assert "basis=bank" in page.split("findings.csv")[1]
    empty = viewer.see("/console/reports/findings?from=2020-01-01&to=2020-01-31")
    assert "There is nothing in this period." in empty


def test_what_a_payer_wrote_is_no_markup(viewer: Person) -> None:
    """Nor is it a formula in the file."""
    page = viewer.see(f"/console/reports/detail?{DAYS}")
    assert "&lt;b&gt;=HYPERLINK" in page
    assert "<b>=HYPERLINK" not in page


def test_a_long_list_goes_on(viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page to its end."""
    monkeypatch.setattr(pages, "MOST_SHOWN", 1)
    first = viewer.see(f"/console/reports/detail?{DAYS}")
    after = first.split("after=")[1].split("&")[0].split("#")[0]
    second = viewer.see(f"/console/reports/detail?{DAYS}&after={after}")
    assert "More rows" in first
    assert "More rows" not in second
    assert "HYPERLINK" in second
    assert "HYPERLINK" not in first


def test_every_report_is_a_file_of_each_kind(viewer: Person) -> None:
    """As an attachment named after its period, with headings in the reader's language."""
    for name, kind in product(reports.REPORTS, reports.FileKind):
        path = f"/console/reports/{name}.{kind}?{DAYS}"
        answer = viewer.client.get(path, headers={"Accept-Language": "vi"}, buffered=True)
        assert answer.status_code == 200, path
        assert answer.headers["Content-Type"].startswith(kind.media_type.split(";")[0])
        assert f"{name}-{TODAY}-{TODAY}.{kind}" in answer.headers["Content-Disposition"]
        assert answer.headers["Cache-Control"] == "no-store"
        over = [say(f"report.column.{one.name}") for one in reports.by_name(name).columns]
        if kind is reports.FileKind.CSV:
            rows = csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
            assert next(rows) == over
        elif kind is reports.FileKind.XLSX:
            sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
            assert list(next(sheet.values)) == over
        else:
            assert answer.data.startswith(b"%PDF-")


def test_the_ledger_is_taken_for_other_programs(viewer: Person) -> None:
    """CSV, hledger, beancount."""
    for form, shown in (
        ("csv", "entry,day"),
        ("hledger", "commodity VND"),
        ("beancount", " open "),
    ):
        answer = viewer.client.get(f"/console/reports/ledger/{form}", buffered=True)
        assert shown in answer.data.decode("utf-8-sig")


def test_the_record_of_a_day_is_taken_by_account_and_day(viewer: Person, public_id: str) -> None:
    """From the list of reports and from the day's own page; a day that was not run has none."""
    form = f"/console/reports/day-record?account={public_id}&day={TODAY}"
    sent = viewer.client.get(form)
    assert sent.status_code == 303
    answer = viewer.client.get(sent.location, buffered=True)
    assert answer.data.startswith(b"%PDF-")
    assert sent.location in viewer.see(f"/console/days/{public_id}/{TODAY}")
    never = viewer.client.get(f"/console/days/{public_id}/2026-01-05/record.pdf")
    assert never.status_code == 404


REFUSED = [
    ("/console/reports/nonsense", 404),
    ("/console/reports/nonsense.csv", 404),
    ("/console/reports/units.docx", 404),
    ("/console/reports/units?from=yesterday", 404),
    ("/console/reports/units?from=2026-02-30", 404),
    ("/console/reports/units?from=2026-11-25&to=2026-11-24", 422),
    ("/console/reports/units?account=nobody", 404),
    ("/console/reports/balances?known_at=noon", 404),
    ("/console/reports/detail?after=x", 422),
    ("/console/reports/times?basis=x", 422),
    ("/console/reports/times?by=week", 422),
    ("/console/reports/day-record?account=x&day=", 404),
]


def test_an_address_that_means_nothing_is_refused(viewer: Person) -> None:
    """With a page that says so, never answered with something else."""
    for path, status in REFUSED:
        answer = viewer.client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == status, path


def test_balances_are_shown_as_known_then(viewer: Person) -> None:
    """By Viet Nam's clock."""
    then = viewer.see(f"/console/reports/balances?to={TODAY}&known_at=2026-11-24T11:59")
    assert "There is nothing in this period." in then
    assert "as known at 24 Nov 2026, 11:59" in then
