"""Rows of an XLSX workbook, streamed by expat, with exact numbers and bounds on everything.

Written by ourselves, as the CAMT reader is, since the library measured is wrong here:
python-calamine 0.9.1 builds the whole grid first, so that two cells far apart (A1 and XFD1048576,
one KB of file) end the process, and one long shared string in 60,000 cells (300 KB of file) takes
1.7 GB; it gives numbers as floats, and an uncalculated formula or an error cell as empty text.

Source: ECMA-376 part 1 (SpreadsheetML), 18.2 workbook, 18.3 worksheet, 18.4 shared strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from string import ascii_uppercase
from typing import BinaryIO, Final

from reconciliation.formats import strict_xml
from reconciliation.formats.delimited import Row
from reconciliation.formats.package import Package, UnreadableWorkbook
from reconciliation.formats.refusals import FileTooLarge, UnreadableFile

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
_DIGITS: Final = "0123456789"
_HIDDEN: Final = frozenset({"hidden", "veryHidden"})
_ESCAPED_CONTROL: Final = re.compile("_x00[01][0-9A-Fa-f]_")


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


def _opened(package: Package) -> tuple[list[str], list[str]]:
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
    return sheets, _Strings().read(package, strings[0]) if strings else []


def _relation_id(attributes: dict[str, str]) -> str:
    """`r:id`, in whichever namespace relationships are."""
    return next((told for name, told in attributes.items() if name.endswith("}id")), "")


def _holds_something(package: Package, sheet: str, strings: Sequence[str]) -> bool:
    return any(any(cells) for _, cells in _sheet_rows(package, sheet, strings))


def _sheet_rows(package: Package, sheet: str, strings: Sequence[str]) -> Iterator[Row]:
    reader = _Sheet(strings)
    for piece in package.pieces(sheet):
        yield from reader.feed(piece)
    yield from reader.feed(b"")


class _Text:
    """Collects the text of `v` and `t` elements, leaving out phonetic runs."""

    def __init__(self) -> None:
        self.row = 0
        self.text = ""
        self.collects = self.mutes = False
        self.parser = strict_xml.new_parser()
        self.parser.StartElementHandler = self._open_first
        self.parser.EndElementHandler = self.close
        self.parser.CharacterDataHandler = self.take

    def _open_first(self, tag: str, _attributes: dict[str, str]) -> None:
        """Learns the namespace from the outermost element."""
        prefix = tag[: -len(strict_xml.local(tag))]
        self.tags_of_text, self.tag_phonetic = (prefix + "v", prefix + "t"), prefix + "rPh"
        self.tag_string, self.tag_row = prefix + "si", prefix + "row"
        self.tag_cell, self.tag_formula = prefix + "c", prefix + "f"
        self.parser.StartElementHandler = self.open

    def open(self, tag: str, _attributes: dict[str, str]) -> None:
        if tag in self.tags_of_text:
            self.collects = not self.mutes
        elif tag == self.tag_phonetic:
            self.mutes = True

    def close(self, tag: str) -> None:
        if tag in self.tags_of_text:
            self.collects = False
        elif tag == self.tag_phonetic:
            self.mutes = False

    def take(self, text: str) -> None:
        if self.collects:
            self.text += text
            if len(self.text) > MOST_TEXT:
                raise FileTooLarge(line=self.row, limit=MOST_TEXT)


class _Strings(_Text):
    """The shared strings part: every text once, cells name it by its place."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []

    def read(self, package: Package, part: str) -> list[str]:
        for piece in package.pieces(part):
            strict_xml.feed(self.parser, piece)
        strict_xml.feed(self.parser, b"")
        return self.strings

    def close(self, tag: str) -> None:
        super().close(tag)
        if tag == self.tag_string:
            self.strings.append(_unescaped(self.text))
            self.text = ""
            if len(self.strings) > MOST_STRINGS:
                raise FileTooLarge(line=1, limit=MOST_STRINGS)


class _Sheet(_Text):
    """A worksheet part; each row is ready once it is closed."""

    def __init__(self, strings: Sequence[str]) -> None:
        super().__init__()
        self.strings = strings
        self.ready: list[Row] = []
        self.cells: list[str] = []
        self.kind: str | None = None
        self.in_row = self.formula = False

    def feed(self, piece: bytes) -> list[Row]:
        self.ready = []
        strict_xml.feed(self.parser, piece)
        return self.ready

    def open(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == self.tag_cell:
            self._open_cell(attributes)
        elif tag == self.tag_row:
            self._open_row(attributes)
        elif tag == self.tag_formula:
            self.formula = True
        else:
            super().open(tag, attributes)

    def close(self, tag: str) -> None:
        if tag == self.tag_cell:
            self.cells.append(self._cell())
        elif tag == self.tag_row:
            self.ready.append((self.row, self.cells))
            self.in_row = False
        else:
            super().close(tag)

    def _open_row(self, attributes: dict[str, str]) -> None:
        told = attributes.get("r", str(self.row + 1))
        number = int(told) if told.isascii() and told.isdigit() and len(told) < 8 else 0
        if self.in_row or not self.row < number <= MOST_ROWS:
            raise UnreadableWorkbook(line=self.row + 1, part=f"row {told[:8]}")
        self.row, self.cells, self.in_row = number, [], True

    def _open_cell(self, attributes: dict[str, str]) -> None:
        told = attributes.get("r")
        if not self.in_row:
            raise UnreadableWorkbook(line=self.row + 1, part="c")
        if told is not None:
            place = _COLUMNS.get(told.rstrip(_DIGITS), -1)
            if place < len(self.cells):
                raise UnreadableWorkbook(line=self.row, part=f"cell {told[:10]}")
            self.cells.extend([""] * (place - len(self.cells)))
        elif len(self.cells) >= len(_COLUMNS):
            raise FileTooLarge(line=self.row, limit=len(_COLUMNS))
        self.kind, self.formula, self.text = attributes.get("t"), False, ""

    def _cell(self) -> str:
        kind, text = self.kind, self.text
        if kind == "s":
            return self._shared(text)
        if kind is None or kind == "n":
            if self.formula and not text.strip():
                raise UncalculatedFormula(line=self.row)
            return Number(text.strip()) if text else ""
        if kind in ("str", "inlineStr", "d"):
            return _unescaped(text)
        if kind == "b":
            return "TRUE" if text.strip() == "1" else "FALSE"
        if kind == "e":
            raise UncalculatedFormula(line=self.row)
        raise UnreadableWorkbook(line=self.row, part=f"t={kind[:10]}")

    def _shared(self, text: str) -> str:
        place = text.strip()
        if not (place.isascii() and place.isdigit() and int(place[:9]) < len(self.strings)):
            raise UnreadableWorkbook(line=self.row, part=f"string {place[:9]}")
        return self.strings[int(place)]


def _unescaped(text: str) -> str:
    """A text without white space around it, nor the controls Excel writes as `_x000D_`."""
    return (_ESCAPED_CONTROL.sub(" ", text) if "_x00" in text else text).strip()
