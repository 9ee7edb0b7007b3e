"""Tables of figures read or refused: each refusal with the row it stands on, and a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from payments.agencies import Kind, Node
from payments.core.words import knows, speaking
from payments.seed import read_units
from reconciliation.formats.refusals import UnreadableFile
from reconciliation.targets import coverage_sheet
from reconciliation.targets.coverage_refusals import CoverageRefused, reasons
from reconciliation.targets.coverage_sheet import Sheet
from reconciliation.targets.gazetteer import Gazetteer
from tests.coverage_files import HEADINGS, Q3, ROWS, csv_of, xlsx_of

UNITS = Gazetteer(
    [
        Node(number, one.code, one.name_vi, one.name_en, one.kind, one.parent, 0, verified=True)
        for number, one in enumerate(read_units().agencies)
        if one.kind is not Kind.DEPARTMENT
    ]
)
"""The province's 91 communes."""

WITH_QUARTER = ("Quý", *HEADINGS)


def read(content: bytes) -> Sheet:
    return coverage_sheet.read(content, UNITS, quarter=Q3)


def refused(content: bytes) -> list[tuple[int, str]]:
    """Each reason for which a file is refused: its row and code; none has no words."""
    with pytest.raises((CoverageRefused, UnreadableFile)) as caught:
        read(content)
    refusal = caught.value
    for language in ("vi", "en"):
        with speaking(language):
            assert all("{" not in told and told for told in reasons(refusal))
    rows = refusal.rows if isinstance(refusal, CoverageRefused) else (refusal,)
    assert all(knows(f"error.{one.code}") for one in rows)
    return [(int(str(one.fields["line"])), one.code) for one in rows]


def but(place: int, *row: Any) -> list[Sequence[Any]]:
    """The rows with another in place of one."""
    return [*ROWS[:place], row, *ROWS[place + 1 :]]


@pytest.mark.parametrize(
    "content", [csv_of(), csv_of(between=";"), csv_of(between="\t"), xlsx_of()]
)
def test_a_table_is_read_as_csv_or_workbook(content: bytes) -> None:
    """The same figures however they came."""
    sheet = read(content)
    assert [(one.agency, one.population, one.accounts) for one in sheet.figures] == [
        (code, population, accounts) for code, _, population, accounts in ROWS
    ]
    assert (sheet.population, sheet.accounts, sheet.totals) == (39_001, 29_000, 0)


def test_headings_may_be_english_in_another_order_and_below_a_title() -> None:
    """Columns are found by what stands over them; others are left alone."""
    headings = ("Report of the State Bank",)
    rows = [
        (),
        ("No.", "People with a payment account", "Population aged 15+ (people)", "Commune"),
        (1, "17,000", "20,000", "Hiep Thanh ward"),
        (),
        ("Prepared by",),
        ("", "", "", "Signed on 12 October 2026"),
    ]
    assert [one.accounts for one in read(csv_of(rows, headings=headings)).figures] == [17_000]


@pytest.mark.parametrize(
    "name",
    [
        "Phường Phú Lợi",
        "phuong phu loi",
        "P. Phú Lợi",
        "Phú Lợi",
        "UBND phường Phú Lợi",
        "Phu Loi Ward",
        "PHƯỜNG PHÚ LỢI",
    ],
)
def test_a_commune_is_known_by_any_usual_spelling(name: str) -> None:
    """With and without marks, rank, office."""
    rows = [(None, name, 10, 5)]
    assert [one.agency for one in read(csv_of(rows)).figures] == ["H09.25744"]


def test_a_commune_is_known_by_its_number_alone() -> None:
    """As the statistics office writes it; a workbook keeps it as a number."""
    assert [one.agency for one in read(xlsx_of([(25744, None, 10, 5)])).figures] == ["H09.25744"]


def test_words_below_the_table_are_no_rows() -> None:
    """Whatever column they stand in, if no figure stands beside them."""
    rows = [*ROWS, ("Ghi chú: số liệu đến 30/9/2026",), (None, "Người lập biểu")]
    assert len(read(csv_of(rows)).figures) == 4


def test_numbers_may_be_grouped() -> None:
    """By point, comma or space; a workbook's are taken as they are."""
    rows = but(0, "H09.25741", None, "20.000", "17,000")
    assert read(csv_of(rows)).population == 39_001
    assert read(xlsx_of(but(0, "H09.25741", None, 20_000.0, "17 000"))).accounts == 29_000


def test_totals_that_agree_are_counted_and_left_out() -> None:
    """A district's, by name or code, and the province's, whatever they are called."""
    rows = [
        (None, "Thành phố Thủ Dầu Một", "30.000", "24.000"),
        *ROWS[:2],
        ("H09.720", "Cộng huyện Dầu Tiếng", 9_001, 5_000),
        *ROWS[2:],
        (None, "Tổng cộng", 39_001, 29_000),
    ]
    sheet = read(csv_of(rows))
    assert (len(sheet.figures), sheet.totals) == (4, 3)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", [(1, "empty_table")], id="nothing"),
        pytest.param(b"\r\n \r\n", [(1, "empty_table")], id="blank lines"),
        pytest.param(csv_of([]), [(1, "empty_table")], id="headings alone"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", [(1, "not_a_table")], id="a PDF"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0", [(1, "not_a_table")], id="a picture"),
        pytest.param("Tên;Số".encode("utf-16"), [(1, "not_a_table")], id="another encoding"),
        pytest.param(b"PK\x03\x04rest", [(1, "unreadable_workbook")], id="a damaged workbook"),
        pytest.param(b"hello\n", [(1, "columns_missing")], id="a text"),
        pytest.param(csv_of(headings=HEADINGS[:3]), [(1, "columns_missing")], id="no accounts"),
        pytest.param(csv_of(headings=HEADINGS[:3] * 2), [(1, "columns_missing")], id="twice"),
        pytest.param(
            csv_of(headings=(*HEADINGS, HEADINGS[2])), [(1, "column_repeated")], id="repeated"
        ),
        pytest.param(b"x" * (2 << 20) + b"x", [(1, "figures_too_large")], id="too large"),
        pytest.param(csv_of([()] * 2_000 + [*ROWS]), [(2001, "figures_too_large")], id="too long"),
        pytest.param(csv_of() + b'"H09', [(6, "cut_file")], id="cut"),
    ],
)
def test_a_file_that_is_no_table_of_figures_is_refused(
    content: bytes, expected: list[tuple[int, str]]
) -> None:
    """By what it is, before any row is judged."""
    assert refused(content) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(but(1, "H09.99999", "", 9, 5), [(3, "unknown_commune")], id="unknown code"),
        pytest.param(but(1, "", "Kẻ Bàng", 9, 5), [(3, "unknown_commune")], id="unknown name"),
        pytest.param(but(1, "", "P. Phú Lợii", 9, 5), [(3, "misspelt_commune")], id="misspelt"),
        pytest.param(but(1, "", "Dầu Tiếng", 9, 5), [(3, "ambiguous_commune")], id="two of a name"),
        pytest.param(
            but(1, "H09.25744", "Xã Minh Hòa", 9, 5),
            [(3, "code_and_name_differ")],
            id="not its code",
        ),
        pytest.param([*ROWS, ("25741", "", 9, 5)], [(6, "commune_repeated")], id="a commune twice"),
        pytest.param(but(1, "H09.25744", "", 9, ""), [(3, "figure_missing")], id="no figure"),
        pytest.param(but(1, "H09.25744", "", -9, 5), [(3, "negative_count")], id="negative"),
        pytest.param(but(1, "H09.25744", "", 9.5, 5), [(3, "fractional_count")], id="a fraction"),
        pytest.param(but(1, "H09.25744", "", "9,5", 5), [(3, "fractional_count")], id="a half"),
        pytest.param(but(1, "H09.25744", "", 10**8, 5), [(3, "implausible_count")], id="huge"),
        pytest.param(but(1, "H09.25744", "", "nine", 5), [(3, "not_a_count")], id="words"),
        pytest.param(but(1, "H09.25744", "", 0, 0), [(3, "nobody_lives_there")], id="nobody"),
        pytest.param(
            but(1, "H09.25744", "", 9, 10), [(3, "more_accounts_than_people")], id="too many"
        ),
        pytest.param(
            [*ROWS, ("", "Tổng cộng", 39_001, 29_001)], [(6, "total_disagrees")], id="a total"
        ),
        pytest.param(
            [*ROWS, ("718", "", 30_001, 23_999)],
            [(6, "total_disagrees"), (6, "total_disagrees")],
            id="a district's total",
        ),
        pytest.param(but(1, "2026Q3", "Phú Lợi", 9, 5), [(3, "quarter_misplaced")], id="misplaced"),
        pytest.param(
            [(code, name, accounts, people) for code, name, people, accounts in ROWS],
            [(2, "columns_swapped")],
            id="swapped columns",
        ),
    ],
)
def test_a_row_that_cannot_be_right_is_refused(
    rows: list[Sequence[Any]], expected: list[tuple[int, str]]
) -> None:
    """With its row and the reason, in a CSV and in a workbook alike."""
    assert refused(csv_of(rows)) == expected
    assert refused(xlsx_of(rows)) == expected


def test_every_wrong_row_is_told_at_once() -> None:
    """So that the file is mended once."""
    rows = [("H09.1", "", 9, 5), *ROWS[1:3], ("H09.25780", "", "-", 5)]
    assert refused(csv_of(rows)) == [(2, "unknown_commune"), (5, "not_a_count")]


def test_a_formula_is_a_text() -> None:
    """It is never calculated here, whoever wrote it."""
    rows = but(1, "H09.25744", "", "=1+1", 5)
    assert refused(csv_of(rows)) == [(3, "not_a_count")]
    assert refused(xlsx_of(rows)) == [(3, "formula_without_value")]


@pytest.mark.parametrize(
    ("quarter", "expected"),
    [
        ("Quý II/2026", [(2, "other_quarter")]),
        ("25741", [(2, "quarter_unreadable")]),
        ("quý trước", [(2, "quarter_unreadable")]),
    ],
)
def test_a_row_of_another_quarter_is_refused(quarter: str, expected: list[tuple[int, str]]) -> None:
    """Where the file names quarters, each is the one it was brought for."""
    rows = [(quarter, *ROWS[0]), *(("2026Q3", *row) for row in ROWS[1:])]
    assert refused(csv_of(rows, headings=WITH_QUARTER)) == expected


def test_a_quarter_in_the_column_of_codes_is_told() -> None:
    """And the code in that of quarters."""
    rows = [(25741, "2026Q3", "Phường Hiệp Thành", 9, 5)]
    assert refused(csv_of(rows, headings=WITH_QUARTER)) == [(2, "quarter_misplaced")]


def test_a_refusal_is_a_sentence_with_row_and_reason() -> None:
    """As a clerk reads it."""
    with pytest.raises(CoverageRefused) as caught:
        read(csv_of(but(1, "", "P. Phú Lợii", 9, 5)))
    assert reasons(caught.value) == [
        "Dòng 3: không có đơn vị “P. Phú Lợii”. Có phải là “Phường Phú Lợi”?"
    ]
    with pytest.raises(CoverageRefused) as caught:
        read(csv_of([*ROWS, ("", "Tổng cộng", 39_001, 28_000)]))
    assert reasons(caught.value) == [
        (
            "Dòng 6: tổng của Tỉnh Bình Dương ở cột “Số người có tài khoản thanh toán” ghi "
            "28.000, cộng các xã trong tệp được 29.000 (chênh 1.000)."
        )
    ]
