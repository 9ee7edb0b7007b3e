"""Texts in an old `.xls` workbook: those that cells share, and those of a single record.

A text may be continued in a further record, where a new byte says how wide its letters are.

Source: [MS-XLS], 2.5.293 XLUnicodeRichExtendedString, 2.5.294 XLUnicodeString, 2.4.265 SST.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from reconciliation.formats.package import UnreadableWorkbook
from reconciliation.formats.refusals import FileTooLarge

MOST_TEXT: Final = 4_096
MOST_STRINGS: Final = 1_000_000

_WIDE, _EXTENDED, _RICH = 1, 4, 8
_RUN_BYTES: Final = 4


def text_in(body: bytes, *, row: int) -> str:
    """The text of one record: its length, how wide its letters are, and they."""
    count, flags = struct.unpack_from("<HB", body)
    if count > MOST_TEXT:
        raise FileTooLarge(line=row, limit=MOST_TEXT)
    size = count * 2 if flags & _WIDE else count
    if len(body) < 3 + size:
        raise UnreadableWorkbook(line=row, part="text")
    return _decoded(body[3 : 3 + size], flags).strip()


def texts(parts: Sequence[bytes]) -> list[str]:
    """The shared strings, from the record that begins them and those that continue it."""
    pieces = _Pieces(parts)
    _, count = struct.unpack("<II", pieces.take(8))
    if count > MOST_STRINGS:
        raise FileTooLarge(line=1, limit=MOST_STRINGS)
    return [_shared(pieces) for _ in range(count)]


def _shared(pieces: _Pieces) -> str:
    count, flags = struct.unpack("<HB", pieces.take(3))
    if count > MOST_TEXT:
        raise FileTooLarge(line=1, limit=MOST_TEXT)
    runs = int.from_bytes(pieces.take(2), "little") if flags & _RICH else 0
    extended = int.from_bytes(pieces.take(4), "little") if flags & _EXTENDED else 0
    text = pieces.letters(count, flags)
    pieces.skip(runs * _RUN_BYTES + extended)
    return text.strip()


class _Pieces:
    """The bytes of a record and of those that continue it, taken one after the other."""

    def __init__(self, parts: Sequence[bytes]) -> None:
        self.ahead = list(reversed(parts))
        self.piece, self.at = b"", 0

    def take(self, size: int) -> bytes:
        """So many bytes, over the end of a record if need be."""
        taken = self.piece[self.at : self.at + size]
        self.at += len(taken)
        while len(taken) < size:
            self._turn()
            more = self.piece[: size - len(taken)]
            taken, self.at = taken + more, len(more)
        return taken

    def skip(self, size: int) -> None:
        """Passes over so many bytes."""
        while size > len(self.piece) - self.at:
            size -= len(self.piece) - self.at
            self._turn()
        self.at += size

    def letters(self, count: int, flags: int) -> str:
        """So many letters; a record that continues them says anew how wide they are."""
        text = ""
        while True:
            width = 2 if flags & _WIDE else 1
            fitting = min(count, (len(self.piece) - self.at) // width)
            text += _decoded(self.piece[self.at : self.at + fitting * width], flags)
            self.at += fitting * width
            count -= fitting
            if not count:
                return text
            self._turn()
            flags = self.take(1)[0]

    def _turn(self) -> None:
        """Turns to the next record; an empty one is a fault."""
        self.piece, self.at = (self.ahead.pop() if self.ahead else b""), 0
        if not self.piece:
            raise UnreadableWorkbook(line=1, part="SST")


def _decoded(letters: bytes, flags: int) -> str:
    return letters.decode("utf-16-le" if flags & _WIDE else "latin-1", errors="replace")
