"""What a change is as it is shown: to whoever approves, and kept as JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, banks, connections, portals
from payments.agencies import CollectionAccount, Opening
from payments.connections import Connection, Registration
from payments.core.vault import Vault
from payments.portals import Portal

_PURPOSE: Final = "change.secret"


class Change(StrEnum):
    """What two administrators decide."""

    PORTAL = "portal.add"
    KEY = "portal_key.issue"
    ROTATION = "portal_key.rotate"
    REVOCATION = "portal_key.revoke"
    ACCOUNT = "collection_account.open"
    CONNECTION = "connection.add"
    SECRET = "connection.rotate"  # noqa: S105  the name of a change, no secret
    STOP = "connection.stop"


OF_KEYS: Final = (Change.PORTAL, Change.KEY, Change.ROTATION, Change.REVOCATION)
OF_ACCOUNTS: Final = (Change.ACCOUNT, Change.CONNECTION, Change.SECRET, Change.STOP)


@dataclass(frozen=True, slots=True)
class AccountDescribed:
    """A bank account as a person describes it; `agency` is a code, `bin` names the bank."""

    agency: str
    bin: str
    number: str
    name: str
    valid_from: date
    cut_off: time = agencies.CUT_OFF
    run_at: time = agencies.RUN_AT


@dataclass(frozen=True, slots=True)
class ConnectionDescribed:
    """A registration with a bank as a person describes it; `accounts` are public numbers."""

    source: str
    scheme: str
    name: str
    accounts: Sequence[str]
    secret: str = field(repr=False)


def of_portal(session: Session, portal: Portal, *, now: datetime) -> dict[str, Any]:
    """A portal and its live keys."""
    live = [key.prefix for key in portals.live_keys(session, portal.id, now=now)]
    return {"portal": portal.name, "live": live}


def of_account(session: Session, described: AccountDescribed) -> dict[str, Any]:
    """A bank account with the names of its agency and bank. Raises `UnknownAgency`."""
    agency = agencies.by_code(session, described.agency, on=described.valid_from, pointer="/agency")
    return {
        "agency": described.agency,
        "agency_name": agency.name_vi,
        "bin": described.bin,
        "bank": banks.known(described.bin).short_name,
        "number": described.number,
        "name": described.name,
        "valid_from": described.valid_from.isoformat(),
        "cut_off": f"{described.cut_off:%H:%M}",
        "run_at": f"{described.run_at:%H:%M}",
    }


def of_connection(described: ConnectionDescribed) -> dict[str, Any]:
    """A registration without its secret."""
    trust = connections.trust_of(described.source, described.scheme)
    return {
        "connection": described.name,
        "source": described.source,
        "scheme": described.scheme,
        "trust": None if trust is None else trust.value,
        "accounts": list(described.accounts),
    }


def of_one(connection: Connection) -> dict[str, Any]:
    """A connection that there is."""
    return {"connection": connection.name, "active": connection.active, "id": connection.id}


def sealed(secret: str, vault: Vault) -> dict[str, str]:
    """A secret as it is kept until somebody approves."""
    return {"sealed": base64.b64encode(vault.seal(secret, purpose=_PURPOSE)).decode()}


def secret_of(shown: Mapping[str, Any], vault: Vault) -> str:
    """The secret that was proposed."""
    return vault.open(base64.b64decode(shown["sealed"]), purpose=_PURPOSE)


def account_of(shown: Mapping[str, Any]) -> AccountDescribed:
    """The bank account that was proposed."""
    return AccountDescribed(
        agency=shown["agency"],
        bin=shown["bin"],
        number=shown["number"],
        name=shown["name"],
        valid_from=date.fromisoformat(shown["valid_from"]),
        cut_off=time.fromisoformat(shown["cut_off"]),
        run_at=time.fromisoformat(shown["run_at"]),
    )


def opening(described: AccountDescribed) -> Opening:
    """A bank account as it is taken into use."""
    return Opening(
        bin=described.bin,
        number=described.number,
        name=described.name,
        cut_off=described.cut_off,
        run_at=described.run_at,
    )


def connection_of(shown: Mapping[str, Any], vault: Vault) -> ConnectionDescribed:
    """The registration that was proposed."""
    return ConnectionDescribed(
        source=shown["source"],
        scheme=shown["scheme"],
        name=shown["connection"],
        accounts=shown["accounts"],
        secret=secret_of(shown, vault),
    )


def registration_of(session: Session, described: ConnectionDescribed) -> Registration:
    """The registration with the accounts' ids. Raises `UnknownCollectionAccount`."""
    rows = select(CollectionAccount).where(CollectionAccount.public_id.in_(described.accounts))
    known = {one.public_id: one.id for one in session.scalars(rows)}
    missing = [one for one in described.accounts if one not in known]
    if missing or not known:
        raise agencies.UnknownCollectionAccount(id=(missing or ["-"])[0][:40])
    return Registration(
        source=described.source,
        scheme=described.scheme,
        name=described.name,
        secret=described.secret,
        collection_account_ids=list(known.values()),
    )
