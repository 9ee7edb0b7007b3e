"""VietQR: the code a payer scans, written, read and drawn.

A VietQR code is one line of text: the EMVCo merchant-presented format with the NAPAS profile for
transfers. `objects` is the grammar every such code shares, `transfer` is what NAPAS says inside
it, `picture` draws any text as a QR code.

Source: NAPAS, "Quy định về định dạng mã VietQR trong dịch vụ chuyển nhanh NAPAS247", v1.0,
09/2021.
"""

from payments.vietqr.objects import (
    BrokenStructure,
    OtherScheme,
    Reason,
    UnreadableQR,
    WrongChecksum,
    WrongContent,
)
from payments.vietqr.picture import draw_png, draw_svg, symbol
from payments.vietqr.transfer import (
    AmountOverQrLimit,
    Transfer,
    WrongAccountNumber,
    WrongBin,
    WrongMemo,
    decode,
    encode,
)

__all__ = [
    "AmountOverQrLimit",
    "BrokenStructure",
    "OtherScheme",
    "Reason",
    "Transfer",
    "UnreadableQR",
    "WrongAccountNumber",
    "WrongBin",
    "WrongChecksum",
    "WrongContent",
    "WrongMemo",
    "decode",
    "draw_png",
    "draw_svg",
    "encode",
    "symbol",
]
