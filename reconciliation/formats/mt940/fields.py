"""The fields of an MT940 file: lines gathered under their tags, messages told from one another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final, TypeAlias

from reconciliation.formats.plain_text import numbered_lines
from reconciliation.formats.refusals import (
    CutFile,
    FileTooLarge,
    MalformedField,
    NotAStatement,
    UnknownTag,
)

Field: TypeAlias = tuple[int, str, list[str]]
"""The line a field begins on, its tag without colons, and its lines as written."""

END: Final = "-"
"""The tag that stands for the end of a message."""

ENCODINGS: Final = ("utf-8", "cp1258", "latin-1")
"""Tried in this order where a line is not ASCII: figures and tags are the same in all three."""

MOST_FIELD_LINES: Final = 500
"""The standard has six; blank lines are counted too."""

TAGS: Final = frozenset(
    "13 13D 20 21 25 25P 28 28C 34F 60F 60M 61 62F 62M 64 65 86 90C 90D 940 NS".split()
)
STATEMENTS: Final = ("940", "950")

_TAG: Final = re.compile(r":([0-9]{2}[A-Z]?|940|NS):")
_BLOCKS: Final = re.compile(r"(?:\{[1-35]:[^{}]*(?:\{[^{}]*\}[^{}]*)*\})*(\{4:)?")
"""Blocks side by side, one level of braces in each. Not possessive: Python 3.11.2, which is Debian
12's, takes a block without an end for a whole one then."""
_KIND: Final = re.compile(r"\{2:[IO]([0-9]{3})")
_BETWEEN: Final = " \t$\x01\x03"
"""What stands between messages in files of SWIFT's own programs."""
_ADDRESS: Final = re.compile(r"[A-Z]{6}[A-Z0-9]{2,6}|9[0-9]{2}")
"""Lines some banks put before a message: whom it is from, its kind, whom it is for."""


def fields(stream: BinaryIO) -> Iterator[Field]:
    """Every field from where `stream` stands, and an `END` after each message that is closed."""
    gathering = _Gathering()
    number = 0
    for number, line in numbered_lines(stream, encodings=ENCODINGS):
        if line[:1] == ":":
            tag = _TAG.match(line)
            if tag and (tag[1] in TAGS or gathering.tag != "86"):
                if gathering.tag:
                    yield gathering.field()
                gathering.begin(number, tag[1], line[tag.end() :])
                continue
        elif line[:1] in gathering.marks and gathering.is_mark(line):
            if gathering.tag:
                yield gathering.field()
            yield from gathering.take_mark(number, line)
            continue
        gathering.go_on(number, line)
    if gathering.tag:
        yield gathering.field()
    if gathering.enclosed:
        raise CutFile(line=number + 1)


class _Gathering:
    """The field that is being gathered, and whether its message stands in an envelope."""

    marks: Final = frozenset(("-", "{", "\x01", "\x03", "$"))

    def __init__(self) -> None:
        self.tag = ""
        self.begins = 0
        self.lines: list[str] = []
        self.enclosed = False
        self.loose = 0

    def field(self) -> Field:
        """The field, complete now."""
        return self.begins, self.tag, self.lines

    def begin(self, number: int, tag: str, text: str) -> None:
        """Takes the first line of a field."""
        if tag not in TAGS:
            raise UnknownTag(line=number, tag=tag)
        self.begins, self.tag, self.lines = number, tag, [text]
        self.loose = 0

    def go_on(self, number: int, line: str) -> None:
        """Takes a line without a tag: more of a field, or a bank's address between messages."""
        if not self.tag:
            self._pass_over(number, line)
        elif len(self.lines) == MOST_FIELD_LINES:
            raise FileTooLarge(line=number, limit=MOST_FIELD_LINES)
        else:
            self.lines.append(line)

    def is_mark(self, line: str) -> bool:
        """Whether a line ends a message or opens an envelope; else it is text."""
        if line[0] == "-":
            return line.startswith("-}") or line.rstrip(_BETWEEN) == END
        return line.lstrip(_BETWEEN).startswith(("{1:", "{2:", "{4:", "{5:")) or not self.tag

    def take_mark(self, number: int, line: str) -> Iterator[Field]:
        """Takes the end of a message, an envelope, or both on one line."""
        self.tag, rest = "", line
        if line[0] == "-":
            yield number, END, []
            self.enclosed, rest = False, line[2:] if line.startswith("-}") else ""
        rest = rest.strip(_BETWEEN)
        if not rest:
            return
        if self.enclosed:
            raise CutFile(line=number)
        self._count_loose(number)
        self._open(number, rest)

    def _open(self, number: int, line: str) -> None:
        kind = _KIND.search(line)
        if kind:
            _refuse_other(number, kind[1])
        blocks = _BLOCKS.match(line)
        behind = line[blocks.end() :] if blocks else line
        self.enclosed = bool(blocks and blocks[1])
        tag = _TAG.match(behind)
        if tag and self.enclosed:
            self.begin(number, tag[1], behind[tag.end() :])
        elif behind.strip(_BETWEEN):
            raise MalformedField(line=number, tag="{4:")

    def _pass_over(self, number: int, line: str) -> None:
        self._count_loose(number)
        told = line.strip()
        if not told:
            return
        if not _ADDRESS.fullmatch(told):
            raise MalformedField(line=number, tag=":20:")
        if told.isdigit():
            _refuse_other(number, told)

    def _count_loose(self, number: int) -> None:
        self.loose += 1
        if self.loose == MOST_FIELD_LINES:
            raise FileTooLarge(line=number, limit=MOST_FIELD_LINES)


def _refuse_other(number: int, kind: str) -> None:
    if kind not in STATEMENTS:
        raise NotAStatement(line=number, message=f"MT{kind}")
