"""Taking payment files in: checked, carried out once, and what became of each payment.

A file is refused whole: when it was seen before, when its account is none of this bank's, when the
account does not hold what it orders. A payment is refused by itself when nobody knows the bank it
is for. What is carried out is a debit of its own on the account; money that comes back is a credit
with the same text and the reason, told by a callback as every credit is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from random import Random
from threading import Lock
from typing import Final

from sandbox import memos
from sandbox.accounts import (
    BANK_NAMES,
    LONGEST_TEXT,
    Account,
    Bank,
    Direction,
    Draft,
    Kind,
    Movement,
    Party,
)
from sandbox.callbacks import Courier, Manner
from sandbox.clock import VIETNAM, bank_day
from sandbox.payment_files import faults, pain001
from sandbox.payment_files.faults import PaymentFault
from sandbox.payment_files.pain001 import Payment, PaymentFile
from sandbox.refusals import Conflict, Unknown

WRONG_ACCOUNT: Final = "SAI SO TK"
WRONG_NAME: Final = "SAI TEN NGUOI HUONG"
UNKNOWN_BANK: Final = "KHONG CO NGAN HANG NAY"
"""Reasons, as banks print them."""

_DAY: Final = timedelta(days=1)
_RETURNS: Final = {
    PaymentFault.RETURNED_SAME_DAY: (WRONG_ACCOUNT, timedelta()),
    PaymentFault.RETURNED_NEXT_DAY: (WRONG_NAME, _DAY),
}
"""Why money comes back, and how many days after."""

_OPENS: Final = time(8, 0, tzinfo=VIETNAM)
_COMES_BACK: Final = timedelta(hours=1)
_LAST: Final = time(23, 59, 59, tzinfo=VIETNAM)
_VIAS: Final = ("ibbiz", "mbbiz", "napas", "napas_ft_before", "napas_ft_after", "mbvcb", "plain")
"""How the text of a customer's own transfer is wrapped; each leaves a code whole."""


class FileSeenBefore(Conflict):
    """A file with this message number was taken: carrying it out again would pay twice."""

    code = "file_seen_before"


class UnknownPaymentFile(Unknown):
    """A payment file this bank never took."""

    code = "unknown_payment_file"


class State(StrEnum):
    """What became of a payment."""

    EXECUTED = "executed"
    REFUSED = "refused"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a payment: its movements, and why it was refused or came back."""

    payment: Payment
    state: State
    faults: frozenset[PaymentFault]
    reason: str | None = None
    movements: Sequence[Movement] = ()


@dataclass(frozen=True, slots=True)
class Received:
    """A file as it was taken, with the result of each of its payments, in order."""

    id: int
    file: PaymentFile
    account: Account
    received_at: datetime
    results: Sequence[Result]


class PaymentFileService:
    """The files that were taken, by number; used by many threads."""

    def __init__(self, bank: Bank, courier: Courier, chance: Random) -> None:
        self._bank = bank
        self._courier = courier
        self._chance = chance
        self._received: list[Received] = []
        self._lock = Lock()

    def take(self, content: bytes, *, at: datetime, asked: Mapping[PaymentFault, str]) -> Received:
        """Carries a file out, not before its day; nothing of it where it is refused.

        `asked` names what goes wrong, by the places of payments. Raises `NotAPaymentFile`,
        `ControlTotalsDiffer`, `PaymentTwice`, `FileSeenBefore`, `UnknownAccount`, `BalanceTooLow`,
        `NotAPlace` or `ContradictoryFaults`.
        """
        file = pain001.read(content)
        wrong = faults.read(asked, count=len(file.payments))
        account = self._bank.account(file.account, bin=file.bin)
        with self._lock:
            if any(one.file.message_id == file.message_id for one in self._received):
                raise FileSeenBefore(file=file.message_id)
            received = Received(
                id=len(self._received) + 1,
                file=file,
                account=account,
                received_at=at,
                results=self._carry_out(account, file, wrong, at=_not_before(file, at)),
            )
            self._received.append(received)
        for result in received.results:
            for movement in result.movements:
                self._courier.tell(movement, Manner())
        return received

    def received(self) -> list[Received]:
        """Every file that was taken, newest first."""
        with self._lock:
            return self._received[::-1]

    def one(self, file_id: int) -> Received:
        """The file of that number. Raises `UnknownPaymentFile`."""
        with self._lock:
            if not 1 <= file_id <= len(self._received):
                raise UnknownPaymentFile(number=str(file_id))
            return self._received[file_id - 1]

    def _carry_out(
        self,
        account: Account,
        file: PaymentFile,
        wrong: Sequence[frozenset[PaymentFault]],
        *,
        at: datetime,
    ) -> Sequence[Result]:
        refused = [_refusal(one, faults) for one, faults in zip(file.payments, wrong, strict=True)]
        debits = [
            [] if reason else self._debits(account, payment, faults, at=at)
            for payment, faults, reason in zip(file.payments, wrong, refused, strict=True)
        ]
        booked = iter(self._bank.book_all([draft for drafts in debits for draft in drafts]))
        return [
            self._result(payment, faults, reason, [next(booked) for _ in drafts])
            for payment, faults, reason, drafts in zip(
                file.payments, wrong, refused, debits, strict=True
            )
        ]

    def _debits(
        self, account: Account, payment: Payment, wrong: frozenset[PaymentFault], *, at: datetime
    ) -> list[Draft]:
        text = memos.fold(payment.text).strip()
        if PaymentFault.CODE_CUT in wrong:
            text = memos.cut(text, chance=self._chance)
        if PaymentFault.EXECUTED_LATE in wrong:
            at = datetime.combine(bank_day(at) + _DAY, _OPENS)
        us = Party(name=account.name, account=account.number, bin=account.bin)
        payee = Account(bin=payment.to.bin, number=payment.to.account, name=payment.to.name)
        via = self._chance.choice(_VIAS)
        sent = memos.Transfer(text, us, payee, at, self._chance)
        draft = Draft(
            account=account,
            kind=Kind.TRANSFER,
            direction=Direction.DEBIT,
            amount=payment.amount,
            booked_at=at,
            memo=memos.as_booked(sent, via=via),
            intended_memo=payment.text,
            other_side=payment.to,
            via=via,
            faults=tuple(sorted(wrong)),
        )
        return [draft] * (2 if PaymentFault.EXECUTED_TWICE in wrong else 1)

    def _result(
        self,
        payment: Payment,
        wrong: frozenset[PaymentFault],
        reason: str | None,
        left: Sequence[Movement],
    ) -> Result:
        if reason is not None:
            return Result(payment, State.REFUSED, wrong, reason)
        why = next((_RETURNS[fault] for fault in wrong if fault in _RETURNS), None)
        if why is None:
            return Result(payment, State.EXECUTED, wrong, movements=left)
        back = self._bank.book(_coming_back(left[0], reason=why[0], next_day=why[1]))
        return Result(payment, State.RETURNED, wrong, why[0], [*left, back])


def _refusal(payment: Payment, wrong: frozenset[PaymentFault]) -> str | None:
    """Why a payment never leaves, if it does not."""
    if payment.to.bin not in BANK_NAMES:
        return UNKNOWN_BANK
    return WRONG_ACCOUNT if PaymentFault.REFUSED in wrong else None


def _not_before(file: PaymentFile, at: datetime) -> datetime:
    """When the file is carried out: at once, or at the opening of the day it names."""
    return max(at, datetime.combine(file.execute_on, _OPENS))


def _coming_back(left: Movement, *, reason: str, next_day: timedelta) -> Draft:
    """The credit by which a payment comes back: an hour later that day, or the day after."""
    sent = left.draft
    closing = datetime.combine(bank_day(sent.booked_at), _LAST)
    text = f"HOAN TRA GD {left.bank_reference} {reason} {sent.memo}"
    return Draft(
        account=left.account,
        kind=Kind.RETURN,
        direction=Direction.CREDIT,
        amount=sent.amount,
        booked_at=min(sent.booked_at + _COMES_BACK, closing) + next_day,
        memo=text[:LONGEST_TEXT],
        other_side=sent.other_side,
        faults=sent.faults,
    )
