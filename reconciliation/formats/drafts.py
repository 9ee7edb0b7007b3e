"""A layout for a bank that is not known yet: proposed from a file, and tried before it is kept.

What a label means is proposed by the labels of the banks we know. Direction, days and thousands
never are: the draft leaves them open, and reads nothing until a person has filled them in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Final

from reconciliation.formats import spreadsheet
from reconciliation.formats.choices import LONGEST, Choices, entries, listed, quoted
from reconciliation.formats.delimited import Row
from reconciliation.formats.descriptions import OPEN, WHOLE_FILE, every_layout, load
from reconciliation.formats.layouts import Column, Fact, Layout, Order, WrongLayout, label
from reconciliation.formats.parts import End, Line, Start
from reconciliation.formats.refusals import UnreadableFile, UnreadableText
from reconciliation.formats.spreadsheet import MOST_PREAMBLE, LayoutNotFound, Reading

SHOWN_ROWS: Final = 30
SHOWN_REFUSALS: Final = 50

_DIALECTS: Final = tuple((one, mark) for one in ("utf-8", "cp1258") for mark in ",;\t|")
_FEWEST_LABELS: Final = 3
_MOST_LABELS: Final = 40
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


class HeaderNotFound(LayoutNotFound):
    """No row of a file looks like the header of its table, or the one named does not."""

    code = "header_not_found"


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
    guessed = guess(stream)
    pairs = list(zip(guessed.columns, guessed.labels, strict=True))
    return _DRAFT.format(
        open=OPEN,
        name=name,
        encoding=guessed.encoding,
        delimiter=quoted(guessed.delimiter),
        columns=entries(guessed.columns, guessed.labels),
        amounts=listed([one for meaning, one in pairs if not meaning]),
        preamble=entries(guessed.facts, guessed.above),
    )


def guess(stream: BinaryIO, *, row: int | None = None) -> Choices:
    """What a file's header most likely means, the rest left open for a person to answer.

    The header is the row with most known labels, or `row` where a person says so. Raises
    `HeaderNotFound`, or `UnreadableFile` for a workbook that cannot be read.
    """
    (encoding, delimiter), above, header = _likeliest_header(stream, row)
    labels = tuple(filter(None, header))
    columns, told = tuple(_meanings_of(labels)), _labels_above(above)
    if any("\0" in one for one in (*labels, *told)):
        raise UnreadableText(line=len(above) + 1)
    return Choices(
        labels=labels,
        columns=columns,
        above=tuple(told),
        facts=tuple(told.values()),
        encoding=encoding,
        delimiter=delimiter,
        order=Order.EITHER.value if Column.BALANCE in columns else "",
        date_cells="yes" if spreadsheet.is_workbook(stream) else "",
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
                told = reading.take(cells, row=row)
            except UnreadableFile as refusal:
                refusals.append(refusal)
                if len(refusals) == SHOWN_REFUSALS:
                    break
                continue
            lines += told[: most - len(lines)]
    except UnreadableFile as refusal:
        refusals.append(refusal)
    return lines, refusals


def _likeliest_header(
    stream: BinaryIO, wanted: int | None
) -> tuple[tuple[str, str], list[Row], list[str]]:
    """The way to read a file, its rows above the header, and the row with most known labels."""
    found: list[tuple[tuple[int, int], tuple[str, str], list[Row], list[str]]] = []
    for dialect in _DIALECTS[:1] if spreadsheet.is_workbook(stream) else _DIALECTS:
        above: list[Row] = []
        for row, cells in _readable(stream, dialect):
            if wanted in (None, row):
                known = sum(_meaning(cell) is not None for cell in cells if cell)
                filled = sum(map(bool, cells))
                found.append(((known, filled), dialect, list(above), cells))
            above.append((row, cells))
    most = max(found, key=lambda one: one[0], default=None)
    if most is None or most[0][wanted is not None] < _FEWEST_LABELS:
        raise HeaderNotFound(line=wanted or 1)
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


def _meanings_of(labels: Sequence[str]) -> Iterator[str]:
    """What each label means; open where only a person can tell, nothing for a second of a kind."""
    seen: set[Column] = set()
    for cell in labels:
        meaning = _meaning(cell)
        if meaning is None or meaning in _AMOUNTS:
            yield ""
        else:
            yield (Column.NOTHING if meaning in seen else meaning).value
            seen.add(meaning)


def _labels_above(above: Sequence[Row]) -> dict[str, str]:
    """The labels above the header, with what they tell at a bank we know, each fact once."""
    known: dict[str, Fact] = {}
    for layout in every_layout().values():
        known = {**layout.preamble, **known}
    found: dict[str, str] = {}
    for cell in (cell.partition(":")[0].strip() for _, cells in above for cell in cells):
        if len(found) == _MOST_LABELS:
            break
        if any(map(str.isalpha, cell)) and len(cell) <= LONGEST:
            fact = known.get(label(cell))
            told = "" if fact is None or fact.value in found.values() else fact.value
            found.setdefault(cell, told)
    return found
