"""A compound file, the container of `.xls`: streams cut into sectors, unpacked within bounds.

Source: [MS-CFB], 2.2 header, 2.3 FAT, 2.4 mini FAT, 2.5 DIFAT, 2.6 directory.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from reconciliation.formats.package import UnreadableWorkbook
from reconciliation.formats.refusals import FileTooLarge

SIGNATURE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

MOST_BYTES: Final = 32 << 20
"""A sheet of `.xls` has 65,536 rows at most, some 10 MB of statement."""
MOST_ENTRIES: Final = 1_000

_HEADER: Final = struct.Struct("<8s18x3H16xI4xII4xI4x")
_HEADER_BYTES: Final = 512
_LISTED_IN_HEADER: Final = 109
_ENTRY: Final = struct.Struct("<64sHBx3I36xIQ")
_LAST_SECTOR: Final = 0xFFFFFFFA
"""Greater numbers have meanings of their own: free, end of chain."""
_END: Final = 0xFFFFFFFE
_NOBODY: Final = 0xFFFFFFFF
_LITTLE_ENDIAN: Final = 0xFFFE
_SHIFTS: Final = {3: 9, 4: 12}
_MINI: Final = 64
_STORAGES: Final = frozenset({1, 5})
_STREAM: Final = 2
_MINI_CUTOFF: Final = 4096


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the directory: a stream or a folder, and its neighbours in the tree."""

    name: str
    kind: int
    left: int
    right: int
    child: int
    start: int
    size: int


class Compound:
    """The streams of a compound file by their names in its outermost folder."""

    def __init__(self, stream: BinaryIO) -> None:
        if stream.seek(0, 2) > MOST_BYTES:
            raise FileTooLarge(line=1, limit=MOST_BYTES)
        stream.seek(0)
        self._content = stream.read()
        self._read_header()
        self._fat = self._numbers(self._fat_sectors())
        self._entries = self._directory()
        root = self._entries[0]
        self._small = self._chain(root.start, root.size) if root.size else b""
        self._mini_fat = self._numbers(self._links(self._first_mini))

    def stream(self, name: str) -> bytes | None:
        """The bytes of a stream; None if the outermost folder has none of that name."""
        for entry in self._outermost():
            if entry.kind == _STREAM and entry.name.casefold() == name.casefold():
                if entry.size >= _MINI_CUTOFF:
                    return self._chain(entry.start, entry.size)
                return self._mini_chain(entry.start, entry.size)
        return None

    def _read_header(self) -> None:
        if len(self._content) < _HEADER_BYTES:
            raise _damaged("header")
        told = _HEADER.unpack_from(self._content)
        signature, version, order, shift, self._first_entry, cutoff, *firsts = told
        self._first_mini, self._first_list = firsts
        known = signature == SIGNATURE and order == _LITTLE_ENDIAN and cutoff == _MINI_CUTOFF
        if not known or _SHIFTS.get(version) != shift:
            raise _damaged("header")
        self._sector = 1 << shift
        self._sectors = max(0, -(-len(self._content) // self._sector) - 1)

    def _fat_sectors(self) -> Iterator[int]:
        """The sectors of the FAT: listed in the header, then in a chain of lists."""
        at = _HEADER_BYTES - 4 * _LISTED_IN_HEADER
        yield from _words(self._content[at:_HEADER_BYTES])
        following, seen = self._first_list, 0
        while following <= _LAST_SECTOR:
            seen += 1
            if seen > self._sectors:
                raise _damaged("DIFAT")
            *listed, following = _words(self._sector_at(following))
            yield from listed

    def _numbers(self, sectors: Iterator[int]) -> array[int]:
        """The numbers that some sectors hold; a number stands once for each sector at most."""
        numbers: array[int] = array("I")
        for count, sector in enumerate(one for one in sectors if one <= _LAST_SECTOR):
            if count > self._sectors:
                raise _damaged("FAT")
            numbers.extend(_words(self._sector_at(sector)))
        return numbers

    def _sector_at(self, number: int) -> bytes:
        at = (number + 1) * self._sector
        piece = self._content[at : at + self._sector]
        if not piece:
            raise _damaged(f"sector {number}")
        return piece.ljust(self._sector, b"\0")

    def _links(self, start: int) -> Iterator[int]:
        """The sectors of a chain, which never comes back to where it was."""
        sector, seen = start, 0
        while sector <= _LAST_SECTOR:
            seen += 1
            if seen > self._sectors or sector >= len(self._fat):
                raise _damaged("FAT")
            yield sector
            sector = self._fat[sector]

    def _chain(self, start: int, size: int) -> bytes:
        whole = b"".join(map(self._sector_at, self._links(start)))
        if len(whole) < size:
            raise _damaged("stream")
        return whole[:size]

    def _mini_chain(self, start: int, size: int) -> bytes:
        pieces: list[bytes] = []
        sector = start
        while sector <= _LAST_SECTOR and len(pieces) * _MINI < size:
            if sector >= len(self._mini_fat):
                raise _damaged("mini FAT")
            pieces.append(self._small[sector * _MINI : (sector + 1) * _MINI])
            sector = self._mini_fat[sector]
        whole = b"".join(pieces)
        if len(whole) < size:
            raise _damaged("stream")
        return whole[:size]

    def _directory(self) -> list[_Entry]:
        entries: list[_Entry] = []
        for sector in self._links(self._first_entry):
            entries.extend(map(_entry, _ENTRY.iter_unpack(self._sector_at(sector))))
            if len(entries) > MOST_ENTRIES:
                raise FileTooLarge(line=1, limit=MOST_ENTRIES)
        if not entries or entries[0].kind not in _STORAGES:
            raise _damaged("directory")
        return entries

    def _outermost(self) -> Iterator[_Entry]:
        """The entries of the outermost folder; those of embedded files lie deeper."""
        ahead, seen = [self._entries[0].child], set()
        while ahead:
            number = ahead.pop()
            if number == _NOBODY:
                continue
            if number in seen or number >= len(self._entries):
                raise _damaged("directory")
            seen.add(number)
            entry = self._entries[number]
            ahead += [entry.left, entry.right]
            yield entry


def _entry(told: tuple[bytes, int, int, int, int, int, int, int]) -> _Entry:
    name, length, kind, left, right, child, start, size = told
    text = name[: max(0, min(length, 64) - 2)].decode("utf-16-le", errors="replace")
    return _Entry(text, kind, left, right, child, start, size & 0xFFFFFFFF)


def _words(content: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4])


def _damaged(part: str) -> UnreadableWorkbook:
    return UnreadableWorkbook(line=1, part=part)
