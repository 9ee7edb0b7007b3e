"""A layout for a bank that is not known yet: proposed from a file, and tried before it is kept.

What a label means is proposed by the labels of the banks we know. Direction, days and thousands
never are: the draft leaves them open, and reads nothing until a person has filled them in.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Final

from reconciliation.formats import spreadsheet
from reconciliation.formats.delimited import Row
from reconciliation.formats.descriptions import OPEN, WHOLE_FILE, every_layout, load
from reconciliation.formats.layouts import Column, Fact, Layout, WrongLayout, label
from reconciliation.formats.parts import End, Line, Start
from reconciliation.formats.refusals import UnreadableFile
from reconciliation.formats.spreadsheet import MOST_PREAMBLE, LayoutNotFound, Reading

SHOWN_ROWS: Final = 30
SHOWN_REFUSALS: Final = 50

_DIALECTS: Final = tuple((one, mark) for one in ("utf-8", "cp1258") for mark in ",;\t|")
_FEWEST_LABELS: Final = 3
_AMOUNTS: Final = frozenset({Column.AMOUNT, Column.SIGN, Column.CREDIT, Column.DEBIT})
_MEANINGS: Final[Mapping[str, Column]] = {
    "sodu": Column.BALANCE,
    "balance": Column.BALANCE,
    "diengiai": Column.MEMO,
    "noidung": Column.MEMO,
    "mota": Column.MEMO,
    "description": Column.MEMO,
    "detail": Column.MEMO,
    "remark": Column.MEMO,
    "ngayhieuluc": Column.VALUE_DAY,
    "ngaygiatri": Column.VALUE_DAY,
    "valuedate": Column.VALUE_DAY,
    "ngay": Column.DAY,
    "date": Column.DAY,
    "thamchieu": Column.BANK_REFERENCE,
    "buttoan": Column.BANK_REFERENCE,
    "chungtu": Column.BANK_REFERENCE,
    "sogd": Column.BANK_REFERENCE,
    "sogiaodich": Column.BANK_REFERENCE,
    "reference": Column.BANK_REFERENCE,
    "sotaikhoan": Column.PAYER_ACCOUNT,
    "sotk": Column.PAYER_ACCOUNT,
    "tentaikhoan": Column.PAYER_NAME,
    "nguoichuyen": Column.PAYER_NAME,
    "stt": Column.NOTHING,
    "loaitien": Column.CURRENCY,
    "currency": Column.CURRENCY,
    "tien": Column.AMOUNT,
    "phatsinh": Column.AMOUNT,
    "ghino": Column.AMOUNT,
    "ghico": Column.AMOUNT,
    "amount": Column.AMOUNT,
    "debit": Column.AMOUNT,
    "credit": Column.AMOUNT,
}
"""What a label with such a piece in it most likely holds, the first that fits."""

_DRAFT: Final = """\
# A draft. Fill in every "{open}": until then nothing is read by it.
# What each entry means stands at the head of reconciliation/formats/layouts.toml.
[{name}]
bank = "{open}"  # its BIN
currency = "VND"
encodings = ["{encoding}"]
delimiter = {delimiter}
days = "{open}"  # "dd/mm/yyyy" or "yyyy-mm-dd"
thousands = "{open}"  # "comma" or "dot"
stable_references = false
ends_at = ["{open}"]  # the first cell of the row that ends the table; or [] with open_end = true

[{name}.columns]
{columns}
# Which raises the balance (credit), which lowers it (debit)? One column with signs: amount, sign.
"{open}" = {amounts}

[{name}.preamble]
{preamble}
"""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a layout makes of a file: its first rows as they are, and what is read of all."""

    rows: Sequence[Row] = field(repr=False)
    start: Start | None
    lines: Sequence[Line] = field(repr=False)
    """Those of the first rows."""
    end: End | None
    refusals: Sequence[UnreadableFile]
    """Each with the row it stands in; with none the file is read whole by this layout."""


def preview(stream: BinaryIO, described: str, *, most: int = SHOWN_ROWS) -> Preview:
    """What the one layout that `described` holds makes of a file. Raises `WrongLayout`.

    Unlike reading for good, it goes on behind a row that cannot be read, to tell of every one.
    """
    layouts = tuple(load(described).values())
    if len(layouts) != 1:
        raise WrongLayout(layout=WHOLE_FILE, what=f"{len(layouts)} ≠ 1")
    shown = _first_rows(stream, layouts[0], most)
    try:
        reading = Reading(spreadsheet.opened(stream, layouts))
    except UnreadableFile as refusal:
        return Preview(shown, start=None, lines=[], end=None, refusals=[refusal])
    lines, refusals = _tried(reading, most)
    end = None
    if not refusals:
        try:
            end = reading.end()
        except UnreadableFile as refusal:
            refusals.append(refusal)
    return Preview(shown, start=reading.start, lines=lines, end=end, refusals=refusals)


def propose(stream: BinaryIO, *, name: str = "new_bank") -> str:
    """A draft of a layout in TOML, from a file's header row. Raises `LayoutNotFound`."""
    (encoding, delimiter), above, header = _likeliest_header(stream)
    meant: dict[str, list[str]] = {}
    amounts: list[str] = []
    for cell in filter(None, header):
        meaning = _meaning(cell)
        if meaning is None or meaning in _AMOUNTS:
            amounts.append(cell)
        elif meaning is not Column.NOTHING and meaning.value in meant:
            meant.setdefault(Column.NOTHING.value, []).append(cell)
        else:
            meant.setdefault(meaning.value, []).append(cell)
    return _DRAFT.format(
        open=OPEN,
        name=name,
        encoding=encoding,
        delimiter=_quoted(delimiter),
        columns=_entries(meant),
        amounts=_listed(amounts),
        preamble=_entries(_facts_above(above)),
    )


def _first_rows(stream: BinaryIO, layout: Layout, most: int) -> list[Row]:
    for encoding in layout.encodings:
        rows = spreadsheet.rows_of(stream, encoding=encoding, delimiter=layout.delimiter)
        try:
            return list(islice(rows, most))
        except UnreadableFile:
            continue
    return []


def _tried(reading: Reading, most: int) -> tuple[list[Line], list[UnreadableFile]]:
    """The first lines, and the rows that are refused, all rows taken."""
    lines: list[Line] = []
    refusals: list[UnreadableFile] = []
    try:
        for row, cells in reading.rows:
            try:
                line = reading.take(cells, row=row)
            except UnreadableFile as refusal:
                refusals.append(refusal)
                if len(refusals) == SHOWN_REFUSALS:
                    break
                continue
            if line is not None and len(lines) < most:
                lines.append(line)
    except UnreadableFile as refusal:
        refusals.append(refusal)
    return lines, refusals


def _likeliest_header(stream: BinaryIO) -> tuple[tuple[str, str], list[Row], list[str]]:
    """The way to read a file, its rows above the header, and the row with most known labels."""
    found: list[tuple[int, tuple[str, str], list[Row], list[str]]] = []
    for dialect in _DIALECTS[:1] if spreadsheet.is_workbook(stream) else _DIALECTS:
        above: list[Row] = []
        for row, cells in _readable(stream, dialect):
            known = sum(_meaning(cell) is not None for cell in cells if cell)
            found.append((known, dialect, list(above), cells))
            above.append((row, cells))
    most = max(found, key=lambda one: one[0], default=None)
    if most is None or most[0] < _FEWEST_LABELS:
        raise LayoutNotFound(line=1)
    return most[1:]


def _readable(stream: BinaryIO, dialect: tuple[str, str]) -> Iterator[Row]:
    """The rows in which a header may stand, as far as the file can be read in this way."""
    encoding, delimiter = dialect
    rows = spreadsheet.rows_of(stream, encoding=encoding, delimiter=delimiter)
    try:
        yield from islice(rows, MOST_PREAMBLE)
    except UnreadableFile:
        if spreadsheet.is_workbook(stream):
            raise


def _meaning(cell: str) -> Column | None:
    """What a label means at the banks we know, or most likely; None if it says nothing to us."""
    folded = label(cell)
    for layout in every_layout().values():
        if folded in layout.columns:
            return layout.columns[folded]
    return next((column for piece, column in _MEANINGS.items() if piece in folded), None)


def _facts_above(above: Sequence[Row]) -> dict[str, list[str]]:
    """The labels above the header that tell the same at a bank we know."""
    known: dict[str, Fact] = {}
    for layout in every_layout().values():
        known = {**layout.preamble, **known}
    found: dict[str, list[str]] = {}
    for cell in (cell.partition(":")[0].strip() for _, cells in above for cell in cells):
        fact = known.get(label(cell))
        if fact is not None and cell not in found.get(fact.value, []):
            found.setdefault(fact.value, []).append(cell)
    return found


def _entries(meant: Mapping[str, Sequence[str]]) -> str:
    return "\n".join(f"{meaning} = {_listed(labels)}" for meaning, labels in meant.items())


def _listed(labels: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, labels))}]"


def _quoted(text: str) -> str:
    """A text as TOML writes it, on one line."""
    plain = " ".join(unicodedata.normalize("NFC", text).split()) or text
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
