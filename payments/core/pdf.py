"""Papers as PDF: A4, Vietnamese set right, the same bytes for the same content.

Nothing of the moment of drawing goes into a file, so a paper that is drawn again can be compared
with the first. Fonts are embedded (Be Vietnam Pro, `fonts/`); texts are composed first (NFC), since
letters are not shaped. Lengths are points, 1/72 inch.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from payments.core.sheets import Heading, Kind

PLAIN: Final = "BeVietnamPro"
BOLD: Final = "BeVietnamPro-SemiBold"

_FONTS: Final = Path(__file__).parent / "fonts"
_MARGIN: Final = 42
_FOOT: Final = 48
_LEADING: Final = 1.4
_PAD: Final = 4
_NARROWEST: Final = 30
_APART: Final = 12
_UNBROKEN: Final = 72
_SMALLEST: Final = 4
_STEP: Final = 0.5
_INK: Final = 0.1
_RULE: Final = 0.75
_FAINT: Final = 0.9
_SOFT: Final = 0.4


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
        _load_fonts()
        self._bytes = io.BytesIO()
        self._size: tuple[float, float] = landscape(A4) if wide else A4
        self._foot, self._page_words, self._mark = _composed(foot), page_words, mark
        self._canvas = Canvas(
            self._bytes,
            pagesize=self._size,
            invariant=1,
            pageCompression=1,
            initialFontName=PLAIN,  # type: ignore[arg-type]  # typed as a number by mistake
        )
        self._canvas.setTitle(_composed(title))
        self._canvas.setCreator("cashless")
        self._canvas.setAuthor("")
        self._canvas.setSubject("")
        self._pages: list[dict[str, Any]] = []
        self._begin_page()

    @property
    def width(self) -> float:
        """What is between the margins."""
        return self._size[0] - 2 * _MARGIN

    def centred(self, text: str, *, size: float = 10, font: str = PLAIN) -> None:
        """Lines in the middle, folded where they are too long."""
        for line in folded(text, font=font, size=size, width=self.width):
            self._room_for(size * _LEADING)
            self._drop(size * _LEADING)
            self._set(font, size)
            self._canvas.drawCentredString(self._size[0] / 2, self._y, line)

    def heading(self, text: str) -> None:
        """A heading over what follows; it does not stand alone at the bottom of a page."""
        self._room_for(70)
        self.gap(8)
        self.words(text, size=11, font=BOLD)

    def words(self, text: str, *, size: float = 9.5, font: str = PLAIN) -> None:
        """A paragraph."""
        for line in folded(text, font=font, size=size, width=self.width):
            self._room_for(size * _LEADING)
            self._drop(size * _LEADING)
            self._set(font, size)
            self._canvas.drawString(_MARGIN, self._y, line)

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
        body = [[_composed(cell) for cell in row] for row in rows]
        last = [] if total is None else [[_composed(cell) for cell in total]]
        drawn = _fitting(headings, [*body, *last], size=size, room=self.width)
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

    def signatures(self, signatures: Sequence[Signature]) -> None:
        """Places to sign beside each other, never torn from each other by the end of a page."""
        self._room_for(120)
        self.gap(14)
        column = self.width / len(signatures)
        for place, signature in enumerate(signatures):
            middle = _MARGIN + column * (place + 0.5)
            self._set(BOLD, 10)
            self._canvas.drawCentredString(middle, self._y - 10, _composed(signature.office))
            self._set(PLAIN, 8.5)
            self._canvas.drawCentredString(middle, self._y - 24, _composed(signature.hint))
            self._set(BOLD, 9.5)
            self._canvas.drawCentredString(middle, self._y - 92, _composed(signature.name))
        self._drop(100)

    def finish(self) -> bytes:
        """The paper's bytes; nothing can be written on it afterwards."""
        self._keep_page()
        for number, state in enumerate(self._pages, 1):
            self._canvas.__dict__.update(state)
            self._set(PLAIN, 8, grey=_SOFT)
            self._canvas.drawString(_MARGIN, 28, self._foot)
            told = _composed(self._page_words(number, len(self._pages)))
            self._canvas.drawRightString(self._size[0] - _MARGIN, 28, told)
            self._canvas.showPage()
        self._canvas.save()
        return self._bytes.getvalue()

    def _row(self, drawn: _Table, row: Sequence[str], *, font: str, ruled: bool) -> None:
        height = drawn.height(row, font)
        self._room_for(height)
        top, left = self._y, float(_MARGIN)
        self._set(font, drawn.size)
        for cell, width, right in zip(
            drawn.cells(row, font), drawn.widths, drawn.right, strict=True
        ):
            for number, line in enumerate(cell):
                at = top - _PAD - drawn.size * (0.95 + number * _LEADING)
                if right:
                    self._canvas.drawRightString(left + width - _PAD, at, line)
                else:
                    self._canvas.drawString(left + _PAD, at, line)
            left += width
        self._drop(height)
        self._canvas.setStrokeGray(_SOFT if ruled else _RULE)
        self._canvas.setLineWidth(0.8 if ruled else 0.4)
        self._canvas.line(_MARGIN, self._y, _MARGIN + sum(drawn.widths), self._y)

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
            self._set(BOLD, 84, grey=_FAINT)
            self._canvas.drawCentredString(0, -28, _composed(self._mark))
            self._canvas.restoreState()

    def _keep_page(self) -> None:
        """Puts a page aside until it is known how many there are."""
        self._pages.append(dict(self._canvas.__dict__))
        self._canvas._startPage()  # type: ignore[attr-defined]  # noqa: SLF001  reportlab's known way


@dataclass(frozen=True, slots=True)
class _Table:
    widths: Sequence[float]
    right: Sequence[bool]
    size: float

    def cells(self, row: Sequence[str], font: str) -> list[list[str]]:
        """The lines of each cell."""
        return [
            list(folded(cell, font=font, size=self.size, width=width - 2 * _PAD))
            for cell, width in zip(row, self.widths, strict=True)
        ]

    def height(self, row: Sequence[str], font: str) -> float:
        """How high the row is."""
        lines = max((len(cell) for cell in self.cells(row, font)), default=1)
        return max(lines, 1) * self.size * _LEADING + 2 * _PAD


def folded(text: str, *, font: str, size: float, width: float) -> Iterator[str]:
    """The lines of a text that is folded at spaces; a word too long for a line is cut."""
    line = ""
    for word in _composed(text).split(" "):
        ahead = word if not line else f"{line} {word}"
        if pdfmetrics.stringWidth(ahead, font, size) <= width:
            line = ahead
            continue
        if line:
            yield line
        line = word
        while pdfmetrics.stringWidth(line, font, size) > width and len(line) > 1:
            head = _head(line, font, size, width)
            yield head
            line = line[len(head) :]
    if line:
        yield line


def _head(word: str, font: str, size: float, width: float) -> str:
    """As much of a word as fits, at least one letter."""
    end = 1
    while end < len(word) and pdfmetrics.stringWidth(word[: end + 1], font, size) <= width:
        end += 1
    return word[:end]


def _fitting(
    headings: Sequence[Heading], rows: Sequence[Sequence[str]], *, size: float, room: float
) -> _Table:
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
    return _Table(widths, [heading.numeric for heading in headings], size)


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
        needed.append(max(_NARROWEST, whole + (_APART if heading.numeric else 0)))
    return needed, least


def _widest(texts: Iterable[str], font: str, size: float) -> float:
    """The width of a column that folds none of these texts."""
    wide = max((pdfmetrics.stringWidth(text, font, size) for text in texts), default=0.0)
    return wide + 2 * _PAD + 1


def _composed(text: str) -> str:
    """A text in single characters, without control characters."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(c if c.isprintable() else " " for c in composed)


@cache
def _load_fonts() -> None:
    for name, file in ((PLAIN, "BeVietnamPro-Regular.ttf"), (BOLD, "BeVietnamPro-SemiBold.ttf")):
        pdfmetrics.registerFont(TTFont(name, str(_FONTS / file)))
