"""Papers as PDF: the same bytes twice, Vietnamese as text, nothing lost at the end of a page."""

from __future__ import annotations

import re
import unicodedata

import pytest
import zxingcpp

from payments import vietqr
from payments.core import pdf
from payments.core.pdf import Paper, Signature
from payments.core.sheets import Heading, Kind
from tests.papers import needs_poppler, picture_of, places_of, text_of

EVERY_LETTER = (
    "aàảãáạăằẳẵắặâầẩẫấậeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵđ"
    "AÀẢÃÁẠĂẰẲẴẮẶÂẦẨẪẤẬEÈẺẼÉẸÊỀỂỄẾỆIÌỈĨÍỊOÒỎÕÓỌÔỒỔỖỐỘƠỜỞỠỚỢUÙỦŨÚỤƯỪỬỮỨỰYỲỶỸÝỴĐ₫"
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
    drawn = picture_of(a_paper())
    assert (drawn.width, drawn.height) == (414, 585)
    assert drawn.getextrema() == pytest.approx((26, 255), abs=30)


@needs_poppler
def test_a_symbol_is_read_off_the_paper_and_words_stand_beside_it() -> None:
    """Also at the bottom of a page, where it goes to the next one whole."""
    paper = Paper("Mã", foot="", page_words=lambda n, of: "")
    paper.gap(600)
    with paper.symbol(vietqr.symbol("TTHC1234567894"), side=170):
        paper.words("bên cạnh " * 8)
    paper.words("bên dưới")
    assert paper.pages == 2
    made = paper.finish()
    [found] = zxingcpp.read_barcodes(picture_of(made, page=2, dpi=150))
    assert found.text == "TTHC1234567894"
    beside, below = places_of(made, "cạnh"), places_of(made, "dưới")
    assert len(beside) == 8
    assert all(x > 42 + 170 and y < 42 + 170 for x, y in beside)
    assert all(x < 42 + 170 and y > 42 + 170 for x, y in below)
