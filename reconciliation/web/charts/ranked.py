"""Counts from the largest down: a bar each with its name, its number and its part of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from payments.web.i18n import number, percent
from reconciliation.web.charts.drawing import (
    MAIN,
    PAPER,
    RULE,
    SMALL,
    WHOLE,
    WIDTH,
    Heading,
    Scale,
    box,
    empty,
    fitted,
    framed,
    room_of,
    tag,
    words,
)

_ROW: Final = 42
_BAR: Final = 13


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that was counted."""

    name: str
    count: int


def ranked(heading: Heading, bars: Sequence[Bar]) -> Markup:
    """The largest first, equal ones in the order given."""
    rows = sorted(bars, key=lambda bar: -bar.count)
    whole = sum(bar.count for bar in rows)
    if not whole:
        return empty(heading)
    scale = Scale(0, rows[0].count, 0, WIDTH - 2)
    drawn = [_row(bar, at * _ROW, scale, whole) for at, bar in enumerate(rows)]
    return framed(heading, len(rows) * _ROW, *drawn)


def _row(bar: Bar, y: int, scale: Scale, whole: int) -> Markup:
    told = f"{number(bar.count)} · {percent(bar.count * WHOLE // whole)}"
    name = fitted(bar.name, room=WIDTH - room_of(told, size=SMALL) - 8)
    return tag(
        "g",
        tag("title", f"{bar.name}: {told}"),
        words(0, y + 16, name),
        words(WIDTH, y + 16, told, size=SMALL, text_anchor="end"),
        box(1, y + 22, WIDTH - 2, _BAR, fill=PAPER, stroke=RULE),
        box(1, y + 22, scale.at(bar.count), _BAR, fill=MAIN),
    )
