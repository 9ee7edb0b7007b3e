"""Saved layouts of sheets: confirmed by another person, read by every door, replaced, withdrawn."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from payments.core.approvals import ShownChanged
from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.staff import Role
from reconciliation import jobs
from reconciliation.cli import COMMANDS
from reconciliation.formats.choices import Choices
from reconciliation.formats.spreadsheet import LayoutNotFound
from reconciliation.formats.trials import tried
from reconciliation.statements import Received, Statement, StatementLayout, StatementLine, layouts
from reconciliation.statements.layouts import LayoutNotConfirmed
from tests.bank_sheets import NEW_LAYOUT
from tests.builders import NOON
from tests.console import Person, SignIn, whole_app
from tests.layout_pages import (
    ACCOUNT,
    CHARGE,
    PAGE,
    SHEET,
    an_office,
    answered,
    bring,
    confirmed,
    drafted,
    rows,
    said,
    save,
    saved,
)
from tests.services import a_service
from tests.statement_files import as_csv

pytestmark = pytest.mark.committed

ONE = Received(SHEET, "day.csv")


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, an account, and people of every role."""
    an_office(database)
    with whole_app(database_url, NOON) as whole:
        yield whole


@pytest.fixture
def reconciler(sign_in: SignIn) -> Person:
    """Who brings statements and drafts layouts."""
    return sign_in(Role.RECONCILER)


@pytest.fixture
def approver(sign_in: SignIn) -> Person:
    """The second person."""
    return sign_in(Role.APPROVER)


def stored(database: Database) -> list[tuple[str, int]]:
    """Every line that was booked, with its direction and amount."""
    lines = select(StatementLine.direction, StatementLine.amount).order_by(StatementLine.number)
    return [tuple(row) for row in database.read(lambda session: session.execute(lines).all())]


def told(database: Database) -> list[str]:
    """What the audit trail says was done with layouts, in order."""
    rows = select(AuditEntry.action).where(AuditEntry.action.like("layout.%"))
    return list(database.read(lambda s: s.scalars(rows.order_by(AuditEntry.id)).all()))


def saved_layouts(database: Database) -> list[tuple[int, str]]:
    """Every saved version with its state."""
    rows = select(StatementLayout.version, StatementLayout.state).order_by(StatementLayout.id)
    return [tuple(row) for row in database.read(lambda session: session.execute(rows).all())]


def read_by(database: Database) -> list[int]:
    """The version that each stored statement was read by."""
    rows = (
        select(StatementLayout.version)
        .join(Statement, Statement.statement_layout_id == StatementLayout.id)
        .order_by(Statement.id)
    )
    return list(database.read(lambda session: session.scalars(rows).all()))


def run(verb: str, *words: object):
    """A command about statements."""
    return CliRunner().invoke(COMMANDS["statement"], [verb, *map(str, words)])


def test_nothing_is_booked_before_a_second_person_has_confirmed(
    reconciler: Person, approver: Person, database: Database
) -> None:
    """Until then files in it can be looked at; whoever saved it does not confirm it."""
    assert "No header row" in said(bring(reconciler))
    page = saved(reconciler)

    refused = bring(reconciler)
    assert (refused.status_code, "not confirmed" in said(refused)) == (409, True)
    offered = bring(reconciler, then="look").location
    shown = reconciler.see(offered)
    assert "waits to be confirmed" in shown
    assert "+50,000" in shown
    assert ">Import<" not in shown
    assert stored(database) == []
    assert reconciler.send(f"{page}/confirm", on=page).status_code == 403

    assert approver.send(f"{page}/confirm", on=page).status_code == 303

    assert ">Import<" in reconciler.see(offered)
    assert reconciler.send(f"{offered}/import", on=offered).status_code == 303
    assert stored(database) == [("credit", 50_000), ("debit", 3_300)]
    assert read_by(database) == [1]
    assert told(database) == ["layout.drafted", "layout.saved", "layout.confirmed"]


def test_whoever_saved_a_layout_does_not_confirm_it(reconciler: Person, database: Database) -> None:
    """Not even with the role for it: the database holds that too."""
    page = saved(reconciler)

    def same(session) -> None:
        row = session.scalar(select(StatementLayout))
        row.state, row.confirmed_by, row.confirmed_at = "active", row.saved_by, NOON

    with pytest.raises(IntegrityError, match="four_eyes"):
        database.write(same)
    assert "waits" in reconciler.see(page)


def ends(page: str) -> str:
    """The public id of a layout by its page."""
    return page.rsplit("/", 1)[1]


def test_the_watched_folder_and_jobs_read_by_it(
    reconciler: Person, approver: Person, database: Database, tmp_path: Path
) -> None:
    """Each finds the layout by its header, as the upload does; unconfirmed it books nothing."""
    cashless = a_service(database, drop_folder=tmp_path)
    page = saved(reconciler)
    for name in ("before.csv", "after.csv"):
        if name == "after.csv":
            assert approver.send(f"{page}/confirm", on=page).status_code == 303
        (tmp_path / name).write_bytes(SHEET)
        os.utime(tmp_path / name, (NOON.timestamp() - 60,) * 2)
        taken = jobs.take_dropped(cashless, NOON)
        assert taken == ("0 of 1 files" if name == "before.csv" else "1 of 1 files")

    [reason] = (tmp_path / "refused").glob("*.txt")
    assert "chưa được người thứ hai xác nhận" in reason.read_text()
    assert stored(database) == [("credit", 50_000), ("debit", 3_300)]
    assert jobs.import_statement(cashless, ONE, account=None, by="t:1").again


def test_the_command_reads_by_it_and_parse_needs_no_database(
    reconciler: Person,
    approver: Person,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`statement import` finds it by header or by name; `parse` knows only files of layouts."""
    confirmed(reconciler, approver)
    path = tmp_path / "day.csv"
    path.write_bytes(SHEET)
    assert isinstance(run("parse", path).exception, LayoutNotFound)
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())

    assert run("import", path, "--format", "no_such").exit_code == 2
    done = run("import", path, "--format", "new_bank")

    assert (done.exit_code, done.exception) == (0, None)
    assert ACCOUNT in done.stdout


def test_a_new_version_replaces_the_one_before_when_confirmed(
    reconciler: Person, approver: Person, database: Database
) -> None:
    """Until then the old one reads; both stay to be seen, and what each read is known."""
    first = confirmed(reconciler, approver)
    draft = reconciler.send(f"{first}/revise", on=first).location
    answered(reconciler, draft, **{"column-5": "nothing", "order": ""})
    second = save(reconciler, draft).location

    assert bring(reconciler).status_code == 303
    assert saved_layouts(database) == [(1, "active"), (2, "waiting")]
    again = reconciler.send(f"{first}/revise", on=first).location
    answered(reconciler, again)
    waits = save(reconciler, again)
    assert (waits.status_code, "one at a time" in said(waits)) == (409, True)

    assert approver.send(f"{second}/confirm", on=second).status_code == 303

    assert saved_layouts(database) == [(1, "replaced"), (2, "active")]
    assert "A newer version took its place." in reconciler.see(first)
    other = as_csv(rows(["25/11/2026", "A9", "x", "", "7.000", "8.000"]))
    assert bring(reconciler, other).status_code == 303
    assert read_by(database) == [1, 2]


def test_a_withdrawn_layout_reads_nothing_more(
    reconciler: Person, approver: Person, database: Database
) -> None:
    """Either of the two may stop it, with a reason; what it read stays."""
    page = confirmed(reconciler, approver)
    assert bring(reconciler).status_code == 303
    assert approver.send(f"{page}/withdraw", on=page, reason=" ").status_code == 422

    assert approver.send(f"{page}/withdraw", on=page, reason="it changed").status_code == 303

    refused = bring(reconciler, as_csv(rows(CHARGE)))
    assert (refused.status_code, "No header row" in said(refused)) == (422, True)
    assert "it changed" in reconciler.see(page)
    assert len(stored(database)) == 2
    again = approver.send(f"{page}/confirm", on=page)
    assert (again.status_code, "meanwhile" in said(again)) == (409, True)
    assert told(database)[-1] == "layout.withdrawn"


def test_a_layout_withdrawn_while_a_file_is_read_books_nothing(
    reconciler: Person, approver: Person, database: Database
) -> None:
    """The door to the lines looks again, under a lock, in the unit that stores them."""
    page = confirmed(reconciler, approver)
    cashless = a_service(database)

    def stop(_bytes: int) -> None:
        approver.send(f"{page}/withdraw", on=page, reason="wrong")

    with pytest.raises(LayoutNotConfirmed):
        jobs.import_statement(cashless, ONE, account=None, by="t:1", tell=stop)
    assert stored(database) == []


def test_a_second_person_may_say_no(
    reconciler: Person, approver: Person, database: Database
) -> None:
    """With a reason; the name is free for a better version."""
    page = saved(reconciler)

    assert approver.send(f"{page}/decline", on=page, reason="money in and out").status_code == 303

    assert "money in and out" in reconciler.see(page)
    assert "No header row" in said(bring(reconciler))
    saved(reconciler)
    assert saved_layouts(database) == [(1, "declined"), (2, "waiting")]


def test_only_who_saved_it_takes_a_waiting_layout_back(
    reconciler: Person, approver: Person, database: Database
) -> None:
    """The other person declines it instead."""
    page = saved(reconciler)

    assert approver.send(f"{page}/withdraw", on=page, reason="x").status_code == 403
    assert reconciler.send(f"{page}/withdraw", on=page, reason="x").status_code == 303
    assert saved_layouts(database) == [(1, "withdrawn")]


def test_a_layout_that_could_be_taken_for_another_is_not_kept(
    reconciler: Person, approver: Person
) -> None:
    """Neither for a bank's own of ours, nor for a saved one, waiting or active."""
    draft = drafted(reconciler, SHEET, "first")
    answered(reconciler, draft)
    other = drafted(reconciler, SHEET, "second")
    assert "could also be that of" not in answered(reconciler, other)
    page = save(reconciler, draft).location

    assert "could also be that of first" in reconciler.see(other)
    refused = save(reconciler, other)
    assert (refused.status_code, "could also be that of first" in said(refused)) == (409, True)
    assert approver.send(f"{page}/confirm", on=page).status_code == 303
    assert save(reconciler, other).status_code == 409
    assert reconciler.send(f"{other}/discard", on=other).status_code == 303
    assert reconciler.client.get(other).status_code == 404


def test_a_draft_changed_meanwhile_is_not_saved_as_it_was(
    reconciler: Person, database: Database
) -> None:
    """What is saved is what was tried."""
    draft_page = drafted(reconciler)
    answered(reconciler, draft_page)

    def unit(session) -> None:
        row = layouts.draft_of(session, ends(draft_page))
        choices = Choices.heard(row.choices)
        trial = tried(BytesIO(SHEET), choices, name=row.name, others={})
        layouts.amend(session, row, replace(choices, thousands="comma"))
        words = {"further": "", "reason": "x", "by": "staff:1", "now": NOON}
        layouts.save(session, row, trial, choices=choices, **words)

    with pytest.raises(ShownChanged):
        database.write(unit)
    assert saved_layouts(database) == []


def test_the_file_of_layouts_hides_a_saved_one_of_its_name(
    reconciler: Person, approver: Person, database: Database
) -> None:
    """The machine's own file is the administrator's word; sheets of the saved one are refused."""
    confirmed(reconciler, approver, "some_bank")
    cashless = a_service(database, layouts=NEW_LAYOUT)

    assert list(jobs.layouts_of(cashless).saved) == []
    with pytest.raises(LayoutNotFound):
        jobs.import_statement(cashless, ONE, account=None, by="t:1")
    assert list(jobs.layouts_of(a_service(database)).saved) == ["some_bank"]


def test_the_page_lists_every_layout(reconciler: Person, approver: Person, sign_in: SignIn) -> None:
    """Built in and saved ones with their state; readers may look and change nothing."""
    page = confirmed(reconciler, approver)
    viewer = sign_in(Role.VIEWER)

    listed = viewer.see(PAGE)

    for piece in ("techcombank", "new_bank · version 1", "active"):
        assert piece in listed, piece
    assert "Draft a layout" not in listed
    assert "TTHC0123456789" in viewer.see(page)
    for path in (f"{page}/withdraw", f"{page}/confirm", f"{page}/revise"):
        assert viewer.send(path, on=page, reason="x").status_code == 403, path
    assert sign_in(Role.ADMINISTRATOR).client.get(PAGE).status_code == 403


def test_what_is_not_there_is_not_found(reconciler: Person, approver: Person) -> None:
    """Of drafts and layouts alike."""
    for path in (f"{PAGE}/none", f"{PAGE}/drafts/none"):
        assert reconciler.client.get(path).status_code == 404
    assert approver.send(f"{PAGE}/none/confirm").status_code == 404
