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
    """One object's value, and where in the whole text it begins."""

    value: str
    position: int


Parts = dict[str, Part]
"""The objects of one level by ID, in the order in which they came."""

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


def open_code(text: str) -> Parts:
    """The root objects of a whole code, its structure and then its checksum verified.

    Raises `BrokenStructure` or `WrongChecksum`.
    """
    _check_characters(text)
    parts = split(text)
    if next(iter(parts), None) != "00":
        raise BrokenStructure(Reason.FIRST, 0)
    if next(reversed(parts)) != CHECKSUM or len(parts[CHECKSUM].value) != 4:
        raise BrokenStructure(
            Reason.LAST, parts[CHECKSUM].position if CHECKSUM in parts else len(text)
        )
    closing = parts[CHECKSUM]
    if closing.value.upper() != checksum(text[: closing.position]):
        raise WrongChecksum(Reason.CHECKSUM, closing.position)
    return parts


def open_template(part: Part) -> Parts:
    """The objects inside one object's value. Raises `BrokenStructure`."""
    return split(part.value, start=part.position)


def split(text: str, *, start: int = 0) -> Parts:
    """`text` cut into objects; `start` is its own position in the whole code.

    Raises `BrokenStructure` where an object does not fit, is empty, or comes twice.
    """
    parts: Parts = {}
    at = 0
    while at < len(text):
        identifier, length = _header(text, at, start)
        end = at + 4 + length
        if end > len(text):
            raise BrokenStructure(Reason.OVERRUN, start + at)
        if identifier in parts:
            raise BrokenStructure(Reason.DUPLICATE, start + at)
        parts[identifier] = Part(text[at + 4 : end], start + at + 4)
        at = end
    return parts


def _header(text: str, at: int, start: int) -> tuple[str, int]:
    head = text[at : at + 4]
    if not (len(head) == 4 and head.isascii() and head.isdigit()):
        raise BrokenStructure(Reason.HEADER, start + at)
    if head[2:] == "00":
        raise BrokenStructure(Reason.EMPTY_OBJECT, start + at)
    return head[:2], int(head[2:])


def _check_characters(text: str) -> None:
    if text.isascii() and text.isprintable():
        return
    for position, character in enumerate(text):
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise BrokenStructure(Reason.CHARACTER, position)
