"""Coverage of units against a target: a bar each, what lacks hatched, the target a dashed line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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
    TEXT,
    WHOLE,
    WIDTH,
    Heading,
    Scale,
    box,
    empty,
    fitted,
    framed,
    hatched,
    line,
    room_of,
    tag,
    words,
)

_TOP: Final = 24
_ROW: Final = 42
_BAR: Final = 13
_SCALE: Final = Scale(0, WHOLE, 1, WIDTH - 1)


@dataclass(frozen=True, slots=True)
class Bullet:
    """A unit: its coverage in hundredths of a percent, None where none can be told, and a note.

    `target` is its own where it is not that of all; a unit whose own it is says so.
    """

    name: str
    reached: int | None
    note: str = ""
    target: int | None = None


def bullets(heading: Heading, rows: Sequence[Bullet], *, target: int | None) -> Markup:
    """The units from top to bottom as given; `target` in hundredths of a percent, if there is one.

    The piece from a bar's end to the target is hatched.
    """
    if not rows:
        return empty(heading)
    hatch, bottom = f"{heading.id}-lacks", _TOP + _ROW * len(rows)
    drawn = [_row(row, _TOP + _ROW * at, target, hatch) for at, row in enumerate(rows)]
    return framed(
        heading,
        bottom + 4,
        tag("defs", hatched(hatch)),
        *_axis(target),
        *drawn,
    )


def _axis(target: int | None) -> list[Markup]:
    ends = [
        words(0, 12, percent(0), size=SMALL, fill=SOFT),
        words(WIDTH, 12, percent(WHOLE), size=SMALL, fill=SOFT, text_anchor="end"),
    ]
    return ends if target is None else [*ends, _named(target)]


def _named(target: int) -> Markup:
    told = say("chart.target", share=percent(target))
    half = room_of(told, size=SMALL) // 2
    at = min(max(_SCALE.at(target), half + room_of("0%")), WIDTH - half - room_of("100%"))
    return words(at, 12, told, size=SMALL, text_anchor="middle", font_weight=600)


def _row(row: Bullet, y: int, target: int | None, hatch: str) -> Markup:
    share = "–" if row.reached is None else percent(row.reached)
    told = f"{share} · {row.note}" if row.note else share
    if row.target is not None and row.target != target:
        target = row.target
        told = f"{told} · {say('chart.target', share=percent(target))}"
    name = fitted(row.name, room=WIDTH - room_of(told, size=SMALL) - 8)
    return tag(
        "g",
        tag("title", f"{row.name}: {told}"),
        words(0, y + 16, name, size=TEXT, font_weight=600),
        words(WIDTH, y + 16, told, size=SMALL, text_anchor="end"),
        *_bar(row.reached, y + 22, target, hatch),
    )


def _bar(reached: int | None, y: int, target: int | None, hatch: str) -> list[Markup]:
    if reached is None:
        return [box(1, y, WIDTH - 2, _BAR, fill=PAPER, stroke=RULE, stroke_dasharray="3 3")]
    end = _SCALE.at(reached)
    wanted = end if target is None else _SCALE.at(target)
    lacks = [box(end, y, wanted - end, _BAR, fill=f"url(#{hatch})")] if end < wanted else []
    return [
        box(1, y, WIDTH - 2, _BAR, fill=PAPER, stroke=RULE),
        *lacks,
        box(1, y, end - 1, _BAR, fill=MAIN),
        *(() if target is None else _mark(wanted, y)),
    ]


def _mark(x: int, y: int) -> list[Markup]:
    """The target at a bar: a dashed line that stands out from it, whatever is behind."""
    top, bottom = y - 3, y + _BAR + 3
    return [
        line(x, top, x, bottom, stroke=PAPER, stroke_width=5),
        line(x, top, x, bottom, stroke=INK, stroke_width=2, stroke_dasharray="4 2"),
    ]
