"""What a report is: columns with a kind each, and rows one after another.

A page, a CSV file, a workbook, a PDF and JSON are all written from this one definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from payments.core.sheets import Kind
from reconciliation.reports.asking import Asked

Cells = tuple[Any, ...]
"""One row of a report: a value for each column, None where there is nothing."""


class Takes(StrEnum):
    """What a report can be asked beside its accounts."""

    PERIOD = "period"
    DAY = "day"  # only the last day of the period counts
    BASIS = "basis"
    GRAIN = "grain"
    KNOWN_AT = "known_at"
    PAGES = "pages"  # too long for a page: it goes on after a cursor
    PORTAL = "portal"  # it can be narrowed to the requests of a portal


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name; `words` is the group of its codes' words, `total` adds it up."""

    name: str
    kind: Kind = Kind.TEXT
    words: str = ""
    total: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A report by its name. `adds` says which rows count in the total; without it, all do."""

    name: str
    columns: Sequence[Column]
    rows: Callable[[Session, Asked], Iterator[Cells]]
    takes: frozenset[Takes]
    adds: Callable[[Cells], bool] = field(default=lambda _row: True)

    @property
    def totals(self) -> bool:
        """Whether the report ends with a total."""
        return any(column.total for column in self.columns)


class Total:
    """The total of a report, added up while its rows go by."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.rows = 0
        self.cells: list[Any] = [0 if column.total else None for column in report.columns]

    def adding(self, rows: Iterable[Cells]) -> Iterator[Cells]:
        """The rows as they come."""
        places = [place for place, column in enumerate(self._report.columns) if column.total]
        for row in rows:
            self.rows += 1
            if self._report.adds(row):
                for place in places:
                    self.cells[place] += int(row[place] or 0)
            yield row
