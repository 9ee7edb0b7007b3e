"""Layouts of statements in sheets and CSV, from `layouts.toml`: a new one is an entry there."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from payments.core.errors import Invalid
from payments.core.text import fold
from reconciliation.formats.figures import Thousands, iso_day, vietnamese_day
from reconciliation.formats.parts import Figure

_Kind = TypeVar("_Kind")

LAYOUTS: Final = Path(__file__).parent / "layouts.toml"

DAYS: Final[Mapping[str, Callable[..., date]]] = MappingProxyType(
    {"dd/mm/yyyy": vietnamese_day, "yyyy-mm-dd": iso_day}
)


class WrongLayout(Invalid):
    """A layout that is not described whole, or describes a thing twice."""

    code = "wrong_layout"


class Column(StrEnum):
    """What a column of the table holds."""

    DAY = "day"
    VALUE_DAY = "value_day"
    BANK_REFERENCE = "bank_reference"
    SIGN = "sign"
    AMOUNT = "amount"
    CREDIT = "credit"
    DEBIT = "debit"
    MEMO = "memo"
    PAYER_ACCOUNT = "payer_account"
    PAYER_NAME = "payer_name"
    BALANCE = "balance"
    NOTHING = "nothing"


class Fact(StrEnum):
    """What a row above the table may tell."""

    ACCOUNT = "account"
    CURRENCY = "currency"
    FROM_DAY = "from_day"
    TO_DAY = "to_day"
    OPENING = "opening"
    CLOSING = "closing"


_NEEDED: Final = frozenset({Column.DAY, Column.MEMO})
_DIRECTIONS: Final = (
    frozenset({Column.SIGN, Column.AMOUNT}),
    frozenset({Column.CREDIT, Column.DEBIT}),
)
_ALL_DIRECTIONS: Final = frozenset.union(*_DIRECTIONS)


@dataclass(frozen=True, slots=True)
class Layout:
    """One bank's table; labels are folded by `label`."""

    name: str
    bank: str
    currency: str
    encodings: tuple[str, ...]
    delimiter: str
    read_day: Callable[..., date]
    thousands: Thousands
    stable_references: bool
    ends_at: frozenset[str]
    total: Figure | None
    columns: Mapping[str, Column]
    signs: Mapping[str, bool]
    preamble: Mapping[str, Fact]

    def places(self, header: Sequence[str]) -> dict[Column, int] | None:
        """Where each column stands; None if a label is missing, stands twice or is not known."""
        places: dict[Column, int] = {}
        for place, cell in enumerate(header):
            column = self.columns.get(label(cell)) if cell else Column.NOTHING
            if column is None or column in places:
                return None
            if column is not Column.NOTHING:
                places[column] = place
        wanted = set(self.columns.values()) - {Column.NOTHING}
        return places if wanted == places.keys() else None


@lru_cache(maxsize=1024)
def label(text: str) -> str:
    """A label as it is compared: plain small letters, single spaces, no colon at its end."""
    return " ".join(fold(text).casefold().split()).rstrip(": ")


@lru_cache(maxsize=1)
def every_layout() -> Mapping[str, Layout]:
    """The layouts this service knows, by name."""
    return load(LAYOUTS)


def load(path: Path) -> Mapping[str, Layout]:
    """The layouts a TOML file describes, by name."""
    described = tomllib.loads(path.read_text(encoding="utf-8"))
    return MappingProxyType({name: _layout(name, told) for name, told in described.items()})


def _layout(name: str, told: dict[str, Any]) -> Layout:
    try:
        layout = Layout(
            name=name,
            bank=told["bank"],
            currency=told["currency"],
            encodings=tuple(told["encodings"]),
            delimiter=told["delimiter"],
            read_day=DAYS[told["days"]],
            thousands=Thousands(told["thousands"]),
            stable_references=told["stable_references"],
            ends_at=frozenset(label(text) for text in told["ends_at"]),
            total=Figure(told["total"]) if "total" in told else None,
            columns=_by_label(told["columns"], Column),
            signs=_signs(told),
            preamble=_by_label(told.get("preamble", {}), Fact),
        )
    except (KeyError, ValueError) as missing:
        raise WrongLayout(layout=name, what=str(missing)) from missing
    directions = _ALL_DIRECTIONS & set(layout.columns.values())
    if directions not in _DIRECTIONS or not set(layout.columns.values()) >= _NEEDED:
        raise WrongLayout(layout=name, what="columns")
    return layout


def _signs(told: dict[str, Any]) -> dict[str, bool]:
    ways = {"credit": True, "debit": False}
    return {sign: ways[way] for sign, way in told.get("signs", {}).items()}


def _by_label(labels: dict[str, list[str]], kind: Callable[[str], _Kind]) -> dict[str, _Kind]:
    """What each label means; a label with two meanings is refused."""
    meanings: dict[str, _Kind] = {}
    for meaning, spellings in labels.items():
        for spelling in spellings:
            folded = label(spelling)
            if meanings.setdefault(folded, kind(meaning)) != kind(meaning):
                raise ValueError(spelling)
    return meanings
