"""A way to the provider and back: what was asked, sealed in a cookie of the browser that asked.

Only the browser that went has the cookie, so an answer meant for another one is of no use here, and
nothing is kept on the server for somebody who never comes back.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import orjson

from payments.core.errors import Refused
from payments.core.vault import Unopenable, Vault

LASTS: Final = timedelta(minutes=10)

_PURPOSE: Final = "oidc.flow"


class FlowLost(Refused):
    """The browser began no such way to the provider, or too long ago, or it was ended before."""

    code = "provider_flow_lost"


class Purpose(StrEnum):
    """Why somebody goes to the provider."""

    SIGN_IN = "sign_in"
    PROVE = "prove"


@dataclass(frozen=True, slots=True)
class Flow:
    """What was asked: `state` and `nonce` come back, `verifier` goes with the code (PKCE).

    `going` is the page of ours to go on to; `begun_at` in seconds since 1970.
    """

    purpose: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    begun_at: int
    going: str | None


def begin(purpose: Purpose, *, going: str | None, now: datetime) -> Flow:
    """A new way to the provider."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Flow(purpose.value, state, nonce, verifier, int(now.timestamp()), going)


def sealed(flow: Flow, vault: Vault) -> str:
    """The flow as the cookie holds it."""
    text = orjson.dumps(asdict(flow)).decode()
    return base64.urlsafe_b64encode(vault.seal(text, purpose=_PURPOSE)).decode()


def opened(cookie: str | None, vault: Vault, *, now: datetime) -> Flow:
    """The flow that a cookie holds. Raises `FlowLost`."""
    try:
        told = vault.open(base64.urlsafe_b64decode(cookie or ""), purpose=_PURPOSE)
    except (Unopenable, binascii.Error, ValueError):
        raise FlowLost from None
    flow = Flow(**orjson.loads(told))
    if not 0 <= now.timestamp() - flow.begun_at < LASTS.total_seconds():
        raise FlowLost
    return flow
