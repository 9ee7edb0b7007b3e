"""Targets: set from a day on, for a unit and what is below it; never changed."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy.orm import Session

from payments.agencies import UnknownAgency
from payments.core.words import speaking
from reconciliation.targets import goals, percentages
from reconciliation.targets.coverage_points import tree_on
from reconciliation.targets.coverage_tables import Measure
from reconciliation.targets.goals import (
    InvalidTarget,
    TargetDecided,
    TargetInThePast,
    TargetWithoutBasis,
)
from reconciliation.targets.percentages import NotAShare
from tests.coverage_files import NOW, a_small_province

TODAY = date(2026, 11, 24)


@pytest.fixture
def province(session: Session) -> Session:
    """A session in which the small province stands."""
    a_small_province(session)
    return session


def aim(session: Session, agency: str = "H09", **told: Any) -> goals.Target:
    usual = {"year": 2026, "value": 8_500, "basis": "Kế hoạch 1", "valid_from": TODAY, "now": NOW}
    return goals.set_target(
        session, agency, Measure.CASHLESS_SHARE, by="staff:1", **{**usual, **told}
    )


def known(session: Session, year: int = 2026, *, days: int = 0) -> dict[str, int]:
    found = goals.goals(
        session,
        Measure.CASHLESS_SHARE,
        tree_on(session, TODAY).nodes,
        year=year,
        as_of=NOW + timedelta(days=days),
    )
    return {code: goal.value for code, goal in found.items()}


def test_nobody_has_a_cashless_target_that_nobody_set(province: Session) -> None:
    """The resolution tells one for coverage alone."""
    assert known(province) == {}
    assert goals.resolution(Measure.COVERAGE) == goals.Goal(
        8_000, 2025, "Nghị quyết 05-NQ/TU ngày 19/5/2022"
    )


def test_a_target_holds_for_what_is_below_and_the_nearest_wins(province: Session) -> None:
    """A newer year's, even of a unit above, wins over an older one's."""
    aim(province)
    aim(province, "H09.718", value=9_000)
    found = known(province)
    assert (found["H09"], found["H09.25741"], found["H09.25780"]) == (8_500, 9_000, 8_500)
    aim(province, year=2027, value=9_500)
    assert set(known(province, 2027).values()) == {9_500}
    assert known(province, 2028)["H09.718"] == 9_500


def test_a_target_holds_from_its_day_on(province: Session) -> None:
    """Decided today for next week: until then the former one holds."""
    aim(province)
    aim(province, value=8_800, valid_from=TODAY + timedelta(days=7))
    assert [known(province, days=days)["H09"] for days in (0, 6, 7)] == [8_500, 8_500, 8_800]


def test_saying_it_twice_changes_nothing_and_otherwise_is_refused(province: Session) -> None:
    """From one day on there is one target."""
    first = aim(province)
    assert aim(province).id == first.id
    with pytest.raises(TargetDecided):
        aim(province, value=8_600)


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ({"value": 0}, InvalidTarget),
        ({"value": 10_001}, InvalidTarget),
        ({"year": 2025}, TargetInThePast),
        ({"year": 2100}, TargetInThePast),
        ({"valid_from": TODAY - timedelta(days=1)}, TargetInThePast),
        ({"basis": " "}, TargetWithoutBasis),
        ({"agency": "H09.1"}, UnknownAgency),
    ],
)
def test_a_target_that_cannot_be_is_refused(
    province: Session, told: dict[str, Any], refusal: type[Exception]
) -> None:
    """Nothing is set for what has been, or without a document."""
    with pytest.raises(refusal):
        aim(province, **told)


@pytest.mark.parametrize(
    ("text", "value"), [("80", 8_000), ("82,5 %", 8_250), ("0.01", 1), ("100", 10_000)]
)
def test_a_share_is_read_in_percent(text: str, value: int) -> None:
    """With comma or point."""
    assert percentages.heard(text) == value


@pytest.mark.parametrize("text", ["", "-5", "80.125", "101", "0", "1000", "8e1", "٨٠", "80 % %"])
def test_what_is_no_share_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(NotAShare):
        percentages.heard(text)


def test_a_share_below_the_target_never_reads_as_if_it_had_reached_it() -> None:
    """Percentages are cut off, not rounded up."""
    almost = Fraction(79_999, 100_000)
    assert percentages.percent(almost) == "79,9\N{NO-BREAK SPACE}%"
    assert percentages.hundredths(almost) == 7_999
    with speaking("en"):
        assert percentages.percent(Fraction(1, 3), digits=2) == "33.33%"
        assert percentages.percent(Fraction(-1, 300), digits=0) == "0%"
        assert percentages.people(1_234_567) == "1,234,567"
