"""Cash taken, as it is looked for: by number, by portal, agency and days; and its totals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, cast, func, select
from sqlalchemy.orm import Session

from payments.agencies import Agency
from payments.cash.tables import CashCollection, Reason, State
from payments.core.columns import Amount
from payments.core.errors import NotFound
from payments.core.money import Dong


class UnknownCashCollection(NotFound):
    """No cash collection of that number, or it is not the caller's."""

    code = "unknown_cash_collection"


@dataclass(frozen=True, slots=True)
class Search:
    """Which collections are looked for; None asks for all.

    `first` and `last` are days in Viet Nam, both included; `since` and `until` instants, the second
    not included.
    """

    portal_id: int | None = None
    taken_by: str | None = None
    agency: str | None = None
    first: date | None = None
    last: date | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """How often cash that counts was taken for a reason, and how much (đồng)."""

    reason: Reason
    count: int
    amount: Dong


def by_public_id(
    session: Session, public_id: str, *, portal_id: int | None = None
) -> CashCollection:
    """The collection of that number, of a portal where one is given.

    Raises `UnknownCashCollection`, also for another portal's.
    """
    wanted = select(CashCollection).where(CashCollection.public_id == public_id)
    if portal_id is not None:
        wanted = wanted.where(CashCollection.portal_id == portal_id)
    found = session.scalar(wanted)
    if found is None:
        raise UnknownCashCollection(collection=public_id[:40])
    return found


def counting(session: Session, requests: Collection[int]) -> Mapping[int, CashCollection]:
    """The collection that counts of each of these requests (ids) that cash was taken for."""
    wanted = select(CashCollection).where(
        CashCollection.payment_request_id.in_(requests), CashCollection.state == State.TAKEN
    )
    found = session.scalars(wanted)
    return {one.payment_request_id: one for one in found if one.payment_request_id is not None}


def search(wanted: Search) -> Select[int]:
    """The ids of the collections looked for, in no order."""
    return _narrowed(select(CashCollection.id), wanted)


def totals(session: Session, wanted: Search) -> Sequence[Total]:
    """What counts of the collections looked for, by reason; reasons without any are left out."""
    amount = cast(func.sum(CashCollection.amount), Amount())
    rows = session.execute(
        _narrowed(select(CashCollection.reason, func.count(), amount), wanted)
        .where(CashCollection.state == State.TAKEN)
        .group_by(CashCollection.reason)
    ).all()
    return [Total(Reason(reason), count, Dong(amount)) for reason, count, amount in rows]


def _narrowed(found: Select[*tuple[Any, ...]], wanted: Search) -> Select[*tuple[Any, ...]]:
    row = CashCollection
    if wanted.portal_id is not None:
        found = found.where(row.portal_id == wanted.portal_id)
    if wanted.taken_by is not None:
        found = found.where(row.taken_by == wanted.taken_by)
    if wanted.agency is not None:
        called = select(Agency.id).where(Agency.code == wanted.agency)
        found = found.where(row.agency_id.in_(called))
    if wanted.first is not None:
        found = found.where(row.taken_on >= wanted.first)
    if wanted.last is not None:
        found = found.where(row.taken_on <= wanted.last)
    if wanted.since is not None:
        found = found.where(row.taken_at >= wanted.since)
    if wanted.until is not None:
        found = found.where(row.taken_at < wanted.until)
    return found
