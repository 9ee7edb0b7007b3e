"""The pen of every chart: elements whose texts are escaped, scales, patterns, a legend, a frame.

A picture is 360 units wide, a phone's width, so that its letters are as large there as the text
around it; where there is more room it grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from markupsafe import Markup, escape

from payments.core.words import say

WIDTH: Final = 360
TEXT: Final = 13
SMALL: Final = 12

INK: Final = "#14202e"
SOFT: Final = "#45566a"
RULE: Final = "#8a99a8"
MAIN: Final = "#0b4f8a"
PALE: Final = "#d5e3f0"
PAPER: Final = "#ffffff"

WHOLE: Final = 10_000
"""All of something, in hundredths of a percent."""

_LETTER: Final = 58
"""How wide a letter is on average, in hundredths of its size."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What a chart is called: an id of its own on the page, a title, and what it shows in words."""

    id: str
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` on places from `start` to `end`; what is beyond stays at the end.

    `end` may be smaller than `start`, as heights are.
    """

    low: int
    high: int
    start: int
    end: int

    def at(self, value: int) -> int:
        """The place of a value; the start where all values are one."""
        if self.high <= self.low:
            return self.start
        within = min(max(value, self.low), self.high) - self.low
        return self.start + within * (self.end - self.start) // (self.high - self.low)


def tag(name: str, *inside: Markup | str, **told: str | int | None) -> Markup:
    """An element; attributes are written with `-` for `_`, what is None is left out."""
    attributes = "".join(
        f' {_named(key)}="{value if isinstance(value, int) else escape(value)}"'
        for key, value in told.items()
        if value is not None
    )
    content = "".join([each if isinstance(each, Markup) else escape(each) for each in inside])
    return Markup(f"<{name}{attributes}>{content}</{name}>")  # noqa: S704  each part is escaped


@cache
def _named(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def words(x: int, y: int, told: str, *, size: int = TEXT, **more: str | int | None) -> Markup:
    """A line of text that begins at (x, y), or ends or is centred there by `text_anchor`."""
    return tag("text", told, x=x, y=y, font_size=size, **({"fill": INK} | more))


def line(x1: int, y1: int, x2: int, y2: int, **more: str | int | None) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": RULE, **more})


def box(x: int, y: int, width: int, height: int, **more: str | int | None) -> Markup:
    """A rectangle; one that would have no width or height has none."""
    return tag("rect", x=x, y=y, width=max(0, width), height=max(0, height), **more)


def path_of(places: Iterable[tuple[int, int]]) -> str:
    """Places as a polyline writes them."""
    return " ".join(f"{x},{y}" for x, y in places)


def room_of(told: str, *, size: int = TEXT) -> int:
    """About how wide a text is."""
    return len(told) * size * _LETTER // 100 + 1


def fitted(told: str, *, room: int, size: int = TEXT) -> str:
    """A text as it fits into `room`, with … for what does not; at least its first letter."""
    if room_of(told, size=size) <= room:
        return told
    letters = max(1, room * 100 // (size * _LETTER) - 1)
    return f"{told[:letters].rstrip()}…"


def hatched(id_: str) -> Markup:
    """A pattern of slanting strokes, to be filled with `url(#id)`."""
    return tag(
        "pattern",
        box(0, 0, 6, 6, fill=PAPER),
        line(1, 0, 1, 6, stroke=MAIN, stroke_width=2),
        id=id_,
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )


def dotted(id_: str) -> Markup:
    """A pattern of dots, to be filled with `url(#id)`."""
    return tag(
        "pattern",
        box(0, 0, 5, 5, fill=PAPER),
        tag("circle", cx=2, cy=2, r=1, fill=INK),
        id=id_,
        width=5,
        height=5,
        patternUnits="userSpaceOnUse",
    )


@dataclass(frozen=True, slots=True)
class Key:
    """What a filled sample, or a line with those dashes, stands for."""

    told: str
    fill: str = "none"
    dashes: str | None = None
    framed: bool = False


def legend(keys: Sequence[Key], *, top: int) -> tuple[Markup, int]:
    """The samples with their words, as many in a row as fit; and how high they are."""
    drawn, x, y = Markup(""), 0, top
    for key in keys:
        wide = 24 + room_of(key.told, size=SMALL) + 10
        if x and x + wide > WIDTH:
            x, y = 0, y + 20
        drawn += _sample(key, x, y) + words(x + 24, y + 12, key.told, size=SMALL, fill=SOFT)
        x += wide
    return drawn, y + 20 - top


def framed(heading: Heading, height: int, *inside: Markup) -> Markup:
    """The whole picture: named and told for whoever does not see it."""
    return tag(
        "svg",
        tag("title", heading.title, id=f"{heading.id}-title"),
        tag("desc", heading.summary, id=f"{heading.id}-told"),
        *inside,
        class_="chart",
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_labelledby=f"{heading.id}-title {heading.id}-told",
        focusable="false",
    )


def empty(heading: Heading) -> Markup:
    """The picture of nothing: it says that there is nothing yet."""
    told = words(WIDTH // 2, 46, say("chart.nothing"), text_anchor="middle", fill=SOFT)
    around = box(1, 1, WIDTH - 2, 78, fill="none", stroke=RULE, stroke_dasharray="4 4")
    return framed(heading, 80, around, told)


def _sample(key: Key, x: int, y: int) -> Markup:
    if key.fill == "none" and key.dashes is not None:
        return line(
            x, y + 8, x + 18, y + 8, stroke=INK, stroke_width=2, stroke_dasharray=key.dashes
        )
    sample = box(x + 1, y + 2, 16, 12, fill=key.fill, stroke=INK)
    inner = box(x + 3, y + 4, 12, 8, fill="none", stroke=PAPER, stroke_width=2)
    return sample + inner if key.framed else sample
