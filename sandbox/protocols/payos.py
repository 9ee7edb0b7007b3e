"""payOS: the movement in `data`, its fields sorted and signed, the signature beside it.

HMAC-SHA256 over `key=value` pairs sorted by key and joined by `&`, without URL-encoding, null as
an empty text. It carries no time of sending, so a message can't be stale.

Source: payOS's webhook documentation; `facts/vietqr-and-banks.md` B.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sandbox.accounts import BANK_NAMES, Movement, Party
from sandbox.clock import plain
from sandbox.protocols.message import Content, Message, Protocol, hmac_sha256, json_bytes

_NOBODY: Final = Party(name="", account="")


def signature(signed: Mapping[str, object], *, secret: str) -> str:
    """The HMAC over every field of `signed`."""
    pairs = (f"{key}={_written(signed[key])}" for key in sorted(signed))
    return hmac_sha256(secret, "&".join(pairs).encode())


def content(movement: Movement) -> Content:
    """The `data` of a message; order code and payment link are invented, yet always the same."""
    draft = movement.draft
    payer = draft.other_side or _NOBODY
    return {
        "orderCode": int(movement.event_id[:8], 16),
        "amount": movement.told_amount,
        "description": draft.memo,
        "accountNumber": movement.account.number,
        "reference": movement.bank_reference,
        "transactionDateTime": plain(draft.booked_at),
        "currency": "VND",
        "paymentLinkId": movement.event_id,
        "code": "00",
        "desc": "success",
        "counterAccountBankId": payer.bin,
        "counterAccountBankName": BANK_NAMES.get(payer.bin, ""),
        "counterAccountName": payer.name,
        "counterAccountNumber": payer.account,
        "virtualAccountName": "",
        "virtualAccountNumber": "",
    }


def seal(told: Content, secret: str, _now: datetime) -> Message:
    """The message around `data`; it carries no time of sending."""
    body = json_bytes(
        {
            "code": "00",
            "desc": "success",
            "success": True,
            "data": told,
            "signature": signature(told, secret=secret),
        }
    )
    return Message(body, {"Content-Type": "application/json"})


def _written(field: object) -> str:
    return "" if field in (None, "null", "undefined") else str(field)


PAYOS: Final = Protocol(content, seal, tells_debits=False)
