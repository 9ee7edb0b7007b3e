"""Statements fetched from the practice bank over HTTP: once, whole, and every failure named."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import click
import pytest
import time_machine
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.core.http import AddressRefused, Client, Limits
from payments.core.service import Service
from payments.staff import Role
from reconciliation import statements
from reconciliation.cli import COMMANDS
from reconciliation.jobs import Fetcher
from reconciliation.statements import (
    MOST_BYTES,
    Access,
    InvalidPull,
    NoPull,
    StatementFetch,
    StatementFile,
    StatementLine,
    Wanted,
)
from tests.bank import TODAY, BankLine, camt
from tests.builders import BY, NOON, a_province
from tests.console import employ, signing_in, whole_app
from tests.practice_bank import KEY, Bank, a_practice_bank
from tests.receiver import Getting, Handler, a_receiver
from tests.services import a_service

pytestmark = pytest.mark.committed

NUMBER = "0011001234567"
MORNING = NOON + timedelta(hours=18)
QUARTER = timedelta(minutes=15)
ONE = timedelta(days=1)


@dataclass
class Here:
    """The service, its fetcher, and the account's number at the bank."""

    cashless: Service
    bank: Bank
    fetcher: Fetcher = field(
        default_factory=lambda: Fetcher(
            Client(allowed={"127.0.0.1"}, limits=Limits(connect=2, read=1, whole=2))
        )
    )

    @property
    def account(self) -> int:
        """The account's id."""
        return self.cashless.database.read(lambda session: agencies.by_number(session, NUMBER).id)

    def pull(self, address: str = "", *, key: str = f"Bearer {KEY}", since: date = TODAY) -> None:
        """Says where the account's statements are fetched."""
        access = Access(address or self.bank.statements(), key)
        self.cashless.database.write(
            lambda session: statements.begin_pull(
                session,
                agencies.by_number(session, NUMBER).id,
                access,
                since=since,
                allowed=self.cashless.config.bank_hosts,
                vault=self.cashless.vault,
                by=BY,
                now=MORNING - ONE,
            )
        )

    def look(self, at: datetime = MORNING) -> str:
        """One round of the job at that time."""
        with time_machine.travel(at, tick=False):
            return self.fetcher.fetch_due(self.cashless, at)

    def spoil(self, fault: str, times: int = 1) -> None:
        """Makes the bank's next answers go wrong."""
        self.bank.post("statement-faults", account=NUMBER, fault=fault, times=times)

    def fetches(self) -> list[tuple[date, str, str | None, int]]:
        """Each day's latest attempt: outcome, problem, and how many there were."""
        rows = select(StatementFetch).order_by(StatementFetch.day)
        return self.cashless.database.read(
            lambda session: [
                (one.day, one.outcome, one.problem and one.problem["code"], one.attempts)
                for one in session.scalars(rows)
            ]
        )

    def memos(self) -> list[str]:
        """The memos of every line stored."""
        rows = select(StatementLine.memo).order_by(StatementLine.day, StatementLine.id)
        return self.cashless.database.read(lambda session: list(session.scalars(rows)))

    def files(self) -> list[str]:
        """The states of the files that came."""
        rows = select(StatementFile.state).order_by(StatementFile.id)
        return self.cashless.database.read(lambda session: list(session.scalars(rows)))


@pytest.fixture
def here(database: Database) -> Iterator[Here]:
    """A service and a bank that know one account, which was paid once at noon."""
    with a_practice_bank() as bank:
        bank.open(NUMBER)
        paid(bank, NOON)
        database.write(lambda session: a_province(session, number=NUMBER) and None)
        yield Here(a_service(database), bank)


def paid(bank: Bank, at: datetime, memo: str = "TTHC1234567894") -> None:
    """A payment into the account."""
    bank.post(
        "pay", account=NUMBER, bin="970436", amount=50_000, memo=memo, at=at.isoformat(),
        via="plain",
    )  # fmt: skip


@pytest.mark.parametrize("layout", ["camt053", "vcb_xlsx", "vcb_csv"])
def test_a_day_that_is_over_is_fetched_once(here: Here, layout: str) -> None:
    """Whatever format the bank hands out; the next round has nothing to do."""
    here.pull(here.bank.statements(layout))

    assert [here.look(), here.look(MORNING + QUARTER)] == [
        "1 of 1 statements",
        "0 of 0 statements",
    ]
    assert here.memos() == ["TTHC1234567894"]
    assert here.fetches() == [(TODAY, "fetched", None, 1)]


def test_missed_days_are_fetched_in_order(here: Here) -> None:
    """A service that was down for two days catches up; a day without movement counts."""
    paid(here.bank, NOON + 2 * ONE, "LATER")
    here.pull()

    assert here.look(MORNING + 2 * ONE) == "3 of 3 statements"
    assert here.memos() == ["TTHC1234567894", "LATER"]


def test_today_is_not_asked_for(here: Here) -> None:
    """A day has its statement when it is over."""
    here.pull()

    assert here.look(NOON) == "0 of 0 statements"


@pytest.mark.parametrize(
    ("fault", "outcome", "problem"),
    [
        ("unavailable", "failed", "bank_declined"),
        ("not_ready", "not_ready", "statement_not_ready"),
        ("slow", "failed", "not_reached"),
        ("cut", "failed", "not_reached"),
        ("garbled", "failed", "unreadable_file"),
    ],
)
def test_what_goes_wrong_is_named_and_tried_again(
    here: Here, fault: str, outcome: str, problem: str
) -> None:
    """Nothing is stored of it, and the next round brings the statement."""
    here.pull()
    here.spoil(fault)

    assert here.look() == "0 of 1 statements"
    failed = here.fetches()
    assert (failed[0][1], here.memos()) == (outcome, [])
    assert failed[0][2] == problem or fault == "garbled"

    assert here.look(MORNING + QUARTER) == "1 of 1 statements"
    assert here.fetches() == [(TODAY, "fetched", None, 2)]
    assert here.memos() == ["TTHC1234567894"]


def test_a_refused_file_is_listed_as_any_upload(here: Here) -> None:
    """A page about maintenance in place of a statement: refused, with its reason."""
    here.pull()
    here.spoil("garbled")
    here.look()

    assert here.files() == ["refused"]


def test_each_failure_waits_longer(here: Here) -> None:
    """A bank that is down is asked after a quarter of an hour, then half, an hour, two, four."""
    here.pull()
    here.spoil("unavailable", times=50)
    asked = [n for n in range(48) if here.look(MORNING + n * QUARTER) == "0 of 1 statements"]

    assert asked == [0, 1, 3, 7, 15, 30, 46]


def test_a_statement_that_is_not_ready_is_asked_for_in_each_round(here: Here) -> None:
    """Banks write them at night: it is there soon after."""
    here.pull()
    here.spoil("not_ready", times=5)
    looked = [here.look(MORNING + n * QUARTER) for n in range(6)]

    assert looked == ["0 of 1 statements"] * 5 + ["1 of 1 statements"]


def test_a_wrong_key_is_told_by_the_banks_answer(here: Here) -> None:
    """401: the day stays wanted until the key is right."""
    here.pull(key="Bearer wrong")
    here.look()
    assert here.fetches() == [(TODAY, "failed", "bank_declined", 1)]

    here.pull()
    assert here.look(MORNING + QUARTER) == "1 of 1 statements"


def test_a_silent_bank_is_asked_once_a_round(here: Here) -> None:
    """Three days are missing; the bank that gave no answer for the first is left alone."""
    here.pull()
    here.spoil("slow", times=10)

    assert here.look(MORNING + 2 * ONE) == "0 of 3 statements"
    assert [attempts for *_, attempts in here.fetches()] == [1]


def test_two_schedulers_ask_once(here: Here) -> None:
    """Whoever begins the attempt first has it; the other finds it begun."""
    here.pull()
    one = Wanted(here.account, TODAY)

    def begun(session: Session) -> bool:
        call = statements.take_call(session, one, vault=here.cashless.vault, now=MORNING)
        return call is not None

    assert [here.cashless.database.write(begun) for _ in range(2)] == [True, False]


def test_a_process_that_died_while_asking_is_followed_by_another(here: Here) -> None:
    """The attempt that was begun and never ended is begun anew after its pause."""
    here.pull()
    one = Wanted(here.account, TODAY)
    here.cashless.database.write(
        lambda session: (
            statements.take_call(session, one, vault=here.cashless.vault, now=MORNING) and None
        )
    )
    assert here.look() == "0 of 0 statements"

    assert here.look(MORNING + QUARTER) == "1 of 1 statements"


def test_a_file_that_somebody_brought_is_not_fetched(here: Here) -> None:
    """The day is covered; the bank is not asked."""
    here.pull()
    here.look()
    here.cashless.database.write(lambda session: session.query(StatementFetch).delete() and None)

    assert here.look(MORNING + QUARTER) == "0 of 0 statements"


def answering(content: bytes, *, times: int = 1) -> Getting:
    """How a bank of the test's own answers: with this, so often over."""

    def get(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) * times))
        handler.end_headers()
        for _ in range(times):
            handler.wfile.write(content)

    return get


@pytest.mark.parametrize(
    ("content", "problem", "stored"),
    [
        (camt("0099999999", [BankLine(1_000)]), "statement_of_another_account", 0),
        (
            camt(NUMBER, [BankLine(1_000, day=TODAY - ONE)], day=TODAY - ONE),
            "statement_of_other_days",
            1,
        ),
        (camt(NUMBER, [BankLine(1_000)], currency="USD"), "other_currency", 0),
        (b"", "statement_file_without_bytes", 0),
    ],
)
def test_a_statement_of_something_else_is_not_taken_for_the_day(
    here: Here, content: bytes, problem: str, stored: int
) -> None:
    """Of another account or currency: refused. Of another day: kept, and the day stays wanted."""
    with a_receiver(getting=answering(content)) as other:
        here.pull(f"{other.url}/{{day}}")
        here.look()

    assert here.fetches() == [(TODAY, "failed", problem, 1)]
    assert len(here.memos()) == stored


def test_an_endless_answer_is_not_read_to_its_end(here: Here) -> None:
    """One byte more than the largest file that is taken, and the line is closed."""
    with a_receiver(getting=answering(b" " * (1 << 20), times=(MOST_BYTES >> 20) + 8)) as other:
        here.pull(f"{other.url}/{{yyyymmdd}}")
        patient = Fetcher(Client(allowed={"127.0.0.1"}))
        with time_machine.travel(MORNING, tick=False):
            patient.fetch_due(here.cashless, MORNING)

    assert here.fetches() == [(TODAY, "failed", "statement_too_large", 1)]


def test_an_answer_of_just_the_largest_size_is_read(here: Here) -> None:
    """It is refused for what it says, not for its size."""
    with a_receiver(getting=answering(bytes(1 << 20), times=MOST_BYTES >> 20)) as other:
        here.pull(f"{other.url}/{{yyyymmdd}}")
        patient = Fetcher(Client(allowed={"127.0.0.1"}))
        with time_machine.travel(MORNING, tick=False):
            patient.fetch_due(here.cashless, MORNING)

    assert here.fetches() == [(TODAY, "failed", "unknown_format", 1)]


def test_a_statement_that_does_not_add_up_is_fetched_again(here: Here) -> None:
    """It is kept and marked; the bank's corrected one takes its place."""
    wrong = camt(NUMBER, [BankLine(1_000)], closing=5)
    with a_receiver(getting=answering(wrong)) as other:
        here.pull(f"{other.url}/{{day}}")
        assert here.look() == "1 of 1 statements"
    with a_receiver(getting=answering(camt(NUMBER, [BankLine(1_000)]))) as other:
        here.pull(f"{other.url}/{{day}}")
        assert here.look(MORNING + QUARTER) == "1 of 1 statements"

    assert here.look(MORNING + 2 * QUARTER) == "0 of 0 statements"


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"address": "https://bank.example.vn/statements"}, InvalidPull),
        ({"address": "https://{day}.example.vn/"}, InvalidPull),
        ({"address": "http://bank.example.vn/{day}"}, AddressRefused),
        ({"address": "https://user:word@bank.example.vn/{day}"}, AddressRefused),
        ({"address": "ftp://bank.example.vn/{day}"}, AddressRefused),
        ({"key": ""}, InvalidPull),
        ({"key": "Bearer a\nHost: b"}, InvalidPull),
    ],
)
def test_a_pull_that_cannot_work_is_refused(
    here: Here, told: dict[str, str], error: type[CashlessError]
) -> None:
    """No place for the day, no TLS, a key that would break the header: said at once."""
    with pytest.raises(error):
        here.pull(**told)


def test_the_key_is_sealed(here: Here) -> None:
    """It stands in no column as it is written."""
    here.pull()
    pull = here.cashless.database.read(
        lambda session: statements.pulls_in_force(session, now=MORNING)[0]
    )

    assert KEY.encode() not in pull.sealed


def test_a_stopped_pull_asks_no_more(here: Here) -> None:
    """And cannot be stopped twice."""
    here.pull()

    def stop(session: Session) -> None:
        statements.end_pull(session, here.account, by=BY, now=NOON)

    here.cashless.database.write(stop)
    assert here.look() == "0 of 0 statements"
    with pytest.raises(NoPull):
        here.cashless.database.write(stop)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, database_url: str, here: Here) -> Here:
    """The machine on which commands are given."""
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())
    return here


def run(*words: str, told: str | None = None) -> Result:
    with time_machine.travel(MORNING, tick=False):
        return CliRunner().invoke(
            click.Group("cashless", commands=COMMANDS), ["statement", *words], input=told
        )


def test_a_pull_is_set_and_used_by_commands(machine: Here) -> None:
    """Set with the key from standard input, listed, fetched, stopped."""
    where = ("--account", NUMBER)
    address = machine.bank.statements()
    set_ = run("pull", "set", *where, address, "--key-file", "-", told=f"Bearer {KEY}\n")
    assert (set_.exception, run("pull", "list").stdout.split()[-1]) == (None, address)

    first, again = run("fetch"), run("fetch")
    assert ("1 dòng mới" in first.stdout, "Không có" in again.stdout) == (True, True)
    assert run("fetch", *where, "--day", f"{TODAY}").exit_code == 0

    assert run("pull", "stop", *where).exit_code == 0
    assert isinstance(run("fetch", *where).exception, NoPull)


def test_a_fetch_by_hand_that_fails_says_why(machine: Here) -> None:
    """Exit 1, and the day is tried again by the job."""
    machine.pull()
    machine.spoil("unavailable")

    result = run("fetch", "--account", NUMBER)

    assert (result.exit_code, "503" in result.stderr) == (1, True)
    assert machine.look(MORNING + QUARTER) == "1 of 1 statements"


def test_staff_see_what_was_fetched_and_what_was_not(here: Here, database_url: str) -> None:
    """Where files are listed: the day, the reason, the next attempt."""
    here.pull()
    here.spoil("unavailable")
    here.look()
    here.cashless.database.write(lambda session: employ(session, Role.VIEWER))

    with whole_app(database_url, MORNING) as app:
        page = shown(app)

    assert "The bank answered 503 and gave no statement." in page
    assert "24 Nov 2026" in page


def shown(app: Flask) -> str:
    """The page of statements."""
    return signing_in(app)(Role.VIEWER).see("/console/statements")
