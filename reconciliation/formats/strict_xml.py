"""XML from outside, read by expat: no DOCTYPE, and every fault told with its line.

Without a DOCTYPE there are no entities of the file's own, so nothing can be fetched or blown up.
"""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from reconciliation.formats.refusals import CutFile, UnreadableFile

SEPARATOR: Final = "}"
"""Stands between namespace and name in the tags expat gives: `urn:…:camt.053.001.08}Ntry`."""
PIECE: Final = 1 << 16

_CUT: Final = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)


class MalformedXml(UnreadableFile):
    """A file that is not well-formed XML, or in an encoding nobody reads."""

    code = "malformed_xml"


class DoctypeRefused(UnreadableFile):
    """XML with a DOCTYPE, which no bank writes and attackers do (entities, outside files)."""

    code = "doctype_refused"


def new_parser() -> expat.XMLParserType:
    """An expat parser that refuses a DOCTYPE and gives each text in one piece."""
    parser = expat.ParserCreate(namespace_separator=SEPARATOR)
    parser.buffer_text = True

    def refuse(*_declared: object) -> None:
        raise DoctypeRefused(line=parser.CurrentLineNumber)

    parser.StartDoctypeDeclHandler = refuse
    return parser


def feed(parser: expat.XMLParserType, piece: bytes) -> None:
    """Gives the parser the next piece of the file; an empty one says that the file ends."""
    try:
        parser.Parse(piece, not piece)
    except expat.ExpatError as error:
        if error.code in _CUT:
            raise CutFile(line=error.lineno) from None
        raise MalformedXml(line=error.lineno, reason=expat.ErrorString(error.code)) from None
    except LookupError as error:
        raise MalformedXml(line=parser.CurrentLineNumber, reason=str(error)) from None


def local(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition(SEPARATOR)[2]
