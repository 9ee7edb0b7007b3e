"""What needs a person: each break from its cause, and gone when that goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payment_requests, references
from reconciliation import breaks
from reconciliation.breaks import Break
from tests.bank import TODAY, BankLine, a_statement, imported, run, unproved, vietcombank
from tests.builders import (
    NOON,
    Province,
    a_message,
    a_payment_request,
    a_province,
    paid,
    settle,
)

NIGHT = NOON + timedelta(hours=13)


@pytest.fixture
def province(session: Session) -> Iterator[Province]:
    """A province whose ledger proves after whatever a test does."""
    one = a_province(session)
    yield one
    assert unproved(one) == []


def live(province: Province, through: date = TODAY) -> list[str]:
    """The kinds of the live breaks, sorted."""
    found = breaks.live(province.session, province.account.id, through=through, most=100)
    return sorted(one.kind for one in found)


def test_a_day_where_all_agrees_has_no_break(province: Province) -> None:
    """One payment, one callback, one line."""
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province, BankLine(50_000, request.reference))

    day = run(province)

    assert (day.verdict, live(province)) == ("reconciled", [])


def test_a_credit_without_a_line_waits_and_then_counts(province: Province) -> None:
    """A told credit may miss the statement for two days; after that somebody has to look."""
    paid(province, a_payment_request(province))
    a_statement(province)

    assert run(province).verdict == "pending"
    later = run(province, now=NOON + timedelta(hours=49))

    assert (later.verdict, live(province)) == ("breaks", ["callback_without_line"])


def test_the_line_that_comes_later_clears_the_break(province: Province) -> None:
    """The same credit, seen on a corrected statement, is no break any more, and keeps its row."""
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province)
    run(province)
    a_statement(province, BankLine(50_000, request.reference), opening=0)

    day = run(province)

    kept = province.session.scalars(select(Break)).one()
    assert (day.verdict, live(province)) == ("reconciled", [])
    assert kept.cleared_at == NIGHT


def test_what_only_a_shared_key_told_is_advised_unconfirmed(province: Province) -> None:
    """A class C word that no line confirms is a break of its own, after its own grace."""
    paid(province, a_payment_request(province), source="sepay_key")
    a_statement(province)

    assert run(province).verdict == "pending"
    later = run(province, now=NOON + timedelta(hours=25))

    assert (later.verdict, live(province)) == ("breaks", ["advised_unconfirmed"])


def test_a_missed_callback_is_told_and_harms_nothing(province: Province) -> None:
    """The money is booked by its line; that nobody told is for information, one for the day."""
    requests = [a_payment_request(province) for _ in range(3)]
    a_statement(province, *[BankLine(50_000, one.reference) for one in requests])

    day = run(province)

    found = breaks.live(province.session, province.account.id, through=TODAY, most=9)
    assert [(one.kind, one.items, one.amount) for one in found] == [("missed_callback", 3, 150_000)]
    assert day.verdict == "reconciled"


@pytest.mark.parametrize(
    ("amount", "kind"), [(20_000, "short"), (70_000, "overpaid"), (50_000, None)]
)
def test_another_amount_than_asked_is_a_break(
    province: Province, amount: int, kind: str | None
) -> None:
    """Too little or too much is held until somebody decides; the right amount is not."""
    request = a_payment_request(province)
    paid(province, request, amount)
    a_statement(province, BankLine(amount, request.reference))

    run(province)

    assert live(province) == ([kind] if kind else [])


def test_the_rest_of_a_short_payment_clears_it(province: Province) -> None:
    """When the sum reaches what is due, nothing is held any more."""
    request = a_payment_request(province)
    for amount in (20_000, 30_000):
        paid(province, request, amount)
    a_statement(province, *[BankLine(n, request.reference) for n in (20_000, 30_000)])

    assert run(province).verdict == "reconciled"


def test_a_second_payment_is_a_duplicate(province: Province) -> None:
    """The second full payment of one request is held."""
    request = a_payment_request(province)
    for _ in range(2):
        paid(province, request)
    a_statement(province, *[BankLine(50_000, request.reference, reference=r) for r in "AB"])

    run(province)

    assert live(province) == ["duplicate"]


def test_money_for_a_cancelled_request_is_held(province: Province) -> None:
    """What comes after the cancellation is held."""
    request = a_payment_request(province)
    payment_requests.cancel(
        province.session, request, reason=payment_requests.CancelReason.WITHDRAWN, now=NOON
    )
    paid(province, request)
    a_statement(province, BankLine(50_000, request.reference))

    run(province)

    assert live(province) == ["after_cancel"]


def test_several_codes_that_do_not_add_up(province: Province) -> None:
    """One transfer for two requests that is not their sum is held."""
    one, other = a_payment_request(province), a_payment_request(province)
    memo = f"{one.reference} {other.reference}"
    a_message(province, memo, amount=90_000)
    settle(province)
    a_statement(province, BankLine(90_000, memo))

    run(province)

    assert live(province) == ["split_mismatch"]


def test_a_code_of_another_account(province: Province) -> None:
    """A code of a request of another of our accounts is held on the account it came to."""
    other = a_province(province.session, number="0099999999")
    request = a_payment_request(province)
    a_message(other, request.reference, amount=50_000)
    settle(other)
    a_statement(other, BankLine(50_000, request.reference))

    run(other)

    assert live(other) == ["wrong_account"]


@pytest.mark.parametrize(
    ("memo", "kind"),
    [
        ("nop le phi", "unidentified"),
        ("nop TTHC12345", "damaged_code"),
        ("nop TTHC0000000001", "damaged_code"),
        ("nop TTHC0000000000", "unidentified"),
    ],
)
def test_money_nobody_is_known_for(province: Province, memo: str, kind: str) -> None:
    """No code, a cut or damaged one, or one that was never issued."""
    assert len(references.find(memo)) == ("TTHC" in memo)
    a_message(province, memo, amount=50_000, reference="FT1")
    settle(province)
    a_statement(province, BankLine(50_000, memo, reference="FT1"))

    run(province)

    assert live(province) == [kind]


def test_one_reference_with_two_amounts(province: Province) -> None:
    """Both sides stand until people decide which one is right."""
    paid(province, a_payment_request(province), reference="FT1")
    a_statement(province, BankLine(51_000, "khong ma", reference="FT1"))

    run(province)

    assert live(province) == ["amount_differs", "callback_without_line"]


def test_a_line_that_may_be_a_told_credit_is_not_booked_twice(province: Province) -> None:
    """Nothing but the amount ties them: both wait for a person."""
    a_message(province, "", amount=50_000)
    settle(province)
    a_statement(province, BankLine(50_000, "nop le phi"))

    run(province)

    assert live(province) == ["callback_without_line", "unidentified", "unidentified"]


def test_what_the_bank_took_back_has_to_be_paid_again(province: Province) -> None:
    """A reversed credit is a break until its request is paid anew."""
    request = a_payment_request(province)
    paid(province, request)
    a_statement(
        province,
        BankLine(50_000, request.reference, reference="FT1"),
        BankLine(-50_000, reference="FT2", reversal=True, reverses="FT1"),
        sequence=1,
    )
    run(province)
    assert live(province) == ["reversed"]

    paid(province, request)
    a_statement(province, BankLine(50_000, request.reference, reference="FT3"), sequence=2)

    assert run(province).verdict == "reconciled"


def test_a_debit_nothing_explains(province: Province) -> None:
    """Money that left, and nobody knows why."""
    a_statement(province, BankLine(20_000), BankLine(-11_000, "THU PHI QLTK"))

    run(province)

    assert live(province) == ["debit_unexplained", "missed_callback", "unidentified"]


def test_one_event_told_in_two_ways(province: Province) -> None:
    """The same event with another body: the first stands, people decide."""
    request = a_payment_request(province)
    paid(province, request, event="77")
    a_message(province, request.reference, amount=40_000, event="77")
    settle(province)
    a_statement(province, BankLine(50_000, request.reference))

    run(province)

    assert live(province) == ["delivery_conflict"]


def test_a_day_without_a_statement_is_incomplete(province: Province) -> None:
    """No file, no proof."""
    paid(province, a_payment_request(province))

    day = run(province)

    assert day.verdict == "incomplete"
    assert live(province) == ["callback_without_line", "statement_missing"]


def test_a_statement_that_does_not_add_up(province: Province) -> None:
    """Opening and lines do not come to the closing the bank states: kept, and never green."""
    a_statement(province, BankLine(50_000), closing=60_000)

    day = run(province)

    assert day.verdict == "incomplete"
    assert "statement_unbalanced" in live(province)
    assert "residual" in day.figures["reasons"]
    a_statement(province, BankLine(50_000), BankLine(10_000), sequence=9)


def test_a_gap_between_two_statements(province: Province) -> None:
    """The second statement does not open with the closing of the first: something is missing."""
    tomorrow = TODAY + timedelta(days=1)
    a_statement(province, BankLine(50_000))
    a_statement(province, opening=80_000, day=tomorrow)

    day = run(province, tomorrow)

    gap = next(one for one in _live_rows(province, tomorrow) if one.kind == "balance_gap")
    assert (day.verdict, gap.day, gap.amount) == ("incomplete", tomorrow, 30_000)
    lines = [BankLine(30_000, "bo sung", reference="X", day=TODAY)]
    a_statement(province, *lines, opening=50_000, closing=80_000, sequence=2)
    assert run(province, tomorrow).verdict == "breaks"


def test_days_without_movement_need_no_statement(province: Province) -> None:
    """Between an equal closing and opening nothing moved."""
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province, BankLine(50_000, request.reference))
    a_statement(province, opening=50_000, day=TODAY + timedelta(days=3))

    between = run(province, TODAY + timedelta(days=2))

    assert between.verdict == "reconciled"
    assert between.figures["bridge"]["closing_basis"] == "carried"


def test_a_second_format_is_compared_not_booked(province: Province) -> None:
    """The sheet of a day booked from CAMT adds no line; where it differs, the day is not proved."""
    request = a_payment_request(province)
    paid(province, request)
    line = BankLine(50_000, request.reference, reference="FT1")
    a_statement(province, line)

    again = imported(province, vietcombank([line]), filename="vcb.csv").statements[0]
    assert (again.added, again.differs, run(province).verdict) == (0, False, "reconciled")

    other = imported(province, vietcombank([line, BankLine(1_000, "x")])).statements[0]
    assert (other.added, other.differs, run(province).verdict) == (0, True, "incomplete")
    only = other.compared[TODAY.isoformat()]["only_here"]
    assert only == [{"direction": "credit", "amount": 1_000, "count": 1}]


def _live_rows(province: Province, through: date) -> list[Break]:
    rows = breaks.live(province.session, province.account.id, through=through, most=100)
    return list(rows)
