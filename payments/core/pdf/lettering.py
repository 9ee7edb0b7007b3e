"""Letters on paper: the two faces, texts composed for them, and folded to a width."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

PLAIN: Final = "BeVietnamPro"
BOLD: Final = "BeVietnamPro-SemiBold"

LEADING: Final = 1.4
"""From one line to the next, in sizes of the letters."""

_FONTS: Final = Path(__file__).parents[1] / "fonts"


def folded(text: str, *, font: str, size: float, width: float) -> Iterator[str]:
    """The lines of a text that is folded at spaces; a word too long for a line is cut."""
    line = ""
    for word in composed(text).split(" "):
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


def composed(text: str) -> str:
    """A text in single characters, without control characters."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(c if c.isprintable() else " " for c in composed)


@cache
def load_fonts() -> None:
    """Makes the two faces known to reportlab, once."""
    for name, file in ((PLAIN, "BeVietnamPro-Regular.ttf"), (BOLD, "BeVietnamPro-SemiBold.ttf")):
        pdfmetrics.registerFont(TTFont(name, str(_FONTS / file)))
