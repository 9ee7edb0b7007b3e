"""A payer's order as a request tells it: by a QR code, or by account and amount."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sandbox import faults, memos
from sandbox.accounts import Bank, Party
from sandbox.refusals import Wrong
from sandbox.scanning import read_code
from sandbox.transfers import Order
from sandbox.web.fields import Fields, NotAText

LONGEST_QR: Final = 1_000
_LONGEST_NAME: Final = 70
_MOST_SECONDS: Final = 7 * 24 * 3600
_NOT_TOLD: Final = -1


class EitherQrOrAccount(Wrong):
    """An order names its receiver twice, or not at all."""

    code = "either_qr_or_account"


class MissingAmount(Wrong):
    """A code without an amount, and nobody said how much."""

    code = "missing_amount"


def read_order(told: Fields, *, bank: Bank, now: datetime) -> Order:
    """The order in a request's fields; what it leaves open is drawn by lot later.

    An amount or a memo told beside a QR code takes the place of the code's own. Raises refusals.
    """
    by_code = told.has("qr")
    if by_code == told.has("account"):
        raise EitherQrOrAccount(pointer="/qr")
    order = _by_code(told, bank, now) if by_code else _by_account(told, bank, now)
    told.end()
    return order


def _by_code(told: Fields, bank: Bank, now: datetime) -> Order:
    code = read_code(told.raw("qr", longest=LONGEST_QR))
    asked = None if code.amount is None else int(code.amount)
    amount = told.whole("amount", default=asked or _NOT_TOLD)
    if amount == _NOT_TOLD:
        raise MissingAmount(pointer="/amount")
    return _order(
        told,
        now,
        receiver=(bank, code.account, code.bin),
        amount=amount,
        memo=told.text("memo", default=code.memo or ""),
    )


def _by_account(told: Fields, bank: Bank, now: datetime) -> Order:
    number, bin = told.account_number("account"), told.bin("bin")
    return _order(
        told,
        now,
        receiver=(bank, number, bin),
        amount=told.whole("amount"),
        memo=told.text("memo", default=""),
    )


def _order(
    told: Fields, now: datetime, *, receiver: tuple[Bank, str, str], amount: int, memo: str
) -> Order:
    bank, number, bin = receiver
    seconds = told.whole("late_seconds", least=0, most=_MOST_SECONDS, default=_NOT_TOLD)
    return Order(
        account=bank.account(number, bin=bin),
        amount=amount,
        memo=memo,
        at=told.instant("at", default=now),
        payer=read_payer(told.fields("payer")),
        via=told.choice("via", memos.VIAS) if told.has("via") else None,
        faults=faults.read(told.texts("faults")),
        late_seconds=None if seconds == _NOT_TOLD else seconds,
    )


def read_payer(told: Fields | None) -> Party | None:
    """The payer an order or a line names, if it names one."""
    if told is None:
        return None
    name = memos.fold(told.text("name", longest=_LONGEST_NAME)).upper().strip()
    if not name:
        raise NotAText(pointer=told.pointer("name"), limit=_LONGEST_NAME)
    payer = Party(
        name=name,
        account=told.account_number("account"),
        bin=told.bin("bin") if told.has("bin") else "",
    )
    told.end()
    return payer
