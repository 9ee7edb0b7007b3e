"""The code of a paper: what a person types, or a QR code carries, to ask whether it counts.

Twenty letters and digits in groups of four, `7K3M-9QXA-B2CD-EFGH-JKMN`: 100 random bits, so none
can be guessed. The alphabet is Crockford's base32, which has no I, L, O and U; typed, they are read
as 1, 1, 0 and V, and small letters, spaces and other strokes do not matter.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from payments.core.errors import NotFound

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LETTERS: Final = 20

_MISREAD: Final = str.maketrans("ILOU", "110V")
_BETWEEN: Final = re.compile(r"[\s\-–—.·]+")
_CODE: Final = re.compile(f"[{ALPHABET}]{{{LETTERS}}}")
_LONGEST: Final = 60


class NoSuchCode(NotFound):
    """No paper has this code; as it was typed it may be none at all."""

    code = "no_such_code"


def new_codes(many: int) -> list[str]:
    """So many new codes, each as it is printed."""
    return [
        _grouped("".join(secrets.choice(ALPHABET) for _ in range(LETTERS))) for _ in range(many)
    ]


def read_code(typed: str) -> str:
    """The code as it is kept, from whatever somebody typed. Raises `NoSuchCode`."""
    if len(typed) > _LONGEST:
        raise NoSuchCode
    plain = _BETWEEN.sub("", typed).upper().translate(_MISREAD)
    if not _CODE.fullmatch(plain):
        raise NoSuchCode
    return _grouped(plain)


def address(base_url: str, code: str) -> str:
    """Where anyone may ask whether the paper counts: what its QR code carries."""
    return f"{base_url}/verify/{code}"


def _grouped(letters: str) -> str:
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))
