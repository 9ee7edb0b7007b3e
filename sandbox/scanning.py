"""What a code asks for, and the code in a picture.

Reading pictures needs the packages `zxing-cpp` and `pillow` (the extra `sandbox`); without them
the bank works and says so when somebody uploads one.
"""

from __future__ import annotations

from io import BytesIO
from typing import Final

from payments.vietqr import OtherScheme, Transfer, UnreadableQR, WrongChecksum, decode
from sandbox.refusals import Conflict, Wrong

try:
    import zxingcpp
    from PIL import Image
except ImportError:  # the extra is not installed
    CAN_READ_PICTURES = False
else:
    CAN_READ_PICTURES = True

LARGEST_PICTURE: Final = 5 * 1024 * 1024
"""So many bytes of a picture are looked at."""

_MOST_PIXELS: Final = 64_000_000
_LONGEST_SIDE: Final = 2_000
_LONGEST_CODE: Final = 1_000


class UnreadableCode(Wrong):
    """A text that is no code for payment, or one with an object that VietQR does not allow."""

    code = "unreadable_qr"


class ChangedCode(Wrong):
    """A code whose checksum says that characters were changed."""

    code = "qr_changed"


class OtherSchemeCode(Wrong):
    """A good code, but not for a transfer by VietQR."""

    code = "qr_other_scheme"


class PicturesNotReadable(Conflict):
    """The packages that read pictures are not installed here."""

    code = "pictures_not_readable"


class PictureTooLarge(Wrong):
    """A file beyond the limit, or with more points than any photo has."""

    code = "picture_too_large"


class NotAPicture(Wrong):
    """A file that is neither PNG nor JPEG, or is damaged."""

    code = "not_a_picture"


class NoCodeInPicture(Wrong):
    """A picture in which no QR code is found."""

    code = "no_code_in_picture"


class SeveralCodesInPicture(Wrong):
    """A picture with different QR codes: nobody can say which one is meant."""

    code = "several_codes_in_picture"


def read_code(text: str) -> Transfer:
    """The transfer a VietQR text asks for; white space around it does not count.

    Raises `UnreadableCode`, `ChangedCode` or `OtherSchemeCode`.
    """
    code = text.strip()
    if len(code) > _LONGEST_CODE:
        raise UnreadableCode(pointer="/qr")
    try:
        return decode(code)
    except WrongChecksum:
        raise ChangedCode(pointer="/qr") from None
    except OtherScheme as other:
        raise OtherSchemeCode(pointer="/qr", scheme=other.fields.get("scheme", "?")) from None
    except UnreadableQR:
        raise UnreadableCode(pointer="/qr") from None


def find_code(picture: bytes) -> str:
    """The text of the one QR code in a PNG or JPEG picture of at most 5 MB.

    Raises `PicturesNotReadable`, `PictureTooLarge`, `NotAPicture`, `NoCodeInPicture` or
    `SeveralCodesInPicture`.
    """
    if not CAN_READ_PICTURES:
        raise PicturesNotReadable(pointer="/picture")
    if len(picture) > LARGEST_PICTURE:
        raise PictureTooLarge(pointer="/picture")
    image = _open(picture)
    found = zxingcpp.read_barcodes(
        image,
        formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode),
        text_mode=zxingcpp.TextMode.Plain,
    )
    codes = {code.text for code in found}
    if not codes:
        raise NoCodeInPicture(pointer="/picture")
    if len(codes) > 1:
        raise SeveralCodesInPicture(pointer="/picture")
    return codes.pop()


def _open(picture: bytes) -> Image.Image:
    """The picture in shades of grey, transparent parts white, no side longer than needed."""
    try:
        with Image.open(BytesIO(picture), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise PictureTooLarge(pointer="/picture")
            image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
            paper = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(paper, image.convert("RGBA")).convert("L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise NotAPicture(pointer="/picture") from None
