"""A CAMT file as it streams by: its messages, their statements, their entries.

Expat reads the file piece by piece and builds one entry at a time, which is dropped once its lines
are made. Handlers are changed as the file goes from outside a message into a statement, so that
within an entry no Python runs for an opening tag (18 µs an entry, as bare iterparse; the lines cost
as much again).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, TreeBuilder

from reconciliation.formats.camt.entries import lines_of, read_entry
from reconciliation.formats.camt.head import Head, Kind
from reconciliation.formats.camt.names import Names
from reconciliation.formats.parts import Part
from reconciliation.formats.refusals import (
    FileTooLarge,
    MisplacedFigure,
    MissingFigure,
    UnknownFormat,
)
from reconciliation.formats.strict_xml import PIECE, StrictXml, local

MOST_BYTES: Final = 1 << 30
"""A million entries are about 900 MB."""
MOST_UNBROKEN: Final = 8 << 20
"""So many bytes may pass without an entry or statement ending: a batch of 6,000 payments."""
MOST_TAGS: Final = 250_000
"""And so many tags, since each takes more memory than its bytes."""
MOST_STATEMENTS: Final = 10_000

STATEMENT: Final = "BkToCstmrStmt"
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        STATEMENT: Kind("Stmt", "camt053", None),
        "BkToCstmrAcctRpt": Kind("Rpt", "camt.052", "camt.052"),
        "BkToCstmrDbtCdtNtfctn": Kind("Ntfctn", "camt.054", "camt.054"),
    }
)
_HEAD: Final = ("Acct", "Bal", "FrToDt", "TxsSummry")


def parse(stream: BinaryIO) -> Iterator[Part]:
    """What a CAMT file says of each account, read once from where `stream` stands."""
    document = _Document()
    size = 0
    while piece := stream.read(PIECE):
        size += len(piece)
        if size > MOST_BYTES:
            raise FileTooLarge(line=document.line, limit=MOST_BYTES)
        yield from document.feed(piece)
    yield from document.finish()


class _Document:
    """The parser and where it stands: outside a message, in one, in a statement, in an entry."""

    def __init__(self) -> None:
        self.ready: list[Part] = []
        self.unbroken = self.tags = self.statements = self.entry_line = 0
        self.names, self.kind = Names(""), KINDS[STATEMENT]
        self.message: Element | None = None
        self.statement: _Statement | None = None
        self.awaited: dict[str, Callable[[Element], None]] = {}
        self.builder = TreeBuilder()
        self._end = self.builder.end
        self.xml = StrictXml()
        self.expat = self.xml.expat
        self.expat.StartElementHandler = self._open_outside
        self.expat.EndElementHandler = self._close
        self.expat.CharacterDataHandler = self.builder.data

    @property
    def line(self) -> int:
        """The line that is being read."""
        return self.xml.line

    def feed(self, piece: bytes) -> list[Part]:
        """The parts that `piece` completes."""
        self.unbroken += len(piece)
        self.tags += piece.count(b"<")
        if self.unbroken > MOST_UNBROKEN or self.tags > MOST_TAGS:
            raise FileTooLarge(line=self.line, limit=MOST_UNBROKEN)
        return self._parse(piece)

    def finish(self) -> list[Part]:
        """Nothing, if the file ends where a message may end."""
        self._parse(b"")
        if self.message is None:
            raise UnknownFormat(line=1, name="XML")
        if not self.statements:
            what = f"{local(self.message.tag)}/{self.kind.part}"
            raise MissingFigure(line=self.line, what=what)
        return []

    def _parse(self, piece: bytes) -> list[Part]:
        self.ready = []
        self.xml.feed(piece)
        return self.ready

    def _open_outside(self, tag: str, attributes: dict[str, str]) -> None:
        element = self.builder.start(tag, attributes)
        kind = KINDS.get(local(tag))
        if kind is not None:
            self.message, self.names, self.kind = element, Names(tag), kind
            self.awaited = {
                tag: self._close_message,
                self.names[kind.part]: self._close_statement,
                self.names["Ntry"]: self._close_entry,
            }
            self.expat.StartElementHandler = self._open_in_message

    def _open_in_message(self, tag: str, attributes: dict[str, str]) -> None:
        element = self.builder.start(tag, attributes)
        if tag == self.names[self.kind.part]:
            if self.message is None or self.message[-1] is not element:
                raise MisplacedFigure(line=self.line, what=self.kind.part)
            self.statement = _Statement(element, self.kind, names=self.names, line=self.line)
            self.expat.StartElementHandler = self._open_in_statement

    def _open_in_statement(self, tag: str, attributes: dict[str, str]) -> None:
        self.builder.start(tag, attributes)
        if tag == self.names["Ntry"]:
            self.entry_line = self.line
            self.expat.StartElementHandler = self.builder.start

    def _close(self, tag: str) -> None:
        element = self._end(tag)
        if tag in self.awaited:  # this runs 33 times an entry
            self.awaited[tag](element)

    def _close_message(self, element: Element) -> None:
        if element is self.message:
            self.expat.StartElementHandler = self._open_outside

    def _close_entry(self, element: Element) -> None:
        if self.statement is not None:
            self.expat.StartElementHandler = self._open_in_statement
            if self.statement.element[-1] is element:  # not one within another's details
                self.ready += self.statement.take(element, line=self.entry_line)
                self.unbroken = self.tags = 0

    def _close_statement(self, element: Element) -> None:
        if self.statement is None or self.statement.element is not element:
            return
        self.statements += 1
        if self.statements > MOST_STATEMENTS:
            raise FileTooLarge(line=self.line, limit=MOST_STATEMENTS)
        self.ready += self.statement.end()
        self.statement = None
        self.unbroken = self.tags = 0
        if self.message is not None:
            self.message.clear()
        self.expat.StartElementHandler = self._open_in_message


class _Statement:
    """One account's part of a message: its head until the first entry, then its lines."""

    def __init__(self, element: Element, kind: Kind, *, names: Names, line: int) -> None:
        self.element, self.kind, self.names, self.line = element, kind, names, line
        self.head: Head | None = None
        self.lines = 0

    def take(self, element: Element, *, line: int) -> list[Part]:
        """The parts that one more entry completes: the start first, then its lines, if booked."""
        parts, head = self._opened(element)
        self._drop_taken()
        entry = read_entry(element, names=self.names, currency=head.currency, line=line)
        if not entry.booked:
            head.tally.leave_out(entry.change)
            return parts
        head.tally.book(entry.change)
        made = lines_of(entry, names=self.names, currency=head.currency, first=self.lines + 1)
        self.lines += len(made)
        return [*parts, *made]

    def end(self) -> list[Part]:
        """The statement's end, and its start if it has no entry."""
        parts, head = self._opened(None)
        self._drop_taken()
        return [*parts, head.tally.end(head.closing)]

    def _opened(self, entry: Element | None) -> tuple[list[Part], Head]:
        if self.head is not None:
            return [], self.head
        self.head = Head(self.element, self.kind, names=self.names, line=self.line, entry=entry)
        self.element[:] = self.element[-1:] if entry is not None else []
        return [self.head.start], self.head

    def _drop_taken(self) -> None:
        """Forgets the children read so far; a head that comes after an entry is refused."""
        for child in self.element:
            if local(child.tag) in _HEAD:
                raise MisplacedFigure(line=self.line, what=local(child.tag))
        del self.element[:]
