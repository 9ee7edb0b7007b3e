"""The hours of a day: how many payments came in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from payments.core.words import say
from payments.web.i18n import number
from reconciliation.web.charts.drawing import (
    MAIN,
    RULE,
    SMALL,
    SOFT,
    WIDTH,
    Heading,
    Scale,
    box,
    empty,
    framed,
    line,
    room_of,
    tag,
    words,
)

HOURS: Final = 24
_STEP: Final = 15
_TOP: Final = 22
_BOTTOM: Final = 132


def hours(heading: Heading, counts: Sequence[int]) -> Markup:
    """Counts for each hour from midnight on, in Viet Nam's time. Raises ValueError unless 24."""
    if len(counts) != HOURS:
        raise ValueError("a day has 24 hours")
    most = max(counts)
    if not most:
        return empty(heading)
    scale = Scale(0, most, _BOTTOM, _TOP)
    columns = [_column(hour, many, scale) for hour, many in enumerate(counts)]
    busiest = counts.index(most)
    half = room_of(number(most), size=SMALL) // 2
    at = min(max(busiest * _STEP + 7, half), WIDTH - half)
    return framed(
        heading,
        _BOTTOM + 22,
        line(0, _BOTTOM, WIDTH, _BOTTOM, stroke=RULE),
        *columns,
        words(at, _TOP - 6, number(most), size=SMALL, text_anchor="middle", font_weight=600),
    )


def _column(hour: int, many: int, scale: Scale) -> Markup:
    x, y = hour * _STEP, scale.at(many)
    told = say("chart.hour", hour=f"{hour:02}")
    label = words(x + 7, _BOTTOM + 16, str(hour), size=SMALL, text_anchor="middle", fill=SOFT)
    return tag(
        "g",
        tag("title", f"{told}: {number(many)}"),
        box(x + 2, y, _STEP - 3, _BOTTOM - y, fill=MAIN),
        label if hour % 3 == 0 else Markup(""),
    )
