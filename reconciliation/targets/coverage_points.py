"""Figures of communes added up for every unit: one point for each quarter that has any.

A unit is what the newest quarter's tree says. Figures of a commune that ended since stand under its
successor, and how many communes there were to count is asked of each quarter's own last day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.agencies import Agency, Kind, Node
from reconciliation.targets import quarters
from reconciliation.targets.coverage_tables import CoverageFigure, CoverageVersion
from reconciliation.targets.quarters import Quarter
from reconciliation.targets.trend import Point
from reconciliation.targets.units import Units, units

PLACES = (Kind.PROVINCE, Kind.DISTRICT, Kind.COMMUNE)
"""Units in which people live; departments have none."""

Figures = Mapping[Quarter, Mapping[int, tuple[int, int]]]
"""By quarter and row of a commune: people aged 15 and older, and those of them with an account."""


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune of some day: its row, and the code its figures stand under now."""

    id: int
    home: str
    valid_from: date
    valid_to: date | None

    def stood_on(self, day: date) -> bool:
        """Whether it was there on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


def newest_quarter(session: Session, *, as_of: datetime, until: Quarter | None) -> Quarter | None:
    """The newest quarter up to `until` of which figures were known at `as_of`."""
    known = select(func.max(CoverageVersion.quarter)).where(CoverageVersion.imported_at <= as_of)
    if until is not None:
        known = known.where(CoverageVersion.quarter <= str(until))
    written = session.scalar(known)
    return None if written is None else quarters.read(written)


def newest_versions(
    session: Session, window: Sequence[Quarter], *, as_of: datetime
) -> Sequence[CoverageVersion]:
    """The newest version of each quarter that was known then, the oldest quarter first."""
    rows = session.scalars(
        select(CoverageVersion)
        .where(
            CoverageVersion.quarter.between(str(window[0]), str(window[-1])),
            CoverageVersion.imported_at <= as_of,
        )
        .order_by(CoverageVersion.quarter, CoverageVersion.version)
    )
    return list({one.quarter: one for one in rows}.values())


def figures_of(session: Session, versions: Iterable[CoverageVersion]) -> Figures:
    """What versions of several quarters say of each commune."""
    by_id = {one.id: quarters.read(one.quarter) for one in versions}
    found: dict[Quarter, dict[int, tuple[int, int]]] = defaultdict(dict)
    rows = session.execute(
        select(
            CoverageFigure.coverage_version_id,
            CoverageFigure.agency_id,
            CoverageFigure.population,
            CoverageFigure.accounts,
        ).where(CoverageFigure.coverage_version_id.in_(by_id))
    )
    for version_id, agency_id, population, accounts in rows:
        found[by_id[version_id]][agency_id] = (population, accounts)
    return found


def tree_on(session: Session, day: date) -> Units:
    """The province, its districts and communes of a day; departments are left out."""
    whole = units(session, on=day)
    return replace(whole, nodes=[node for node in whole.nodes if node.kind in PLACES])


def communes(session: Session, tree: Units) -> list[Commune]:
    """Every commune that ever was and whose figures stand under one of the tree's."""
    codes = {node.code for node in tree.nodes if node.kind is Kind.COMMUNE}
    rows = session.scalars(select(Agency).where(Agency.kind == Kind.COMMUNE).order_by(Agency.id))
    return [
        Commune(row.id, tree.homes[row.id], row.valid_from, row.valid_to)
        for row in rows
        if tree.homes[row.id] in codes
    ]


def inside(nodes: Sequence[Node]) -> Mapping[str, frozenset[str]]:
    """For each unit, the codes of the communes in it, itself included where it is one."""
    found: dict[str, set[str]] = {node.code: set() for node in nodes}
    parents = {node.code: node.parent for node in nodes}
    for node in nodes:
        if node.kind is Kind.COMMUNE:
            above: str | None = node.code
            while above is not None and above in found:
                found[above].add(node.code)
                above = parents[above]
    return {code: frozenset(within) for code, within in found.items()}


def points(
    nodes: Sequence[Node],
    known: Sequence[Commune],
    window: Sequence[Quarter],
    figures: Figures,
) -> Mapping[str, tuple[Point, ...]]:
    """For each unit, a point for each quarter of `window` in which a commune of it has figures."""
    within = inside(nodes)
    by_commune = [(quarter, of_communes(known, quarter, figures)) for quarter in window]
    return {node.code: tuple(_added_up(within[node.code], by_commune)) for node in nodes}


def of_communes(
    known: Sequence[Commune], quarter: Quarter, figures: Figures
) -> Mapping[str, Sequence[tuple[int, int] | None]]:
    """By commune of now, the figures of those that were there then; None for one without."""
    told = figures.get(quarter, {})
    found: dict[str, list[tuple[int, int] | None]] = defaultdict(list)
    for one in known:
        if one.stood_on(quarter.last_day):
            found[one.home].append(told.get(one.id))
    return found


def _added_up(
    within: frozenset[str],
    by_commune: Sequence[tuple[Quarter, Mapping[str, Sequence[tuple[int, int] | None]]]],
) -> Iterator[Point]:
    for quarter, figures in by_commune:
        then = [one for code in within for one in figures.get(code, ())]
        counted = [one for one in then if one is not None]
        if counted:
            yield Point(
                quarter,
                population=sum(population for population, _ in counted),
                accounts=sum(accounts for _, accounts in counted),
                known=len(counted),
                units=len(then),
            )
