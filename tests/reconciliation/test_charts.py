"""Charts: whatever is shown stays in the picture, in order, and is told in words too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from reconciliation.web.charts import (
    Bar,
    Bullet,
    Column,
    District,
    Heading,
    Line,
    Panel,
    Point,
    Tile,
    bullets,
    hours,
    multiples,
    ranked,
    stacked,
    tile_map,
    trend,
)
from reconciliation.web.charts.drawing import WHOLE, WIDTH, Scale, fitted, room_of
from reconciliation.web.charts.stacked import heights
from reconciliation.web.charts.tile_map import PLACES

HEAD = Heading("c1", "Độ bao phủ", "Tỷ lệ người từ 15 tuổi có tài khoản")
LONG = (
    "Ủy ban nhân dân phường Tương Bình Hiệp thuộc thành phố Thủ Dầu Một <b>&amp; lân cận</b> " * 3
)
FEW = settings(max_examples=12, deadline=None)

share = st.none() | st.integers(0, WHOLE)
name = st.sampled_from(["Phú Lợi", "Dĩ An", LONG]) | st.text("aăâđêôơưABC <&\"'", max_size=40)
target = st.integers(1, WHOLE)
counts = st.integers(0, 10**12)

PLACED = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy")


def parsed(drawn: Markup) -> Xml.Element:
    """The picture as a tree; it must be well formed."""
    return Xml.fromstring(str(drawn))


def walk(element: Xml.Element, dx: int = 0, dy: int = 0) -> Iterator[tuple[Xml.Element, int, int]]:
    """Every element that is drawn, with how far it was moved."""
    if element.tag in ("defs", "pattern"):
        return
    moved = re.fullmatch(r"translate\((\d+) (\d+)\)", element.get("transform", ""))
    if moved:
        dx, dy = dx + int(moved[1]), dy + int(moved[2])
    yield element, dx, dy
    for below in element:
        yield from walk(below, dx, dy)


def places(element: Xml.Element, dx: int, dy: int) -> Iterator[tuple[int, int]]:
    """The corners of an element."""
    told = {key: int(value) for key, value in element.attrib.items() if key in PLACED}
    x, y = told.get("x", told.get("cx", 0)), told.get("y", told.get("cy", 0))
    yield dx + x, dy + y
    yield dx + x + int(element.get("width", 0)), dy + y + int(element.get("height", 0))
    yield dx + told.get("x1", 0), dy + told.get("y1", 0)
    yield dx + told.get("x2", 0), dy + told.get("y2", 0)
    for pair in element.get("points", "").split():
        px, py = map(int, pair.split(","))
        yield dx + px, dy + py


def text_ends(element: Xml.Element, dx: int) -> tuple[int, int]:
    """About where a line of text begins and ends."""
    x, wide = dx + int(element.get("x", 0)), room_of(element.text or "", size=10)
    anchor = element.get("text-anchor", "start")
    begin = {"start": x, "middle": x - wide // 2, "end": x - wide}[anchor]
    return begin, begin + wide


def fit(drawn: Markup) -> Xml.Element:
    """Asserts what holds of every picture, and gives it."""
    root = parsed(drawn)
    _, _, wide, high = map(int, root.get("viewBox", "").split())
    assert wide == WIDTH
    for element, dx, dy in walk(root):
        if element is root:
            continue
        for x, y in places(element, dx, dy):
            assert 0 <= x <= wide, (element.tag, element.attrib)
            assert 0 <= y <= high, (element.tag, element.attrib)
        if element.tag == "text":
            begin, end = text_ends(element, dx)
            assert begin >= -2, element.text
            assert end <= wide + 2, element.text
    assert not re.search(
        r"nan|inf|style=|<style|\d\.\d", re.sub(r">[^<]*<", "><", str(drawn)), re.IGNORECASE
    )
    assert root.get("role") == "img"
    named = [root.find(f"*[@id='{one}']") for one in root.get("aria-labelledby", "").split()]
    assert [one.text for one in named if one is not None] == [HEAD.title, HEAD.summary]
    return root


def said(root: Xml.Element) -> str:
    """Every word in the picture."""
    return " ".join(root.itertext())


@FEW
@given(st.lists(st.tuples(name, share), max_size=91), target)
def test_a_bar_stays_in_its_frame_and_names_its_unit(rows: list, aim: int) -> None:
    """Whatever the coverage and however long the name; none at all says so."""
    units = [Bullet(name, reached, "còn thiếu 1.234 người") for name, reached in rows]
    root = fit(bullets(HEAD, units, target=aim))
    groups = root.findall("g")
    assert len(groups) == len(rows)
    for group, (name, _) in zip(groups, rows, strict=True):
        assert (group.findtext("title") or "").startswith(name)
    if not rows:
        assert "Chưa có số liệu" in said(root)


@FEW
@given(st.integers(0, WHOLE), st.integers(0, WHOLE))
def test_more_coverage_is_a_longer_bar(one: int, other: int) -> None:
    """And of what lacks to the target, a shorter hatched piece."""
    root = fit(bullets(HEAD, [Bullet("a", one), Bullet("b", other)], target=8000))
    solid = [int(g.findall("rect")[-1].get("width", 0)) for g in root.findall("g")]
    lacks = [
        sum(int(r.get("width", 0)) for r in g.findall("rect") if "url" in r.get("fill", ""))
        for g in root.findall("g")
    ]
    if one <= other:
        assert solid[0] <= solid[1]
        assert lacks[0] >= lacks[1]


def test_a_unit_with_a_target_of_its_own_is_held_against_that() -> None:
    """It says so; what lacks reaches to its own, and the others' stays where it was."""
    rows = [Bullet("a", 8500), Bullet("b", 8500, target=9000), Bullet("c", 8500, target=8000)]
    root = fit(bullets(HEAD, rows, target=8000))
    told = [group.findtext("title") or "" for group in root.findall("g")]
    assert ["90" in each for each in told] == [False, True, False]
    lacks = [sum("url" in r.get("fill", "") for r in g.findall("rect")) for g in root.findall("g")]
    assert lacks == [0, 1, 0]


def test_a_unit_without_figures_is_shown_and_not_as_zero() -> None:
    """It has its name, a dashed frame and no bar."""
    root = fit(bullets(HEAD, [Bullet("Minh Hòa", None, "thiếu 2 xã")], target=8000))
    (bar,) = root.findall("g/rect")
    assert bar.get("stroke-dasharray")
    assert "Minh Hòa: – · thiếu 2 xã" in said(root)


@FEW
@given(st.lists(st.tuples(name, st.lists(share, min_size=1, max_size=8)), max_size=12), target)
def test_small_trends_share_one_scale(panels: list, aim: int) -> None:
    """A gap in the figures is a gap in the line."""
    drawn = multiples(
        HEAD, [Panel(*one) for one in panels], target=aim, first="Q1/2025", last="Q4/2026"
    )
    root = fit(drawn)
    known = [value for _, values in panels for value in values if value is not None]
    joined = sum(len((one.get("points") or "").split()) for one in root.iter("polyline"))
    assert joined == len(known)


@FEW
@given(st.lists(share, max_size=12), target, st.integers(0, 20))
def test_a_trend_shows_every_point(values: list, aim: int, ahead: int) -> None:
    """A circle for each quarter that has a figure, the target as a line of its own."""
    points = [Point(f"Q{at % 4 + 1}/{24 + at // 4}", value) for at, value in enumerate(values)]
    later = [f"Q{at % 4 + 1}/{28 + at // 4}" for at in range(ahead)]
    fitted_line = Line(0, 2000, max(0, len(values) + ahead - 1), aim) if values else None
    root = fit(trend(HEAD, points, target=aim, fitted_line=fitted_line, ahead=later))
    known = [value for value in values if value is not None]
    assert len(list(root.iter("circle"))) == len(known)
    assert len(list(root.iter("polygon"))) == (1 if known and ahead else 0)


def test_labels_of_quarters_do_not_touch() -> None:
    """However many quarters there are."""
    points = [Point(f"Q{at % 4 + 1}/{20 + at // 4}", 5000) for at in range(40)]
    root = fit(trend(HEAD, points, target=8000))
    at = [int(one.get("x", 0)) for one in root.iter("text") if re.match(r"Q\d/", one.text or "")]
    assert at == sorted(at)
    assert min(b - a for a, b in pairwise(at)) >= 40


@FEW
@given(
    st.lists(
        st.tuples(st.sampled_from([*PLACES, "999", "998"]), name, st.lists(share, max_size=14)),
        max_size=11,
        unique_by=lambda one: one[0],
    ),
    target,
)
def test_every_commune_has_a_tile_of_its_own(districts: list, aim: int) -> None:
    """None lies on another, whatever district it belongs to, known to the layout or not."""
    shown = [
        District(code, name, [Tile(f"{code}-{at}", one) for at, one in enumerate(tiles)])
        for code, name, tiles in districts
    ]
    root = fit(tile_map(HEAD, shown, target=aim))
    groups = root.findall("g")
    assert len(groups) == sum(len(one.tiles) for one in shown)
    corners = [(int(g[1].get("x", 0)) // 4, int(g[1].get("y", 0)) // 4) for g in groups]
    assert len(set(corners)) == len(corners)


def test_the_layout_has_a_place_for_each_of_the_nine_districts() -> None:
    assert len(PLACES) == len(set(PLACES.values())) == 9


@FEW
@given(
    st.lists(st.tuples(name, st.lists(counts, min_size=3, max_size=3)), max_size=12),
)
def test_months_are_divided_without_a_rest(months: list) -> None:
    """The parts of a column are together as high as every other column."""
    columns = [Column(f"T{at}", parts, 5000) for at, (_, parts) in enumerate(months, start=1)]
    root = fit(stacked(HEAD, columns, series=["QR", "Chuyển khoản", "Tiền mặt"], target=8000))
    for column, group in zip(columns, root.findall("g"), strict=False):
        high = sum(int(one.get("height", 0)) for one in group.findall("rect"))
        assert high == (150 if sum(column.parts) else 0)


@FEW
@given(st.lists(counts, min_size=1, max_size=6))
def test_parts_stand_on_each_other(parts: list) -> None:
    ends = heights(parts, high=150)
    assert all(begin <= end for begin, end in ends)
    assert all(one[1] == other[0] for one, other in pairwise(ends))


@FEW
@given(st.lists(st.tuples(name, counts), max_size=8))
def test_ranks_go_from_the_largest_down(bars: list) -> None:
    root = fit(ranked(HEAD, [Bar(*one) for one in bars]))
    wide = [int(group.findall("rect")[-1].get("width", 0)) for group in root.findall("g")]
    assert wide == sorted(wide, reverse=True)


@FEW
@given(st.lists(counts, min_size=24, max_size=24))
def test_a_busier_hour_is_higher(many: list) -> None:
    root = fit(hours(HEAD, many))
    high = [int(group.findall("rect")[0].get("height", 0)) for group in root.findall("g")]
    assert all(
        high[a] <= high[b] for a in range(24) for b in range(24) if many[a] <= many[b] and any(many)
    )


def test_a_day_has_24_hours() -> None:
    with pytest.raises(ValueError, match="24"):
        hours(HEAD, [1] * 23)


@FEW
@given(st.integers(-5, 5), st.integers(-5, 5), st.lists(st.integers(-9, 9), min_size=2))
def test_a_scale_never_leaves_its_ends(low: int, high: int, values: list) -> None:
    """And keeps the order of values."""
    scale = Scale(low, high, 0, 100)
    at = [scale.at(value) for value in sorted(values)]
    assert at == sorted(at)
    assert all(0 <= place <= 100 for place in at)


@FEW
@given(name, st.integers(1, 400))
def test_a_name_is_shortened_to_its_room(told: str, room: int) -> None:
    short = fitted(told, room=room)
    assert room_of(short) <= max(room, room_of("MM"))
    assert short == told or short.endswith("…")


def test_what_looks_like_markup_is_text() -> None:
    drawn = bullets(HEAD, [Bullet('<script>"&', 100)], target=8000)
    assert "<script" not in drawn
    assert '<script>"&' in said(fit(drawn))
