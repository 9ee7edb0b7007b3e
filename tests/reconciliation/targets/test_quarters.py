"""Quarters as people write them."""

from __future__ import annotations

from datetime import date

import pytest

from reconciliation.targets import quarters
from reconciliation.targets.quarters import NotAQuarter, Quarter


@pytest.mark.parametrize(
    "text",
    [
        "2026Q3",
        "2026-q3",
        "2026 Q3",
        "Q3/2026",
        "Quý 3/2026",
        "quý III/2026",
        "Quý III-2026",
        "III/2026",
        "3/2026",
        "2026 quý 3",
        "Quý 3, 2026",
        "quarter 3 2026",
    ],
)
def test_a_quarter_is_read_however_it_is_written(text: str) -> None:
    """Vietnamese and English, figures and Roman numerals."""
    assert quarters.read(text) == Quarter(2026, 3)


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026Q5", "Q0/2026", "V/2026", "26Q3", "1999Q4", "2100Q1", "25741", "13/2026"],
)
def test_what_is_no_quarter_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(NotAQuarter):
        quarters.read(text)


def test_quarters_are_counted_across_years() -> None:
    """The quarter after the fourth is the next year's first."""
    assert Quarter(2025, 4).after(1) == Quarter(2026, 1)
    assert Quarter(2026, 3).after(-7) == Quarter(2024, 4)
    assert [quarters.at(one.place) for one in (Quarter(2026, 4), Quarter(2027, 1))] == [
        Quarter(2026, 4),
        Quarter(2027, 1),
    ]


def test_a_quarter_ends_on_its_last_day() -> None:
    """Leap years included; the last one over is the one before today's."""
    assert Quarter(2028, 1).last_day == date(2028, 3, 31)
    assert Quarter(2026, 4).last_day == date(2026, 12, 31)
    assert quarters.of(date(2026, 9, 30)) == Quarter(2026, 3)
    assert quarters.last_over(date(2026, 10, 1)) == Quarter(2026, 3)
    assert quarters.last_over(date(2026, 9, 30)) == Quarter(2026, 2)
