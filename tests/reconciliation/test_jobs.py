"""The day's run as scheduler, command and console make it: unit by unit, then the portals told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core import clock
from payments.core.database import Database
from payments.outbox import Event
from reconciliation import day_close, jobs, proof, statements
from reconciliation.day_close import AccountDay, Progress
from reconciliation.formats.refusals import UnreadableAmount
from reconciliation.statements import Received, StatementFile
from tests.bank import TODAY, BankLine, a_statement, camt, vietcombank
from tests.bank_sheets import NEW_LAYOUT, NEW_SHEET, as_xls, sheet
from tests.builders import NOON, Province, a_payment_request, a_province, paid
from tests.services import a_service
from tests.statement_files import Movement


def a_paid_and_seen_request(session: Session) -> Province:
    """One payment, told and on the statement; the day not run yet."""
    province = a_province(session)
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province, BankLine(50_000, request.reference))
    return province


@pytest.mark.committed
def test_a_run_tells_the_portal_once_that_a_payment_is_reconciled(database: Database) -> None:
    """After the day's run the portal hears `reconciled`; running again tells nothing new."""
    province = database.write(a_paid_and_seen_request)

    with time_machine.travel(NOON + timedelta(hours=20), tick=True):
        for _ in range(2):
            row = jobs.run_day(database, province.account.id, TODAY)

    told = database.read(
        lambda session: [
            (one.type, one.content["data"]["reconciled"])
            for one in session.scalars(select(Event).order_by(Event.id))
        ]
    )
    assert row.verdict == "reconciled"
    assert told == [("payment_request.paid", False), ("payment_request.reconciled", True)]


@pytest.mark.committed
def test_every_day_that_is_due_is_run_by_itself(database: Database) -> None:
    """At the account's hour yesterday is run; after a standstill all that was missed, in order."""
    province = database.write(a_paid_and_seen_request)
    service, account = a_service(database), province.account.id

    with time_machine.travel(NOON + timedelta(hours=17), tick=True):
        early = jobs.run_due(service, clock.now())
    with time_machine.travel(NOON + timedelta(days=2, hours=18), tick=True):
        late = jobs.run_due(service, clock.now())
        again = jobs.run_due(service, clock.now())

    rows = database.read(
        lambda session: [
            day_close.of(session, account, TODAY + timedelta(days=n)).verdict for n in range(3)
        ]
    )
    assert (early, late, again) == ("0 of 0 days", "3 of 3 days", "0 of 0 days")
    assert rows == ["reconciled", "incomplete", "incomplete"]


@pytest.mark.committed
def test_a_run_that_stopped_in_the_middle_is_finished_by_the_next(database: Database) -> None:
    """Whoever was stopped after a few units, a later run ends with the same figures."""
    province = database.write(a_paid_and_seen_request)
    account, night = province.account.id, NOON + timedelta(hours=13)

    def begun(session: Session) -> None:
        fence = day_close.begin(session, account, TODAY, holder="gone", now=night)
        told = {"fence": fence, "progress": Progress(), "actor": "job", "now": night}
        day_close.run_chunk(session, account, TODAY, **told)

    database.write(begun)
    with time_machine.travel(night + timedelta(minutes=2), tick=True):
        row = jobs.run_day(database, account, TODAY)

    assert row.verdict == "reconciled"
    assert row.figures["matches"] == [{"rule": "code", "count": 1, "sum": 50_000}]
    assert database.read(lambda session: unproved_of(session, account)) == []


def unproved_of(session: Session, account: int) -> list[proof.Identity]:
    """The identities of an account that do not hold."""
    return [one for one in proof.prove(session, account=account) if not one.holds]


@pytest.mark.committed
def test_a_refused_file_leaves_its_reason(database: Database) -> None:
    """A file that is refused leaves its reason, and nothing else."""
    database.write(a_province)
    service = a_service(database)
    with time_machine.travel(NOON, tick=True), pytest.raises(statements.AccountNotSaid):
        jobs.import_statement(
            service, Received(vietcombank([BankLine(1)]), "s.csv"), account=None, by="staff:1"
        )

    files = database.read(lambda session: session.scalars(select(StatementFile)).all())
    assert [(one.state, one.refusal["code"]) for one in files] == [
        ("refused", "statement_account_not_said")
    ]


@pytest.mark.committed
def test_a_reason_with_characters_that_nobody_sees_is_kept(database: Database) -> None:
    """An old workbook can hold NUL; the reason says so in characters that both engines hold."""
    account = database.write(a_province).account
    table = sheet("mb", [Movement(50_000)])
    content = as_xls([["50,0\0" if cell == "50,000" else cell for cell in row] for row in table])
    with pytest.raises(UnreadableAmount) as refused:
        jobs.import_statement(
            a_service(database), Received(content, "s\0.xls"), account=account, by="staff:1"
        )

    file = database.read(lambda session: session.scalars(select(StatementFile)).one())
    assert refused.value.fields["text"] == "50,0\\x00"
    assert (file.filename, file.refusal["fields"]["text"]) == ("s\\x00.xls", "50,0\\x00")


@pytest.mark.committed
def test_a_layout_of_this_machine_is_read_by_an_import(database: Database) -> None:
    """What the setting describes is known to command, console and scheduler alike."""
    account = database.write(a_province).account
    received = Received(NEW_SHEET.encode(), "sheet.csv")
    cashless = a_service(database, layouts=NEW_LAYOUT)
    with time_machine.travel(NOON, tick=True):
        done = jobs.import_statement(cashless, received, account=account, by="staff:1")
    assert (done.statements[0].format, done.statements[0].added) == ("some_bank", 1)


@pytest.mark.committed
def test_a_day_on_which_no_bank_works_waits_for_the_next(database: Database) -> None:
    """Nobody misses a Saturday's statement on Sunday; on Tuesday the weekend is run with Monday."""
    province = database.write(a_paid_and_seen_request)  # a Tuesday
    service, account = a_service(database), province.account.id
    saturday = TODAY + timedelta(days=4)

    with time_machine.travel(NOON + timedelta(days=5), tick=True):
        sunday = jobs.run_due(service, clock.now())
        waits = database.read(lambda session: day_close.find(session, account, saturday))
    with time_machine.travel(NOON + timedelta(days=7), tick=True):
        tuesday = jobs.run_due(service, clock.now())

    assert (sunday, waits, tuesday) == ("4 of 4 days", None, "4 of 4 days")


@pytest.mark.committed
def test_a_statement_of_a_free_day_is_run_when_it_comes(database: Database) -> None:
    """A bank that does send its Saturday is not kept waiting."""
    province = database.write(a_paid_and_seen_request)
    service, account = a_service(database), province.account.id
    saturday = TODAY + timedelta(days=4)
    content = camt(province.account.number, [], opening=50_000, day=saturday)

    with time_machine.travel(NOON + timedelta(days=5), tick=True):
        jobs.import_statement(service, Received(content, "s.xml"), account=None, by="staff:1")
        jobs.run_due(service, clock.now())
        day = database.read(lambda session: day_close.find(session, account, saturday))

    assert day is not None


@pytest.mark.committed
@pytest.mark.parametrize("day", [date(2020, 1, 1), date(1, 1, 1), date(9999, 12, 31)])
def test_days_that_cannot_be_meant_are_not_run(database: Database, day: date) -> None:
    """Neither what lies ahead nor what was before all that is known: nothing is changed."""
    province = database.write(a_paid_and_seen_request)

    with (
        time_machine.travel(NOON + timedelta(hours=20), tick=True),
        pytest.raises(day_close.DayNotToBeRun),
    ):
        jobs.run_day(database, province.account.id, day)

    assert database.read(lambda session: session.scalars(select(AccountDay)).all()) == []
