"""The pages of targets and the open data over a small province-year."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html import unescape
from typing import Any

import click
import pytest
import time_machine
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, seed
from payments.agencies import Agency
from payments.agencies import Kind as Unit
from payments.cash import CashCollection
from payments.core.config import Mode
from payments.core.database import Database
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from payments.staff import Role
from reconciliation.cli import COMMANDS
from reconciliation.jobs.rollups import count_months_of, roll_up_changes
from reconciliation.targets import goals, open_data, practice, rounding, share
from reconciliation.targets.coverage_tables import Measure
from reconciliation.targets.open_data import DATASETS, Dataset, Kind
from reconciliation.targets.share import Board, By
from tests.console import Person, employ, signing_in, whole_app
from tests.province_year import BY, lay_out, province

pytestmark = pytest.mark.committed

BEGAN = datetime(2026, 1, 1, 3, tzinfo=UTC)
COUNTED = datetime(2026, 12, 30, 3, tzinfo=UTC)
NOW = datetime(2026, 12, 31, 5, tzinfo=UTC)
YESTERDAY = date(2026, 12, 30)
YEAR = {"first": date(2026, 1, 1), "last": date(2026, 12, 31)}
WHOLE_YEAR = "from=2026-01-01&to=2026-12-31"


@pytest.fixture
def year(database: Database) -> Database:
    """Every sixtieth day of a year with payments, counted; eight quarters of coverage."""
    database.write(lambda session: province(session, now=BEGAN))
    lay_out(database, 2_000, every=60)

    def unit(session: Session) -> None:
        practice.practise(session, mode=Mode.SANDBOX, by=BY, now=COUNTED)
        employ(session, Role.VIEWER)

    with time_machine.travel(COUNTED, tick=False):
        database.write(unit)
        roll_up_changes(database, now=COUNTED)
        count_months_of(database, now=COUNTED)
    return database


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application on the day after."""
    with whole_app(database_url, NOW) as whole:
        yield whole


@pytest.fixture
def viewer(year: Database, app: Flask) -> Person:
    return signing_in(app)(Role.VIEWER)


def board_of(database: Database, **told: Any) -> Board:
    return database.read(lambda session: share.board(session, **YEAR, **told))


def narrowed(database: Database, **told: Any) -> Board:
    return database.read(lambda session: share.narrowed(session, **YEAR, **told))


def page(person: Person, path: str) -> str:
    return unescape(person.see(path))


def test_the_pages_show_what_was_counted(viewer: Person, year: Database) -> None:
    """Of the province, narrowed by the address, and of one unit on a sheet of its own."""
    the_board_shows_the_province_and_every_unit_of_it(viewer, year)
    a_target_of_its_own_is_shown_with_its_unit(viewer, year)
    the_address_narrows_what_is_counted(viewer, year)
    a_unit_has_one_sheet_about_itself(viewer, year)
    a_unit_that_ended_counts_with_its_successor_or_is_named(viewer, year)


def the_board_shows_the_province_and_every_unit_of_it(viewer: Person, year: Database) -> None:
    """Each figure is drawn, told as a table, and has its source; the totals are those counted."""
    shown = page(viewer, f"/console/targets?{WHOLE_YEAR}")
    total = board_of(year).total
    assert f"{total.cashless.fees:,} of {total.whole.fees:,} fees." in shown
    assert f">{total.waiting.fees:,}</span>" in shown
    drawn = re.findall(r'<svg class="chart".*?</svg>', shown, re.DOTALL)
    assert len(drawn) == shown.count("<figcaption") == shown.count("The same as a table") == 13
    assert len(re.findall(r"Source: ", shown)) == 13
    assert "style=" not in shown
    for told in (
        "Without cash, week by week",
        "QR · SePay",
        "each quarter has to add",
        "The cities that go first, to compare with",
        "fees in force",
    ):
        assert told in shown, told
    units = year.read(lambda session: agencies.tree(session, on=NOW.date()))
    assert len(units) == 120
    for node in units:
        if node.kind in (Unit.COMMUNE, Unit.DISTRICT):
            assert f'href="/console/targets/units/{node.code}"' in shown, node.code


def a_target_of_its_own_is_shown_with_its_unit(viewer: Person, year: Database) -> None:
    """A district that decided on more is held against that, and the others are not."""

    def decide(session: Session) -> None:
        told = {"year": 2026, "value": 9_150, "basis": "Kế hoạch 12/KH-UBND"}
        for measure in Measure:
            goals.set_target(
                session, "H09.719", measure, valid_from=COUNTED.date(), by=BY, now=COUNTED, **told
            )

    with time_machine.travel(COUNTED, tick=False):
        year.write(decide)
    shown = page(viewer, f"/console/targets?{WHOLE_YEAR}")
    assert len(re.findall(r"Target 91\.5", shown)) == 4
    assert "Target 80%" in shown


def the_address_narrows_what_is_counted(viewer: Person, year: Database) -> None:
    """By unit, procedure, channel and days; and the parts come to the whole."""
    whole = board_of(year).total
    channels = [narrowed(year, channel=one).total for one in ("online", "counter")]
    fees = [narrowed(year, procedure=one.key).total for one in board_of(year).procedures]
    for parts in (channels, fees):
        assert sum(one.whole.fees for one in parts) == whole.whole.fees
        assert sum(one.cashless.amount for one in parts) == whole.cashless.amount
    asked = {
        "unit=H09.724": board_of(year, agency="H09.724").total,
        "channel=online": channels[0],
        "procedure=CTBS&channel=counter": narrowed(year, procedure="CTBS", channel="counter").total,
    }
    for query, total in asked.items():
        shown = page(viewer, f"/console/targets?{WHOLE_YEAR}&{query}")
        assert f"{total.cashless.fees:,} of {total.whole.fees:,} fees." in shown, query
    shown = page(viewer, "/console/targets?from=2026-02-01&to=2026-02-02")
    assert "No fee was reconciled or taken in cash in this period." in shown


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("unit=H09.999", 422),
        ("procedure=NONE", 422),
        ("channel=post", 422),
        ("from=2026-02-30", 404),
        ("from=2026-03-01&to=2026-02-01", 422),
        ("from=2000-01-01&to=2026-02-01", 422),
        ("unit=H09&unit=H09.724", 422),
        ("by=heart", 422),
    ],
)
def test_a_question_that_can_not_be_answered_is_refused(
    database: Database, app: Flask, query: str, status: int
) -> None:
    """In words, and never by showing something else."""

    def unit(session: Session) -> None:
        seed.load_units(session, seed.read_units(), by=BY, now=BEGAN)
        employ(session, Role.VIEWER)

    database.write(unit)
    person = signing_in(app)(Role.VIEWER)
    for path in ("/console/targets", "/console/targets/units/H09"):
        if "units" not in path or query.startswith("from"):
            answer = person.client.get(f"{path}?{query}", headers={"Accept": "text/html"})
            assert answer.status_code == status, path
    assert person.client.get("/console/targets/units/H09.999").status_code == 422


def test_before_the_first_figures_the_pages_say_what_to_bring(
    database: Database, app: Flask
) -> None:
    """No units; then units, but neither coverage nor fees."""
    database.write(lambda session: employ(session, Role.VIEWER))
    person = signing_in(app)(Role.VIEWER)
    assert "cashless seed" in page(person, "/console/targets")
    assert "cashless seed" in page(person, "/console/targets/units/H09")
    units = seed.read_units()
    database.write(lambda session: seed.load_units(session, units, by=BY, now=BEGAN))
    for path in ("/console/targets", "/console/targets/units/H09.724"):
        shown = page(person, path)
        assert "cashless targets import" in shown
        assert "No fee was reconciled" in shown
    files = {name: rows_of(person.client, name) for name in DATASETS}
    assert not any(files.values())


def a_unit_has_one_sheet_about_itself(viewer: Person, year: Database) -> None:
    """Its figures, why it was cash, what waits; and nothing of other units."""
    shown = page(viewer, f"/console/targets/units/H09.724?{WHOLE_YEAR}")
    total = board_of(year, agency="H09.724").total
    assert f"{total.cashless.fees:,} of {total.whole.fees:,} fees." in shown
    for told in ("Di An City", "Why it was cash", "Expired unpaid", "Paid within an hour", "Place"):
        assert told in shown, told
    assert "Thu Dau Mot" not in shown
    department = year.read(
        lambda session: next(
            one.code for one in agencies.tree(session, on=NOW.date()) if one.kind is Unit.DEPARTMENT
        )
    )
    shown = page(viewer, f"/console/targets/units/{department}?{WHOLE_YEAR}")
    assert "People aged 15+" not in shown
    assert "Requests and waiting" in shown


def a_unit_that_ended_counts_with_its_successor_or_is_named(viewer: Person, year: Database) -> None:
    """One that merged has its fees there; one that nobody goes on with is in the whole alone."""
    last, following, gone = "H09.25741", "H09.25744", "H09.25747"
    before = {one.key: one.whole.fees for one in board_of(year).units}
    assert before[last]
    assert before[gone]

    def end(session: Session) -> None:
        ids = {one.code: one.id for one in agencies.tree(session, on=NOW.date())}
        agencies.succeed(session, ids[last], ids[following], on=date(2026, 12, 15))
        session.get_one(Agency, ids[gone]).valid_to = date(2026, 12, 15)

    year.write(end)
    board = board_of(year)
    after = {one.key: one.whole.fees for one in board.units}
    assert after[following] == before[last] + before[following]
    assert [(one.key, one.whole.fees) for one in board.ended] == [(gone, before[gone])]
    assert board.total.whole.fees == before["H09"]
    assert after["H09"] == before["H09"] - before[gone]
    shown = page(viewer, f"/console/targets?{WHOLE_YEAR}")
    assert f"{gone} ({before[gone]})" in shown


def test_nobody_is_known_by_what_is_published(
    year: Database, app: Flask, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file: each figure rounded by itself, nothing of a payer, the same all day."""
    every_published_figure_is_rounded(app)
    published_totals_are_no_sums_of_published_parts(year, app)
    no_published_file_holds_anything_of_a_payer(year, app)
    a_file_is_the_same_all_day(year, app)
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())
    every_file_is_written_again_by_command(app)


def every_published_figure_is_rounded(app: Flask) -> None:
    """Over every file: no count that is not a ten, no amount that is not a hundred thousand."""
    client, numbers = app.test_client(), 0
    for name, dataset in DATASETS.items():
        rows = rows_of(client, name)
        assert rows, name
        numbers += sum(rounded(dataset, row) for row in rows)
        items = client.get(f"/open-data/{name}.json").get_json()["items"]
        assert [spelled(one, dataset) for one in items] == rows
    assert numbers > 2_000


def published_totals_are_no_sums_of_published_parts(year: Database, app: Flask) -> None:
    """Each is the exact figure, as it was known at the end of yesterday, rounded."""
    rows = rows_of(app.test_client(), "cashless-share")
    told = {(row["month"], row["unit"]): row for row in rows}
    exact = year.read(
        lambda session: share.figures(
            session, first=date(2026, 1, 1), last=date(2026, 1, 31), by=By.UNIT, as_of=YESTERDAY
        )
    )
    for one in exact:
        row = told["2026-01", one.key]
        for column, counted in (
            ("all_fees", one.whole),
            ("cashless_fees", one.cashless),
            ("cash_fees", one.cash),
            ("waiting_fees", one.waiting),
        ):
            expected = rounding.count(counted.fees)
            assert row[column] == ("" if expected is None else str(expected)), (one.key, column)
    hidden = [row for row in rows if row["cash_fees"] == "" and row["all_fees"] != ""]
    assert hidden
    assert all(row["all_amount"] == "" for row in rows if row["all_fees"] == "")


def no_published_file_holds_anything_of_a_payer(year: Database, app: Flask) -> None:
    """No code, dossier, memo, account, name or address of a page that the raw tables hold."""

    def held(session: Session) -> set[str]:
        columns = (
            PaymentRequest.reference,
            PaymentRequest.token,
            PaymentRequest.page,
            Credit.memo,
            Credit.payer_key,
            CashCollection.public_id,
            CashCollection.explanation,
        )
        found = {value for one in columns for value in session.scalars(select(one).distinct())}
        return {value for value in found if value} - {"told"}

    values, client = year.read(held), app.test_client()
    assert len(values) > 4_000
    for name in DATASETS:
        for kind in ("csv", "json"):
            cells = set(re.split(r'[",\n:{}\[\]]+', client.get(f"/open-data/{name}.{kind}").text))
            assert not cells & values, name


def a_file_is_the_same_all_day(year: Database, app: Flask) -> None:
    """An unchanged one is not sent again; reckoned anew it has as many rows."""
    client = app.test_client()
    first = client.get("/open-data/cashless-share.csv")
    again = client.get(
        "/open-data/cashless-share.csv", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")
    rows = year.read(lambda session: list(open_data.shared(session, YESTERDAY)))
    assert first.text.count("\r\n") == len(rows) + 1


def every_file_is_written_again_by_command(app: Flask) -> None:
    """Byte for byte as it was downloaded; the exact figures of a unit are asked for apart."""
    client = app.test_client()
    group = click.Group("cashless", commands=COMMANDS)
    asked = ["targets", "report", "--as-of", YESTERDAY.isoformat(), "--published"]
    for name in DATASETS:
        told = CliRunner().invoke(group, [*asked, name], catch_exceptions=False)
        assert told.stdout_bytes == client.get(f"/open-data/{name}.csv").data, name
    refused = CliRunner().invoke(group, [*asked, "coverage", "--json"], catch_exceptions=False)
    assert refused.exit_code == 2


def test_the_dictionary_tells_every_column_in_both_languages(app: Flask) -> None:
    """And the page lists every file; one that is not there is not found."""
    client = app.test_client()
    told = client.get("/open-data/index.json").get_json()
    assert [one["name"] for one in told["datasets"]] == list(DATASETS)
    for dataset in told["datasets"]:
        for column in dataset["columns"]:
            assert not column["vi"].startswith("open_data."), column
            assert not column["en"].startswith("open_data."), column
    shown = client.get("/open-data/?lang=en").text
    assert all(f"/open-data/{name}.csv" in shown for name in DATASETS)
    assert client.get("/open-data/payers.csv").status_code == 404


def rows_of(client: FlaskClient, name: str) -> list[dict[str, str]]:
    text = client.get(f"/open-data/{name}.csv").data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def rounded(dataset: Dataset, row: dict[str, str]) -> int:
    """How many numbers of a row were looked at; each must be rounded."""
    seen = 0
    for column in dataset.columns:
        cell = row[column.name]
        if column.kind is Kind.COUNT and cell:
            assert int(cell) % 10 == 0, (dataset.name, column.name, cell)
        elif column.kind is Kind.AMOUNT and cell:
            assert int(cell) % 100_000 == 0, (dataset.name, column.name, cell)
        elif column.kind is Kind.PERCENT and cell:
            assert re.fullmatch(r"\d{1,3}\.\d", cell), (dataset.name, column.name, cell)
        elif column.kind is Kind.TEXT:
            law = dataset.name.startswith("tariff") or column.name == "year"
            assert law or not cell.isdigit(), (dataset.name, column.name, cell)
            continue
        seen += bool(cell)
    return seen


def spelled(item: dict[str, Any], dataset: Dataset) -> dict[str, str]:
    """An item of JSON as the same row of CSV spells it."""
    told = {}
    for column in dataset.columns:
        value = item[column.name]
        text = "" if value is None else str(value)
        disarmed = column.kind in (Kind.TEXT, Kind.FLAG) and text[:1] in ("=", "+", "-", "@")
        told[column.name] = f"'{text}" if disarmed else text
    return told
