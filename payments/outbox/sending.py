"""Sending: one message to one endpoint, signed now, with no transaction open.

Source: Standard Webhooks. The body is the message as it was stored; the id is the event's, the
same at every attempt, so that a receiver who had it already can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from payments.core.http import AddressRefused, Client, NotReached
from payments.core.signatures import sign_webhook
from payments.outbox.deliveries import Parcel

_AGENT: Final = "cashless-webhooks/1"
_KEPT: Final = 300
"""So many characters of an answer are kept with the attempt."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one attempt: the HTTP status, None where there was no answer, and its words."""

    status: int | None
    words: str


def send(client: Client, parcel: Parcel, *, now: datetime) -> Reply:
    """Sends the parcel once; whatever goes wrong on the way is a reply as well."""
    body = orjson.dumps(parcel.message)
    signed = sign_webhook(parcel.event, body, secrets_=parcel.endpoint.secrets, now=now)
    headers = {"Content-Type": "application/json", "User-Agent": _AGENT, **signed}
    try:
        answer = client.post(parcel.endpoint.url, body=body, headers=headers)
    except (AddressRefused, NotReached) as error:
        return Reply(None, f"{error.code}: {error.fields['reason']}")
    return Reply(answer.status, _readable(answer.body))


def _readable(body: bytes) -> str:
    """The beginning of an answer as text that a database and a page can take."""
    told = body[: 4 * _KEPT].decode("utf-8", "replace")[:_KEPT]
    return "".join(c if c.isprintable() else " " for c in told).strip()
