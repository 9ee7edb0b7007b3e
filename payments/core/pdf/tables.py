"""Tables on paper: how wide their columns are and how their cells fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reportlab.pdfbase import pdfmetrics

from payments.core.pdf.lettering import BOLD, LEADING, PLAIN, folded
from payments.core.sheets import Heading, Kind

PAD: Final = 4
"""Between the edge of a cell and what is in it."""

APART: Final = 12

_NARROWEST: Final = 30
_UNBROKEN: Final = 72
_SMALLEST: Final = 4
_STEP: Final = 0.5


@dataclass(frozen=True, slots=True)
class Table:
    """How a table is drawn: its columns, and the size of its letters."""

    widths: Sequence[float]
    right: Sequence[bool]
    size: float

    def cells(self, row: Sequence[str], font: str) -> list[list[str]]:
        """The lines of each cell."""
        return [
            list(folded(cell, font=font, size=self.size, width=width - 2 * PAD))
            for cell, width in zip(row, self.widths, strict=True)
        ]

    def height(self, row: Sequence[str], font: str) -> float:
        """How high the row is."""
        lines = max((len(cell) for cell in self.cells(row, font)), default=1)
        return max(lines, 1) * self.size * LEADING + 2 * PAD


def fitting(
    headings: Sequence[Heading], rows: Sequence[Sequence[str]], *, size: float, room: float
) -> Table:
    """The table with columns as wide as they need, its type smaller where that is too wide."""
    needed, least = _widths(headings, rows, size)
    while sum(least) > room and size > _SMALLEST:
        size -= _STEP
        needed, least = _widths(headings, rows, size)
    texts = [heading.kind is Kind.TEXT for heading in headings]
    spare = room - sum(needed)
    if spare >= 0:
        some = texts if any(texts) else [True] * len(texts)
        widths = [
            wide + (spare / sum(some) if gets else 0)
            for wide, gets in zip(needed, some, strict=True)
        ]
    else:
        wanted = [max(0.0, wide - few) for wide, few in zip(needed, least, strict=True)]
        share = max(0.0, room - sum(least)) / (sum(wanted) or 1)
        widths = [few + more * share for few, more in zip(least, wanted, strict=True)]
    return Table(widths, [heading.numeric for heading in headings], size)


def _widths(
    headings: Sequence[Heading], rows: Sequence[Sequence[str]], size: float
) -> tuple[list[float], list[float]]:
    """What each column needs to fold nothing, and the least it can do with.

    A number and a day are never folded, a text only at spaces unless a word is very long.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(headings)
    needed, least = [], []
    for heading, cells in zip(headings, columns, strict=True):
        whole = max(_widest(cells, BOLD, size), _widest([heading.words], BOLD, size))
        if heading.kind in (Kind.TEXT, Kind.MOMENT):
            words = [word for cell in cells for word in cell.split()]
            inside = min(_widest(words, PLAIN, size), _UNBROKEN)
        else:
            inside = _widest(cells, BOLD, size)
        least.append(max(inside, _widest(heading.words.split(), BOLD, size)))
        needed.append(max(_NARROWEST, whole + (APART if heading.numeric else 0)))
    return needed, least


def _widest(texts: Iterable[str], font: str, size: float) -> float:
    """The width of a column that folds none of these texts."""
    wide = max((pdfmetrics.stringWidth(text, font, size) for text in texts), default=0.0)
    return wide + 2 * PAD + 1
