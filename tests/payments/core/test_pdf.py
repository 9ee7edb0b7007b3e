"""Papers as PDF: the same bytes twice, Vietnamese as text, nothing lost at the end of a page."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import unicodedata

import pytest
from PIL import Image

from payments.core import pdf
from payments.core.pdf import Paper, Signature
from payments.core.sheets import Heading, Kind

EVERY_LETTER = (
    "aàảãáạăằẳẵắặâầẩẫấậeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵđ"
    "AÀẢÃÁẠĂẰẲẴẮẶÂẦẨẪẤẬEÈẺẼÉẸÊỀỂỄẾỆIÌỈĨÍỊOÒỎÕÓỌÔỒỔỖỐỘƠỜỞỠỚỢUÙỦŨÚỤƯỪỬỮỨỰYỲỶỸÝỴĐ₫"
)
needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="apt-get install poppler-utils"
)


def a_paper(rows: int = 3, *, mark: str | None = None, words: str = EVERY_LETTER) -> bytes:
    """A paper with a paragraph, a table and two places to sign."""
    paper = Paper("Biên bản", foot="Sở mẫu", page_words=lambda n, of: f"Trang {n}/{of}", mark=mark)
    paper.centred("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", font=pdf.BOLD)
    paper.words(words)
    paper.table(
        [Heading("Khoản"), Heading("Số tiền", Kind.AMOUNT)],
        [(f"dòng {number}", f"{number}.000") for number in range(rows)],
        total=("Cộng", "9.999"),
    )
    paper.signatures([Signature("NGƯỜI LẬP", "(ký)", ""), Signature("KIỂM SOÁT", "(ký)", "Bà B")])
    return paper.finish()


def text_of(paper: bytes) -> str:
    """What another program reads in it."""
    return subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=paper, capture_output=True, check=True
    ).stdout.decode()


def test_the_same_content_is_the_same_bytes() -> None:
    """Drawn twice, a paper can be compared by its digest; another content is another file."""
    assert a_paper() == a_paper()
    assert a_paper() != a_paper(rows=4)


def test_only_our_own_fonts_are_named() -> None:
    """Both are embedded; no reader puts another in their place."""
    named = set(re.findall(rb"/BaseFont /(?:\w+\+)?([\w-]+)", a_paper()))
    assert named == {b"BeVietnamPro-Regular", b"BeVietnamPro-SemiBold"}


@needs_poppler
def test_every_vietnamese_letter_is_there_as_text() -> None:
    """Also where it came taken apart into letter and marks."""
    apart = unicodedata.normalize("NFD", EVERY_LETTER)
    shown = "".join(text_of(a_paper(words=apart)).split())
    assert EVERY_LETTER in shown


@needs_poppler
def test_a_long_table_repeats_its_heading_and_loses_no_row() -> None:
    """Each page says which it is, and each begins with the headings."""
    text = text_of(a_paper(rows=120))
    pages = text.split("\f")[:-1]
    assert [f"Trang {n}/{len(pages)}" in page for n, page in enumerate(pages, 1)] == [True] * len(
        pages
    )
    assert all("Số tiền" in page for page in pages[:-1])
    assert re.findall(r"dòng (\d+)", text) == [str(number) for number in range(120)]
    assert "Bà B" in pages[-1]


@needs_poppler
def test_a_draft_is_marked_on_every_page() -> None:
    """And a paper that is none is not."""
    assert "BẢN NHÁP" not in text_of(a_paper(rows=120))
    drawn = a_paper(rows=120, mark="BẢN NHÁP")
    pages = text_of(drawn).split("\f")[:-1]
    assert len(pages) > 2
    assert all(set("BẢN NHÁP") <= set(page) for page in pages)


def test_a_word_too_long_for_its_column_is_cut_not_lost() -> None:
    """A digest of 64 signs stays whole when its lines are put together."""
    digest = "0123456789abcdef" * 4
    a_paper()
    lines = list(pdf.folded(f"tệp {digest} xong", font=pdf.PLAIN, size=9, width=80))
    assert "".join(lines).replace(" ", "") == f"tệp{digest}xong"


@needs_poppler
def test_a_paper_can_be_drawn() -> None:
    """By another program, with ink on it and white around it."""
    picture = subprocess.run(
        ["pdftoppm", "-r", "50", "-png", "-f", "1", "-l", "1", "-"],
        input=a_paper(),
        capture_output=True,
        check=True,
    ).stdout
    drawn = Image.open(io.BytesIO(picture)).convert("L")
    assert (drawn.width, drawn.height) == (414, 585)
    assert drawn.getextrema() == pytest.approx((26, 255), abs=30)
