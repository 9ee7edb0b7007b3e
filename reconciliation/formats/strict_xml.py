"""XML from outside, read by expat: no DOCTYPE, and every fault told with its line.

Without a DOCTYPE there are no entities of the file's own, so nothing can be fetched or blown up.
"""

from __future__ import annotations

import re
from typing import Final
from xml.parsers import expat

from reconciliation.formats.refusals import CutFile, FileTooLarge, UnreadableFile

SEPARATOR: Final = "}"
"""Stands between namespace and name in the tags expat gives: `urn:…:camt.053.001.08}Ntry`."""
PIECE: Final = 1 << 16
MOST_TAG_BYTES: Final = 1 << 20
"""One tag, with its attributes, or one comment."""

_ENCODINGS: Final = re.compile(
    r"utf-8|utf-16|us-ascii|iso-8859-(?:[1-9]|1[03456])|windows-125[0-8]", re.IGNORECASE
)
_CUT: Final = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)
_BEHIND: Final = expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]


class MalformedXml(UnreadableFile):
    """A file that is not well-formed XML, or in an encoding nobody reads."""

    code = "malformed_xml"


class JoinedFiles(UnreadableFile):
    """A file with something behind its document: two files in one, or one twice."""

    code = "joined_files"


class DoctypeRefused(UnreadableFile):
    """XML with a DOCTYPE, which no bank writes and attackers do (entities, outside files)."""

    code = "doctype_refused"


class StrictXml:
    """An expat parser that refuses a DOCTYPE and bounds every tag; `expat` takes the handlers."""

    def __init__(self) -> None:
        self.expat = expat.ParserCreate(namespace_separator=SEPARATOR)
        self.expat.buffer_text = True
        self.expat.XmlDeclHandler = self._check_encoding
        self.expat.StartDoctypeDeclHandler = self._refuse_doctype
        self._fed = 0

    @property
    def line(self) -> int:
        """The line that is being read."""
        return self.expat.CurrentLineNumber

    def feed(self, piece: bytes) -> None:
        """Gives the parser the next piece of the file; an empty one says that the file ends."""
        try:
            self.expat.Parse(piece, not piece)
        except expat.ExpatError as error:
            if error.code in _CUT:
                raise CutFile(line=error.lineno) from None
            if error.code == _BEHIND:
                raise JoinedFiles(line=error.lineno) from None
            raise MalformedXml(line=error.lineno, reason=expat.ErrorString(error.code)) from None
        self._fed += len(piece)
        if self._fed - self.expat.CurrentByteIndex > MOST_TAG_BYTES:
            raise FileTooLarge(line=self.line, limit=MOST_TAG_BYTES)

    def _check_encoding(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and not _ENCODINGS.fullmatch(encoding):
            raise MalformedXml(line=self.line, reason=encoding)

    def _refuse_doctype(self, *_declared: object) -> None:
        raise DoctypeRefused(line=self.line)


def local(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition(SEPARATOR)[2]
