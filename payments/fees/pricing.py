"""What a caller owes: items priced by the tariff that is valid on a day.

The caller says which fees and how many; amounts are ours, except for a fee marked variable
(a rate, or an amount the provincial council sets), whose amount the caller gives.

    amount of an item = what its units cost, tier by tier      2,000 × 2 + 1,000 × 3
                        at most the tariff's cap               200,000
                        less the reduction                     never more than without it
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core.errors import Invalid
from payments.core.money import MOST, ZERO, Dong
from payments.core.validity import valid_on
from payments.fees.tables import (
    ANY_CHANNEL,
    Channel,
    Fee,
    FeeKind,
    FeePrice,
    FeeReduction,
    ReductionKind,
)

MOST_UNITS: Final = 10_000
"""No item asks for more units of a fee: a guard against a slipped digit."""


class UnknownFee(Invalid):
    """The tariff has no fee with that code."""

    code = "unknown_fee"


class FeeNotValidOn(Invalid):
    """The fee exists, but not on that day."""

    code = "fee_not_valid_on"


class QuantityOutOfRange(Invalid):
    """An item has 1 to 10,000 units; one of a variable fee has exactly one."""

    code = "quantity_out_of_range"


class AmountRequired(Invalid):
    """The fee is variable: the caller must say how much."""

    code = "amount_required"


class AmountNotAllowed(Invalid):
    """The tariff says how much; the caller may not."""

    code = "amount_not_allowed"


class AmountOutOfRange(Invalid):
    """The amount of a variable fee is a positive number of đồng up to the largest movement."""

    code = "amount_out_of_range"


class UnknownReduction(Invalid):
    """The fee has no such reduction on that day."""

    code = "unknown_reduction"


class NoAmountKnown(Invalid):
    """The tariff has the fee, but no source says how much it is through that channel."""

    code = "no_amount_known"


@dataclass(frozen=True, slots=True)
class Item:
    """What is asked for: a fee by its code, how many units, and why less is to be paid.

    Where the price falls with the quantity or is capped, one item is one piece: of a certified
    copy the units are its pages, and a second copy is a second item. `amount` is the whole item's.
    """

    fee: str
    quantity: int = 1
    amount: Dong | None = None
    reduction: str | None = None


@dataclass(frozen=True, slots=True)
class PricedLine:
    """An item with its price. `unit_amount` is the first unit's before any reduction.

    `verified` is False when any row the amount stands on is unverified.
    """

    fee_id: int
    code: str
    name: str
    kind: FeeKind
    sub_item: str
    quantity: int
    unit_amount: Dong
    amount: Dong
    reduction: str | None
    verified: bool


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Everything of the tariff that a list of items needs."""

    fees: Mapping[str, Fee]
    prices: Mapping[int, Sequence[FeePrice]]
    reductions: Mapping[tuple[int, str], FeeReduction]
    channel: Channel
    on: date


def price(
    session: Session, items: Sequence[Item], *, channel: Channel, on: date
) -> list[PricedLine]:
    """Each item priced for a channel by the tariff of a day, in the order given.

    Raises the first of this module's errors, with a pointer such as `/lines/0/fee`.
    """
    shelf = _take_down(session, items, channel=channel, on=on)
    return [_line(item, shelf, f"/lines/{at}") for at, item in enumerate(items)]


def tiered(tiers: Sequence[tuple[int, Dong]], quantity: int) -> Dong:
    """What `quantity` units cost: each at the amount of the tier it falls into.

    `tiers` are (first unit, amount of each); one of them begins at the first unit.
    """
    ordered = sorted(tiers)
    ends = [start for start, _ in ordered[1:]] + [quantity + 1]
    total = ZERO
    for (start, unit_amount), end in zip(ordered, ends, strict=True):
        total += unit_amount * max(0, min(end, quantity + 1) - start)
    return total


def reduced(amount: Dong, *, kind: ReductionKind, value: int | None, quantity: int) -> Dong:
    """What is left to pay of `amount` for `quantity` units; a fraction of a đồng is dropped."""
    if kind is ReductionKind.EXEMPT or value is None:
        return ZERO
    if kind is ReductionKind.AMOUNT:
        return Dong(min(amount, value * quantity))
    return Dong(int(amount) * value // 100)


def _take_down(session: Session, items: Sequence[Item], *, channel: Channel, on: date) -> _Shelf:
    codes = {item.fee for item in items}
    fees = session.scalars(select(Fee).where(Fee.code.in_(codes))).all()
    ids = [fee.id for fee in fees]
    prices = defaultdict(list)
    for row in session.scalars(
        select(FeePrice).where(FeePrice.fee_id.in_(ids), valid_on(FeePrice, on))
    ):
        prices[row.fee_id].append(row)
    reductions = session.scalars(
        select(FeeReduction).where(FeeReduction.fee_id.in_(ids), valid_on(FeeReduction, on))
    )
    return _Shelf(
        fees={fee.code: fee for fee in fees},
        prices=prices,
        reductions={(row.fee_id, row.code): row for row in reductions},
        channel=channel,
        on=on,
    )


def _line(item: Item, shelf: _Shelf, pointer: str) -> PricedLine:
    fee = shelf.fees.get(item.fee)
    if fee is None:
        raise UnknownFee(pointer=f"{pointer}/fee", fee=item.fee)
    tiers = _tiers(fee, shelf, pointer)
    _check_quantity(item, fee, pointer)
    reduction = _reduction(item, fee, shelf, pointer)
    if fee.variable:
        unit_amount = full = _given(item, fee, reduction, pointer)
    else:
        unit_amount, full = _from_tariff(item, tiers, shelf, pointer)
    verified = fee.verified and all(tier.verified for tier in tiers)
    return PricedLine(
        fee_id=fee.id,
        code=fee.code,
        name=fee.name,
        kind=FeeKind(fee.kind),
        sub_item=fee.sub_item,
        quantity=item.quantity,
        unit_amount=unit_amount,
        amount=_less(full, reduction, quantity=item.quantity),
        reduction=item.reduction,
        verified=verified and (reduction is None or reduction.verified),
    )


def _tiers(fee: Fee, shelf: _Shelf, pointer: str) -> list[FeePrice]:
    """The rows that price the fee through the channel: its own, else those for any channel."""
    rows = shelf.prices.get(fee.id, [])
    if not rows:
        raise FeeNotValidOn(pointer=f"{pointer}/fee", fee=fee.code, on=shelf.on)
    own = [row for row in rows if row.channel == shelf.channel]
    return own or [row for row in rows if row.channel == ANY_CHANNEL]


def _check_quantity(item: Item, fee: Fee, pointer: str) -> None:
    most = 1 if fee.variable else MOST_UNITS
    if not 1 <= item.quantity <= most:
        raise QuantityOutOfRange(
            pointer=f"{pointer}/quantity",
            fee=fee.code,
            quantity=item.quantity,
            most=most,
        )


def _reduction(item: Item, fee: Fee, shelf: _Shelf, pointer: str) -> FeeReduction | None:
    if item.reduction is None:
        return None
    found = shelf.reductions.get((fee.id, item.reduction))
    if found is None:
        raise UnknownReduction(
            pointer=f"{pointer}/reduction", fee=fee.code, reduction=item.reduction
        )
    return found


def _given(item: Item, fee: Fee, reduction: FeeReduction | None, pointer: str) -> Dong:
    if item.amount is None:
        if reduction is not None and reduction.kind == ReductionKind.EXEMPT:
            return ZERO
        raise AmountRequired(pointer=f"{pointer}/amount", fee=fee.code)
    if not ZERO < item.amount <= MOST:
        raise AmountOutOfRange(
            pointer=f"{pointer}/amount", fee=fee.code, amount=item.amount, most=MOST
        )
    return item.amount


def _from_tariff(
    item: Item, rows: Sequence[FeePrice], shelf: _Shelf, pointer: str
) -> tuple[Dong, Dong]:
    if item.amount is not None:
        raise AmountNotAllowed(pointer=f"{pointer}/amount", fee=item.fee)
    tiers = [(row.from_quantity, row.unit_amount) for row in rows if row.unit_amount is not None]
    if not tiers or len(tiers) < len(rows):
        raise NoAmountKnown(
            pointer=f"{pointer}/fee", fee=item.fee, channel=shelf.channel, on=shelf.on
        )
    full = tiered(tiers, item.quantity)
    for row in rows:
        if row.at_most is not None:
            full = min(full, row.at_most)
    return min(tiers)[1], full


def _less(full: Dong, reduction: FeeReduction | None, *, quantity: int) -> Dong:
    if reduction is None:
        return full
    kind = ReductionKind(reduction.kind)
    return reduced(full, kind=kind, value=reduction.value, quantity=quantity)
