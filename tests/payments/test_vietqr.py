"""VietQR codes: written as NAPAS says, read as banks write them, refused where they are broken."""

from __future__ import annotations

import itertools
import json
import string
from pathlib import Path
from typing import Any

import pytest
import qr_pay
import vietnam_qr_pay
import vnqr
from hypothesis import given
from hypothesis import strategies as st

from payments import references, vietqr
from payments.core.money import QR_LIMIT, Dong, NotAnAmount
from payments.vietqr import Transfer, UnreadableQR, decode, encode
from payments.vietqr.objects import checksum, close, write

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "qr_vectors.json").read_text("utf-8")
)
GROUPS = ("valid", "tolerant_or_other", "negative", "synthetic")
EVERY = [vector for group in GROUPS for vector in VECTORS[group]]
READABLE = [vector for vector in EVERY if vector["expect"] in ("valid", "accept_lenient")]

BIN = "970436"
ACCOUNT = "0011001234567"
MEMO = "TTHC1234567894"
AMOUNT = Dong(150_000)
PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " "

bins = st.text(string.digits, min_size=6, max_size=6)
accounts = st.text(string.ascii_letters + string.digits, min_size=1, max_size=19)
amounts = st.none() | st.integers(1, QR_LIMIT - 1).map(Dong)
memos = st.none() | st.text(PRINTABLE, min_size=1, max_size=25)


def a_code(amount: Dong | None = AMOUNT, memo: str | None = MEMO) -> str:
    return encode(bin=BIN, account=ACCOUNT, amount=amount, memo=memo)


def beneficiary(bin: str = BIN, account: str = ACCOUNT, service: str = "QRIBFTTA") -> str:
    whom = write("01", write("00", bin) + write("01", account))
    return write("00", "A000000727") + whom + write("02", service)


def built(*, first: str = "00", without: str = "", **objects: str) -> str:
    """The text of a code object by object (`o54="50000"`), its checksum right."""
    usual = {
        "o01": "12",
        "o38": beneficiary(),
        "o53": "704",
        "o54": "50000",
        "o58": "VN",
    }
    values = usual | objects
    row = [write(name[1:], value) for name, value in values.items() if name != without]
    return close(write(first, "01") + "".join(row))


# The published vectors


def test_the_checksum_is_the_published_one() -> None:
    """CRC-16/CCITT-FALSE has published check values."""
    published = VECTORS["crc_check"]
    assert checksum(published["check_string"]) == published["check_value"]
    assert checksum("") == published["empty_string"]
    for text, value in published["other"]:
        assert checksum(text) == value


@pytest.mark.parametrize("vector", READABLE, ids=lambda vector: vector["id"])
def test_a_published_code_is_read_as_published(vector: dict[str, Any]) -> None:
    """What the vectors say a code holds is what is read from it."""
    held = vector["decoded"]
    labels = held.get("62", {})
    transfer = decode(vector["payload"])
    assert transfer == Transfer(
        bin=held["38"]["01"]["00"],
        account=held["38"]["01"]["01"],
        service=held["38"]["02"],
        dynamic=held["01"] == "12",
        amount=Dong(int(held["54"])) if "54" in held else None,
        memo=labels.get("08"),
        bill=labels.get("01"),
        store=labels.get("03"),
        reference=labels.get("05"),
        customer=labels.get("06"),
        terminal=labels.get("07"),
    )


REFUSALS = {
    "reject_structure": vietqr.BrokenStructure,
    "reject_crc": vietqr.WrongChecksum,
    "reject_semantic": vietqr.WrongContent,
    "other_scheme": vietqr.OtherScheme,
}


@pytest.mark.parametrize(
    "vector",
    [vector for vector in EVERY if vector["expect"] in REFUSALS],
    ids=lambda vector: vector["id"],
)
def test_a_broken_published_code_is_refused_as_stated(vector: dict[str, Any]) -> None:
    """Structure and checksum are both checked, and the refusal says which of them failed."""
    with pytest.raises(REFUSALS[vector["expect"]]) as refusal:
        decode(vector["payload"])
    assert 0 <= refusal.value.position <= len(vector["payload"])


def test_no_vector_is_left_out() -> None:
    """Every vector is either read or refused above."""
    assert {vector["expect"] for vector in EVERY} == {
        "valid",
        "accept_lenient",
        *REFUSALS,
    }
    assert len(EVERY) == 22


def test_a_code_of_vnpay_is_refused_by_name() -> None:
    """A citizen who scans a shop's code learns whose it is."""
    [vector] = [v for v in EVERY if v["expect"] == "other_scheme"]
    with pytest.raises(vietqr.OtherScheme) as refusal:
        decode(vector["payload"])
    assert refusal.value.fields["scheme"] == "VNPAY-QR"


@pytest.mark.parametrize(
    "vector",
    [
        vector
        for vector in READABLE
        if vector["tag_order"] == sorted(vector["tag_order"])
        and vector["decoded"]["38"]["02"] == "QRIBFTTA"
        and set(vector["decoded"].get("62", {"08": ""})) == {"08"}
        and vector["crc_declared"].isupper()
    ],
    ids=lambda vector: vector["id"],
)
def test_a_published_code_is_written_letter_by_letter(vector: dict[str, Any]) -> None:
    """From the same content our writer makes the very string that others published."""
    transfer = decode(vector["payload"])
    again = encode(
        bin=transfer.bin,
        account=transfer.account,
        amount=transfer.amount,
        memo=transfer.memo,
    )
    assert again == vector["payload"]


# Writing


@given(bins, accounts, amounts, memos)
def test_what_is_written_is_read_back(
    bin: str, account: str, amount: Dong | None, memo: str | None
) -> None:
    """A code with an amount is for one payment, without one for any number."""
    payload = encode(bin=bin, account=account, amount=amount, memo=memo)
    assert decode(payload) == Transfer(
        bin=bin, account=account, amount=amount, memo=memo, dynamic=amount is not None
    )
    assert payload.isascii()


@pytest.mark.parametrize("bin", ["", "97043", "9704366", "97043a", "９７０４３６", "970436\n"])
def test_a_bank_is_six_digits(bin: str) -> None:
    """Any other bank number is refused."""
    with pytest.raises(vietqr.WrongBin):
        encode(bin=bin, account=ACCOUNT)


@pytest.mark.parametrize("account", ["", "1" * 20, "12 34", "12-34", "tài", "１２３", "12\n"])
def test_an_account_is_up_to_nineteen_letters_and_digits(account: str) -> None:
    """Any other account is refused, and the refusal does not repeat it."""
    with pytest.raises(vietqr.WrongAccountNumber) as refusal:
        encode(bin=BIN, account=account)
    assert account == "" or account not in str(refusal.value)


@pytest.mark.parametrize("memo", ["", "x" * 26, "lệ phí", "a\tb", "a\nb", "nop\x7f", "–"])
def test_a_memo_is_up_to_twenty_five_printable_characters(memo: str) -> None:
    """Any other memo is refused: cut or changed it would not be found again."""
    with pytest.raises(vietqr.WrongMemo):
        encode(bin=BIN, account=ACCOUNT, memo=memo)


@pytest.mark.parametrize("amount", [QR_LIMIT, QR_LIMIT + 1, Dong(10**12)])
def test_half_a_billion_is_too_much_for_one_code(amount: Dong) -> None:
    """NAPAS247 carries less than 500 million đồng at a time."""
    with pytest.raises(vietqr.AmountOverQrLimit):
        encode(bin=BIN, account=ACCOUNT, amount=amount)
    assert decode(a_code(amount=Dong(499_999_999))).amount == 499_999_999


@pytest.mark.parametrize("amount", [Dong(0), Dong(-1)])
def test_an_amount_is_more_than_nothing(amount: Dong) -> None:
    """A code for zero đồng is refused."""
    with pytest.raises(NotAnAmount):
        encode(bin=BIN, account=ACCOUNT, amount=amount)


# Reading: tolerant where banks are


def test_objects_come_in_any_order() -> None:
    """Only 00 has to be first and 63 last; inside 38, 38-01 and 62 any order goes."""
    inside = [write("00", "A000000727"), write("02", "QRIBFTTA")]
    named = [write("00", BIN), write("01", ACCOUNT)]
    labels = [write("08", MEMO), write("01", "B1")]
    expected = Transfer(bin=BIN, account=ACCOUNT, amount=Dong(50_000), memo=MEMO, bill="B1")
    for order in itertools.permutations(range(6)):
        whom = write("01", "".join(named[:: (-1) ** order[0]]))
        row = [
            write("01", "12"),
            write("38", "".join((whom, *inside)[:: (-1) ** order[1]])),
            write("53", "704"),
            write("54", "50000"),
            write("58", "VN"),
            write("62", "".join(labels[:: (-1) ** order[2]])),
        ]
        payload = close(write("00", "01") + "".join(row[n] for n in order))
        assert decode(payload) == expected


@given(bins, accounts, amounts, memos)
def test_a_checksum_in_small_letters_is_read(
    bin: str, account: str, amount: Dong | None, memo: str | None
) -> None:
    """One bank's app writes it so; we never do."""
    payload = encode(bin=bin, account=account, amount=amount, memo=memo)
    assert decode(payload[:-4] + payload[-4:].lower()) == decode(payload)
    assert payload[-4:] == payload[-4:].upper()


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("50000", 50_000),
        ("50000.", 50_000),
        ("0050000", 50_000),
        ("9999999999999", 9_999_999_999_999),
    ],
)
def test_amounts_as_banks_write_them(written: str, amount: int) -> None:
    """A point behind the digits is allowed."""
    assert decode(built(o54=written)).amount == amount


@pytest.mark.parametrize(
    "written",
    [
        "0",
        "000",
        "0.",
        ".",
        "50 000",
        "50,000",
        "50.000",
        "50000.00",
        "-5",
        "+5",
        "5e3",
        "٥٠",
        "1" * 14,
    ],
)
def test_anything_else_is_no_amount(written: str) -> None:
    """Zero, separators, decimals and signs are refused, never guessed at."""
    with pytest.raises(vietqr.WrongContent) as refusal:
        decode(built(o54=written))
    assert (refusal.value.reason, refusal.value.fields["object"]) == ("value", "54")


def test_objects_nobody_asked_for_are_kept_aside() -> None:
    """Old wallets add object 80; labels and categories come and go."""
    payload = built(o52="9399", o62=write("08", MEMO) + write("09", "A"), o80="123")
    transfer = decode(payload)
    assert transfer.memo == MEMO
    assert transfer.others == (("52", "9399"), ("80", "123"), ("62-09", "A"))


def test_long_names_and_memos_of_others_are_read() -> None:
    """A live bill shows a name of 31 characters, a server writes memos of 50."""
    transfer = decode(built(o59="CONG TY DIEN LUC MIEN NAM TAX 1", o62=write("08", "x" * 50)))
    assert transfer.name == "CONG TY DIEN LUC MIEN NAM TAX 1"
    assert transfer.memo == "x" * 50


def test_length_counts_characters_and_the_checksum_bytes() -> None:
    """A memo with accents counts its characters; counted in bytes it is refused."""
    memo = "nộp lệ phí"
    assert decode(built(o62=write("08", memo))).memo == memo
    in_bytes = f"08{len(memo.encode()):02d}{memo}"
    with pytest.raises(vietqr.BrokenStructure):
        decode(built(o62=in_bytes))


def test_a_code_to_a_card_says_so() -> None:
    """Service QRIBFTTC pays a card; we read it and never write it."""
    transfer = decode(built(o38=beneficiary(account="9704031101234567", service="QRIBFTTC")))
    assert transfer.service == "QRIBFTTC"


# Reading: strict on structure


@pytest.mark.parametrize(
    ("payload", "error", "reason"),
    [
        ("", vietqr.BrokenStructure, "first"),
        ("hello", vietqr.BrokenStructure, "header"),
        ("https://example.org/p/1", vietqr.BrokenStructure, "header"),
        ("0002", vietqr.BrokenStructure, "overrun"),
        ("٠٠٠٢٠١", vietqr.BrokenStructure, "header"),
        (built(first="02"), vietqr.BrokenStructure, "first"),
        ("000201", vietqr.BrokenStructure, "last"),
        (built() + "6404abcd", vietqr.BrokenStructure, "last"),
        (built() + " ", vietqr.BrokenStructure, "header"),
        (built() + "\n", vietqr.BrokenStructure, "character"),
        (built(o59="a\x00b"), vietqr.BrokenStructure, "character"),
        (built()[:-8] + "6303ABC", vietqr.BrokenStructure, "last"),
        (built(o59=""), vietqr.BrokenStructure, "empty_object"),
        (built(o62="0800"), vietqr.BrokenStructure, "empty_object"),
        (built(o38="0000"), vietqr.BrokenStructure, "empty_object"),
        (built(o62="0802ab08"), vietqr.BrokenStructure, "header"),
        (built(o62="0803ab"), vietqr.BrokenStructure, "overrun"),
        (close("000201" * 2), vietqr.BrokenStructure, "duplicate"),
        (built(o62=write("08", "a") * 2), vietqr.BrokenStructure, "duplicate"),
        (
            built(o38=beneficiary() + write("02", "QRIBFTTA")),
            vietqr.BrokenStructure,
            "duplicate",
        ),
        (built(without="o01"), vietqr.WrongContent, "missing"),
        (built(without="o38"), vietqr.WrongContent, "missing"),
        (built(without="o53"), vietqr.WrongContent, "missing"),
        (built(without="o58"), vietqr.WrongContent, "missing"),
        (built(o01="13"), vietqr.WrongContent, "value"),
        (built(o53="840"), vietqr.WrongContent, "value"),
        (built(o58="US"), vietqr.WrongContent, "value"),
        (close(write("00", "02")), vietqr.WrongContent, "value"),
        (built(o38=beneficiary(bin="97043")), vietqr.WrongContent, "value"),
        (built(o38=beneficiary(bin="97043x")), vietqr.WrongContent, "value"),
        (built(o38=beneficiary(account="1" * 20)), vietqr.WrongContent, "value"),
        (built(o38=beneficiary(account="12 34")), vietqr.WrongContent, "value"),
        (built(o38=beneficiary(service="QRXXXX")), vietqr.WrongContent, "value"),
        (built(o38=write("00", "A000000727")), vietqr.WrongContent, "missing"),
        (built(o38=write("01", "x")), vietqr.WrongContent, "missing"),
        (
            built(o38=beneficiary().replace("0127", "0132").replace("0208", "0201x0208")),
            vietqr.WrongContent,
            "unexpected",
        ),
        (built(o38=beneficiary(service="QRPUSH")), vietqr.OtherScheme, "scheme"),
        (built(o38=beneficiary(service="QRCASH")), vietqr.OtherScheme, "scheme"),
        (built(o38=write("00", "A000000999")), vietqr.OtherScheme, "scheme"),
        (built(without="o38", o04="5413330000000000"), vietqr.OtherScheme, "scheme"),
    ],
)
def test_a_broken_code_is_refused_with_its_reason(
    payload: str, error: type[UnreadableQR], reason: str
) -> None:
    """Each way of being wrong has a name that never changes."""
    with pytest.raises(error) as refusal:
        decode(payload)
    assert refusal.value.reason == reason
    assert refusal.value.fields["reason"] == reason
    assert 0 <= refusal.value.position <= len(payload)


@pytest.mark.parametrize(
    ("identifier", "value", "scheme"),
    [
        ("o02", "4000", "Visa"),
        ("o05", "5413", "Mastercard"),
        ("o10", "6011", "Discover"),
        ("o12", "3400", "American Express"),
        ("o14", "3528", "JCB"),
        ("o16", "6200", "UnionPay"),
        ("o25", "1", "EMVCo"),
        ("o26", write("00", "A000000775"), "VNPAY-QR"),
        ("o30", write("00", "vn.example.pay"), "vn.example.pay"),
    ],
)
def test_other_schemes_are_refused_by_name(identifier: str, value: str, scheme: str) -> None:
    """A good code that is not a transfer says whose it is."""
    with pytest.raises(vietqr.OtherScheme) as refusal:
        decode(built(without="o38", **{identifier: value}))
    assert refusal.value.fields["scheme"] == scheme


def test_a_code_for_several_schemes_is_read_if_vietqr_is_among_them() -> None:
    """A shop's code may carry VNPAY and VietQR side by side."""
    assert decode(built(o26=write("00", "A000000775"))).account == ACCOUNT


def test_the_position_points_at_the_fault() -> None:
    """The position counts characters from 0 and stands at the object or value at fault."""
    payload = built(o53="840")
    with pytest.raises(vietqr.WrongContent) as refusal:
        decode(payload)
    assert payload[refusal.value.position :].startswith("840")


# What a checksum promises


def test_no_single_changed_character_makes_another_transfer() -> None:
    """CRC-16 sees every change within 16 bits, so one wrong character never moves money.

    Only the case of the checksum's own letters may change: then it is the same transfer.
    """
    payload = a_code()
    original = decode(payload)
    unseen = 0
    for place, character in itertools.product(range(len(payload)), PRINTABLE):
        changed = payload[:place] + character + payload[place + 1 :]
        if changed == payload:
            continue
        try:
            assert decode(changed) == original
        except UnreadableQR:
            continue
        assert payload[-4:] == changed[-4:].upper()
        unseen += 1
    assert unseen == sum(character.isalpha() for character in payload[-4:])


@given(bins, accounts, amounts, memos, st.data())
def test_no_exchanged_neighbours_make_another_transfer(
    bin: str, account: str, amount: Dong | None, memo: str | None, data: st.DataObject
) -> None:
    """Two neighbouring characters exchanged are within 16 bits as well."""
    payload = encode(bin=bin, account=account, amount=amount, memo=memo)
    place = data.draw(st.integers(0, len(payload) - 2))
    changed = payload[:place] + payload[place + 1] + payload[place] + payload[place + 2 :]
    if changed == payload:
        assert decode(changed) == decode(payload)
    else:
        with pytest.raises(UnreadableQR):
            decode(changed)


@given(bins, accounts, amounts, memos, st.data())
def test_a_code_cut_at_either_end_is_refused(
    bin: str, account: str, amount: Dong | None, memo: str | None, data: st.DataObject
) -> None:
    """What is left does not begin with 00, or does not end with a whole 63."""
    payload = encode(bin=bin, account=account, amount=amount, memo=memo)
    place = data.draw(st.integers(0, len(payload) - 1))
    with pytest.raises(UnreadableQR):
        decode(payload[:place])
    with pytest.raises(UnreadableQR):
        decode(payload[place + 1 :])


# Anything at all


@given(st.text() | st.text(string.digits + "AQRVN", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is scanned, the only error is UnreadableQR, and it says why and where."""
    with pytest.raises(UnreadableQR) as refusal:
        decode(text)
    assert refusal.value.reason in vietqr.Reason
    assert 0 <= refusal.value.position <= len(text)


rows = st.lists(
    st.tuples(
        st.sampled_from(["01", "02", "26", "38", "52", "53", "54", "58", "59", "60", "62", "80"]),
        st.one_of(
            st.text(min_size=1, max_size=40),
            st.sampled_from(["11", "12", "704", "VN", "50000", beneficiary(), write("08", MEMO)]),
        ),
    ),
    max_size=9,
)


@given(rows, st.booleans())
def test_any_row_of_objects_with_a_good_checksum_is_read_or_refused(
    row: list[tuple[str, str]], whole: bool
) -> None:
    """Behind a good checksum, too, the only error is UnreadableQR."""
    usual = [("01", "12"), ("38", beneficiary()), ("53", "704"), ("58", "VN")] if whole else []
    text = "".join(write(identifier, value) for identifier, value in [*usual, *row])
    try:
        payload = close(write("00", "01") + text)
    except UnicodeEncodeError:
        return
    try:
        transfer = decode(payload)
    except UnreadableQR:
        return
    assert transfer.bin == BIN
    assert transfer.account == ACCOUNT


# Independent readers and writers


@given(bins, accounts, amounts, memos)
def test_independent_libraries_read_the_same(
    bin: str, account: str, amount: Dong | None, memo: str | None
) -> None:
    """Two libraries that share no code with ours, or each other, read what we wrote."""
    payload = encode(bin=bin, account=account, amount=amount, memo=memo)
    digits = None if amount is None else str(amount)

    one = vietnam_qr_pay.QRPay(payload)
    assert one.is_valid
    assert (one.consumer.bank_bin, one.consumer.bank_number) == (bin, account)
    assert (one.amount, one.additional_data.purpose) == (digits, memo)
    assert (one.provider.service, one.currency, one.nation) == ("QRIBFTTA", "704", "VN")

    two = qr_pay.decode(payload)
    assert (two["bin_id"], two["consumer_id"]) == (bin, account)
    assert (two["transaction_amount"], two.get("purpose_of_transaction")) == (
        digits,
        memo,
    )
    assert two["point_of_initiation_method"] == ("11" if amount is None else "12")


@given(bins, accounts, amounts, memos)
def test_independent_libraries_write_the_same(
    bin: str, account: str, amount: Dong | None, memo: str | None
) -> None:
    """From the same content other writers make the same string, character by character."""
    payload = encode(bin=bin, account=account, amount=amount, memo=memo)
    digits = None if amount is None else str(amount)
    other = vietnam_qr_pay.QRPay.init_viet_qr(bin, account, digits, memo)
    assert other.build() == payload
    if amount is not None and memo is not None:
        assert vnqr.generate_vietqr_string(bin, account, int(amount), memo) == payload


def test_a_code_carries_its_reference() -> None:
    """The reference put into the memo is the one that is found in it."""
    code = references.make()
    memo = decode(a_code(memo=code)).memo
    assert memo is not None
    assert [one.code for one in references.find(memo)] == [code]
