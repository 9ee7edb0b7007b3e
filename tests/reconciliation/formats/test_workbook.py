"""Workbooks cell by cell: what Excel, openpyxl and xlsxwriter write, and what nobody should."""

from __future__ import annotations

import zipfile
from io import BytesIO

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from reconciliation.formats import UnreadableFile, workbook
from reconciliation.formats.package import FREE_OF_RATIO
from reconciliation.formats.workbook import MOST_ROWS, MOST_TEXT, Number
from tests.statement_files import as_xlsx, rows

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
BOOK = (
    f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>'
    '<sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>'
)
PARTS = {
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="x" '
    f'Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": BOOK,
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">'
    f'<Relationship Id="r1" Type="{LINKS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{LINKS}/worksheet" Target="/xl/worksheets/sheet2.xml"/>'
    f'<Relationship Id="r3" Type="{LINKS}/sharedStrings" Target="SharedStrings.xml"/>'
    "</Relationships>",
    "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t> one </t></si>'
    "<si><r><t>TTHC01</t></r>\n  <r><rPr><b/></rPr><t>234</t></r><rPh><t>x</t></rPh></si></sst>",
}


def sheet(inside: str, *, prefix: str = "") -> str:
    named = f":{prefix}" if prefix else ""
    body = f"<worksheet><sheetData>{inside}</sheetData></worksheet>"
    if prefix:
        body = body.replace("</", "\0").replace("<", f"<{prefix}:").replace("\0", f"</{prefix}:")
    return body.replace("worksheet>", f'worksheet xmlns{named}="{MAIN}">', 1)


def packed(parts: dict[str, str], packing: int = zipfile.ZIP_DEFLATED) -> BytesIO:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return stream


def book(inside: str, **other: str) -> BytesIO:
    return packed(PARTS | {"xl/worksheets/sheet1.xml": sheet(inside)} | other)


def read(stream: BytesIO) -> list[tuple[int, list[str]]]:
    return list(workbook.rows(stream))


def refusal(stream: BytesIO) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as refused:
        read(stream)
    return refused.value


def test_every_kind_of_cell_is_read():
    """Shared, inline and formula texts, numbers digit by digit, truth values, blanks."""
    inside = (
        '<row r="2"><c r="B2" t="s"><v>0</v></c><c r="C2" t="s"><v>1</v></c>'
        '<c r="E2"><v>12345678901234567</v></c><c t="str"><f>A1&amp;"x"</f><v>ax</v></c>'
        '<c r="G2" t="inlineStr"><is><t>in_x000D_line</t></is></c><c r="H2" s="1"/>'
        '<c r="I2"><f>1+1</f><v>2</v></c><c r="J2" t="b"><v>1</v></c></row><row/>'
    )
    [(row, cells), blank] = read(book(inside))
    assert (row, blank) == (2, (3, []))
    assert cells == [
        "", "one", "TTHC01234", "", "12345678901234567", "ax", "in\rline", "", "2", "TRUE",
    ]  # fmt: skip
    assert [type(cell) for cell in cells if isinstance(cell, Number)] == [Number] * 3


def test_elements_may_have_a_prefix():
    """Some generators write x:row."""
    cell = sheet('<row r="1"><c r="A1"><v>7</v></c></row>', prefix="x")
    parts = PARTS | {"xl/worksheets/sheet1.xml": cell}
    assert read(packed(parts)) == [(1, ["7"])]


@pytest.mark.parametrize(
    ("inside", "code", "line"),
    [
        ('<row r="3"><c r="A3"><f>1+1</f></c></row>', "uncalculated_formula", 3),
        ('<row r="3"><c r="A3"><f>1+1</f><v></v></c></row>', "uncalculated_formula", 3),
        ('<row r="3"><c r="A3" t="e"><v>#N/A</v></c></row>', "uncalculated_formula", 3),
        ('<row r="3"><c r="A3" t="s"><v>2</v></c></row>', "unreadable_workbook", 3),
        ('<row r="3"><c r="A3" t="s"><v>-1</v></c></row>', "unreadable_workbook", 3),
        ('<row r="3"><c r="A3" t="zz"><v>1</v></c></row>', "unreadable_workbook", 3),
        ('<row r="3"><c r="A3"/><c r="A3"/></row>', "unreadable_workbook", 3),
        ('<row r="3"><c r="B3"/><c r="A3"/></row>', "unreadable_workbook", 3),
        ('<row r="3"><c r="1"/></row>', "unreadable_workbook", 3),
        ('<row r="3"/><row r="3"/>', "unreadable_workbook", 4),
        ('<row r="0"/>', "unreadable_workbook", 1),
        ('<row r="x"/>', "unreadable_workbook", 1),
        ('<row r="1"><row r="2"/></row>', "unreadable_workbook", 2),
        ('<c r="A1"><v>1</v></c>', "unreadable_workbook", 1),
        ('<row r="1"><c r="XFD1"><v>1</v></c></row>', "unreadable_workbook", 1),
        ('<row r="1048577"/>', "unreadable_workbook", 1),
        (f'<row><c t="inlineStr"><is><t>{"x" * 5_000}</t></is></c></row>', "file_too_large", 1),
    ],
)
def test_a_cell_that_cannot_be_is_refused_with_its_row(inside, code, line):
    """An unstored value, an unknown string, cells out of order: nothing is taken for empty."""
    refused = refusal(book(inside))
    assert (refused.code, refused.fields["line"]) == (code, line)


def test_one_sheet_holds_the_statement():
    """Empty and hidden sheets are passed over; two that hold something are refused."""
    two = BOOK.replace("</sheets>", '<sheet name="B" sheetId="2" r:id="r2"/></sheets>')
    filled = sheet('<row r="1"><c r="A1"><v>7</v></c></row>')
    parts = PARTS | {
        "xl/workbook.xml": two,
        "xl/worksheets/sheet1.xml": sheet("<row/>"),
        "xl/worksheets/sheet2.xml": filled,
    }
    assert read(packed(parts)) == [(1, ["7"])]
    parts["xl/worksheets/sheet1.xml"] = filled
    assert refusal(packed(parts)).code == "several_sheets"
    parts["xl/workbook.xml"] = two.replace('r:id="r2"', 'state="hidden" r:id="r2"')
    assert read(packed(parts)) == [(1, ["7"])]


@pytest.mark.parametrize("missing", [*PARTS, "xl/worksheets/sheet1.xml"])
def test_a_workbook_without_one_of_its_parts_is_refused(missing):
    """Each part is needed to know what the others mean."""
    parts = PARTS | {"xl/worksheets/sheet1.xml": sheet("<row/>")}
    del parts[missing]
    assert refusal(packed(parts)).code == "unreadable_workbook"


def test_what_is_not_a_workbook_is_refused():
    """A ZIP of something else, a broken one, one in a packing nobody uses, a part of two names."""
    assert refusal(packed({"a.txt": "a"})).code == "unreadable_workbook"
    assert refusal(BytesIO(b"PK\3\4")).code == "unreadable_workbook"
    assert refusal(packed(PARTS, zipfile.ZIP_LZMA)).code == "unreadable_workbook"
    assert refusal(book("<row/>", **{"XL/workbook.xml": BOOK})).code == "unreadable_workbook"
    assert refusal(book("<row>")).code == "malformed_xml"
    assert refusal(book("</sheetData></worksheet><!--")).code in {"malformed_xml", "cut_file"}


def test_a_damaged_part_is_refused():
    """The checksum is proved at the end of each part."""
    content = bytearray(as_xlsx(rows([])))
    at = content.index(b"xl/worksheets/sheet1.xml") + 60
    content[at] ^= 0x40
    assert refusal(BytesIO(bytes(content))).code in {"unreadable_workbook", "malformed_xml"}


TABLES = st.lists(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=40)
        | st.integers(-(10**15), 10**15),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
    max_size=8,
)


def with_openpyxl(table) -> BytesIO:
    book = openpyxl.Workbook()
    for number, row in enumerate(table, start=1):
        for column, value in enumerate(row, start=1):
            cell = book.active.cell(number, column)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"
    stream = BytesIO()
    book.save(stream)
    return stream


def plain(cell) -> str:
    return (str(int(cell)) if isinstance(cell, float) else str(cell)).strip()


def trimmed(rows) -> list[list[str]]:
    """Rows without the blanks at their ends, and without blank rows."""
    found = []
    for row in rows:
        cells = [plain(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            found.append(cells)
    return found


@pytest.mark.parametrize("write", [lambda table: BytesIO(as_xlsx(table)), with_openpyxl])
@given(table=TABLES)
def test_what_two_libraries_write_is_read_and_a_third_reads_the_same(write, table):
    """xlsxwriter and openpyxl write it, python-calamine is asked too."""
    stream = write(table)
    ours = trimmed(cells for _, cells in read(stream))
    assert ours == trimmed(table)
    if "_x" not in str(table):  # which calamine does not undo
        stream.seek(0)
        theirs = CalamineWorkbook.from_filelike(stream).get_sheet_by_index(0)
        assert ours == trimmed(theirs.to_python(skip_empty_area=False))


def test_a_formula_that_excel_has_calculated_is_read():
    """xlsxwriter stores the value beside the formula."""
    stream = BytesIO()
    with xlsxwriter.Workbook(stream) as written:
        written.add_worksheet().write_formula(0, 0, "=1+1", None, 2)
    assert read(stream) == [(1, ["2"])]


def tightly(size: int) -> BytesIO:
    """A workbook whose sheet unpacks to so many bytes, nearly all of them spaces."""
    filled = sheet('<row r="1"><c r="A1"><v>7</v></c></row>')
    return packed(PARTS | {"xl/worksheets/sheet1.xml": filled + " " * (size - len(filled))})


def test_the_last_of_what_is_taken_is_taken():
    """The row, the text and the tightest packing just within their limits."""
    assert read(book(f'<row r="{MOST_ROWS}"><c r="A{MOST_ROWS}"><v>7</v></c></row>')) == [
        (MOST_ROWS, ["7"])
    ]
    longest = "x" * MOST_TEXT
    assert read(book(f'<row><c t="inlineStr"><is><t>{longest}</t></is></c></row>')) == [
        (1, [longest])
    ]
    assert read(tightly(FREE_OF_RATIO)) == [(1, ["7"])]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lambda: book(f'<row r="{MOST_ROWS + 1}"/>'), "unreadable_workbook"),
        (
            lambda: book(
                f'<row><c t="inlineStr"><is><t>{"x" * (MOST_TEXT + 1)}</t></is></c></row>'
            ),
            "file_too_large",
        ),
        (lambda: tightly(FREE_OF_RATIO + 1), "packed_too_tightly"),
    ],
    ids=["row", "text", "packing"],
)
def test_the_first_that_is_too_much_is_refused(content, code):
    """One more of each is refused."""
    assert refusal(content()).code == code
