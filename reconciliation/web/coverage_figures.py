"""Account coverage as figures: the trend of one unit, bars of districts, small trends, the map."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import Final

from payments.agencies import Kind
from payments.core.words import say
from payments.web.i18n import day, number, percent
from reconciliation.targets.coverage import UnitCoverage
from reconciliation.targets.percentages import hundredths, points
from reconciliation.targets.quarters import Quarter
from reconciliation.targets.ranking import Rank
from reconciliation.targets.trend import Outlook, Point
from reconciliation.web import charts
from reconciliation.web.charts import Bullet, District, Heading, Panel, Tile
from reconciliation.web.figures import Figure, Table, TableRow
from reconciliation.web.standing import Standing, name_of, shortest

TARGET: Final = 8_000
"""Of people aged 15 and older, in hundredths of a percent, where nothing else was decided."""

_AHEAD: Final = 12
"""So many quarters ahead a meeting with the target is drawn; a later one is told in words."""

NONE: Final = "–"

_UNIT_COLUMNS: Final = (
    "unit",
    "population",
    "accounts",
    "coverage",
    "target",
    "gap",
    "pace",
    "rank",
    "outlook",
)


def coverage_figures(stand: Standing) -> list[Figure]:
    """Those of the unit that is asked about; none before the first figures came in."""
    if stand.coverage.quarter is None or stand.covered is None:
        return []
    found = [trend_of(stand, stand.covered)]
    below = _children(stand)
    if len(below) > 1:
        found.append(_bullets(stand, below))
    if stand.top.kind is Kind.PROVINCE:
        found += [_multiples(stand, below), _tiles(stand)]
    return found


def trend_of(stand: Standing, unit: UnitCoverage) -> Figure:
    """One unit's last eight quarters, the line through them, and where it meets the target."""
    window = stand.coverage.window
    by_quarter = {point.quarter: point for point in unit.points}
    points = [
        charts.Point(quarter_words(one), _reached(by_quarter.get(one), whole=False))
        for one in window
    ]
    ahead = _ahead(stand, unit)
    heading = Heading(
        "trend",
        say("targets.trend", unit=name_of(unit)),
        say("targets.trend.told", outlook=outlook(unit), first=quarter_words(window[0])),
    )
    drawing = charts.trend(
        heading,
        points,
        target=goal_of(unit),
        fitted_line=_line(unit, window, len(ahead)),
        ahead=[quarter_words(one) for one in ahead],
    )
    rows = [_quarter_row(one, by_quarter.get(one), unit) for one in window]
    headings = ("quarter", "population", "accounts", "coverage", "gap")
    notes = [say("targets.trend.few")] if unit.line is None else []
    return Figure(heading, drawing, _table(headings, rows), _source(stand), notes)


def goal_of(unit: UnitCoverage) -> int:
    """What a unit is to reach, in hundredths of a percent."""
    return TARGET if unit.goal is None else unit.goal.value


def quarter_words(quarter: Quarter) -> str:
    """`Q3/26`, as it is written under a chart."""
    return f"Q{quarter.number}/{quarter.year % 100:02}"


def outlook(unit: UnitCoverage) -> str:
    """When the target is met, in a sentence."""
    told = unit.forecast
    if told is None:
        return say("targets.outlook.no_target")
    share = percent(goal_of(unit))
    if told.outlook is Outlook.UNKNOWN:
        return say(f"targets.outlook.unknown.{told.why}", missing=len(unit.missing))
    if told.quarter is None:
        return say("targets.outlook.never", share=share)
    return say(f"targets.outlook.{told.outlook}", share=share, on=told.quarter.last_day)


def pace_words(unit: UnitCoverage) -> str:
    """What each quarter has to add, beside what it adds now; empty where nothing is needed."""
    pace, goal = unit.pace, unit.goal
    if pace is None or goal is None:
        return ""
    told = say(
        "targets.pace",
        share=percent(goal.value),
        on=pace.by.last_day,
        people=number(pace.people),
        points=points(pace.share),
    )
    if pace.by.year != goal.year:
        told = f"{say('targets.pace.late', year=goal.year)} {told}"
    if unit.line is None:
        return told
    return f"{told} {say('targets.pace.now', points=points(unit.line.slope))}"


def reached_words(unit: UnitCoverage | None) -> str:
    """A unit's coverage of the newest quarter, as it is shown."""
    reached = None if unit is None else _reached(unit.latest, whole=False)
    return NONE if reached is None else percent(reached)


def gap_words(unit: UnitCoverage) -> str:
    """How many people are still to reach, or why that is not known."""
    if unit.missing:
        return say("targets.missing", many=len(unit.missing))
    if unit.gap is None:
        return say("chart.unknown")
    return say("targets.met") if unit.gap == 0 else say("targets.gap", people=number(unit.gap))


def rank_words(rank: Rank | None) -> str:
    """`3/9 ▲1`: a place, and how far it moved up or down since."""
    if rank is None:
        return NONE
    moved = rank.movement
    if moved is None:
        return f"{rank.place}/{rank.units}"
    arrow = "=" if moved == 0 else f"{'▲' if moved > 0 else '▼'}{abs(moved)}"
    return f"{rank.place}/{rank.units} {arrow}"


def _children(stand: Standing) -> list[UnitCoverage]:
    """The units right below the one that is asked about, the highest coverage first."""
    below = [one for one in stand.coverage.units if one.parent == stand.top.code]
    return sorted(below, key=lambda one: (one.rank is None, one.rank.place if one.rank else 0))


def _bullets(stand: Standing, below: Sequence[UnitCoverage]) -> Figure:
    target = goal_of(stand.covered or below[0])
    heading = Heading(
        "coverage",
        say("targets.coverage", unit=name_of(stand.top)),
        say("targets.coverage.told", many=len(below), share=percent(target)),
    )
    bars = [
        Bullet(shortest(one), _reached(one.latest), gap_words(one), goal_of(one)) for one in below
    ]
    drawing = charts.bullets(heading, bars, target=target)
    return Figure(heading, drawing, _unit_table(below), _source(stand), [say("targets.star")])


def _multiples(stand: Standing, below: Sequence[UnitCoverage]) -> Figure:
    window = stand.coverage.window
    heading = Heading("districts", say("targets.multiples"), say("targets.multiples.told"))
    panels = []
    for one in below:
        by_quarter = {point.quarter: point for point in one.points}
        values = [_reached(by_quarter.get(quarter)) for quarter in window]
        panels.append(Panel(shortest(one), values))
    first, last = quarter_words(window[0]), quarter_words(window[-1])
    drawing = charts.multiples(
        heading, panels, target=goal_of(stand.covered or below[0]), first=first, last=last
    )
    rows = [
        TableRow(
            name_of(one),
            [NONE if value is None else percent(value) for value in panel.values],
            one.code,
        )
        for one, panel in zip(below, panels, strict=True)
    ]
    table = Table((say("targets.column.unit"), *map(quarter_words, window)), rows)
    return Figure(heading, drawing, table, _source(stand))


def _tiles(stand: Standing) -> Figure:
    heading = Heading("map", say("targets.map"), say("targets.map.told"))
    communes = stand.coverage.of_kind(Kind.COMMUNE)
    districts = [
        District(
            one.code.rpartition(".")[2],
            shortest(one),
            [
                Tile(name_of(each), _reached(each.latest))
                for each in communes
                if each.parent == one.code
            ],
        )
        for one in stand.coverage.of_kind(Kind.DISTRICT)
    ]
    target = TARGET if stand.covered is None else goal_of(stand.covered)
    drawing = charts.tile_map(heading, districts, target=target)
    ordered = sorted(
        communes, key=lambda one: (one.rank is None, one.rank.place if one.rank else 0)
    )
    notes = [say("targets.map.layout")]
    return Figure(heading, drawing, _unit_table(ordered), _source(stand), notes)


def _unit_table(units: Sequence[UnitCoverage]) -> Table:
    rows = [
        TableRow(
            name_of(one),
            [
                *_point_cells(one.latest),
                percent(goal_of(one)),
                NONE if one.gap is None else number(one.gap),
                NONE if one.pace is None else number(one.pace.people),
                rank_words(one.rank),
                outlook(one),
            ],
            one.code,
        )
        for one in units
    ]
    return _table(_UNIT_COLUMNS, rows)


def _quarter_row(quarter: Quarter, point: Point | None, unit: UnitCoverage) -> TableRow:
    gap = NONE
    if point is not None and point.complete and unit.goal is not None:
        gap = number(point.gap(unit.goal.share))
    return TableRow(quarter_words(quarter), [*_point_cells(point), gap])


def _point_cells(point: Point | None) -> list[str]:
    if point is None:
        return [NONE, NONE, NONE]
    part = "" if point.complete else f" ({point.known}/{point.units})"
    told = percent(hundredths(point.coverage))
    return [number(point.population), number(point.accounts), told + part]


def _reached(point: Point | None, *, whole: bool = True) -> int | None:
    """The coverage of a point; where `whole`, only of one to which every commune contributed."""
    if point is None or (whole and not point.complete):
        return None
    return hundredths(point.coverage)


def _ahead(stand: Standing, unit: UnitCoverage) -> list[Quarter]:
    newest, met = stand.coverage.quarter, unit.forecast.quarter if unit.forecast else None
    if newest is None or met is None or unit.line is None:
        return []
    many = met.place - newest.place
    return [newest.after(step + 1) for step in range(many)] if 0 < many <= _AHEAD else []


def _line(unit: UnitCoverage, window: Sequence[Quarter], ahead: int) -> charts.Line | None:
    if unit.line is None:
        return None
    first, last = unit.line.points[0].quarter, window[-1].after(ahead)
    return charts.Line(
        first.place - window[0].place,
        floor(unit.line.on(first) * charts.WHOLE),
        last.place - window[0].place,
        floor(unit.line.on(last) * charts.WHOLE),
    )


def _source(stand: Standing) -> str:
    newest = stand.coverage.sources[-1]
    return say(
        "targets.source.coverage",
        document=newest.document,
        dated=day(newest.dated_on),
        quarter=quarter_words(newest.quarter),
    )


def _table(names: Sequence[str], rows: Sequence[TableRow]) -> Table:
    return Table([say(f"targets.column.{name}") for name in names], rows)
