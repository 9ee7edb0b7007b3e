"""The day: its bridge, its verdict, its closing by two people, and what comes after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import ledger
from payments.core import audit
from payments.core.approvals import NoReasonGiven, NotTheMaker, ReasonTooLong, SamePerson
from payments.core.audit import AuditEntry
from payments.ledger import DayOutOfOrder
from reconciliation import day_close, proof
from reconciliation.day_close import (
    DayChanged,
    DayClosed,
    DayIncomplete,
    DayNotOver,
    DayNotProposed,
    EarlierDayOpen,
    Progress,
    ProposalChanged,
    RunTakenOver,
    RunUnderWay,
)
from tests.bank import TODAY, BankLine, a_statement, imported, run, unproved, vietcombank
from tests.builders import NOON, Province, a_payment_request, a_province, paid

NIGHT = NOON + timedelta(hours=13)
TOMORROW = TODAY + timedelta(days=1)
MAKER, CHECKER = "staff:1", "staff:2"


@pytest.fixture
def province(session: Session) -> Iterator[Province]:
    """A province whose ledger proves after whatever a test does."""
    one = a_province(session)
    yield one
    assert unproved(one) == []


def a_reconciled_day(province: Province) -> None:
    """One payment, told and seen, and the day run."""
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province, BankLine(50_000, request.reference))
    assert run(province).verdict == "reconciled"


def closed(province: Province) -> day_close.AccountDay:
    """The day, proposed by one person and closed by another."""
    told = (province.session, province.account.id, TODAY)
    day_close.propose(*told, by=MAKER, now=NIGHT)
    return day_close.close(*told, by=CHECKER, now=NIGHT)


def test_the_bridge_explains_every_dong(province: Province) -> None:
    """What is booked and what is not come to the bank's closing; transit to what is unseen."""
    seen, unseen = a_payment_request(province), a_payment_request(province, amount=30_000)
    paid(province, seen)
    paid(province, unseen)
    a_statement(
        province,
        BankLine(50_000, seen.reference),
        BankLine(30_000, "khong ma"),
        BankLine(-7_000, "PHI"),
    )

    bridge = run(province).figures["bridge"]

    assert (bridge["opening"], bridge["posted"]) == (0, 50_000)
    assert (bridge["credits_unbooked"], bridge["debits_unbooked"]) == (30_000, 7_000)
    assert (bridge["closing"], bridge["explained"], bridge["residual"]) == (73_000, 73_000, 0)
    assert (bridge["transit"], bridge["unseen"], bridge["transit_residual"]) == (30_000, 30_000, 0)


def test_money_of_two_days_stands_on_the_day_it_was_booked(province: Province) -> None:
    """A credit told at midnight and booked by the bank the day after is in transit on the first."""
    request = a_payment_request(province)
    late = NOON + timedelta(hours=11, minutes=30)
    paid(province, request, at=late)
    a_statement(province)
    a_statement(province, BankLine(50_000, request.reference, day=TOMORROW), day=TOMORROW)

    assert run(province).verdict == "pending"
    second = run(province, TOMORROW, now=NIGHT + timedelta(days=1))
    again = run(province)

    assert (second.verdict, again.verdict) == ("reconciled", "reconciled")
    assert second.figures["bridge"]["transit"] == 0
    assert again.figures["bridge"]["transit"] == again.figures["bridge"]["unseen"] == 50_000


def test_a_line_before_its_credits_day_is_told_apart(province: Province) -> None:
    """The bank books a day earlier than the message says: transit is below zero, and explained."""
    request = a_payment_request(province)
    paid(province, request, at=NOON + timedelta(hours=13))
    a_statement(province, BankLine(50_000, request.reference))
    a_statement(province, day=TOMORROW, opening=50_000)

    bridge = run(province, TOMORROW, now=NIGHT + timedelta(days=1)).figures["bridge"]
    before = run(province).figures["bridge"]

    assert bridge["transit"] == 0
    assert (before["transit"], before["early"], before["transit_residual"]) == (-50_000, 50_000, 0)


def test_a_run_can_be_repeated(province: Province) -> None:
    """Running a day again finds nothing new and comes to the same."""
    a_reconciled_day(province)
    before = day_close.of(province.session, province.account.id, TODAY).figures

    again = run(province)

    assert (again.figures, again.runs) == (before, 2)


def test_a_day_is_run_by_one_at_a_time(province: Province) -> None:
    """A second run of a day waits until the first is done, or silent too long."""
    told = (province.session, province.account.id, TODAY)
    fence = day_close.begin(*told, holder="one", now=NIGHT)

    with pytest.raises(RunUnderWay):
        day_close.begin(*told, holder="other", now=NIGHT)
    day_close.begin(*told, holder="other", now=NIGHT + timedelta(minutes=2))

    with pytest.raises(RunTakenOver):
        day_close.run_chunk(
            *told, fence=fence, progress=Progress(), actor="job:reconcile", now=NIGHT
        )


def test_chunks_of_any_size_come_to_the_same(province: Province) -> None:
    """However a run is cut into units, it ends alike."""
    requests = [a_payment_request(province) for _ in range(5)]
    for request in requests[:3]:
        paid(province, request)
    a_statement(province, *[BankLine(50_000, one.reference) for one in requests])
    told = (province.session, province.account.id, TODAY)
    fence = day_close.begin(*told, holder="one", now=NIGHT)
    progress, units = Progress(), 0
    while progress.step is not day_close.Step.DONE:
        units += 1
        progress = day_close.run_chunk(
            *told, fence=fence, progress=progress, actor="job", now=NIGHT, most=1
        )

    day = day_close.of(*told)
    assert (day.verdict, units) == ("reconciled", 10)
    assert [(one["rule"], one["count"]) for one in day.figures["matches"]] == [
        ("code", 3),
        ("missed_callback", 2),
    ]


def test_closing_takes_two_people(province: Province) -> None:
    """Who proposed a day does not close it; a third proposal is not needed."""
    a_reconciled_day(province)
    told = (province.session, province.account.id, TODAY)
    with pytest.raises(DayNotProposed):
        day_close.close(*told, by=CHECKER, now=NIGHT)
    day_close.propose(*told, by=MAKER, now=NIGHT)

    with pytest.raises(SamePerson):
        day_close.close(*told, by=MAKER, now=NIGHT)
    day_close.close(*told, by=CHECKER, now=NIGHT)

    assert ledger.closed_through(province.session, province.account.id) == TODAY
    with pytest.raises(DayClosed):
        day_close.propose(*told, by=MAKER, now=NIGHT)


def test_the_record_of_a_closed_day_is_in_the_audit_chain(province: Province) -> None:
    """Counts, sums, bridge, versions and the digests of the inputs, under a hash that holds."""
    a_reconciled_day(province)

    row = closed(province)

    entry = province.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "day.closed")
    ).one()
    record = entry.details["record"]
    assert (entry.hash, row.record) == (row.record_hash, record)
    assert record["bridge"]["residual"] == 0
    assert record["matches"] == [{"rule": "code", "count": 1, "sum": 50_000}]
    assert len(record["inputs"][0]) == 64
    assert audit.verify(province.session).holds


def test_an_incomplete_day_cannot_be_closed(province: Province) -> None:
    """Without its statement a day can't be proved, so it can't be closed."""
    run(province)

    with pytest.raises(DayIncomplete):
        day_close.propose(province.session, province.account.id, TODAY, by=MAKER, now=NIGHT)


def test_a_day_is_closed_when_it_is_over(province: Province) -> None:
    """As long as the day lasts, money may come."""
    a_reconciled_day(province)

    with pytest.raises(DayNotOver):
        day_close.propose(province.session, province.account.id, TODAY, by=MAKER, now=NOON)


def test_what_changed_since_the_proposal_has_to_be_proposed_anew(province: Province) -> None:
    """The second person approves what the first was shown, or nothing."""
    a_reconciled_day(province)
    told = (province.session, province.account.id, TODAY)
    day_close.propose(*told, by=MAKER, now=NIGHT)
    paid(province, a_payment_request(province))

    with pytest.raises(DayChanged):
        day_close.close(*told, by=CHECKER, now=NIGHT)


def test_days_are_closed_in_order(province: Province) -> None:
    """A later day waits for the earlier one."""
    a_reconciled_day(province)
    a_statement(province, day=TOMORROW, opening=50_000)
    run(province, TOMORROW)
    after = NIGHT + timedelta(days=1)

    with pytest.raises(EarlierDayOpen):
        day_close.propose(province.session, province.account.id, TOMORROW, by=MAKER, now=after)


def try_to_close(province: Province, days: int) -> day_close.AccountDay:
    """The day so many days from today, proposed by one and closed by another."""
    day, after = TODAY + timedelta(days=days), NIGHT + timedelta(days=days)
    told = (province.session, province.account.id, day)
    day_close.propose(*told, by=MAKER, now=after)
    return day_close.close(*told, by=CHECKER, now=after)


def a_later_day(province: Province, days: int, *, opening: int = 50_000) -> None:
    """A day without movements so many days from today, run."""
    day = TODAY + timedelta(days=days)
    a_statement(province, day=day, opening=opening)
    run(province, day)


def test_no_day_of_which_money_was_told_is_left_out(province: Province) -> None:
    """A day nobody ran is not closed with the next: its money would never be asked about."""
    a_reconciled_day(province)
    closed(province)
    paid(province, a_payment_request(province), at=NOON + timedelta(days=1))
    a_later_day(province, 2)

    with pytest.raises(EarlierDayOpen) as refused:
        try_to_close(province, 2)

    assert refused.value.fields["open"] == TOMORROW
    assert ledger.closed_through(province.session, province.account.id) == TODAY
    run(province, TOMORROW)
    assert try_to_close(province, 1).closed_by == CHECKER
    assert try_to_close(province, 2).closed_by == CHECKER


def test_no_day_with_a_statement_is_left_out(province: Province) -> None:
    """Neither between two days, nor before the first that is run."""
    a_statement(province)
    a_later_day(province, 1, opening=0)

    with pytest.raises(EarlierDayOpen) as refused:
        try_to_close(province, 1)

    assert refused.value.fields["open"] == TODAY


def test_no_working_day_without_a_statement_is_left_out(province: Province) -> None:
    """Where balances do not say that nothing moved, a day without a statement is not proved."""
    a_reconciled_day(province)
    closed(province)
    day = TODAY + timedelta(days=2)
    imported(province, vietcombank([BankLine(50_000, "nop phi", day=day, reference="5242 - 2")]))
    run(province, day)

    with pytest.raises(EarlierDayOpen) as refused:
        try_to_close(province, 2)

    assert refused.value.fields["open"] == TOMORROW


def test_a_still_day_needs_no_run(province: Province) -> None:
    """Nothing moved between an equal closing and opening, and nothing was told: it goes along."""
    a_reconciled_day(province)
    closed(province)
    a_later_day(province, 2)

    assert try_to_close(province, 2).closed_by == CHECKER
    assert ledger.closed_through(province.session, province.account.id) == TODAY + timedelta(2)


def test_days_on_which_the_bank_rests_need_no_run(province: Province) -> None:
    """Over the weekend nothing is due, unless money was told on it."""
    friday, monday = 3, 6  # today is a Tuesday
    a_later_day(province, friday, opening=0)
    try_to_close(province, friday)
    a_later_day(province, monday, opening=0)
    assert try_to_close(province, monday).closed_by == CHECKER

    paid(province, a_payment_request(province), at=NOON + timedelta(days=monday + 6))
    a_later_day(province, monday + 7, opening=0)
    with pytest.raises(EarlierDayOpen) as refused:
        try_to_close(province, monday + 7)
    assert refused.value.fields["open"] == TODAY + timedelta(days=monday + 6)


def test_late_evidence_of_a_closed_day_is_booked_on_the_next(province: Province) -> None:
    """A closed day stays as it was closed; what turns up later is the next open day's."""
    a_reconciled_day(province)
    record = closed(province).record
    request = a_payment_request(province)
    paid(province, request)
    line = BankLine(50_000, request.reference, day=TOMORROW)
    a_statement(province, line, opening=50_000, day=TOMORROW)

    again = run(province, now=NIGHT + timedelta(hours=1))
    next_day = run(province, TOMORROW, now=NIGHT + timedelta(days=1))

    assert (again.record, again.holds) == (record, True)
    assert next_day.figures["bridge"]["posted"] == 100_000
    assert next_day.figures["bridge"]["residual"] == 0


def test_a_late_line_of_a_closed_day_keeps_its_proof(province: Province) -> None:
    """A line of a closed day that is matched afterwards was not booked on that day."""
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, "khong ma", payer="0123456789"), BankLine(9_000))
    paid(province, request, amount=50_000)
    run(province)
    record = closed(province).record
    assert record["bridge"]["credits_unbooked"] == 50_000
    paid(province, a_payment_request(province), amount=50_000, payer="0123456789")

    again = run(province, now=NIGHT + timedelta(hours=1))

    assert again.holds
    bank = proof.bank(province.session, province.account.id, TOMORROW)
    assert (bank.posted, bank.credits_unbooked) == (59_000, 0)


def test_only_the_latest_closed_day_is_reopened_by_two_people(province: Province) -> None:
    """With a reason; the record of the closing stays in the audit trail."""
    a_reconciled_day(province)
    closed(province)
    told = (province.session, province.account.id, TODAY)
    with pytest.raises(NoReasonGiven):
        day_close.propose_reopening(*told, reason=" ", by=MAKER, now=NIGHT)
    row = day_close.propose_reopening(*told, reason="it was corrected", by=MAKER, now=NIGHT)
    shown = day_close.reopening_of(row)
    with pytest.raises(SamePerson):
        day_close.reopen(*told, proposal=shown, by=MAKER, now=NIGHT)

    day_close.reopen(*told, proposal=shown, by=CHECKER, now=NIGHT)

    assert (row.closed_by, ledger.closed_through(*told[:2])) == (None, None)
    assert closed(province).closed_by == CHECKER
    a_statement(province, day=TOMORROW, opening=50_000)
    run(province, TOMORROW)
    after = NIGHT + timedelta(days=1)
    next_day = (province.session, province.account.id, TOMORROW)
    day_close.propose(*next_day, by=MAKER, now=after)
    day_close.close(*next_day, by=CHECKER, now=after)
    with pytest.raises(DayOutOfOrder):
        day_close.propose_reopening(*told, reason="too late", by=MAKER, now=after)


def test_who_confirms_a_reopening_was_shown_its_reason(province: Province) -> None:
    """Proposed again with other words, by whomever, it is looked at again before it is done."""
    a_reconciled_day(province)
    closed(province)
    told = (province.session, province.account.id, TODAY)
    row = day_close.propose_reopening(*told, reason="it was corrected", by=MAKER, now=NIGHT)
    shown = day_close.reopening_of(row)
    day_close.propose_reopening(*told, reason="to look at it", by="staff:3", now=NIGHT)

    for proposal in (shown, ""):
        with pytest.raises(ProposalChanged):
            day_close.reopen(*told, proposal=proposal, by=CHECKER, now=NIGHT)

    assert (row.closed_by, row.reopening_reason) == (CHECKER, "to look at it")
    day_close.reopen(*told, proposal=day_close.reopening_of(row), by=CHECKER, now=NIGHT)
    assert row.closed_by is None


def test_what_was_proposed_of_a_day_is_taken_back_or_declined(province: Province) -> None:
    """By its maker the one, by another for a reason the other; then it is proposed anew."""
    a_reconciled_day(province)
    told = (province.session, province.account.id, TODAY)
    day_close.propose(*told, by=MAKER, now=NIGHT)
    paid(province, a_payment_request(province))

    with pytest.raises(NotTheMaker):
        day_close.take_back(*told, by=CHECKER, now=NIGHT)
    with pytest.raises(SamePerson):
        day_close.decline(*told, reason="changed", by=MAKER, now=NIGHT)
    with pytest.raises(NoReasonGiven):
        day_close.decline(*told, reason=" ", by=CHECKER, now=NIGHT)
    day_close.decline(*told, reason="changed", by=CHECKER, now=NIGHT)
    with pytest.raises(DayNotProposed):
        day_close.close(*told, by=CHECKER, now=NIGHT)
    day_close.propose(*told, by=MAKER, now=NIGHT)
    day_close.take_back(*told, by=MAKER, now=NIGHT)
    with pytest.raises(DayNotProposed):
        day_close.take_back(*told, by=MAKER, now=NIGHT)

    assert closed(province).closed_by == CHECKER


def test_a_reopening_is_taken_back_or_declined_and_the_day_stays_closed(province: Province) -> None:
    """What was closed goes on holding."""
    a_reconciled_day(province)
    row = closed(province)
    told = (province.session, province.account.id, TODAY)
    with pytest.raises(DayNotProposed):
        day_close.decline(*told, reason="no", by=CHECKER, now=NIGHT)

    day_close.propose_reopening(*told, reason="it was corrected", by=MAKER, now=NIGHT)
    day_close.decline(*told, reason="it was not", by=CHECKER, now=NIGHT)
    day_close.propose_reopening(*told, reason="it was corrected", by=MAKER, now=NIGHT)
    shown = day_close.reopening_of(row)
    day_close.take_back(*told, by=MAKER, now=NIGHT)

    with pytest.raises(DayNotProposed):
        day_close.reopen(*told, proposal=shown, by=CHECKER, now=NIGHT)
    assert (row.closed_by, row.record is None, row.reopening_reason) == (CHECKER, False, None)


def test_a_reason_is_kept_whole_or_refused(province: Province) -> None:
    """What a second person is to read has at most 500 characters."""
    a_reconciled_day(province)
    closed(province)
    told = (province.session, province.account.id, TODAY)

    with pytest.raises(ReasonTooLong):
        day_close.propose_reopening(*told, reason="x" * 501, by=MAKER, now=NIGHT)
    row = day_close.propose_reopening(*told, reason="x" * 500, by=MAKER, now=NIGHT)

    assert row.reopening_reason == "x" * 500


def test_yesterday_is_due_at_the_accounts_hour(province: Province) -> None:
    """Not before it, once, and again when a statement of it comes later."""
    account = province.account.id
    six = NOON + timedelta(hours=18)
    paid(province, a_payment_request(province))

    assert _due(province, six - timedelta(minutes=1)) == []
    assert _due(province, six) == [(account, TODAY)]
    run(province, now=six)
    assert _due(province, six + timedelta(minutes=1)) == []
    a_statement(province, now=six + timedelta(hours=2))
    assert _due(province, six + timedelta(hours=3)) == [(account, TODAY)]


def test_missed_days_are_caught_up_in_order(province: Province) -> None:
    """After a standstill every day since is run, oldest first; the day before is proved again."""
    paid(province, a_payment_request(province))
    run(province, now=NOON + timedelta(hours=18))

    days = [day for _, day in _due(province, NOON + timedelta(days=3, hours=18))]

    assert days == [TODAY + timedelta(days=n) for n in range(4)]


def _due(province: Province, now: object) -> list[tuple[int, object]]:
    return [
        (one.collection_account_id, one.day)
        for one in day_close.due(province.session, now=now)  # type: ignore[arg-type]
    ]
