"""Sources: the banks and gateways that tell us money moved, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from payments.sources.payos import PayOS
from payments.sources.protocol import Answer, BadSignature, Source, StaleTimestamp
from payments.sources.sandbox import Sandbox
from payments.sources.sepay import SePay

SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {source.code: source for source in (Sandbox(), SePay(), PayOS())}
)

__all__ = ["SOURCES", "Answer", "BadSignature", "Source", "StaleTimestamp"]
