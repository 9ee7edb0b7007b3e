"""Money moved between two of our own accounts: one movement on two statements."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
import time_machine
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import Opening
from payments.core.database import Database
from payments.core.money import Dong
from reconciliation import bookings, breaks, day_close, jobs, matching, proof
from reconciliation.breaks import Break
from reconciliation.matching import LineMatch
from reconciliation.reports import three_way
from reconciliation.reports.three_way import Place, Wanted
from reconciliation.statements import StatementLine
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import (
    BY,
    NOON,
    SINCE,
    Province,
    a_message,
    a_payment_request,
    a_province,
    settle,
)

GATEWAY, BANK = "9704001112223", "0011001234567"
NIGHT = NOON + timedelta(hours=13)
TOMORROW = TODAY + timedelta(days=1)
LUMP = 12_345_000
HELD = 50_000_000


@dataclass(frozen=True)
class Two:
    """The gateway's account and the bank account that it pays out to."""

    gateway: Province
    bank: Province

    @property
    def session(self) -> Session:
        """The session that both are worked with in."""
        return self.bank.session

    def transfers(self) -> tuple[int, int]:
        """What has left each for the other, less what came, in đồng."""
        return self.gateway.balance("assets:transfers"), self.bank.balance("assets:transfers")


def two_accounts(session: Session) -> Two:
    """Both accounts; the gateway's holds 50 million đồng before its first statement."""
    bank = a_province(session, number=BANK)  # the first, so requests are to be paid to it
    both = Two(a_province(session, number=GATEWAY), bank)
    bookings.open_account(
        session,
        both.gateway.account.id,
        amount=Dong(HELD),
        day=TODAY - timedelta(days=1),
        by="staff:1",
        approved_by="staff:2",
        now=NOON,
    )
    return both


@pytest.fixture
def two(session: Session) -> Iterator[Two]:
    """Two accounts, each proved after whatever a test does."""
    both = two_accounts(session)
    yield both
    assert unproved(both.gateway) == []
    assert unproved(both.bank) == []


def paid_out(amount: int = LUMP, *, day: date = TODAY, **told: str) -> BankLine:
    """The line by which it leaves the gateway's account, naming the bank's."""
    return BankLine(-amount, **{"memo": "CHI HO", "payer": BANK, **told}, day=day)


def received(amount: int = LUMP, *, day: date = TODAY, **told: str) -> BankLine:
    """The line by which it reaches the bank account, naming the gateway's."""
    return BankLine(amount, **{"memo": "GD CHI HO", "payer": GATEWAY, **told}, day=day)


def of_gateway(two: Two, *lines: BankLine, day: date = TODAY, opening: int = HELD) -> None:
    """A statement of the gateway's account."""
    a_statement(two.gateway, *lines, day=day, opening=opening)


def of_bank(two: Two, *lines: BankLine, day: date = TODAY, opening: int = 0) -> None:
    """A statement of the bank account."""
    a_statement(two.bank, *lines, day=day, opening=opening)


def rules(province: Province) -> list[str | None]:
    """By which rule each line of the account was booked, in the order of the statement."""
    rows = province.session.scalars(
        select(LineMatch.rule)
        .select_from(StatementLine)
        .outerjoin(LineMatch, LineMatch.id == StatementLine.match_id)
        .where(StatementLine.collection_account_id == province.account.id)
        .order_by(StatementLine.id)
    )
    return list(rows)


def live(province: Province, through: date = TOMORROW) -> list[str]:
    """The kinds of the account's live breaks."""
    found = breaks.live(province.session, province.account.id, through=through, most=100)
    return sorted(one.kind for one in found)


def transfers_of(province: Province) -> list[LineMatch]:
    """The account's halves of transfers that stand."""
    standing = select(LineMatch).where(
        LineMatch.collection_account_id == province.account.id,
        LineMatch.rule == "transfer",
        LineMatch.revoked_at.is_(None),
    )
    return list(province.session.scalars(standing.order_by(LineMatch.id)))


def test_a_payout_to_our_bank_account_is_no_charge_and_no_credit(two: Two) -> None:
    """Both lines are one movement: booked on both accounts at once, nothing is left open."""
    of_gateway(two, paid_out())
    of_bank(two, received())

    day = run(two.gateway)

    assert (rules(two.gateway), rules(two.bank)) == (["transfer"], ["transfer"])
    assert two.transfers() == (LUMP, -LUMP)
    assert two.bank.balance("assets:bank") == LUMP
    assert (two.bank.balance("liabilities:unidentified"), two.bank.credits()) == (0, [])
    assert two.gateway.balance("expenses:charges") == 0
    assert (day.verdict, run(two.bank).verdict) == ("reconciled", "reconciled")


def test_each_half_names_the_other_and_says_why(two: Two) -> None:
    """A match on each account: the line there, the other line, and what it rests on."""
    of_gateway(two, paid_out())
    of_bank(two, received())
    run(two.bank)

    (leaves,), (reaches,) = transfers_of(two.gateway), transfers_of(two.bank)

    assert leaves.other_line_id == reaches.first_line_id
    assert reaches.other_line_id == leaves.first_line_id
    assert leaves.reasons == reaches.reasons == ["each_names_the_other", "same_amount"]


@pytest.mark.parametrize("first", ["gateway", "bank"])
def test_one_half_waits_for_the_statement_of_the_other(two: Two, first: str) -> None:
    """It is neither a debit nobody explains nor money nobody is known for, and then it is gone."""
    come = {
        "gateway": lambda: of_gateway(two, paid_out()),
        "bank": lambda: of_bank(two, received()),
    }
    of_gateway(two, day=TODAY - timedelta(days=1))
    of_bank(two, day=TODAY - timedelta(days=1))
    here, there = (two.gateway, two.bank) if first == "gateway" else (two.bank, two.gateway)
    come[first]()

    waits = run(here)

    assert (waits.verdict, live(here)) == ("pending", ["transfer_unseen"])
    assert rules(here) == [None]
    come["bank" if first == "gateway" else "gateway"]()
    run(there)
    assert (live(here), live(there)) == ([], [])
    assert two.transfers() == (LUMP, -LUMP)


def test_a_half_alone_counts_when_its_grace_is_over(two: Two) -> None:
    """Three days after it was found somebody has to ask for the other statement."""
    of_gateway(two, day=TODAY - timedelta(days=1))
    of_bank(two, received())
    run(two.bank)

    later = run(two.bank, now=NIGHT + timedelta(hours=73))

    assert (later.verdict, live(two.bank)) == ("breaks", ["transfer_unseen"])


def test_what_is_under_way_at_a_days_end_is_seen(two: Two) -> None:
    """It left today and came tomorrow: tonight it is on neither bank account, and in the ledger."""
    of_gateway(two, paid_out())
    of_bank(two)
    of_bank(two, received(day=TOMORROW), day=TOMORROW)

    run(two.gateway)

    assert two.transfers() == (LUMP, -LUMP)
    tonight = [
        proof.bank(two.session, one.account.id, TODAY).explained for one in (two.gateway, two.bank)
    ]
    assert tonight == [HELD - LUMP, 0]
    assert run(two.bank, TOMORROW).verdict == "reconciled"


def test_money_that_no_statement_of_ours_saw_leave_is_a_payers(two: Two) -> None:
    """A week of the gateway's statements and none has it: then it did not come from there."""
    of_bank(two, received())
    late = TODAY + timedelta(days=7)
    a_statement(two.gateway, day=TODAY, through=late, opening=HELD)

    run(two.bank)

    assert (rules(two.bank), live(two.bank)) == (
        ["missed_callback"],
        ["missed_callback", "unidentified"],
    )


@pytest.mark.parametrize(
    ("leaves", "reaches"),
    [
        pytest.param(paid_out(), received(LUMP - 1), id="another amount"),
        pytest.param(paid_out(payer="555666777"), received(), id="it went elsewhere"),
        pytest.param(paid_out(), received(payer="555666777"), id="it came from elsewhere"),
        pytest.param(paid_out(), BankLine(LUMP, "GD CHI HO"), id="it names nobody"),
    ],
)
def test_amount_and_day_alone_are_no_transfer(
    two: Two, leaves: BankLine, reaches: BankLine
) -> None:
    """Each line has to name the other's account."""
    of_gateway(two, leaves)
    of_bank(two, reaches)

    run(two.gateway)
    run(two.bank)

    assert "transfer" not in rules(two.gateway) + rules(two.bank)
    assert two.transfers() == (0, 0)


def test_a_line_with_a_requests_code_pays_the_request(two: Two) -> None:
    """Our code says whose it is, whatever account it came from."""
    request = a_payment_request(two.bank)
    of_gateway(two, paid_out(50_000))
    of_bank(two, received(50_000, memo=request.reference))

    run(two.bank)

    assert (rules(two.bank), rules(two.gateway)) == (["missed_callback"], [None])
    two.session.refresh(request)
    assert request.status == "paid"


@pytest.mark.parametrize("first", ["gateway", "bank"])
def test_a_transfer_that_a_message_told_of_is_confirmed_not_booked_again(
    two: Two, first: str
) -> None:
    """The bank announced it as money in: whichever account is run first, it is one credit."""
    a_message(two.bank, "GD CHI HO", amount=LUMP, reference="FT9", payer=GATEWAY)
    settle(two.bank)
    of_gateway(two, paid_out())
    of_bank(two, received(reference="FT9"))

    for one in (two.gateway, two.bank) if first == "gateway" else (two.bank, two.gateway):
        run(one)

    assert (rules(two.bank), rules(two.gateway)) == (["reference"], [None])
    assert two.transfers() == (0, 0)
    assert len(two.bank.credits()) == 1


def test_an_account_without_statements_is_waited_for_by_nobody(two: Two) -> None:
    """Where no statement is kept of the other account, nothing can be seen of it."""
    of_bank(two, received())

    run(two.bank)

    assert rules(two.bank) == ["missed_callback"]


def test_a_number_that_we_have_at_two_banks_names_neither(two: Two) -> None:
    """A statement gives the number alone."""
    agencies.open_account(
        two.session,
        two.bank.account.agency_id,
        Opening(bin="970415", number=GATEWAY, name="SO MAU"),
        valid_from=SINCE,
        by=BY,
        now=NOON,
    )
    of_gateway(two, paid_out())
    of_bank(two, received())

    run(two.bank)

    assert rules(two.bank) == ["missed_callback"]


def test_equal_transfers_are_paired_the_nearest_days_first(two: Two) -> None:
    """Three leave and three come, one of them only the next day: each half has one other."""
    of_gateway(two, *[paid_out()] * 3)
    of_bank(two, *[received()] * 2)
    of_bank(two, received(day=TOMORROW), day=TOMORROW, opening=2 * LUMP)

    run(two.gateway)

    others = [one.other_line_id for one in transfers_of(two.gateway)]
    assert sorted(others) == [one.first_line_id for one in transfers_of(two.bank)]  # type: ignore[type-var]
    assert two.transfers() == (3 * LUMP, -3 * LUMP)


def test_transfers_go_both_ways(two: Two) -> None:
    """What is sent back is a transfer of its own."""
    of_gateway(two, paid_out(), BankLine(5_000_000, "NAP LAI", payer=BANK))
    of_bank(two, received(), BankLine(-5_000_000, "NAP LAI", payer=GATEWAY))

    run(two.bank)

    assert two.transfers() == (LUMP - 5_000_000, 5_000_000 - LUMP)
    assert (run(two.gateway).verdict, live(two.bank)) == ("reconciled", [])


def test_a_line_of_a_closed_day_is_booked_on_the_next_open_one(two: Two) -> None:
    """The bank's day was closed while the gateway's statement was missing; it still holds."""
    of_gateway(two, day=TODAY - timedelta(days=1))
    of_bank(two, received())
    run(two.bank)
    told = (two.session, two.bank.account.id, TODAY)
    day_close.propose(*told, by="staff:1", now=NIGHT)
    day_close.close(*told, by="staff:2", now=NIGHT)
    of_gateway(two, paid_out())

    run(two.gateway)

    (reaches,), (leaves,) = transfers_of(two.bank), transfers_of(two.gateway)
    assert (reaches.day, leaves.day) == (TOMORROW, TODAY)
    assert run(two.bank).holds is True


def test_a_revoked_transfer_is_taken_back_on_both_accounts(two: Two) -> None:
    """Both lines are left to staff, and no later run pairs them again."""
    of_gateway(two, paid_out())
    of_bank(two, received())
    run(two.gateway)
    (leaves,) = transfers_of(two.gateway)

    matching.unmatch(two.session, leaves.id, reason="wrong", by="staff:1", now=NIGHT)

    assert two.transfers() == (0, 0)
    assert (two.gateway.balance("assets:bank"), two.bank.balance("assets:bank")) == (HELD, 0)
    run(two.gateway)
    run(two.bank)
    assert (rules(two.gateway), rules(two.bank)) == ([None], [None])
    assert (live(two.gateway), live(two.bank)) == (["transfer_unseen"], ["transfer_unseen"])


def test_a_run_again_books_nothing_twice(two: Two) -> None:
    """Either account's run finds what the other's left, and no more."""
    of_gateway(two, paid_out())
    of_bank(two, received())

    for one in (two.gateway, two.bank, two.gateway):
        run(one)

    assert two.session.scalar(select(func.count()).select_from(LineMatch)) == 2
    assert two.transfers() == (LUMP, -LUMP)


def test_the_proof_misses_the_other_half(session: Session) -> None:
    """A transfer that stands on one account alone is no transfer."""
    two = two_accounts(session)
    of_gateway(two, paid_out())
    of_bank(two, received())
    run(two.bank)
    (reaches,) = transfers_of(two.bank)

    session.execute(
        text(
            "UPDATE line_match SET revoked_at = made_at, revoked_by = 'x', revoke_reason = 'x',"
            " revoked_on = day WHERE id = :id"
        ),
        {"id": reaches.id},
    )

    assert "transfers_are_paired" in [one.name for one in unproved(two.gateway)]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("UPDATE line_match SET other_line_id = NULL", id="without the other line"),
        pytest.param("UPDATE line_match SET other_line_id = first_line_id", id="with itself"),
        pytest.param(
            "UPDATE statement_line SET other_account_id = collection_account_id", id="own account"
        ),
    ],
)
def test_the_database_refuses_half_a_transfer(session: Session, wrong: str) -> None:
    """What the rule says of a transfer stands in the tables too."""
    two = two_accounts(session)
    of_gateway(two, paid_out())
    of_bank(two, received())
    run(two.bank)

    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(text(wrong))


def test_on_three_sides_a_transfer_agrees(two: Two) -> None:
    """It is booked with its whole amount, and no portal has to be told."""
    of_gateway(two, paid_out())
    of_bank(two, received())
    run(two.gateway)

    for one in (two.gateway, two.bank):
        wanted = Wanted(one.account.id, day=TODAY)
        assert three_way.page(two.session, wanted, after=Place(), most=100) == []


@pytest.mark.committed
def test_both_accounts_run_at_once_pair_each_transfer_once(database: Database) -> None:
    """Whichever run comes first takes both locks, in one order: neither waits for ever."""

    def begin(session: Session) -> Two:
        two = two_accounts(session)
        of_gateway(two, *[paid_out(1_000 + n) for n in range(40)])
        of_bank(two, *[received(1_000 + n) for n in range(40)])
        return two

    two = database.write(begin)
    start = threading.Barrier(2)

    def run_one(account: int) -> None:
        start.wait()
        jobs.run_day(database, account, TODAY)

    with time_machine.travel(NIGHT, tick=True), ThreadPoolExecutor(2) as threads:
        running = [threads.submit(run_one, one.account.id) for one in (two.gateway, two.bank)]
        for done in running:
            done.result()

    def check(session: Session) -> None:
        assert session.scalar(select(func.count()).select_from(LineMatch)) == 80
        assert [one for one in proof.prove(session) if not one.holds] == []
        assert session.scalars(select(Break.kind).where(Break.cleared_at.is_(None))).all() == []

    database.read(check)
