"""A sheet of paper, written from top to bottom."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from payments.core.pdf.lettering import BOLD, LEADING, PLAIN, composed, folded, load_fonts
from payments.core.pdf.tables import APART, PAD, Table, fitting
from payments.core.sheets import Heading

_MARGIN: Final = 42
_FOOT: Final = 48
_QUIET: Final = 4
_NAMED: Final = 0.32
_FIGURES: Final = 90
_NAME: Final = 9.5
_UNDER: Final = 8
_INK: Final = 0.1
_RULE: Final = 0.75
_FAINT: Final = 0.9
SOFT: Final = 0.4
"""The grey of what is said a second time, and of lines."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A place to sign: as what, what to write there, and who it is where that is known."""

    office: str
    hint: str
    name: str


class Paper:
    """A paper that is written from top to bottom; `finish` gives its bytes.

    `foot` stands at the bottom of every page beside `page_words(page, pages)`; `mark`, if any,
    stands large and faint across every page.
    """

    def __init__(
        self,
        title: str,
        *,
        foot: str,
        page_words: Callable[[int, int], str],
        wide: bool = False,
        mark: str | None = None,
    ) -> None:
        load_fonts()
        self._bytes = io.BytesIO()
        self._size: tuple[float, float] = landscape(A4) if wide else A4
        self._foot, self._page_words, self._mark = composed(foot), page_words, mark
        self._canvas = Canvas(
            self._bytes,
            pagesize=self._size,
            invariant=1,
            pageCompression=1,
            initialFontName=PLAIN,  # type: ignore[arg-type]  # typed as a number by mistake
        )
        self._canvas.setTitle(composed(title))
        self._canvas.setCreator("cashless")
        self._canvas.setAuthor("")
        self._canvas.setSubject("")
        self._pages: list[dict[str, Any]] = []
        self._left, self._width = float(_MARGIN), self._size[0] - 2 * _MARGIN
        self._y = self._size[1]
        self._begin_page()

    @property
    def width(self) -> float:
        """How wide what is written may be: what is between the margins, or beside a symbol."""
        return self._width

    @property
    def pages(self) -> int:
        """How many pages there are by now."""
        return len(self._pages) + 1

    def centred(
        self, text: str, *, size: float = 10, font: str = PLAIN, grey: float = _INK
    ) -> None:
        """Lines in the middle, folded where they are too long."""
        for line in folded(text, font=font, size=size, width=self.width):
            self._room_for(size * LEADING)
            self._drop(size * LEADING)
            self._set(font, size, grey=grey)
            self._canvas.drawCentredString(self._left + self._width / 2, self._y, line)

    def heading(self, text: str) -> None:
        """A heading over what follows; it does not stand alone at the bottom of a page."""
        self._room_for(70)
        self.gap(8)
        self.words(text, size=11, font=BOLD)

    def words(self, text: str, *, size: float = 9.5, font: str = PLAIN, grey: float = _INK) -> None:
        """A paragraph."""
        for line in folded(text, font=font, size=size, width=self.width):
            self._room_for(size * LEADING)
            self._drop(size * LEADING)
            self._set(font, size, grey=grey)
            self._canvas.drawString(self._left, self._y, line)

    def gap(self, height: float) -> None:
        """Nothing, for a while."""
        self._drop(height)

    def table(
        self,
        headings: Sequence[Heading],
        rows: Iterable[Sequence[str]],
        *,
        total: Sequence[str] | None = None,
        size: float = 8.5,
    ) -> None:
        """A table whose heading is repeated on every page; numbers are set to the right."""
        words = [heading.words for heading in headings]
        body = [[composed(cell) for cell in row] for row in rows]
        last = [] if total is None else [[composed(cell) for cell in total]]
        drawn = fitting(headings, [*body, *last], size=size, room=self.width)
        self.gap(4)
        self._row(drawn, words, font=BOLD, ruled=True)
        below = sum(drawn.height(row, BOLD) for row in last)
        for number, row in enumerate(body, 1):
            with_it = below if number == len(body) else 0  # a total does not stand alone
            if not self._fits(drawn.height(row, PLAIN) + with_it):
                self._turn()
                self._row(drawn, words, font=BOLD, ruled=True)
            self._row(drawn, row, font=PLAIN, ruled=False)
        for row in last:
            self._row(drawn, row, font=BOLD, ruled=True)
        self.gap(4)

    def entry(self, name: str, under: str, value: str, *, size: float) -> None:
        """A value in bold to be copied; before it what it is, and `under` that in other words."""
        split = self._width * _NAMED
        values = list(folded(value, font=BOLD, size=size, width=self._width - split - PAD))
        top = self._named(name, under, width=split, height=len(values) * size * LEADING)
        self._set(BOLD, size)
        for number, line in enumerate(values):
            at = top - size * (1.15 + number * LEADING)
            self._canvas.drawString(self._left + split + PAD, at, line)

    def item(self, name: str, under: str, figure: str) -> None:
        """A figure at the right; before it what it is of, and `under` that in other words."""
        top = self._named(name, under, width=self._width - _FIGURES, height=0)
        self._set(BOLD, _NAME)
        self._canvas.drawRightString(self._left + self._width, top - _NAME * LEADING, figure)

    def _named(self, name: str, under: str, *, width: float, height: float) -> float:
        """Draws what something is called and a line below, and gives where that begins."""
        spoken = [(line, _NAME, _INK) for line in folded(name, font=PLAIN, size=_NAME, width=width)]
        again = folded(under, font=PLAIN, size=_UNDER, width=width)
        spoken += [(line, _UNDER, SOFT) for line in again]
        whole = max(height, sum(size for _, size, _ in spoken) * LEADING) + PAD
        self._room_for(whole)
        top = self._y
        for line, size, grey in spoken:
            self._drop(size * LEADING)
            self._set(PLAIN, size, grey=grey)
            self._canvas.drawString(self._left, self._y, line)
        self._y = top - whole
        self._rule(grey=_RULE)
        return top

    @contextmanager
    def symbol(self, rows: Sequence[Sequence[bool]], *, side: float) -> Iterator[None]:
        """A QR symbol, its modules row by row, True where dark, `side` wide.

        What is written inside the with-block stands at its right; what comes after, below both.
        """
        step = side / len(rows)
        around = step * _QUIET
        self._room_for(side + 2 * around)
        bottom = self._y - side - 2 * around
        path = self._canvas.beginPath()
        for number, row in enumerate(rows, 1):
            at, place = bottom + around + side - number * step, 0
            for dark, modules in groupby(row):
                length = len(list(modules))
                if dark:
                    path.rect(self._left + place * step, at, length * step, step)
                place += length
        self._set(PLAIN, 1, grey=0)
        self._canvas.drawPath(path, stroke=0, fill=1)
        beside = side + around + APART
        self._left, self._width = self._left + beside, self._width - beside
        self.gap(around)
        yield
        self._left, self._width = self._left - beside, self._width + beside
        self._y = min(self._y, bottom)

    def signatures(self, signatures: Sequence[Signature]) -> None:
        """Places to sign beside each other, never torn from each other by the end of a page."""
        self._room_for(120)
        self.gap(14)
        column = self.width / len(signatures)
        for place, signature in enumerate(signatures):
            middle = _MARGIN + column * (place + 0.5)
            self._set(BOLD, 10)
            self._canvas.drawCentredString(middle, self._y - 10, composed(signature.office))
            self._set(PLAIN, 8.5)
            self._canvas.drawCentredString(middle, self._y - 24, composed(signature.hint))
            self._set(BOLD, 9.5)
            self._canvas.drawCentredString(middle, self._y - 92, composed(signature.name))
        self._drop(100)

    def finish(self) -> bytes:
        """The paper's bytes; nothing can be written on it afterwards."""
        self._keep_page()
        for number, state in enumerate(self._pages, 1):
            self._canvas.__dict__.update(state)
            self._set(PLAIN, 8, grey=SOFT)
            self._canvas.drawString(_MARGIN, 28, self._foot)
            told = composed(self._page_words(number, len(self._pages)))
            self._canvas.drawRightString(self._size[0] - _MARGIN, 28, told)
            self._canvas.showPage()
        self._canvas.save()
        return self._bytes.getvalue()

    def _row(self, drawn: Table, row: Sequence[str], *, font: str, ruled: bool) -> None:
        height = drawn.height(row, font)
        self._room_for(height)
        top, left = self._y, float(_MARGIN)
        self._set(font, drawn.size)
        for cell, width, right in zip(
            drawn.cells(row, font), drawn.widths, drawn.right, strict=True
        ):
            for number, line in enumerate(cell):
                at = top - PAD - drawn.size * (0.95 + number * LEADING)
                if right:
                    self._canvas.drawRightString(left + width - PAD, at, line)
                else:
                    self._canvas.drawString(left + PAD, at, line)
            left += width
        self._drop(height)
        self._rule(grey=SOFT if ruled else _RULE, width=0.8 if ruled else 0.4)

    def _rule(self, *, grey: float, width: float = 0.4) -> None:
        self._canvas.setStrokeGray(grey)
        self._canvas.setLineWidth(width)
        self._canvas.line(self._left, self._y, self._left + self._width, self._y)

    def _set(self, font: str, size: float, *, grey: float = _INK) -> None:
        self._canvas.setFont(font, size)
        self._canvas.setFillGray(grey)

    def _drop(self, height: float) -> None:
        self._y -= height

    def _fits(self, height: float) -> bool:
        return self._y - height >= _FOOT

    def _room_for(self, height: float) -> None:
        if not self._fits(height):
            self._turn()

    def _turn(self) -> None:
        self._keep_page()
        self._begin_page()

    def _begin_page(self) -> None:
        self._y = self._size[1] - _MARGIN
        if self._mark:
            self._canvas.saveState()
            self._canvas.translate(self._size[0] / 2, self._size[1] / 2)
            self._canvas.rotate(45)
            mark, room = composed(self._mark), 1.2 * min(self._size)
            size = min(84, 84 * room / stringWidth(mark, BOLD, 84))
            self._set(BOLD, size, grey=_FAINT)
            self._canvas.drawCentredString(0, -size / 3, mark)
            self._canvas.restoreState()

    def _keep_page(self) -> None:
        """Puts a page aside until it is known how many there are."""
        self._pages.append(dict(self._canvas.__dict__))
        self._canvas._startPage()  # type: ignore[attr-defined]  # noqa: SLF001  reportlab's known way
