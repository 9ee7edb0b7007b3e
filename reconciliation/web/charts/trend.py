"""One unit's coverage over quarters: its points, the line through them, the target, the meeting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from payments.core.words import say
from payments.web.i18n import percent
from reconciliation.web.charts.drawing import (
    INK,
    MAIN,
    PAPER,
    RULE,
    SMALL,
    SOFT,
    WHOLE,
    WIDTH,
    Heading,
    Key,
    Scale,
    box,
    empty,
    framed,
    legend,
    line,
    tag,
    words,
)

_LEFT: Final = 46
_RIGHT: Final = WIDTH - 22
_TOP: Final = 18
_BOTTOM: Final = 178
_APART: Final = 44
"""So far apart are labels that do not touch."""

_FEW: Final = 16
"""More points than these are drawn smaller, so that they do not touch."""

_TARGET: Final = "8 4"
_FITTED: Final = "2 3"


@dataclass(frozen=True, slots=True)
class Point:
    """A quarter and its coverage in hundredths of a percent, None where there is none."""

    label: str
    value: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line from one quarter, counted from the first point, to another."""

    first: int
    at_first: int
    last: int
    at_last: int


def trend(
    heading: Heading,
    points: Sequence[Point],
    *,
    target: int | None,
    each: str | None = None,
    fitted_line: Line | None = None,
    ahead: Sequence[str] = (),
) -> Markup:
    """The points in order of time, each a quarter or what `each` says; None has no target.

    `ahead` labels the quarters after the last that are shown too.

    `fitted_line` may end in one of those, and where it is at the target or above there, that
    quarter is marked as the meeting.
    """
    known = [point.value for point in points if point.value is not None]
    if not known:
        return empty(heading)
    ends = [] if fitted_line is None else [fitted_line.at_first, fitted_line.at_last]
    aims = [] if target is None else [target]
    low = max(0, min([*known, *ends, *aims]) // 1000 * 1000)
    labels = [*(point.label for point in points), *ahead]
    across = Scale(0, max(1, len(labels) - 1), _LEFT + 8, _RIGHT)
    up = Scale(low, WHOLE, _BOTTOM, _TOP)
    keys = [Key(each or say("chart.points"), fill=MAIN)]
    drawn = [*_frame(low, up, aims), *_labels(labels, across)]
    if fitted_line is not None:
        drawn += _fitted(fitted_line, across, up)
        if fitted_line.last >= len(points) and aims and fitted_line.at_last >= aims[0]:
            drawn.append(_meeting(across.at(fitted_line.last), up.at(fitted_line.at_last)))
        keys.append(Key(say("chart.line"), dashes=_FITTED))
    keys += [Key(say("chart.target", share=percent(aim)), dashes=_TARGET) for aim in aims]
    told, high = legend(keys, top=_BOTTOM + 30)
    return framed(heading, _BOTTOM + 30 + high, *drawn, *_points(points, across, up), told)


def _frame(low: int, up: Scale, aims: Sequence[int]) -> list[Markup]:
    drawn = [box(_LEFT, _TOP, WIDTH - _LEFT - 1, _BOTTOM - _TOP, fill=PAPER, stroke=RULE)]
    for value in sorted({low, *aims, WHOLE}):
        y = up.at(value)
        drawn.append(
            words(_LEFT - 4, y + 4, percent(value), size=SMALL, fill=SOFT, text_anchor="end")
        )
    dashed: dict[str, Any] = {"stroke": INK, "stroke_width": 2, "stroke_dasharray": _TARGET}
    return [*drawn, *(line(_LEFT, up.at(aim), WIDTH - 1, up.at(aim), **dashed) for aim in aims)]


def _labels(labels: Sequence[str], across: Scale) -> list[Markup]:
    """The quarters under the picture, so many that they do not touch; always the first."""
    return [
        words(across.at(at), _BOTTOM + 18, labels[at], size=SMALL, text_anchor="middle", fill=SOFT)
        for at in _spread(len(labels), across)
    ]


def _spread(many: int, across: Scale) -> range:
    step = max(1, -(-_APART * max(1, many - 1) // (across.end - across.start)))
    return range(0, many, step)


def _fitted(fitted_line: Line, across: Scale, up: Scale) -> list[Markup]:
    x1, y1 = across.at(fitted_line.first), up.at(fitted_line.at_first)
    x2, y2 = across.at(fitted_line.last), up.at(fitted_line.at_last)
    return [line(x1, y1, x2, y2, stroke=INK, stroke_width=2, stroke_dasharray=_FITTED)]


def _meeting(x: int, y: int) -> Markup:
    """An empty diamond."""
    places = f"{x},{y - 7} {x + 7},{y} {x},{y + 7} {x - 7},{y}"
    return tag("polygon", points=places, fill=PAPER, stroke=INK, stroke_width=2)


def _points(points: Sequence[Point], across: Scale, up: Scale) -> list[Markup]:
    spread = _spread(len(points), Scale(0, 1, across.at(0), across.at(max(1, len(points) - 1))))
    shown = {len(points) - 1 - at for at in spread}
    radius = 4 if len(points) <= _FEW else 2
    drawn = []
    for at, point in enumerate(points):
        if point.value is None:
            continue
        x, y = across.at(at), up.at(point.value)
        mark = tag(
            "circle", tag("title", f"{point.label}: {percent(point.value)}"), cx=x, cy=y, r=radius
        )
        drawn.append(tag("g", mark, fill=MAIN))
        if at in shown:
            told = percent(point.value)
            drawn.append(_told(x, y - 9, told))
    return drawn


def _told(x: int, y: int, told: str) -> Markup:
    """A label with a halo, so that it can be read where a line passes."""
    halo: dict[str, Any] = {"paint_order": "stroke", "stroke": PAPER, "stroke_width": 3}
    return words(x, y, told, size=SMALL, text_anchor="middle", font_weight=600, **halo)
