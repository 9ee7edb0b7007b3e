"""How figures are rounded before anyone may have them, so that nobody is known by them.

- A **count** is rounded to the nearest ten, by itself: a total never from rounded parts, so that
  the two together say nothing of what is hidden. From 1 to 9 it is not told at all.
- An **amount** is rounded to 100,000 đồng, or to the next step (1, 2 or 5 with noughts) above ten
  average fees of its group: fees have fixed prices, and where all are 200,000 đồng an amount told
  to the hundred thousand would tell the exact count again.
- A **share** is reckoned from the published figures, so that it tells nothing more than they do,
  and not of a group of fewer than a hundred, where they are too coarse.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from payments.core.money import Dong

TEN: Final = 10
AMOUNT_STEP: Final = 100_000
FEWEST_FOR_A_SHARE: Final = 100


def count(exact: int) -> int | None:
    """A count to the nearest ten, half up; None of 1 to 9. Raises ValueError below 0."""
    if exact < 0:
        raise ValueError("nothing is counted below 0")
    if 0 < exact < TEN:
        return None
    return _to(exact, TEN)


def amount(exact: Dong, *, fees: int) -> Dong | None:
    """The amount of a group of so many fees, in đồng; None of a group that is not told."""
    if count(fees) is None:
        return None
    return Dong(_to(int(exact), step(exact, fees=fees)))


def step(exact: Dong, *, fees: int) -> int:
    """What an amount of so many fees is rounded to, in đồng."""
    ten_fees = 0 if fees == 0 else -(-int(exact) * TEN // fees)
    chosen = AMOUNT_STEP
    for at in range(40):
        chosen = AMOUNT_STEP * (1, 2, 5)[at % 3] * TEN ** (at // 3)
        if chosen >= ten_fees:
            break
    return chosen


def percent(part: int | None, whole: int | None, *, among: int | None) -> Decimal | None:
    """The share of published figures as `74.2`; None where one is not told.

    `among` is the published count of the group: of fewer than a hundred no share is told.
    """
    if part is None or not whole or among is None or among < FEWEST_FOR_A_SHARE:
        return None
    return Decimal((2 * part * 1000 + whole) // (2 * whole)).scaleb(-1)


def hundredths(share: int) -> Decimal:
    """A share in hundredths of a percent as `80.0`."""
    return Decimal(share // TEN).scaleb(-1)


def _to(exact: int, nearest: int) -> int:
    return (exact + nearest // 2) // nearest * nearest
