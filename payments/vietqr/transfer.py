"""A VietQR transfer: to which account, how much, with which memo.

What NAPAS puts into a payment code: object 38 names the beneficiary's bank (BIN) and account, 54
the amount, 62-08 the memo that reaches the statement. Writing is strict. Reading is tolerant where
banks are: objects in any order, a lower-case checksum, a `.` after the amount, objects nobody
asked for, names and memos longer than the document allows.

Source: NAPAS VietQR v1.0, tables 1 to 4; State Bank letter 1589/NHNN-TT for BINs of six digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from payments.core.errors import Invalid
from payments.core.money import QR_LIMIT, ZERO, Dong, NotAnAmount
from payments.vietqr.objects import (
    OtherScheme,
    Part,
    Reason,
    Template,
    WrongContent,
    close,
    open_code,
    open_template,
    write,
)

NAPAS: Final = "A000000727"
TO_ACCOUNT: Final = "QRIBFTTA"
TO_CARD: Final = "QRIBFTTC"
LONGEST_MEMO: Final = 25
LONGEST_ACCOUNT: Final = 19
LONGEST_AMOUNT: Final = 13

_STATIC: Final = "11"
_DYNAMIC: Final = "12"
_DONG: Final = "704"
_VIETNAM: Final = "VN"

_BIN: Final = re.compile(r"[0-9]{6}")
_ACCOUNT: Final = re.compile(rf"[0-9A-Za-z]{{1,{LONGEST_ACCOUNT}}}")
_MEMO: Final = re.compile(rf"[ -~]{{1,{LONGEST_MEMO}}}")
_AMOUNT: Final = re.compile(r"([0-9]+)\.?")

_ROOT: Final = frozenset(("00", "01", "38", "53", "54", "58", "59", "60", "62", "63"))
_TRANSFER: Final = frozenset(("00", "01", "02"))
_BENEFICIARY: Final = frozenset(("00", "01"))
_LABELS: Final = frozenset(("01", "02", "03", "04", "05", "06", "07", "08"))

_OTHER_SERVICES: Final = ("QRPUSH", "QRCASH")
"""NAPAS services that are not a transfer: payment by token, cash from a machine."""

_SCHEMES: Final = {"A000000775": "VNPAY-QR"}
_NETWORKS: Final = (
    ("03", "Visa"),
    ("05", "Mastercard"),
    ("08", "EMVCo"),
    ("10", "Discover"),
    ("12", "American Express"),
    ("14", "JCB"),
    ("16", "UnionPay"),
    ("25", "EMVCo"),
)
"""Card networks by the last object ID that EMVCo gives them, from 02."""


class WrongBin(Invalid):
    """A bank is named by exactly six digits."""

    code = "wrong_bin"


class WrongAccountNumber(Invalid):
    """An account in a VietQR code has 1 to 19 letters and digits."""

    code = "wrong_account_number"


class WrongMemo(Invalid):
    """A memo in a VietQR code has 1 to 25 printable ASCII characters."""

    code = "wrong_memo"


class AmountOverQrLimit(Invalid):
    """One transfer by QR stays below 500 million đồng (NAPAS VietQR v1.0, 8.1.1)."""

    code = "amount_over_qr_limit"


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a VietQR code asks for; a `dynamic` code is for one payment.

    `others` keeps what the code says besides, as (ID, value): `("80", "123")`, `("62-09", "A")`.
    """

    bin: str
    account: str
    amount: Dong | None
    memo: str | None
    service: str = TO_ACCOUNT
    dynamic: bool = True
    bill: str | None = None
    name: str | None = None
    city: str | None = None
    reference: str | None = None
    store: str | None = None
    terminal: str | None = None
    customer: str | None = None
    mobile: str | None = None
    loyalty: str | None = None
    others: tuple[tuple[str, str], ...] = ()


def encode(*, bin: str, account: str, amount: Dong | None = None, memo: str | None = None) -> str:
    """The text of a VietQR code that asks for a transfer to an account.

    With an amount it is dynamic (one payment), without one static (any number of payments).
    Raises `WrongBin`, `WrongAccountNumber`, `NotAnAmount`, `AmountOverQrLimit`, `WrongMemo`.
    """
    _check(bin=bin, account=account, amount=amount, memo=memo)
    beneficiary = write("00", bin) + write("01", account)
    return close(
        write("00", "01")
        + write("01", _STATIC if amount is None else _DYNAMIC)
        + write(
            "38",
            write("00", NAPAS) + write("01", beneficiary) + write("02", TO_ACCOUNT),
        )
        + write("53", _DONG)
        + ("" if amount is None else write("54", str(amount)))
        + write("58", _VIETNAM)
        + ("" if memo is None else write("62", write("08", memo)))
    )


def decode(text: str) -> Transfer:
    """The transfer that the text of a QR code asks for.

    Raises `UnreadableQR`: `BrokenStructure`, `WrongChecksum`, `OtherScheme` for a good code of
    VNPAY, Visa and others, or `WrongContent`; each with a stable `reason` and the `position`.
    """
    root = open_code(text)
    _only(root, "00", "01")
    if "38" not in root.parts:
        raise _other_scheme(root)
    whom = _open_transfer(root.parts["38"])
    bin, account = _beneficiary(whom.required("01"))
    method = _only(root, "01", _STATIC, _DYNAMIC)
    _only(root, "53", _DONG)
    _only(root, "58", _VIETNAM)
    labels = open_template(root.parts.get("62", Part("62", "", 0)))
    return Transfer(
        bin=bin,
        account=account,
        service=_only(whom, "02", TO_ACCOUNT, TO_CARD),
        amount=_amount(root.parts.get("54")),
        memo=labels.text("08"),
        dynamic=method == _DYNAMIC,
        bill=labels.text("01"),
        mobile=labels.text("02"),
        store=labels.text("03"),
        loyalty=labels.text("04"),
        reference=labels.text("05"),
        customer=labels.text("06"),
        terminal=labels.text("07"),
        name=root.text("59"),
        city=root.text("60"),
        others=_others(root.besides(_ROOT), whom.besides(_TRANSFER), labels.besides(_LABELS)),
    )


def _check(*, bin: str, account: str, amount: Dong | None, memo: str | None) -> None:
    if not _BIN.fullmatch(bin):
        raise WrongBin(length=len(bin))
    if not _ACCOUNT.fullmatch(account):
        raise WrongAccountNumber(length=len(account), limit=LONGEST_ACCOUNT)
    if amount is not None and amount <= ZERO:
        raise NotAnAmount(text=str(amount))
    if amount is not None and amount >= QR_LIMIT:
        raise AmountOverQrLimit(amount=amount, limit=QR_LIMIT)
    if memo is not None and not _MEMO.fullmatch(memo):
        raise WrongMemo(length=len(memo), limit=LONGEST_MEMO)


def _open_transfer(part: Part) -> Template:
    """Object 38, which belongs to NAPAS's transfer service, or to another scheme."""
    inside = open_template(part)
    scheme, service = inside.required("00"), inside.text("02")
    if scheme.value != NAPAS:
        raise _named_scheme(scheme)
    if service in _OTHER_SERVICES:
        raise OtherScheme(Reason.SCHEME, inside.parts["02"].position, scheme=f"NAPAS {service}")
    return inside


def _beneficiary(part: Part) -> tuple[str, str]:
    inside = open_template(part)
    for extra in inside.besides(_BENEFICIARY):
        raise WrongContent(Reason.UNEXPECTED, extra.position, object=extra.path)
    bin, account = inside.required("00"), inside.required("01")
    return _matching(bin, _BIN), _matching(account, _ACCOUNT)


def _matching(part: Part, rule: re.Pattern[str]) -> str:
    if not rule.fullmatch(part.value):
        raise WrongContent(Reason.VALUE, part.position, object=part.path)
    return part.value


def _amount(part: Part | None) -> Dong | None:
    if part is None:
        return None
    digits = _AMOUNT.fullmatch(part.value)
    if digits is None or len(part.value) > LONGEST_AMOUNT or int(digits[1]) == 0:
        raise WrongContent(Reason.VALUE, part.position, object=part.path)
    return Dong(int(digits[1]))


def _only(template: Template, identifier: str, *allowed: str) -> str:
    part = template.required(identifier)
    if part.value not in allowed:
        raise WrongContent(Reason.VALUE, part.position, object=part.path)
    return part.value


def _others(*groups: list[Part]) -> tuple[tuple[str, str], ...]:
    return tuple((part.path, part.value) for group in groups for part in group)


def _other_scheme(root: Template) -> OtherScheme | WrongContent:
    for identifier, part in root.parts.items():
        if "02" <= identifier <= "25":
            network = next(name for last, name in _NETWORKS if identifier <= last)
            return OtherScheme(Reason.SCHEME, part.position, scheme=network)
        if "26" <= identifier <= "51":
            return _named_scheme(open_template(part).required("00"))
    return WrongContent(Reason.MISSING, root.position, object="38")


def _named_scheme(identifier: Part) -> OtherScheme:
    name = _SCHEMES.get(identifier.value, identifier.value)
    return OtherScheme(Reason.SCHEME, identifier.position, scheme=name)
