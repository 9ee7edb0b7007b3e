"""The practice bank's own protocol, `sandbox`: HMAC over timestamp and raw body.

Headers `X-Sandbox-Timestamp` (unix seconds) and `X-Sandbox-Signature: v1=<hex>` over
`{timestamp}.{raw body}`. Whoever asks for the list of movements signs the address the same way.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Final

from sandbox.accounts import Movement
from sandbox.clock import rfc3339
from sandbox.protocols.message import Content, Message, Protocol, hmac_sha256, json_bytes

TIMESTAMP: Final = "X-Sandbox-Timestamp"
SIGNATURE: Final = "X-Sandbox-Signature"
TOLERANCE_SECONDS: Final = 300
_TIMESTAMP_DIGITS: Final = 10


def signature(signed: bytes, *, secret: str, timestamp: str) -> str:
    """`v1=` and the HMAC over `{timestamp}.{signed}`."""
    return "v1=" + hmac_sha256(secret, timestamp.encode() + b"." + signed)


def is_signed(signed: bytes, *, secret: str, timestamp: str, given: str, now: datetime) -> bool:
    """Whether `given` signs exactly that, within five minutes of `now`."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) == _TIMESTAMP_DIGITS):
        return False
    if abs(int(timestamp) - now.timestamp()) > TOLERANCE_SECONDS:
        return False
    expected = signature(signed, secret=secret, timestamp=timestamp)
    return hmac.compare_digest(given.encode(), expected.encode())


def content(movement: Movement) -> Content:
    """What the message says; a reversal is a debit that names the reference it takes back."""
    draft = movement.draft
    payer = draft.other_side
    return {
        "event_id": movement.event_id,
        "type": draft.direction.value,
        "account": movement.account.number,
        "bin": movement.account.bin,
        "amount": movement.told_amount,
        "currency": "VND",
        "booked_at": rfc3339(draft.booked_at),
        "memo": draft.memo,
        "bank_reference": movement.bank_reference,
        "payer_account": payer and payer.account,
        "payer_name": payer and payer.name,
        "reverses": draft.reverses,
    }


def seal(told: Content, secret: str, now: datetime) -> Message:
    """The signed message."""
    body = json_bytes(told)
    timestamp = str(int(now.timestamp()))
    return Message(
        body,
        {
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: signature(body, secret=secret, timestamp=timestamp),
        },
    )


PRACTICE: Final = Protocol(content, seal, tells_debits=True)
