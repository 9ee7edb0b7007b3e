"""What is suggested to staff, what they accept or decline, and what is never acted on by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import ledger, payment_requests, settlement
from payments.payment_requests import CancelReason, PaymentRequest
from reconciliation.matching import LineMatch, Suggestion, SuggestionState, suggestions
from reconciliation.matching.suggestions import SuggestionDecided, SuggestionOutOfDate
from tests.bank import TODAY, BankLine, a_statement, run, unproved
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


def one_digit_wrong(reference: str) -> str:
    """The reference as somebody types it with one digit wrong."""
    return reference[:7] + str((int(reference[7]) + 3) % 10) + reference[8:]


def neighbours_swapped(reference: str) -> str:
    """The reference with the first two different neighbours among its digits exchanged."""
    place = next(i for i in range(4, 13) if reference[i] != reference[i + 1])
    return reference[:place] + reference[place + 1] + reference[place] + reference[place + 2 :]


def suggested(province: Province) -> list[tuple[str, str | None, int]]:
    """The open suggestions: clue, reference of the request, rank."""
    rows = province.session.execute(
        select(Suggestion.clue, PaymentRequest.reference, Suggestion.rank)
        .outerjoin(PaymentRequest, PaymentRequest.id == Suggestion.payment_request_id)
        .where(Suggestion.state == SuggestionState.OPEN)
        .order_by(Suggestion.credit_id, Suggestion.rank)
    )
    return [tuple(row) for row in rows]  # type: ignore[misc]  # three columns


def the_suggestions(province: Province) -> Sequence[Suggestion]:
    """All suggestions ever made, in order."""
    province.session.expire_all()
    return province.session.scalars(select(Suggestion).order_by(Suggestion.id)).all()


@pytest.mark.parametrize("damage", [one_digit_wrong, neighbours_swapped])
def test_a_damaged_code_is_suggested_and_not_acted_on(province: Province, damage) -> None:
    """One digit wrong, or two neighbours exchanged: whose it may be is shown, and nothing paid."""
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, f"nop phi {damage(request.reference)}"))

    run(province)

    province.session.refresh(request)
    assert suggested(province) == [("damaged", request.reference, 1)]
    assert request.status == "open"
    assert province.findings() == ["unidentified"]


@pytest.mark.parametrize(("kept", "found"), [(10, True), (13, True), (9, False)])
def test_a_cut_code_needs_six_digits(province: Province, kept: int, found: bool) -> None:
    """The beginning of a code is suggested from six digits on."""
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, f"nop phi {request.reference[:kept]}"))

    run(province)

    assert suggested(province) == ([("cut", request.reference, 1)] if found else [])


def test_of_codes_that_begin_alike_the_one_that_was_open_comes_first(province: Province) -> None:
    """Of two cut codes the request that was open when the money came is the likelier."""
    session = province.session
    old = a_payment_request(province, now=NOON - timedelta(days=9))
    new = a_payment_request(province)
    older, newer = "TTHC1234567894", "TTHC1234561235"
    for request, reference in ((old, older), (new, newer)):
        request.reference = reference  # requests draw their codes: alike ones are made here
    session.flush()
    a_statement(province, BankLine(50_000, "TTHC123456"))

    run(province)

    assert suggested(province) == [("cut", newer, 1), ("cut", older, 2)]


def test_a_payer_known_for_the_dossier_is_suggested(province: Province) -> None:
    """Whoever paid for a dossier before most likely pays for it again, even without a code."""
    dossier = "000.00.12.H09-261124-7777"
    first = a_payment_request(province, amount=20_000, dossier=dossier)
    paid(province, first, payer="0123456789", reference="FT1")
    second = a_payment_request(province, amount=30_000, dossier=dossier)
    a_payment_request(province, amount=30_000)
    a_statement(
        province,
        BankLine(20_000, first.reference, "FT1", payer="0123456789"),
        BankLine(30_000, "nop tiep", "FT2", payer="0123456789"),
    )

    run(province)

    assert suggested(province) == [("known_payer", second.reference, 1)]


@pytest.mark.parametrize(
    "why", ["another amount", "paid already", "cancelled", "another account", "never issued"]
)
def test_nothing_is_suggested_that_could_not_be_meant(province: Province, why: str) -> None:
    """A request of another amount or account, or one that waits for nothing, is not suggested."""
    request, there = a_payment_request(province), province
    if why == "another account":
        there = a_province(province.session, number="0011007654321")
    memo = one_digit_wrong(request.reference)
    amount = 50_001 if why == "another amount" else 50_000
    if why == "paid already":
        paid(province, request, reference="FT0")
    if why == "cancelled":
        payment_requests.cancel(province.session, request, reason=CancelReason.WITHDRAWN, now=NOON)
    if why == "never issued":
        memo = "TTHC0000000001"
    a_statement(there, BankLine(amount, memo, "FT1"))

    run(there)

    assert suggested(province) == []


def test_an_accepted_suggestion_pays_the_request(province: Province) -> None:
    """The money is assigned by the door that any assignment goes through; its break goes."""
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, one_digit_wrong(request.reference)))
    before = run(province).verdict
    (one,) = the_suggestions(province)

    suggestions.accept(province.session, one, reason="seen", by="staff:2", now=NIGHT)

    after = run(province).verdict
    province.session.refresh(request)
    assert (request.status, request.confirmed) == ("paid", 50_000)
    assert (one.state, one.decided_by) == ("accepted", "staff:2")
    assert province.balance("liabilities:unidentified") == 0
    assert (before, after) == ("breaks", "reconciled")


def test_a_declined_suggestion_is_not_made_again(province: Province) -> None:
    """Staff say no once; later runs do not ask again, and nothing moved."""
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, one_digit_wrong(request.reference)))
    run(province)
    (one,) = the_suggestions(province)

    suggestions.decline(province.session, one, reason="another person", by="staff:2", now=NIGHT)
    run(province)

    assert suggested(province) == []
    assert [one.state for one in the_suggestions(province)] == ["declined"]
    assert province.balance("liabilities:unidentified") == -50_000
    with pytest.raises(SuggestionDecided):
        suggestions.accept(province.session, one, reason="after all", by="staff:2", now=NIGHT)


def test_a_suggestion_goes_with_its_cause_and_comes_again(province: Province) -> None:
    """Paid by its own code meanwhile: nothing to suggest; taken back by the bank: again."""
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, one_digit_wrong(request.reference), "FT1"))
    run(province)

    paid(province, request, reference="FT2")
    run(province)
    assert [one.state for one in the_suggestions(province)] == ["gone"]

    credit = next(one for one in province.credits() if one.bank_reference == "FT2")
    settlement.withdraw(province.session, credit, actor="staff:2", now=NIGHT)
    run(province)
    assert suggested(province) == [("damaged", request.reference, 1)]


def test_what_changed_since_is_not_accepted(province: Province) -> None:
    """The request was paid between the page and the click: nothing is changed."""
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, one_digit_wrong(request.reference), "FT1"))
    run(province)
    paid(province, request, reference="FT2")
    (one,) = the_suggestions(province)
    before = ledger.balances(province.session, province.account.id, on=TODAY)

    with pytest.raises(SuggestionOutOfDate):
        suggestions.accept(province.session, one, reason="seen", by="staff:2", now=NIGHT)

    province.session.refresh(one)
    assert one.state == "open"
    assert ledger.balances(province.session, province.account.id, on=TODAY) == before


def test_a_line_that_may_be_a_told_credit_is_suggested_and_matched(province: Province) -> None:
    """Equal amount and day prove nothing; once a person says so, line and credit are matched."""
    a_message(province, "", amount=50_000)
    settle(province)
    a_statement(province, BankLine(50_000, "nop le phi", reference="009"))
    run(province)
    (one,) = the_suggestions(province)
    assert (one.clue, one.payment_request_id) == ("same_amount", None)

    suggestions.accept(province.session, one, reason="bank confirmed", by="staff:2", now=NIGHT)

    match = province.session.scalars(select(LineMatch)).one()
    assert (match.rule, match.made_by) == ("by_hand", "staff:2")
    assert (province.balance("assets:bank"), province.balance("assets:transit")) == (50_000, 0)
