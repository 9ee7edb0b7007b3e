"""Old workbooks (.xls) cell by cell, beside a second library, and those made to hurt."""

from __future__ import annotations

import random
import struct
from datetime import date
from io import BytesIO

import pytest
import xlwt
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from reconciliation.formats import UnreadableFile, biff, compound
from reconciliation.formats.biff_strings import texts
from reconciliation.formats.workbook import Number
from tests.bank_sheets import as_xls
from tests.mutations import mutated

RK = b"\x7e\x02\x0a\x00"


def read(content: bytes) -> list[tuple[int, list[str]]]:
    return list(biff.rows(BytesIO(content)))


def refusal(content: bytes) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as refused:
        read(content)
    return refused.value


def saved(book: xlwt.Workbook) -> bytes:
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def one_sheet() -> tuple[xlwt.Workbook, xlwt.Worksheet]:
    book = xlwt.Workbook(encoding="utf-8")
    return book, book.add_sheet("A")


def test_every_kind_of_cell_is_read():
    """Texts, numbers in their several codings, truth values, blanks and date cells."""
    book, sheet = one_sheet()
    day = xlwt.easyxf(num_format_str="dd/mm/yyyy")
    row = [" Nội dung ", "007", 50_000, 0.1, -1.25, 1_234_567_890_123, True, None, "x"]
    for column, cell in enumerate(row):
        sheet.write(3, column, cell)
    sheet.write(4, 0, date(2026, 11, 24), day)
    sheet.write(4, 1, 12_345_678_901_234_567)
    [(third, cells), (_, (serial, long))] = read(saved(book))
    assert third == 4
    assert cells == [
        "Nội dung", "007", "50000", "0.1", "-1.25", "1234567890123", "TRUE", "", "x",
    ]  # fmt: skip
    assert [type(cell) for cell in cells[2:6]] == [Number] * 4
    assert (serial, long) == ("46350", "12345678901234568")


SHORT = [
    (200_000 << 2 | 2, "200000"),
    (-1 << 2 | 2, "-1"),
    (0 << 2 | 3, "0"),
    (12_345 << 2 | 3, "123.45"),
    (0x3FF00000, "1"),
    (0x3FF00000 | 1, "0.01"),
]


@pytest.mark.parametrize(("told", "number"), SHORT)
def test_short_numbers_are_decoded(told, number):
    """Integers of 30 bits, halves of doubles, and hundredths of both ([MS-XLS] 2.5.122)."""
    book, sheet = one_sheet()
    sheet.write(0, 0, 50_000)
    content = bytearray(saved(book))
    at = content.index(RK) + 10
    content[at : at + 4] = struct.pack("<i", told)
    assert read(bytes(content)) == [(1, [number])]


def test_an_error_cell_is_refused():
    """The library measured takes #N/A for a blank cell."""
    book, sheet = one_sheet()
    sheet.write(0, 0, "x")
    sheet.row(2).set_cell_error(0, 0x2A)
    content = saved(book)
    assert (refusal(content).code, refusal(content).fields["line"]) == ("uncalculated_formula", 3)
    assert [*CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()][
        2
    ] == [""]


def test_a_formula_needs_its_stored_value():
    """A value, a text or a truth is read as it was calculated; none is a refusal."""
    book, sheet = one_sheet()
    sheet.write(0, 0, xlwt.Formula("1+1"))
    content = bytearray(saved(book))
    assert refusal(bytes(content)).code == "uncalculated_formula"
    at = content.index(struct.pack("<Q", 0xFFFF000000000003))
    content[at : at + 8] = struct.pack("<d", 2)
    assert read(bytes(content)) == [(1, ["2"])]
    content[at : at + 8] = b"\1\0\1\0\0\0\xff\xff"
    assert read(bytes(content)) == [(1, ["TRUE"])]
    for stored in (b"\0\0\0\0\0\0\xff\xff", b"\2\0\x2a\0\0\0\xff\xff"):
        content[at : at + 8] = stored
        assert refusal(bytes(content)).code == "uncalculated_formula"


def test_one_sheet_holds_the_statement():
    """Empty and hidden sheets are passed over; two that hold something are refused."""
    book, sheet = one_sheet()
    sheet.write(1, 1, "x")
    book.add_sheet("B")
    hidden = book.add_sheet("C")
    hidden.write(0, 0, "y")
    hidden.visibility = 1
    assert read(saved(book)) == [(2, ["", "x"])]
    hidden.visibility = 0
    assert refusal(saved(book)).code == "several_sheets"


def changed(content: bytes, old: bytes, new: bytes, *, after: int = 512) -> bytes:
    at = content.index(old, after)
    return content[:at] + new + content[at + len(old) :]


def a_book() -> bytes:
    book, sheet = one_sheet()
    for row in range(3):
        for column in range(3):
            sheet.write(row, column, f"t{row}{column}" if column else 1.5 + row)
    return saved(book)


RECORDS = {
    "another version": ("0908 1000 0006", "0908 1000 0005"),
    "encrypted": ("4200 0200 b004", "2f00 0200 b004"),
    "days from 1904": ("2200 0200 0000", "2200 0200 0100"),
    "a string beyond the last": ("fd00 0a00 0000 0100 1100 0000", "fd00 0a00 0000 0100 1100 ff00"),
    "no workbook": ("57 006f 0072 006b 0062", "57 006f 0072 006b 0063"),
}


@pytest.mark.parametrize(("old", "new"), RECORDS.values(), ids=RECORDS)
def test_a_record_that_cannot_be_is_refused(old, new):
    """Excel 95, a password, another count of days, a text that is not there."""
    damaged = changed(a_book(), bytes.fromhex(old), bytes.fromhex(new))
    assert refusal(damaged).code == "unreadable_workbook"


def test_two_cells_far_apart_cost_nothing():
    """The library measured asks for 137 GB and ends the process; ours goes row by row."""
    book, sheet = one_sheet()
    sheet.write(0, 0, 1)
    sheet.write(65_535, 255, 2)
    content = saved(book)
    assert [(row, len(cells)) for row, cells in read(content)] == [(1, 1), (65_536, 256)]
    at = content.rindex(RK)
    far = content[: at + 4] + struct.pack("<HH", 65_535, 65_535) + content[at + 8 :]
    assert refusal(far).code == "unreadable_workbook"


def test_rows_out_of_order_and_cells_told_twice_are_refused():
    """Which of two cells A1 is the bank's?"""
    content = a_book()
    places = [at for at in range(len(content)) if content.startswith(RK, at)]
    back = bytearray(content)
    back[places[-1] + 4 : places[-1] + 6] = b"\0\0"
    assert refusal(bytes(back)).code == "unreadable_workbook"
    twice = changed(
        content, b"\xfd\x00\x0a\x00\x00\x00\x02\x00", b"\xfd\x00\x0a\x00\x00\x00\x01\x00"
    )
    assert refusal(twice).code == "unreadable_workbook"


def test_texts_go_on_in_the_next_record():
    """Within a text, narrow letters may go on as wide ones; runs and phonetics are passed over."""
    head = struct.pack("<II", 3, 3)
    rich = struct.pack("<HBH", 2, 8, 1) + b"ab" + b"\0" * 4
    extended = struct.pack("<HBI", 1, 5, 6) + "ộ".encode("utf-16-le") + b"\0" * 6
    first = head + rich + extended[:-3]
    split = struct.pack("<HB", 4, 0) + b"xy"
    parts = [first, extended[-3:] + split, b"\1" + "ổz".encode("utf-16-le")]
    assert texts(parts) == ["ab", "ộ", "xyổz"]
    with pytest.raises(UnreadableFile):
        texts(parts[:2])


TABLES = st.lists(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=60)
        | st.integers(-(10**14), 10**14),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
    max_size=8,
)


def plain(cell: object) -> str:
    return (str(int(cell)) if isinstance(cell, float) else str(cell)).strip()


def trimmed(rows) -> list[list[str]]:
    found = []
    for row in rows:
        cells = [plain(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            found.append(cells)
    return found


@given(table=TABLES)
def test_what_is_written_is_read_and_a_second_library_reads_the_same(table):
    """xlwt writes it, python-calamine is asked too."""
    content = as_xls(table)
    ours = trimmed(cells for _, cells in read(content))
    assert ours == trimmed(table)
    theirs = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0)
    assert ours == trimmed(theirs.to_python(skip_empty_area=False))


def test_many_texts_are_read_over_the_ends_of_records():
    """Of 3,000 texts, narrow and wide, several lie across two records."""
    chance = random.Random(1)
    table = [
        ["".join(chance.choices("abc đổi ộ 0123", k=chance.randint(1, 90))).strip(), f"x{n}"]
        for n in range(3_000)
    ]
    table = [[a or "-", b] for a, b in table]
    assert [cells for _, cells in read(as_xls(table))] == table


def test_a_cut_or_damaged_workbook_is_refused_or_read():
    """Cut at every 64th byte, and 2,000 times damaged: never another error."""
    content = as_xls([["đổi", n, "x" * n] for n in range(40)])
    chance = random.Random(2)
    damaged = [content[:end] for end in range(8, len(content), 64)]
    damaged += [mutated(content, chance) for _ in range(2_000)]
    outcomes = set()
    for one in damaged:
        try:
            outcomes.add(bool(read(one)))
        except UnreadableFile as refused:
            outcomes.add((refused.code, refused.fields["line"] >= 1))
    assert ("unreadable_workbook", True) in outcomes
    assert {at_line for _, at_line in outcomes - {True, False}} == {True}


def sector(number: int) -> int:
    return 512 * (number + 1)


HEADERS = [
    ("sectors of another size", 30, b"\x0c\0"),
    ("another order of bytes", 28, b"\xff\xff"),
    ("a directory that is not there", 48, b"\xf0\xff\0\0"),
    ("another bound of small streams", 56, b"\0\0\0\0"),
    ("a list of sectors that is not there", 68, b"\xf0\xff\0\0"),
]


@pytest.mark.parametrize(("at", "value"), [row[1:] for row in HEADERS], ids=[r[0] for r in HEADERS])
def test_a_header_that_contradicts_itself_is_refused(at, value):
    """Nothing is looked for where the file cannot have it."""
    content = a_book()
    damaged = content[:at] + value + content[at + len(value) :]
    assert refusal(damaged).code == "unreadable_workbook"


def test_a_chain_in_a_circle_is_refused():
    """Each sector names the next; one that names itself would never end."""
    content = bytearray(a_book())
    fat = sector(struct.unpack_from("<I", content, 76)[0])
    content[fat : fat + 4] = struct.pack("<I", 0)
    assert refusal(bytes(content)).code == "unreadable_workbook"


def test_small_streams_lie_in_small_sectors():
    """A workbook below 4,096 bytes is kept in sectors of 64, as other programs than xlwt do."""
    stream = compound.Compound(BytesIO(a_book())).stream("Workbook")
    assert stream is not None
    ends = stream.rindex(b"\x0a\0\0\0") + 4
    assert read(in_small_sectors(stream[:ends])) == read(a_book())


def in_small_sectors(stream: bytes) -> bytes:
    """A compound file: FAT, directory, mini FAT, then the mini stream, each from its sector."""
    free, end = 0xFFFFFFFF, 0xFFFFFFFE
    minis = -(-len(stream) // 64)
    big = -(-minis * 64 // 512)
    fat = [0xFFFFFFFD, end, end, *(n + 4 for n in range(big - 1)), end]
    mini_fat = [*range(1, minis), end]
    entries = entry("Root Entry", 5, child=1, start=3, size=minis * 64)
    entries += entry("Workbook", 2, child=free, start=0, size=len(stream))
    head = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII", compound.SIGNATURE, 0x3E, 3, 0xFFFE, 9, 6,
        0, 1, 1, 0, 4096, 2, 1, end, 0,
    )  # fmt: skip
    body = head + struct.pack("<109I", 0, *[free] * 108)
    body += struct.pack("<128I", *fat, *[free] * (128 - len(fat)))
    body += entries.ljust(512, b"\0")
    body += struct.pack("<128I", *mini_fat, *[free] * (128 - len(mini_fat)))
    return body + stream.ljust(big * 512, b"\0")


def entry(name: str, kind: int, *, child: int, start: int, size: int) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    free = 0xFFFFFFFF
    return struct.pack("<64sHBxIII36xIQ", text, len(text), kind, free, free, child, start, size)
