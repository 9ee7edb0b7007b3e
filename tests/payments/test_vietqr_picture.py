"""VietQR codes as pictures: any scanner reads them, any screen reader names them."""

from __future__ import annotations

import re
import string
import struct
from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from payments.core.money import Dong
from payments.vietqr import draw_png, draw_svg, encode

SVG = "{http://www.w3.org/2000/svg}"
PAYLOAD = encode(bin="970436", account="0011001234567", amount=Dong(150_000), memo="TTHC1234567894")


def scanned(picture: Image.Image) -> list[str]:
    return [one.text for one in zxingcpp.read_barcodes(picture)]


def painted(svg: str, scale: int = 4) -> Image.Image:
    """An SVG of ours painted from its own path, rectangle by rectangle."""
    root = ET.fromstring(svg)
    side = int(root.attrib["viewBox"].split()[2])
    picture = Image.new("L", (side * scale, side * scale), 255)
    draw = ImageDraw.Draw(picture)
    ground, modules = root.findall(f"{SVG}path")
    assert ground.attrib == {"fill": "#fff", "d": f"M0 0h{side}v{side}H0z"}
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", modules.attrib["d"])
    assert "".join("M{} {}h{}v1h-{}z".format(*run) for run in runs) == modules.attrib["d"]
    for x, y, length, back in ((int(n) for n in run) for run in runs):
        assert length == back
        corner = ((x + length) * scale - 1, (y + 1) * scale - 1)
        draw.rectangle(((x * scale, y * scale), corner), fill=0)
    return picture


payloads = st.builds(
    encode,
    bin=st.text(string.digits, min_size=6, max_size=6),
    account=st.text(string.ascii_letters + string.digits, min_size=1, max_size=19),
    amount=st.none() | st.integers(1, 499_999_999).map(Dong),
    memo=st.none() | st.text(string.ascii_letters + string.digits + " .-", min_size=1, max_size=25),
)


@settings(max_examples=25, deadline=None)
@given(payloads)
def test_a_scanner_reads_both_pictures(payload: str) -> None:
    """An independent reader finds the text in the PNG and in the SVG."""
    png = Image.open(BytesIO(draw_png(payload)))
    assert scanned(png) == [payload]
    assert scanned(painted(draw_svg(payload))) == [payload]


@pytest.mark.parametrize("scale", [1, 2, 3, 8, 13])
def test_a_png_is_one_bit_deep_and_scales(scale: int) -> None:
    """One bit a pixel, so many pixels a module, four white modules around."""
    png = draw_png(PAYLOAD, scale=scale)
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    picture = Image.open(BytesIO(png))
    assert (width, height) == (picture.width, picture.height)
    assert width == height
    assert width % scale == 0
    assert (depth, colour) == (1, 0)
    dark = picture.convert("L").point(lambda light: 255 - light).getbbox()
    assert dark == (4 * scale, 4 * scale, width - 4 * scale, width - 4 * scale)
    if scale > 1:
        assert scanned(picture) == [PAYLOAD]


@pytest.mark.parametrize("scale", [0, -1, 65])
def test_a_module_has_a_sensible_width(scale: int) -> None:
    """Nothing is drawn at no size, nor so large that it fills the memory."""
    with pytest.raises(ValueError, match="module"):
        draw_png(PAYLOAD, scale=scale)


def test_an_svg_has_a_name_for_screen_readers() -> None:
    """It is an image whose first child is its title, in the reader's language."""
    root = ET.fromstring(draw_svg(PAYLOAD, title='Mã QR "150.000 đ" <&>'))
    assert root.attrib["role"] == "img"
    assert root[0].tag == f"{SVG}title"
    assert root[0].text == 'Mã QR "150.000 đ" <&>'


def test_an_svg_works_under_a_strict_policy() -> None:
    """No style, no script, nothing fetched: only shapes and their colours."""
    root = ET.fromstring(draw_svg(PAYLOAD))
    assert {element.tag for element in root.iter()} == {
        f"{SVG}{name}" for name in ("svg", "title", "path")
    }
    attributes = {name for element in root.iter() for name in element.attrib}
    assert attributes == {"viewBox", "role", "shape-rendering", "fill", "d"}


def test_the_same_text_is_the_same_picture() -> None:
    """A picture asked for again is the one drawn before, so it can carry an ETag."""
    assert draw_svg(PAYLOAD) is draw_svg(PAYLOAD)
    assert draw_png(PAYLOAD) is draw_png(PAYLOAD)
    assert draw_svg(PAYLOAD) != draw_svg(PAYLOAD + "x")
