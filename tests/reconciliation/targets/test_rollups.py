"""Roll-ups: what counts of a fee as it is paid, seen, given back, taken in cash and voided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from payments import cash, payouts, settlement
from payments.cash import ForFees, Reason, Taking
from payments.core.database import Database
from payments.core.money import Dong
from payments.credits import Credit
from payments.fees import Channel, Item
from payments.payment_requests import PaymentRequestLine
from payments.payouts import Part, Wanted
from reconciliation.jobs import rollups as rolling
from reconciliation.targets import rollup_proof, rollups, share
from reconciliation.targets.rollup_tables import Means
from reconciliation.targets.share import By, Share, Sum, part_of
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import (
    BY,
    NOON,
    Province,
    a_message,
    a_payment_request,
    a_province,
    paid,
    settle,
)
from tests.refunds import OTHER, PAYER

MONTH = TODAY.replace(day=1)
LATER = timedelta(minutes=20)


def rolled(province: Province, *, known_on: date = TODAY) -> int:
    """Every day counted anew; how many cells were different."""
    province.session.flush()
    days = rollups.every_day(province.session)
    return sum(rollups.refresh(province.session, day, known_on=known_on) for day in days)


def the_share(province: Province, **told: object) -> Share:
    return share.total(province.session, first=MONTH, last=TODAY, **told)  # type: ignore[arg-type]


def cash_of(province: Province, amount: int, reason: Reason = Reason.NO_ACCOUNT) -> str:
    """Cash taken at the counter for a fee; the collection's public id."""
    fees = ForFees("H09", "dossier", Channel.COUNTER, [Item("PHI", amount=Dong(amount))])
    taking = Taking(fees, Dong(amount), reason)
    return cash.collect(province.session, taking, by=BY, now=NOON).public_id


def seen(province: Province, *amounts: int) -> None:
    """Requests that were paid, and stand on the day's statement."""
    lines = []
    for amount in amounts:
        request = a_payment_request(province, amount=amount, now=NOON - timedelta(hours=2))
        paid(province, request, payer=PAYER)
        lines.append(BankLine(amount, request.reference, payer=PAYER))
    a_statement(province, *lines)
    run(province)


def give_back(province: Province, credit: Credit, lines: Mapping[int, Dong]) -> None:
    """A refund of fee lines, proposed by one person and approved by another."""
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    asked = Wanted(part=Part.FEES, to=to, reason="thu nhầm", lines=lines)
    payout = payouts.propose_refund(
        province.session, credit, asked, by=BY, now=NOON, vault=province.vault
    )
    assert payouts.approve(province.session, payout, by=OTHER, now=NOON)


def test_paid_money_waits_until_a_statement_shows_it(session) -> None:
    """A fee paid today is in no share until the bank's statement has it."""
    province = a_province(session)
    paid(province, request := a_payment_request(province, amount=50_000))
    rolled(province)
    assert the_share(province).waiting == Sum(1, Dong(50_000))
    assert the_share(province).of_fees is None
    a_statement(province, BankLine(50_000, request.reference))
    run(province)
    rolled(province)
    assert the_share(province).cashless == Sum(1, Dong(50_000))
    assert the_share(province).waiting == Sum()
    assert the_share(province).of_fees == share.WHOLE


def test_cash_counts_with_its_reason_until_it_is_voided(session) -> None:
    """Three fees without cash and one in cash are 75 %; voided cash is no fee."""
    province = a_province(session)
    seen(province, 10_000, 10_000, 10_000)
    taken = cash_of(province, 70_000)
    rolled(province)
    assert (the_share(province).of_fees, the_share(province).of_amount) == (7_500, 3_000)
    reasons = share.ranked(share.ways(session, first=MONTH, last=TODAY))
    assert [(way.detail, way.counted.fees) for way in reasons] == [("no_account", 1)]
    collection = cash.by_public_id(session, taken)
    cash.void(session, collection, reason="nhầm", by=BY, now=NOON + LATER)
    rolled(province)
    assert the_share(province).of_fees == share.WHOLE
    assert share.ranked(share.ways(session, first=MONTH, last=TODAY)) == []


def test_what_was_known_on_a_day_stays_known(session) -> None:
    """A voided collection changes what is known now, and nothing of what was known before."""
    province = a_province(session)
    seen(province, 10_000)
    taken = cash_of(province, 10_000)
    rolled(province, known_on=TODAY)
    cash.void(session, cash.by_public_id(session, taken), reason="nhầm", by=BY, now=NOON + LATER)
    rolled(province, known_on=TODAY + timedelta(days=1))
    assert the_share(province, as_of=TODAY).of_fees == 5_000
    assert the_share(province, as_of=TODAY + timedelta(days=1)).of_fees == share.WHOLE
    assert the_share(province).of_fees == share.WHOLE
    with pytest.raises(share.NotCountedThen):
        the_share(province, as_of=TODAY - timedelta(days=1))


def test_a_fee_given_back_counts_no_more(session) -> None:
    """A fee given back in part counts with what is left; given back whole, not at all."""
    province = a_province(session)
    seen(province, 10_000, 40_000)
    rolled(province)
    for credit, amount in zip(province.credits(), (10_000, 15_000), strict=True):
        line = session.scalars(
            select(PaymentRequestLine).where(
                PaymentRequestLine.payment_request_id == credit.payment_request_id
            )
        ).one()
        give_back(province, credit, {line.id: Dong(amount)})
    rolled(province)
    assert the_share(province).cashless == Sum(1, Dong(25_000))


def test_what_was_taken_from_a_request_again_counts_no_more(session) -> None:
    """Money assigned by mistake paid a fee for a day; then the request waits for it again."""
    province = a_province(session)
    request = a_payment_request(province, amount=10_000)
    a_message(province, "nop le phi", amount=10_000)
    settle(province)
    (credit,) = province.credits()
    settlement.assign(session, credit, request, actor=BY, now=NOON)
    rolled(province)
    assert the_share(province).waiting.fees == 1

    settlement.unassign(session, credit, reason="nhầm", actor=BY, now=NOON)
    rolled(province)

    assert the_share(province).waiting.fees == 0
    assert all(one.holds for one in rollup_proof.prove(session))


def test_a_day_that_did_not_change_has_no_differences(session) -> None:
    """Counting again writes nothing, and only the day that changed is counted again."""
    province = a_province(session)
    seen(province, 10_000)
    cash_of(province, 10_000)
    assert rolled(province) == 2
    assert rolled(province) == 0
    assert all(one.holds for one in rollup_proof.prove(session))


def test_only_days_that_changed_are_counted_again(database: Database) -> None:
    """Once nothing can still turn up, a look finds no day; a new payment brings its day back."""

    def paid_once(session) -> None:
        province = a_province(session)
        paid(province, a_payment_request(province, amount=10_000))

    database.write(paid_once)
    looks = [rolling.roll_up_changes(database, now=NOON + n * LATER)[0] for n in range(3)]
    assert looks == [1, 1, 0]


def test_a_code_with_spaces_is_qr_and_money_given_by_hand_is_a_transfer(session) -> None:
    """A bank does not say who scanned: the text bears the request's whole code, or it does not."""
    province = a_province(session)
    scanned, by_hand = (a_payment_request(province, amount=10_000) for _ in range(2))
    spaced = f"ck {scanned.reference[:6]} {scanned.reference[6:]}.MAU"
    a_message(province, spaced, amount=10_000)
    a_message(province, "nop le phi", amount=10_000)
    settle(province)
    unnamed = province.credits()[-1]
    settlement.assign(session, unnamed, by_hand, actor=BY, now=NOON)
    rolled(province)
    ways = share.ways(session, first=MONTH, last=TODAY)
    assert {(way.means, way.detail, way.waiting.fees) for way in ways} == {
        (Means.QR, "sandbox", 1),
        (Means.TRANSFER, "sandbox", 1),
    }


def test_a_period_backwards_is_refused(session) -> None:
    """The first day is not after the last."""
    with pytest.raises(share.PeriodBackwards):
        share.figures(session, first=TODAY, last=MONTH - timedelta(days=1), by=By.UNIT)


@pytest.mark.parametrize(
    ("part", "whole", "told"), [(0, 0, None), (1, 3, 3_333), (2, 3, 6_666), (1, 20_000, 0)]
)
def test_a_share_is_cut_off(part: int, whole: int, told: int | None) -> None:
    """What is short of a target does not read as if it had reached it."""
    assert part_of(part, whole) == told
