"""The practice bank: HMAC-SHA256 over `{timestamp}.{raw body}`, its references the statement's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from payments.advice import Advice, Direction, Trust
from payments.core import signatures
from payments.sources import protocol
from payments.sources.protocol import Answer, BadSignature, StaleTimestamp


class Sandbox:
    """Messages of the practice bank, class A."""

    code = "sandbox"
    schemes = MappingProxyType({"hmac": Trust.A})

    def verify(
        self,
        raw: bytes,
        headers: Mapping[str, str],
        *,
        scheme: str,
        secrets: Sequence[str],
        now: datetime,
    ) -> None:
        """Checks `X-Sandbox-Signature: v1=…` and `X-Sandbox-Timestamp`."""
        timestamp = headers.get("x-sandbox-timestamp", "")
        message = timestamp.encode("utf-8", "replace") + b"." + raw
        expected = ["v1=" + signatures.hmac_hex(secret, message) for secret in secrets]
        if not signatures.any_equal(headers.get("x-sandbox-signature", ""), expected):
            raise BadSignature
        if not signatures.is_fresh(timestamp, now=now):
            raise StaleTimestamp

    def read(self, raw: bytes, *, scheme: str) -> Advice | None:
        """Reads a `credit` or `debit` message; times carry their offset."""
        found = protocol.read_json(raw)
        kind = protocol.text(found, "type", most=10)
        if kind not in ("credit", "debit"):
            protocol.unreadable("type", "code")
        return Advice(
            source=self.code,
            source_event_id=protocol.text(found, "event_id", most=64),
            trust=self.schemes[scheme],
            account_number=protocol.text(found, "account", most=34),
            direction=Direction(kind),
            amount=protocol.amount(found, "amount"),
            currency=protocol.text(found, "currency", most=3),
            booked_at=protocol.instant(found, "booked_at"),
            memo=protocol.text_or_none(found, "memo") or "",
            bank_reference=protocol.text_or_none(found, "bank_reference", most=64),
            virtual_account=protocol.text_or_none(found, "virtual_account", most=34),
            payer_account=protocol.text_or_none(found, "payer_account", most=34),
            payer_name=protocol.text_or_none(found, "payer_name", most=140),
            reverses=protocol.text_or_none(found, "reverses", most=64),
        )

    def accepted(self) -> Answer:
        """`{"ok":true}`."""
        return Answer(200, b'{"ok":true}')
