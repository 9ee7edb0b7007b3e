"""Text as banks send it: folded to plain letters, masked before it is shown."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_STROKED: Final = str.maketrans({"đ": "d", "Đ": "D"})
_NOT_SENT: Final = re.compile(r"[^A-Za-z0-9/?:().,'+ -]")


def fold(text: str) -> str:
    """`text` without diacritics: `Đặng Thị Ưởng` becomes `Dang Thi Uong`.

    NFD splits the marks off; đ and Đ have no decomposition and are mapped by hand.
    """
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFD", unicodedata.normalize("NFC", text))
    return "".join(c for c in parts if not unicodedata.combining(c)).translate(_STROKED)


def plain(text: str) -> str:
    """`text` in printable ASCII, spaces collapsed: what fits a QR code or a payment file."""
    folded = fold(text)
    printable = "".join(c if " " <= c <= "~" else " " for c in folded)
    return " ".join(printable.split())


def sendable(text: str, *, longest: int) -> str:
    """`text` in the characters that every payment system takes, cut to `longest` of them.

    Source: SWIFT, character set X; a field of it does not begin with `/`, `:` or `-`. A leading
    `+` goes too, since a spreadsheet would take it for a formula.
    """
    kept = " ".join(_NOT_SENT.sub(" ", plain(text)).split())
    return kept.lstrip("/:-+ ")[:longest].rstrip()


def mask_account(number: str) -> str:
    """`0011001234567` as `*********4567`: enough to recognise, too little to use."""
    return "*" * max(0, len(number) - 4) + number[-4:]


def mask_name(name: str) -> str:
    """`NGUYEN VAN AN` as `NGUYEN V** A*`: the family name, then first letters."""
    first, *rest = name.split() or [""]
    return " ".join([first, *(word[:1] + "*" * (len(word) - 1) for word in rest)])
