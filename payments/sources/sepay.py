"""SePay: signed with a timestamp (class A), or a shared key alone (class C).

Source: vietqr-and-banks.md B.2 (docs of SePay). `id` is the event; `referenceCode` is not unique
(ACB sends four digits) and is no reference of the statement; `accumulated` is no balance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from payments.advice import Advice, Direction, Trust
from payments.core import signatures
from payments.sources import protocol
from payments.sources.protocol import Answer, BadSignature, StaleTimestamp


class SePay:
    """Messages of SePay; a connection's scheme is `hmac` or `key`."""

    code = "sepay"
    schemes = MappingProxyType({"hmac": Trust.A, "key": Trust.C})

    def verify(
        self,
        raw: bytes,
        headers: Mapping[str, str],
        *,
        scheme: str,
        secrets: Sequence[str],
        now: datetime,
    ) -> None:
        """Checks `X-SePay-Signature` and its timestamp, or `Authorization: Apikey …`."""
        if scheme == "key":
            given = headers.get("authorization", "")
            if not signatures.any_equal(given, [f"Apikey {secret}" for secret in secrets]):
                raise BadSignature
            return
        timestamp = headers.get("x-sepay-timestamp", "")
        message = timestamp.encode("utf-8", "replace") + b"." + raw
        expected = ["sha256=" + signatures.hmac_hex(secret, message) for secret in secrets]
        if not signatures.any_equal(headers.get("x-sepay-signature", ""), expected):
            raise BadSignature
        if not signatures.is_fresh(timestamp, now=now):
            raise StaleTimestamp

    def read(self, raw: bytes, *, scheme: str) -> Advice | None:
        """Reads one transfer, `in` or `out`."""
        found = protocol.read_json(raw)
        event = found.get("id")
        if isinstance(event, bool) or not isinstance(event, int) or not 0 <= event < 2**63:
            protocol.unreadable("id", "number")
        kind = protocol.text(found, "transferType", most=3)
        if kind not in ("in", "out"):
            protocol.unreadable("transferType", "code")
        return Advice(
            source=self.code,
            source_event_id=str(event),
            trust=self.schemes[scheme],
            account_number=protocol.text(found, "accountNumber", most=34),
            direction=Direction.CREDIT if kind == "in" else Direction.DEBIT,
            amount=protocol.amount(found, "transferAmount"),
            currency="VND",
            booked_at=protocol.local_time(found, "transactionDate"),
            memo=protocol.text_or_none(found, "content") or "",
            virtual_account=protocol.text_or_none(found, "subAccount", most=34),
        )

    def accepted(self) -> Answer:
        """`{"success":true}` with 200."""
        return Answer(200, b'{"success":true}')
