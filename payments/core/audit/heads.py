"""The head of the chain, signed: so many entries, the last with this hash, at this time.

Whoever keeps a head elsewhere finds out when the chain behind it was rewritten or its tail cut off,
even by somebody who may do everything with the database.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.serialization import Encoding

from payments.core.audit.chain import canonical, stamp
from payments.core.errors import Invalid
from payments.core.signers import Signer

FORMAT: Final = "cashless-audit-1"
"""How heads and lines are written; the verifier knows it."""

_HASH: Final = re.compile(r"[0-9a-f]{64}")


class UnreadableHead(Invalid):
    """A file that is no head of an audit trail, or an altered one."""

    code = "unreadable_audit_head"


@dataclass(frozen=True, slots=True)
class Head:
    """How far the chain reached at an instant."""

    entries: int
    hash: str
    made_at: datetime

    def content(self) -> Mapping[str, Any]:
        """What is signed, as canonical JSON."""
        return {
            "entries": self.entries,
            "format": FORMAT,
            "hash": self.hash,
            "made_at": stamp(self.made_at),
        }


def signed(head: Head, signer: Signer) -> bytes:
    """A head as a file: what it says, the signature over it, the signer's certificate."""
    told = head.content()
    whole = {
        "head": told,
        "signature": base64.b64encode(signer.sign(canonical(told))).decode(),
        "certificate": signer.certificate.public_bytes(Encoding.PEM).decode(),
    }
    return canonical(whole) + b"\n"


def unsigned(content: bytes) -> Head:
    """What the file of a head says, whoever signed it. Raises `UnreadableHead`."""
    try:
        told = orjson.loads(content)["head"]
        entries, hash_ = told["entries"], told["hash"]
        made_at = datetime.fromisoformat(told["made_at"])
        fits = type(entries) is int and entries >= 0 and _HASH.fullmatch(hash_) is not None
    except (KeyError, TypeError, ValueError):
        raise UnreadableHead from None
    if not fits or told["format"] != FORMAT:
        raise UnreadableHead
    return Head(entries, hash_, made_at)
