"""How a bank or gateway tells that money moved: one protocol, one file.

A protocol says what a message holds (`content`) and how it is closed for the wire (`seal`): the
raw body and the headers that prove it. The same bodies stand in the list of movements that may be
asked for, so a callback and a poll tell of one movement under one identity.

Source: `facts/vietqr-and-banks.md` B, the public documents of SePay and payOS.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sandbox.protocols import payos, practice, sepay
from sandbox.protocols.message import Message, Protocol

PROTOCOLS: Final[Mapping[str, Protocol]] = MappingProxyType(
    {
        "sandbox": practice.PRACTICE,
        "sepay": sepay.SEPAY,
        "sepay_key": sepay.SEPAY_KEY,
        "payos": payos.PAYOS,
    }
)

__all__ = ["PROTOCOLS", "Message", "Protocol"]
