"""Refunds of a request: which of its credits gives back how much; all of them proposed, or none.

Who asks for a request's money names the request, not the credits that paid it. Those that came from
the account it is to go to give first, the newest of them; each gives by a refund of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from payments import agencies
from payments.core.errors import Invalid
from payments.core.money import ZERO, Dong
from payments.core.vault import Vault
from payments.credits import Credit, Finding
from payments.credits.paths import LINE
from payments.payment_requests import PaymentRequest
from payments.payouts.deciding import propose_refund
from payments.payouts.files import BankAccount
from payments.payouts.kept import credits_of
from payments.payouts.refunds import (
    FeesForwarded,
    NothingAsked,
    NotOnStatement,
    OnlyWhole,
    RefundTooLarge,
    Wanted,
    available,
    goes_elsewhere,
    left_of_fees,
    paid_fees,
)
from payments.payouts.tables import Kind, Part, Payout

_AMOUNT: Final = "/excess"


class ExcessOrLines(Invalid):
    """A refund is either of what is held beyond the fees, or of fees."""

    code = "excess_or_lines"


class NoSuchLine(Invalid):
    """The request has no line at that position."""

    code = "no_such_line"


class LineTwice(Invalid):
    """A line is named once."""

    code = "line_twice"


@dataclass(frozen=True, slots=True)
class AskedBack:
    """What is to be given back of a request, where to and why.

    Either an `excess`, in đồng, of what is held beyond its fees, or for each of `lines`, by its
    position, an amount in đồng, None for all that is left of it.
    """

    to: BankAccount
    reason: str
    excess: Dong | None = None
    lines: Sequence[tuple[int, Dong | None]] = ()


def propose_refunds(
    session: Session,
    request: PaymentRequest,
    asked: AskedBack,
    *,
    by: str,
    now: datetime,
    vault: Vault,
) -> Sequence[Payout]:
    """Proposes to another person to give money of a request back, a refund for each credit.

    Raises `ExcessOrLines`, `NoSuchLine`, `LineTwice`, and what `propose_refund` raises, each with
    a pointer to what was asked; nothing is proposed then.
    """
    if (asked.excess is None) == (not asked.lines):
        raise ExcessOrLines(pointer=_AMOUNT)
    agencies.lock(session, request.collection_account_id)
    session.refresh(request)
    found = session.scalars(credits_of(request)).all()
    given = sorted(found, key=lambda one: (goes_elsewhere(one, asked.to, vault=vault), -one.id))
    if asked.excess is None:
        wanted = _of_lines(session, request, given, asked)
    else:
        wanted = _of_excess(session, given, asked, amount=asked.excess)
    return [
        propose_refund(session, credit, one, by=by, now=now, vault=vault) for credit, one in wanted
    ]


def of_request(request: PaymentRequest) -> Select[Payout]:
    """Every refund of a request."""
    return select(Payout).where(Payout.payment_request_id == request.id, Payout.kind == Kind.REFUND)


_Plan = Sequence[tuple[Credit, Wanted]]


def _of_excess(
    session: Session, given: Sequence[Credit], asked: AskedBack, *, amount: Dong
) -> _Plan:
    if amount < 1:
        raise NothingAsked(pointer=_AMOUNT)
    left = {credit.id: available(session, credit)[Part.HELD] for credit in given}
    most = sum(left.values())
    if amount > most:
        unseen = sum(credit.held for credit in given if credit.match_id is None)
        raise (NotOnStatement if amount <= most + unseen else RefundTooLarge)(pointer=_AMOUNT)
    plan, missing = [], int(amount)
    for credit in given:
        taken = Dong(min(missing, left[credit.id]))
        if taken and credit.finding == Finding.SHORT and taken < credit.held:
            raise OnlyWhole(pointer=_AMOUNT)
        if taken:
            plan.append((credit, Wanted(Part.HELD, asked.to, asked.reason, amount=taken)))
            missing -= taken
    return plan


def _of_lines(
    session: Session, request: PaymentRequest, given: Sequence[Credit], asked: AskedBack
) -> _Plan:
    if request.confirmed < request.received:
        raise NotOnStatement(pointer="/lines")
    left = {credit.id: dict(left_of_fees(session, credit)) for credit in given}
    taken: dict[int, dict[int, Dong]] = {}
    for line, amount, pointer in _named(session, request, asked.lines):
        missing = int(amount or sum(each.get(line, ZERO) for each in left.values()))
        if not missing:
            raise _nothing_left(session, given, line)(pointer=pointer)
        for credit in given:
            part = Dong(min(missing, left[credit.id].get(line, ZERO)))
            if part:
                taken.setdefault(credit.id, {})[line] = part
                missing -= part
        if missing:
            raise _nothing_left(session, given, line)(pointer=pointer)
    return [
        (credit, Wanted(Part.FEES, asked.to, asked.reason, lines=taken[credit.id]))
        for credit in given
        if credit.id in taken
    ]


def _named(
    session: Session, request: PaymentRequest, lines: Sequence[tuple[int, Dong | None]]
) -> Sequence[tuple[int, Dong | None, str]]:
    """The id of each line asked for, its amount, and where that stands in what was asked."""
    rows = select(LINE.c.position, LINE.c.id).where(LINE.c.payment_request_id == request.id)
    ids = {line.position: line.id for line in session.execute(rows)}
    named: dict[int, tuple[int, Dong | None, str]] = {}
    for place, (position, amount) in enumerate(lines):
        if position not in ids:
            raise NoSuchLine(position=position, pointer=f"/lines/{place}/position")
        if position in named:
            raise LineTwice(position=position, pointer=f"/lines/{place}/position")
        if amount is not None and amount < 1:
            raise NothingAsked(pointer=f"/lines/{place}/amount")
        named[position] = (ids[position], amount, f"/lines/{place}/amount")
    return list(named.values())


def _nothing_left(
    session: Session, given: Sequence[Credit], line: int
) -> type[FeesForwarded | RefundTooLarge]:
    """Why no more of a line can be given back."""
    paid = [fee for credit in given for fee in paid_fees(session, credit) if fee.line_id == line]
    return FeesForwarded if any(not fee.free for fee in paid) else RefundTooLarge
