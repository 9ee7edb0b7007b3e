"""Refunds: proposed by one, approved or declined by another, booked when approved.

Only money that stands on a statement is given back, and only once all that it pays a request with
does; to the account it came from, or to another one with a stated reason and two persons beside the
proposer. Never more than the credit still holds, also not by several proposals together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, cast, exists, func, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.util import AliasedClass
from uuid_utils.compat import uuid7

from payments import agencies, credits
from payments.core import approvals
from payments.core.columns import Amount
from payments.core.errors import Conflict, Invalid
from payments.core.money import ZERO, Dong
from payments.core.text import plain
from payments.core.vault import Vault
from payments.credits import Credit, Finding
from payments.credits.paths import LINE
from payments.payouts import codes
from payments.payouts.beneficiaries import hint_of, sealed
from payments.payouts.files import BankAccount
from payments.payouts.kept import ALLOCATION
from payments.payouts.named import newest_if
from payments.payouts.tables import LIVE, Kind, Part, Payout, PayoutItem, State


class NotOnStatement(Conflict):
    """Only money that was seen on a statement can leave."""

    code = "not_on_statement"


class RefundTooLarge(Conflict):
    """No more is given back than is there and not promised to another proposal."""

    code = "refund_too_large"


class Reclaimed(Conflict):
    """What the bank took back is to be got back; nothing more of it leaves."""

    code = "reclaimed"


class FeesForwarded(Conflict):
    """What was forwarded to the treasury is given back by the treasury's own procedure."""

    code = "fees_forwarded"


class OnlyWhole(Conflict):
    """A part of a request that was not completed is given back whole or not at all."""

    code = "only_whole"


class NothingAsked(Invalid):
    """A refund is of one đồng or more."""

    code = "nothing_asked"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be given back of a credit, and where to.

    Of what is held or unidentified an `amount`; of fees an amount in đồng for each line, by the
    line's id.
    """

    part: Part
    to: BankAccount
    reason: str
    amount: Dong = ZERO
    lines: Mapping[int, Dong] | None = None


def draft(
    session: Session, credit: Credit, wanted: Wanted, *, by: str, now: datetime, vault: Vault
) -> Payout:
    """Writes down a refund out of one credit, under its account's lock; `deciding` proposes it.

    Raises `NotOnStatement`, `NothingAsked`, `RefundTooLarge`, `FeesForwarded`, `OnlyWhole`,
    `NoReasonGiven` or `ReasonTooLong`.
    """
    reason = approvals.given(wanted.reason)
    agencies.lock(session, credit.collection_account_id)
    session.refresh(credit)
    items = _items(session, credit, wanted)
    request = _request_of(session, credit, items)
    payout = Payout(
        public_id=str(uuid7()),
        code=codes.new(session),
        kind=Kind.REFUND.value,
        state=State.PROPOSED.value,
        collection_account_id=credit.collection_account_id,
        credit_id=credit.id,
        payment_request_id=request,
        amount=Dong(sum(item.amount for item in items)),
        reason=reason,
        elsewhere=goes_elsewhere(credit, wanted.to, vault=vault),
        beneficiary=sealed(wanted.to, vault=vault),
        beneficiary_bin=wanted.to.bin,
        beneficiary_hint=hint_of(wanted.to),
        refund_account_id=newest_if(session, request, wanted.to, vault=vault),
        proposed_by=by,
        proposed_at=now,
    )
    session.add(payout)
    session.flush()
    for item in items:
        item.payout_id = payout.id
    session.add_all(items)
    session.flush()
    return payout


def goes_elsewhere(credit: Credit, to: BankAccount, *, vault: Vault) -> bool:
    """Whether an account is another than the money came from, or may be.

    Numbers are not unique across banks, and statements seldom name the payer's: so the holder's
    name has to be the payer's as well.
    """
    if credit.payer is None or credits.payer_key(to.number, vault=vault) != credit.payer_key:
        return True
    _, name = credits.opened_payer(credit.payer, vault=vault)
    return _letters(name or "") != _letters(to.name)


def _letters(name: str) -> str:
    return "".join(filter(str.isalpha, plain(name))).upper()


def available(session: Session, credit: Credit) -> Mapping[Part, Dong]:
    """What of a credit can still be proposed for a refund, by part, in đồng.

    Nothing of one that stands on no statement.
    """
    if credit.match_id is None or credit.reclaimed:
        return dict.fromkeys(Part, ZERO)
    promised = _promised(session, credit)

    def left(part: Part, there: int) -> Dong:
        return Dong(max(0, there - sum(v for key, v in promised.items() if key[0] == part)))

    fees = sum(one.amount for one in paid_fees(session, credit) if one.free)
    return {
        Part.HELD: left(Part.HELD, credit.held),
        Part.UNIDENTIFIED: left(Part.UNIDENTIFIED, credit.unidentified),
        Part.FEES: left(Part.FEES, fees),
    }


def check(session: Session, payout: Payout) -> None:
    """Raises `NotOnStatement`, `RefundTooLarge` or `FeesForwarded` where it can't be paid now."""
    credit = session.get_one(Credit, payout.credit_id, populate_existing=True)
    _check_seen(session, credit)
    items = session.scalars(select(PayoutItem).where(PayoutItem.payout_id == payout.id)).all()
    _check_there(session, credit, items, beside=payout.id)


def left_of_fees(session: Session, credit: Credit) -> Mapping[int, Dong]:
    """What of the fees that a credit pays can still be proposed, in đồng, by the line's id."""
    promised = _promised(session, credit)
    left: dict[int, Dong] = {}
    for fee in paid_fees(session, credit):
        there = fee.amount - promised.get((Part.FEES, fee.line_id, fee.day), 0)
        if fee.free and there > 0:
            left[fee.line_id] = Dong(left.get(fee.line_id, ZERO) + there)
    return left


@dataclass(frozen=True, slots=True)
class PaidFee:
    """What a credit pays of one fee line since a day; `free` unless it was forwarded."""

    line_id: int
    day: date
    amount: Dong
    free: bool


def paid_fees(session: Session, credit: Credit) -> Sequence[PaidFee]:
    """The fee lines that a credit pays, in order."""
    rows = session.execute(
        select(
            ALLOCATION.c.payment_request_line_id,
            ALLOCATION.c.day,
            cast(func.sum(ALLOCATION.c.amount), Amount()),
        )
        .where(
            ALLOCATION.c.collection_account_id == credit.collection_account_id,
            ALLOCATION.c.credit_id == credit.id,
        )
        .group_by(ALLOCATION.c.payment_request_line_id, ALLOCATION.c.day)
        .having(func.sum(ALLOCATION.c.amount) > 0)
        .order_by(ALLOCATION.c.payment_request_line_id, ALLOCATION.c.day)
    )
    forwarded = _forwarded(session, credit)
    return [
        PaidFee(line, day, Dong(amount), free=(line, day) not in forwarded)
        for line, day, amount in rows
    ]


def _items(session: Session, credit: Credit, wanted: Wanted) -> list[PayoutItem]:
    _check_seen(session, credit)
    if wanted.part is Part.FEES:
        items = _of_fees(session, credit, wanted.lines or {})
    else:
        items = [_item(credit, wanted.part, wanted.amount)]
    if not items or any(item.amount < 1 for item in items):
        raise NothingAsked(pointer="/amount")
    _check_there(session, credit, items, beside=None)
    return items


def _of_fees(session: Session, credit: Credit, asked: Mapping[int, Dong]) -> list[PayoutItem]:
    """Items for what is asked of each line, out of what the credit pays of it, day by day."""
    if any(amount < 1 for amount in asked.values()):
        raise NothingAsked(pointer="/lines")
    promised, fees = _promised(session, credit), paid_fees(session, credit)
    items: list[PayoutItem] = []
    for line, amount in sorted(asked.items()):
        missing = int(amount)
        paid = [fee for fee in fees if fee.line_id == line]
        for fee in paid:
            there = fee.amount - promised.get((Part.FEES, line, fee.day), 0)
            taken = min(missing, there) if fee.free else 0
            if taken > 0:
                items.append(_item(credit, Part.FEES, Dong(taken), line=line, day=fee.day))
                missing -= taken
        if missing and any(not fee.free for fee in paid):
            raise FeesForwarded(pointer="/lines")
        if missing:
            raise RefundTooLarge(pointer="/lines")
    return items


def _check_seen(session: Session, credit: Credit) -> None:
    """Raises `NotOnStatement` unless the credit, and all that pays with it, was seen.

    Raises `Reclaimed` for one that the bank took back since.
    """
    if credit.reclaimed:
        raise Reclaimed(credit=credit.id)
    credits.gather_company(session, select(Credit.id).where(Credit.id == credit.id))
    if session.scalar(credits.unseen().limit(1)) is not None:
        raise NotOnStatement(credit=credit.id)


def _check_there(
    session: Session, credit: Credit, items: Sequence[PayoutItem], *, beside: int | None
) -> None:
    """Raises `RefundTooLarge`, `FeesForwarded` or `OnlyWhole`; other proposals count as given."""
    promised = _promised(session, credit, beside=beside)
    _check_not_forwarded(session, items)
    fees = {(fee.line_id, fee.day): fee for fee in paid_fees(session, credit)}
    for item in items:
        line, day = item.payment_request_line_id, item.fee_day
        fee = fees.get((line, day)) if line is not None and day is not None else None
        if fee is not None and not fee.free:
            raise FeesForwarded
        there = {
            Part.HELD: credit.held,
            Part.UNIDENTIFIED: credit.unidentified,
            Part.FEES: ZERO if fee is None else fee.amount,
        }[Part(item.part)]
        left = there - promised.get((Part(item.part), line, day), 0)
        if item.amount > left:
            raise RefundTooLarge(most=Dong(max(0, left)), pointer="/amount")
        if credit.finding == Finding.SHORT and item.part == Part.HELD and item.amount < there:
            raise OnlyWhole(amount=there, pointer="/amount")


def _check_not_forwarded(session: Session, items: Sequence[PayoutItem]) -> None:
    """Raises `FeesForwarded` for more of a fee line than no remittance has, whoever paid it."""
    asked = Counter[int]()
    for item in items:
        if item.payment_request_line_id is not None:
            asked[item.payment_request_line_id] += int(item.amount)
    rows = session.execute(
        select(LINE.c.id, LINE.c.amount - LINE.c.forwarded - LINE.c.refunded).where(
            LINE.c.id.in_(list(asked))
        )
    )
    if any(asked[line] > left for line, left in rows):
        raise FeesForwarded(pointer="/lines")


def came_back(payout: type[Payout] | AliasedClass[Payout] = Payout) -> ColumnElement[bool]:
    """Whether a refund was returned and nothing of its credit was to be given back since."""
    again = aliased(Payout)
    tried = exists().where(
        again.credit_id == payout.credit_id,
        again.proposed_at >= payout.returned_at,
        again.state.in_(LIVE),
    )
    return and_(payout.state == State.RETURNED, ~tried)


_Key = tuple[Part, int | None, date | None]


def _promised(session: Session, credit: Credit, *, beside: int | None = None) -> Mapping[_Key, int]:
    """What other refunds of a credit that wait for approval are for, in đồng."""
    rows = session.execute(
        select(
            PayoutItem.part,
            PayoutItem.payment_request_line_id,
            PayoutItem.fee_day,
            cast(func.sum(PayoutItem.amount), Amount()),
        )
        .join(Payout, Payout.id == PayoutItem.payout_id)
        .where(
            PayoutItem.collection_account_id == credit.collection_account_id,
            PayoutItem.credit_id == credit.id,
            Payout.state == State.PROPOSED,
            Payout.id != (beside or 0),
        )
        .group_by(PayoutItem.part, PayoutItem.payment_request_line_id, PayoutItem.fee_day)
    )
    return {(Part(part), line, day): int(amount) for part, line, day, amount in rows}


def _forwarded(session: Session, credit: Credit) -> frozenset[tuple[Any, Any]]:
    """The fee lines of a credit, by line and day, that a remittance has or is to have."""
    rows = session.execute(
        select(PayoutItem.payment_request_line_id, PayoutItem.fee_day)
        .join(Payout, and_(Payout.id == PayoutItem.payout_id, Payout.kind == Kind.REMITTANCE))
        .where(
            PayoutItem.collection_account_id == credit.collection_account_id,
            PayoutItem.credit_id == credit.id,
            Payout.state.in_(LIVE),
        )
    )
    return frozenset((line, day) for line, day in rows)


def _item(
    credit: Credit, part: Part, amount: Dong, *, line: int | None = None, day: date | None = None
) -> PayoutItem:
    return PayoutItem(
        collection_account_id=credit.collection_account_id,
        credit_id=credit.id,
        part=part.value,
        payment_request_line_id=line,
        fee_day=day,
        amount=amount,
    )


def _request_of(session: Session, credit: Credit, items: Sequence[PayoutItem]) -> int | None:
    """The request whose portal is told: that of the fee lines, else the one the credit names."""
    lines = [item.payment_request_line_id for item in items if item.payment_request_line_id]
    if not lines:
        return credit.payment_request_id
    return session.scalar(select(LINE.c.payment_request_id).where(LINE.c.id == lines[0]))
