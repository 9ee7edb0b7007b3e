"""The bank's books: accounts and what moved on them.

One bank here plays many: an account stands under any BIN, as the real ones a treasury collects on.
A movement with `on_statement` False was told to somebody and never booked, so it is no part of any
balance. Everything is in memory and is forgotten with the process; one lock guards it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import uuid4

from sandbox.clock import bank_day
from sandbox.refusals import Conflict, Unknown

VIETCOMBANK: Final = "970436"

LONGEST_TEXT: Final = 140
"""A line of a statement carries so many characters of memo (ISO 20022 Max140Text)."""

BANK_NAMES: Final = {
    "970403": "Sacombank",
    "970405": "Agribank",
    "970407": "Techcombank",
    "970415": "VietinBank",
    "970416": "ACB",
    "970418": "BIDV",
    "970422": "MBBank",
    "970423": "TPBank",
    "970432": "VPBank",
    "970436": "Vietcombank",
    "970441": "VIB",
    "970448": "OCB",
}
"""Short names as gateways write them, by BIN; any other bank is called by its BIN."""


class UnknownAccount(Unknown):
    """An account nobody registered here."""

    code = "unknown_account"


class UnknownMovement(Unknown):
    """A movement this bank never booked."""

    code = "unknown_movement"


class AccountExists(Conflict):
    """The number is registered with another BIN, name, opening balance or option."""

    code = "account_exists"


class NotReversible(Conflict):
    """Only a credit that stands on the statement can be taken back, and only once."""

    code = "not_reversible"


class BalanceTooLow(Conflict):
    """A debit that would leave the account below zero."""

    code = "balance_too_low"


class Kind(StrEnum):
    """Why money moved."""

    PAYMENT = "payment"
    REVERSAL = "reversal"
    CHARGE = "charge"
    INTEREST = "interest"
    EXTRA_LINE = "extra_line"
    TRANSFER = "transfer"  # out of the account, by a payment file
    RETURN = "return"  # such a transfer, come back


class Direction(StrEnum):
    """Which way it moved, seen from the account."""

    CREDIT = "credit"
    DEBIT = "debit"


@dataclass(frozen=True, slots=True)
class Party:
    """The other side of a movement, as a bank names it: capitals without accents."""

    name: str
    account: str
    bin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account; `opening_balance` is what it held before anything moved, in đồng.

    `short_references`: gateways tell its movements by four digits, as at ACB.
    """

    bin: str
    number: str
    name: str
    opening_balance: int = 0
    short_references: bool = False

    @property
    def bank_name(self) -> str:
        """The short name of the bank it stands at."""
        return BANK_NAMES.get(self.bin, self.bin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A movement before it is booked; `told_amount` is what messages say, None for the truth."""

    account: Account
    kind: Kind
    direction: Direction
    amount: int
    booked_at: datetime
    memo: str
    intended_memo: str = ""
    other_side: Party | None = None
    reverses: str | None = None
    on_statement: bool = True
    told_amount: int | None = None
    via: str | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A booked movement; `event_id` is the same in every message and list that tells of it."""

    id: int
    event_id: str
    bank_reference: str
    balance: int
    draft: Draft

    @property
    def account(self) -> Account:
        """The account it moved on."""
        return self.draft.account

    @property
    def credit(self) -> bool:
        """Whether it raised the balance."""
        return self.draft.direction is Direction.CREDIT

    @property
    def change(self) -> int:
        """The amount, below zero if it lowers the balance."""
        return self.draft.amount if self.credit else -self.draft.amount

    @property
    def told_amount(self) -> int:
        """The amount that messages tell."""
        told = self.draft.told_amount
        return self.draft.amount if told is None else told


class Bank:
    """Accounts by number and their movements in the order of booking; safe under threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._accounts: dict[str, Account] = {}
        self._balances: dict[str, int] = {}
        self._movements: list[Movement] = []
        self._by_account: defaultdict[str, list[Movement]] = defaultdict(list)
        self._issued: defaultdict[tuple[str, date], int] = defaultdict(int)
        self._reversed: set[int] = set()

    def register(self, account: Account) -> Account:
        """Opens an account; the same one again is no error. Raises `AccountExists`."""
        with self._lock:
            present = self._accounts.setdefault(account.number, account)
            if present != account:
                raise AccountExists(pointer="/number", number=account.number)
            self._balances.setdefault(account.number, account.opening_balance)
            return present

    def accounts(self) -> list[Account]:
        """Every account, in the order of opening."""
        with self._lock:
            return list(self._accounts.values())

    def account(self, number: str, *, bin: str | None = None) -> Account:
        """That account, at that bank where one is named. Raises `UnknownAccount`."""
        with self._lock:
            account = self._accounts.get(number)
        if account is None or bin not in (None, account.bin):
            raise UnknownAccount(pointer="/account", number=number)
        return account

    def balance(self, account: Account) -> int:
        """What the account holds now, in đồng: its opening balance and all that was booked."""
        with self._lock:
            return self._balances[account.number]

    def book(self, draft: Draft) -> Movement:
        """Books a movement and names it. Raises `BalanceTooLow`."""
        with self._lock:
            balance = self._balance_after(draft)
            movement = Movement(
                id=len(self._movements) + 1,
                event_id=uuid4().hex,
                bank_reference=self._next_reference(draft.account, bank_day(draft.booked_at)),
                balance=balance,
                draft=draft,
            )
            self._balances[draft.account.number] = balance
            self._movements.append(movement)
            self._by_account[draft.account.number].append(movement)
            return movement

    def book_all(self, drafts: Sequence[Draft]) -> list[Movement]:
        """Books debits of one account, all or none of them. Raises `BalanceTooLow`."""
        with self._lock:
            if drafts:
                together = replace(drafts[0], amount=sum(one.amount for one in drafts))
                self._balance_after(together)
            return [self.book(one) for one in drafts]

    def reverse(self, movement_id: int, *, at: datetime) -> Movement:
        """Takes a credit back by a debit line that names its bank reference.

        Raises `UnknownMovement` or `NotReversible`.
        """
        with self._lock:
            original = self.movement(movement_id)
            taken = original.draft
            if not (original.credit and taken.on_statement) or movement_id in self._reversed:
                raise NotReversible(pointer="/movement", number=str(movement_id))
            reversal = self.book(_taking_back(original, at=at))
            self._reversed.add(movement_id)
            return reversal

    def movement(self, movement_id: int) -> Movement:
        """The movement of that number. Raises `UnknownMovement`."""
        with self._lock:
            if not 1 <= movement_id <= len(self._movements):
                raise UnknownMovement(pointer="/movement", number=str(movement_id))
            return self._movements[movement_id - 1]

    def movements(self, account: Account, *, after: int = 0) -> Sequence[Movement]:
        """The account's movements with a greater number than `after`, oldest first."""
        with self._lock:
            return [one for one in self._by_account[account.number] if one.id > after]

    def latest(self, count: int) -> list[Movement]:
        """The `count` movements booked last, newest first."""
        with self._lock:
            return self._movements[: -count - 1 : -1]

    def is_reversed(self, movement: Movement) -> bool:
        """Whether the bank took it back."""
        with self._lock:
            return movement.id in self._reversed

    def _balance_after(self, draft: Draft) -> int:
        balance = self._balances[draft.account.number]
        if not draft.on_statement:
            return balance
        if draft.direction is Direction.CREDIT:
            return balance + draft.amount
        if draft.amount > balance:
            raise BalanceTooLow(pointer="/amount", balance=balance)
        return balance - draft.amount

    def _next_reference(self, account: Account, day: date) -> str:
        """The bank's name for a movement: unique at its bank, in the shape its bank writes."""
        self._issued[account.bin, day] += 1
        count = self._issued[account.bin, day]
        if account.bin == VIETCOMBANK:
            thousands, rest = divmod(count, 100_000)
            return f"{1000 + day.toordinal() % 900 * 10 + thousands} - {rest:05d}"
        return f"FT{day:%y%j}{count:09d}"


def _taking_back(original: Movement, *, at: datetime) -> Draft:
    """The debit by which the bank takes `original` back, parties standing as they stood."""
    text = f"HOAN TRA GD {original.bank_reference} {original.draft.memo}"
    return Draft(
        account=original.account,
        kind=Kind.REVERSAL,
        direction=Direction.DEBIT,
        amount=original.draft.amount,
        booked_at=at,
        memo=text[:LONGEST_TEXT],
        other_side=original.draft.other_side,
        reverses=original.bank_reference,
    )
