"""What other programs read in a paper: its text, where words stand, and how a page looks."""

from __future__ import annotations

import io
import re
import shutil
import subprocess

import pytest
from PIL import Image

needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="apt-get install poppler-utils"
)


def text_of(paper: bytes) -> str:
    """The text of a paper, laid out as on its pages."""
    return _read("pdftotext", "-layout", "-", "-", paper=paper).decode()


def places_of(paper: bytes, word: str) -> list[tuple[float, float]]:
    """Where a word stands: from the left and from the top, in points."""
    boxes = _read("pdftotext", "-bbox", "-", "-", paper=paper).decode()
    found = re.findall(rf'xMin="([\d.]+)" yMin="([\d.]+)"[^>]*>{re.escape(word)}<', boxes)
    return [(float(x), float(y)) for x, y in found]


def picture_of(paper: bytes, *, page: int = 1, dpi: int = 50) -> Image.Image:
    """A page as a grey picture."""
    drawn = _read(
        "pdftoppm", "-r", str(dpi), "-png", "-f", str(page), "-l", str(page), "-", paper=paper
    )
    return Image.open(io.BytesIO(drawn)).convert("L")


def _read(*command: str, paper: bytes) -> bytes:
    return subprocess.run(command, input=paper, capture_output=True, check=True).stdout
