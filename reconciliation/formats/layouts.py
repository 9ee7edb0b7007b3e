"""What a layout of statements in sheets and CSV may say; `descriptions` reads them from TOML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Final

from payments.core.errors import Invalid
from payments.core.text import fold
from reconciliation.formats.figures import Clock, Thousands
from reconciliation.formats.parts import Figure

DELIMITERS: Final = (",", ";", "\t", "|")
"""What may stand between the cells of a CSV."""


class WrongLayout(Invalid):
    """A layout that is not described whole, or describes a thing twice."""

    code = "wrong_layout"


class Column(StrEnum):
    """What a column of the table holds."""

    DAY = "day"
    DAY_AND_REFERENCE = "day_and_reference"
    VALUE_DAY = "value_day"
    BANK_REFERENCE = "bank_reference"
    SIGN = "sign"
    AMOUNT = "amount"
    CREDIT = "credit"
    DEBIT = "debit"
    MEMO = "memo"
    PAYER_ACCOUNT = "payer_account"
    PAYER_NAME = "payer_name"
    VIRTUAL_ACCOUNT = "virtual_account"
    FEE = "fee"
    BALANCE = "balance"
    ACCOUNT = "account"
    CURRENCY = "currency"
    NOTHING = "nothing"


class Fact(StrEnum):
    """What a row above the table may tell."""

    ACCOUNT = "account"
    CURRENCY = "currency"
    FROM_DAY = "from_day"
    TO_DAY = "to_day"
    OPENING = "opening"
    CLOSING = "closing"
    COUNT = "count"
    CREDIT_COUNT = "credit_count"
    CREDIT_SUM = "credit_sum"
    DEBIT_COUNT = "debit_count"
    DEBIT_SUM = "debit_sum"


class RowKind(StrEnum):
    """What a row of the table tells that is no movement."""

    OPENING = "opening"
    CLOSING = "closing"
    NOTHING = "nothing"


class Order(StrEnum):
    """How running balances follow one another."""

    OLDEST_FIRST = "oldest_first"
    NEWEST_FIRST = "newest_first"
    EITHER = "either"
    """Whichever of the two the balances prove."""


class Money(StrEnum):
    """How amounts of money that leaves are written in a column of their own."""

    PLAIN = "plain"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True)
class Layout:
    """One bank's table; labels are folded by `label`."""

    name: str
    bank: str
    currency: str
    encodings: tuple[str, ...]
    delimiter: str
    read_day: Callable[..., date]
    clock: Clock | None
    date_cells: bool
    fill_down: bool
    thousands: Thousands
    debits: Money
    stable_references: bool
    ends_at: frozenset[str]
    ends_with: tuple[str, ...]
    """The beginnings of labels that end the table."""
    open_end: bool
    total: Figure | None
    order: Order | None
    columns: Mapping[str, Column]
    optional: frozenset[Column]
    signs: Mapping[str, bool]
    rows: Mapping[str, RowKind]
    preamble: Mapping[str, Fact]
    periods: tuple[re.Pattern[str], ...]
    passed_over: frozenset[str]

    def is_end(self, name: str) -> bool:
        """Whether a row of that name, as `label` folds it, ends the table."""
        return name in self.ends_at or (bool(name) and name.startswith(self.ends_with))

    def places(self, header: Sequence[str]) -> dict[Column, int] | None:
        """Where each column stands; None if a label is missing, stands twice or is not known."""
        places: dict[Column, int] = {}
        for place, cell in enumerate(header):
            column = self.columns.get(label(cell)) if cell else Column.NOTHING
            if column is None or column in places:
                return None
            if column is not Column.NOTHING:
                places[column] = place
        return places if self.wanted <= places.keys() else None

    @property
    def wanted(self) -> set[Column]:
        """The columns that every header of this layout has."""
        return set(self.columns.values()) - {Column.NOTHING} - self.optional

    def clashes_with(self, other: Layout) -> bool:
        """Whether one header row could be that of both, so that nobody could tell which it is."""
        shared = self.columns.keys() & other.columns.keys()
        return all(one.wanted <= {one.columns[each] for each in shared} for one in (self, other))


@lru_cache(maxsize=1024)
def label(text: str) -> str:
    """A label as it is compared: plain small letters, no white space, no colon at its end."""
    return "".join(fold(text).casefold().split()).rstrip(":")


def words_of(text: str) -> set[str]:
    """The words of a text in small letters, their accents kept: `cũ` is not the `cu` of `cuối`."""
    return set(re.findall(r"\w+", unicodedata.normalize("NFC", text).casefold()))
