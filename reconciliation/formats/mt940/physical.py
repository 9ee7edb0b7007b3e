"""The physical lines of an MT940 file, however they end and in whichever encoding they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from reconciliation.formats.refusals import FileTooLarge, UnreadableText

PIECE: Final = 1 << 16
MOST_BYTES: Final = 1 << 30
MOST_LINE: Final = 1 << 12
"""The standard has 65 characters; some banks write a whole memo on one line."""

ENCODINGS: Final = ("utf-8", "cp1258", "latin-1")
"""Tried in this order where a line is not ASCII: figures and tags are the same in all three."""

_BOM: Final = b"\xef\xbb\xbf"


def numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Every line with its number from 1; CR, LF and CRLF end one, blank ones are lines too."""
    number = size = 0
    kept = b""
    first = True
    while piece := stream.read(PIECE):
        size += len(piece)
        if size > MOST_BYTES:
            raise FileTooLarge(line=number + 1, limit=MOST_BYTES)
        if first:
            piece, first = piece.removeprefix(_BOM), False
        whole, kept = _to_last_end(kept + piece)
        if len(kept) > MOST_LINE:
            raise FileTooLarge(line=number + whole.count(b"\n") + 1, limit=MOST_LINE)
        for line in _lines(whole, after=number):
            number += 1
            yield number, line
    for line in _lines(kept, after=number):
        number += 1
        yield number, line


def _to_last_end(piece: bytes) -> tuple[bytes, bytes]:
    """The piece up to its last line end, and the rest; a CR at its end may be half of a CRLF."""
    last = max(piece.rfind(b"\n"), piece.rfind(b"\r", 0, -1)) + 1
    return piece[:last], piece[last:]


def _lines(whole: bytes, *, after: int) -> list[str]:
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        found = [_decoded(line) for line in whole.splitlines()]
    else:
        found = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if not found[-1]:
            found.pop()
    if b"\0" in whole:
        raise UnreadableText(line=after + _place(found, lambda line: "\0" in line))
    if found and len(max(found, key=len)) > MOST_LINE:
        raise FileTooLarge(line=after + _place(found, _is_long), limit=MOST_LINE)
    return found


def _place(lines: list[str], is_wrong: Callable[[str], bool]) -> int:
    return next(place for place, line in enumerate(lines, 1) if is_wrong(line))


def _is_long(line: str) -> bool:
    return len(line) > MOST_LINE


def _decoded(line: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 has every byte")
