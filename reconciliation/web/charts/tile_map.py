"""The communes of the province as equal tiles, in the rough places of its districts.

The layout is our own: a tile says nothing about a commune's area, and its place only which
district it belongs to. The number in it is what is shown; shade, frame and dots say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

from markupsafe import Markup

from payments.core.words import say
from payments.web.i18n import percent
from reconciliation.web.charts.drawing import (
    INK,
    PAPER,
    SMALL,
    Heading,
    Key,
    box,
    dotted,
    empty,
    fitted,
    framed,
    legend,
    tag,
    words,
)

PLACES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "720": (0, 0),  # Dầu Tiếng, in the north-west
        "719": (0, 1),  # Bàu Bàng
        "722": (0, 2),  # Phú Giáo, in the north-east
        "721": (1, 1),  # Bến Cát
        "726": (1, 2),  # Bắc Tân Uyên
        "718": (2, 1),  # Thủ Dầu Một
        "723": (2, 2),  # Tân Uyên
        "725": (3, 1),  # Thuận An
        "724": (3, 2),  # Dĩ An, in the south-east
    }
)
"""Row from the north and column from the west of each district, by the State's code."""

_ACROSS: Final = 4
_TILE: Final = 27
_STEP: Final = 28
_BLOCK: Final = 124
_NAME: Final = 18

_SHADES: Final = ((8000, "#0b3d6b", PAPER), (7000, "#3f76a8", PAPER), (6000, "#9dbdd9", INK))
"""From which coverage on a tile is how dark, and its number how light."""

_LIGHTEST: Final = ("#e6eef6", INK)


@dataclass(frozen=True, slots=True)
class Tile:
    """A commune and its coverage in hundredths of a percent, None where none can be told."""

    name: str
    reached: int | None


@dataclass(frozen=True, slots=True)
class District:
    """A district by the last part of its code, and its communes in order."""

    code: str
    name: str
    tiles: Sequence[Tile]


def tile_map(heading: Heading, districts: Sequence[District], *, target: int) -> Markup:
    """Every commune as a tile; a district whose place is not known stands below the others."""
    shown = [district for district in districts if district.tiles]
    if not shown:
        return empty(heading)
    unknown, drawn, y = f"{heading.id}-unknown", Markup(""), 0
    placed = sorted(_placed(shown), key=lambda place: place[:2])
    for _, row in groupby(placed, key=lambda place: place[0]):
        blocks = [(column, district) for _, column, district in row]
        for column, district in blocks:
            drawn += _district(district, column * _BLOCK, y, target, unknown)
        most = max(len(district.tiles) for _, district in blocks)
        y += _NAME + -(-most // _ACROSS) * _STEP + 8
    told, high = legend(_keys(target, unknown), top=y)
    return framed(heading, y + high, tag("defs", dotted(unknown)), drawn, told)


def _placed(districts: Sequence[District]) -> list[tuple[int, int, District]]:
    """Each with its row and column."""
    lowest = 1 + max(row for row, _ in PLACES.values())
    others = [district for district in districts if district.code not in PLACES]
    elsewhere = [(lowest + at // 3, at % 3, district) for at, district in enumerate(others)]
    known = [(*PLACES[one.code], one) for one in districts if one.code in PLACES]
    return known + elsewhere


def _district(district: District, x: int, y: int, target: int, unknown: str) -> Markup:
    name = fitted(district.name, room=_ACROSS * _STEP, size=SMALL)
    tiles = [
        _tile(tile, x + at % _ACROSS * _STEP, y + _NAME + at // _ACROSS * _STEP, target, unknown)
        for at, tile in enumerate(district.tiles)
    ]
    return words(x, y + 13, name, size=SMALL, font_weight=600) + Markup("").join(tiles)


def _tile(tile: Tile, x: int, y: int, target: int, unknown: str) -> Markup:
    middle: dict[str, Any] = {"text_anchor": "middle", "size": SMALL}
    left, top, side = x + 1, y, _TILE - 1
    if tile.reached is None:
        dots = box(
            left, top, side, side, fill=f"url(#{unknown})", stroke=INK, stroke_dasharray="2 2"
        )
        return tag("g", tag("title", f"{tile.name}: {say('chart.unknown')}"), dots)
    ground, ink = _shade(tile.reached)
    inner: dict[str, Any] = {"fill": "none", "stroke": PAPER, "stroke_width": 2}
    met = tile.reached >= target
    return tag(
        "g",
        tag("title", f"{tile.name}: {percent(tile.reached)}"),
        box(left, top, side, side, fill=ground, stroke=INK),
        box(left + 2, top + 2, side - 4, side - 4, **inner) if met else Markup(""),
        words(x + 14, y + 18, str(tile.reached // 100), fill=ink, **middle),
    )


def _shade(reached: int) -> tuple[str, str]:
    return next(((ground, ink) for least, ground, ink in _SHADES if reached >= least), _LIGHTEST)


def _keys(target: int, unknown: str) -> list[Key]:
    above = [
        Key(say("chart.from", share=percent(least)), fill=ground) for least, ground, _ in _SHADES
    ]
    below = say("chart.below", share=percent(_SHADES[-1][0]))
    return [
        *above,
        Key(below, fill=_LIGHTEST[0]),
        Key(say("chart.unknown"), fill=f"url(#{unknown})"),
        Key(say("chart.framed", share=percent(target)), fill=_SHADES[0][1], framed=True),
    ]
