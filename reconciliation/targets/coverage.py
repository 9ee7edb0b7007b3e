"""Account coverage: of the people aged 15 and older, how many hold a payment account.

Figures come in for communes; those of districts and of the province are computed here. A total of
which some communes have no figure counts the others alone, says how many they are, and names those
that are missing; nothing is forecast from it. Places on a day are those of the quarter's last day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from sqlalchemy.orm import Session

from payments.agencies import Kind, Node
from reconciliation.targets import quarters, trend
from reconciliation.targets.coverage_points import (
    communes,
    figures_of,
    inside,
    newest_quarter,
    newest_versions,
    points,
    tree_on,
)
from reconciliation.targets.coverage_tables import CoverageVersion, Measure
from reconciliation.targets.goals import Goal, goals, pace_setters
from reconciliation.targets.quarters import Quarter
from reconciliation.targets.ranking import Rank, ranks
from reconciliation.targets.trend import Forecast, Line, Pace, Point


@dataclass(frozen=True, slots=True)
class Source:
    """Where a quarter's figures are from: the document, its date, and which version of them."""

    quarter: Quarter
    version: int
    document: str
    dated_on: date
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class UnitCoverage:
    """One unit against its target.

    `points` are the figures of the last eight quarters, oldest first, as far as there are any;
    `latest` is the newest quarter's, `gap` the people to reach in it, both None without a figure.
    `rank` is its place among the units of its kind by coverage, the highest first; `work` its
    place by people to reach, the most first. `pace` is what each quarter has to add so that the
    target is met in time. `missing` are the codes of communes without a figure.
    """

    code: str
    name_vi: str
    name_en: str | None
    kind: Kind
    parent: str | None
    depth: int
    pace_setter: bool
    points: tuple[Point, ...]
    latest: Point | None
    goal: Goal | None
    gap: int | None
    line: Line | None
    forecast: Forecast | None
    pace: Pace | None
    rank: Rank | None
    work: Rank | None
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """The province in its newest `quarter` (None before the first), units as the tree has them.

    `window` are the eight quarters up to it, `sources` those of them that have figures.
    """

    quarter: Quarter | None
    window: tuple[Quarter, ...]
    units: tuple[UnitCoverage, ...]
    sources: tuple[Source, ...]

    def of_kind(self, kind: Kind) -> tuple[UnitCoverage, ...]:
        """The units of one kind, in the tree's order."""
        return tuple(one for one in self.units if one.kind is kind)

    def unit(self, code: str) -> UnitCoverage | None:
        """The unit of that code."""
        return next((one for one in self.units if one.code == code), None)


def coverage(session: Session, *, as_of: datetime, until: Quarter | None = None) -> Coverage:
    """The province as it was known at `as_of`, in the newest quarter up to `until`."""
    newest = newest_quarter(session, as_of=as_of, until=until)
    if newest is None:
        return Coverage(None, (), (), ())
    tree, window = tree_on(session, newest.last_day), trend.window(newest)
    nodes = tree.nodes
    versions = newest_versions(session, window, as_of=as_of)
    figures, known = figures_of(session, versions), communes(session, tree)
    found = points(nodes, known, window, figures)
    aims = goals(session, Measure.COVERAGE, nodes, year=newest.year, as_of=as_of)
    by_rank, by_work = _ranks(nodes, found, aims, newest)
    within = inside(nodes)
    there = {one.home for one in known if one.id in figures[newest]}
    units = tuple(
        _unit(
            node,
            found[node.code],
            newest=newest,
            goal=aims.get(node.code),
            rank=by_rank.get(node.code),
            work=by_work.get(node.code),
            missing=tuple(sorted(within[node.code] - there)),
        )
        for node in nodes
    )
    return Coverage(newest, window, units, tuple(_source(one) for one in versions))


def _ranks(
    nodes: Sequence[Node],
    found: Mapping[str, tuple[Point, ...]],
    aims: Mapping[str, Goal],
    newest: Quarter,
) -> tuple[Mapping[str, Rank], Mapping[str, Rank]]:
    """By coverage and by people to reach, each kind of unit among its own; only complete ones."""
    by_rank: dict[str, Rank] = {}
    by_work: dict[str, Rank] = {}
    for kind in (Kind.DISTRICT, Kind.COMMUNE):
        codes = [node.code for node in nodes if node.kind is kind]
        now, before = (
            {
                code: point
                for code in codes
                for point in found[code]
                if point.quarter == quarter and point.complete
            }
            for quarter in (newest, newest.after(-1))
        )
        by_rank |= ranks(_shares(now), _shares(before))
        by_work |= ranks(_gaps(now, aims), _gaps(before, aims))
    return by_rank, by_work


def _shares(complete: Mapping[str, Point]) -> dict[str, Fraction | int]:
    return {code: point.coverage for code, point in complete.items()}


def _gaps(complete: Mapping[str, Point], aims: Mapping[str, Goal]) -> dict[str, Fraction | int]:
    return {code: point.gap(aims[code].share) for code, point in complete.items() if code in aims}


def _unit(
    node: Node,
    told: tuple[Point, ...],
    *,
    newest: Quarter,
    goal: Goal | None,
    rank: Rank | None,
    work: Rank | None,
    missing: tuple[str, ...],
) -> UnitCoverage:
    latest = told[-1] if told and told[-1].quarter == newest else None
    drawn = trend.line(told)
    return UnitCoverage(
        code=node.code,
        name_vi=node.name_vi,
        name_en=node.name_en,
        kind=node.kind,
        parent=node.parent,
        depth=node.depth,
        pace_setter=node.code in pace_setters(),
        points=told,
        latest=latest,
        goal=goal,
        gap=latest.gap(goal.share) if latest and goal else None,
        line=drawn,
        forecast=trend.forecast(told, drawn, goal.share, newest=newest) if goal else None,
        pace=trend.needed(latest, goal.share, year=goal.year) if goal else None,
        rank=rank,
        work=work,
        missing=missing,
    )


def _source(version: CoverageVersion) -> Source:
    return Source(
        quarters.read(version.quarter),
        version=version.version,
        document=version.document,
        dated_on=version.dated_on,
        imported_at=version.imported_at,
    )
