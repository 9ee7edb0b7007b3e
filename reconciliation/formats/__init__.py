"""Statement formats: each a pure reader that streams a file as starts, lines and ends.

`read` finds the format by the first bytes of the file, never by its name. A further format is a
file with a `parse` and its entry in `FORMATS`; a further bank's sheet is one in `layouts.toml`,
or in a text of the same language that the caller hands over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType
from typing import BinaryIO, Final

from reconciliation.formats import camt, mt940, spreadsheet, vietinbank_va
from reconciliation.formats.descriptions import every_layout, load
from reconciliation.formats.layouts import Layout, WrongLayout
from reconciliation.formats.parts import (
    VND,
    Discrepancy,
    End,
    Figure,
    Line,
    OtherCurrency,
    Part,
    Start,
    in_dong,
)
from reconciliation.formats.refusals import UnknownFormat, UnreadableFile

__all__ = [
    "FORMATS",
    "VND",
    "Discrepancy",
    "End",
    "Figure",
    "Format",
    "Line",
    "OtherCurrency",
    "Part",
    "Start",
    "UnknownFormat",
    "UnreadableFile",
    "detect",
    "formats_with",
    "in_dong",
    "read",
]

HEAD: Final = 4096
"""So many bytes tell what a file is."""

SHEET: Final = "spreadsheet"
"""A sheet or CSV in whichever layout its header row says."""

_XML_BEGINS: Final = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<\x00", b"\xfe\xff\x00<")
_WHITE: Final = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Format:
    """A reader, and how it knows its files by their first bytes; a layout knows its header."""

    parse: Callable[[BinaryIO], Iterator[Part]]
    recognises: Callable[[bytes], bool] | None = None


def read(
    stream: BinaryIO,
    *,
    format: str | None = None,  # noqa: A002 - the word everybody has for it
    filename: str = "",
    layouts: str = "",
    key: str = "",
) -> Iterator[Part]:
    """The parts of every statement in the file, from the beginning of `stream`, which can seek.

    `layouts` describes further layouts, in TOML; `key` is the one that a bank shares for the
    checksums of its files. Raises `WrongLayout`, or `UnreadableFile` with the line and the reason,
    perhaps after some parts: nothing may be stored before all of them have been taken.
    """
    formats = formats_with(layouts)
    stream.seek(0)
    name = format or detect(stream.read(HEAD), filename)
    if name not in formats:
        raise UnknownFormat(line=1, name=name)
    stream.seek(0)
    if key and name == vietinbank_va.FORMAT:
        yield from vietinbank_va.parse(stream, key=key)
    else:
        yield from formats[name].parse(stream)


def detect(head: bytes, filename: str) -> str:
    """The format of a file by its first bytes; the name only tells which file is refused."""
    for name, known in FORMATS.items():
        if known.recognises is not None and known.recognises(head):
            return name
    raise UnknownFormat(line=1, name=filename)


def _is_xml(head: bytes) -> bool:
    return head.lstrip(_WHITE).startswith(_XML_BEGINS)


def _is_sheet(head: bytes) -> bool:
    """A workbook, or text: no NUL, and something in it."""
    return head.startswith(spreadsheet.WORKBOOKS) or (
        b"\0" not in head and bool(head.strip(_WHITE))
    )


def _sheets(layouts: Mapping[str, Layout]) -> dict[str, Format]:
    """The reader of any of these layouts, and one of each by its name."""
    able = {SHEET: tuple(layouts.values())} | {name: (one,) for name, one in layouts.items()}
    return {
        name: Format(partial(spreadsheet.parse, layouts=some), _is_sheet if name == SHEET else None)
        for name, some in able.items()
    }


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "camt053": Format(camt.parse, _is_xml),
        "camt.052": Format(camt.parse),
        "camt.054": Format(camt.parse),
        "mt940": Format(mt940.parse, mt940.recognises),
        "vietinbank_va": Format(vietinbank_va.parse, vietinbank_va.recognises),
        **_sheets(every_layout()),
    }
)


@lru_cache(maxsize=16)
def formats_with(layouts: str) -> Mapping[str, Format]:
    """`FORMATS`, with the layouts that a text in TOML describes; one of ours is replaced by name.

    Raises `WrongLayout` if it cannot be read, or names a layout as a reader is named.
    """
    if not layouts.strip():
        return FORMATS
    further = load(layouts)
    for name in further:
        if name in FORMATS and name not in every_layout():
            raise WrongLayout(layout=name, what="[camt053], [mt940], [spreadsheet], …")
    return MappingProxyType({**FORMATS, **_sheets({**every_layout(), **further})})
