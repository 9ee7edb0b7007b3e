"""The line through coverage, when the target is met, and what pace it needs: exact figures."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.targets import trend
from reconciliation.targets.quarters import Quarter
from reconciliation.targets.trend import Forecast, Line, Outlook, Pace, Point, Why

GOAL = Fraction(4, 5)
NEWEST = Quarter(2026, 3)


def points(*accounts: int | None, population: int = 1_000) -> list[Point]:
    """Figures of consecutive quarters up to the newest; None where a quarter has none."""
    first = NEWEST.after(1 - len(accounts))
    return [
        Point(first.after(place), population, count)
        for place, count in enumerate(accounts)
        if count is not None
    ]


def foreseen(told: list[Point], goal: Fraction = GOAL) -> Forecast:
    return trend.forecast(told, trend.line(told), goal, newest=NEWEST)


def by_sums(told: list[Point]) -> tuple[Fraction, Fraction]:
    """Slope and the line at the newest point, from the normal equations: another way to count."""
    n = len(told)
    xs = [one.quarter.year * 4 + one.quarter.number for one in told]
    ys = [Fraction(one.accounts) / one.population for one in told]
    sx, sy = sum(xs), sum(ys)
    sxx, sxy = sum(x * x for x in xs), sum(x * y for x, y in zip(xs, ys, strict=True))
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    return slope, (sy - slope * sx) / n + slope * xs[-1]


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 99_999), st.integers(0, 99_999)),
        min_size=8,
        max_size=8,
    )
)
def test_the_line_is_the_one_that_the_normal_equations_give(
    drawn: list[tuple[bool, int, int]],
) -> None:
    """Exactly, for any figures and any gaps between quarters."""
    told = [
        Point(NEWEST.after(place - 7), population, min(accounts, population))
        for place, (there, population, accounts) in enumerate(drawn)
        if there
    ]
    line = trend.line(told)
    if len(told) < 3:
        assert line is None
    else:
        assert line is not None
        assert (line.slope, line.level) == by_sums(told)
        assert line.points == tuple(told)
        assert line.on(line.at.after(2)) == line.level + 2 * line.slope


def test_a_third_stays_a_third() -> None:
    """No figure is rounded on the way."""
    line = trend.line([Point(NEWEST.after(place), 3, 1) for place in (-2, -1, 0)])
    assert line is not None
    assert (line.level, line.slope) == (Fraction(1, 3), 0)


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        ((700, 720, 740), Forecast(Outlook.EXPECTED, Quarter(2027, 2))),
        ((740, 760, 780), Forecast(Outlook.EXPECTED, Quarter(2026, 4))),
        ((700, 735, 770), Forecast(Outlook.EXPECTED, Quarter(2026, 4))),
        ((700, 700, 700), Forecast(Outlook.NEVER)),
        ((740, 720, 700), Forecast(Outlook.NEVER)),
        ((700, 800, 810), Forecast(Outlook.MET, Quarter(2026, 2))),
        ((810, 790, 800), Forecast(Outlook.MET, Quarter(2026, 3))),
        ((810, 805, 800), Forecast(Outlook.MET, Quarter(2026, 1))),
        ((700, 720), Forecast(Outlook.UNKNOWN, why=Why.TOO_FEW_QUARTERS)),
        ((700, 720, None), Forecast(Outlook.UNKNOWN, why=Why.NO_FIGURE)),
        ((), Forecast(Outlook.UNKNOWN, why=Why.NO_FIGURE)),
        ((820,), Forecast(Outlook.MET, Quarter(2026, 3))),
    ],
)
def test_when_the_target_is_met(accounts: tuple[int | None, ...], expected: Forecast) -> None:
    """On the last day of a quarter, never at this pace, since when, or not to be computed."""
    assert foreseen(points(*accounts)) == expected


def test_a_line_above_the_target_does_not_overrule_the_figure_below_it() -> None:
    """The newest figure says 79 %, so the next quarter is the earliest."""
    assert foreseen(points(700, 760, 820, 790)) == Forecast(Outlook.EXPECTED, Quarter(2026, 4))


def test_a_pace_that_takes_more_than_a_hundred_years_is_never() -> None:
    """One person in a million a quarter."""
    slow = [Point(NEWEST.after(place - 2), 1_000_000, 700_000 + place) for place in range(3)]
    assert foreseen(slow) == Forecast(Outlook.NEVER)


def test_nothing_is_foreseen_while_communes_are_missing() -> None:
    """A total of which a commune has no figure says only what is there."""
    told = [*points(700, 720, 900)[:2], Point(NEWEST, 1_000, 900, known=3, units=4)]
    assert foreseen(told) == Forecast(Outlook.UNKNOWN, why=Why.INCOMPLETE)
    assert trend.line(told) is None


@pytest.mark.parametrize(
    ("population", "accounts", "gap"),
    [(1_000, 700, 100), (1_001, 700, 101), (1_000, 800, 0), (1_000, 999, 0), (1, 0, 1), (6, 4, 1)],
)
def test_the_gap_is_whole_people_rounded_up(population: int, accounts: int, gap: int) -> None:
    """80 % of 1,001 people are 801; who is above the target has no gap."""
    assert Point(NEWEST, population, accounts).gap(GOAL) == gap


def test_the_pace_that_is_needed_is_told_in_people_and_in_share() -> None:
    """100 people in three quarters are 34 in each."""
    last = Point(NEWEST, 1_000, 700)
    assert trend.pace(last, GOAL, by=Quarter(2027, 2)) == Pace(
        Quarter(2027, 2), 3, Fraction(1, 30), 34
    )


def test_no_pace_is_needed_once_the_target_is_met_or_the_time_is_over() -> None:
    """Nothing is divided by no time left."""
    assert trend.pace(Point(NEWEST, 1_000, 800), GOAL, by=Quarter(2027, 2)) is None
    assert trend.pace(Point(NEWEST, 1_000, 700), GOAL, by=NEWEST) is None


def test_the_pace_is_for_the_year_of_the_target_or_once_that_is_over_for_the_next() -> None:
    """The newest figure is of the third quarter of 2026; without a complete one nothing is told."""
    last = Point(NEWEST, 1_000, 700)
    ahead, late = (trend.needed(last, GOAL, year=year) for year in (2027, 2025))
    assert ahead == Pace(Quarter(2027, 4), 5, Fraction(1, 50), 20)
    assert late == ahead
    this_year = trend.needed(last, GOAL, year=2026)
    assert this_year == Pace(Quarter(2026, 4), 1, Fraction(1, 10), 100)
    assert trend.needed(None, GOAL, year=2027) is None
    assert trend.needed(Point(NEWEST, 1_000, 700, known=1, units=2), GOAL, year=2027) is None
    assert trend.needed(Point(NEWEST, 1_000, 800), GOAL, year=2027) is None


def test_a_trend_looks_at_eight_quarters() -> None:
    """Two years, the newest included."""
    window = trend.window(NEWEST)
    assert (len(window), window[0], window[-1]) == (8, Quarter(2024, 4), NEWEST)


def test_the_line_knows_where_it_stands() -> None:
    """Between its points and beyond them."""
    line = trend.line(points(700, 720, 740))
    assert isinstance(line, Line)
    assert line.on(Quarter(2027, 3)) == Fraction(82, 100)
    assert line.on(Quarter(2026, 1)) == Fraction(70, 100)
