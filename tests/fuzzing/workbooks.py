"""Workbooks damaged by part, cell and record, and packed again in good or in odd order."""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from io import BytesIO
from random import Random
from typing import Final

from xlwt.CompoundDoc import XlsDoc

from reconciliation.formats.compound import Compound
from reconciliation.formats.refusals import UnreadableFile
from tests.fuzzing.elements import xml
from tests.fuzzing.texts import RARELY, double, lose, move, swap
from tests.mutations import mutated

Parts = list[tuple[str, bytes]]
Records = list[tuple[tuple[int, int], bytes]]
"""Kind and stated size of each record of a BIFF stream, and what stands in it."""

BOMB: Final = 1 << 21
CONTINUE: Final = 0x003C
RECORD: Final = struct.Struct("<HH")
LONGEST: Final = 60_000

_NOT_TAKEN_APART: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    NotImplementedError, RuntimeError, EOFError, OSError, ValueError,
)  # fmt: skip


def workbook(content: bytes, chance: Random) -> bytes:
    """A part of a package damaged as XML or bytes, or the list of parts itself."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = [(part.filename, archive.read(part)) for part in archive.infolist()]
    except _NOT_TAKEN_APART:
        parts = []
    if not parts:
        return mutated(content, chance)
    if chance.randrange(8) == 0:
        return _packed_oddly(parts, chance)
    with_cells = [
        place
        for place, (name, _) in enumerate(parts)
        if "worksheets/" in name or name.endswith("Strings.xml")
    ]
    place = chance.choice([*with_cells * 3, chance.randrange(len(parts))])
    name, part = parts[place]
    parts[place] = (name, chance.choice([xml, xml, cells, mutated])(part, chance))
    return _packed(parts)


def cells(part: bytes, chance: Random) -> bytes:
    """Places, kinds and values of the cells of a sheet replaced."""
    old, new = chance.choice(_CELLS)
    found = [match.start() for match in re.finditer(re.escape(old), part)]
    if not found:
        return xml(part, chance)
    at = chance.choice(found)
    return part[:at] + new + part[at + len(old) :]


def old_workbook(content: bytes, chance: Random) -> bytes:
    """Records of a BIFF stream exchanged, lost, doubled, stretched; then packed in good order."""
    try:
        stream = Compound(BytesIO(content)).stream("Workbook")
    except UnreadableFile:
        stream = None
    if stream is None or chance.randrange(5) == 0:
        return mutated(content, chance)
    records = _records(stream)
    for _ in range(chance.randint(1, 3)):
        if records:
            chance.choice(_OF_RECORDS)(records, chance)
    packed = BytesIO()
    XlsDoc().save(packed, b"".join(RECORD.pack(*head) + body for head, body in records))
    return packed.getvalue()


def _packed(parts: Parts, packing: int = zipfile.ZIP_STORED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name, part in parts:
            if name not in archive.NameToInfo:
                archive.writestr(name, part)
    return stream.getvalue()


def _packed_oddly(parts: Parts, chance: Random) -> bytes:
    """Parts lost, renamed, blown up, packed or listed in another way."""
    at = chance.randrange(len(parts))
    name, part = parts[at]
    kind = chance.randrange(7)
    if kind == 0:
        del parts[at]
    elif kind == 1:
        parts[at] = (chance.choice(_NAMES), part)
    elif kind == 2:
        parts.append((chance.choice(_NAMES), part))
    elif kind == 3 and chance.randrange(RARELY) == 0:
        parts[at] = (name, part.replace(b"<c", b" " * BOMB + b"<c", 1))
        return _packed(parts, zipfile.ZIP_DEFLATED)
    elif kind == 4:
        return _packed(parts, chance.choice([zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    packed = bytearray(_packed(parts))
    listed = [found.start() for found in re.finditer(b"PK\x01\x02|PK\x05\x06", packed)]
    if kind > 4 and listed:
        field = chance.choice(listed) + chance.randrange(4, 46)
        packed[field : field + 2] = chance.choice([b"\0\0", b"\xff\xff", b"\1\0", b"\x09\0"])
    return bytes(packed)


def _records(stream: bytes) -> Records:
    found, at = [], 0
    while at + RECORD.size <= len(stream):
        kind, size = RECORD.unpack_from(stream, at)
        at += RECORD.size
        found.append(((kind, size), stream[at : at + size]))
        at += size
    return found


def _other_body(records: Records, chance: Random) -> None:
    at = chance.randrange(len(records))
    (kind, _), body = records[at]
    body = mutated(body, chance)[:LONGEST]
    records[at] = ((kind, len(body)), body)


def _other_number(records: Records, chance: Random) -> None:
    """Puts a number at the edge of its kind somewhere in a record."""
    at = chance.randrange(len(records))
    head, body = records[at]
    if body:
        place, edge = chance.randrange(len(body)), chance.choice(_EDGES)
        body = (body[:place] + edge + body[place + len(edge) :])[:LONGEST]
        records[at] = ((head[0], len(body)), body)


def _other_size(records: Records, chance: Random) -> None:
    at = chance.randrange(len(records))
    (kind, size), body = records[at]
    sizes = (0, 1, min(size + 1, 0xFFFF), max(size - 1, 0), 0xFFFF)
    records[at] = ((kind, chance.choice(sizes)), body)


def _other_kind(records: Records, chance: Random) -> None:
    at = chance.randrange(len(records))
    (_, size), body = records[at]
    records[at] = ((chance.choice(_KINDS), size), body)


def _continued(records: Records, chance: Random) -> None:
    """Cuts a record in two, the rest in a CONTINUE."""
    at = chance.randrange(len(records))
    (kind, _), body = records[at]
    here = chance.randrange(len(body) + 1)
    records[at : at + 1] = [
        ((kind, here), body[:here]),
        ((CONTINUE, len(body) - here), body[here:]),
    ]


_EDGES: Final = (
    b"\xff\xff", b"\0\0", b"\xff\x7f", b"\0\0\xff\xff", b"\xff\xff\xff\x7f",
    *(struct.pack("<d", value) for value in (float("inf"), float("nan"), 1e300, -0.0, 5e-324)),
    b"\x01\x00\x00\x00\x00\x00\xff\xff",
)  # fmt: skip
_KINDS: Final = (
    0x0809, 0x000A, CONTINUE, 0x00FD, 0x0203, 0x027E, 0x00BD, 0x0205, 0x0006, 0x0207, 0x0204,
)  # fmt: skip
_CELLS: Final = (
    (b't="s"', b't="str"'), (b't="s"', b't="b"'), (b't="s"', b't="e"'), (b't="s"', b't="d"'),
    (b't="s"', b""), (b't="s"', b't="inlineStr"'), (b"<c r=", b'<c t="s" r='), (b"<c r=", b"<c s="),
    (b"<v>", b"<v>9"), (b"<v>", b"<v>-"), (b"<v>", b"<f>1+1</f><v>"), (b"<v>", b"<v>0."),
    (b"<v>", b"<is><t>50,000</t></is><v>"), (b'r="A', b'r="ZZZ'), (b'r="B', b'r="A'),
    (b'r="C', b'r="c'), (b'r="1', b'r="1048576'), (b'r="1', b'r="0'), (b"<row r=", b"<row x="),
    (b"<row ", b'<row hidden="1" '), (b"</row>", b"</row><row/>"), (b"<si>", b"<si/><si>"),
    (b"<t>", b'<r><t>x</t></r><t xml:space="preserve">'), (b"<t>", b"<t>_x0000__xD800_"),
)  # fmt: skip
_NAMES: Final = (
    "/", "../x", "xl/workbook.xml", "XL/WORKBOOK.XML", "a" * 300, "\\x", "xl/sharedStrings.xml",
)  # fmt: skip
_OF_RECORDS: Final = (
    swap, lose, double, move, _other_kind, _other_size, _continued,
    *[_other_body] * 3, *[_other_number] * 3,
)  # fmt: skip
