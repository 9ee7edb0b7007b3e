"""The grammar of a QR code for payment: objects inside objects, closed by a checksum.

An object is an ID of two digits, a length of two digits (01 to 99) and so many characters of
value; some values are themselves a row of objects. Object 00 comes first and 63 last, the others
in any order, each once. The length counts characters, the checksum runs over UTF-8 bytes.

Source: EMVCo, "QR Code Specification for Payment Systems: Merchant-Presented Mode", 3 and 4;
NAPAS VietQR v1.0, chapter 4. Both structure and checksum are checked, since the NAPAS document
itself prints a string (6.1.1) whose checksum is right and whose structure is not.
"""

from __future__ import annotations

import unicodedata
from binascii import crc_hqx
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from payments.core.errors import Invalid


class Reason(StrEnum):
    """Why a code could not be read; stable, for callers and tests."""

    CHARACTER = "character"  # a control character or half a character
    HEADER = "header"  # an object does not begin with four digits
    EMPTY_OBJECT = "empty_object"  # an object of length 00
    OVERRUN = "overrun"  # an object is longer than what is left
    DUPLICATE = "duplicate"  # the same object twice
    FIRST = "first"  # object 00 is not first
    LAST = "last"  # object 63 is not last
    CHECKSUM = "checksum"
    SCHEME = "scheme"  # a good code of another payment scheme
    MISSING = "missing"  # an object VietQR requires is not there
    UNEXPECTED = "unexpected"  # an object that has no place there
    VALUE = "value"  # an object whose value VietQR does not allow


class UnreadableQR(Invalid):
    """A text that is not a VietQR transfer; `position` counts its characters from 0."""

    code = "unreadable_qr"

    def __init__(self, reason: Reason, position: int, **named: str) -> None:
        super().__init__(reason=reason.value, position=position, **named)
        self.reason = reason
        self.position = position


class BrokenStructure(UnreadableQR):
    """The text is not a row of objects: cut, mistyped, or no payment code at all."""

    code = "qr_broken_structure"


class WrongChecksum(UnreadableQR):
    """The structure holds, but the checksum says that characters were changed."""

    code = "qr_wrong_checksum"


class OtherScheme(UnreadableQR):
    """A good code, but of another payment scheme, named in `scheme`."""

    code = "qr_other_scheme"


class WrongContent(UnreadableQR):
    """A good row of objects whose content, in `object`, VietQR does not allow."""

    code = "qr_wrong_content"


@dataclass(frozen=True, slots=True)
class Part:
    """One object: its `path` (`38-01-00`), its value, and where that begins in the whole text."""

    path: str
    value: str
    position: int


@dataclass(frozen=True, slots=True)
class Template:
    """The objects of one level by ID, in the order in which they came; the root's path is empty."""

    path: str
    position: int
    parts: dict[str, Part]

    def required(self, identifier: str) -> Part:
        """That object. Raises `WrongContent` if it is not there."""
        part = self.parts.get(identifier)
        if part is None:
            raise WrongContent(Reason.MISSING, self.position, object=_below(self.path, identifier))
        return part

    def text(self, identifier: str) -> str | None:
        """The value of that object, or None if it is not there."""
        part = self.parts.get(identifier)
        return None if part is None else part.value

    def besides(self, known: frozenset[str]) -> list[Part]:
        """The objects whose IDs are not among `known`."""
        return [part for identifier, part in self.parts.items() if identifier not in known]


CHECKSUM: Final = "63"
_CLOSING: Final = f"{CHECKSUM}04"


def write(identifier: str, value: str) -> str:
    """One object as text; the value holds 1 to 99 characters."""
    return f"{identifier}{len(value):02d}{value}"


def close(text: str) -> str:
    """`text` with the checksum object that closes a code."""
    return f"{text}{_CLOSING}{checksum(text + _CLOSING)}"


def checksum(text: str) -> str:
    """CRC-16/CCITT-FALSE of the UTF-8 bytes, as four upper-case hexadecimal digits."""
    return f"{crc_hqx(text.encode(), 0xFFFF):04X}"


def open_code(text: str) -> Template:
    """The root objects of a whole code, its structure and then its checksum verified.

    Raises `BrokenStructure` or `WrongChecksum`.
    """
    _check_characters(text)
    root = open_template(Part(path="", value=text, position=0))
    identifiers = list(root.parts)
    if identifiers[:1] != ["00"]:
        raise BrokenStructure(Reason.FIRST, 0)
    closing = root.parts[identifiers[-1]]
    if identifiers[-1] != CHECKSUM or len(closing.value) != 4:
        raise BrokenStructure(Reason.LAST, closing.position)
    if closing.value.upper() != checksum(text[: closing.position]):
        raise WrongChecksum(Reason.CHECKSUM, closing.position)
    return root


def open_template(whole: Part) -> Template:
    """The objects inside one object's value.

    Raises `BrokenStructure` where an object does not fit, is empty, or comes twice.
    """
    text, parts, at = whole.value, dict[str, Part](), 0
    while at < len(text):
        here = whole.position + at
        identifier, length = _header(text[at : at + 4], here)
        end = at + 4 + length
        if end > len(text):
            raise BrokenStructure(Reason.OVERRUN, here)
        if identifier in parts:
            raise BrokenStructure(Reason.DUPLICATE, here)
        parts[identifier] = Part(_below(whole.path, identifier), text[at + 4 : end], here + 4)
        at = end
    return Template(whole.path, whole.position, parts)


def _header(head: str, position: int) -> tuple[str, int]:
    if not (len(head) == 4 and head.isascii() and head.isdigit()):
        raise BrokenStructure(Reason.HEADER, position)
    if head[2:] == "00":
        raise BrokenStructure(Reason.EMPTY_OBJECT, position)
    return head[:2], int(head[2:])


def _below(path: str, identifier: str) -> str:
    return f"{path}-{identifier}" if path else identifier


def _check_characters(text: str) -> None:
    if text.isascii() and text.isprintable():
        return
    for position, character in enumerate(text):
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise BrokenStructure(Reason.CHARACTER, position)
