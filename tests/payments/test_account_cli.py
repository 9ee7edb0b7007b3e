"""`cashless account`: from when on requests have numbers of their own."""

from __future__ import annotations

import base64

import click
import pytest
from click.testing import CliRunner, Result

from payments import agencies
from payments.agencies import UnknownCollectionAccount, VirtualPrefixTaken
from payments.cli import COMMANDS
from payments.core import clock
from payments.core.database import Database
from tests.builders import a_province

pytestmark = pytest.mark.committed

NUMBER = "0011001234567"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, database_url: str, database: Database) -> None:
    """A machine in sandbox mode, whose database has one account."""
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())
    database.write(lambda session: a_province(session, number=NUMBER) and None)


def run(*words: str) -> Result:
    return CliRunner().invoke(click.Group("cashless", commands=COMMANDS), ["account", *words])


def prefix(database: Database) -> str | None:
    """The prefix that a request issued now is paid under."""
    return database.read(
        lambda session: agencies.virtual_prefix(
            session, agencies.by_number(session, NUMBER).id, at=clock.now()
        )
    )


def test_numbers_of_their_own_are_begun_and_ended(database: Database) -> None:
    """Each command says what holds from now on."""
    begun = run("virtual", "--account", NUMBER, "99MM")
    assert (begun.exit_code, "99MM" in begun.stdout, prefix(database)) == (0, True, "99MM")

    ended = run("own-number", "--account", NUMBER)
    assert (ended.exit_code, prefix(database)) == (0, None)


def test_what_cannot_be_is_refused(database: Database) -> None:
    """An account nobody knows, a prefix in use."""
    assert isinstance(run("virtual", "--account", "404", "1").exception, UnknownCollectionAccount)
    run("virtual", "--account", NUMBER, "99MM")
    again = run("virtual", "--account", NUMBER, "99MM")
    assert isinstance(again.exception, VirtualPrefixTaken)
    assert prefix(database) == "99MM"
