"""Published figures are rounded so that nobody is known by them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.core.money import Dong
from reconciliation.targets import rounding


@pytest.mark.parametrize(
    ("exact", "told"), [(0, 0), (1, None), (9, None), (10, 10), (14, 10), (15, 20), (1_234, 1_230)]
)
def test_a_count_is_told_to_ten_and_a_small_one_not_at_all(exact: int, told: int | None) -> None:
    assert rounding.count(exact) == told


def test_a_count_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="below 0"):
        rounding.count(-1)


@settings(max_examples=60, deadline=None)
@given(st.integers(10, 5_000), st.sampled_from([2_000, 8_000, 50_000, 200_000, 1_000_000]))
def test_an_amount_tells_no_more_than_ten_fees(fees: int, price: int) -> None:
    """Where every fee costs the same, counts on either side of five have the same amount."""
    exact = Dong(fees * price)
    step = rounding.step(exact, fees=fees)
    told = rounding.amount(exact, fees=fees)
    assert told is not None
    assert step >= 10 * price
    assert told % rounding.AMOUNT_STEP == 0
    assert abs(told - exact) * 2 <= step


def test_an_amount_of_few_fees_is_not_told() -> None:
    assert rounding.amount(Dong(9_000_000), fees=9) is None


def test_a_share_is_reckoned_from_what_is_published() -> None:
    """And of fewer than a hundred none is."""
    assert rounding.percent(740, 1_000, among=1_000) == Decimal("74.0")
    assert rounding.percent(2, 3, among=90) is None
    assert rounding.percent(None, 100, among=100) is None
    assert rounding.percent(0, 0, among=0) is None
