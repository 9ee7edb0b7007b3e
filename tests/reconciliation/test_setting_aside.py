"""A wrong statement is set aside by two persons; then the bank's corrected file proves the day."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import agencies, ledger
from payments.core.approvals import AlreadyProposed, NoReasonGiven, SamePerson
from payments.core.database import Database
from payments.staff import Role
from reconciliation import day_close, matching, statements
from reconciliation.breaks import Break
from reconciliation.day_close import AccountDay, Verdict
from reconciliation.matching import LineMatch
from reconciliation.statements import (
    FileState,
    Received,
    SetAsideBefore,
    Statement,
    StatementFile,
    setting_aside,
)
from reconciliation.statements.setting_aside import (
    SettingAsideNotProposed,
    StatementBuiltUpon,
    StatementMatched,
    StatementOfClosedDay,
    StatementSetAside,
)
from tests.bank import TODAY, BankLine, camt, imported, run, unproved
from tests.builders import NOON, Province, a_payment_request, a_province, paid
from tests.console import SignIn, employ, whole_app

NIGHT = NOON + timedelta(hours=13)
MORNING = NOON + timedelta(hours=20)


@dataclass(frozen=True)
class Day:
    """A day on which two requests were paid, and two files of it: one wrong, one right."""

    province: Province
    wrong: bytes
    right: bytes

    def bring(self, content: bytes) -> Statement:
        """The statement of a file, imported."""
        (statement,) = imported(self.province, content).statements
        return statement

    def set_aside(self, statement: Statement) -> None:
        """Sets a statement aside, proposed by one and confirmed by another."""
        session = self.province.session
        setting_aside.propose(session, statement, reason="sai", by="staff:1", now=NIGHT)
        setting_aside.confirm(session, statement, by="staff:2", now=NIGHT)


@pytest.fixture
def day(session: Session) -> Day:
    """The wrong file has one amount wrong, so that it does not add up; nothing is imported yet."""
    return a_day(a_province(session))


def a_day(province: Province) -> Day:
    """Two requests paid today; one file with an amount that is wrong, one without."""
    told = [a_payment_request(province) for _ in range(2)]
    for number, request in enumerate(told, start=1):
        paid(province, request, reference=f"FT{number}")
    good = BankLine(50_000, told[0].reference, reference="FT1")
    bad = BankLine(5_000, told[1].reference, reference="FT2")
    right = BankLine(50_000, told[1].reference, reference="FT2")
    number = province.account.number
    return Day(
        province,
        wrong=camt(number, [good, bad], closing=100_000),
        right=camt(number, [good, right], closing=100_000),
    )


def is_green(row: AccountDay) -> bool:
    """Whether the day is proved to the last đồng."""
    return row.verdict == Verdict.RECONCILED and row.figures["bridge"]["residual"] == 0


def revoke_all(province: Province) -> None:
    """Revokes every live match of the province's account."""
    live = select(LineMatch.id).where(LineMatch.revoked_at.is_(None)).order_by(LineMatch.id)
    for number in province.session.scalars(live).all():
        matching.unmatch(province.session, number, reason="sai", by="staff:1", now=NIGHT)


def test_the_corrected_file_alone_never_makes_the_day_green(day: Day) -> None:
    """Its lines are taken, but the wrong line stays, and so does the wrong statement."""
    day.bring(day.wrong)
    assert run(day.province).verdict == Verdict.INCOMPLETE
    day.bring(day.right)

    assert run(day.province).verdict == Verdict.INCOMPLETE


def test_once_the_wrong_one_is_set_aside_the_corrected_one_proves_the_day(day: Day) -> None:
    """Also though it shares a line with the wrong one; nothing was booked twice."""
    wrong = day.bring(day.wrong)
    assert run(day.province).verdict == Verdict.INCOMPLETE
    revoke_all(day.province)
    before = ledger.balances(day.province.session, day.province.account.id, on=TODAY)
    day.set_aside(wrong)
    assert ledger.balances(day.province.session, day.province.account.id, on=TODAY) == before
    assert run(day.province).verdict == Verdict.INCOMPLETE, "no statement is left of it"

    right = day.bring(day.right)

    assert (right.lines, right.added) == (2, 2)
    row = run(day.province)
    assert is_green(row), (row.verdict, row.figures)
    assert unproved(day.province) == []
    assert day.province.balance("assets:bank") == 100_000
    open_breaks = select(Break.kind).where(Break.cleared_at.is_(None))
    assert day.province.session.scalars(open_breaks).all() == []


def test_a_file_that_is_not_the_banks_is_set_aside_although_it_adds_up(day: Day) -> None:
    """Nothing but a person can tell that it is not the bank's."""
    number = day.province.account.number
    false = day.bring(camt(number, [BankLine(-70_000, "rut tien", reference="X1")]))

    day.set_aside(false)
    day.bring(day.right)

    assert is_green(run(day.province))
    assert unproved(day.province) == []


def test_what_it_was_stays_to_be_seen(day: Day) -> None:
    """The file, the statement with who, when and why, and every line, of no account any more."""
    session, wrong = day.province.session, day.bring(day.wrong)
    day.set_aside(wrong)

    assert (wrong.set_aside_proposed_by, wrong.set_aside_by) == ("staff:1", "staff:2")
    assert (wrong.set_aside_at, wrong.set_aside_because) == (NIGHT, "sai")
    lines = setting_aside.lines_of(session, wrong, after=0, most=10)
    assert [(line.amount, line.collection_account_id) for line in lines] == [
        (50_000, None),
        (5_000, None),
    ]
    assert session.scalars(select(StatementFile.state)).all() == [FileState.SET_ASIDE]
    told = session.scalars(text("SELECT action FROM audit_entry ORDER BY id DESC LIMIT 3")).all()
    assert "statement.set_aside" in told


def test_a_statement_with_a_live_match_is_not_set_aside(day: Day) -> None:
    """It tells which lines; one matched after it was proposed stops the second person too."""
    session, wrong = day.province.session, day.bring(day.wrong)
    setting_aside.propose(session, wrong, reason="sai", by="staff:1", now=NIGHT)
    run(day.province)

    with pytest.raises(StatementMatched):
        setting_aside.confirm(session, wrong, by="staff:2", now=NIGHT)

    (matched,) = setting_aside.matched_lines(session, wrong, most=10)
    assert matched.amount == 50_000
    assert wrong.set_aside_at is None
    revoke_all(day.province)
    setting_aside.confirm(session, wrong, by="staff:2", now=NIGHT)
    assert wrong.set_aside_at is not None


def test_it_takes_two_persons_and_a_reason(day: Day) -> None:
    """Who proposed does not confirm; nothing is confirmed that nobody proposed."""
    session, wrong = day.province.session, day.bring(day.wrong)
    with pytest.raises(SettingAsideNotProposed):
        setting_aside.confirm(session, wrong, by="staff:2", now=NIGHT)
    with pytest.raises(NoReasonGiven):
        setting_aside.propose(session, wrong, reason=" ", by="staff:1", now=NIGHT)
    setting_aside.propose(session, wrong, reason="sai", by="staff:1", now=NIGHT)
    with pytest.raises(AlreadyProposed):
        setting_aside.propose(session, wrong, reason="sai", by="staff:3", now=NIGHT)
    with pytest.raises(SamePerson):
        setting_aside.confirm(session, wrong, by="staff:1", now=NIGHT)

    setting_aside.decline(session, wrong, reason="tệp đúng", by="staff:2", now=NIGHT)

    assert wrong.set_aside_at is None
    with pytest.raises(SettingAsideNotProposed):
        setting_aside.confirm(session, wrong, by="staff:2", now=NIGHT)


def test_it_is_set_aside_once(day: Day) -> None:
    """What is set aside is neither proposed nor confirmed again."""
    session, wrong = day.province.session, day.bring(day.wrong)
    day.set_aside(wrong)

    with pytest.raises(StatementSetAside):
        setting_aside.propose(session, wrong, reason="sai", by="staff:1", now=NIGHT)
    with pytest.raises(StatementSetAside):
        setting_aside.confirm(session, wrong, by="staff:2", now=NIGHT)


def test_the_statement_of_a_closed_day_stays(day: Day) -> None:
    """What a closed day rests on is not taken from under it."""
    session, wrong = day.province.session, day.bring(day.wrong)
    agencies.lock(session, day.province.account.id)
    ledger.close_day(session, day.province.account.id, TODAY, by="staff:9", now=MORNING)

    with pytest.raises(StatementOfClosedDay):
        setting_aside.propose(session, wrong, reason="sai", by="staff:1", now=NIGHT)


def test_a_file_that_left_out_known_lines_is_set_aside_first_and_brought_again(day: Day) -> None:
    """Else its lines would be lost with those of the wrong one."""
    wrong = day.bring(day.wrong)
    right = day.bring(day.right)
    assert right.added == 1
    session = day.province.session

    with pytest.raises(StatementBuiltUpon):
        setting_aside.propose(session, wrong, reason="sai", by="staff:1", now=NIGHT)

    for one in (right, wrong):
        day.set_aside(one)
    again = day.bring(day.right)
    assert again.added == 2
    assert is_green(run(day.province))
    assert unproved(day.province) == []


def test_what_it_superseded_counts_again(day: Day) -> None:
    """A statement gave way to one that is not the bank's: it is looked at as before."""
    province, session = day.province, day.province.session
    number = province.account.number
    good = BankLine(50_000, "x", reference="FT1")
    earlier = day.bring(camt(number, [good], closing=90_000))
    false = day.bring(camt(number, [good, BankLine(1_000, "y")], number="S2"))
    session.refresh(earlier)
    assert earlier.superseded_by_id == false.id

    day.set_aside(false)

    session.refresh(earlier)
    assert earlier.superseded_by_id is None
    assert run(province).verdict == Verdict.INCOMPLETE


def test_a_job_does_not_bring_back_what_was_set_aside(day: Day) -> None:
    """A bank that still offers the wrong file is told no; a person may bring it again."""
    session, province = day.province.session, day.province
    day.set_aside(day.bring(day.wrong))
    received = Received(day.wrong, "day.xml")
    read = statements.read(received, vault=province.vault, prefix="TTHC")

    with pytest.raises(SetAsideBefore):
        statements.import_file(
            session, received, read, account=None, by="job:fetch_statements", now=NIGHT
        )

    assert day.bring(day.wrong).added == 2


def test_days_that_only_a_wrong_file_told_of_are_not_missed(day: Day) -> None:
    """A file of long ago that is not the bank's leaves no days without a statement behind."""
    number, long_ago = day.province.account.number, TODAY - timedelta(days=30)
    day.bring(day.right)
    false = day.bring(camt(number, [], opening=7_000, day=long_ago))
    assert run(day.province).verdict == Verdict.INCOMPLETE

    day.set_aside(false)

    assert is_green(run(day.province))


def test_the_day_is_run_again_after_it(day: Day) -> None:
    """Setting aside is news of the day, as a file is."""
    account, session = day.province.account.id, day.province.session
    wrong = day.bring(day.wrong)
    morning, noon = MORNING, MORNING + timedelta(hours=4)

    def is_due() -> bool:
        return day_close.Due(account, TODAY) in day_close.due(session, now=noon)

    run(day.province, now=morning)
    assert not is_due()

    revoke_all(day.province)
    setting_aside.propose(session, wrong, reason="sai", by="staff:1", now=noon)
    setting_aside.confirm(session, wrong, by="staff:2", now=noon)

    assert is_due()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE statement_line SET match_id = 1",
        "UPDATE statement_line SET collection_account_id = (SELECT id FROM collection_account)",
        "UPDATE statement SET set_aside_at = NULL",
        "UPDATE statement SET set_aside_by = set_aside_proposed_by",
    ],
)
def test_the_database_keeps_aside_what_is_set_aside(day: Day, change: str) -> None:
    """No line of it is matched or given back to an account, and the second person stays."""
    session = day.province.session
    day.set_aside(day.bring(day.wrong))

    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(change))


def test_the_database_sets_nothing_aside_whose_lines_still_count(day: Day) -> None:
    """Only a statement without lines of an account is marked."""
    session = day.province.session
    day.bring(day.wrong)

    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(
            text(
                "UPDATE statement SET set_aside_at = '2026-11-24T12:00:00.000000Z',"
                " set_aside_by = 'staff:2', set_aside_proposed_by = 'staff:1',"
                " set_aside_because = 'sai'"
            )
        )


def test_setting_one_statement_aside_looks_at_few_rows(day: Day) -> None:
    """However many lines and statements there ever were: each is found by an index."""
    session = day.province.session
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    wrong = day.bring(day.wrong)

    plans = plans_of(session, lambda: day.set_aside(wrong))

    grows = "statement|statement_file|statement_line|approval|line_match"
    assert plans
    assert [step for step in plans if re.match(rf"SCAN ({grows})\b", step)] == []


def plans_of(session: Session, act: Callable[[], None]) -> list[str]:
    """The steps by which SQLite answers what is asked while something is done."""
    plans: list[str] = []

    def explain(connection, _cursor, statement, parameters, *_rest) -> None:  # type: ignore[no-untyped-def]
        if statement.startswith(("SELECT", "UPDATE", "INSERT")):
            asked = connection.connection.driver_connection.execute(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            plans.extend(row[3] for row in asked)

    engine = session.connection()
    event.listen(engine, "before_cursor_execute", explain)
    try:
        act()
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    return plans


@dataclass(frozen=True)
class Here:
    """The day at the console: the account's public id, and the two files."""

    public_id: str
    wrong: bytes
    right: bytes

    @property
    def day(self) -> str:
        return f"/console/days/{self.public_id}/{TODAY}"


@pytest.fixture
def here(database: Database) -> Here:
    """The day, and people of every role."""

    def unit(session: Session) -> Here:
        day = a_day(a_province(session))
        roles = (Role.RECONCILER, Role.APPROVER, Role.VIEWER, Role.ADMINISTRATOR)
        employ(session, *roles)
        return Here(day.province.account.public_id, day.wrong, day.right)

    return database.write(unit)


@pytest.fixture
def app(here: Here, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


def statements_on(page: str) -> set[str]:
    """The statements that a page leads to."""
    return set(re.findall(r'href="(/console/statements/[0-9a-f-]{36}/1)"', page))


@pytest.mark.committed
def test_at_the_console_a_day_becomes_green_after_a_wrong_file(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Brought, run, matches revoked from its page, proposed, confirmed, corrected, green."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)

    def bring(content: bytes) -> None:
        sent = maker.send("/console/statements", file=(BytesIO(content), "day.xml"))
        assert sent.status_code == 303

    def judged() -> AccountDay:
        assert maker.send(f"{here.day}/run", on=here.day).status_code == 303
        return database.read(lambda session: session.scalars(select(AccountDay)).one())

    bring(here.wrong)
    assert judged().verdict == Verdict.INCOMPLETE
    (path,) = statements_on(maker.see(here.day))
    page = maker.see(path)
    assert "Revoke each of these matches first" in page
    assert maker.send(f"{path}/set-aside", on=path, reason="sai").status_code == 409
    (match,) = set(re.findall(r'href="(/console/matches/\d+)"', page))
    assert maker.send(f"{match}/unmatch", on=match, reason="sai").status_code == 303

    assert maker.send(f"{path}/set-aside", on=path, reason="dòng 2 sai").status_code == 303
    assert "dòng 2 sai" in checker.see(path)
    assert maker.send(f"{path}/set-aside/confirm", on=path).status_code == 403
    assert checker.send(f"{path}/set-aside/confirm", on=path).status_code == 303

    page = maker.see(path)
    for shown in ("Set aside", "Ms reconciler", "Ms approver", "dòng 2 sai", "SET ASIDE."):
        assert shown in page, shown
    assert "SET ASIDE." in maker.see("/console/statements")
    line = re.findall(r'href="(/console/lines/\d+)"', page)[0]
    assert "Statement set aside" in maker.see(line)
    bring(here.right)
    row = judged()
    assert is_green(row), (row.verdict, row.figures)


@pytest.mark.committed
def test_at_the_console_only_the_right_people_set_aside(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Everybody who sees figures sees the page; unknown ones are not found; one may decline."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    maker.send("/console/statements", file=(BytesIO(here.wrong), "day.xml"))
    (path,) = set(
        re.findall(
            r'href="(/console/statements/[0-9a-f-]{36}/1)"', maker.see("/console/statements")
        )
    )
    viewer = sign_in(Role.VIEWER)
    assert 'name="reason"' not in viewer.see(path)
    assert viewer.send(f"{path}/set-aside", on=path, reason="x").status_code == 403
    assert sign_in(Role.ADMINISTRATOR).client.get(path).status_code == 403
    for unknown in (f"{path[:-1]}2", "/console/statements/x/1", f"{path[:-1]}0"):
        assert maker.client.get(unknown).status_code == 404, unknown
    assert maker.client.get(f"{path}?after=x").status_code == 422
    assert checker.send(f"{path}/set-aside/confirm", on=path).status_code == 409
    assert maker.send(f"{path}/set-aside", on=path, reason=" ").status_code == 422

    assert maker.send(f"{path}/set-aside", on=path, reason="sai").status_code == 303
    declined = checker.send(f"{path}/set-aside/decline", on=path, reason="tệp đúng")

    assert declined.status_code == 303
    aside = select(func.count()).where(Statement.set_aside_at.is_not(None))
    assert database.read(lambda session: session.scalar(aside)) == 0
