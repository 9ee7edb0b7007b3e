"""A payer's photo, made fit to be kept: a picture of ours, without what the phone wrote into it.

It is known by its first bytes, read by the decoder of that kind alone and drawn anew as JPEG:
place, device and time stay behind, and so does whatever hid beside the picture. One at a time in a
process, since a picture takes much more memory drawn than sent.
"""

from __future__ import annotations

import io
import threading
from typing import Final

from PIL import Image, ImageOps

from payments.core.errors import Invalid

MOST_BYTES: Final = 5 << 20
PHOTO_TYPE: Final = "image/jpeg"

_LONGEST_SIDE: Final = 2400
_MOST_PIXELS: Final = 50_000_000
_QUALITY: Final = 82
_BEGINS: Final = ((b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"))
_turn: Final = threading.Lock()


class NotAPhoto(Invalid):
    """A photo is a PNG, JPEG or WebP picture of 5 MB at most."""

    code = "not_a_photo"


def cleaned(content: bytes) -> bytes:
    """The picture as JPEG, upright, at most 2,400 pixels wide and high. Raises `NotAPhoto`."""
    kind = _kind(content)
    if kind is None or len(content) > MOST_BYTES:
        raise NotAPhoto(most=MOST_BYTES >> 20, pointer="/photo")
    with _turn:
        try:
            return _drawn(content, kind)
        except Exception as error:
            raise NotAPhoto(most=MOST_BYTES >> 20, pointer="/photo") from error


def _kind(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for begins, kind in _BEGINS if content.startswith(begins)), None)


def _drawn(content: bytes, kind: str) -> bytes:
    with Image.open(io.BytesIO(content), formats=[kind]) as sent:
        width, height = sent.size
        if width * height > _MOST_PIXELS:
            raise ValueError("more pixels than a phone's camera has")
        sent.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
        upright = ImageOps.exif_transpose(sent)
        upright.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
        on_white = Image.new("RGB", upright.size, "white")
        see_through = upright.convert("RGBA")
        on_white.paste(see_through, mask=see_through.getchannel("A"))
    made = io.BytesIO()
    on_white.save(made, "JPEG", quality=_QUALITY, optimize=True)
    return made.getvalue()
