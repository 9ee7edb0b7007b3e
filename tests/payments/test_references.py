"""Reference codes: made at random with a check digit, found in memos as banks mangle them."""

from __future__ import annotations

import hashlib
import json
import random
import re
import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import references
from payments.core.text import fold
from payments.references import Kind, Reference, WrongPrefix, find, make, squeeze

CODE = "TTHC1234567894"
SAMPLES = json.loads(
    (Path(__file__).parent.parent / "vectors" / "memo_samples.json").read_text("utf-8")
)["samples"]


class Seeded:
    """Random numbers that are the same in every run."""

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)

    def randbelow(self, exclusive_upper_bound: int, /) -> int:
        return self.source.randrange(exclusive_upper_bound)


class Always:
    """One number, whatever is asked for."""

    def __init__(self, number: int) -> None:
        self.number = number

    def randbelow(self, exclusive_upper_bound: int, /) -> int:
        assert self.number < exclusive_upper_bound
        return self.number


codes = st.integers(0, 999_999_999).map(lambda number: make(rng=Always(number)))


def full(code: str) -> list[Reference]:
    return [Reference(code, Kind.FULL)]


def by_the_letter(memo: str, prefix: str) -> list[str]:
    """The rule as the design writes it, one step after the other."""
    text = fold(unicodedata.normalize("NFC", memo)).upper()
    letters = "".join(c for c in text if c in string.ascii_uppercase + string.digits)
    found = re.findall(prefix + "[0-9]{5,10}", letters)
    return [code for n, code in enumerate(found) if code not in found[:n]]


def test_a_code_is_prefix_nine_digits_and_check_digit() -> None:
    """The published example 572 → 4 is Damm's; ours is 14 ASCII characters made the same way."""
    assert make(rng=Always(123_456_789)) == CODE
    assert make(rng=Always(572))[-4:] == "5724"
    assert make(rng=Always(0)) == "TTHC0000000000"
    assert make("BDHC", rng=Always(999_999_999)).startswith("BDHC999999999")


def test_codes_are_random_and_not_in_order() -> None:
    """A thousand codes from the system's randomness differ, and their order tells nothing."""
    made = [make() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert made != sorted(made)
    assert all(find(code) == full(code) for code in made)


def test_the_same_seed_makes_the_same_codes() -> None:
    """The randomness comes in as an argument, so a test or a demonstration can be repeated."""
    first, second = ([make(rng=Seeded(7)) for _ in range(3)] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("prefix", ["", "TTH", "TTHCX", "tthc", "TT1C", "TTH\n", "ĐTHC", "TT.C"])
def test_a_prefix_is_four_capital_letters(prefix: str) -> None:
    """Any other prefix is refused, both when making and when finding."""
    with pytest.raises(WrongPrefix):
        make(prefix)
    with pytest.raises(WrongPrefix):
        find("TTHC1234567894", prefix)


@pytest.mark.parametrize(
    ("memo", "expected"),
    [
        (CODE, [(CODE, "FULL")]),
        ("tthc1234567894", [(CODE, "FULL")]),
        ("TT HC 1234 5678 94 nop phi", [(CODE, "FULL")]),
        ("TTHC-123.456_789/4", [(CODE, "FULL")]),
        ("TTHC1234567\n894", [(CODE, "FULL")]),
        ("nộp lệ phí TTHC1234567894 cảm ơn", [(CODE, "FULL")]),
        ("ÐTTHC1234567894", [(CODE, "FULL")]),
        ("đTTHC1234567894Đ", [(CODE, "FULL")]),
        (f"{CODE} 0508 0608", [(CODE, "FULL")]),
        (f"{CODE}-220922-15:45:46", [(CODE, "FULL")]),
        (f"TTTTHC{CODE}", [(CODE, "FULL")]),
        ("TTHC1234567895", [("TTHC1234567895", "DAMAGED")]),
        ("TTHC123456789", [("TTHC123456789", "CUT")]),
        ("TTHC12345", [("TTHC12345", "CUT")]),
        ("TTHC12345 lan 2", [("TTHC12345", "CUT")]),
        ("TTHC1234", []),
        ("TTHC O123456789", []),
        ("", []),
        ("nop tien dien thang 8", []),
        ("2427229823 0912345678", []),
        (f"{CODE} va TTHC9876543217", [(CODE, "FULL"), ("TTHC9876543217", "DAMAGED")]),
        (f"{CODE} {CODE}", [(CODE, "FULL")]),
        (f"{CODE} tthc 1234567894", [(CODE, "FULL")]),
        (f"{CODE} TTHC12345", [(CODE, "FULL"), ("TTHC12345", "CUT")]),
        ("TTHC١٢٣٤٥٦٧٨٩٤", []),
    ],
)
def test_what_is_found_in_a_memo(memo: str, expected: list[tuple[str, str]]) -> None:
    """Letters and digits alone count; ten digits at most; each code once."""
    assert [(one.code, one.kind.value) for one in find(memo)] == expected


def shapes() -> list[tuple[str, str]]:
    """The memos of the collection that hold a code, with ours in its place: (name, memo)."""
    theirs = "BD74HT22090000425"
    whole = [
        (sample["id"], sample["as_received"].replace(theirs, "{code}"))
        for sample in SAMPLES
        if theirs in sample["as_received"] and sample["id"] != "two-codes"
    ]
    return [
        *whole,
        ("payer-typed-spaces", "tthc 1234 5678 94 nop tien"),
        ("mb-split-code", "TTHC12 34567894"),
        ("hyphen-stripped", "TTHC1234567894"),
        ("vcb-in-interbank-1", "243304.100924.223855.{code}"),
        ("vcb-in-interbank-3", "FT24255999347270 807439.100924.223851.{code}"),
        ("vcb-corporate-ib", "IBBIZ6076649616.017669.CTY A {code} 0508 0608"),
    ]


@pytest.mark.parametrize(("name", "memo"), shapes())
def test_a_code_is_found_in_every_shape_banks_make(name: str, memo: str) -> None:
    """Wrapped, prefixed, split or folded by a bank, the code is still whole."""
    assert find(memo.replace("{code}", CODE)) == full(CODE), name


def test_the_collection_of_memos_offers_enough_shapes() -> None:
    """The shapes come from the collection, so an empty one would test nothing."""
    assert len(shapes()) >= 10


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["id"])
def test_other_peoples_memos_hold_no_code_of_ours(sample: dict[str, str]) -> None:
    """Traces, accounts, phones and other systems' codes are not taken for ours."""
    assert find(sample["as_received"]) == []


def test_two_codes_in_one_memo_are_two_references() -> None:
    """A payer who pays for two requests at once writes both codes."""
    other = make(rng=Always(42))
    assert find(f"{CODE} va {other} nop chung") == full(CODE) + full(other)


def test_a_gateway_that_cuts_the_memo_leaves_a_cut_code() -> None:
    """Nine characters of memo hold the prefix and five digits: a hint, not a code."""
    assert find(CODE[:9]) == [Reference("TTHC12345", Kind.CUT)]


@given(codes, st.integers(0, 9), st.sampled_from(string.digits))
def test_one_wrong_digit_never_makes_another_code(code: str, place: int, digit: str) -> None:
    """Damm's check digit catches every single wrong digit."""
    at = len("TTHC") + place
    typed = code[:at] + digit + code[at + 1 :]
    kind = Kind.FULL if typed == code else Kind.DAMAGED
    assert find(typed) == [Reference(typed, kind)]


@given(codes, st.integers(0, 8))
def test_exchanged_neighbours_never_make_another_code(code: str, place: int) -> None:
    """Damm's check digit catches every exchange of two neighbouring digits."""
    at = len("TTHC") + place
    typed = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    kind = Kind.FULL if typed == code else Kind.DAMAGED
    assert find(typed) == [Reference(typed, kind)]


@given(codes, st.integers(5, 9))
def test_a_code_cut_short_is_never_taken_for_whole(code: str, digits: int) -> None:
    """With five to nine digits left it is CUT."""
    short = code[: len("TTHC") + digits]
    assert find(short) == [Reference(short, Kind.CUT)]


memos = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(["TTHC", "tthc", "TT HC", "Đường", "phí ", " ", ".", "ß", "ﬁ", "ı"]),
        st.text(alphabet=string.digits, max_size=12),
        codes,
    ),
    max_size=12,
).map("".join)


@given(memos, st.sampled_from(["TTHC", "BDHC"]))
def test_the_fast_way_finds_what_the_rule_says(memo: str, prefix: str) -> None:
    """The extractor is fast by shortcuts; the rule taken word by word finds the same."""
    assert [one.code for one in find(memo, prefix)] == by_the_letter(memo, prefix)


@given(st.text(alphabet="ạảãâấầđĐêếềôốồơớờưứừýỳABCxyz019 .-", max_size=40))
def test_composed_and_decomposed_letters_are_the_same(memo: str) -> None:
    """Some telephones send ế as one character, some as three."""
    composed, apart = (unicodedata.normalize(form, memo) for form in ("NFC", "NFD"))
    assert squeeze(composed) == squeeze(apart)


@given(codes, st.text(max_size=30), st.text(max_size=30))
def test_a_code_survives_what_stands_around_it(code: str, before: str, after: str) -> None:
    """Whatever a bank puts before and behind a code, it is found whole."""
    assert Reference(code, Kind.FULL) in find(f"{before}{code}{after}")


@given(codes, st.integers(4, 13), st.integers(1, 9))
def test_a_code_with_one_digit_wrong_can_be_repaired(code: str, place: int, by: int) -> None:
    """Among the few whole codes that one slip would have made it is the one that was meant."""
    wrong = code[:place] + str((int(code[place]) + by) % 10) + code[place + 1 :]
    repaired = references.repairs(wrong)
    assert code in repaired
    assert len(repaired) == len(set(repaired)) <= 19
    assert {find(one)[0].kind for one in repaired} == {Kind.FULL}


@given(codes, st.integers(4, 12))
def test_a_code_with_two_neighbours_exchanged_can_be_repaired(code: str, place: int) -> None:
    """The commonest slip of hand-typed digits."""
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert code[place] == code[place + 1] or code in references.repairs(wrong)


@given(codes, st.integers(9, 13))
def test_a_cut_code_lies_within_its_span(code: str, kept: int) -> None:
    """Whatever the lost digits were, the code is between the lowest and the highest."""
    lowest, highest = references.span(code[:kept])
    assert lowest <= code <= highest
    assert len(lowest) == len(highest) == len(code)


def test_finding_differently_is_a_new_version() -> None:
    """What was found is stored with the extractor's version, so a change of rule raises it."""
    memos = [memo.replace("{code}", CODE) for _, memo in shapes()]
    memos += [sample["as_received"].replace("BD74HT", "TTHC") for sample in SAMPLES]
    memos += ["tthc 12345", "Tthc.123456789Đ", "TTHC1234567895 0508"]
    found = [(one.code, one.kind.value) for memo in memos for one in find(memo)]
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]
    assert (references.VERSION, digest) == (1, "0472f6d6ba674439")
