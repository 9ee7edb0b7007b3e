"""Breaks worked to their end: each kind by what it allows, one person or two, and gone at last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments import inbox, payment_requests, policies
from payments.core import approvals, audit
from payments.core.approvals import Approval, NotTheMaker, SamePerson, ShownChanged
from payments.core.audit import AuditEntry
from payments.inbox import Callback
from payments.payment_requests import CancelReason, public_status
from reconciliation import breaks, day_close
from reconciliation.breaks import (
    Action,
    ActionNotAllowed,
    Attachment,
    AwaitsSecondPerson,
    Break,
    BreakGone,
    Decision,
    Kind,
    MixedBreaks,
    NoteKind,
    NothingToReopen,
    NothingWritten,
    NotToBeAttached,
    NotToBeBooked,
    State,
    WaitOutOfRange,
    rules,
)
from reconciliation.matching import suggestions, unmatch
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
LATE = NOON + timedelta(hours=60)
MAKER, CHECKER = "staff:1", "staff:2"
BIG = 3_000_000
Cause = Callable[[Province], None]


@pytest.fixture
def province(session: Session) -> Iterator[Province]:
    """A province whose ledger proves after whatever a test does."""
    one = a_province(session)
    yield one
    assert unproved(one) == []


def the_break(province: Province, kind: str) -> Break:
    """The one live break of a kind."""
    found = [one for one in everything(province) if one.kind == kind]
    assert len(found) == 1, [one.kind for one in everything(province)]
    return found[0]


def everything(province: Province) -> list[Break]:
    """The live breaks."""
    province.session.expire_all()
    return list(
        breaks.live(
            province.session, province.account.id, through=TODAY + timedelta(days=9), most=100
        )
    )


def kinds(province: Province) -> list[str]:
    """The kinds of the live breaks."""
    return sorted(one.kind for one in everything(province))


def renew(province: Province, now=NIGHT) -> None:
    """Lets breaks follow their causes, as a page does after a decision."""
    day_close.renew_breaks(province.session, province.account.id, now=now)
    province.session.expire_all()


def decide(
    province: Province, one: Break, action: Action, *, by: str = MAKER, now=NIGHT, **told
) -> Approval | None:
    """Decides about a break, and lets breaks follow."""
    decision = Decision(action, told.pop("reason", "the bank said so"), **told)
    proposed = breaks.decide(province.session, [one], decision, by=by, now=now)
    renew(province, now)
    return proposed


# --- causes, by kind ---


def untold_line(province: Province, amount: int = 50_000, memo: str = "nop le phi") -> None:
    a_message(province, memo, amount=amount, reference="FT1")
    settle(province)
    a_statement(province, BankLine(amount, memo, reference="FT1"))


def unconfirmed(province: Province, amount: int = 50_000, source: str = "sandbox") -> None:
    paid(province, a_payment_request(province, amount=amount), source=source)
    a_statement(province)


def twice(province: Province, amount: int = 50_000) -> None:
    request = a_payment_request(province, amount=amount)
    for _ in range(2):
        paid(province, request)
    a_statement(province, *[BankLine(amount, request.reference, reference=r) for r in "AB"])


def after_cancel(province: Province) -> None:
    request = a_payment_request(province)
    payment_requests.cancel(province.session, request, reason=CancelReason.WITHDRAWN, now=NOON)
    paid(province, request)
    a_statement(province, BankLine(50_000, request.reference))


def split_mismatch(province: Province) -> None:
    memo = " ".join(a_payment_request(province, amount=20_000).reference for _ in range(2))
    a_message(province, memo, amount=50_000)
    settle(province)
    a_statement(province, BankLine(50_000, memo))


def wrong_account(province: Province) -> None:
    elsewhere = a_province(province.session, number="0099999999")
    memo = a_payment_request(elsewhere).reference
    # the request is issued into the first account of the agency: the other one takes the money
    account = province.account
    province.account = elsewhere.account
    province.intakes = elsewhere.intakes
    assert account.id != elsewhere.account.id
    a_message(province, memo, amount=50_000)
    settle(province)
    a_statement(province, BankLine(50_000, memo))


def taken_back(province: Province) -> None:
    request = a_payment_request(province)
    paid(province, request)
    back = BankLine(-50_000, reference="FT2", reversal=True, reverses="FT1")
    a_statement(province, BankLine(50_000, request.reference, reference="FT1"), back)


def conflict(province: Province) -> None:
    request = a_payment_request(province)
    paid(province, request, event="77")
    a_message(province, request.reference, amount=40_000, event="77")
    settle(province)
    a_statement(province, BankLine(50_000, request.reference))


def failed(province: Province) -> None:
    """A message that could not be settled, and that its day's statement does not show."""
    a_message(province, a_payment_request(province).reference, amount=50_000)
    (number,) = inbox.waiting_ids(province.session, province.account.id)
    inbox.mark_failed(province.session, number, reason="a fault", now=NOON)
    a_statement(province)


def charged(province: Province, amount: int = 11_000) -> None:
    request = a_payment_request(province, amount=BIG)
    paid(province, request)
    a_statement(province, BankLine(BIG, request.reference), BankLine(-amount, "THU PHI QLTK"))


def interest_taken_for_a_credit(province: Province) -> None:
    a_statement(province, BankLine(1_234, "TRA LAI TIEN GUI"))


def to_a_request(province: Province) -> dict[str, object]:
    return {"reference": a_payment_request(province).reference}


WORKED: dict[str, tuple[Cause, str, Action, object]] = {
    "no code": (untold_line, "unidentified", Action.ASSIGN, to_a_request),
    "damaged code": (
        lambda p: untold_line(p, memo="nop TTHC12345"),
        "damaged_code",
        Action.ASSIGN,
        to_a_request,
    ),
    "paid twice": (twice, "duplicate", Action.ASSIGN, to_a_request),
    "paid after cancel": (after_cancel, "after_cancel", Action.ASSIGN, to_a_request),
    "several codes": (split_mismatch, "split_mismatch", Action.ASSIGN, to_a_request),
    "never came": (unconfirmed, "callback_without_line", Action.WITHDRAW, None),
    "advised only": (
        lambda p: unconfirmed(p, source="sepay_key"),
        "advised_unconfirmed",
        Action.DISMISS,
        None,
    ),
    "a charge": (charged, "debit_unexplained", Action.CHARGE, None),
    "interest": (interest_taken_for_a_credit, "unidentified", Action.INTEREST, None),
    "taken back": (taken_back, "reversed", Action.ACCEPT, None),
    "told in two ways": (conflict, "delivery_conflict", Action.ACCEPT, None),
    "a message that failed": (failed, "callback_failed", Action.ACCEPT, None),
    "nobody told": (interest_taken_for_a_credit, "missed_callback", Action.ACCEPT, None),
}


def test_a_message_that_failed_is_no_break_once_it_is_settled(province: Province) -> None:
    """Tried again it is taken, and its day has a credit that no line shows instead."""
    failed(province)
    run(province)
    (number,) = province.session.scalars(select(Callback.id))
    told = {"vault": province.vault, "prefix": "TTHC", "now": NOON}

    assert inbox.settle_account(province.session, province.account.id, only=[number], **told) == 1

    run(province)
    assert kinds(province) == ["callback_without_line"]


@pytest.mark.parametrize("case", WORKED)
def test_each_kind_is_worked_by_what_it_allows(province: Province, case: str) -> None:
    """It arises from its cause, one decision ends it, and the next run does not bring it back."""
    cause, kind, action, needs = WORKED[case]
    cause(province)
    run(province)
    one = the_break(province, kind)
    told = needs(province) if callable(needs) else {}

    assert decide(province, one, action, **told) is None

    assert kind not in kinds(province)
    province.session.refresh(one)
    assert (one.state, one.resolution, one.resolved_by) == ("resolved", action, MAKER)
    run(province)
    assert kind not in kinds(province)
    assert unproved(province) == []


CLEARED: dict[str, tuple[Cause, str, Cause]] = {
    "the line comes late": (
        lambda p: (unconfirmed(p), None)[1],
        "callback_without_line",
        lambda p: a_statement(p, BankLine(50_000, p.credits()[0].code or "")),
    ),
    "a signed source tells it too": (
        lambda p: unconfirmed(p, source="sepay_key"),
        "advised_unconfirmed",
        lambda p: a_statement(p, BankLine(50_000, p.credits()[0].code or "")),
    ),
    "the callback comes late": (
        lambda p: a_statement(p, BankLine(50_000, "khong ro", reference="FT9")),
        "unidentified",
        lambda p: (
            a_message(p, a_payment_request(p).reference, amount=50_000, reference="FT9"),
            settle(p),
        ),
    ),
    "the file comes": (
        lambda p: paid(p, a_payment_request(p)),
        "statement_missing",
        lambda p: a_statement(p, BankLine(50_000, p.credits()[0].code or "")),
    ),
    "the rest is paid": (
        lambda p: (
            paid(p, a_payment_request(p), 20_000),
            a_statement(p, BankLine(20_000, p.credits()[0].code or "")),
        ),
        "short",
        lambda p: (a_message(p, p.credits()[0].code or "", amount=30_000), settle(p)),
    ),
}


@pytest.mark.parametrize("case", CLEARED)
def test_a_break_clears_by_itself_when_its_cause_goes(province: Province, case: str) -> None:
    """Nobody did anything about it: it is resolved, and by nobody."""
    cause, kind, remedy = CLEARED[case]
    cause(province)
    run(province)
    one = the_break(province, kind)

    remedy(province)
    run(province)

    province.session.refresh(one)
    assert kind not in kinds(province)
    assert (one.state, one.resolution, one.cleared_at) == ("resolved", None, NIGHT)


def test_every_kind_says_what_may_be_done_about_it() -> None:
    """No kind is a dead end, and what is missing from a statement is never decided away."""
    assert set(rules.BY_KIND) == set(Kind)
    for kind, weight in breaks.WEIGHTS.items():
        if weight is breaks.Weight.INCOMPLETE:
            assert rules.BY_KIND[kind] == (Action.WAIT,)
    accepted = {kind for kind, actions in rules.BY_KIND.items() if Action.ACCEPT in actions}
    assert accepted == set(breaks.ACCEPTABLE)


@pytest.mark.parametrize(
    ("cause", "kind", "action"),
    [
        (twice, "duplicate", Action.ACCEPT),
        (twice, "duplicate", Action.WITHDRAW),
        (charged, "debit_unexplained", Action.INTEREST),
        (unconfirmed, "callback_without_line", Action.ASSIGN),
    ],
)
def test_what_a_kind_does_not_allow_is_refused(
    province: Province, cause: Cause, kind: str, action: Action
) -> None:
    """Money that waits for its owner is not accepted away, nor seen money withdrawn."""
    cause(province)
    run(province)
    one = the_break(province, kind)

    with pytest.raises(ActionNotAllowed):
        decide(province, one, action)


def test_the_database_alone_keeps_money_from_being_accepted_away(province: Province) -> None:
    """A break of held money is resolved only when its cause is gone, whatever the code does."""
    twice(province)
    run(province)
    own = update(Break).where(Break.kind == "duplicate")

    with pytest.raises(IntegrityError), province.session.begin_nested():
        province.session.execute(own.values(state="resolved"))


def test_a_decision_that_does_not_end_the_cause_leaves_the_break(province: Province) -> None:
    """Assigned to a request of another amount: the break stays, of the kind it now is."""
    untold_line(province)
    run(province)
    one = the_break(province, "unidentified")
    request = a_payment_request(province, amount=80_000)

    decide(province, one, Action.ASSIGN, reference=request.reference)

    stays = the_break(province, "short")
    assert (stays.id, stays.state, stays.resolution) == (one.id, "open", "assign")


def test_an_assignment_is_refused_where_it_can_only_be_wrong(province: Province) -> None:
    """To nobody's code, to a request of another account, to one that waits for nothing."""
    untold_line(province)
    run(province)
    one = the_break(province, "unidentified")
    done = a_payment_request(province)
    paid(province, done)

    for reference, error in (
        ("TTHC0000000000", payment_requests.UnknownRequest),
        (done.reference, breaks.RequestNotWaiting),
    ):
        with pytest.raises(error), province.session.begin_nested():
            decide(province, one, Action.ASSIGN, reference=reference)


def test_money_on_the_wrong_account_is_not_assigned_across_accounts(province: Province) -> None:
    """The request's money would have to come to the request's own account."""
    wrong_account(province)
    run(province)
    one = the_break(province, "wrong_account")
    code = province.credits()[-1].code

    with pytest.raises(breaks.RequestElsewhere):
        decide(province, one, Action.ASSIGN, reference=code)


# --- two persons ---


def test_from_the_limit_on_a_decision_needs_a_second_person(province: Province) -> None:
    """Proposed by one and done when another approves; nothing moves before."""
    untold_line(province, amount=BIG)
    run(province)
    one = the_break(province, "unidentified")
    request = a_payment_request(province, amount=BIG)

    approval = decide(province, one, Action.ASSIGN, reference=request.reference)

    assert approval is not None
    assert (one.state, approval.amount, approval.maker) == ("proposed", BIG, MAKER)
    province.session.refresh(request)
    assert request.status == "open"
    breaks.approve(province.session, approval, by=CHECKER, now=NIGHT)
    renew(province)
    assert (request.status, kinds(province)) == ("paid", [])
    assert (one.state, one.resolved_by, one.approval_id) == ("resolved", CHECKER, None)


def test_just_below_the_limit_one_person_is_enough(province: Province) -> None:
    """The policy is the treasurer's; the amount itself needs two."""
    limit = 60_000
    policies.decide(
        province.session, "second_person_amount", limit, valid_from=TODAY, by=MAKER, now=NOON
    )
    for amount, reference in ((limit - 1, "FT1"), (limit, "FT2")):
        a_message(province, "khong ma", amount=amount, reference=reference)
        settle(province)
    a_statement(
        province,
        BankLine(limit - 1, "khong ma", reference="FT1"),
        BankLine(limit, "khong ma", reference="FT2"),
    )
    run(province)
    below, at = sorted(everything(province), key=lambda one: one.amount)
    until = TODAY + timedelta(days=2)

    assert decide(province, below, Action.WAIT, until=until) is None
    assert decide(province, at, Action.WAIT, until=until) is not None


def test_nobody_approves_their_own_decision(province: Province) -> None:
    """Not in Python, and not in the database; the proposal waits on, no money moves."""
    unconfirmed(province, amount=BIG)
    run(province)
    one = the_break(province, "callback_without_line")
    approval = decide(province, one, Action.WITHDRAW)
    assert approval is not None

    with pytest.raises(SamePerson), province.session.begin_nested():
        breaks.approve(province.session, approval, by=MAKER, now=NIGHT)
    own = update(Approval).where(Approval.id == approval.id)
    with pytest.raises(IntegrityError), province.session.begin_nested():
        province.session.execute(own.values(state="approved", checker=MAKER, decided_at=NIGHT))

    assert kinds(province) == ["callback_without_line"]
    assert province.credits()[0].reversed == 0


def test_a_proposal_is_declined_or_taken_back(province: Province) -> None:
    """The break is as before; only its maker takes a proposal back."""
    unconfirmed(province, amount=BIG)
    run(province)
    one = the_break(province, "callback_without_line")
    breaks.hand_to(province.session, one, owner=MAKER, by=MAKER, now=NIGHT)
    first = decide(province, one, Action.WITHDRAW)
    assert first is not None
    with pytest.raises(AwaitsSecondPerson):
        decide(province, one, Action.WAIT, until=TODAY + timedelta(days=3))

    breaks.decline(province.session, first, reason="ask the bank first", by=CHECKER, now=NIGHT)
    assert (one.state, one.approval_id, first.state) == ("assigned", None, "declined")

    second = decide(province, one, Action.WITHDRAW)
    assert second is not None
    with pytest.raises(NotTheMaker):
        breaks.withdraw(province.session, second, by=CHECKER, now=NIGHT)
    breaks.withdraw(province.session, second, by=MAKER, now=NIGHT)
    assert (one.state, second.state) == ("assigned", "withdrawn")


def test_what_changed_since_it_was_proposed_is_not_approved(province: Province) -> None:
    """The request was paid by other money meanwhile: the second person saw something else."""
    untold_line(province, amount=BIG)
    run(province)
    one = the_break(province, "unidentified")
    request = a_payment_request(province, amount=BIG)
    approval = decide(province, one, Action.ASSIGN, reference=request.reference)
    assert approval is not None
    paid(province, request)

    with pytest.raises(ShownChanged):
        breaks.approve(province.session, approval, by=CHECKER, now=NIGHT)


def test_a_proposal_lapses_when_the_cause_goes_first(province: Province) -> None:
    """The line came after all: nothing is left to withdraw, and nobody can."""
    unconfirmed(province, amount=BIG)
    run(province)
    one = the_break(province, "callback_without_line")
    approval = decide(province, one, Action.WITHDRAW)
    assert approval is not None

    a_statement(province, BankLine(BIG, province.credits()[0].code or ""))
    run(province)

    province.session.refresh(one)
    assert (one.state, approval.state, approval.checker) == ("resolved", "withdrawn", None)
    with pytest.raises(approvals.ProposalDecided):
        breaks.approve(province.session, approval, by=CHECKER, now=NIGHT)
    assert province.credits()[0].reversed == 0


def test_many_of_one_kind_are_decided_at_once(province: Province) -> None:
    """Their sum says how many people it takes; splitting a sum does not get round the limit."""
    for _ in range(3):
        paid(province, a_payment_request(province, amount=1_000_000))
    a_statement(province)
    run(province)
    chosen = everything(province)
    decision = Decision(Action.WITHDRAW, "a test of the bank's")

    approval = breaks.decide(province.session, chosen, decision, by=MAKER, now=NIGHT)

    assert approval is not None
    assert (approval.amount, [one.state for one in chosen]) == (3_000_000, ["proposed"] * 3)
    breaks.approve(province.session, approval, by=CHECKER, now=NIGHT)
    renew(province)
    assert kinds(province) == []
    assert [int(credit.reversed) for credit in province.credits()] == [1_000_000] * 3


def test_one_decision_is_about_one_kind(province: Province) -> None:
    """And money is assigned one by one."""
    twice(province)
    a_message(province, "khong ma", amount=50_000)
    settle(province)
    run(province)
    until = TODAY + timedelta(days=2)

    for decision, error in (
        (Decision(Action.WAIT, "later", until=until), MixedBreaks),
        (Decision(Action.ASSIGN, "his", reference="TTHC1234567894"), MixedBreaks),
    ):
        with pytest.raises(error):
            breaks.decide(province.session, everything(province), decision, by=MAKER, now=NIGHT)
    with pytest.raises(MixedBreaks):
        breaks.decide(
            province.session, [], Decision(Action.WAIT, "x", until=until), by=MAKER, now=NIGHT
        )


# --- matching from a break ---


def test_lines_and_credits_are_matched_by_their_breaks(province: Province) -> None:
    """A told credit and an unbooked line that are the same money: both breaks go at once."""
    a_message(province, "", amount=50_000)
    settle(province)
    a_statement(province, BankLine(50_000, "nop le phi"))
    run(province)
    credit = the_break(province, "callback_without_line")
    line = next(one for one in everything(province) if one.leg == "line")

    decide(province, credit, Action.MATCH, others=[line.public_id])

    assert kinds(province) == ["unidentified"]  # whose money it is, is still not known
    assert province.credits()[0].match_id is not None


def in_parts(province: Province, *amounts: int) -> list[Break]:
    """Credits that were told one by one and that the bank booked in one sum: what may be joined.

    The breaks of the credits in the order of their amounts, then that of the line.
    """
    for amount in amounts:
        a_message(province, "", amount=amount)
    settle(province)
    a_statement(province, BankLine(sum(amounts), "nop le phi"))
    run(province)
    told = [one for one in everything(province) if one.leg == "confirmation"]
    (line,) = (one for one in everything(province) if about(one, "settlement", sum(amounts)))
    return [*sorted(told, key=lambda one: one.amount), line]


def about(one: Break, leg: str, amount: int) -> bool:
    """Whether a break is about that leg and amount."""
    return (one.leg, one.amount) == (leg, amount)


def names(*some: Break) -> list[str]:
    return [one.public_id for one in some]


def test_a_match_counts_with_all_that_it_joins(province: Province) -> None:
    """Begun from the smallest part it still takes two people, and waits with all its parts."""
    small, large, line = in_parts(province, 1_000, 99_999_000)

    approval = decide(province, small, Action.MATCH, others=names(large, line))

    assert approval is not None
    assert approval.amount == 100_000_000
    assert [one.state for one in (small, large, line)] == ["proposed"] * 3
    assert [credit.match_id for credit in province.credits() if credit.amount == 1_000] == [None]
    breaks.approve(province.session, approval, by=CHECKER, now=NIGHT)
    renew(province)
    assert kinds(province) == ["unidentified", "unidentified"]  # whose money it is, as before


def test_parts_below_the_limit_are_joined_by_one_person(province: Province) -> None:
    """The limit is asked of the whole: below it one person is enough."""
    small, large, line = in_parts(province, 1_000, 1_998_000)

    assert decide(province, small, Action.MATCH, others=names(large, line)) is None


def test_a_proposed_match_is_given_back_whole(province: Province) -> None:
    """Declined, every break that it would have joined can be decided about again."""
    small, large, line = in_parts(province, 1_000, 99_999_000)
    approval = decide(province, small, Action.MATCH, others=names(large, line))
    assert approval is not None

    breaks.decline(province.session, approval, reason="ask first", by=CHECKER, now=NIGHT)

    assert [(one.state, one.approval_id) for one in (small, large, line)] == [("open", None)] * 3


def test_nobody_decides_alone_about_what_waits_for_a_second_person(province: Province) -> None:
    """Neither as a part of a match, nor about a part of a match that is proposed."""
    small, large, line = in_parts(province, 1_000, BIG)
    approval = decide(province, large, Action.WITHDRAW)
    assert approval is not None

    with pytest.raises(AwaitsSecondPerson):
        decide(province, small, Action.MATCH, others=names(large, line))

    breaks.withdraw(province.session, approval, by=MAKER, now=NIGHT)
    decide(province, large, Action.MATCH, others=names(small, line))
    with pytest.raises(AwaitsSecondPerson):
        decide(province, small, Action.WITHDRAW)
    (whose,) = (one for one in everything(province) if about(one, "settlement", 1_000))
    request = a_payment_request(province, amount=1_000)
    with pytest.raises(AwaitsSecondPerson):
        decide(province, whose, Action.ASSIGN, reference=request.reference)


def test_a_match_is_made_of_what_still_waits(province: Province) -> None:
    """A break that is gone since the page was drawn is not matched with."""
    small, large, line = in_parts(province, 1_000, 500_000)
    decide(province, large, Action.WITHDRAW)

    with pytest.raises(BreakGone):
        decide(province, small, Action.MATCH, others=names(large, line))


def a_suggested_line(province: Province) -> tuple[Break, Break, str]:
    """A credit and a line of one amount and day: their breaks, and what is suggested."""
    a_message(province, "", amount=BIG)
    settle(province)
    a_statement(province, BankLine(BIG, "nop le phi"))
    run(province)
    (credit,) = (one for one in everything(province) if one.leg == "confirmation")
    (line,) = (one for one in everything(province) if one.leg == "line")
    (found,) = suggestions.of_line(province.session, int(line.key))
    return credit, line, found.public_id


def test_a_proposed_suggestion_holds_both_its_ends(province: Province) -> None:
    """The credit waits with the line, and nobody declines alone what is proposed."""
    credit, line, found = a_suggested_line(province)

    assert decide(province, line, Action.SUGGESTION, suggestion=found) is not None

    assert (credit.state, line.state) == ("proposed", "proposed")
    with pytest.raises(AwaitsSecondPerson):
        decide(province, credit, Action.WITHDRAW)
    (whose,) = (one for one in everything(province) if one.leg == "settlement")
    for one in (whose, credit, line):
        with pytest.raises(AwaitsSecondPerson):
            breaks.decline_suggestion(
                province.session, one, found, reason="no", by=MAKER, now=NIGHT
            )


def test_a_suggestion_is_not_taken_past_a_proposal(province: Province) -> None:
    """Its credit is proposed to be withdrawn: the line does not take it."""
    credit, line, found = a_suggested_line(province)
    decide(province, credit, Action.WITHDRAW)

    with pytest.raises(AwaitsSecondPerson):
        decide(province, line, Action.SUGGESTION, suggestion=found)


def test_a_suggestion_is_accepted_from_its_break(province: Province) -> None:
    """What matching suggests is done by the same door, and by two where the amount asks for it."""
    request = a_payment_request(province, amount=BIG)
    reference = request.reference
    wrong = reference[:7] + str((int(reference[7]) + 3) % 10) + reference[8:]
    untold_line(province, amount=BIG, memo=wrong)
    run(province)
    one = the_break(province, "damaged_code")
    (found,) = suggestions.of_credit(province.session, int(one.key))

    approval = decide(province, one, Action.SUGGESTION, suggestion=found.public_id)
    assert approval is not None
    breaks.approve(province.session, approval, by=CHECKER, now=NIGHT)
    renew(province)

    province.session.refresh(request)
    assert (request.status, kinds(province)) == ("paid", [])


def test_a_dismissed_advice_frees_its_request(province: Province) -> None:
    """Nothing was booked; the request no longer says that it is being confirmed."""
    request = a_payment_request(province)
    paid(province, request, source="sepay_key")
    a_statement(province)
    run(province)
    assert public_status(request) == "confirming"

    decide(province, the_break(province, "advised_unconfirmed"), Action.DISMISS)

    province.session.refresh(request)
    assert (public_status(request), request.advised) == ("open", 0)


def test_a_credit_line_that_somebody_told_is_no_interest(province: Province) -> None:
    """Interest is what nobody paid us: a told credit has a payer."""
    untold_line(province)
    run(province)

    with pytest.raises(NotToBeBooked):
        decide(province, the_break(province, "unidentified"), Action.INTEREST)


# --- waiting, accepting, reopening ---


def test_a_break_that_waits_still_has_time(province: Province) -> None:
    """Until the day that was decided the day is pending; after it the break counts again."""
    charged(province)
    assert run(province).verdict == "breaks"
    one = the_break(province, "debit_unexplained")

    decide(province, one, Action.WAIT, until=TODAY + timedelta(days=2))

    assert run(province).verdict == "pending"
    assert (one.waiting_until, one.state) == (TODAY + timedelta(days=2), "open")
    assert run(province, now=NOON + timedelta(days=3)).verdict == "breaks"
    breaks.decide(province.session, [one], Decision(Action.CHARGE, "fee"), by=MAKER, now=NIGHT)
    renew(province)


@pytest.mark.parametrize("days", [-1, 0, 91, None])
def test_one_waits_until_a_later_day_and_not_for_ever(province: Province, days) -> None:
    """Today is not later, and three months are enough."""
    charged(province)
    run(province)
    one = the_break(province, "debit_unexplained")
    until = None if days is None else TODAY + timedelta(days=days)

    with pytest.raises(WaitOutOfRange):
        decide(province, one, Action.WAIT, until=until, now=NOON)


def test_waiting_makes_no_day_green_that_cannot_be_proved(province: Province) -> None:
    """A statement that is missing is missing, whoever decided to wait for it."""
    paid(province, a_payment_request(province))
    run(province)
    one = the_break(province, "statement_missing")

    decide(province, one, Action.WAIT, until=TODAY + timedelta(days=2))

    assert run(province).verdict == "incomplete"
    a_statement(province, BankLine(50_000, province.credits()[0].code or ""))


def test_what_was_accepted_counts_no_more_and_can_be_reopened(province: Province) -> None:
    """Two words of one event: the first stands, the day is reconciled, until somebody reopens."""
    conflict(province)
    assert run(province).verdict == "breaks"
    one = the_break(province, "delivery_conflict")
    decide(province, one, Action.ACCEPT)
    assert run(province).verdict == "reconciled"
    with pytest.raises(BreakGone):
        decide(province, one, Action.WAIT, until=TODAY + timedelta(days=2))

    breaks.reopen(province.session, one, reason="the bank called", by=MAKER, now=NIGHT)

    assert (one.state, one.resolution) == ("open", None)
    assert run(province).verdict == "breaks"


def test_a_break_whose_cause_is_gone_is_not_reopened(province: Province) -> None:
    """It comes back by itself when its cause does."""
    charged(province)
    run(province)
    one = the_break(province, "debit_unexplained")
    decide(province, one, Action.CHARGE)

    with pytest.raises(NothingToReopen):
        breaks.reopen(province.session, one, reason="hm", by=MAKER, now=NIGHT)


def test_an_accepted_break_is_open_again_when_its_cause_says_more(province: Province) -> None:
    """What was accepted was one missed callback; now there are two."""
    request, second = a_payment_request(province), a_payment_request(province)
    a_statement(province, BankLine(50_000, request.reference))
    run(province)
    one = the_break(province, "missed_callback")
    decide(province, one, Action.ACCEPT)
    assert kinds(province) == []

    lines = [BankLine(50_000, request.reference), BankLine(50_000, second.reference)]
    a_statement(province, *lines, opening=0, sequence=2)
    run(province)

    again = the_break(province, "missed_callback")
    assert (again.id, again.items, again.state, again.resolution) == (one.id, 2, "open", None)


# --- looking after a break ---


def test_a_break_has_an_owner_a_priority_and_a_day_it_is_due(province: Province) -> None:
    """Much money and unproved days are due the next working day, the rest within the policy."""
    a_message(province, "khong ma", amount=BIG, reference="FT1")
    settle(province)
    a_statement(province, BankLine(BIG, "khong ma", reference="FT1"), BankLine(-11_000, "PHI"))
    run(province, now=NOON)
    by_kind = {one.kind: one for one in everything(province)}
    much, little = by_kind["unidentified"], by_kind["debit_unexplained"]

    assert (much.priority, much.due_on) == (1, TODAY + timedelta(days=1))
    assert (little.priority, little.due_on) == (2, TODAY + timedelta(days=3))
    breaks.hand_to(province.session, little, owner="staff:7", by=MAKER, now=NIGHT)
    assert (little.state, little.owner) == ("assigned", "staff:7")
    breaks.hand_to(province.session, little, owner=None, by=MAKER, now=NIGHT)
    assert (little.state, little.owner) == ("open", None)


def test_grace_moves_the_day_a_break_is_due(province: Province) -> None:
    """A credit that may still come on the next statement is not overdue before its grace ends."""
    unconfirmed(province)
    run(province, now=NOON)
    tuesday, sunday = TODAY, TODAY + timedelta(days=5)
    assert (tuesday.isoweekday(), sunday.isoweekday()) == (2, 7)

    one = the_break(province, "callback_without_line")

    assert one.due_on == sunday + timedelta(days=1)  # two days of grace, three of the policy


def test_notes_letters_and_attachments_stay_as_written(province: Province) -> None:
    """A letter to the bank has its number; a file comes back byte for byte, once stored."""
    charged(province)
    run(province)
    session, one = province.session, the_break(province, "debit_unexplained")
    pdf = Attachment("C:\\thu\\tra soat.pdf", b"%PDF-1.7 letter")

    told = {"by": MAKER, "now": NIGHT}
    letter = breaks.write(
        session, one, "Sent", kind=NoteKind.LETTER, number="TS-12", attachment=pdf, **told
    )
    breaks.write(session, one, "Ms Lan, 0274 1234", kind=NoteKind.CONTACT, **told)
    breaks.write(session, one, "It was their fee", kind=NoteKind.REPLY, **told)

    assert [note.kind for note in breaks.notes_of(session, one)] == ["letter", "contact", "reply"]
    name, kept = breaks.attached(session, one, letter.public_id)
    assert (name, kept.content, kept.media_type) == ("tra soat.pdf", pdf.content, "application/pdf")
    for wrong in (
        {"words": " "},
        {"words": "no number", "kind": NoteKind.LETTER},
    ):
        with pytest.raises(NothingWritten):
            breaks.write(session, one, **wrong, **told)
    for name, content in (
        ("x.html", b"<script>"),
        ("x.pdf", b"<script>"),
        ("x.exe", b"%PDF-1.7"),
        ("big.pdf", b"%PDF-" + b"x" * (5 << 20)),
        ("empty.pdf", b""),
    ):
        with pytest.raises(NotToBeAttached):
            breaks.write(session, one, "x", attachment=Attachment(name, content), **told)


def test_every_step_is_in_the_audit_trail(province: Province) -> None:
    """Who proposed, who approved, who decided, with the reason."""
    unconfirmed(province, amount=BIG)
    run(province)
    one = the_break(province, "callback_without_line")
    breaks.hand_to(province.session, one, owner=MAKER, by=MAKER, now=NIGHT)
    approval = decide(province, one, Action.WITHDRAW, reason="the bank has no such credit")
    assert approval is not None
    breaks.approve(province.session, approval, by=CHECKER, now=NIGHT)

    rows = province.session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject == f"break:{one.public_id}")
        .order_by(AuditEntry.id)
    ).all()
    assert [(row.actor, row.action) for row in rows] == [
        (MAKER, "break.handed"),
        (MAKER, "break.proposed"),
        (CHECKER, "break.approved"),
        (CHECKER, "break.decided"),
    ]
    assert rows[1].details["reason"] == "the bank has no such credit"
    assert audit.verify(province.session).holds


def test_a_break_that_comes_back_is_the_same_break(province: Province) -> None:
    """It keeps its number and its owner, and begins anew."""
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province)
    run(province)
    one = the_break(province, "callback_without_line")
    breaks.hand_to(province.session, one, owner=MAKER, by=MAKER, now=NIGHT)
    assert one.state == State.ASSIGNED
    a_statement(province, BankLine(50_000, request.reference), opening=0)
    run(province)
    province.session.refresh(one)
    assert one.state == State.RESOLVED
    credit = province.credits()[0]
    assert credit.match_id is not None

    unmatch(province.session, credit.match_id, reason="another one", by=MAKER, now=NIGHT)
    renew(province)

    again = the_break(province, "callback_without_line")
    assert (again.public_id, again.state, again.owner) == (one.public_id, "assigned", MAKER)
    assert again.due_on is not None
