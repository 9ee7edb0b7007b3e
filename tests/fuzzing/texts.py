"""Text files damaged by line and field; and the damage that any list of pieces can take."""

from __future__ import annotations

import re
from random import Random
from typing import Final, TypeVar

from tests.fuzzing.extremes import EXTREMES
from tests.va_files import KEY, sealed

ENCODINGS: Final = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1258", "latin-1", "utf-7")
NUMBERS: Final = re.compile(rb"[0-9][0-9.,/:-]*")
FIELDS: Final = re.compile(rb"[,;|\t/:?]")
RARELY: Final = 30

_Piece = TypeVar("_Piece")


def text(content: bytes, chance: Random) -> bytes:
    """Lines and the fields in them exchanged, lost, doubled, replaced; the whole written anew."""
    lines = content.splitlines(keepends=True)
    for _ in range(chance.randint(1, 3)):
        if lines:
            chance.choice(_OF_LINES)(lines, chance)
    whole = b"".join(lines)
    if chance.randrange(RARELY) == 0:
        whole = in_other_encoding(whole, chance)
    if chance.randrange(RARELY) == 0:
        end = chance.choice([b"\r", b"\r\n", b"\n\r"])
        whole = whole.replace(b"\r\n", b"\n").replace(b"\n", end)
    return whole


def virtual_accounts(content: bytes, chance: Random) -> bytes:
    """Records damaged as text, then sealed again, so that one gets behind the checksums."""
    damaged = text(content, chance)
    if chance.randrange(3) == 0:
        return damaged
    told = damaged.decode("utf-8", "surrogateescape").splitlines()
    again = [_sealed_again(line) if line[:2] == "00" else line for line in told]
    return "\n".join(again).encode("utf-8", "surrogateescape")


def _sealed_again(line: str) -> str:
    try:
        return sealed(line, KEY)
    except UnicodeEncodeError:
        return line


def in_other_encoding(whole: bytes, chance: Random) -> bytes:
    """The text in an encoding that the file does not say, or no reader knows."""
    return whole.decode("utf-8", "replace").encode(chance.choice(ENCODINGS), "replace")


def swap(some: list[_Piece], chance: Random) -> None:
    """Exchanges two pieces."""
    one, other = chance.randrange(len(some)), chance.randrange(len(some))
    some[one], some[other] = some[other], some[one]


def lose(some: list[_Piece], chance: Random) -> None:
    """Loses a piece or some."""
    at = chance.randrange(len(some))
    del some[at : at + chance.choice([1, 1, 1, 2, 5])]


def double(some: list[_Piece], chance: Random) -> None:
    """Writes a piece or some again, seldom hundreds of times."""
    at = chance.randrange(len(some))
    times = chance.choice([1, 1, 1, 1, 2, 3, 700 if chance.randrange(RARELY) == 0 else 1])
    some[at:at] = some[at : at + chance.choice([1, 1, 2, 5])] * times


def move(some: list[_Piece], chance: Random) -> None:
    """Puts a piece elsewhere."""
    some.insert(chance.randrange(len(some)), some.pop(chance.randrange(len(some))))


def cut(some: list[_Piece], chance: Random) -> None:
    """Loses all from one piece on."""
    del some[chance.randrange(len(some)) :]


def extreme_number(some: list[bytes], chance: Random) -> None:
    """Replaces a number, anywhere, by a value at the edge."""
    at = chance.randrange(len(some))
    found = list(NUMBERS.finditer(some[at]))
    if found:
        one = chance.choice(found)
        some[at] = some[at][: one.start()] + chance.choice(EXTREMES) + some[at][one.end() :]


def _of_fields(some: list[bytes], chance: Random) -> None:
    """Replaces, exchanges, loses or doubles fields of a line."""
    at = chance.randrange(len(some))
    mark = chance.choice(FIELDS.findall(some[at]) or [b","])
    line = some[at].rstrip(b"\r\n")
    fields, end = line.split(mark), some[at][len(line) :]
    if chance.randrange(2):
        fields[chance.randrange(len(fields))] = chance.choice(EXTREMES)
    else:
        chance.choice([swap, lose, double, move])(fields, chance)
    some[at] = mark.join(fields) + end


def _from_elsewhere(some: list[bytes], chance: Random) -> None:
    some.insert(chance.randrange(len(some)), chance.choice(EXTREMES) + b"\n")


_OF_LINES: Final = (
    swap, lose, double, move, cut, _from_elsewhere, *[extreme_number] * 3, *[_of_fields] * 4,
)  # fmt: skip
