"""Rows of a CSV file: strict quotes, one declared encoding, no line or file without bound."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final, TypeAlias

from reconciliation.formats.refusals import CutFile, FileTooLarge, UnreadableFile, UnreadableText

Row: TypeAlias = tuple[int, list[str]]
"""The line or row of the file, from 1, and its cells without white space around them."""

MOST_BYTES: Final = 1 << 30
MOST_LINES: Final = 3_000_000
MOST_LINE_BYTES: Final = 1 << 16

_BOM: Final = "\ufeff"
_CUT_QUOTE: Final = "unexpected end of data"


class MalformedCsv(UnreadableFile):
    """A CSV file whose quotes do not close or stand where none may."""

    code = "malformed_csv"


def rows(stream: BinaryIO, *, encoding: str, delimiter: str) -> Iterator[Row]:
    """Every row from where `stream` stands; memory does not grow with the file."""
    lines = _Lines(stream, encoding=encoding)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, [cell.strip() for cell in cells]
            begins = reader.line_num + 1
    except csv.Error as error:
        if _CUT_QUOTE in str(error):
            raise CutFile(line=begins) from None
        raise MalformedCsv(line=begins, reason=str(error)) from None


class _Lines:
    """The lines of a file, decoded one by one, so that a bad byte is told with its line."""

    def __init__(self, stream: BinaryIO, *, encoding: str) -> None:
        self.stream, self.encoding = stream, encoding
        self.number = self.size = 0

    def __iter__(self) -> Iterator[str]:
        while raw := self.stream.readline(MOST_LINE_BYTES + 1):
            self.number += 1
            self.size += len(raw)
            if len(raw) > MOST_LINE_BYTES or self.number > MOST_LINES or self.size > MOST_BYTES:
                raise FileTooLarge(line=self.number, limit=MOST_LINE_BYTES)
            yield self._decoded(raw)

    def _decoded(self, raw: bytes) -> str:
        try:
            text = raw.decode(self.encoding)
        except UnicodeDecodeError:
            raise UnreadableText(line=self.number) from None
        if "\0" in text:
            raise UnreadableText(line=self.number)
        return text.removeprefix(_BOM) if self.number == 1 else text
