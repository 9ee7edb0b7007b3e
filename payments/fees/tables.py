"""The tables of the tariff: a fee, its dated prices by channel and quantity, its reductions."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Amount, Code, Count, Day, Flag, Key, Words, one_of, partial_index
from payments.core.database import Row
from payments.core.money import Dong

UNKNOWN_SUB_ITEM: Final = "unknown"
"""Stands where the sources name no budget sub-item, or more than one."""


class FeeKind(StrEnum):
    """Phí pays for a public service; lệ phí is paid for an act of state."""

    PHI = "phi"
    LE_PHI = "le_phi"


class Channel(StrEnum):
    """How the dossier was handed in."""

    ONLINE = "online"
    COUNTER = "counter"


ANY_CHANNEL: Final = "any"
"""A price that holds for every channel that has no price of its own."""


class ReductionKind(StrEnum):
    """Nothing to pay; an amount instead of the unit's price; or a percentage of the price."""

    EXEMPT = "exempt"
    AMOUNT = "amount"
    PERCENT = "percent"


class Fee(Row):
    """A fee by its code: what it is for, who collects it and where it is booked."""

    __tablename__ = "fee"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    code: Mapped[str] = mapped_column(Code(), unique=True)
    name: Mapped[str] = mapped_column(Words())
    name_en: Mapped[str | None] = mapped_column(Words())
    kind: Mapped[str] = mapped_column(Code())
    unit: Mapped[str] = mapped_column(Words())
    sub_item: Mapped[str] = mapped_column(Code())
    collected_by: Mapped[str] = mapped_column(Words())
    legal_basis: Mapped[str] = mapped_column(Words())
    variable: Mapped[bool] = mapped_column(Flag())
    verified: Mapped[bool] = mapped_column(Flag())
    confidence: Mapped[str] = mapped_column(Words())
    source: Mapped[str] = mapped_column(Words())

    __table_args__ = (one_of("kind", FeeKind), {"sqlite_strict": True})


class FeePrice(Row):
    """What one unit costs from a quantity on, through a channel, from one day to another.

    `unit_amount` is None where it is not known, or where the caller gives the amount of a variable
    fee; `valid_from` is None where the sources do not say since when; `at_most` bounds the whole
    item and stands on its first tier.
    """

    __tablename__ = "fee_price"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    fee_id: Mapped[int] = mapped_column(Key(), ForeignKey("fee.id"))
    channel: Mapped[str] = mapped_column(Code())
    from_quantity: Mapped[int] = mapped_column(Count())
    unit_amount: Mapped[Dong | None] = mapped_column(Amount())
    at_most: Mapped[Dong | None] = mapped_column(Amount())
    valid_from: Mapped[date | None] = mapped_column(Day())
    valid_to: Mapped[date | None] = mapped_column(Day())
    verified: Mapped[bool] = mapped_column(Flag())
    basis: Mapped[str] = mapped_column(Words())

    __table_args__ = (
        UniqueConstraint("fee_id", "channel", "from_quantity", "valid_from"),
        partial_index(
            "uq_fee_price_always",
            "fee_id",
            "channel",
            "from_quantity",
            unique=True,
            where="valid_from IS NULL",
        ),
        one_of("channel", [*Channel, ANY_CHANNEL]),
        CheckConstraint("from_quantity >= 1", name="from_quantity"),
        CheckConstraint("unit_amount BETWEEN 0 AND 1000000000000", name="unit_amount"),
        CheckConstraint("at_most IS NULL OR (at_most >= 1 AND from_quantity = 1)", name="at_most"),
        CheckConstraint("valid_to > valid_from", name="valid_to"),
        {"sqlite_strict": True},
    )


class FeeReduction(Row):
    """Who pays less, or nothing, for a fee.

    `value` by kind: nothing for `exempt`; đồng for each unit instead of its price for `amount`;
    the percentage of the price that is left to pay for `percent`.
    """

    __tablename__ = "fee_reduction"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    fee_id: Mapped[int] = mapped_column(Key(), ForeignKey("fee.id"))
    code: Mapped[str] = mapped_column(Code())
    name: Mapped[str] = mapped_column(Words())
    name_en: Mapped[str | None] = mapped_column(Words())
    kind: Mapped[str] = mapped_column(Code())
    value: Mapped[int | None] = mapped_column(Count())
    valid_from: Mapped[date | None] = mapped_column(Day())
    valid_to: Mapped[date | None] = mapped_column(Day())
    verified: Mapped[bool] = mapped_column(Flag())

    __table_args__ = (
        UniqueConstraint("fee_id", "code", "valid_from"),
        partial_index(
            "uq_fee_reduction_always",
            "fee_id",
            "code",
            unique=True,
            where="valid_from IS NULL",
        ),
        one_of("kind", ReductionKind),
        CheckConstraint("(kind = 'exempt') = (value IS NULL)", name="value"),
        CheckConstraint("kind <> 'amount' OR value >= 1", name="amount"),
        CheckConstraint("kind <> 'percent' OR value BETWEEN 1 AND 99", name="percent"),
        CheckConstraint("valid_to > valid_from", name="valid_to"),
        {"sqlite_strict": True},
    )
