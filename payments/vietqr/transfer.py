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
    Parts,
    Reason,
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

_STATIC: Final = "11"
_DYNAMIC: Final = "12"
_DONG: Final = "704"
_VIETNAM: Final = "VN"

_BIN: Final = re.compile(r"[0-9]{6}")
_ACCOUNT: Final = re.compile(rf"[0-9A-Za-z]{{1,{LONGEST_ACCOUNT}}}")
_MEMO: Final = re.compile(rf"[ -~]{{1,{LONGEST_MEMO}}}")
_AMOUNT: Final = re.compile(r"([0-9]+)\.?")

_KNOWN: Final = frozenset({"00", "01", "38", "53", "54", "58", "59", "60", "62", "63"})

_SERVICES_OF_OTHERS: Final = {"QRPUSH": "NAPAS QRPUSH", "QRCASH": "NAPAS QRCASH"}
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
    """What a VietQR code asks for. `others` are root objects without meaning here, as (ID, value)."""

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


def encode(
    *, bin: str, account: str, amount: Dong | None = None, memo: str | None = None
) -> str:
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
    parts = open_code(text)
    _only(parts, "00", "01")
    account_information = parts.get("38")
    if account_information is None:
        raise _other_scheme(parts)
    bin, account, service = _beneficiary(account_information)
    method = _only(parts, "01", _STATIC, _DYNAMIC)
    _only(parts, "53", _DONG)
    _only(parts, "58", _VIETNAM)
    labels = {} if "62" not in parts else open_template(parts["62"])
    return Transfer(
        bin=bin,
        account=account,
        service=service,
        amount=_amount(parts.get("54")),
        memo=_value(labels, "08"),
        dynamic=method == _DYNAMIC,
        bill=_value(labels, "01"),
        mobile=_value(labels, "02"),
        store=_value(labels, "03"),
        loyalty=_value(labels, "04"),
        reference=_value(labels, "05"),
        customer=_value(labels, "06"),
        terminal=_value(labels, "07"),
        name=_value(parts, "59"),
        city=_value(parts, "60"),
        others=tuple(
            (id_, part.value) for id_, part in parts.items() if id_ not in _KNOWN
        ),
    )


def _check(*, bin: str, account: str, amount: Dong | None, memo: str | None) -> None:
    if not _BIN.fullmatch(bin):
        raise WrongBin(bin=bin[:19])
    if not _ACCOUNT.fullmatch(account):
        raise WrongAccountNumber(length=len(account), limit=LONGEST_ACCOUNT)
    if amount is not None and amount <= ZERO:
        raise NotAnAmount(text=str(amount))
    if amount is not None and amount >= QR_LIMIT:
        raise AmountOverQrLimit(amount=amount, limit=QR_LIMIT)
    if memo is not None and not _MEMO.fullmatch(memo):
        raise WrongMemo(length=len(memo), limit=LONGEST_MEMO)


def _beneficiary(part: Part) -> tuple[str, str, str]:
    inside = open_template(part)
    scheme = _required(inside, "00", within=part)
    if scheme.value != NAPAS:
        name = _SCHEMES.get(scheme.value, scheme.value)
        raise OtherScheme(Reason.SCHEME, scheme.position, scheme=name)
    whom = _required(inside, "01", within=part)
    service = _service(_required(inside, "02", within=part))
    named = open_template(whom)
    bin = _matching(_required(named, "00", within=whom), _BIN, "38-01-00")
    account = _matching(_required(named, "01", within=whom), _ACCOUNT, "38-01-01")
    for identifier, extra in named.items():
        if identifier not in ("00", "01"):
            raise WrongContent(
                Reason.UNEXPECTED, extra.position, object=f"38-01-{identifier}"
            )
    return bin, account, service


def _service(part: Part) -> str:
    if part.value in _SERVICES_OF_OTHERS:
        raise OtherScheme(
            Reason.SCHEME, part.position, scheme=_SERVICES_OF_OTHERS[part.value]
        )
    if part.value not in (TO_ACCOUNT, TO_CARD):
        raise WrongContent(Reason.VALUE, part.position, object="38-02")
    return part.value


def _amount(part: Part | None) -> Dong | None:
    if part is None:
        return None
    digits = _AMOUNT.fullmatch(part.value)
    if digits is None or len(part.value) > 13 or int(digits[1]) == 0:
        raise WrongContent(Reason.VALUE, part.position, object="54")
    return Dong(int(digits[1]))


def _other_scheme(parts: Parts) -> OtherScheme | WrongContent:
    for identifier, part in parts.items():
        if "02" <= identifier <= "51":
            return OtherScheme(
                Reason.SCHEME, part.position, scheme=_scheme(identifier, part)
            )
    return WrongContent(Reason.MISSING, 0, object="38")


def _scheme(identifier: str, part: Part) -> str:
    for last, network in _NETWORKS:
        if identifier <= last:
            return network
    guid = open_template(part).get("00")
    return identifier if guid is None else _SCHEMES.get(guid.value, guid.value)


def _only(parts: Parts, identifier: str, *allowed: str) -> str:
    part = parts.get(identifier)
    if part is None:
        raise WrongContent(Reason.MISSING, 0, object=identifier)
    if part.value not in allowed:
        raise WrongContent(Reason.VALUE, part.position, object=identifier)
    return part.value


def _required(inside: Parts, identifier: str, *, within: Part) -> Part:
    part = inside.get(identifier)
    if part is None:
        raise WrongContent(Reason.MISSING, within.position, object=identifier)
    return part


def _matching(part: Part, pattern: re.Pattern[str], name: str) -> str:
    if not pattern.fullmatch(part.value):
        raise WrongContent(Reason.VALUE, part.position, object=name)
    return part.value


def _value(parts: Parts, identifier: str) -> str | None:
    part = parts.get(identifier)
    return None if part is None else part.value
