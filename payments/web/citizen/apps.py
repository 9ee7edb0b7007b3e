"""Banking apps that a plain link opens on the phone it is tapped on.

The links are those that VietQR.io publishes for everybody (vietqr.io, "Deeplink app ngân hàng", as
of 2026-08); no bank was found that publishes one of its own. Nothing of the payment is in them: the
app opens, and the payer chooses the picture of the code that was saved before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_OPENS: Final = "https://dl.vietqr.io/pay?app="


@dataclass(frozen=True, slots=True)
class App:
    """A banking app: the bank's name, and the address that opens the app."""

    name: str
    address: str


APPS: Final[Sequence[App]] = tuple(
    App(name, _OPENS + code)
    for name, code in (
        ("Agribank", "vba"),
        ("Vietcombank", "vcb"),
        ("BIDV", "bidv"),
        ("VietinBank", "icb"),
        ("MB Bank", "mb"),
        ("Techcombank", "tcb"),
        ("ACB", "acb"),
        ("VPBank", "vpb"),
        ("TPBank", "tpb"),
    )
)
