"""SePay: flat JSON in camel case, proved by an HMAC with a timestamp or by a shared key alone.

`X-SePay-Signature: sha256=<hex>` over `{X-SePay-Timestamp}.{raw body}`, or
`Authorization: Apikey <key>`, which proves nothing about the body.

Source: SePay's webhook documentation; `facts/vietqr-and-banks.md` B.2.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sandbox.accounts import Movement
from sandbox.clock import plain
from sandbox.protocols.message import Content, Message, Protocol, hmac_sha256, json_bytes


def signature(raw: bytes, *, secret: str, timestamp: str) -> str:
    """`sha256=` and the HMAC over `{timestamp}.{raw}`."""
    return "sha256=" + hmac_sha256(secret, timestamp.encode() + b"." + raw)


def content(movement: Movement) -> Content:
    """SePay's fields; the id is the movement's, and never its reference, which may repeat."""
    account, draft = movement.account, movement.draft
    return {
        "id": int(movement.event_id[:12], 16),
        "gateway": account.bank_name,
        "transactionDate": plain(draft.booked_at),
        "accountNumber": account.number,
        "subAccount": None,
        "code": None,
        "content": draft.memo,
        "transferType": "in" if movement.credit else "out",
        "description": f"BankAPINotify {draft.memo}",
        "transferAmount": movement.told_amount,
        "accumulated": movement.balance,
        "referenceCode": _reference(movement),
    }


def seal_signed(told: Content, secret: str, now: datetime) -> Message:
    """The message with SePay's HMAC headers."""
    body = json_bytes(told)
    timestamp = str(int(now.timestamp()))
    return Message(
        body,
        {
            "Content-Type": "application/json",
            "X-SePay-Timestamp": timestamp,
            "X-SePay-Signature": signature(body, secret=secret, timestamp=timestamp),
        },
    )


def seal_with_key(told: Content, secret: str, _now: datetime) -> Message:
    """The message with the shared key; it carries no time of sending."""
    return Message(
        json_bytes(told),
        {"Content-Type": "application/json", "Authorization": f"Apikey {secret}"},
    )


def _reference(movement: Movement) -> str:
    """The bank's reference, or four digits that come back again and again, as ACB's do."""
    if movement.account.short_references:
        return str(1000 + movement.id % 9000)
    return movement.bank_reference


SEPAY: Final = Protocol(content, seal_signed, tells_debits=False)
SEPAY_KEY: Final = Protocol(content, seal_with_key, tells_debits=False)
