"""How a whole is divided, month by month: columns of one height, each part with its own filling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

from markupsafe import Markup

from payments.web.i18n import number
from reconciliation.web.charts.drawing import (
    INK,
    MAIN,
    PAPER,
    SMALL,
    SOFT,
    WHOLE,
    WIDTH,
    Heading,
    Key,
    Scale,
    box,
    dotted,
    empty,
    framed,
    hatched,
    legend,
    line,
    tag,
    words,
)

MOST_PARTS: Final = 4
_TOP: Final = 22
_BOTTOM: Final = 172
_APART: Final = 38
"""So far apart are the names of months that do not touch."""


@dataclass(frozen=True, slots=True)
class Column:
    """A month: how many of each part, and the share that stands above it."""

    label: str
    parts: Sequence[int]
    share: int | None


def stacked(
    heading: Heading, columns: Sequence[Column], *, series: Sequence[str], target: int | None = None
) -> Markup:
    """The columns from left to right; `series` names the parts from the bottom up, four at most.

    `target` is a share from the bottom, in hundredths of a percent.
    """
    if not any(sum(column.parts) for column in columns):
        return empty(heading)
    hatch, dots = f"{heading.id}-hatch", f"{heading.id}-dots"
    fills = _fills(len(series), hatch, dots)
    step = WIDTH // max(4, len(columns))
    drawn = [
        _column(column, at * step + 2, step - 4, fills, step=step, at=at)
        for at, column in enumerate(columns)
    ]
    keys = [Key(name, fill=fill) for name, fill in zip(series, fills, strict=True)]
    told, high = legend(keys, top=_BOTTOM + 26)
    return framed(
        heading,
        _BOTTOM + 26 + high,
        tag("defs", hatched(hatch), dotted(dots)),
        *drawn,
        *_target(target),
        told,
    )


def heights(parts: Sequence[int], *, high: int) -> list[tuple[int, int]]:
    """Where each part begins and ends, from the bottom; together they are as high as the whole."""
    whole = sum(parts)
    tops = [0, *(upto * high // whole for upto in accumulate(parts))] if whole else [0]
    return list(pairwise(tops))


def _fills(many: int, hatch: str, dots: str) -> Sequence[str]:
    """A filling for each part from the bottom up; the last of several is empty."""
    filled = (MAIN, f"url(#{hatch})", f"url(#{dots})")
    return filled[:1] if many < 2 else (*filled[: many - 1], PAPER)


def _column(
    column: Column, x: int, wide: int, fills: Sequence[str], *, step: int, at: int
) -> Markup:
    told = " / ".join(number(part) for part in column.parts)
    share = "–" if column.share is None else str(column.share // 100)
    parts = [
        box(x, _BOTTOM - end, wide, end - begin, fill=fill, stroke=INK)
        for (begin, end), fill in zip(
            heights(column.parts, high=_BOTTOM - _TOP), fills, strict=False
        )
    ]
    middle: dict[str, Any] = {"text_anchor": "middle", "size": SMALL}
    named = at % max(1, -(-_APART // step)) == 0
    label = words(x + wide // 2, _BOTTOM + 16, column.label, fill=SOFT, **middle)
    return tag(
        "g",
        tag("title", f"{column.label}: {told}"),
        *parts,
        words(x + wide // 2, _TOP - 6, share, font_weight=600, **middle),
        label if named else Markup(""),
    )


def _target(target: int | None) -> list[Markup]:
    if target is None:
        return []
    y = Scale(0, WHOLE, _BOTTOM, _TOP).at(target)
    ground = line(0, y, WIDTH, y, stroke=PAPER, stroke_width=4)
    dashes = line(0, y, WIDTH, y, stroke=INK, stroke_width=2, stroke_dasharray="8 4")
    return [ground, dashes]
