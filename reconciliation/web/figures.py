"""A figure as pages show it: a drawing, the same as a table, and where its numbers are from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from reconciliation.web.charts import Heading


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: what it is about, with the code of a unit where that has a page, then its cells."""

    name: str
    cells: Sequence[str]
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; the first is that of what rows are about, the others are numbers."""

    headings: Sequence[str]
    rows: Sequence[TableRow]


@dataclass(frozen=True, slots=True)
class Figure:
    """What a page shows of one question; `drawing` is None where a table says it better."""

    heading: Heading
    drawing: Markup | None
    table: Table
    source: str
    notes: Sequence[str] = field(default=())
