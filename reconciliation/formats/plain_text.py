"""The lines of a text file, however they end, in the first of some encodings that fits each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final

from reconciliation.formats.refusals import FileTooLarge, UnreadableText

PIECE: Final = 1 << 16
MOST_BYTES: Final = 1 << 30
MOST_LINE: Final = 1 << 12
"""MT940 has 65 characters, though some banks write a whole memo on one line."""

_BOM: Final = b"\xef\xbb\xbf"


def numbered_lines(stream: BinaryIO, *, encodings: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Every line with its number from 1; CR, LF and CRLF end one, blank ones are lines too.

    `encodings` are tried in their order for each line, UTF-8 first.
    """
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
        for line in _lines(whole, encodings, after=number):
            number += 1
            yield number, line
    for line in _lines(kept, encodings, after=number):
        number += 1
        yield number, line


def _to_last_end(piece: bytes) -> tuple[bytes, bytes]:
    """The piece up to its last line end, and the rest; a CR at its end may be half of a CRLF."""
    last = max(piece.rfind(b"\n"), piece.rfind(b"\r", 0, -1)) + 1
    return piece[:last], piece[last:]


def _lines(whole: bytes, encodings: Sequence[str], *, after: int) -> list[str]:
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        found = [
            _decoded(line, encodings, number=number)
            for number, line in enumerate(whole.splitlines(), after + 1)
        ]
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


def _decoded(line: bytes, encodings: Sequence[str], *, number: int) -> str:
    for encoding in encodings:
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableText(line=number)
