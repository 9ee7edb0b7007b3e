"""The commands `cashless targets roll-up`, `report` and `prove`."""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Iterator
from datetime import timedelta

import click
import pytest
import time_machine
from click.testing import CliRunner, Result
from sqlalchemy import update
from sqlalchemy.orm import Session

from payments.core.database import Database
from reconciliation.cli import COMMANDS
from reconciliation.targets.rollup_tables import MonthlyMeans
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import NOON, a_payment_request, a_province, paid
from tests.reconciliation.targets.test_rollups import cash_of

pytestmark = pytest.mark.committed


@pytest.fixture
def counted(
    monkeypatch: pytest.MonkeyPatch, database_url: str, database: Database
) -> Iterator[Database]:
    """A machine in sandbox mode: three fees without cash and one with it, rolled up."""
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())

    def unit(session: Session) -> None:
        province = a_province(session)
        requests = [a_payment_request(province, amount=10_000) for _ in range(3)]
        for request in requests:
            paid(province, request)
        a_statement(province, *(BankLine(10_000, one.reference) for one in requests))
        run(province)
        cash_of(province, 70_000)

    database.write(unit)
    with time_machine.travel(NOON + timedelta(hours=1), tick=True):
        assert told("roll-up").exit_code == 0
        yield database


def told(*words: str) -> Result:
    group = click.Group("cashless", commands=COMMANDS)
    return CliRunner().invoke(group, ["targets", *words], catch_exceptions=False)


def test_a_report_is_the_same_whenever_it_is_asked(counted: Database) -> None:
    """As JSON, CSV and a table; a day before anything was counted is refused by the edge."""
    asked = told("report", "--as-of", TODAY.isoformat(), "--json")
    lines = {(line["cut"], line["key"]): line for line in json.loads(asked.stdout)["lines"]}
    assert lines["total", ""]["share_of_fees"] == 7_500
    assert lines["unit", "H09"]["share_of_amount"] == 3_000
    assert [key for cut, key in lines if cut == "week"] == [
        (TODAY - timedelta(days=TODAY.weekday())).isoformat()
    ]
    assert lines["means_cash", "no_account"]["cash_fees"] == 1
    assert told("report", "--as-of", TODAY.isoformat(), "--json").stdout == asked.stdout
    rows = list(
        csv.DictReader(told("report", "--as-of", TODAY.isoformat(), "--csv").stdout.splitlines())
    )
    assert len(rows) == len(lines)
    assert "75" in told("report", "--as-of", TODAY.isoformat()).stdout


def test_the_proof_fails_where_a_figure_was_touched(counted: Database) -> None:
    """All identities hold; one fee too many in a month, and the command ends with 1."""
    assert told("prove").exit_code == 0
    more = update(MonthlyMeans).values(fees=MonthlyMeans.fees + 1)
    counted.write(lambda session: session.execute(more))
    assert told("prove").exit_code == 1
