"""A bank that sends a statement for each part of the day: the parts are one day, in any order."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core.calendar import VIETNAM
from reconciliation import statements
from reconciliation.breaks import Break, Kind
from tests.bank import TODAY, BankLine, camt, imported, run, unproved
from tests.builders import NOON, Province, a_province

YESTERDAY = TODAY - timedelta(days=1)
NEXT = TODAY + timedelta(days=3)
ORDERS = [("morning", "afternoon"), ("afternoon", "morning")]


@pytest.fixture
def province(session: Session) -> Province:
    """A province with one account."""
    return a_province(session)


def part(name: str, *, opening: int = 0, day: date = TODAY) -> bytes:
    """What the bank sends of a morning (10,000 comes in) or of the afternoon after it (20,000)."""
    hour, amount, before = {"morning": (9, 10_000, 0), "afternoon": (15, 20_000, 10_000)}[name]
    at = datetime(day.year, day.month, day.day, hour, tzinfo=VIETNAM)
    line = BankLine(amount, "khong ma", reference=f"{name}{day}", day=day, at=at)
    number = f"{name}{day}"
    return camt("0011001234567", [line], opening=opening + before, day=day, number=number)


def still(day: date, balance: int, number: str = "still") -> bytes:
    """A statement of a day on which nothing moved."""
    return camt("0011001234567", [], opening=balance, day=day, number=number)


def gaps(province: Province) -> list[int]:
    """What is missing between statements, as the breaks say that are open."""
    query = select(Break.amount).where(Break.kind == Kind.BALANCE_GAP, Break.cleared_at.is_(None))
    return [int(amount) for amount in province.session.scalars(query)]


@pytest.mark.parametrize("order", ORDERS, ids=" first, ".join)
def test_parts_of_a_day_follow_each_other(province: Province, order: tuple[str, str]) -> None:
    """The afternoon opens with the morning's closing, not with yesterday's: there is no gap."""
    imported(province, still(YESTERDAY, 0))
    for name in order:
        imported(province, part(name))

    day = run(province)

    assert day.verdict == "breaks"  # nobody knows whose the money is; nothing else is wrong
    assert gaps(province) == []
    closing = statements.closing_on(province.session, province.account.id, TODAY)
    assert closing is not None
    assert closing.amount == 30_000
    assert unproved(province) == []


def test_a_line_taken_for_a_copy_leaves_no_green_day(province: Province) -> None:
    """An equal line in each part, with nothing to tell them by, is kept once; the bank's says two.

    The afternoon brought nothing new, and yet its closing is the day's.
    """
    line = BankLine(1_000, "khong ma")
    imported(province, camt("0011001234567", [line], number="morning"))
    imported(province, camt("0011001234567", [line], opening=1_000, number="afternoon"))

    assert run(province).verdict == "incomplete"


def test_the_first_part_that_never_came_is_a_gap_until_it_comes(province: Province) -> None:
    """Ten thousand are missing; the morning's statement brings them."""
    imported(province, still(YESTERDAY, 0))
    imported(province, part("afternoon"))
    assert run(province).verdict == "incomplete"
    assert gaps(province) == [10_000]

    imported(province, part("morning"))

    assert run(province).verdict == "breaks"
    assert gaps(province) == []


def test_parts_that_go_on_from_one_another_alone_are_a_gap(province: Province) -> None:
    """Neither opens with what the account held: what each says of the other proves nothing."""
    imported(province, still(YESTERDAY, 500))
    imported(province, camt("0011001234567", [BankLine(10, "a")], number="A"))
    imported(province, camt("0011001234567", [BankLine(-10, "b")], opening=10, number="B"))

    assert run(province).verdict == "incomplete"
    assert len(gaps(province)) == 2


@pytest.mark.parametrize("order", ORDERS, ids=" first, ".join)
def test_quiet_days_after_a_day_in_parts_lack_nothing(
    province: Province, order: tuple[str, str]
) -> None:
    """Three days on, the bank opens with the afternoon's closing, itself in two parts."""
    for name in order:
        imported(province, part(name))
    for name in order:
        imported(province, part(name, opening=30_000, day=NEXT), now=NOON + timedelta(days=4))

    days = statements.days_without(province.session, province.account.id, since=TODAY, through=NEXT)

    assert days == []
    between = TODAY + timedelta(days=1)
    closing = statements.closing_on(province.session, province.account.id, between)
    assert closing is not None
    assert (closing.amount, closing.basis) == (30_000, "carried")


@pytest.mark.parametrize("order", ORDERS, ids=" first, ".join)
def test_what_the_account_held_before_is_what_its_first_part_opens_with(
    province: Province, order: tuple[str, str]
) -> None:
    """Two people approve it as the account's opening balance: it must be the morning's."""
    for name in order:
        imported(province, part(name, opening=7_000))

    first = statements.first_opening(province.session, province.account.id)

    assert first is not None
    assert first.opening == 7_000
