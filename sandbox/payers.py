"""Invented payers: names and account numbers drawn by lot, the way a bank prints them.

Every name is put together from common parts; a name that belongs to somebody does so by chance.
"""

from __future__ import annotations

from random import Random
from typing import Final

from sandbox.accounts import Party

_FAMILIES: Final = tuple(
    "NGUYEN TRAN LE PHAM HUYNH HOANG PHAN VU VO DANG BUI DO HO NGO DUONG LY".split()
)
_MIDDLES: Final = tuple("VAN THI MINH THANH NGOC QUOC DUC HOAI THU KIM XUAN GIA".split())
_GIVENS: Final = tuple(
    "AN BINH CHI DUNG GIANG HA HANH HUNG KHANH LAM LINH LONG MAI NAM NGA PHUC QUAN SON TAM "
    "THAO TRANG TRUNG TUAN UYEN VINH YEN".split()
)
_BINS: Final = ("970436", "970415", "970418", "970422", "970407", "970432", "970416", "970423")


def a_payer(chance: Random) -> Party:
    """A payer nobody is: a name in capitals without accents and an account of 10 to 13 digits."""
    name = " ".join(chance.choice(parts) for parts in (_FAMILIES, _MIDDLES, _GIVENS))
    return Party(
        name=name, account=digits(chance, chance.randint(10, 13)), bin=chance.choice(_BINS)
    )


def digits(chance: Random, count: int) -> str:
    """So many random digits, the first not zero."""
    return str(chance.randint(10 ** (count - 1), 10**count - 1))
