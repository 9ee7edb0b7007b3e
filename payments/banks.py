"""Banks by BIN: the six digits by which NAPAS and the State Bank name who holds an account.

The BIN is the only key. Letter codes are not: BVB is one bank in one list and another in the
next, and one bank has several.

Source: State Bank letter 1589/NHNN-TT of 05/03/2024 (56 BINs) and, for ten more, a public list;
`data/banks.json` names the source of each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from payments.core.errors import Invalid

_LIST: Final = Path(__file__).parent / "data" / "banks.json"


class UnknownBank(Invalid):
    """No list knows a bank with that BIN."""

    code = "unknown_bank"


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank or wallet that can hold an account; names in Vietnamese."""

    bin: str
    short_name: str
    name: str
    swift: str | None
    receives_vietqr: bool | None
    """Whether transfers by VietQR reach it; None where no list says."""
    in_state_bank_list: bool


def by_bin(bin: str) -> Bank | None:
    """The bank with that BIN, or None where no list knows it."""
    return every_bank().get(bin)


def known(bin: str) -> Bank:
    """The bank with that BIN. Raises `UnknownBank`."""
    bank = by_bin(bin)
    if bank is None:
        raise UnknownBank(bin=bin)
    return bank


@lru_cache(maxsize=1)
def every_bank() -> Mapping[str, Bank]:
    """All banks by BIN."""
    rows = json.loads(_LIST.read_text(encoding="utf-8"))["banks"]
    return MappingProxyType({row["bin"]: _bank(row) for row in rows})


@lru_cache(maxsize=1)
def by_name() -> Sequence[Bank]:
    """All banks in the order of their short names, as people look for one."""
    return tuple(sorted(every_bank().values(), key=lambda one: one.short_name.lower()))


def _bank(row: dict[str, str | int | bool | None]) -> Bank:
    status = row["vietqr_status"]
    return Bank(
        bin=str(row["bin"]),
        short_name=str(row["short_name"]),
        name=str(row["name_vi"]),
        swift=None if row["swift"] is None else str(row["swift"]),
        receives_vietqr=None if status is None else status in (0, 1),
        in_state_bank_list=row["in_sbv_list"] is True,
    )
