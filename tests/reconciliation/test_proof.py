"""The proof finds what does not agree: every identity, broken by hand, is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.core.money import Dong
from reconciliation import bookings, day_close, proof
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import NOON, Province, a_message, a_payment_request, a_province, paid, settle

NIGHT = NOON + timedelta(hours=13)


@pytest.fixture
def province(session: Session) -> Province:
    """A closed day with something of everything: exact, short, unidentified, unseen, opening."""
    one = a_province(session)
    told = {"amount": Dong(1_000_000), "day": TODAY, "now": NOON}
    bookings.open_account(session, one.account.id, by="staff:1", approved_by="staff:2", **told)
    exact, short, unseen = (a_payment_request(one) for _ in range(3))
    paid(one, exact)
    paid(one, short, 20_000)
    paid(one, unseen)
    a_message(one, "khong ma", amount=30_000, reference="FT3")
    settle(one)
    a_statement(
        one,
        BankLine(50_000, exact.reference),
        BankLine(20_000, short.reference),
        BankLine(30_000, "khong ma", reference="FT3"),
        BankLine(-7_000, "PHI"),
        opening=1_000_000,
    )
    run(one)
    day_close.propose(session, one.account.id, TODAY, by="staff:1", now=NIGHT)
    day_close.close(session, one.account.id, TODAY, by="staff:2", now=NIGHT)
    return one


def test_what_nobody_touched_proves(province: Province) -> None:
    """Every identity holds, and each is about this account."""
    found = proof.prove(province.session)

    assert unproved(province) == []
    assert [one.name for one in found] == list(proof.Name)
    assert {one.collection_account_id for one in found} == {province.account.id}


def test_the_figures_are_not_all_zero(province: Province) -> None:
    """The proof compares figures there are, not nothing with nothing."""
    figures = {one.name: one.actual for one in proof.prove(province.session)}

    assert figures[proof.Name.BANK_IS_BOOKED_LINES] == 1_100_000
    assert figures[proof.Name.BANK_REACHES_CLOSING] == 1_093_000
    assert figures[proof.Name.TRANSIT_IS_UNSEEN_CREDITS] == 50_000
    assert figures[proof.Name.HELD_IS_HELD_BY_CREDITS] == 20_000
    assert figures[proof.Name.UNIDENTIFIED_IS_OF_CREDITS] == 30_000
    assert figures[proof.Name.FEES_ARE_PAID_BY_CREDITS] == 100_000
    assert figures[proof.Name.MATCHES_POSTED_ONCE] == 3
    assert figures[proof.Name.CREDITS_POSTED_ONCE] == 4


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ("UPDATE statement_line SET match_id = NULL WHERE number = 1", "bank_is_booked_lines"),
        ("UPDATE statement_line SET amount = amount + 1 WHERE number = 2", "bank_is_booked_lines"),
        ("UPDATE statement_line SET amount = amount + 1 WHERE number = 4", "bank_reaches_closing"),
        ("UPDATE statement SET closing = closing + 1", "bank_reaches_closing"),
        ("UPDATE credit SET match_id = NULL WHERE id = {first}", "transit_is_unseen_credits"),
        (
            "UPDATE credit SET held = held - 1, unidentified = unidentified + 1 WHERE held > 0",
            "held_is_held_by_credits",
        ),
        (
            "UPDATE credit SET held = 1, unidentified = unidentified - 1 WHERE unidentified > 0",
            "unidentified_is_of_credits",
        ),
        (
            "UPDATE credit SET to_fees = to_fees - 1, held = 1 WHERE id = {first}",
            "fees_are_paid_by_credits",
        ),
        ("UPDATE allocation SET amount = amount - 1", "fees_are_allocated"),
        (
            "UPDATE payment_request SET received = received + 1 WHERE status = 'open'",
            "requests_received_credits",
        ),
        (
            "UPDATE payment_request SET confirmed = confirmed - 1 WHERE confirmed > 0",
            "requests_confirmed_by_lines",
        ),
        ("DELETE FROM line_match WHERE first_line_id IN ({lines})", "matches_posted_once"),
        (
            "UPDATE credit SET finding = NULL, settled_at = NULL WHERE id = {first}",
            "credits_posted_once",
        ),
        ("UPDATE balance_snapshot SET debits = debits + 1", "snapshots_are_postings"),
    ],
)
def test_what_was_touched_does_not_prove(province: Province, done: str, told: str) -> None:
    """One figure changed behind the service's back, and the identity it stands in says so."""
    first = province.credits()[0].id
    lines = "SELECT id FROM statement_line WHERE number = 1"
    province.session.flush()
    province.session.execute(text(done.format(first=first, lines=lines)))
    province.session.expire_all()

    assert told in [one.name for one in unproved(province)]


def test_a_posting_cannot_be_touched_at_all(province: Province) -> None:
    """The ledger itself refuses to be edited."""
    nested = province.session.begin_nested()
    with pytest.raises(Exception, match="append-only"):
        province.session.execute(text("UPDATE posting SET amount = amount + 1"))
    nested.rollback()


def test_a_day_that_is_past_is_proved_with_its_own_figures(province: Province) -> None:
    """Bank and transit at a day's end, whatever was booked later."""
    tomorrow = TODAY + timedelta(days=1)
    line = BankLine(50_000, "khong ma gi", reference="FT9", day=tomorrow)
    a_statement(province, line, opening=1_093_000, day=tomorrow)
    run(province, tomorrow, now=NIGHT + timedelta(days=1))

    then = {one.name: one.actual for one in proof.prove(province.session, day=TODAY)}
    now = {one.name: one.actual for one in proof.prove(province.session)}

    assert then[proof.Name.BANK_REACHES_CLOSING] == 1_093_000
    assert now[proof.Name.BANK_REACHES_CLOSING] == 1_143_000
    assert unproved(province) == []
