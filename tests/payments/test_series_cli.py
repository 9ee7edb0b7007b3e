"""`cashless series`: numbers of receipts are opened, listed and counted."""

from __future__ import annotations

import base64

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from payments.cli import COMMANDS
from payments.core import clock
from payments.core.database import Database
from payments.receipts import ReceiptSeries, SeriesMalformed, SeriesTaken
from tests.builders import a_province

pytestmark = pytest.mark.committed

SYMBOL = f"BP-{clock.now().year % 100:02}T"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, database_url: str, database: Database) -> None:
    """A machine in sandbox mode, whose database has one agency."""
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())
    database.write(lambda session: a_province(session) and None)


def run(*words: str) -> Result:
    return CliRunner().invoke(click.Group("cashless", commands=COMMANDS), ["series", *words])


def test_a_series_is_opened_listed_and_counted() -> None:
    """What is listed says how many numbers are used."""
    opened = run("add", "H09", "phi", "01BLP0-001", SYMBOL, "--tax-code", "3700123456")
    assert (opened.exit_code, SYMBOL in opened.stdout) == (0, True)
    assert run("list").stdout.split("\t")[1:] == ["H09", "phi", "01BLP0-001", SYMBOL, "0\n"]
    assert run("check").exit_code == 0


def test_what_cannot_be_is_refused() -> None:
    """A symbol written otherwise, a second series of the same kind."""
    wrong = run("add", "H09", "phi", "01BLP0-001", "BP")
    assert isinstance(wrong.exception, SeriesMalformed)
    run("add", "H09", "phi", "01BLP0-001", SYMBOL)
    again = run("add", "H09", "phi", "01BLP0-001", SYMBOL)
    assert isinstance(again.exception, SeriesTaken)


def test_a_gap_fails_the_check(database: Database) -> None:
    """Whoever runs it nightly is told by the exit code, and which series it is."""
    run("add", "H09", "phi", "01BLP0-001", SYMBOL)
    database.write(lambda session: session.execute(update(ReceiptSeries).values(next_number=2)))
    checked = run("check")
    assert checked.exit_code == 1
    assert SYMBOL in checked.stderr
