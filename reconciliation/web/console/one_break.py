"""`/console/breaks/{id}`: one break, what it is about, its history, and what can be decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import claims, credits, payouts
from payments.agencies import CollectionAccount
from payments.claims import Claim
from payments.core import clock
from payments.core.approvals import Approval
from payments.core.calendar import local_day
from payments.core.money import Dong
from payments.core.service import Service
from payments.credits import Credit, CreditReference
from payments.payment_requests import PaymentRequest
from payments.payouts import Payout, RefundAccount, State
from payments.staff import Person, Role, StaffRole
from payments.web.auth import StaffPages, staff_only
from reconciliation import breaks, statements
from reconciliation.breaks import About, Action, Break, Candidate, NoteKind
from reconciliation.breaks.about import (
    claim_of,
    credit_of,
    line_of,
    payout_of,
    receipts_of,
    request_of,
    without_route,
)
from reconciliation.matching import Suggestion, suggestions
from reconciliation.statements import LineReference, StatementLine
from reconciliation.web.console.break_words import Happened, compared, decided, history, names_of
from reconciliation.web.console.parts import READERS

RAW_READERS: Final = (Role.RECONCILER, Role.APPROVER, Role.AUDITOR)
"""Who may read a message as it was received: it names the payer."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """A suggestion with its evidence: a request with its code beside what was read, or a line."""

    public_id: str
    clue: str
    read: str | None
    code: Sequence[tuple[str, bool]]
    request: PaymentRequest | None
    line: StatementLine | None
    credit: Credit


@dataclass(frozen=True, slots=True)
class Claimed:
    """A payer's claim: where it stands, and what it may be about."""

    claim: Claim
    state: str
    request: PaymentRequest
    candidates: Sequence[Candidate]


@dataclass(frozen=True, slots=True)
class Proposed:
    """A decision that waits for a second person, in words."""

    approval: Approval
    words: str
    maker: str
    many: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A break as its page shows it."""

    one: Break
    account: CollectionAccount
    credit: Credit | None
    line: StatementLine | None
    request: PaymentRequest | None
    meant: CollectionAccount | None
    """The account of the request, where the money came to another."""
    codes: Sequence[tuple[str, str]]
    suggested: Sequence[Suggested]
    proposed: Proposed | None
    allowed: Sequence[Action]
    counterparts: Sequence[tuple[Break, About | None]]
    related: Sequence[tuple[Break, About | None]]
    payouts: Sequence[Payout]
    named: RefundAccount | None
    claimed: Claimed | None
    sweep: Sequence[Payout]
    without_route: Dong
    history: Sequence[Happened]
    assigned: bool
    """Whether its credit is assigned to a request."""
    names: Mapping[str, str]
    people: Sequence[Person]
    limit: Dong
    today: date

    @property
    def needs_two(self) -> bool:
        """Whether whatever is decided here waits for a second person."""
        return self.one.amount >= self.limit


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page."""

    @pages.get("/breaks/<public_id>", endpoint="one_break")
    @staff_only(*READERS)
    def shown(public_id: str) -> str:
        now = clock.now()
        found = cashless.database.read(lambda session: _shown(session, public_id, now=now))
        return render_template(
            "console/break.html",
            shown=found,
            notes=NoteKind,
            raw_readers=RAW_READERS,
            longest_answer=claims.LONGEST_WORDS,
            version_of=breaks.version_of,
        )


def _shown(session: Session, public_id: str, *, now: datetime) -> Shown:
    one = breaks.by_public_id(session, public_id)
    credit, line = credit_of(session, one), line_of(session, one)
    live = breaks.is_live(one)
    request = receipts_of(session, one) if credit is None else request_of(session, credit)
    told, sweep = breaks.timeline(session, one), _sweep(session, one, line) if live else ()
    approval = None if one.approval_id is None else session.get_one(Approval, one.approval_id)
    names = names_of(session, _actors(one, approval, told))
    return Shown(
        one=one,
        account=session.get_one(CollectionAccount, one.collection_account_id),
        credit=credit,
        line=line,
        request=request,
        meant=_meant(session, one, request),
        codes=_codes(session, credit, line),
        suggested=_suggested(session, credit, line) if live else (),
        proposed=None if approval is None else _proposed(approval, names),
        allowed=_allowed(session, one, sweep) if live and approval is None else (),
        counterparts=_with_words(session, breaks.counterparts(session, one) if live else ()),
        related=_with_words(session, breaks.related(session, one)),
        payouts=_payouts(session, one, credit),
        named=_named(session, credit),
        claimed=_claimed(session, one),
        sweep=sweep,
        without_route=without_route(session, one, now=now),
        history=history(told, names),
        assigned=credit is not None and credits.assignment(session, credit) is not None,
        names=names,
        people=_people(session),
        limit=breaks.second_person_from(session, now=now),
        today=local_day(now),
    )


def _actors(one: Break, approval: Approval | None, told: Sequence[Any]) -> list[str | None]:
    """Everybody the page names."""
    actors = [one.owner, one.resolved_by, *[entry.by for entry in told]]
    actors += [entry.facts.get("owner") for entry in told]
    return actors if approval is None else [*actors, approval.maker]


def _with_words(session: Session, found: Sequence[Break]) -> Sequence[tuple[Break, About | None]]:
    return list(zip(found, breaks.told_of(session, found), strict=True))


def _payouts(session: Session, one: Break, credit: Credit | None) -> Sequence[Payout]:
    """The refunds of its credit, or the payout that it is about."""
    if credit is not None:
        return session.scalars(payouts.of_credit(credit.id).order_by(Payout.id)).all()
    payout = payout_of(session, one)
    return () if payout is None else [payout]


def _meant(
    session: Session, one: Break, request: PaymentRequest | None
) -> CollectionAccount | None:
    """The account that the money was meant for, where it is another."""
    if request is None or request.collection_account_id == one.collection_account_id:
        return None
    return session.get_one(CollectionAccount, request.collection_account_id)


def _named(session: Session, credit: Credit | None) -> RefundAccount | None:
    """The account that its payer named for the money to go back to."""
    if credit is None or credit.payment_request_id is None:
        return None
    return payouts.newest(session, credit.payment_request_id)


def _claimed(session: Session, one: Break) -> Claimed | None:
    claim = claim_of(session, one)
    if claim is None:
        return None
    request = session.get_one(PaymentRequest, claim.payment_request_id, populate_existing=True)
    state = claims.state_of(claim, request)
    found = breaks.candidates(session, claim) if breaks.is_live(one) else ()
    return Claimed(claim, state.value, request, found)


def _sweep(session: Session, one: Break, line: StatementLine | None) -> Sequence[Payout]:
    """The remittances, approved or to be approved, that a debit comes to: the bank's own sweep."""
    if line is None or one.kind != breaks.Kind.DEBIT_UNEXPLAINED or line.reversal:
        return ()
    states = (State.PROPOSED, State.APPROVED)
    return payouts.of_sweep(session, one.collection_account_id, line.amount, states=states)


def _allowed(session: Session, one: Break, sweep: Sequence[Payout]) -> Sequence[Action]:
    """What may be decided: nothing while a refund of the same money waits for its approvers."""
    if breaks.refund_waits(session, [one]):
        return ()
    ready = sweep and all(each.state == State.APPROVED for each in sweep)
    return [each for each in breaks.allowed(one) if ready or each is not Action.SWEPT]


def _codes(
    session: Session, credit: Credit | None, line: StatementLine | None
) -> Sequence[tuple[str, str]]:
    """The codes that were read in the memo, and whether each is whole, damaged or cut."""
    if credit is not None:
        read = select(CreditReference.code, CreditReference.kind).where(
            CreditReference.credit_id == credit.id
        )
        return [(code, kind) for code, kind in session.execute(read.order_by(CreditReference.id))]
    if line is not None:
        found = select(LineReference.code, LineReference.kind).where(
            LineReference.collection_account_id == statements.account_of(session, line),
            LineReference.statement_line_id == line.id,
        )
        return [(code, kind) for code, kind in session.execute(found.order_by(LineReference.id))]
    return ()


def _suggested(
    session: Session, credit: Credit | None, line: StatementLine | None
) -> Sequence[Suggested]:
    found: Sequence[Suggestion] = ()
    if credit is not None:
        found = suggestions.of_credit(session, credit.id)
    elif line is not None:
        found = suggestions.of_line(session, line.id)
    return [_evidence(session, one) for one in found]


def _evidence(session: Session, one: Suggestion) -> Suggested:
    request = line = None
    if one.payment_request_id is not None:
        request = session.get_one(PaymentRequest, one.payment_request_id)
    if one.statement_line_id is not None:
        line = session.get_one(StatementLine, one.statement_line_id)
    side_by_side = compared(one.code, request.reference) if one.code and request else ()
    return Suggested(
        public_id=one.public_id,
        clue=one.clue,
        read=one.code,
        code=side_by_side,
        request=request,
        line=line,
        credit=session.get_one(Credit, one.credit_id),
    )


def _proposed(approval: Approval, names: Mapping[str, str]) -> Proposed:
    return Proposed(
        approval=approval,
        words=decided(approval.shown["decision"]),
        maker=names[approval.maker],
        many=len(approval.shown["breaks"]),
    )


def _people(session: Session) -> Sequence[Person]:
    """Those who can look after a break."""
    working = select(StaffRole.staff_id).where(StaffRole.role.in_([Role.RECONCILER, Role.APPROVER]))
    rows = select(Person).where(Person.id.in_(working), Person.active.is_(True))
    return session.scalars(rows.order_by(Person.name)).all()
