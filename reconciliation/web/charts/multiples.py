"""Many small trends of one kind side by side, all on one scale, so that they can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from payments.core.words import say
from payments.web.i18n import percent
from reconciliation.web.charts.drawing import (
    INK,
    MAIN,
    RULE,
    SMALL,
    TEXT,
    WHOLE,
    WIDTH,
    Heading,
    Key,
    Scale,
    box,
    empty,
    fitted,
    framed,
    legend,
    line,
    path_of,
    tag,
    words,
)

_ACROSS: Final = 3
_WIDE: Final = 112
_HIGH: Final = 106
_PLOT_TOP: Final = 38
_PLOT: Final = 58
_DASHES: Final = "5 3"


@dataclass(frozen=True, slots=True)
class Panel:
    """One trend: values in hundredths of a percent, None where there is none."""

    name: str
    values: Sequence[int | None]


def multiples(
    heading: Heading, panels: Sequence[Panel], *, target: int, first: str, last: str
) -> Markup:
    """The panels row by row as given; `first` and `last` say when each begins and ends."""
    known = [value for panel in panels for value in panel.values if value is not None]
    if not known:
        return empty(heading)
    low = min(*known, target) // 1000 * 1000
    rows = -(-len(panels) // _ACROSS)
    scale = Scale(low, WHOLE, _PLOT_TOP + _PLOT, _PLOT_TOP)
    drawn = [
        _panel(
            panel, scale, target, x=(WIDTH - _WIDE) * (at % _ACROSS) // 2, y=at // _ACROSS * _HIGH
        )
        for at, panel in enumerate(panels)
    ]
    keys = [
        Key(say("chart.target", share=percent(target)), dashes=_DASHES),
        Key(say("chart.height", low=percent(low), high=percent(WHOLE))),
        Key(say("chart.from_to", first=first, last=last), fill=MAIN),
    ]
    told, high = legend(keys, top=rows * _HIGH + 6)
    return framed(heading, rows * _HIGH + 6 + high, *drawn, told)


def _panel(panel: Panel, scale: Scale, target: int, *, x: int, y: int) -> Markup:
    across = Scale(0, max(1, len(panel.values) - 1), 5, _WIDE - 6)
    places = [
        None if value is None else (across.at(at), scale.at(value))
        for at, value in enumerate(panel.values)
    ]
    latest = next((value for value in reversed(panel.values) if value is not None), None)
    told = "–" if latest is None else percent(latest)
    wanted = scale.at(target)
    return tag(
        "g",
        tag("title", f"{panel.name}: {told}"),
        words(0, 14, fitted(panel.name, room=_WIDE, size=SMALL), size=SMALL, font_weight=600),
        words(0, 31, told, size=TEXT),
        box(0, _PLOT_TOP, _WIDE - 1, _PLOT, fill="none", stroke=RULE),
        line(0, wanted, _WIDE - 1, wanted, stroke=INK, stroke_dasharray=_DASHES),
        *(_run(run) for run in runs(places)),
        transform=f"translate({x} {y})",
    )


def runs(places: Sequence[tuple[int, int] | None]) -> Iterator[list[tuple[int, int]]]:
    """The stretches without a gap."""
    run: list[tuple[int, int]] = []
    for place in [*places, None]:
        if place is not None:
            run.append(place)
        elif run:
            yield run
            run = []


def _run(run: list[tuple[int, int]]) -> Markup:
    x, y = run[-1]
    joined = tag("polyline", points=path_of(run), fill="none", stroke=MAIN, stroke_width=2)
    return joined + tag("circle", cx=x, cy=y, r=3, fill=MAIN)
