"""The tariff as it is given to anyone: rows for a spreadsheet, and one object for programs.

Columns, fields and codes have names that do not change with the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from payments.core.sheets import Cells, Heading, Kind
from payments.fees.tables import FeePrice, FeeReduction
from payments.fees.tariff import Entry

PRICES: Final = (
    Heading("code"),
    Heading("name"),
    Heading("name_en"),
    Heading("kind"),
    Heading("channel"),
    Heading("from_quantity", Kind.COUNT),
    Heading("unit"),
    Heading("unit_amount", Kind.AMOUNT),
    Heading("at_most", Kind.AMOUNT),
    Heading("variable"),
    Heading("valid_from", Kind.DAY),
    Heading("valid_to", Kind.DAY),
    Heading("collected_by"),
    Heading("legal_basis"),
    Heading("sub_item"),
    Heading("fee_verified"),
    Heading("price_verified"),
    Heading("basis"),
)
"""The columns of prices: one row for each fee, channel and tier."""

REDUCTIONS: Final = (
    Heading("code"),
    Heading("reduction"),
    Heading("name"),
    Heading("name_en"),
    Heading("kind"),
    Heading("value", Kind.COUNT),
    Heading("valid_from", Kind.DAY),
    Heading("valid_to", Kind.DAY),
    Heading("verified"),
)
"""The columns of exemptions and reductions: one row for each fee and reason."""


def price_rows(entries: Iterable[Entry]) -> Iterator[Cells]:
    """A row for each price, under the headings `PRICES`."""
    for entry in entries:
        fee = entry.fee
        for price in entry.prices:
            yield (
                fee.code,
                fee.name,
                fee.name_en,
                fee.kind,
                price.channel,
                price.from_quantity,
                fee.unit,
                price.unit_amount,
                price.at_most,
                _flag(fee.variable),
                price.valid_from,
                price.valid_to,
                fee.collected_by,
                fee.legal_basis,
                fee.sub_item,
                _flag(fee.verified),
                _flag(price.verified),
                price.basis,
            )


def reduction_rows(entries: Iterable[Entry]) -> Iterator[Cells]:
    """A row for each exemption or reduction, under the headings `REDUCTIONS`."""
    for entry in entries:
        for one in entry.reductions:
            yield (
                entry.fee.code,
                one.code,
                one.name,
                one.name_en,
                one.kind,
                one.value,
                one.valid_from,
                one.valid_to,
                _flag(one.verified),
            )


def picture(entry: Entry) -> Mapping[str, Any]:
    """A fee with its prices and reductions of one day, as JSON tells it."""
    fee = entry.fee
    return {
        "code": fee.code,
        "name": fee.name,
        "name_en": fee.name_en,
        "kind": fee.kind,
        "unit": fee.unit,
        "sub_item": fee.sub_item,
        "collected_by": fee.collected_by,
        "legal_basis": fee.legal_basis,
        "variable": fee.variable,
        "verified": fee.verified,
        "confidence": fee.confidence,
        "source": fee.source,
        "prices": [_price(price) for price in entry.prices],
        "reductions": [_reduction(reduction) for reduction in entry.reductions],
    }


def _price(price: FeePrice) -> Mapping[str, Any]:
    return {
        "channel": price.channel,
        "from_quantity": price.from_quantity,
        "unit_amount": price.unit_amount,
        "at_most": price.at_most,
        "valid_from": price.valid_from,
        "valid_to": price.valid_to,
        "verified": price.verified,
        "basis": price.basis,
    }


def _reduction(reduction: FeeReduction) -> Mapping[str, Any]:
    return {
        "code": reduction.code,
        "name": reduction.name,
        "name_en": reduction.name_en,
        "kind": reduction.kind,
        "value": reduction.value,
        "valid_from": reduction.valid_from,
        "valid_to": reduction.valid_to,
        "verified": reduction.verified,
    }


def _flag(told: bool) -> str:  # noqa: FBT001  the value itself, not a choice of behaviour
    return "yes" if told else "no"
