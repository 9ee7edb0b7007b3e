"""What every protocol is made of: content, seal, and the message that goes over the wire."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sandbox.accounts import Movement

Content: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A raw body and the headers that go with it."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way of telling; a protocol that does not tell debits keeps silent about a reversal."""

    content: Callable[[Movement], Content]
    seal: Callable[[Content, str, datetime], Message]
    """Content, secret and the present instant become a message."""
    tells_debits: bool


def json_bytes(content: Content) -> bytes:
    """Compact JSON in UTF-8, fields in their order."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def hmac_sha256(secret: str, message: bytes) -> str:
    """The lower-case hexadecimal HMAC-SHA256 of `message`."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
