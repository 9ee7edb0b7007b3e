"""Files made to hurt are refused at once: within a second of work and 200 MB.

Each is read by a process of its own, so that its time and memory are its own.
"""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
import zipfile
from io import BytesIO

import pytest

from tests.bank_sheets import as_xls
from tests.mt940_files import mt940
from tests.statement_files import Movement, as_csv, camt, document, entry, rows

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

SECONDS = 1.0
BYTES = 200 << 20

READER = """
import json, sys, time
from reconciliation.formats import UnreadableFile, read
started = time.process_time()
with open(sys.argv[1], "rb") as stream:
    try:
        code, parts = "read", sum(1 for _ in read(stream))
    except UnreadableFile as refused:
        code, parts = refused.code, 0
seconds = time.process_time() - started
with open("/proc/self/status") as status:
    held = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
print(json.dumps([code, parts, seconds, held]))
"""


def outcome(tmp_path, content: bytes) -> tuple[str, int, float, int]:
    """What became of a file: its code, its parts, the seconds worked, the most bytes held."""
    path = tmp_path / "file"
    path.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", READER, path], capture_output=True, timeout=60, check=True
    )
    code, parts, seconds, held = json.loads(done.stdout)
    return code, parts, seconds, held


def workbook(sheet: str, strings: str = "", sheets: int = 1) -> bytes:
    named = "".join(f'<sheet name="{n}" sheetId="{n}" r:id="r1"/>' for n in range(sheets))
    kinds = {"r1": ("worksheet", "worksheets/s.xml"), "r2": ("sharedStrings", "strings.xml")}
    links = "".join(
        f'<Relationship Id="{link}" Type="{LINKS}/{kind}" Target="{target}"/>'
        for link, (kind, target) in kinds.items()
    )
    return packed(
        {
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="x" '
            f'Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}">'
            f"<sheets>{named}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{links}'
            "</Relationships>",
            "xl/strings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
            "xl/worksheets/s.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData>'
            "</worksheet>",
        }
    )


def packed(parts: dict[str, str]) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return stream.getvalue()


def with_stated_size(content: bytes, size: int) -> bytes:
    """The workbook, the sheet's unpacked size stated as `size` in its list of parts."""
    changed = bytearray(content)
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(b"xl/worksheets/s.xml"))
    changed[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(changed)


def laughs() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]><x>&e9;</x>'.encode()


def noise(length: int) -> str:
    """Letters that do not shrink to a thousandth when they are packed."""
    return "".join(random.Random(1).choices("abcdefgh", k=length))


def cells(rows: int) -> str:
    """A column of cells with the first shared string."""
    return "".join(f'<row><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, rows + 1))


def xls(table: list[list[object]], old: bytes = b"", new: bytes = b"") -> bytes:
    """An old workbook, the last place in which it holds `old` overwritten."""
    content = as_xls(table)
    at = content.rindex(old) if old else 0
    return content[:at] + new + content[at + len(new) :]


SHORT_NUMBER = b"\x7e\x02\x0a\x00"
SHARED_TEXTS = b"\xfc\x00"

BOMBS = {
    "billion laughs": (laughs, "doctype_refused"),
    "a file of the server": (
        lambda: b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
        "doctype_refused",
    ),
    "a DOCTYPE after a long comment": (
        lambda: b"<!--" + b"x" * 100_000 + b"--><!DOCTYPE x><x/>",
        "doctype_refused",
    ),
    "elements without end": (
        lambda: document("<BkToCstmrStmt><Stmt>" + "<a>" * 4_000_000),
        "file_too_large",
    ),
    "elements nested in an entry": (
        lambda: camt([], extra="<Ntry>" + "<a>" * 1_000_000 + "</a>" * 1_000_000 + "</Ntry>"),
        "file_too_large",
    ),
    "a text without end": (
        lambda: camt([Movement(1, memo="x" * 20_000_000)]),
        "file_too_large",
    ),
    "an attribute without end": (
        lambda: b'<Document x="' + b"x" * 20_000_000 + b'"/>',
        "file_too_large",
    ),
    "attributes without end": (
        lambda: b"<Document " + b" ".join(b'a%d=""' % n for n in range(300_000)) + b"/>",
        "file_too_large",
    ),
    "many elements of many attributes": (
        lambda: document("<BkToCstmrStmt><Stmt>" + "<a b='' c='' d='' e=''/>" * 400_000),
        "file_too_large",
    ),
    "balances without end": (
        lambda: camt([], head="<Bal/>" * 2_000_000),
        "file_too_large",
    ),
    "statements without end": (
        lambda: document(
            "<BkToCstmrStmt>"
            + "<Stmt><Acct><Id><IBAN>X</IBAN></Id><Ccy>VND</Ccy></Acct></Stmt>" * 11_000
            + "</BkToCstmrStmt>"
        ),
        "file_too_large",
    ),
    "a zip bomb": (lambda: workbook(" " * 140_000_000), "packed_too_tightly"),
    "a small zip bomb": (lambda: workbook(" " * 20_000_000), "packed_too_tightly"),
    "a zip bomb that hides its size": (
        lambda: with_stated_size(workbook(" " * 20_000_000), 1_000),
        "unreadable_workbook",
    ),
    "parts without end": (
        lambda: packed({f"{n}": "" for n in range(5_000)}),
        "packed_too_tightly",
    ),
    "two cells far apart": (
        lambda: workbook(
            '<row r="1"><c r="A1"><v>1</v></c></row>'
            '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        ),
        "unreadable_workbook",
    ),
    "one long text in many cells": (
        lambda: workbook(cells(60_000), f"<si><t>{noise(30_000)}</t></si>"),
        "file_too_large",
    ),
    "a tag without end in a sheet": (
        lambda: workbook(f'<row a="{noise(2_000_000)}"/>'),
        "file_too_large",
    ),
    "one sheet under many names": (
        lambda: workbook(cells(50_000), "<si/>", sheets=9_000),
        "layout_not_found",
    ),
    "a row without end": (
        lambda: workbook(f"<row>{'<c/>' * 200_000}</row>"),
        "unreadable_workbook",
    ),
    "two cells far apart in an old workbook": (
        lambda: xls([[1, "x", 2]], SHORT_NUMBER, SHORT_NUMBER + b"\xff\xff\xff\xff"),
        "unreadable_workbook",
    ),
    "an old workbook whose last cell is far away": (
        lambda: xls([[1, "x", 2]], SHORT_NUMBER, SHORT_NUMBER + b"\xff\xff\xff\x00"),
        "layout_not_found",
    ),
    "one long text in many cells of an old workbook": (
        lambda: xls([[noise(30_000)]] * 60_000),
        "file_too_large",
    ),
    "texts that an old workbook does not hold": (
        lambda: xls([["x"]], SHARED_TEXTS, SHARED_TEXTS + b"\x0c\x00\x01\0\0\0\x40\x42\x0f\0"),
        "unreadable_workbook",
    ),
    "an old workbook of the largest size": (
        lambda: xls([[f"{row}", "x"] for row in range(65_536)]),
        "layout_not_found",
    ),
    "an old workbook larger than any": (
        lambda: as_xls([["x"]]) + bytes(40_000_000),
        "file_too_large",
    ),
    "an MT940 line without end": (lambda: b":20:" + b"x" * 100_000_000, "file_too_large"),
    "a memo of lines without end": (
        lambda: mt940([":61:261124C1,NTRFNONREF", ":86:x" + "\nx" * 1_000_000]),
        "file_too_large",
    ),
    "a memo of fields without end": (
        lambda: mt940([":61:261124C1,NTRFNONREF", ":86:x\n" * 1_000_000]),
        "file_too_large",
    ),
    "blank lines without end in a message": (
        lambda: mt940([]).replace(b":25:", b"\n" * 10_000_000 + b":25:"),
        "file_too_large",
    ),
    "fields passed over without end": (
        lambda: mt940([]).replace(b":25:", b":13D:\n" * 2_000_000 + b":25:"),
        "file_too_large",
    ),
    "messages without end": (lambda: mt940([]) * 11_000, "file_too_large"),
    "envelopes without end": (lambda: b"{1:F01}\n" * 2_000_000, "file_too_large"),
    "an envelope of envelopes": (lambda: b"{1:" + b"{a}" * 1_300 + b"\n:20:x", "malformed_field"),
    "blank lines without end in a daily file": (
        lambda: b"recordType|\n" + b"\n" * 10_000_000,
        "file_too_large",
    ),
    "a line without end": (lambda: b"x" * 100_000_000, "file_too_large"),
    "a quote without end": (
        lambda: b'"' + b"xxxxxxxx\n" * 1_000_000,
        "malformed_csv",
    ),
    "blank rows without end": (lambda: b"a" + b"\n" * 10_000_000, "layout_not_found"),
    "blank rows in the table without end": (
        lambda: as_csv(rows([]))[:200] + b"\n" * 10_000_000,
        "layout_not_found",
    ),
}


@pytest.mark.parametrize(("make", "code"), BOMBS.values(), ids=BOMBS)
def test_a_file_made_to_hurt_is_refused_at_once(tmp_path, make, code):
    """Neither memory nor time is lost to it."""
    found, _, seconds, held = outcome(tmp_path, make())
    assert found == code
    assert seconds <= SECONDS
    assert held <= BYTES


def test_memory_does_not_grow_with_a_file(tmp_path):
    """Twenty times the lines take no more memory, as CAMT, MT940 or CSV."""
    few, many = [Movement(1_000, memo="TTHC0123456789")] * 500, 10_000
    body = "".join(entry(movement) for movement in few)
    small = camt([], closing=500_000, extra=body)
    large = camt([], closing=20 * 500_000, extra=body * 20)
    _, parts, _, held = outcome(tmp_path, large)
    assert parts == many + 2
    assert held < outcome(tmp_path, small)[3] + (4 << 20)
    _, parts, _, held = outcome(tmp_path, as_csv(rows(few * 20)))
    assert parts == many + 2
    assert held < outcome(tmp_path, as_csv(rows(few)))[3] + (4 << 20)
    _, parts, _, held = outcome(tmp_path, mt940(few * 20))
    assert parts == many + 2
    assert held < outcome(tmp_path, mt940(few))[3] + (4 << 20)
