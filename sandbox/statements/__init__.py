"""Statements of one account and one bank day, in the formats banks hand out.

`DayStatement` is what every format says: opening balance, lines, closing balance. It holds what was
booked and nothing else, so it always adds up: a movement that was told but never booked is no line
and in no balance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from sandbox.statements import camt053, vietcombank
from sandbox.statements.day import DayStatement

Writer: TypeAlias = Callable[[DayStatement, datetime], bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """How a statement is written, and what the file is."""

    write: Writer
    media_type: str
    extension: str


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "camt053": Format(camt053.write, "application/xml", "xml"),
        "vcb_xlsx": Format(
            vietcombank.write_xlsx,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "xlsx",
        ),
        "vcb_csv": Format(vietcombank.write_csv, "text/csv; charset=utf-8", "csv"),
    }
)

__all__ = ["FORMATS", "DayStatement", "Format"]
