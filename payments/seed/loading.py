"""Bringing the database to what the files say, from today on, as often as one likes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from payments import agencies, fees
from payments.core import audit
from payments.core.calendar import local_day
from payments.core.validity import Change
from payments.seed.files import Tariff, Units


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rows a file added, changed and left alone, and how many it does not mention."""

    added: int
    changed: int
    unchanged: int
    unmentioned: int


def load_units(session: Session, units: Units, *, by: str, now: datetime) -> Loaded:
    """Puts the agencies of the files into the tree; those not mentioned stay as they are."""
    today = local_day(now)
    since = min(units.as_of, today)
    changes = [
        agencies.put(session, described, since=since, on=today) for described in units.agencies
    ]
    mentioned = {described.code for described in units.agencies}
    known = {node.code for node in agencies.tree(session, on=today)}
    loaded = _counted(changes, unmentioned=len(known - mentioned))
    _tell(session, "agencies", loaded, digest=units.digest, by=by, now=now)
    return loaded


def load_tariff(session: Session, tariff: Tariff, *, by: str, now: datetime) -> Loaded:
    """Puts the fees of the file into the tariff; those not mentioned stay as they are."""
    today = local_day(now)
    changes = [
        fees.put(session, each.fee, prices=each.prices, reductions=each.reductions, on=today)
        for each in tariff.fees
    ]
    mentioned = {each.fee.code for each in tariff.fees}
    known = {entry.fee.code for entry in fees.tariff(session, on=today)}
    loaded = _counted(changes, unmentioned=len(known - mentioned))
    _tell(session, "tariff", loaded, digest=tariff.digest, by=by, now=now)
    return loaded


def _counted(changes: Iterable[Change], *, unmentioned: int) -> Loaded:
    counted = Counter(changes)
    return Loaded(
        added=counted[Change.ADDED],
        changed=counted[Change.CHANGED],
        unchanged=counted[Change.UNCHANGED],
        unmentioned=unmentioned,
    )


def _tell(
    session: Session, what: str, loaded: Loaded, *, digest: str, by: str, now: datetime
) -> None:
    if loaded.added or loaded.changed:
        audit.append(
            session,
            actor=by,
            action="seed.loaded",
            subject=what,
            details={"file": digest, "added": loaded.added, "changed": loaded.changed},
            now=now,
        )
