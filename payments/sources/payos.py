"""payOS: HMAC-SHA256 over the sorted fields of `data` (class B: signed, no timestamp).

Source: vietqr-and-banks.md B.1. Every field received is signed, not a fixed list, so a new one
does not break verification. Registering the address sends a test message that must be answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from payments.advice import Advice, Direction, Trust, UnreadableAdvice
from payments.core import signatures
from payments.sources import protocol
from payments.sources.protocol import Answer, BadSignature


class PayOS:
    """Messages of payOS, class B."""

    code = "payos"
    schemes = MappingProxyType({"hmac": Trust.B})

    def verify(
        self,
        raw: bytes,
        headers: Mapping[str, str],
        *,
        scheme: str,
        secrets: Sequence[str],
        now: datetime,
    ) -> None:
        """Checks `signature` in the body against the fields of `data`."""
        try:
            found = protocol.read_json(raw)
        except UnreadableAdvice as error:
            raise BadSignature from error
        given, signed = found.get("signature"), found.get("data")
        if not isinstance(given, str) or not isinstance(signed, dict):
            raise BadSignature
        message = signing_text(signed).encode("utf-8", "surrogatepass")
        expected = [signatures.hmac_hex(secret, message) for secret in secrets]
        if not signatures.any_equal(given.lower(), expected):
            raise BadSignature

    def read(self, raw: bytes, *, scheme: str) -> Advice | None:
        """Reads one transfer. Its event is the bank's reference within the payment link."""
        body = protocol.read_json(raw)
        found = body.get("data")
        if not isinstance(found, dict):
            protocol.unreadable("data", "object")
        reference = protocol.text(found, "reference", most=64)
        link = protocol.text_or_none(found, "paymentLinkId", most=64) or ""
        return Advice(
            source=self.code,
            source_event_id=_event_id(reference, link),
            trust=self.schemes[scheme],
            account_number=protocol.text(found, "accountNumber", most=34),
            direction=Direction.CREDIT,
            amount=protocol.amount(found, "amount"),
            currency=protocol.text_or_none(found, "currency", most=3) or "VND",
            booked_at=protocol.local_time(found, "transactionDateTime"),
            memo=protocol.text_or_none(found, "description") or "",
            bank_reference=reference,
            virtual_account=protocol.text_or_none(found, "virtualAccountNumber", most=34),
            payer_account=protocol.text_or_none(found, "counterAccountNumber", most=34),
            payer_name=protocol.text_or_none(found, "counterAccountName", most=140),
        )

    def accepted(self) -> Answer:
        """`{"success":true}` with 200."""
        return Answer(200, b'{"success":true}')


def signing_text(signed: Mapping[str, Any]) -> str:
    """`key=value` of every field, sorted by key, joined by `&`; nothing for null or "null"."""
    return "&".join(f"{key}={_written(signed[key])}" for key in sorted(signed))


def _written(value: Any) -> str:
    if value is None or value in ("null", "undefined"):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _event_id(reference: str, link: str) -> str:
    return hashlib.sha256(f"{reference}\0{link}".encode()).hexdigest()[:32]
