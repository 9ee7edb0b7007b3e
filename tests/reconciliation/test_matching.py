"""Which line is which credit: the rules of matching, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, settlement
from payments.core.money import Dong
from reconciliation import bookings, matching
from reconciliation.bookings import Kind
from reconciliation.matching import LineMatch, Walk
from reconciliation.statements import StatementLine
from tests.bank import TODAY, BankLine, a_statement, known_words, unproved
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


def match(province: Province, *, now: datetime = NIGHT, most: int = 2_000) -> None:
    """Both walks over the account's lines, as a day's run makes them."""
    agencies.lock(province.session, province.account.id)
    for walk in Walk:
        after = None
        while True:
            step = matching.match_chunk(
                province.session,
                province.account.id,
                walk=walk,
                through=TODAY,
                after=after,
                actor="job:reconcile",
                now=now,
                most=most,
            )
            if step.reached is None:
                break
            after = step.reached
    province.session.expire_all()


def rules(province: Province) -> list[str | None]:
    """The rule by which each line was booked, in the order of the statement."""
    rows = province.session.execute(
        select(LineMatch.rule)
        .select_from(StatementLine)
        .outerjoin(LineMatch, LineMatch.id == StatementLine.match_id)
        .order_by(StatementLine.id)
    )
    return [rule for (rule,) in rows]


def test_a_line_confirms_the_credit_with_its_code(province: Province) -> None:
    """The code in the memo says whose credit it is; bank is debited, transit is empty again."""
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province, BankLine(50_000, f"nop phi {request.reference}"))

    match(province)

    assert rules(province) == ["code"]
    assert (province.balance("assets:bank"), province.balance("assets:transit")) == (50_000, 0)
    assert request.confirmed == 50_000


def test_the_banks_reference_goes_before_everything(province: Province) -> None:
    """The reference the bank gave callback and line ties them, whatever the memo became."""
    paid(province, a_payment_request(province), reference="FT1")
    a_statement(province, BankLine(50_000, "CT DEN 164T", reference="FT1"))

    match(province)

    assert rules(province) == ["reference"]


def test_the_payers_account_ties_what_carries_no_code(province: Province) -> None:
    """The k-th transfer of one payer goes with the k-th line of the day."""
    for event in ("1", "2"):
        a_message(province, "nop le phi", amount=50_000, event=event, payer="0123456789")
    settle(province)
    lines = [BankLine(50_000, "khong ma", payer="0123456789", reference=r) for r in ("A", "B")]
    a_statement(province, *lines)

    match(province)

    assert rules(province) == ["payer", "payer"]
    assert province.balance("assets:transit") == 0


def test_two_equal_amounts_without_a_code_are_left_alone(province: Province) -> None:
    """
    credit  001  50.000  memo -
    credit  002  50.000  memo -
    line    009  50.000  memo "nop le phi"
    """
    for event in ("001", "002"):
        a_message(province, "", amount=50_000, event=event)
    settle(province)
    a_statement(province, BankLine(50_000, "nop le phi", reference="009"))

    match(province)

    assert rules(province) == [None]
    assert len(province.credits()) == 2


def test_a_credit_nobody_told_goes_through_settlement(province: Province) -> None:
    """A line with our code and no callback pays the request all the same."""
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, f"nop phi {request.reference}", reference="FT9"))

    match(province)

    province.session.refresh(request)
    assert rules(province) == ["missed_callback"]
    assert (request.status, request.confirmed) == ("paid", 50_000)
    assert (province.balance("assets:bank"), province.balance("assets:transit")) == (50_000, 0)
    assert province.fees("phi") == 50_000


def test_a_callback_after_the_line_changes_nothing(province: Province) -> None:
    """The late word of a credit the statement told first joins it, by the code."""
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, f"nop phi {request.reference}", reference="FT9"))
    match(province)

    a_message(province, request.reference, amount=50_000, source="sepay")
    settle(province)

    assert province.findings() == ["exact"]
    assert province.balance("assets:transit") == 0


def test_a_later_line_may_show_whose_credit_it_is(province: Province) -> None:
    """A line without a code is judged after every line with one has found its credit."""
    request = a_payment_request(province)
    paid(province, request)
    a_statement(
        province,
        BankLine(50_000, "khong ma", reference="A"),
        BankLine(50_000, f"nop phi {request.reference}", reference="B"),
    )

    match(province, most=1)

    assert rules(province) == ["missed_callback", "code"]
    assert province.findings() == ["exact", "unidentified"]


def test_one_reference_with_two_amounts_is_left_to_people(province: Province) -> None:
    """Callback and line of one bank reference that tell different amounts are not booked as two."""
    paid(province, a_payment_request(province), reference="FT1")
    a_statement(province, BankLine(51_000, "khong ma", reference="FT1"))

    match(province)

    assert rules(province) == [None]
    assert len(province.credits()) == 1


def test_a_line_settles_what_was_only_advised(province: Province) -> None:
    """A word under a shared key alone books nothing; the statement line makes it money."""
    request = a_payment_request(province)
    paid(province, request, source="sepay_key")
    assert request.status == "open"
    a_statement(province, BankLine(50_000, request.reference))

    match(province)

    province.session.refresh(request)
    assert rules(province) == ["code"]
    assert (request.status, request.confirmed) == ("paid", 50_000)
    assert (province.balance("assets:bank"), province.balance("assets:transit")) == (50_000, 0)


def test_a_line_gives_a_nameless_credit_its_code(province: Province) -> None:
    """A callback whose memo was cut is settled anew when the statement has the whole memo."""
    request = a_payment_request(province)
    a_message(province, "chuyen tien", amount=50_000, payer="0123456789")
    settle(province)
    assert province.findings() == ["unidentified"]
    a_statement(province, BankLine(50_000, request.reference, payer="0123456789"))

    match(province)

    province.session.refresh(request)
    assert (rules(province), province.findings()) == (["payer"], ["exact"])
    assert (request.status, request.confirmed) == ("paid", 50_000)


@pytest.mark.parametrize("by", ["reference", "code"])
def test_the_banks_reversal_takes_a_credit_back(province: Province, by: str) -> None:
    """A debit the bank marks as reversal reopens the request, by reference or by code."""
    request = a_payment_request(province)
    paid(province, request)
    named = {"reverses": "FT1"} if by == "reference" else {"memo": f"hoan {request.reference}"}
    a_statement(
        province,
        BankLine(50_000, request.reference, reference="FT1"),
        BankLine(-50_000, reference="FT2", reversal=True, **named),
    )

    match(province)

    province.session.refresh(request)
    assert rules(province) == ["code", "reversal"]
    assert (request.status, request.received, request.confirmed) == ("open", 0, 0)
    assert (province.balance("assets:bank"), province.fees("phi")) == (0, 0)


def test_a_reversal_of_a_missed_credit_is_found_in_the_same_run(province: Province) -> None:
    """Money that nobody told of, came and went on one statement."""
    request = a_payment_request(province)
    a_statement(
        province,
        BankLine(50_000, request.reference, reference="FT1"),
        BankLine(-50_000, reference="FT2", reversal=True, reverses="FT1"),
    )

    match(province)

    assert rules(province) == ["missed_callback", "reversal"]
    assert province.balance("assets:bank") == 0


def test_a_reference_that_came_again_another_day_is_left_to_staff(province: Province) -> None:
    """A bank's reference is its own for a day: the wrong citizen's payment is never taken back."""
    before, today = a_payment_request(province), a_payment_request(province)
    yesterday = TODAY - timedelta(days=1)
    a_statement(
        province,
        BankLine(50_000, before.reference, reference="1234", day=yesterday),
        BankLine(50_000, today.reference, reference="1234"),
        BankLine(-50_000, "hoan tien", reference="FT9", reversal=True, reverses="1234"),
        day=yesterday,
        through=TODAY,
    )

    match(province)

    assert rules(province) == ["missed_callback", "missed_callback", None]
    assert {before.status, today.status} == {"paid"}


def test_a_reversal_that_carries_the_code_too_takes_back_that_payment(province: Province) -> None:
    """Whatever else has its reference; and one reference reversed as often as it came is clear."""
    before, today = a_payment_request(province), a_payment_request(province)
    yesterday = TODAY - timedelta(days=1)
    told = {"reference": "FT9", "reversal": True, "reverses": "1234"}
    a_statement(
        province,
        BankLine(50_000, before.reference, reference="1234", day=yesterday),
        BankLine(50_000, today.reference, reference="1234"),
        BankLine(-50_000, f"hoan {today.reference}", **told),
        day=yesterday,
        through=TODAY,
    )

    match(province)

    assert rules(province) == ["missed_callback", "missed_callback", "reversal"]
    assert (before.status, today.status) == ("paid", "open")


def test_a_debit_that_nothing_explains_is_left_alone(province: Province) -> None:
    """Neither a reversal nor a charge we know: it waits for people."""
    a_statement(province, BankLine(20_000), BankLine(-11_000, "THU PHI QLTK T11"))

    match(province)

    assert rules(province) == ["missed_callback", None]


def test_charges_and_interest_are_booked_by_confirmed_words(province: Province) -> None:
    """Once staff confirmed the words for the account, such lines book themselves."""
    number, by = province.account.id, "staff:2"
    session = province.session
    told = {"amount": Dong(20_000), "day": TODAY, "now": NOON}
    bookings.open_account(session, number, by="staff:1", approved_by=by, **told)
    known_words(province, Kind.CHARGE, "Thu phí QLTK")
    known_words(province, Kind.INTEREST, "tra lai")
    a_statement(
        province,
        BankLine(-11_000, "THU PHI QLTK T11", reference="C1"),
        BankLine(300, "Trả lãi tiền gửi", reference="C2"),
        BankLine(-5_000, "PHI KHAC", reference="C3"),
        opening=20_000,
    )

    match(province)

    assert rules(province) == ["charge", "interest", None]
    assert province.balance("expenses:charges") == 11_000
    assert province.balance("income:interest") == -300
    assert province.balance("assets:bank") == 20_000 - 10_700


def test_words_book_nothing_before_a_second_person_confirms_nor_after_their_end(
    province: Province,
) -> None:
    """One person's words are a proposal; ended ones book nothing more, what was booked stays."""
    told = {"kind": Kind.CHARGE, "words": "thu phi", "now": NOON}
    session, account = province.session, province.account.id
    held = {"amount": Dong(3_000), "day": TODAY, "now": NOON}
    bookings.open_account(session, account, by="staff:1", approved_by="staff:2", **held)
    row = bookings.propose_pattern(session, account, by="staff:1", **told)
    a_statement(province, BankLine(-1_000, "THU PHI 1", "A"), opening=3_000)
    match(province)
    assert rules(province) == [None]

    with pytest.raises(bookings.SamePerson):
        bookings.confirm_pattern(session, row, by="staff:1", now=NOON)
    bookings.confirm_pattern(session, row, by="staff:2", now=NOON)
    match(province)
    assert rules(province) == ["charge"]

    bookings.end_pattern(session, row, by="staff:1", now=NOON)
    day = TODAY + timedelta(days=1)
    a_statement(province, BankLine(-1_000, "THU PHI 2", "B", day=day), opening=2_000, day=day)
    match(province)
    assert rules(province) == ["charge", None]
    with pytest.raises(bookings.UnknownPattern):
        bookings.end_pattern(session, row, by="staff:1", now=NOON)


@pytest.mark.parametrize("words", ["phi", "PHÍ 2026", "a b c d", "1234567890", "", "p" * 61])
def test_words_of_few_letters_are_refused(province: Province, words: str) -> None:
    """What is in many memos, or is no word, is never taken for a charge."""
    with pytest.raises(bookings.InvalidPattern):
        bookings.propose_pattern(
            province.session,
            province.account.id,
            kind=Kind.CHARGE,
            words=words,
            by="staff:1",
            now=NOON,
        )


def test_a_match_can_be_revoked_and_nothing_else_moves(province: Province) -> None:
    """Unmatching books the reversal and leaves the line to staff; the request stays paid."""
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province, BankLine(50_000, request.reference))
    match(province)
    made = province.session.scalars(select(LineMatch)).one()

    matching.unmatch(province.session, made.id, reason="wrong line", by="staff:2", now=NIGHT)
    match(province)

    province.session.refresh(request)
    assert rules(province) == [None]
    assert (request.status, request.confirmed) == ("paid", 0)
    assert (province.balance("assets:bank"), province.balance("assets:transit")) == (0, 50_000)
    with pytest.raises(matching.MatchRevoked):
        matching.unmatch(province.session, made.id, reason="again", by="staff:2", now=NIGHT)


def test_an_opening_balance_takes_two_people(province: Province) -> None:
    """What the account held before is booked when a second person approves it, once."""
    session, number = province.session, province.account.id
    told = {"amount": Dong(1_000_000), "day": TODAY, "now": NOON}
    bookings.propose_opening(session, number, by="staff:1", **told)

    with pytest.raises(bookings.SamePerson):
        bookings.approve_opening(session, number, by="staff:1", now=NOON)
    bookings.approve_opening(session, number, by="staff:2", now=NOON)

    assert province.balance("assets:bank") == 1_000_000
    assert province.balance("equity:opening") == -1_000_000
    a_statement(province, opening=1_000_000)
    with pytest.raises(bookings.OpeningApproved):
        bookings.propose_opening(session, number, by="staff:1", **told)


def test_a_withdrawn_credit_that_came_after_all_is_booked_anew(province: Province) -> None:
    """What staff withdrew as never come, and the bank shows later, is a credit of its own."""
    request = a_payment_request(province)
    paid(province, request)
    (never,) = province.credits()
    settlement.withdraw(province.session, never, actor="staff:2", now=NOON)
    a_statement(province, BankLine(50_000, request.reference))

    match(province)

    province.session.refresh(request)
    assert rules(province) == ["missed_callback"]
    assert (request.status, request.received, request.confirmed) == ("paid", 50_000, 50_000)
    assert (province.balance("assets:bank"), province.balance("assets:transit")) == (50_000, 0)
