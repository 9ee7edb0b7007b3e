"""Where a portal is told what happened, and the secrets its messages are signed with.

Source of the secrets' form: Standard Webhooks (`whsec_` and base64). While a secret is being
replaced, messages carry a signature by each of the two.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core import audit
from payments.core.errors import NotFound
from payments.core.http import destination
from payments.core.signatures import new_webhook_secret
from payments.core.vault import Vault
from payments.portals.keys import OVERLAP
from payments.portals.tables import WebhookEndpoint

_PURPOSE: Final = "webhook_endpoint.secret"


class NoWebhookEndpoint(NotFound):
    """The portal has not said where it wants to be told."""

    code = "no_webhook_endpoint"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to send a portal's messages now, and every secret to sign them with."""

    portal_id: int
    url: str
    secrets: tuple[str, ...] = field(repr=False)


def set_endpoint(
    session: Session,
    portal_id: int,
    *,
    url: str,
    allowed_hosts: Collection[str] = (),
    vault: Vault,
    by: str,
    now: datetime,
) -> str | None:
    """Sets where the portal is told; the first time, returns the new secret, shown this once.

    `url` is https, or goes to one of `allowed_hosts`; else `AddressRefused` is raised.
    """
    destination(url, allowed=allowed_hosts)
    row = _row(session, portal_id)
    secret = None
    if row is None:
        secret = new_webhook_secret()
        row = WebhookEndpoint(portal_id=portal_id, secret=vault.seal(secret, purpose=_PURPOSE))
        session.add(row)
    row.url = url
    row.active = True
    session.flush()
    _tell(session, "webhook_endpoint.set", portal_id, by=by, now=now, url=url)
    return secret


def rotate_secret(
    session: Session,
    portal_id: int,
    *,
    vault: Vault,
    overlap: timedelta = OVERLAP,
    by: str,
    now: datetime,
) -> str:
    """A new secret, shown this once; the one it replaces signs as well until `overlap` is over.

    Raises `NoWebhookEndpoint`.
    """
    row = _known(session, portal_id)
    secret = new_webhook_secret()
    row.previous_secret = row.secret
    row.previous_until = now + overlap
    row.secret = vault.seal(secret, purpose=_PURPOSE)
    session.flush()
    _tell(session, "webhook_endpoint.secret_rotated", portal_id, by=by, now=now)
    return secret


def stop_endpoint(session: Session, portal_id: int, *, by: str, now: datetime) -> None:
    """Sends nothing more there until it is set again. Raises `NoWebhookEndpoint`."""
    _known(session, portal_id).active = False
    session.flush()
    _tell(session, "webhook_endpoint.stopped", portal_id, by=by, now=now)


def endpoint_of(
    session: Session, portal_id: int, vault: Vault, *, now: datetime
) -> Endpoint | None:
    """Where the portal is told now, or None where it has no active endpoint."""
    row = _row(session, portal_id)
    if row is None or not row.active:
        return None
    sealed = [row.secret]
    if (
        row.previous_secret is not None
        and row.previous_until is not None
        and row.previous_until > now
    ):
        sealed.append(row.previous_secret)
    return Endpoint(
        portal_id=portal_id,
        url=row.url,
        secrets=tuple(vault.open(each, purpose=_PURPOSE) for each in sealed),
    )


def _known(session: Session, portal_id: int) -> WebhookEndpoint:
    row = session.scalar(
        select(WebhookEndpoint).where(WebhookEndpoint.portal_id == portal_id).with_for_update()
    )
    if row is None:
        raise NoWebhookEndpoint
    return row


def _row(session: Session, portal_id: int) -> WebhookEndpoint | None:
    return session.scalar(select(WebhookEndpoint).where(WebhookEndpoint.portal_id == portal_id))


def _tell(
    session: Session,
    action: str,
    portal_id: int,
    *,
    by: str,
    now: datetime,
    **details: str,
) -> None:
    audit.append(
        session,
        actor=by,
        action=action,
        subject=f"portal:{portal_id}",
        details=details,
        now=now,
    )
