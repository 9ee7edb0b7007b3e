"""Yearly targets: what each unit is to reach, decided from a day on.

A unit without one of its own has that of the nearest unit above it; a year without one has that
of the year before. Where nobody decided anything, the province's resolution holds (targets.toml).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import Agency, Node
from payments.core import audit
from payments.core.calendar import local_day
from payments.core.errors import Conflict, Invalid
from reconciliation.targets.coverage_tables import WHOLE, Measure, Target

_DECIDED: Final = Path(__file__).parent / "targets.toml"
_LAST_YEAR: Final = 2099
_LONGEST_BASIS: Final = 500


class InvalidTarget(Invalid):
    """A target is a share from 0.01 % to 100 %, with not more than two decimals."""

    code = "invalid_target"


class TargetInThePast(Invalid):
    """A target is decided for this year or a later one, from today or a later day on."""

    code = "target_in_the_past"


class TargetWithoutBasis(Invalid):
    """Whoever sets a target says by which document it was decided."""

    code = "target_without_basis"


class TargetDecided(Conflict):
    """The unit has another target for that year, valid from that very day."""

    code = "target_decided"


@dataclass(frozen=True, slots=True)
class Goal:
    """The target that holds for a unit: `value` of 10,000, set for `year` by `basis`.

    `agency` is the code of the unit it was set for; None where it is the resolution's.
    """

    value: int
    year: int
    basis: str
    agency: str | None = None

    @property
    def share(self) -> Fraction:
        """The target as a share: 4/5 for 80 %."""
        return Fraction(self.value, WHOLE)


def set_target(
    session: Session,
    agency: str,
    measure: Measure,
    *,
    year: int,
    value: int,
    basis: str,
    valid_from: date,
    by: str,
    now: datetime,
) -> Target:
    """Sets what a unit, and whatever is below it, is to reach in a year; `value` of 10,000.

    Raises `UnknownAgency`, `InvalidTarget`, `TargetInThePast`, `TargetWithoutBasis` or
    `TargetDecided`. What is set already in these words is left as it is.
    """
    today, told = local_day(now), basis.strip()
    if type(value) is not int or not 1 <= value <= WHOLE:
        raise InvalidTarget(pointer="/value")
    if valid_from < today or not today.year <= year <= _LAST_YEAR:
        raise TargetInThePast(pointer="/year", year=year, valid_from=valid_from)
    if not told or len(told) > _LONGEST_BASIS:
        raise TargetWithoutBasis(pointer="/basis", most=_LONGEST_BASIS)
    unit = agencies.by_code(session, agency, on=valid_from, pointer="/agency")
    known = _known(session, unit.id, measure, year=year, valid_from=valid_from)
    if known is not None:
        if (known.value, known.basis) == (value, told):
            return known
        raise TargetDecided(agency=agency, year=year, valid_from=valid_from)
    target = Target(
        agency_id=unit.id,
        measure=measure.value,
        year=year,
        value=value,
        basis=told,
        valid_from=valid_from,
        decided_at=now,
        decided_by=by,
    )
    session.add(target)
    session.flush()
    _tell(session, target, agency, by=by, now=now)
    return target


def decided(session: Session, agency: str, measure: Measure, *, year: int) -> bool:
    """Whether a unit has a target of its own for a year, whenever it is valid from."""
    rows = (
        select(Target.id)
        .join(Agency, Agency.id == Target.agency_id)
        .where(Agency.code == agency, Target.measure == measure, Target.year == year)
    )
    return session.scalar(rows.limit(1)) is not None


def goals(
    session: Session, measure: Measure, nodes: Sequence[Node], *, year: int, as_of: datetime
) -> Mapping[str, Goal]:
    """The target of each of `nodes` (a tree, parents first) by code, as it was known at `as_of`.

    The newest year up to `year` wins, then the nearest unit. A unit for which nobody decided
    anything, the resolution included, is left out.
    """
    own = _own(session, measure, year=year, as_of=as_of)
    decreed = resolution(measure)
    found: dict[str, Goal] = {}
    for node in nodes:
        above = found.get(node.parent or "", decreed)
        mine = own.get(node.code)
        chosen = mine if mine and (above is None or mine.year >= above.year) else above
        if chosen is not None:
            found[node.code] = chosen
    return found


@cache
def resolution(measure: Measure) -> Goal | None:
    """What the province's resolution says, if it says anything about this measure."""
    for told in _decided()["resolution"]:
        if told["measure"] == measure:
            return Goal(value=told["value"], year=told["year"], basis=told["basis"])
    return None


@cache
def pace_setters() -> frozenset[str]:
    """The codes of the units that go first."""
    return frozenset(_decided()["pace_setters"]["agencies"])


@cache
def _decided() -> Mapping[str, Any]:
    return tomllib.loads(_DECIDED.read_text(encoding="utf-8"))


def _own(session: Session, measure: Measure, *, year: int, as_of: datetime) -> Mapping[str, Goal]:
    """The target set for each unit itself: of the newest year, and of that the latest decided."""
    rows = session.execute(
        select(Agency.code, Target)
        .join(Agency, Agency.id == Target.agency_id)
        .where(
            Target.measure == measure,
            Target.year <= year,
            Target.valid_from <= local_day(as_of),
            Target.decided_at <= as_of,
        )
        .order_by(Target.year, Target.valid_from, Target.id)
    )
    return {
        code: Goal(value=row.value, year=row.year, basis=row.basis, agency=code)
        for code, row in rows
    }


def _known(
    session: Session, agency_id: int, measure: Measure, *, year: int, valid_from: date
) -> Target | None:
    return session.scalar(
        select(Target).where(
            Target.agency_id == agency_id,
            Target.measure == measure,
            Target.year == year,
            Target.valid_from == valid_from,
        )
    )


def _tell(session: Session, target: Target, agency: str, *, by: str, now: datetime) -> None:
    audit.append(
        session,
        actor=by,
        action="target.set",
        subject=f"agency:{agency}",
        details={
            "measure": target.measure,
            "year": target.year,
            "value": target.value,
            "basis": target.basis,
            "valid_from": target.valid_from.isoformat(),
        },
        now=now,
    )
