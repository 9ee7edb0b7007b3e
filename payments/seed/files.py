"""The files a new service is filled from: units, departments and the tariff, read strictly.

A file is taken whole or refused with the place and the field that is wrong; nothing is guessed
and nothing is filled in. What the sources do not know is null and stays unknown.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from payments.agencies import Described as Agency
from payments.agencies import Kind
from payments.core.money import MOST
from payments.core.text import fold
from payments.fees import (
    ANY_CHANNEL,
    UNKNOWN_SUB_ITEM,
    Channel,
    FeeKind,
    Price,
    Reduction,
    ReductionKind,
)
from payments.fees import Described as Fee
from payments.seed.fields import Fields, UnreadableSeed, content, json_of, refuse

FOLDER: Final = Path(__file__).parents[1] / "data"
UNITS: Final = FOLDER / "units.csv"
DEPARTMENTS: Final = FOLDER / "departments.json"
TARIFF: Final = FOLDER / "tariff.json"
BUDGET_CODES: Final = FOLDER / "budget_codes.json"

_IN_ENGLISH: Final = {
    "Thành phố": "City",
    "Thị xã": "Town",
    "Huyện": "District",
    "Phường": "Ward",
    "Thị trấn": "Township",
    "Xã": "Commune",
}


@dataclass(frozen=True, slots=True)
class Units:
    """The agencies that the files list, parents first, as they were on `as_of`."""

    as_of: date
    agencies: tuple[Agency, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Fees:
    """A fee with all its prices and reductions."""

    fee: Fee
    prices: tuple[Price, ...]
    reductions: tuple[Reduction, ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    """Every fee that the file lists."""

    fees: tuple[Fees, ...]
    digest: str


def read_units(units: Path = UNITS, departments: Path = DEPARTMENTS) -> Units:
    """The province's agencies from its two files. Raises `UnreadableSeed`."""
    kept, listed = content(departments), content(units)
    top = Fields(departments, "top", json_of(departments, kept))
    as_of, root = top.day("as_of"), top.part("province")
    province = _agency(root, kind=Kind.PROVINCE, parent=None)
    below = [
        _agency(each, kind=Kind.DEPARTMENT, parent=province.code)
        for each in top.parts("departments")
    ]
    top.no_more()
    below += _districts_and_communes(units, listed, province=province.code)
    agencies = (province, *below)
    _refuse_twice(units, [agency.code for agency in agencies])
    return Units(as_of=as_of, agencies=agencies, digest=_digest(kept + listed))


def read_tariff(tariff: Path = TARIFF, budget_codes: Path = BUDGET_CODES) -> Tariff:
    """The tariff from its file, each sub-item one of the budget's. Raises `UnreadableSeed`."""
    raw = content(tariff)
    known = sub_items(budget_codes)
    top = Fields(tariff, "top", json_of(tariff, raw))
    source = top.text("source")
    fees = tuple(_fee(each, source=source, known=known) for each in top.parts("fees"))
    top.no_more()
    _refuse_twice(tariff, [each.fee.code for each in fees])
    return Tariff(fees=fees, digest=_digest(raw))


def sub_items(budget_codes: Path = BUDGET_CODES) -> Mapping[str, str]:
    """The budget's sub-items (tiểu mục) that concern fees, with their names."""
    top = Fields(budget_codes, "top", json_of(budget_codes, content(budget_codes)))
    return {each.text("tieu_muc"): each.text("name") for each in top.parts("codes")}


def _agency(fields: Fields, *, kind: Kind, parent: str | None) -> Agency:
    agency = Agency(
        code=fields.text("code"),
        name_vi=fields.text("name_vi"),
        name_en=fields.text_or_none("name_en"),
        kind=kind,
        parent=parent,
        verified=fields.flag("verified"),
    )
    fields.no_more()
    return agency


def _districts_and_communes(path: Path, raw: bytes, *, province: str) -> list[Agency]:
    rows = list(_rows(path, raw))
    districts = {row.text("district_code"): row.text("district_name_2022") for row in rows}
    found = [
        _committee(path, f"{province}.{code}", name, kind=Kind.DISTRICT, parent=province)
        for code, name in districts.items()
    ]
    for row in rows:
        code, district = row.text("commune_code"), row.text("district_code")
        name, parent = row.text("commune_name"), f"{province}.{district}"
        found.append(_committee(path, f"{province}.{code}", name, kind=Kind.COMMUNE, parent=parent))
    return found


def _rows(path: Path, raw: bytes) -> Iterator[Fields]:
    try:
        reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig")), strict=True)
        for number, row in enumerate(reader, start=2):
            yield Fields(path, f"line {number}", {str(name): value for name, value in row.items()})
    except (UnicodeDecodeError, csv.Error):
        refuse(path, "file", "csv")


def _committee(path: Path, code: str, name: str, *, kind: Kind, parent: str) -> Agency:
    """The people's committee of a place: `Phường Phú Lợi` becomes `UBND phường Phú Lợi`."""
    for prefix, in_english in _IN_ENGLISH.items():
        if name.startswith(f"{prefix} "):
            place = fold(name.removeprefix(f"{prefix} "))
            return Agency(
                code=code,
                name_vi=f"UBND {name[0].lower()}{name[1:]}",
                name_en=f"People's Committee of {place} {in_english}",
                kind=kind,
                parent=parent,
                verified=True,
            )
    raise UnreadableSeed(file=path.name, place=code, field="name")


def _fee(fields: Fields, *, source: str, known: Collection[str]) -> Fees:
    sub_item = fields.text_or_none("sub_item")
    if sub_item is not None and sub_item not in known:
        fields.refuse("sub_item")
    fee = Fee(
        code=fields.text("code"),
        name=fields.text("name"),
        name_en=fields.text_or_none("name_en"),
        kind=fields.choice("kind", FeeKind),
        unit=fields.text("unit"),
        sub_item=sub_item or UNKNOWN_SUB_ITEM,
        collected_by=fields.text("collected_by"),
        legal_basis=fields.text("legal_basis"),
        variable=fields.flag("variable"),
        verified=fields.flag("verified"),
        confidence=fields.text("confidence"),
        source=source,
    )
    prices = tuple(_price(each) for each in fields.parts("prices"))
    reductions = tuple(_reduction(each) for each in fields.any_parts("reductions"))
    fields.no_more()
    return Fees(fee=fee, prices=prices, reductions=reductions)


def _price(fields: Fields) -> Price:
    channel = fields.text("channel")
    if channel not in {*Channel, ANY_CHANNEL}:
        fields.refuse("channel")
    price = Price(
        channel=channel,
        from_quantity=fields.count("from_quantity", least=1, most=10_000),
        unit_amount=fields.amount_or_none("unit_amount", least=0),
        at_most=fields.amount_or_none("at_most", least=1),
        valid_from=fields.day_or_none("valid_from"),
        valid_to=fields.day_or_none("valid_to"),
        verified=fields.flag("verified"),
        basis=fields.text("basis"),
    )
    fields.no_more()
    _refuse_backwards(fields, price)
    if price.at_most is not None and price.from_quantity > 1:
        fields.refuse("at_most")
    return price


def _reduction(fields: Fields) -> Reduction:
    kind = fields.choice("kind", ReductionKind)
    reduction = Reduction(
        code=fields.text("code"),
        name=fields.text("name"),
        name_en=fields.text_or_none("name_en"),
        kind=kind,
        value=_value(fields, kind),
        valid_from=fields.day_or_none("valid_from"),
        valid_to=fields.day_or_none("valid_to"),
        verified=fields.flag("verified"),
    )
    fields.no_more()
    _refuse_backwards(fields, reduction)
    return reduction


def _value(fields: Fields, kind: ReductionKind) -> int | None:
    if kind is ReductionKind.EXEMPT:
        fields.nothing("value")
        return None
    most = 99 if kind is ReductionKind.PERCENT else int(MOST)
    return fields.count("value", least=1, most=most)


def _refuse_backwards(fields: Fields, row: Price | Reduction) -> None:
    if row.valid_from is not None and row.valid_to is not None and row.valid_to <= row.valid_from:
        fields.refuse("valid_to")


def _refuse_twice(path: Path, codes: Sequence[str]) -> None:
    for code, times in Counter(codes).items():
        if times > 1:
            refuse(path, code, "code")


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
