"""The commands `cashless statement import`, `cashless day` and `cashless ledger prove`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import time_machine
from click.testing import CliRunner, Result
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.core.errors import CashlessError
from reconciliation import day_close
from reconciliation.cli import COMMANDS
from reconciliation.day_close import AccountDay
from reconciliation.statements import FileState, StatementFile
from tests.bank import TODAY, BankLine, camt, vietcombank
from tests.builders import NOON, a_payment_request, a_province, paid
from tests.statement_files import Movement, about_the_day

pytestmark = pytest.mark.committed

NUMBER = "0011001234567"
DAY = ("--account", NUMBER, "--date", TODAY.isoformat())


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, database: Database
) -> Iterator[Path]:
    """A machine in sandbox mode, its database with one payment told; a folder for files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())

    def unit(session: Session) -> str:
        province = a_province(session, number=NUMBER)
        request = a_payment_request(province)
        paid(province, request)
        return request.reference

    reference = database.write(unit)
    content = camt(NUMBER, [BankLine(50_000, reference), BankLine(-7_000, "PHI")])
    (tmp_path / "day.xml").write_bytes(content)
    with time_machine.travel(NOON, tick=True):
        yield tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(click.Group("cashless", commands=COMMANDS), words)


def done(*words: str) -> str:
    result = run(*words)
    assert result.exception is None, result.exception
    return result.stdout


def told(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done(*words, "--json"))
    return found


def refused(*words: str) -> str:
    error = run(*words).exception
    assert isinstance(error, CashlessError), error
    return error.code


def test_a_day_from_the_file_to_the_proof(here: Path) -> None:
    """Import, run, show, prove: each tells what it did, and again nothing changes."""
    first = told("statement", "import", "day.xml")
    again = told("statement", "import", "day.xml")
    run_ = told("day", "run", *DAY)
    shown = told("day", "show", *DAY)
    proved = told("ledger", "prove")

    assert (first["again"], first["statements"][0]["added"]) == (False, 2)
    assert (again["again"], again["statements"][0]["account"]) == (True, NUMBER)
    assert (run_["verdict"], run_["reasons"]) == ("breaks", ["debit_unexplained"])
    assert run_["bridge"]["residual"] == 0
    assert run_["matches"] == [{"rule": "code", "count": 1, "sum": 50_000}]
    assert shown == run_
    assert proved["holds"] is True
    assert {one["difference"] for one in proved["identities"]} == {0}


def test_people_read_a_table(here: Path) -> None:
    """Without --json the same figures stand in lines, with their thousands apart."""
    done("statement", "import", "day.xml")

    table = done("day", "run", *DAY)

    assert NUMBER in table or "day.head" in table
    assert "43.000" in table
    assert done("day", "show", *DAY) == table
    assert "✗" not in done("ledger", "prove", "--account", NUMBER)


def test_a_broken_figure_fails_the_proof(here: Path, database: Database) -> None:
    """Exit 1, and the identity that does not hold is marked."""
    done("statement", "import", "day.xml")
    done("day", "run", *DAY)
    database.write(
        lambda session: session.execute(text("UPDATE payment_request SET received = received + 1"))
    )

    result = run("ledger", "prove")

    assert result.exit_code == 1
    assert result.stdout.count("✗") == 1


@pytest.mark.parametrize(
    ("content", "words", "code"),
    [
        (camt(NUMBER, [BankLine(1)])[:500], (), "cut_file"),
        (camt("0099999999", [BankLine(1)]), (), "unknown_account_number"),
        (camt("0099999999", [BankLine(1)]), ("--account", NUMBER), "statement_of_another_account"),
        (camt(NUMBER, [BankLine(1)], currency="USD"), (), "other_currency"),
        (vietcombank([BankLine(1)]), (), "statement_account_not_said"),
        (about_the_day("camt.052", [Movement(1)], account=NUMBER), (), "not_a_statement"),
        (b"hello", (), "layout_not_found"),
        (b"", (), "statement_file_without_bytes"),
    ],
)
def test_what_cannot_be_taken_is_refused(
    here: Path, database: Database, content: bytes, words: tuple[str, ...], code: str
) -> None:
    """With a code of its own; nothing is stored but the refusal."""
    (here / "bad").write_bytes(content)

    assert refused("statement", "import", "bad", *words) == code

    files = database.read(lambda session: session.scalars(select(StatementFile)).all())
    assert [(one.state, one.refusal["code"]) for one in files] == [(FileState.REFUSED, code)]


@pytest.mark.parametrize("verb", ["run", "show"])
def test_an_unknown_account_is_refused(here: Path, verb: str) -> None:
    """Neither command guesses an account."""
    words = ("--account", "123", "--date", TODAY.isoformat())
    assert refused("day", verb, *words) == "unknown_account_number"


def test_a_day_that_was_never_run_cannot_be_shown(here: Path) -> None:
    """It is said, not shown as empty."""
    assert refused("day", "show", *DAY) == "day_not_run"


@pytest.mark.parametrize("date", ["24/11/2026", "2026-02-30", "today"])
def test_a_day_is_written_one_way(here: Path, date: str) -> None:
    """YYYY-MM-DD, and nothing else."""
    assert run("day", "run", "--account", NUMBER, "--date", date).exit_code == 2


def test_a_day_somebody_else_runs_is_left_alone(here: Path, database: Database) -> None:
    """Two runs of one day at once: the second is told so."""

    def begin(session: Session) -> None:
        account = session.scalar(text("SELECT id FROM collection_account"))
        day_close.begin(session, account, TODAY, holder="another", now=NOON)

    database.write(begin)

    assert refused("day", "run", *DAY) == "day_run_under_way"
    rows = database.read(lambda session: session.scalars(select(AccountDay)).all())
    assert rows == []
