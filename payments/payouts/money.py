"""What a payout books: out of the credits it is made of, and back into them where it never left.

Sets of payouts in, by id; the caller holds their accounts' locks.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, cast, func, literal, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments import credits, ledger, payment_requests, receipts
from payments.core.columns import Amount, Code, Day, Key
from payments.core.database import Rows, table_of
from payments.credits import Credit, Finding
from payments.credits.paths import AGENCY, LINE, REQUEST, fees_path, held, path, unidentified
from payments.payouts.tables import Kind, Part, Payout, PayoutItem

PAYOUT: Final = table_of(Payout)
ITEM: Final = table_of(PayoutItem)
CREDIT: Final = table_of(Credit)

LEAVING_KIND: Final = "paying_out"
"""The kind of journal entries by which payouts leave credits, and are put back unsent."""


def leaving(account: ColumnElement[Any]) -> ColumnElement[str]:
    """The ledger path of money that was approved and not yet seen leaving."""
    return path("liabilities:payouts:", account)


def send_all(session: Session, payouts: Rows, *, day: date, actor: str, now: datetime) -> None:
    """Approved payouts leave the credits they are made of: Dr where the money stands, Cr payouts.

    What was refunded of fees is taken off the fee lines; a part of a request that was not completed
    counts for it no more. Receipts that say more than is kept end here and now.
    """
    step = literal(":approved", Code())
    postings = _postings(payouts, step, day, into_payouts=True)
    ledger.post_all(session, postings, actor=actor, now=now)
    _move(session, payouts, back=False)
    _remit(session, payouts, sign=1)
    _stop_counting(session, payouts)
    _renew_receipts(session, payouts, reason="refund", actor=actor, now=now)


def bring_back_all(
    session: Session, payouts: Rows, *, step: str, day: date, actor: str, now: datetime
) -> None:
    """Payouts that never left are where they came from again: Dr payouts, Cr that.

    `step` names what happened in the entry's decision (`rejected`).
    """
    told = literal(f":{step}", Code())
    postings = _postings(payouts, told, day, into_payouts=False)
    ledger.post_all(session, postings, actor=actor, now=now)
    restore_all(session, payouts, actor=actor, now=now)


def origin_postings(
    payouts: Rows, decision: ColumnElement[str], day: ColumnElement[date], *, kind: str
) -> Select[Any]:
    """The drafts by which returned money goes back where it came from: Dr payouts, Cr that.

    `decision` and `day` are columns of what `payouts` joins, or literals; see `lines.return_all`.
    """
    return _drafts(payouts, decision, day, kind=kind, into_payouts=False)


def restore_all(session: Session, payouts: Rows, *, actor: str, now: datetime) -> None:
    """Gives payouts' money back to the credits and fee lines it came from; receipts follow."""
    _move(session, payouts, back=True)
    _remit(session, payouts, sign=-1)
    payment_requests.promise_all(session, promised_lines(payouts, sign=-1))
    _renew_receipts(session, payouts, reason="amount_changed", actor=actor, now=now)


def promised_lines(payouts: Rows, *, sign: int) -> Rows:
    """What remittances have of fee lines: (payment_request_line_id, amount)."""
    line = ITEM.c.payment_request_line_id
    of_line = cast(sign * func.sum(ITEM.c.amount), Amount())
    return _remittances(payouts).with_only_columns(line, of_line).group_by(line)


def _postings(
    payouts: Rows, step: ColumnElement[str], day: date, *, into_payouts: bool
) -> Select[Any]:
    decision = literal("payout:", Code()) + cast(PAYOUT.c.id, SqlText) + step
    of_day = literal(day, Day())
    return _drafts(payouts, decision, of_day, kind=LEAVING_KIND, into_payouts=into_payouts)


def _drafts(
    payouts: Rows,
    decision: ColumnElement[str],
    day: ColumnElement[date],
    *,
    kind: str,
    into_payouts: bool,
) -> Select[Any]:
    account = PAYOUT.c.collection_account_id
    source = case(
        (ITEM.c.part == Part.HELD, held(account)),
        (ITEM.c.part == Part.UNIDENTIFIED, unidentified(account)),
        else_=fees_path(),
    )
    sides = (source, leaving(account)) if into_payouts else (leaving(account), source)
    return (
        select(
            account,
            literal(kind, Code()),
            decision,
            day,
            *sides,
            cast(func.sum(ITEM.c.amount), Amount()),
            cast(literal(None), Key()),
        )
        .select_from(PAYOUT)
        .join(ITEM, ITEM.c.payout_id == PAYOUT.c.id)
        .outerjoin(LINE, LINE.c.id == ITEM.c.payment_request_line_id)
        .outerjoin(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .outerjoin(AGENCY, AGENCY.c.id == REQUEST.c.agency_id)
        .where(PAYOUT.c.id.in_(payouts))
        .group_by(account, PAYOUT.c.id, decision, day, source)
    )


def _move(session: Session, payouts: Rows, *, back: bool) -> None:
    """Moves the items of refunds between the credits' parts and what was given back of them."""
    refund = _items(payouts).where(PAYOUT.c.kind == Kind.REFUND)
    sign = -1 if back else 1

    def part(name: Part) -> ColumnElement[Any]:
        of_part = func.sum(case((ITEM.c.part == name, ITEM.c.amount), else_=0))
        return cast(sign * of_part, Amount())

    parts = [part(name) for name in (Part.HELD, Part.UNIDENTIFIED, Part.FEES)]
    credits.refund_all(
        session, refund.with_only_columns(ITEM.c.credit_id, *parts).group_by(ITEM.c.credit_id)
    )
    fees = refund.where(ITEM.c.part == Part.FEES)
    told = literal(":back:" if back else ":", Code())
    decision = (
        literal("payout:", Code())
        + cast(PAYOUT.c.id, SqlText)
        + told
        + cast(ITEM.c.fee_day, SqlText)
    )
    credits.allocate_all(
        session,
        fees.with_only_columns(
            ITEM.c.collection_account_id,
            ITEM.c.credit_id,
            ITEM.c.payment_request_line_id,
            -sign * ITEM.c.amount,
            decision,
            ITEM.c.fee_day,
        ),
    )
    of_line = cast(sign * func.sum(ITEM.c.amount), Amount())
    line = ITEM.c.payment_request_line_id
    payment_requests.refund_all(session, fees.with_only_columns(line, of_line).group_by(line))


def _remit(session: Session, payouts: Rows, *, sign: int) -> None:
    """Notes of credits and requests what remittances took of their fees, or brought back."""
    items = _remittances(payouts)
    amount = cast(sign * func.sum(ITEM.c.amount), Amount())
    credit, request = ITEM.c.credit_id, LINE.c.payment_request_id
    credits.remit_all(session, items.with_only_columns(credit, amount).group_by(credit))
    of_lines = items.join(LINE, LINE.c.id == ITEM.c.payment_request_line_id)
    payment_requests.remit_all(
        session, of_lines.with_only_columns(request, amount).group_by(request)
    )


def _stop_counting(session: Session, payouts: Rows) -> None:
    """Parts of requests that were not completed, given back whole: taken off what was received."""
    short = (
        _items(payouts)
        .join(CREDIT, CREDIT.c.id == ITEM.c.credit_id)
        .where(ITEM.c.part == Part.HELD, CREDIT.c.finding == Finding.SHORT)
    )
    given = -cast(func.sum(CREDIT.c.amount), Amount())
    request, zero = CREDIT.c.payment_request_id, literal(0, Amount())
    lost = short.with_only_columns(request, given, zero, given, literal(None), literal(None))
    payment_requests.apply_all(session, lost.group_by(request))
    credits.stop_counting_all(session, short.with_only_columns(CREDIT.c.id))


def _remittances(payouts: Rows) -> Select[Any]:
    return _items(payouts).where(PAYOUT.c.kind == Kind.REMITTANCE)


def _renew_receipts(
    session: Session, payouts: Rows, *, reason: str, actor: str, now: datetime
) -> None:
    """Ends the receipts that say another amount than is kept; others are issued in their place."""
    fees = _items(payouts).where(PAYOUT.c.kind == Kind.REFUND, ITEM.c.part == Part.FEES)
    requests = fees.join(LINE, LINE.c.id == ITEM.c.payment_request_line_id)
    concerned = requests.with_only_columns(LINE.c.payment_request_id).distinct()
    receipts.renew_all(session, concerned, reason=reason, by=actor, now=now)


def _items(payouts: Rows) -> Select[Any]:
    return (
        select(ITEM.c.id)
        .join(PAYOUT, PAYOUT.c.id == ITEM.c.payout_id)
        .where(PAYOUT.c.id.in_(payouts))
    )
