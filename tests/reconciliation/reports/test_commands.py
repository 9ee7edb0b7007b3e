"""`cashless report` and `cashless ledger export`: every report in every format, files whole."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import click
import openpyxl
import pytest
import time_machine
from click.testing import CliRunner, Result

from payments import agencies
from payments.core import words
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.core.words import say
from reconciliation import reports
from reconciliation.cli import COMMANDS
from reconciliation.cli.report import AccountMissing
from reconciliation.reports import ReportTooLong, UnknownReport, writing
from tests.bank import TODAY, BankLine, a_statement
from tests.bank import run as run_day
from tests.builders import NOON, a_payment_request, a_province, paid

pytestmark = pytest.mark.committed

NUMBER = "0011001234567"


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, database: Database
) -> Iterator[Path]:
    """A machine with a day of one account; a folder for files. Answers are in English."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())

    def unit(session) -> None:
        province = a_province(session, number=NUMBER)
        request = a_payment_request(province, le_phi=20_000)
        paid(province, request)
        a_statement(province, BankLine(50_000, request.reference))
        run_day(province)

    database.write(unit)
    with time_machine.travel(NOON, tick=True), words.speaking("en"):
        yield tmp_path


def run(*told: str) -> Result:
    """What a command answers; what it refuses is raised."""
    result = CliRunner().invoke(click.Group("cashless", commands=COMMANDS), told)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def done(*told: str) -> str:
    """What a command that succeeds prints."""
    result = run(*told)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", reports.REPORTS)
def test_every_report_is_a_table(here: Path, name: str) -> None:
    """With its title, its headings and words for codes."""
    told = done("report", name, "--account", NUMBER)
    report = reports.by_name(name)
    assert told.startswith(f"{say(f'report.{name}')} · ")
    if say("report.empty") not in told:
        assert all(reports.heading(column) in told for column in report.columns)
    assert "report." not in told
    assert "finding." not in told


def test_a_table_ends_with_its_total(here: Path) -> None:
    """Amounts are grouped and set to the right."""
    last = done("report", "findings").splitlines()[-1]
    assert last.split() == ["Total", "1", "50,000", "30,000", "20,000", "0", "0", "0", "0"]


def test_json_is_one_object_with_codes(here: Path) -> None:
    """Items and total by the names of columns."""
    told = json.loads(done("report", "summary", "--format", "json", "--from", str(TODAY)))
    assert told["items"][0] | {"status": "paid", "finding": "exact"} == told["items"][0]
    assert told["total"] == {
        "credits": 1,
        "amount": 50_000,
        "phi": 30_000,
        "le_phi": 20_000,
        "held": 0,
        "unidentified": 0,
        "refunded": 0,
        "reversed": 0,
    }
    empty = json.loads(done("report", "detail", "--format", "json", "--to", "2020-01-01"))
    assert empty["items"] == []


def test_files_are_written_whole(here: Path) -> None:
    """CSV to standard output, workbook and PDF to a path, nothing beside them."""
    assert done("report", "times", "--format", "csv").splitlines()[1].startswith(f"{TODAY},1,50000")
    done("report", "times", "--format", "xlsx", "--output", "times.xlsx")
    rows = list(openpyxl.load_workbook(here / "times.xlsx").active.values)
    assert rows[1][1:3] == (1, 50_000)
    done("report", "times", "--format", "pdf", "--output", "times.pdf")
    assert (here / "times.pdf").read_bytes().startswith(b"%PDF-")
    assert sorted(path.name for path in here.iterdir()) == ["times.pdf", "times.xlsx"]


def test_a_report_that_is_refused_leaves_no_file(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a cut one, nor the loss of the one before."""
    (here / "detail.pdf").write_bytes(b"before")
    monkeypatch.setattr(writing, "MOST_ON_PAPER", 0)
    with pytest.raises(ReportTooLong):
        run("report", "detail", "--format", "pdf", "--output", "detail.pdf")
    assert [path.name for path in here.iterdir()] == ["detail.pdf"]
    assert (here / "detail.pdf").read_bytes() == b"before"


def test_the_record_of_a_day_is_of_one_account(here: Path) -> None:
    """The day is the last of the period."""
    told = ("report", "day_record", "--to", str(TODAY), "--output", "record.pdf")
    done(*told, "--account", NUMBER)
    assert (here / "record.pdf").read_bytes().startswith(b"%PDF-")
    assert run("report", "day_record", "--account", NUMBER, "--to", str(TODAY)).exit_code == 0


def test_the_record_needs_an_account_where_there_are_several(
    here: Path, database: Database
) -> None:
    """It says so."""
    database.write(_another)
    with pytest.raises(AccountMissing):
        run("report", "day_record", "--to", str(TODAY))


def _another(session) -> None:
    first = session.get_one(agencies.CollectionAccount, 1)
    agencies.open_account(
        session,
        first.agency_id,
        agencies.Opening(bin="970415", number="1", name="SO KHAC"),
        valid_from=TODAY,
        by="staff:1",
        now=NOON,
    )


def test_balances_are_told_as_known_before(here: Path) -> None:
    """An hour before noon nothing was known."""
    assert say("report.empty") in done("report", "balances", "--known-at", "2026-11-24T11:00")
    assert "assets:bank:970436-0011001234567" in done("report", "balances")


@pytest.mark.parametrize("form", ["csv", "hledger", "beancount"])
def test_the_ledger_is_exported(here: Path, form: str) -> None:
    """To standard output and to a file, the same; a part by its days."""
    told = done("ledger", "export", "--format", form)
    done("ledger", "export", "--format", form, "--output", "ledger.txt")
    assert (here / "ledger.txt").read_text("utf-8") == told
    assert told.count("970436-0011001234567") > 3
    part = done("ledger", "export", "--format", form, "--to", "2026-11-23")
    assert len(part.splitlines()) < len(told.splitlines())


def test_a_report_nobody_knows_is_refused(here: Path) -> None:
    """By the command line itself."""
    assert run("report", "nonsense").exit_code == 2
    with pytest.raises(UnknownReport):
        reports.by_name("nonsense")
    assert issubclass(UnknownReport, CashlessError)
