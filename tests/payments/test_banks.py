"""Banks are known by their BIN, and by nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from payments import banks
from payments.banks import Bank, by_bin

LIST = json.loads((Path(banks.__file__).parent / "data" / "banks.json").read_text("utf-8"))


def test_every_bank_of_the_list_is_found_by_its_bin() -> None:
    """The list has 66 rows, and no BIN twice."""
    rows = LIST["banks"]
    assert len(rows) == LIST["count"] == 66
    assert len(banks.every_bank()) == 66
    for row in rows:
        bank = by_bin(row["bin"])
        assert bank is not None
        assert (bank.bin, bank.name, bank.short_name) == (
            row["bin"],
            row["name_vi"],
            row["short_name"],
        )


def test_the_state_banks_list_is_marked() -> None:
    """56 BINs are in the State Bank's letter, ten come from a public list."""
    known = banks.every_bank().values()
    assert sum(bank.in_state_bank_list for bank in known) == 56


def test_a_bank_as_it_stands_in_the_list() -> None:
    """Names are Vietnamese, with their accents."""
    assert by_bin("970436") == Bank(
        bin="970436",
        short_name="Vietcombank",
        name="Ngân hàng TMCP Ngoại thương Việt Nam",
        swift="BFTVVNVX",
        receives_vietqr=True,
        in_state_bank_list=True,
    )


def test_bins_need_not_begin_with_9704() -> None:
    """Wallets and digital banks have BINs of their own."""
    for bin, short_name in (("971025", "MoMo"), ("546034", "CAKE by VPBank")):
        bank = by_bin(bin)
        assert bank is not None
        assert bank.short_name == short_name


def test_what_no_list_says_is_not_guessed() -> None:
    """For a finance company no list says whether VietQR reaches it."""
    company = by_bin("970470")
    assert company is not None
    assert company.receives_vietqr is None
    assert company.swift is None


@pytest.mark.parametrize(
    "bin", ["", "970499", "97043", "9704360", " 970436", "VCB", "BVB", "٩٧٠٤٣٦"]
)
def test_letter_codes_and_unknown_bins_name_no_bank(bin: str) -> None:
    """BVB is one bank here and another there, so letters name nobody."""
    assert by_bin(bin) is None


def test_the_list_cannot_be_changed_by_its_readers() -> None:
    """Every reader sees the same banks."""
    with pytest.raises(TypeError):
        banks.every_bank()["970499"] = by_bin("970436")  # type: ignore[index]
