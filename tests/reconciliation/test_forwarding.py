"""The 24-hour clock: which fees are not forwarded, since when, and who is told."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
import time_machine
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments import agencies, payouts, policies
from payments.core.calendar import at
from payments.core.database import Database
from payments.fees import FeeKind
from payments.jobs.remitting import remit
from payments.payouts import AWAY, LIVE, Forwarding, Unforwarded
from payments.payouts.remittances import kept
from payments.web import readings
from reconciliation import breaks
from reconciliation.breaks.about import without_route
from tests.bank import TODAY, a_statement, run, unproved
from tests.builders import BY, NOON, Province, a_payment_request, a_province, paid
from tests.reconciliation.test_plans import whole_reads
from tests.remittances import OTHER, a_route, an_agency, approved, both_routes, proposed, seen
from tests.services import a_service

WEDNESDAY, THURSDAY = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
FRIDAY, MONDAY = TODAY + timedelta(days=3), TODAY + timedelta(days=6)


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, and a route for each kind of fee."""
    one = a_province(session)
    both_routes(one)
    return one


def a_fee(province: Province, came: datetime = NOON, *, agency: str = "H09") -> None:
    """A fee of 50.000 that came at an instant and stands on its day's statement."""
    request = a_payment_request(province, agency=agency, now=came - timedelta(hours=1))
    paid(province, request, at=came)
    seen(province, day=province.credits()[-1].day)


def clock_of(province: Province, now: datetime, *, agency: str = "H09") -> Unforwarded | None:
    """The clock of an agency's fees at an instant."""
    found = payouts.unforwarded(province.session, province.account.id, now=now)
    return found.get(agency)


def late(province: Province, now: datetime) -> int:
    """What of the province's own fees is over its time at an instant, in đồng."""
    told = clock_of(province, now)
    return 0 if told is None else int(told.late)


def stands(province: Province, now: datetime = NOON) -> list[Forwarding]:
    """How far the fees of each agency have come."""
    return list(payouts.overview(province.session, province.account, now=now))


def late_breaks(province: Province) -> list[tuple[str, int, int]]:
    """The live breaks of late fees: whose, how much, how many."""
    found = breaks.live(province.session, province.account.id, through=date(2026, 12, 31), most=50)
    return [
        (one.key, int(one.amount), one.items) for one in found if one.kind == "not_remitted_in_24h"
    ]


def test_a_fee_is_late_24_hours_after_it_came(province: Province) -> None:
    """Not a minute earlier; it tells since when and how much."""
    a_fee(province)
    told = clock_of(province, NOON + timedelta(hours=23))
    assert told is not None
    assert (told.amount, told.since, told.late) == (50_000, NOON, 0)
    assert (told.age, told.deadline) == (timedelta(hours=23), NOON + timedelta(hours=24))
    assert late(province, NOON + timedelta(hours=24)) == 50_000


@pytest.mark.parametrize(
    ("came", "due"),
    [
        (at(FRIDAY, time(15)), at(MONDAY, time(15))),
        (at(FRIDAY, time(20)), at(MONDAY, time(20))),  # the cut-off moves nothing
        (at(FRIDAY + timedelta(days=1), time(9)), at(MONDAY + timedelta(days=1), time())),
    ],
)
def test_hours_of_days_off_do_not_count(province: Province, came: datetime, due: datetime) -> None:
    """What came on Friday is due on Monday at the same hour; what came on Saturday, by its end."""
    a_fee(province, came)
    assert late(province, due - timedelta(minutes=1)) == 0
    assert late(province, due) == 50_000


def test_a_day_without_an_hour_ends_before_the_clock_starts(province: Province) -> None:
    """A sheet tells no hour: the money may have come until midnight."""
    a_fee(province, at(TODAY, time()))
    a_fee(province, NOON)
    told = clock_of(province, at(THURSDAY, time()) - timedelta(minutes=1))
    assert told is not None
    assert (told.since, told.late, told.amount) == (NOON, 50_000, 100_000)
    assert late(province, at(THURSDAY, time())) == 100_000


def test_a_day_closed_for_the_account_counts_as_little(province: Province) -> None:
    """Force majeure: the calendar of the account says it."""
    a_fee(province)
    agencies.close_on(province.session, WEDNESDAY, reason="bão")
    assert late(province, at(THURSDAY, time(11, 59))) == 0
    assert late(province, at(THURSDAY, time(12))) == 50_000


def test_a_treasurer_may_decide_other_hours(province: Province) -> None:
    """The hours are the policy `forward_within_hours`."""
    policies.decide(province.session, "forward_within_hours", 12, valid_from=TODAY, by=BY, now=NOON)
    a_fee(province)
    assert late(province, NOON + timedelta(hours=12)) == 50_000


def test_the_clock_stops_when_the_bank_has_its_order(province: Province) -> None:
    """Not by a proposal, not by an approval; by the payment file."""
    a_fee(province)
    tomorrow = NOON + timedelta(hours=25)
    [payout] = proposed(province)
    assert late(province, tomorrow) == 50_000
    payouts.approve(province.session, payout, by=OTHER, now=NOON)
    assert late(province, tomorrow) == 50_000
    payouts.file_all(province.session, province.account, by=BY, now=NOON, vault=province.vault)
    assert clock_of(province, tomorrow) is None
    payouts.reject(province.session, payout, reason="lỗi tệp", by="staff:9", now=NOON)
    assert late(province, tomorrow) == 50_000


def test_what_no_statement_showed_is_not_late(session: Session) -> None:
    """It can't be forwarded, and has breaks of its own."""
    province = a_province(session)
    paid(province, a_payment_request(province))
    assert clock_of(province, NOON + timedelta(days=9)) is None
    assert stands(province) == []


def test_fees_without_a_route_are_late_like_any_other(session: Session) -> None:
    """Somebody is told, and told that a route is missing; proposed they can't be."""
    province = a_province(session)
    assert clock_of(province, NOON) is None
    a_route(province, kind=FeeKind.LE_PHI)
    a_fee(province)
    [only] = stands(province)
    assert (only.without_route, only.due) == (50_000, 0)
    told = clock_of(province, NOON + timedelta(hours=23))
    assert told is not None
    assert (told.amount, told.late, told.late_without_route) == (50_000, 0, 0)
    later = NOON + timedelta(days=2)
    told = clock_of(province, later)
    assert told is not None
    assert (told.late, told.late_without_route) == (50_000, 50_000)
    a_statement(province, opening=50_000, number="S2", day=WEDNESDAY, now=later)
    assert run(province, WEDNESDAY, now=later).verdict == "breaks"
    assert late_breaks(province) == [("H09", 50_000, 1)]
    [late_one] = [
        one
        for one in breaks.live(session, province.account.id, through=WEDNESDAY, most=9)
        if one.kind == "not_remitted_in_24h"
    ]
    assert without_route(session, late_one, now=later) == 50_000
    a_route(province, valid_from=THURSDAY, now=later)
    assert without_route(session, late_one, now=later) == 0
    assert late(province, later) == 50_000


def test_after_a_temporary_route_the_standing_one_leads_on(session: Session) -> None:
    """What comes after its days is proposed and watched as before them."""
    province = a_province(session)
    a_route(province)
    a_route(province, number="7111009999999", valid_from=WEDNESDAY, valid_to=THURSDAY)
    a_fee(province)
    later = NOON + timedelta(days=9)
    assert late(province, later) == 50_000
    [payout] = proposed(province, now=later)
    assert payout.beneficiary_hint == "4567"


def test_each_step_is_shown_for_each_agency(province: Province) -> None:
    """Due, proposed, approved, under way."""
    an_agency(province, "H09.d01")
    a_fee(province, agency="H09.d01")
    assert [(one.agency, one.due) for one in stands(province)] == [("H09.d01", 50_000)]
    [payout] = proposed(province)
    a_fee(province, NOON + timedelta(days=1))
    first, second = stands(province)
    assert (first.due, second.due, second.proposed) == (50_000, 0, 50_000)
    payouts.approve(province.session, payout, by=OTHER, now=NOON)
    assert stands(province)[1].approved == 50_000
    payouts.file_all(province.session, province.account, by=BY, now=NOON, vault=province.vault)
    assert stands(province)[1].under_way == 50_000


def test_late_fees_are_a_break_that_closes_by_itself(province: Province) -> None:
    """One for the agency; gone when the bank has the order."""
    a_fee(province)
    assert late_breaks(province) == []
    a_statement(province, opening=50_000, number="S2", day=WEDNESDAY, now=NOON + timedelta(days=2))
    later = NOON + timedelta(days=2)
    assert run(province, WEDNESDAY, now=later).verdict == "breaks"
    assert late_breaks(province) == [("H09", 50_000, 1)]
    approved(province, now=later)
    payouts.file_all(province.session, province.account, by=BY, now=later, vault=province.vault)
    assert run(province, WEDNESDAY, now=later).verdict == "reconciled"
    assert late_breaks(province) == []
    assert unproved(province) == []


def test_the_oldest_fee_and_what_is_late_are_measured(province: Province) -> None:
    """For each account and agency, at any moment."""
    a_fee(province)
    with time_machine.travel(NOON + timedelta(hours=25), tick=False):
        read = list(readings.forwarding(province.session))
    assert {(one.name, one.value, one.labels["agency"]) for one in read} == {
        ("oldest_unforwarded_seconds", 25 * 3600.0, "H09"),
        ("late_fees_dong", 50_000.0, "H09"),
    }


def test_it_is_proposed_in_the_morning_and_at_the_cut_off(
    database: Database, province: Province
) -> None:
    """Once each, on working days; again in the same minute it proposes nothing."""
    cashless = a_service(database)
    a_fee(province)
    province.session.commit()
    for moment, made in (
        (at(WEDNESDAY, time(6, 59)), "0 remittances"),
        (at(WEDNESDAY, time(7)), "1 remittances"),
        (at(WEDNESDAY, time(7, 5)), "0 remittances"),
    ):
        assert remit(cashless, moment) == made
    a_fee(province, NOON + timedelta(days=1))
    province.session.commit()
    for moment, made in (
        (at(WEDNESDAY, time(16, 29)), "0 remittances"),
        (at(WEDNESDAY, time(16, 30)), "1 remittances"),
        (at(FRIDAY + timedelta(days=1), time(16, 30)), "0 remittances"),
    ):
        assert remit(cashless, moment) == made


def test_what_waits_is_found_by_its_index(province: Province) -> None:
    """Requests with fees still with us, not all that ever were."""
    a_fee(province)
    session = province.session
    dialect = session.connection().dialect
    if dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    for states in (LIVE, AWAY):
        asked = kept(province.account.id, but=states).compile(
            dialect=dialect, compile_kwargs={"literal_binds": True}
        )
        plan = "\n".join(str(row) for row in session.execute(text(f"EXPLAIN QUERY PLAN {asked}")))
        assert "ix_payment_request_unforwarded" in plan


def test_proposing_and_asking_reads_no_large_table_whole(province: Province) -> None:
    """What it costs does not grow with all that ever was."""
    if province.session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    a_fee(province)
    approved(province)
    a_fee(province, NOON + timedelta(days=1))
    with whole_reads(province.session) as found:
        approved(province, now=NOON + timedelta(days=1))
        stands(province, NOON + timedelta(days=1))
    assert found == []
