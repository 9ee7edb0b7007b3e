"""Rows of an XLSX workbook, streamed by expat, with exact numbers and bounds on everything.

Written by ourselves, as the CAMT reader is, since the library measured is wrong here:
python-calamine 0.9.1 builds the whole grid first, so that two cells far apart (A1 and XFD1048576,
one KB of file) end the process, and one long shared string in 60,000 cells (300 KB of file) takes
1.7 GB; it gives numbers as floats, and an uncalculated formula or an error cell as empty text.

Source: ECMA-376 part 1 (SpreadsheetML), 18.2 workbook, 18.3 worksheet, 18.4 shared strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from string import ascii_uppercase
from typing import BinaryIO, Final

from reconciliation.formats.delimited import Row
from reconciliation.formats.package import Package, UnreadableWorkbook
from reconciliation.formats.refusals import FileTooLarge, UnreadableFile
from reconciliation.formats.strict_xml import StrictXml, local

MOST_STRINGS: Final = 1_000_000
MOST_TEXT: Final = 4_096
MOST_ROWS: Final = 1 << 20

_COLUMNS: Final = {
    letters: place
    for place, letters in enumerate(
        [*ascii_uppercase, *(a + b for a, b in product(ascii_uppercase, ascii_uppercase))]
    )
}
"""A to ZZ; no statement is wider."""
_WIDEST: Final = len(_COLUMNS)
_DIGITS: Final = "0123456789"
_TEXTS: Final = frozenset({"str", "inlineStr", "d"})
_NUMBERS: Final = frozenset({None, "n"})
_HIDDEN: Final = frozenset({"hidden", "veryHidden"})
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")


class UncalculatedFormula(UnreadableFile):
    """A cell with a formula and no stored value, or whose value is an error such as #N/A."""

    code = "uncalculated_formula"


class SeveralSheets(UnreadableFile):
    """A workbook in which more than one visible sheet holds something."""

    code = "several_sheets"


class Number(str):
    """A numeric cell: its digits as they stand in the file, not yet rounded by anybody."""

    __slots__ = ()


def rows(stream: BinaryIO) -> Iterator[Row]:
    """The rows of the one visible sheet that holds something; blank cells are empty text."""
    package = Package(stream)
    sheets, strings = _opened(package)
    filled = [sheet for sheet in sheets if _holds_something(package, sheet, strings)]
    if len(filled) > 1:
        raise SeveralSheets(line=1)
    for sheet in filled:
        yield from _sheet_rows(package, sheet, strings)


def _opened(package: Package) -> tuple[list[str], dict[str, str]]:
    """The parts of the visible sheets, and the shared strings."""
    books = [link for link in package.relations("").values() if link.kind == "officeDocument"]
    if len(books) != 1:
        raise UnreadableWorkbook(line=1, part="_rels/.rels")
    book = books[0].target
    links = package.relations(book)
    shown = [
        _relation_id(attributes)
        for tag, attributes in package.elements(book)
        if tag == "sheet" and attributes.get("state") not in _HIDDEN
    ]
    if any(link not in links for link in shown):
        raise UnreadableWorkbook(line=1, part=book)
    sheets = [links[link].target for link in shown if links[link].kind == "worksheet"]
    sheets = list(dict.fromkeys(sheets))
    strings = [link.target for link in links.values() if link.kind == "sharedStrings"]
    return sheets, _Strings().read(package, strings[0]) if strings else {}


def _relation_id(attributes: dict[str, str]) -> str:
    """`r:id`, in whichever namespace relationships are."""
    return next((told for name, told in attributes.items() if name.endswith("}id")), "")


def _holds_something(package: Package, sheet: str, strings: Mapping[str, str]) -> bool:
    return any(any(cells) for _, cells in _sheet_rows(package, sheet, strings))


def _sheet_rows(package: Package, sheet: str, strings: Mapping[str, str]) -> Iterator[Row]:
    reader = _Sheet(strings)
    for piece in package.pieces(sheet):
        yield from reader.feed(piece)
    yield from reader.feed(b"")


class _Strings:
    """The shared strings part: every text once, by the number that cells name it with."""

    def __init__(self) -> None:
        self.strings: dict[str, str] = {}
        self.text = ""
        self.collects = self.mutes = False
        self.xml = StrictXml()
        self.xml.expat.StartElementHandler = self._open_first
        self.xml.expat.EndElementHandler = self._close
        self.xml.expat.CharacterDataHandler = self._take

    def read(self, package: Package, part: str) -> dict[str, str]:
        """The strings of the part, each with its number as cells write it."""
        for piece in package.pieces(part):
            self.xml.feed(piece)
        self.xml.feed(b"")
        return self.strings

    def _open_first(self, tag: str, _attributes: dict[str, str]) -> None:
        """Learns the namespace from the outermost element."""
        prefix = tag.removesuffix(local(tag))
        self.tag_text, self.tag_string = prefix + "t", prefix + "si"
        self.tag_phonetic = prefix + "rPh"  # how a text is pronounced, in Japanese
        self.xml.expat.StartElementHandler = self._open

    def _open(self, tag: str, _attributes: dict[str, str]) -> None:
        if tag == self.tag_text:
            self.collects = not self.mutes
        elif tag == self.tag_phonetic:
            self.mutes = True

    def _close(self, tag: str) -> None:
        if tag == self.tag_text:
            self.collects = False
        elif tag == self.tag_string:
            self.strings[str(len(self.strings))] = _unescaped(self.text)
            self.text = ""
            if len(self.strings) > MOST_STRINGS:
                raise FileTooLarge(line=1, limit=MOST_STRINGS)
        elif tag == self.tag_phonetic:
            self.mutes = False

    def _take(self, text: str) -> None:
        if self.collects:
            self.text += text
            if len(self.text) > MOST_TEXT:
                raise FileTooLarge(line=1, limit=MOST_TEXT)


class _Sheet:
    """A worksheet part; each row is ready once it is closed."""

    def __init__(self, strings: Mapping[str, str]) -> None:
        self.strings = strings
        self.ready: list[Row] = []
        self.row = 0
        self.cells: list[str] = []
        self.kind: str | None = None
        self.text = ""
        self.in_row = self.collects = self.formula = False
        self.xml = StrictXml()
        self.xml.expat.StartElementHandler = self._open_first
        self.xml.expat.EndElementHandler = self._close
        self.xml.expat.CharacterDataHandler = self._take

    def feed(self, piece: bytes) -> list[Row]:
        """The rows that `piece` completes."""
        self.ready = []
        self.xml.feed(piece)
        return self.ready

    def _open_first(self, tag: str, _attributes: dict[str, str]) -> None:
        """Learns the namespace from the outermost element."""
        prefix = tag.removesuffix(local(tag))
        self.tags_of_text = (prefix + "v", prefix + "t")
        self.tag_cell, self.tag_row, self.tag_formula = prefix + "c", prefix + "row", prefix + "f"
        self.xml.expat.StartElementHandler = self._open

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == self.tag_cell:
            self._open_cell(attributes)
        elif tag in self.tags_of_text:
            self.collects = True
        elif tag == self.tag_row:
            self._open_row(attributes)
        elif tag == self.tag_formula:
            self.formula = True

    def _close(self, tag: str) -> None:
        if tag == self.tag_cell:
            shared = self.strings.get(self.text) if self.kind == "s" else None
            self.cells.append(self._cell() if shared is None else shared)
        elif tag in self.tags_of_text:
            self.collects = False
        elif tag == self.tag_row:
            self.ready.append((self.row, self.cells))
            self.in_row = False

    def _take(self, text: str) -> None:
        if self.collects:
            self.text += text
            if len(self.text) > MOST_TEXT:
                raise FileTooLarge(line=self.row, limit=MOST_TEXT)

    def _open_row(self, attributes: dict[str, str]) -> None:
        told = attributes.get("r", str(self.row + 1))
        number = int(told) if told.isascii() and told.isdigit() and len(told) < 8 else 0
        if self.in_row or not self.row < number <= MOST_ROWS:
            raise UnreadableWorkbook(line=self.row + 1, part=f"row {told[:8]}")
        self.row, self.cells, self.in_row = number, [], True

    def _open_cell(self, attributes: dict[str, str]) -> None:
        self.kind, self.formula, self.text = attributes.get("t"), False, ""
        told, next_ = attributes.get("r"), len(self.cells)
        place = _COLUMNS.get(told.rstrip(_DIGITS), -1) if told else next_
        if not self.in_row or not next_ <= place < _WIDEST:
            raise UnreadableWorkbook(line=max(self.row, 1), part=f"cell {(told or '')[:10]}")
        if place > next_:
            self.cells.extend([""] * (place - next_))

    def _cell(self) -> str:
        kind, text = self.kind, self.text
        if kind == "s":
            if text not in self.strings:
                raise UnreadableWorkbook(line=self.row, part=f"string {text[:10]}")
            return self.strings[text]
        if kind in _TEXTS:
            return _unescaped(text)
        if kind in _NUMBERS:
            if self.formula and not text.strip():
                raise UncalculatedFormula(line=self.row)
            return Number(text.strip())
        if kind == "b":
            return "TRUE" if text.strip() == "1" else "FALSE"
        if kind == "e":
            raise UncalculatedFormula(line=self.row)
        raise UnreadableWorkbook(line=self.row, part=f"cell {kind}")


def _unescaped(text: str) -> str:
    """A text without white space around it, `_x000D_` read as the character it stands for."""
    return (_ESCAPED.sub(_character, text) if "_x" in text else text).strip()


def _character(escaped: re.Match[str]) -> str:
    character = chr(int(escaped[1], 16))
    return "\ufffd" if "\ud800" <= character <= "\udfff" else character
