"""What a receipt says: fixed with its number, whole, and the same on every paper drawn of it.

Decree 123/2020/ND-CP, Art. 32: the receipt's name, form code, symbol and number, who collects
(name, tax code), who pays, which fees and how much in figures and words, the day. No payer's name
is known here: the payer is whoever holds the dossier, which is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Row as Result

from payments.core.calendar import local
from payments.core.money import Dong, in_words
from payments.fees import FeeKind
from payments.receipts.series import Issuer
from payments.receipts.tables import ReceiptSeries

NAMES: Final[Mapping[FeeKind, str]] = MappingProxyType(
    {
        FeeKind.PHI: "Biên lai thu phí",
        FeeKind.LE_PHI: "Biên lai thu lệ phí",
    }
)
"""What the papers are called: a term of law, in Vietnamese for every reader."""

_DIGITS: Final = 8
_NUMBERED: Final = ("form", "symbol", "number")


@dataclass(frozen=True, slots=True)
class Said:
    """What a receipt must say: of one request and kind, what was paid and is still kept.

    `request` has reference, dossier, paid_at and agency_name; `lines` are its fee lines' rows.
    """

    request_id: int
    kind: FeeKind
    agency: str
    amount: Dong
    request: Result[*tuple[Any, ...]] = field(repr=False)
    lines: Sequence[Result[*tuple[Any, ...]]] = field(repr=False)
    issuer: Issuer = field(repr=False)


def content_of(
    said: Said,
    series: ReceiptSeries,
    *,
    number: int,
    code: str,
    replaces: Mapping[str, Any] | None,
    now: datetime,
) -> dict[str, Any]:
    """Everything the papers say, as JSON; the day is that of Viet Nam at `now`.

    `code` is what they are verified by, `replaces` the content of the receipt they replace.
    """
    return {
        "name": NAMES[said.kind],
        "kind": said.kind.value,
        "form": series.form,
        "symbol": series.symbol,
        "number": written(number),
        "issuer": {"name": said.issuer.name, "tax_code": series.tax_code},
        "agency": {"code": said.agency, "name": said.request.agency_name},
        "dossier": said.request.dossier,
        "reference": said.request.reference,
        "lines": [_line(row) for row in said.lines],
        "amount": int(said.amount),
        "in_words": in_words(said.amount),
        "day": local(now).date().isoformat(),
        "paid_at": local(said.request.paid_at).isoformat(timespec="seconds"),
        "replaces": None if replaces is None else {part: replaces[part] for part in _NUMBERED},
        "code": code,
    }


def written(number: int) -> str:
    """A receipt's number as it is written: `00000042`."""
    return f"{number:0{_DIGITS}d}"


def _line(row: Result[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "fee": row.fee,
        "name": row.name,
        "sub_item": row.sub_item,
        "quantity": row.quantity,
        "unit_amount": int(row.unit_amount),
        "amount": int(row.amount - row.refunded),
        "refunded": int(row.refunded),
    }
