"""The tariff itself: shown as it stands on a day, and brought up to what a file says.

What a file changes holds from the day it is loaded: rows in force end on that day and new ones
begin, so a price that was once charged can always be found again. Only the words that describe a
fee are set right in place; every issued line has its own copy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from itertools import combinations
from typing import Any, Final, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core.errors import Invalid
from payments.core.money import Dong
from payments.core.validity import Change, valid_on
from payments.fees.tables import Fee, FeeKind, FeePrice, FeeReduction, ReductionKind


class OverlappingValidity(Invalid):
    """Two rows of a fee say different things about the same day."""

    code = "overlapping_validity"


class TierWithoutFirst(Invalid):
    """A price from a quantity on needs one from the first unit on, valid just as long."""

    code = "tier_without_first"


@dataclass(frozen=True, slots=True)
class Price:
    """A price as a file describes it; the fields are those of `FeePrice`."""

    channel: str
    from_quantity: int
    unit_amount: Dong | None
    at_most: Dong | None
    valid_from: date | None
    valid_to: date | None
    verified: bool
    basis: str

    @property
    def subject(self) -> str:
        """What may have one row on a day."""
        return f"{self.channel}:{self.from_quantity}"


@dataclass(frozen=True, slots=True)
class Reduction:
    """A reduction as a file describes it; the fields are those of `FeeReduction`."""

    code: str
    name: str
    name_en: str | None
    kind: ReductionKind
    value: int | None
    valid_from: date | None
    valid_to: date | None
    verified: bool

    @property
    def subject(self) -> str:
        """What may have one row on a day."""
        return self.code


@dataclass(frozen=True, slots=True)
class Described:
    """A fee as a file describes it; the fields are those of `Fee`."""

    code: str
    name: str
    name_en: str | None
    kind: FeeKind
    unit: str
    sub_item: str
    collected_by: str
    legal_basis: str
    variable: bool
    verified: bool
    confidence: str
    source: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A fee with its prices and reductions of one day."""

    fee: Fee
    prices: tuple[FeePrice, ...]
    reductions: tuple[FeeReduction, ...]


Dated = TypeVar("Dated", Price, Reduction)
Stored = FeePrice | FeeReduction
_TABLES: Final[dict[type, Any]] = {Price: FeePrice, Reduction: FeeReduction}


def tariff(session: Session, *, on: date) -> list[Entry]:
    """Every fee by code, with what is valid on a day; one that is not then has no prices."""
    prices: dict[int, list[FeePrice]] = defaultdict(list)
    for price in session.scalars(
        select(FeePrice)
        .where(valid_on(FeePrice, on))
        .order_by(FeePrice.channel, FeePrice.from_quantity)
    ):
        prices[price.fee_id].append(price)
    reductions: dict[int, list[FeeReduction]] = defaultdict(list)
    for reduction in session.scalars(
        select(FeeReduction).where(valid_on(FeeReduction, on)).order_by(FeeReduction.code)
    ):
        reductions[reduction.fee_id].append(reduction)
    return [
        Entry(
            fee=fee,
            prices=tuple(prices[fee.id]),
            reductions=tuple(reductions[fee.id]),
        )
        for fee in session.scalars(select(Fee).order_by(Fee.code))
    ]


def put(
    session: Session,
    described: Described,
    *,
    prices: Sequence[Price],
    reductions: Sequence[Reduction] = (),
    on: date,
) -> Change:
    """Makes the tariff say from `on` what is given; the first time, from when the rows say.

    Raises `OverlappingValidity` or `TierWithoutFirst`, and then nothing is changed.
    """
    _check(described.code, prices)
    _check(described.code, reductions)
    _check_tiers(described.code, prices)
    fee = session.scalar(select(Fee).where(Fee.code == described.code))
    if fee is None:
        fee = Fee(**asdict(described))
        session.add(fee)
        session.flush()
        change = Change.ADDED
    else:
        change = _describe(fee, described)
    new_prices = _put_rows(session, fee.id, Price, prices, on=on)
    new_reductions = _put_rows(session, fee.id, Reduction, reductions, on=on)
    session.flush()
    if change is Change.UNCHANGED and (new_prices or new_reductions):
        return Change.CHANGED
    return change


def _describe(fee: Fee, described: Described) -> Change:
    differs = False
    for name, value in asdict(described).items():
        if getattr(fee, name) != value:
            setattr(fee, name, value)
            differs = True
    return Change.CHANGED if differs else Change.UNCHANGED


def _put_rows(
    session: Session,
    fee_id: int,
    kind: type[Dated],
    wanted: Sequence[Dated],
    *,
    on: date,
) -> bool:
    """Brings the rows in force from `on` to what is wanted; says whether any had to change."""
    table: Any = _TABLES[kind]
    rows: list[Stored] = [*session.scalars(select(table).where(table.fee_id == fee_id))]
    if not rows:
        session.add_all(table(fee_id=fee_id, **asdict(each)) for each in wanted)
        return bool(wanted)
    asked = {_from(each, on) for each in wanted if not _over(each, on)}
    kept = set()
    changed = False
    for row in rows:
        if _over(row, on):
            continue
        ahead = _from(_read(kind, row), on)
        if ahead in asked:
            kept.add(ahead)
            continue
        changed = True
        _end(session, row, on=on)
    session.flush()
    session.add_all(table(fee_id=fee_id, **asdict(each)) for each in asked - kept)
    return changed or asked != kept


def _read(kind: type[Dated], row: Stored) -> Dated:
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})


def _over(row: Price | Reduction | Stored, on: date) -> bool:
    return row.valid_to is not None and row.valid_to <= on


def _from(row: Dated, on: date) -> Dated:
    """The part of a row's validity that begins on a day or after it."""
    begins = on if row.valid_from is None else max(row.valid_from, on)
    return replace(row, valid_from=begins)


def _end(session: Session, row: Stored, *, on: date) -> None:
    """Ends a row on a day; one that would begin only then never held, and is taken out."""
    if row.valid_from is not None and row.valid_from >= on:
        session.delete(row)
    else:
        row.valid_to = on


def _check(fee: str, rows: Sequence[Price | Reduction]) -> None:
    for one, other in combinations(rows, 2):
        if one.subject == other.subject and _overlap(one, other):
            raise OverlappingValidity(fee=fee, row=one.subject)


def _overlap(one: Price | Reduction, other: Price | Reduction) -> bool:
    first, second = sorted(
        (one, other),
        key=lambda row: (row.valid_from is not None, row.valid_from or date.min),
    )
    if second.valid_from is None:
        return True
    return first.valid_to is None or first.valid_to > second.valid_from


def _check_tiers(fee: str, prices: Sequence[Price]) -> None:
    firsts = {
        (price.channel, price.valid_from, price.valid_to)
        for price in prices
        if price.from_quantity == 1
    }
    for price in prices:
        if (price.channel, price.valid_from, price.valid_to) not in firsts:
            raise TierWithoutFirst(fee=fee, from_quantity=price.from_quantity)
