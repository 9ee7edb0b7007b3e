"""The page of a match: what it rests on, what revoking it books back, and matching it again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from payments import agencies, ledger
from payments.core.database import Database
from payments.credits import Credit
from payments.staff import Role
from reconciliation import matching, proof
from reconciliation.matching import GivenBack, LineMatch
from reconciliation.statements import StatementLine
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import NOON, a_message, a_payment_request, a_province, paid, settle
from tests.console import SignIn, employ, whole_app

MORNING = NOON + timedelta(hours=20)
NIGHT = NOON + timedelta(hours=13)
THERE = "9704001112223"


@dataclass(frozen=True)
class Here:
    """The account, by its public id and its number in the database."""

    public_id: str
    account: int

    @property
    def day(self) -> str:
        return f"/console/days/{self.public_id}/{TODAY}"


@pytest.fixture
def here(database: Database) -> Here:
    """A day with a request paid, a charge, and a credit that the bank took back."""

    def unit(session: Session) -> Here:
        province = a_province(session)
        told = [a_payment_request(province) for _ in range(2)]
        paid(province, told[0], reference="FT1")
        paid(province, told[1], reference="FT2")
        a_statement(
            province,
            BankLine(50_000, told[0].reference, reference="FT1"),
            BankLine(50_000, told[1].reference, reference="FT2"),
            BankLine(-50_000, told[1].reference, reversal=True, reverses="FT2"),
            BankLine(70_000, "khong ma"),
        )
        run(province)
        employ(session, Role.RECONCILER, Role.VIEWER, Role.ADMINISTRATOR)
        return Here(province.account.public_id, province.account.id)

    return database.write(unit)


@pytest.fixture
def app(here: Here, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


def page_of(database: Database, rule: str) -> str:
    """The address of the first match by a rule."""
    query = select(LineMatch.id).where(LineMatch.rule == rule).order_by(LineMatch.id)
    number = database.read(lambda session: session.scalars(query).first())
    return f"/console/matches/{number}"


def standing(database: Database, here: Here) -> object:
    """Every balance, every open item, and what every credit and line is matched with or not."""

    def unit(session: Session) -> tuple[Mapping[str, int], object, object, list[object]]:
        balances = ledger.balances(session, here.account, on=TODAY)
        held = {path: int(amount) for path, amount in balances.items() if amount}
        credits = session.execute(
            select(Credit.id, Credit.to_fees, Credit.held, Credit.match_id.is_(None)).order_by(
                Credit.id
            )
        )
        lines = session.execute(
            select(StatementLine.id, StatementLine.match_id.is_(None)).order_by(StatementLine.id)
        )
        transit = proof.transit(session, here.account, TODAY)
        bank = proof.bank(session, here.account, TODAY)
        return held, transit, bank, [*map(tuple, credits), *map(tuple, lines)]

    return database.read(unit)


@pytest.mark.committed
def test_a_match_tells_what_it_rests_on_and_what_would_be_booked_back(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """The day leads there; everybody who sees figures sees it, only a reconciler has the form."""
    path = page_of(database, "reference")
    assert f'href="{path}"' in sign_in(Role.VIEWER).see(here.day)

    page = sign_in(Role.RECONCILER).see(path)

    for shown in ("Bank reference", "same amount", "50,000", "bank ← transit"):
        assert shown in page, shown
    assert "transit ← bank" in page.split('id="revoke"')[1], "what is booked back"
    assert 'name="reason"' in page
    assert 'name="reason"' not in sign_in(Role.VIEWER).see(path)
    assert sign_in(Role.ADMINISTRATOR).client.get(path).status_code == 403


@pytest.mark.committed
def test_unmatch_then_rematch_leaves_everything_as_it_was(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Through the pages: balances and open items come back to the same, nothing else moved."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "reference")
    before = standing(database, here)

    assert person.send(f"{path}/unmatch", on=path, reason="wrong line").status_code == 303

    page = person.see(path)
    assert "wrong line" in page
    assert "booked back" in page
    assert standing(database, here) != before
    person.send(f"{here.day}/run", on=here.day)  # no rule takes up what a person took apart
    opened = re.findall(r'href="(/console/breaks/[0-9a-f-]{36})"', person.see(path))
    (credit, line) = [one for one in opened if "Match with" in person.see(one)]
    told = {"action": "match", "other": line.rsplit("/", 1)[1], "reason": "the bank confirmed"}
    assert person.send(f"{credit}/decide", on=credit, **told).status_code == 303

    assert standing(database, here) == before
    assert all(one.holds for one in database.read(proof.prove))


@pytest.mark.committed
@pytest.mark.parametrize("rule", ["reversal", "reference"])
def test_what_the_bank_took_back_is_not_revoked(
    sign_in: SignIn, here: Here, database: Database, rule: str
) -> None:
    """Neither the reversal nor the match of the credit it took back: the page says why."""
    query = select(LineMatch.id).where(LineMatch.rule == rule).order_by(LineMatch.id.desc())
    number = database.read(lambda session: session.scalars(query).first())
    path, person = f"/console/matches/{number}", sign_in(Role.RECONCILER)
    before = standing(database, here)

    page = person.see(path)
    refused = person.send(f"{path}/unmatch", on=path, reason="mistaken")

    assert "took back" in page.split('id="revoke"')[1]
    assert 'name="reason"' not in page
    assert refused.status_code == 409
    assert standing(database, here) == before


@pytest.mark.committed
def test_a_match_is_revoked_once_and_with_a_reason(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Without a reason nothing happens; a second time it is refused; unknown is not found."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "reference")
    before = standing(database, here)

    assert person.send(f"{path}/unmatch", on=path, reason=" ").status_code == 422
    assert standing(database, here) == before
    assert person.send(f"{path}/unmatch", on=path, reason="mistaken").status_code == 303
    after = standing(database, here)
    assert person.send(f"{path}/unmatch", on=path, reason="again").status_code == 409
    assert standing(database, here) == after
    for number in ("999", "0", "9" * 30, "x"):
        assert person.client.get(f"/console/matches/{number}").status_code == 404, number
    viewer = sign_in(Role.VIEWER)
    assert viewer.send(f"{path}/unmatch", on=path, reason="mine").status_code == 403


@pytest.mark.committed
def test_a_closed_day_stays_and_the_page_says_where_it_is_booked_back(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """The reversal stands on the next open day; the closed one is as it was."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "reference")

    def close(session: Session) -> None:
        agencies.lock(session, here.account)
        ledger.close_day(session, here.account, TODAY, by="staff:9", now=MORNING)

    database.write(close)
    closed = database.read(lambda session: proof.bank(session, here.account, TODAY))

    page = person.see(path)
    assert "This will be booked back on 25 Nov 2026" in page
    assert "24 Nov 2026 is closed and stays as it is." in page
    person.send(f"{path}/unmatch", on=path, reason="wrong line")

    assert database.read(lambda session: proof.bank(session, here.account, TODAY)) == closed
    assert all(one.holds for one in database.read(proof.prove))


def test_money_given_back_stays_matched(session: Session) -> None:
    """Only money seen on a statement is given back: what was is not made unseen."""
    province = a_province(session)
    a_message(province, "", amount=50_000)
    settle(province)
    a_statement(province, BankLine(50_000, "GOP", "A"))
    (credit,) = province.credits()
    made = matching.match_by_hand(
        session,
        province.account.id,
        lines=session.scalars(select(StatementLine.id)).all(),
        credits=[credit.id],
        reason="bank confirmed",
        by="staff:2",
        now=NIGHT,
    )
    parts = {"unidentified": Credit.unidentified - 20_000, "refunded": 20_000}
    session.execute(update(Credit).values(parts))  # as a payout does

    with pytest.raises(GivenBack):
        matching.unmatch(session, made.id, reason="mistaken", by="staff:2", now=NIGHT)


@pytest.mark.committed
def test_a_transfer_leads_to_its_other_half_and_is_revoked_on_both_accounts(
    sign_in: SignIn, database: Database
) -> None:
    """Each half has its page; taking one apart opens both lines again."""

    def unit(session: Session) -> None:
        there, here = (a_province(session, number=one) for one in (THERE, "0011009998887"))
        a_statement(there, BankLine(900_000, "CHUYEN", payer=here.account.number))
        a_statement(here, BankLine(-900_000, "CHUYEN", payer=THERE), opening=900_000)
        run(here)
        run(there)

    database.write(unit)
    person, path = sign_in(Role.RECONCILER), page_of(database, "transfer")

    page = person.see(path)

    assert "transfers between our accounts" in page.split('id="revoke"')[1]
    (other,) = re.findall(r'href="(/console/matches/[0-9]+)"', page)
    assert f'href="{path}"' in person.see(other)
    assert person.send(f"{other}/unmatch", on=other, reason="not ours").status_code == 303
    for half in (path, other):
        assert "Own transfer, other half not seen" in person.see(half)


def test_revoking_one_match_of_many_looks_at_few_rows(session: Session) -> None:
    """However many credits, lines and entries there ever were: each is found by an index."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    province = a_province(session)
    paid(province, a_payment_request(province), reference="FT1")
    a_statement(province, BankLine(50_000, "x", reference="FT1"))
    run(province)
    (credit,) = province.credits()
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
        matching.unmatch(session, credit.match_id or 0, reason="wrong", by="staff:2", now=NIGHT)
    finally:
        event.remove(engine, "before_cursor_execute", explain)

    grows = "credit|statement_line|line_match|match_member|journal_entry|posting|payment_request"
    assert plans
    assert [step for step in plans if re.match(rf"SCAN ({grows})\b", step)] == []
    assert unproved(province) == []
