"""The log tells what happened and nothing about people."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from datetime import date

import pytest
import structlog

from payments.core import logs
from payments.core.approvals import AlreadyProposed
from payments.core.money import Dong
from tests.logbook import Book, a_book


@pytest.fixture
def book() -> Iterator[Book]:
    """The process's log, sent to memory for the length of a test."""
    with a_book() as kept:
        yield kept


def test_an_event_is_one_line_of_json(book: Book) -> None:
    """A line names its event, level and instant and carries its fields."""
    logs.log.info("callback.stored", source="sepay", amount=Dong(150_000), day=date(2026, 9, 21))
    assert book.text.count("\n") == 1
    line = book.last
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "callback.stored",
        "level": "info",
        "source": "sepay",
        "amount": 150_000,
        "day": "2026-09-21",
    }


def test_the_request_id_goes_with_every_line(book: Book) -> None:
    """What is bound for a request stands on each of its lines."""
    structlog.contextvars.bind_contextvars(request_id="r-1")
    logs.log.info("page.shown")
    assert book.last["request_id"] == "r-1"


def test_a_field_that_is_not_allowed_is_left_out_and_named(book: Book) -> None:
    """A payer's name never reaches the log, but the gap can be seen."""
    logs.log.info("credit.told", payer_name="TRAN THI BA", reference="TTHC1234567894")
    assert "TRAN" not in book.text
    assert book.last["left_out"] == ["payer_name"]
    assert book.last["reference"] == "TTHC1234567894"


def test_an_account_shows_its_last_four_digits(book: Book) -> None:
    """An account can be recognised, not used."""
    logs.log.info("statement.imported", account="0011001234567")
    assert book.last["account"] == "*********4567"


def test_prose_is_not_an_event(book: Book) -> None:
    """A sentence with values in it is not written."""
    logs.log.info("paid by TRAN THI BA")
    assert "TRAN" not in book.text
    assert book.last["event"] == "unnamed"


def test_nested_values_are_named_not_written(book: Book) -> None:
    """A whole message or row cannot slip into a field."""
    logs.log.info("callback.stored", outcome={"payer": "TRAN THI BA"}, rows=[b"TRAN", 3])
    assert "TRAN" not in book.text
    assert book.last["outcome"] == "dict"
    assert book.last["rows"] == ["bytes", 3]


def test_an_exception_is_told_without_its_message(book: Book) -> None:
    """Type, code and place of a failure are written; its message and values are not."""
    payer = "TRAN THI BA"
    try:
        raise AlreadyProposed(payer=payer)
    except AlreadyProposed:
        logs.log.exception("job.failed", job="settle")
    assert payer not in book.text
    assert book.last["code"] == "already_proposed"
    assert book.last["error"].endswith("AlreadyProposed")
    assert any("test_an_exception_is_told" in place for place in book.last["where"])


def test_a_database_failure_keeps_its_code(book: Book) -> None:
    """The engine's own code stays, so that a failure can be understood."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("SELECT * FROM nothing_here")
    except sqlite3.OperationalError:
        logs.log.exception("job.failed")
    finally:
        connection.close()
    assert book.last["sqlite_error"] == "SQLITE_ERROR"
    assert "nothing_here" not in book.text


def test_a_librarys_values_are_not_written(book: Book) -> None:
    """Of a library's message only the fixed words remain, unless it speaks of machinery."""
    logging.getLogger("urllib3.connectionpool").warning("sent %s", "TRAN THI BA")
    assert book.last["message"] == "sent %s"
    logging.getLogger("gunicorn.error").info("Listening at: %s", "127.0.0.1:1")
    assert book.last["message"] == "Listening at: 127.0.0.1:1"
    assert "TRAN" not in book.text


def test_quiet_levels_are_not_written(book: Book) -> None:
    """Below the chosen level nothing is written."""
    logs.log.debug("page.shown")
    assert book.text == ""
