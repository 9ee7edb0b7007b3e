"""Amounts in Vietnamese words, as they stand on receipts and slips."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.core.money import MOST, Dong, in_words

KNOWN = """
0              Không đồng
1              Một đồng
4              Bốn đồng
5              Năm đồng
10             Mười đồng
11             Mười một đồng
14             Mười bốn đồng
15             Mười lăm đồng
20             Hai mươi đồng
21             Hai mươi mốt đồng
24             Hai mươi tư đồng
25             Hai mươi lăm đồng
44             Bốn mươi tư đồng
55             Năm mươi lăm đồng
91             Chín mươi mốt đồng
100            Một trăm đồng
101            Một trăm linh một đồng
104            Một trăm linh bốn đồng
105            Một trăm linh năm đồng
110            Một trăm mười đồng
111            Một trăm mười một đồng
115            Một trăm mười lăm đồng
121            Một trăm hai mươi mốt đồng
555            Năm trăm năm mươi lăm đồng
1000           Một nghìn đồng
1001           Một nghìn không trăm linh một đồng
1010           Một nghìn không trăm mười đồng
1015           Một nghìn không trăm mười lăm đồng
1100           Một nghìn một trăm đồng
10000          Mười nghìn đồng
21000          Hai mươi mốt nghìn đồng
24500          Hai mươi tư nghìn năm trăm đồng
105000         Một trăm linh năm nghìn đồng
150000         Một trăm năm mươi nghìn đồng
1000000        Một triệu đồng
1000005        Một triệu không trăm linh năm đồng
1000500        Một triệu năm trăm đồng
1005000        Một triệu không trăm linh năm nghìn đồng
1021000        Một triệu không trăm hai mươi mốt nghìn đồng
15000000       Mười lăm triệu đồng
1000000000     Một tỷ đồng
1000000005     Một tỷ không trăm linh năm đồng
2015000000     Hai tỷ không trăm mười lăm triệu đồng
1000000000000  Một nghìn tỷ đồng
1002000000000  Một nghìn không trăm linh hai tỷ đồng
1234567890123  Một nghìn hai trăm ba mươi tư tỷ năm trăm sáu mươi bảy triệu tám trăm chín mươi nghìn một trăm hai mươi ba đồng
"""  # noqa: E501  one case is one line

DIGITS = {
    "không": 0, "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4,
    "năm": 5, "lăm": 5, "sáu": 6, "bảy": 7, "tám": 8, "chín": 9,
}  # fmt: skip
STEPS = {"nghìn": 10**3, "triệu": 10**6}


@pytest.mark.parametrize("case", KNOWN.strip().splitlines())
def test_an_amount_is_written_out_as_schools_teach_it(case):
    """Linh before a single digit, mốt and tư from twenty on, lăm after every ten."""
    figures, words = case.split(maxsplit=1)
    assert in_words(Dong(int(figures))) == words


@settings(max_examples=2_000)
@given(st.integers(0, 1_000 * MOST))
def test_whoever_reads_the_words_finds_the_amount_again(number):
    """No two amounts have the same words, and none has words that say another."""
    assert read_out(in_words(Dong(number))) == number


def test_less_than_nothing_has_no_words():
    """A paper never names an amount below zero."""
    with pytest.raises(ValueError, match="negative"):
        in_words(Dong(-1))


def read_out(words: str) -> int:
    """The number that Vietnamese words name, by a reader's rules and not by the writer's."""
    *spoken, unit = words.lower().split()
    assert unit == "đồng"
    billions, _, below = " ".join(spoken).rpartition("tỷ")
    higher = read_out(f"{billions} đồng") if billions else 0
    return higher * 10**9 + _below_a_billion(below.split())


def _below_a_billion(words: list[str]) -> int:
    number = group = digit = 0
    for word in words:
        if word in DIGITS:
            digit = DIGITS[word]
        elif word == "linh":
            digit = 0
        elif word == "trăm":
            group, digit = digit * 100, 0
        elif word == "mươi":
            group, digit = group + digit * 10, 0
        elif word == "mười":
            group, digit = group + 10, 0
        else:
            number, group, digit = number + (group + digit) * STEPS[word], 0, 0
    return number + group + digit
