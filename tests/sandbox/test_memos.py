"""Memos the way real banks hand them on."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from payments.references import Kind, find
from sandbox import memos
from sandbox.accounts import Account, Party
from sandbox.clock import VIETNAM

CODE = "TTHC1234567894"
SEEDS = range(30)
NAME = "[A-Z ]+"
SHAPES = {
    "plain": r"{memo}",
    "vcb": rf"MBVCB\.\d{{10}}\.{{memo}}\.CT tu \d+ {NAME} toi \d+ {NAME}",
    "mbvcb": rf"MBVCB\.\d{{10}}\.\d{{6}}\.{{memo}}\.CT tu \d+ {NAME} toi \d+ {NAME} tai \w+",
    "vcb_acb": (
        rf"MBVCB\.\d{{10}}\.(\d{{6}})\.{{memo}}\.CT tu \d+ {NAME} toi \d+"
        r" \(ACB\) A Chau GD \1-112426 14:02:37"
    ),
    "momo": r"\d{12}-{memo}-CHUYEN TIEN-OQCH\w{8}-MOMO\d{12}MOMO",
    "momo_cut": r"\d{12}-{memo}-CHUYEN TIEN-MOMO",
    "napas": r"\d{6}\.241126\.140237\.{memo}",
    "napas_ft_before": r"FT\d{14} \d{6}\.241126\.140237\.{memo}",
    "napas_ft_after": r"\d{6}\.241126\.140237\.{memo} FT\d{14}",
    "ibbiz": r"IBBIZ\d{10}\.\d{6}\.{memo}",
    "mbbiz": r"MBBIZ\d{10}\.\d{6}\.{memo}",
    "counter": rf"SHGD:\d{{8}}\.DD:261124\.BO:{NAME}\.Remark:{{memo}}",
    "mb": r"CUSTOMER {memo}  Trace \d{6}",
    "typed": r"tthc 1234 5678 94 nop tien",
    "hyphens_lost": r"{memo}",
    "rewrapped": r"(?:.{35} )+.{1,35}",
    "replaced": r"CT DEN:\d{3}T\d{5}\w{7} CK",
}


def a_transfer(memo: str = CODE, seed: int = 1) -> memos.Transfer:
    return memos.Transfer(
        memo=memo,
        payer=Party(name="TRAN THI B", account="1020000001"),
        payee=Account(bin="970436", number="0281000999999", name="TTPVHCC"),
        at=datetime(2026, 11, 24, 14, 2, 37, tzinfo=VIETNAM),
        chance=Random(seed),
    )


@pytest.mark.parametrize("via", memos.VIAS)
def test_each_way_of_sending_has_its_shape(via):
    """Every wrap looks as it does on real statements, whatever the lot."""
    shape = SHAPES[via].replace("{memo}", CODE)
    for seed in SEEDS:
        booked = memos.as_booked(a_transfer(seed=seed), via=via)
        assert re.fullmatch(shape, booked), booked
        assert len(booked) <= 140


def test_the_shapes_are_those_of_the_samples():
    """The shapes written here fit the samples gathered from real statements."""
    samples = json.loads((Path(__file__).parents[1] / "vectors" / "memo_samples.json").read_text())[
        "samples"
    ]
    received = {sample["id"]: sample for sample in samples}
    fitting = {
        "momo-truncated": "momo_cut",
        "vietinbank-va": "replaced",
        "vcb-in-interbank-1": "napas",
        "vcb-in-interbank-3": "napas_ft_before",
        "vcb-corporate-ib": "ibbiz",
    }
    for name, via in fitting.items():
        shape = SHAPES[via].replace("{memo}", ".*").replace("241126", r"\d{6}")
        shape = shape.replace("140237", r"\d{6}")
        assert re.fullmatch(shape, received[name]["as_received"]), name


@pytest.mark.parametrize("via", sorted(set(memos.VIAS) - {"replaced"}))
def test_a_code_survives_every_wrap(via):
    """Whoever looks for the code in a wrapped memo finds it whole; only VietinBank replaces it."""
    for seed in SEEDS:
        found = find(memos.as_booked(a_transfer(f"{CODE} le phi", seed), via=via))
        assert [(one.code, one.kind) for one in found] == [(CODE, Kind.FULL)]


def test_accents_are_lost_and_d_bar_becomes_d():
    """Banks keep printable ASCII: accents fall off, đ turns into d, the rest is dropped."""
    assert memos.fold("Nộp lệ phí Đăng ký đất đai – №1\n") == "Nop le phi Dang ky dat dai  1"


def test_hyphens_and_underscores_are_dropped():
    """Some gateways drop the marks inside an order's number."""
    assert memos.as_booked(a_transfer("BV-3382_750A"), via="hyphens_lost") == "BV3382750A"


def test_a_cut_code_has_lost_its_end():
    """A cut memo ends inside the code, with five digits or more left."""
    for seed in SEEDS:
        [found] = find(memos.cut(f"{CODE} le phi", chance=Random(seed)))
        assert found.kind is Kind.CUT
        assert CODE.startswith(found.code)


def test_a_split_code_has_a_space_inside():
    """A space stands inside the code; without it the memo is what the payer wrote."""
    for seed in SEEDS:
        memo = memos.split(f"{CODE} le phi", chance=Random(seed))
        assert memo != f"{CODE} le phi"
        assert memo.replace(" ", "") == f"{CODE}lephi"
        assert " " in memo[: len(CODE) + 1].strip()


def test_a_damaged_code_has_one_other_digit():
    """Exactly one digit differs, so the check digit tells."""
    for seed in SEEDS:
        memo = memos.damage(f"{CODE} phi 99", chance=Random(seed))
        assert sum(a != b for a, b in zip(memo, f"{CODE} phi 99", strict=True)) == 1
        assert [one.kind for one in find(memo)] == [Kind.DAMAGED]


@pytest.mark.parametrize("memo", ["", "a", "nop le phi", "7", "AB12345"])
def test_a_memo_without_a_long_code_can_be_mishandled_too(memo):
    """Cutting, splitting and damaging any memo gives a memo."""
    for change in (memos.cut, memos.split, memos.damage):
        changed = change(memo, chance=Random(1))
        assert isinstance(changed, str)
        assert len(changed) <= len(memo) + 1


def test_a_bank_that_knows_no_such_channel_says_so():
    """An unknown way of sending is refused, never replaced."""
    with pytest.raises(memos.UnknownVia):
        memos.as_booked(a_transfer(), via="pigeon")


def test_the_lot_never_draws_a_way_that_loses_the_memo():
    """What is drawn by lot keeps the code readable."""
    chance = Random(1)
    drawn = {memos.a_via(chance) for _ in range(500)}
    assert len(drawn) > 10
    assert not drawn & {"replaced", "rewrapped", "hyphens_lost"}
