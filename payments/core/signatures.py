"""Signatures over messages: HMAC compared in constant time, and Standard Webhooks.

Source of the webhook scheme: the Standard Webhooks specification, `v1` (symmetric): base64 of
HMAC-SHA256 over `{id}.{timestamp}.{body}`, the secret written as `whsec_` + base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

TOLERANCE_SECONDS: Final = 300
"""A signed timestamp further than this from our clock is stale (replay guard)."""

_TIMESTAMP: Final = re.compile(r"[0-9]{10}", re.ASCII)
_WEBHOOK_SECRET: Final = "whsec_"  # noqa: S105  the mark of a secret, not one


def hmac_hex(key: str, message: bytes, *, digest: str = "sha256") -> str:
    """The lower-case hexadecimal HMAC of `message`."""
    return hmac.new(key.encode(), message, getattr(hashlib, digest)).hexdigest()


def equal(given: str, expected: str) -> bool:
    """Whether two signatures are the same, taking the same time whatever the answer."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def any_equal(given: str, expected: Iterable[str]) -> bool:
    """Whether `given` is one of `expected`; every one is compared."""
    return sum(equal(given, one) for one in expected) > 0


def is_fresh(timestamp: str, *, now: datetime) -> bool:
    """Whether `timestamp` is exactly ten digits, unix seconds, and within the tolerance."""
    if not _TIMESTAMP.fullmatch(timestamp):
        return False
    return abs(int(timestamp) - now.timestamp()) <= TOLERANCE_SECONDS


def new_webhook_secret() -> str:
    """A new secret for Standard Webhooks: `whsec_` and 32 random bytes in base64."""
    return _WEBHOOK_SECRET + base64.b64encode(secrets.token_bytes(32)).decode()


def sign_webhook(
    webhook_id: str, body: bytes, *, secrets_: Sequence[str], now: datetime
) -> dict[str, str]:
    """The three headers of one delivery, signed with every live secret (rotation overlap)."""
    timestamp = str(int(now.timestamp()))
    message = f"{webhook_id}.{timestamp}.".encode() + body
    signatures = " ".join("v1," + _webhook_digest(secret, message) for secret in secrets_)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatures,
    }


def _webhook_digest(secret: str, message: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(_WEBHOOK_SECRET), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret is whsec_ and base64") from error
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
