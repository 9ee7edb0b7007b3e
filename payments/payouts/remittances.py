"""Remittances: fees that stand on a statement, proposed to be forwarded to the treasury.

One proposal for each agency, kind and route of an account. Due are the fees of paid requests whose
every credit was seen, and every other in their company, except what was given back, is promised to
a refund, or has a remittance that lives. What is run again proposes only what is new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    union,
)
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments import credits, payment_requests
from payments.agencies import CollectionAccount
from payments.core.calendar import local_day
from payments.core.columns import Amount, Code, Day, Key
from payments.core.database import Rows, table_of
from payments.core.errors import Conflict
from payments.core.money import Dong
from payments.core.temporary import analyze, materialise, scratch, temporary
from payments.core.vault import Vault
from payments.credits import Allocation, Finding
from payments.credits.paths import AGENCY, LINE, REQUEST
from payments.payment_requests import UNFORWARDED
from payments.payouts import codes, refunds
from payments.payouts.beneficiaries import beneficiary, hint_of, sealed
from payments.payouts.money import CREDIT, ITEM, PAYOUT, promised_lines
from payments.payouts.routes import RemittanceRoute
from payments.payouts.tables import LIVE, Kind, Part, Payout, State
from payments.payouts.ways import Ways

REASON: Final = "nộp phí, lệ phí vào ngân sách"
"""Why a remittance is made: a legal duty (Circular 74/2022/TT-BTC, Art. 3), no person's wish."""

ALLOCATION: Final = table_of(Allocation)


class FeesChanged(Conflict):
    """Fees of the remittance were taken back since it was proposed; it has to be proposed anew."""

    code = "fees_changed"


class RouteChanged(Conflict):
    """Fees of the remittance go another way today, or none; it has to be proposed anew."""

    code = "route_changed"


due: Final = Table(
    "remittance_due",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("payment_request_line_id", Key(), primary_key=True),
    Column("fee_day", Day(), primary_key=True),
    Column("amount", Amount()),
    Column("agency_id", Key()),
    Column("kind", Code()),
    Column("sub_item", Code()),
    prefixes=["TEMPORARY"],
)
"""What of credits is to be forwarded, as `gather` found it."""

_way = Table(
    "remittance_way",
    scratch,
    Column("agency_id", Key(), primary_key=True),
    Column("kind", Code(), primary_key=True),
    Column("sub_item", Code(), primary_key=True),
    Column("payout_id", Key()),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True)
class DueFees:
    """Fees of one agency, kind and sub-item that are to be forwarded, in đồng."""

    agency_id: int
    agency: str
    kind: str
    sub_item: str
    amount: Dong


def gather(session: Session, account_id: int, *, but: Collection[State]) -> None:
    """Fills `due` with what of an account is to be forwarded, and in no remittance of `but`.

    Nothing leaves before all of its company was seen: what is told and never came is withdrawn,
    and all that stands or falls with it settled anew.
    """
    materialise(session, due, kept(account_id, but=but))
    fees = select(due.c.credit_id, due.c.payment_request_line_id)
    credits.gather_company(session, _beside(fees))
    session.execute(delete(due).where(due.c.credit_id.in_(credits.unseen())))


def kept(account_id: int, *, but: Collection[State]) -> Rows:
    """Fees of requests that stand on a statement, and in no remittance of the states `but`.

    Selects (credit_id, payment_request_line_id, fee_day, amount, agency_id, kind, sub_item). What
    is promised to a refund is not among them until that is decided.
    """
    this = and_(
        ITEM.c.collection_account_id == account_id,
        ITEM.c.credit_id == ALLOCATION.c.credit_id,
        ITEM.c.payment_request_line_id == ALLOCATION.c.payment_request_line_id,
        ITEM.c.fee_day == ALLOCATION.c.day,
        PAYOUT.c.id == ITEM.c.payout_id,
    )
    taken = (
        select(cast(func.coalesce(func.sum(ITEM.c.amount), 0), Amount()))
        .where(this, PAYOUT.c.kind == Kind.REMITTANCE, PAYOUT.c.state.in_(but))
        .scalar_subquery()
        .correlate(ALLOCATION)
    )
    key = (ALLOCATION.c.credit_id, ALLOCATION.c.payment_request_line_id, ALLOCATION.c.day)
    whose = (REQUEST.c.agency_id, LINE.c.kind, LINE.c.sub_item)
    less = case((LINE.c.forwarded > 0, taken), else_=literal(0, Amount()))
    amount = cast(func.sum(ALLOCATION.c.amount), Amount()) - less
    concerned = (
        select(LINE.c.id)
        .join(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .where(REQUEST.c.collection_account_id == account_id, UNFORWARDED)
    )
    found = (
        select(*key, amount.label("left"), *whose)
        .select_from(ALLOCATION)
        .join(LINE, LINE.c.id == ALLOCATION.c.payment_request_line_id)
        .join(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .join(CREDIT, CREDIT.c.id == ALLOCATION.c.credit_id)
        .where(
            ALLOCATION.c.payment_request_line_id.in_(concerned),
            CREDIT.c.match_id.is_not(None),
            CREDIT.c.reclaimed == 0,
            ~_wanted_back(this),
        )
        .group_by(*key, *whose, LINE.c.forwarded)
        .subquery()
    )
    return select(*found.c).where(found.c.left > 0)


def _wanted_back(this: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a refund waits for fees, or came back and has to be paid out again."""
    return (
        exists()
        .where(
            this,
            PAYOUT.c.kind == Kind.REFUND,
            or_(PAYOUT.c.state == State.PROPOSED, refunds.came_back()),
        )
        .correlate(ALLOCATION)
    )


def due_fees(session: Session) -> Sequence[DueFees]:
    """What `gather` found, by agency, kind and sub-item."""
    rows = session.execute(
        select(
            due.c.agency_id,
            AGENCY.c.code,
            due.c.kind,
            due.c.sub_item,
            cast(func.sum(due.c.amount), Amount()),
        )
        .join(AGENCY, AGENCY.c.id == due.c.agency_id)
        .group_by(due.c.agency_id, AGENCY.c.code, due.c.kind, due.c.sub_item)
        .order_by(AGENCY.c.code, due.c.kind, due.c.sub_item, due.c.agency_id)
    )
    return [DueFees(*row) for row in rows]


def draft_all(
    session: Session, account: CollectionAccount, *, by: str, now: datetime, vault: Vault
) -> Sequence[Payout]:
    """Writes remittances of all that is due down, under the account's lock; `deciding` proposes.

    What has no route on this day stays due.
    """
    gather(session, account.id, but=LIVE)
    ways = Ways(session, on=local_day(now))
    parts: dict[tuple[str, str, int], list[DueFees]] = defaultdict(list)
    routes: dict[int, RemittanceRoute] = {}
    for one in due_fees(session):
        route = ways.of(one.agency_id, one.kind, one.sub_item)
        if route is not None:
            parts[one.agency, one.kind, route.id].append(one)
            routes[route.id] = route
    drafted = [
        (_draft(session, account, routes[key[2]], fees, by=by, now=now, vault=vault), fees)
        for key, fees in parts.items()
    ]
    _put_into(session, account, drafted)
    return [payout for payout, _ in drafted]


def let_go_all(session: Session, remittances: Rows) -> None:
    """The fees of remittances that ended are free for another; `remittances` selects ids."""
    payment_requests.promise_all(session, promised_lines(remittances, sign=-1))


def check(session: Session, payout: Payout, *, on: date) -> None:
    """Refuses a remittance that can't leave as it was proposed.

    Raises `FeesChanged` where fees are no longer there to be forwarded, or `RouteChanged`.
    """
    if payout.id in stale(session, payout.collection_account_id):
        raise FeesChanged(payout=payout.code)
    if payout.id in rerouted(session, payout.collection_account_id, on=on):
        raise RouteChanged(payout=payout.code)


def rerouted(session: Session, account_id: int, *, on: date) -> Collection[int]:
    """The proposed remittances of an account whose fees go another way on a day, or none: ids."""
    ways = Ways(session, on=on)
    whose = (REQUEST.c.agency_id, LINE.c.kind, LINE.c.sub_item)
    rows = session.execute(
        select(PAYOUT.c.id, PAYOUT.c.remittance_route_id, *whose)
        .join(ITEM, ITEM.c.payout_id == PAYOUT.c.id)
        .join(LINE, LINE.c.id == ITEM.c.payment_request_line_id)
        .join(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .where(_waits(account_id))
        .distinct()
        .order_by(PAYOUT.c.id)
    )
    return list(
        dict.fromkeys(
            number
            for number, by, *fees in rows
            if (route := ways.of(*fees)) is None or route.id != by
        )
    )


def stale(session: Session, account_id: int) -> Collection[int]:
    """The proposed remittances of an account that are not of seen fees any more, by id.

    Fees of them, or their money, were taken back, or something in their company stands on no
    statement.
    """
    there = (
        select(cast(func.coalesce(func.sum(ALLOCATION.c.amount), 0), Amount()))
        .where(
            ALLOCATION.c.payment_request_line_id == ITEM.c.payment_request_line_id,
            ALLOCATION.c.credit_id == ITEM.c.credit_id,
            ALLOCATION.c.day == ITEM.c.fee_day,
        )
        .scalar_subquery()
    )
    gone = (
        select(PAYOUT.c.id)
        .join(ITEM, ITEM.c.payout_id == PAYOUT.c.id)
        .join(CREDIT, CREDIT.c.id == ITEM.c.credit_id)
        .join(LINE, LINE.c.id == ITEM.c.payment_request_line_id)
        .join(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .where(
            _waits(account_id),
            CREDIT.c.match_id.is_(None)
            | (CREDIT.c.reclaimed > 0)
            | (REQUEST.c.confirmed < REQUEST.c.received)
            | (REQUEST.c.status != payment_requests.Status.PAID)
            | (there < ITEM.c.amount),
        )
    )
    fees = (
        select(ITEM.c.credit_id, ITEM.c.payment_request_line_id)
        .join(PAYOUT, PAYOUT.c.id == ITEM.c.payout_id)
        .where(_waits(account_id))
    )
    credits.gather_company(session, _beside(fees))
    uncertain = (
        select(PAYOUT.c.id)
        .join(ITEM, ITEM.c.payout_id == PAYOUT.c.id)
        .where(_waits(account_id), ITEM.c.credit_id.in_(credits.unseen()))
    )
    return session.scalars(union(gone, uncertain)).all()


def _waits(account_id: int) -> ColumnElement[bool]:
    return and_(
        PAYOUT.c.collection_account_id == account_id,
        PAYOUT.c.state == State.PROPOSED,
        PAYOUT.c.kind == Kind.REMITTANCE,
    )


def _beside(fees: Rows) -> Rows:
    """Credits of fees (credit_id, payment_request_line_id) that stand or fall with others unseen.

    Their request is paid too by a split credit, or by one that the bank took back since; else all
    that pays it was seen.
    """
    ours, paid, other = fees.subquery(), LINE.alias(), LINE.alias()
    return (
        select(ours.c.credit_id)
        .join(paid, paid.c.id == ours.c.payment_request_line_id)
        .join(other, other.c.payment_request_id == paid.c.payment_request_id)
        .join(ALLOCATION, ALLOCATION.c.payment_request_line_id == other.c.id)
        .join(CREDIT, CREDIT.c.id == ALLOCATION.c.credit_id)
        .where(or_(CREDIT.c.finding == Finding.SPLIT.value, credits.RECLAIMED))
        .distinct()
    )


def _draft(
    session: Session,
    account: CollectionAccount,
    route: RemittanceRoute,
    fees: Sequence[DueFees],
    *,
    by: str,
    now: datetime,
    vault: Vault,
) -> Payout:
    to = beneficiary(route.bin, route.number, route.name)
    payout = Payout(
        public_id=str(uuid7()),
        code=codes.new(session),
        kind=Kind.REMITTANCE.value,
        state=State.PROPOSED.value,
        collection_account_id=account.id,
        remittance_route_id=route.id,
        agency_id=max(one.agency_id for one in fees),
        fee_kind=route.kind,
        amount=Dong(sum(one.amount for one in fees)),
        reason=REASON,
        elsewhere=False,
        beneficiary=sealed(to, vault=vault),
        beneficiary_bin=to.bin,
        beneficiary_hint=hint_of(to),
        proposed_by=by,
        proposed_at=now,
    )
    session.add(payout)
    session.flush()
    return payout


def _put_into(
    session: Session,
    account: CollectionAccount,
    drafted: Iterable[tuple[Payout, Sequence[DueFees]]],
) -> None:
    """The items of drafted remittances, and what of fee lines they are to have."""
    ways = [
        {
            "agency_id": one.agency_id,
            "kind": one.kind,
            "sub_item": one.sub_item,
            "payout_id": payout.id,
        }
        for payout, fees in drafted
        for one in fees
    ]
    if not ways:
        return
    temporary(session, _way)
    session.execute(insert(_way), ways)
    analyze(session, _way)
    chosen = select(
        literal(account.id, Key()),
        _way.c.payout_id,
        due.c.credit_id,
        literal(Part.FEES.value, Code()),
        due.c.payment_request_line_id,
        due.c.fee_day,
        due.c.amount,
    ).join(_way, _goes_by())
    columns = ("collection_account_id", "payout_id", "credit_id", "part")
    named = (*columns, "payment_request_line_id", "fee_day", "amount")
    session.execute(insert(ITEM).from_select(list(named), chosen))
    these = select(_way.c.payout_id)
    payment_requests.promise_all(session, promised_lines(these, sign=1))


def _goes_by() -> ColumnElement[bool]:
    return and_(*[_way.c[name] == due.c[name] for name in ("agency_id", "kind", "sub_item")])
