"""A payment from the payer's word to the bank's books, with whatever is to go wrong on the way.

Also what moves money without a payer: a credit taken back, a charge, interest, a line nobody told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Final

from sandbox import memos
from sandbox.accounts import LONGEST_TEXT, Account, Bank, Direction, Draft, Kind, Movement, Party
from sandbox.callbacks import Courier, Manner, Proof, Timing
from sandbox.faults import Fault, another_amount
from sandbox.payers import a_payer
from sandbox.refusals import Conflict


class NoOtherAccount(Conflict):
    """Money can go to a wrong account only where the bank keeps a second one."""

    code = "no_other_account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a payer asks of the bank; what is None is drawn by lot."""

    account: Account
    amount: int
    memo: str
    at: datetime
    payer: Party | None = None
    via: str | None = None
    faults: frozenset[Fault] = frozenset()
    late_seconds: int | None = None


_TIMINGS: Final = {
    Fault.CALLBACK_LOST: Timing.LOST,
    Fault.CALLBACK_LATE: Timing.LATE,
    Fault.CALLBACK_OUT_OF_ORDER: Timing.AFTER_NEXT,
}
_PROOFS: Final = {Fault.STALE_TIMESTAMP: Proof.STALE, Fault.BAD_SIGNATURE: Proof.FORGED}


@dataclass(frozen=True, slots=True)
class Teller:
    """Moves money: books it, and has the courier tell of it."""

    bank: Bank
    courier: Courier
    chance: Random

    def pay(self, order: Order) -> Movement:
        """Carries the order out, faults included, and returns what was booked.

        Raises `NoOtherAccount` or `UnknownVia`, before anything moved.
        """
        payer = order.payer or a_payer(self.chance)
        via = order.via or memos.a_via(self.chance)
        account = self._receiver(order)
        amount = order.amount
        if Fault.WRONG_AMOUNT in order.faults:
            amount = another_amount(amount, chance=self.chance)
        memo = self._memo_sent(order, payer)
        sent = memos.Transfer(memo, payer, account, order.at, self.chance)
        draft = Draft(
            account=account,
            kind=Kind.PAYMENT,
            direction=Direction.CREDIT,
            amount=amount,
            booked_at=order.at,
            memo=memos.as_booked(sent, via=via),
            intended_memo=order.memo,
            other_side=payer,
            on_statement=Fault.MISSING_STATEMENT_LINE not in order.faults,
            told_amount=self._told(amount, order.faults),
            via=via,
            faults=tuple(sorted(order.faults)),
        )
        movement = self.bank.book(draft)
        self.courier.tell(movement, manner_of(order))
        return movement

    def reverse(self, movement_id: int, *, at: datetime) -> Movement:
        """Takes a credit back; only the bank's own protocol tells of it."""
        reversal = self.bank.reverse(movement_id, at=at)
        self.courier.tell(reversal, Manner())
        return reversal

    def add_line(self, line: Draft) -> Movement:
        """Books a line that nobody is told of but by the statement: a charge, interest, an odd one.

        Raises `BalanceTooLow` for a debit beyond the balance.
        """
        text = memos.fold(line.memo)[:LONGEST_TEXT].strip()
        return self.bank.book(replace(line, memo=text, intended_memo=line.memo))

    def _receiver(self, order: Order) -> Account:
        if Fault.WRONG_ACCOUNT not in order.faults:
            return order.account
        others = [one for one in self.bank.accounts() if one.number != order.account.number]
        if not others:
            raise NoOtherAccount(pointer="/faults", number=order.account.number)
        return self.chance.choice(others)

    def _memo_sent(self, order: Order, payer: Party) -> str:
        """The memo as it leaves the payer's bank, before it is wrapped."""
        memo = memos.fold(order.memo).strip()
        if not memo or Fault.MEMO_MISSING in order.faults:
            return memos.forgotten(payer)
        if Fault.MEMO_CUT in order.faults:
            return memos.cut(memo, chance=self.chance)
        if Fault.MEMO_SPLIT in order.faults:
            return memos.split(memo, chance=self.chance)
        if Fault.MEMO_DAMAGED in order.faults:
            return memos.damage(memo, chance=self.chance)
        return memo

    def _told(self, amount: int, faults: frozenset[Fault]) -> int | None:
        if Fault.CALLBACK_AMOUNT_DIFFERS not in faults:
            return None
        return another_amount(amount, chance=self.chance)


def manner_of(order: Order) -> Manner:
    """How the order's faults want it told."""
    faults = order.faults
    return Manner(
        timing=next((_TIMINGS[fault] for fault in faults if fault in _TIMINGS), Timing.NOW),
        late_seconds=order.late_seconds,
        copies=2 if Fault.CALLBACK_DOUBLED in faults else 1,
        proof=next((_PROOFS[fault] for fault in faults if fault in _PROOFS), Proof.GOOD),
    )
