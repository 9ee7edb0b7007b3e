"""An Office Open XML package: a ZIP file whose parts are unpacked within bounds.

Source: ECMA-376 part 2 (Open Packaging Conventions).
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from reconciliation.formats.refusals import FileTooLarge, UnreadableFile
from reconciliation.formats.strict_xml import PIECE, StrictXml, local

SIGNATURE: Final = b"PK\x03\x04"

MOST_PACKED: Final = 32 << 20
MOST_UNPACKED: Final = 128 << 20
"""About 200,000 statement lines; banks let fewer be exported at once."""
MOST_RATIO: Final = 200
"""Real sheets shrink to a tenth or a thirtieth of their size; a zip bomb to a thousandth."""
FREE_OF_RATIO: Final = 1 << 20
MOST_PARTS: Final = 1_000
MOST_SMALL_PART: Final = 1 << 20

_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 1
_LISTED: Final = b"PK\x01\x02"
_LARGE_PIECE: Final = 1 << 20
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,  # a later version of ZIP
    ValueError,  # a name or an offset that cannot be
)


class UnreadableWorkbook(UnreadableFile):
    """A workbook whose parts are missing, damaged, encrypted or contradict each other."""

    code = "unreadable_workbook"


class PackedTooTightly(UnreadableFile):
    """A workbook that would unpack to far more than its size: a zip bomb."""

    code = "packed_too_tightly"


@dataclass(frozen=True, slots=True)
class Relation:
    """A link from one part to another; `kind` is the last word of its type."""

    kind: str
    target: str


class Package:
    """The parts of a workbook by name; names do not tell capitals from small letters."""

    def __init__(self, stream: BinaryIO) -> None:
        if stream.seek(0, 2) > MOST_PACKED:
            raise FileTooLarge(line=1, limit=MOST_PACKED)
        _check_directory(stream)
        try:
            self._archive = zipfile.ZipFile(stream)
        except _DAMAGE:
            raise UnreadableWorkbook(line=1, part="ZIP") from None
        parts = self._archive.infolist()
        self._parts = {part.filename.casefold(): part for part in parts}
        if len(self._parts) != len(parts):
            raise UnreadableWorkbook(line=1, part="ZIP")
        _check_bounds(parts)

    def pieces(self, name: str) -> Iterator[bytes]:
        """The unpacked bytes of a part, piece by piece, proved by its checksum at the end."""
        part = self._parts.get(name.casefold())
        if part is None or part.flag_bits & _ENCRYPTED or part.compress_type not in _PACKINGS:
            raise UnreadableWorkbook(line=1, part=name)
        try:
            with self._archive.open(part) as unpacked:
                while piece := unpacked.read(PIECE):
                    yield piece
        except _DAMAGE:
            raise UnreadableWorkbook(line=1, part=name) from None

    def elements(self, name: str) -> list[tuple[str, dict[str, str]]]:
        """Every element of a small part: its name without namespace, and its attributes."""
        found: list[tuple[str, dict[str, str]]] = []
        xml = StrictXml()
        xml.expat.StartElementHandler = lambda tag, told: found.append((local(tag), told))
        size = 0
        for piece in self.pieces(name):
            size += len(piece)
            if size > MOST_SMALL_PART:
                raise FileTooLarge(line=1, limit=MOST_SMALL_PART)
            xml.feed(piece)
        xml.feed(b"")
        return found

    def relations(self, name: str) -> dict[str, Relation]:
        """The links of a part (of the package itself: an empty name) by their ids."""
        folder, file = posixpath.split(name)
        return {
            attributes.get("Id", ""): Relation(
                kind=attributes.get("Type", "").rpartition("/")[2],
                target=posixpath.normpath(
                    posixpath.join("/", folder, attributes.get("Target", ""))
                ).lstrip("/"),
            )
            for tag, attributes in self.elements(posixpath.join(folder, "_rels", f"{file}.rels"))
            if tag == "Relationship"
        }


def _check_directory(stream: BinaryIO) -> None:
    """Refuses a file that lists parts beyond number, before they are all listed in memory."""
    stream.seek(0)
    listed = 0
    while piece := stream.read(_LARGE_PIECE):
        listed += piece.count(_LISTED)
        if listed > MOST_PARTS:
            raise PackedTooTightly(line=1, limit=MOST_PARTS)


def _check_bounds(parts: list[zipfile.ZipInfo]) -> None:
    """Refuses a bomb by the sizes the file states; `zipfile` unpacks no more than stated."""
    if sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise PackedTooTightly(line=1, limit=MOST_UNPACKED)
    for part in parts:
        if part.file_size > max(FREE_OF_RATIO, MOST_RATIO * part.compress_size):
            raise PackedTooTightly(line=1, limit=MOST_UNPACKED)
