"""Charts as SVG, drawn here and read anywhere: on a phone, on paper, in black and white, aloud.

Each is a function of what it shows. Shares are whole hundredths of a percent, places are whole
units of the picture, so nothing is lost to a fraction. Shapes, dashes and words say what colour
says, and everything is an attribute: the pages allow no style that stands inline.
"""

from reconciliation.web.charts.bullets import Bullet, bullets
from reconciliation.web.charts.drawing import WHOLE, Heading
from reconciliation.web.charts.hours import hours
from reconciliation.web.charts.multiples import Panel, multiples
from reconciliation.web.charts.ranked import Bar, ranked
from reconciliation.web.charts.stacked import Column, stacked
from reconciliation.web.charts.tile_map import District, Tile, tile_map
from reconciliation.web.charts.trend import Line, Point, trend

__all__ = [
    "WHOLE",
    "Bar",
    "Bullet",
    "Column",
    "District",
    "Heading",
    "Line",
    "Panel",
    "Point",
    "Tile",
    "bullets",
    "hours",
    "multiples",
    "ranked",
    "stacked",
    "tile_map",
    "trend",
]
