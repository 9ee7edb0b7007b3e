"""The cashless share as figures: by month, unit and procedure; reasons, hours, where to go next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from payments.agencies import Kind
from payments.core.words import say
from payments.web.i18n import day, dong, number, percent
from reconciliation.targets.rollup_tables import Means
from reconciliation.targets.share import Share
from reconciliation.web import charts
from reconciliation.web.charts import Bar, Bullet, Column, Heading
from reconciliation.web.coverage_figures import NONE, rank_words, reached_words
from reconciliation.web.figures import Figure, Table, TableRow
from reconciliation.web.standing import Standing, name_of, shortest

MOST_BARS: Final = 12
MOST_STEPS: Final = 10
_MEANS: Final = tuple(each.value for each in Means)
_KINDS: Final = (Kind.DISTRICT, Kind.COMMUNE, Kind.DEPARTMENT)
_CHANNELS: Final = {"online": "targets.channel.online", "counter": "targets.channel.counter"}


def share_figures(stand: Standing) -> list[Figure]:
    """Those of the period and unit that are asked about; none where no fee was paid in it."""
    board = stand.board
    if not board.total.whole.fees and not board.total.waiting.fees:
        return []
    found = [months_of(stand)]
    if stand.board.weeks:
        found.append(_weeks(stand))
    below = {one.kind for one in stand.nodes.values() if one.parent == stand.top.code}
    found += [_units(stand, kind) for kind in _KINDS if kind in below]
    found += [_procedures(stand), _channels(stand)]
    if not stand.asked.narrowed:
        found += [_sources(stand), reasons_of(stand), _hours(stand)]
    return found


def goal_of(stand: Standing) -> int | None:
    """The target of the unit that is asked about, None where nobody decided one."""
    return _own_goal(stand, stand.top.code)


def months_of(stand: Standing) -> Figure:
    """How the fees of each month were paid."""
    heading = Heading(
        "months", say("targets.months", unit=name_of(stand.top)), say("targets.months.told")
    )
    names = ("cashless_fees", "cash_fees") if stand.asked.narrowed else _MEANS
    columns = [
        Column(_month(one.key), _parts(stand, one), one.of_fees) for one in stand.board.months
    ]
    series = [say(f"targets.column.{each}") for each in names]
    drawing = charts.stacked(heading, columns, series=series, target=goal_of(stand))
    rows = [
        TableRow(_month(one.key, whole=True), [*map(number, column.parts), *_share_cells(one)])
        for one, column in zip(stand.board.months, columns, strict=True)
    ]
    notes = [say("targets.waiting.apart", fees=number(stand.board.total.waiting.fees))]
    table = _table(("month", *names, *_SHARE_COLUMNS), rows)
    return Figure(heading, drawing, table, _source(stand), notes)


def _parts(stand: Standing, month: Share) -> list[int]:
    """The fees of a month by means; without cash and with it, where no more is known."""
    if stand.asked.narrowed:
        return [month.cashless.fees, month.cash.fees]
    counted = stand.means.get(month.key, {})
    return [counted.get(each, 0) for each in Means]


def reasons_of(stand: Standing) -> Figure:
    """Why it was cash, the commonest reason first."""
    heading = Heading("reasons", say("targets.reasons"), say("targets.reasons.told"))
    reasons = stand.board.reasons
    bars = [Bar(say(f"cash.reason.{one.detail}"), one.counted.fees) for one in reasons]
    rows = [
        TableRow(bar.name, [number(one.counted.fees), dong(one.counted.amount)])
        for bar, one in zip(bars, reasons, strict=True)
    ]
    table = _table(("reason", "fees", "amount"), rows)
    return Figure(heading, charts.ranked(heading, bars), table, _source(stand))


def _weeks(stand: Standing) -> Figure:
    """The share of each week, against the target."""
    heading = Heading("weeks", say("targets.weeks"), say("targets.weeks.told"))
    weeks = [(date.fromisoformat(one.key), one) for one in stand.board.weeks]
    points = [charts.Point(f"{begins:%-d/%-m}", one.of_fees) for begins, one in weeks]
    drawing = charts.trend(heading, points, target=goal_of(stand), each=say("chart.weeks"))
    rows = [TableRow(f"{begins:%d/%m/%Y}", _share_cells(one)) for begins, one in weeks]
    return Figure(heading, drawing, _table(("week", *_SHARE_COLUMNS), rows), _source(stand))


def _sources(stand: Standing) -> Figure:
    """By which means and from which source money came that is not cash."""
    heading = Heading("sources", say("targets.sources"), say("targets.sources.told"))
    ways = [one for one in stand.board.ways if one.means is not Means.CASH]
    names = [
        f"{say(f'targets.column.{one.means}')} · {say(f'source.{one.detail}')}" for one in ways
    ]
    bars = [Bar(name, one.counted.fees) for name, one in zip(names, ways, strict=True)]
    rows = [
        TableRow(
            name,
            [number(one.counted.fees), dong(one.counted.amount), number(one.waiting.fees)],
        )
        for name, one in zip(names, ways, strict=True)
    ]
    table = _table(("source", "fees", "amount", "waiting"), rows)
    return Figure(heading, charts.ranked(heading, bars), table, _source(stand))


def pace_setters_of(stand: Standing) -> Table:
    """The cities that go first, as what others are held against; without rows where none is."""
    rows = []
    for covered in stand.coverage.units:
        one = stand.shares.get(covered.code)
        if covered.pace_setter:
            rows.append(
                TableRow(
                    name_of(covered),
                    [
                        reached_words(covered),
                        NONE if covered.gap is None else number(covered.gap),
                        NONE if one is None or one.of_fees is None else percent(one.of_fees),
                        NONE if one is None else number(one.cash.fees),
                    ],
                    covered.code,
                )
            )
    return _table(("unit", "reached", "gap", "share_of_fees", "cash_fees"), rows)


def steps_of(stand: Standing) -> Table:
    """Where to go next: communes by people still to reach and by cash fees that could move."""
    rows = [
        TableRow(
            name_of(stand.nodes[one.code]),
            [
                NONE if one.people is None else number(one.people),
                number(one.cash),
                f"{NONE if one.by_people is None else one.by_people} · {one.by_cash}",
            ],
            one.code,
        )
        for one in stand.steps[:MOST_STEPS]
        if one.code in stand.nodes
    ]
    return _table(("unit", "gap", "cash_fees", "both_places"), rows)


def _units(stand: Standing, kind: Kind) -> Figure:
    """The units of a kind: a bar for each that is right below, a row for each there is within."""
    shares = stand.shares
    heading = Heading(f"units-{kind}", say(f"targets.units.{kind}"), say("targets.units.told"))
    inside = [one for one in stand.below(kind) if one is not stand.top]
    paid = [one for one in inside if shares[one.code].whole.fees]
    paid.sort(key=lambda one: -(shares[one.code].of_fees or 0))
    bars = [
        Bullet(
            shortest(one),
            shares[one.code].of_fees,
            say("targets.fees_told", fees=number(shares[one.code].whole.fees)),
            _own_goal(stand, one.code),
        )
        for one in paid
    ]
    drawing = charts.bullets(heading, bars, target=goal_of(stand))
    rows = [
        TableRow(
            name_of(one),
            [
                *_share_cells(shares[one.code]),
                _goal_words(_own_goal(stand, one.code)),
                rank_words(stand.ranks.get(one.code)),
            ],
            one.code,
        )
        for one in inside
    ]
    silent = len(inside) - len(paid)
    notes = [say("targets.silent", many=silent)] if silent else []
    table = _table(("unit", *_SHARE_COLUMNS, "target", "rank"), rows)
    return Figure(heading, drawing, table, _source(stand), notes)


def _own_goal(stand: Standing, code: str) -> int | None:
    goal = stand.goals.get(code)
    return None if goal is None else goal.value


def _goal_words(goal: int | None) -> str:
    return NONE if goal is None else percent(goal)


def _procedures(stand: Standing) -> Figure:
    heading = Heading("procedures", say("targets.procedures"), say("targets.procedures.told"))
    procedures = stand.board.procedures
    bars = [
        Bullet(
            stand.fees.get(one.key, one.key),
            one.of_fees,
            say("targets.fees_told", fees=number(one.whole.fees)),
        )
        for one in procedures[:MOST_BARS]
    ]
    drawing = charts.bullets(heading, bars, target=goal_of(stand))
    rows = [
        TableRow(f"{one.key} · {stand.fees.get(one.key, one.key)}", _share_cells(one))
        for one in procedures
    ]
    return Figure(heading, drawing, _table(("procedure", *_SHARE_COLUMNS), rows), _source(stand))


def _channels(stand: Standing) -> Figure:
    heading = Heading("channels", say("targets.channels"), say("targets.channels.told"))
    bars = [
        Bullet(
            say(_CHANNELS[one.key]),
            one.of_fees,
            say("targets.fees_told", fees=number(one.whole.fees)),
        )
        for one in stand.board.channels
    ]
    drawing = charts.bullets(heading, bars, target=goal_of(stand))
    rows = [TableRow(say(_CHANNELS[one.key]), _share_cells(one)) for one in stand.board.channels]
    return Figure(heading, drawing, _table(("channel", *_SHARE_COLUMNS), rows), _source(stand))


def _hours(stand: Standing) -> Figure:
    heading = Heading("hours", say("targets.hours"), say("targets.hours.told"))
    known = [one for one in stand.hours if one.hour is not None]
    drawing = charts.hours(heading, [one.cashless for one in known])
    rows = [
        TableRow(
            say("targets.hour.unknown")
            if one.hour is None
            else say("chart.hour", hour=f"{one.hour:02}"),
            [number(one.cashless), number(one.cash)],
        )
        for one in stand.hours
        if one.cashless or one.cash
    ]
    table = _table(("hour", "cashless_fees", "cash_fees"), rows)
    return Figure(heading, drawing, table, _source(stand), [say("targets.hours.months")])


_SHARE_COLUMNS: Final = ("fees", "share_of_fees", "amount", "share_of_amount", "waiting")


def _share_cells(one: Share) -> list[str]:
    return [
        number(one.whole.fees),
        NONE if one.of_fees is None else percent(one.of_fees),
        dong(one.whole.amount),
        NONE if one.of_amount is None else percent(one.of_amount),
        number(one.waiting.fees),
    ]


def _month(key: str, *, whole: bool = False) -> str:
    begins = date.fromisoformat(key)
    return f"{begins:%m/%Y}" if whole else f"{begins:%-m/%y}"


def _source(stand: Standing) -> str:
    asked = stand.asked
    return say("targets.source.fees", first=day(asked.first), last=day(asked.last))


def _table(names: Sequence[str], rows: Sequence[TableRow]) -> Table:
    return Table([say(f"targets.column.{name}") for name in names], rows)
