"""What happens on the day: one case for each request, drawn by lot, every fault several times.

A case says how its request comes to be, what its payer does, and what goes wrong on the way. What
must come of it is no part of it: `expectation` works that out from what was really paid and told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from types import MappingProxyType
from typing import Any, Final


class Kind(StrEnum):
    """What a case shows."""

    PLAIN = "plain"
    CALLBACK_LOST = "callback_lost"
    CALLBACK_LATE = "callback_late"
    CALLBACK_DOUBLED = "callback_doubled"
    CALLBACK_OUT_OF_ORDER = "callback_out_of_order"
    CALLBACK_AMOUNT_DIFFERS = "callback_amount_differs"
    BAD_SIGNATURE = "bad_signature"
    STALE_TIMESTAMP = "stale_timestamp"
    WRONG_AMOUNT = "wrong_amount"
    SHORT = "short"
    OVER = "over"
    TOPPED_UP = "topped_up"
    WRONG_ACCOUNT = "wrong_account"
    MEMO_CUT = "memo_cut"
    MEMO_SPLIT = "memo_split"
    MEMO_DAMAGED = "memo_damaged"
    MEMO_MISSING = "memo_missing"
    PAID_TWICE = "paid_twice"
    AFTER_EXPIRY = "after_expiry"
    AFTER_CANCEL = "after_cancel"
    REVERSAL = "reversal"
    MISSING_STATEMENT_LINE = "missing_statement_line"
    TWO_AT_ONCE = "two_at_once"
    EXEMPT = "exempt"
    UNPAID = "unpaid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


EVE: Final = frozenset({Kind.AFTER_EXPIRY, Kind.EXPIRED})
"""Cases whose request is issued the day before and is over when the day begins."""

CANCELLED: Final = frozenset({Kind.CANCELLED, Kind.AFTER_CANCEL})

FAULTS: Final = frozenset(
    {
        Kind.CALLBACK_LOST,
        Kind.CALLBACK_LATE,
        Kind.CALLBACK_DOUBLED,
        Kind.CALLBACK_OUT_OF_ORDER,
        Kind.CALLBACK_AMOUNT_DIFFERS,
        Kind.BAD_SIGNATURE,
        Kind.STALE_TIMESTAMP,
        Kind.WRONG_AMOUNT,
        Kind.WRONG_ACCOUNT,
        Kind.MEMO_CUT,
        Kind.MEMO_SPLIT,
        Kind.MEMO_DAMAGED,
        Kind.MEMO_MISSING,
        Kind.MISSING_STATEMENT_LINE,
    }
)
"""Cases that are a fault of the practice bank, of the same name."""

_UNPAID: Final = frozenset({Kind.EXEMPT, Kind.UNPAID, Kind.CANCELLED, Kind.EXPIRED})
_TWICE: Final = frozenset({Kind.PAID_TWICE, Kind.TOPPED_UP})

FEW: Final = 3
"""Every kind but the plain one happens so often at least."""

_ANYWHERE: Final = (0, 1, 2)
_WHERE: Final[Mapping[Kind, Sequence[int]]] = MappingProxyType(
    {
        # Only the first account's statement marks a reversal, and only its messages name the
        # statement's reference, by which two amounts can be known for one movement's.
        Kind.REVERSAL: (0,),
        Kind.CALLBACK_AMOUNT_DIFFERS: (0,),
    }
)
"""The accounts, by number, at which a kind can be shown; any where it does not say."""


@dataclass(frozen=True, slots=True)
class Item:
    """A fee a case asks for."""

    fee: str
    most: int = 1
    reduction: str | None = None


_ITEMS: Final[Sequence[Sequence[Item]]] = (
    (Item("CTHD", 2), Item("CCCD-D"), Item("CT-TT"), Item("GTH"), Item("CTBS", 10)),
    (Item("LLTP"), Item("LLTP", reduction="student"), Item("CTCK", 6)),
    (Item("HKD"), Item("CTCK", 8), Item("GPLX"), Item("CTHD")),
)
"""What is asked for at each account: a fee and how many of it at most."""

_EXEMPT: Final = Item("LLTP", reduction="child")

_AGENCIES: Final[Sequence[Sequence[str]]] = (
    ("H09.25741", "H09.25744", "H09.718", "H09.d04", "H09.725"),
    ("H09.d03",),
    ("H09.724", "H09.25942", "H09.25945"),
)
"""Agencies that collect into each account."""


@dataclass(slots=True)
class Case:
    """One request and what happens to it; what is known only later is filled in by the day."""

    number: int
    kind: Kind
    home: int
    agency: str
    item: Item
    quantity: int
    issued: dict[str, Any] = field(default_factory=dict)
    paid: list[dict[str, Any]] = field(default_factory=list)
    with_: Case | None = None
    paid_by: Case | None = None

    @property
    def reference(self) -> str:
        """The request's reference, once it is issued."""
        return str(self.issued["reference"])

    @property
    def order(self) -> dict[str, Any]:
        """What the portal asks for."""
        return {
            "agency": self.agency,
            "dossier": f"DEMO-{self.number:05d}",
            "channel": "counter",
            "lines": [
                {
                    "fee": self.item.fee,
                    "quantity": self.quantity,
                    "reduction": self.item.reduction,
                }
            ],
        }


def plan(payments: int, *, chance: Random) -> list[Case]:
    """The day's cases in the order of the day, so many that payers pay about `payments` times."""
    few = max(FEW, payments // 100)
    kinds: list[Kind] = [kind for kind in Kind if kind is not Kind.PLAIN for _ in range(few)]
    made = sum(_payments(kind) for kind in kinds)
    kinds += [Kind.TWO_AT_ONCE] * few
    kinds += [Kind.PLAIN] * max(0, payments - made)
    chance.shuffle(kinds)
    turns: dict[Kind, int] = {}
    cases = []
    for number, kind in enumerate(kinds, start=1):
        turn = turns[kind] = turns.get(kind, -1) + 1
        cases.append(_case(number, kind, _home(kind, turn), chance))
    _join([case for case in cases if case.kind is Kind.TWO_AT_ONCE])
    return cases


def instalments(case: Case, *, chance: Random) -> list[dict[str, Any]]:
    """What the payer tells the bank, once for each payment, besides the code that was scanned."""
    amount = int(case.issued["amount"])
    if case.kind is Kind.TWO_AT_ONCE:
        return _both(case)
    if case.kind in FAULTS:
        return [{"faults": [case.kind.value]}]
    match case.kind:
        case Kind.SHORT:
            return [{"amount": amount // 2}]
        case Kind.OVER:
            return [{"amount": amount + 1_000 * chance.randint(1, 9)}]
        case Kind.TOPPED_UP:
            return [{"amount": amount // 3}]
        case Kind.PAID_TWICE:
            return [{}, {}]
    return [] if case.kind in _UNPAID else [{}]


def _payments(kind: Kind) -> int:
    return 0 if kind in _UNPAID else 2 if kind in _TWICE else 1


def _home(kind: Kind, turn: int) -> int:
    """The account, by number, of the kind's next case; two that are paid at once share one."""
    where = _WHERE.get(kind, _ANYWHERE)
    return where[(turn // 2 if kind is Kind.TWO_AT_ONCE else turn) % len(where)]


def _join(cases: Sequence[Case]) -> None:
    """Has the first of each two pay for both."""
    for payer, other in zip(cases[::2], cases[1::2], strict=True):
        payer.with_, other.paid_by = other, payer


def _both(case: Case) -> list[dict[str, Any]]:
    """One transfer, by hand, that names both requests."""
    if case.with_ is None:
        return []
    amount = int(case.issued["amount"]) + int(case.with_.issued["amount"])
    return [{"amount": amount, "memo": f"{case.reference} {case.with_.reference}"}]


def _case(number: int, kind: Kind, home: int, chance: Random) -> Case:
    item = _EXEMPT if kind is Kind.EXEMPT else chance.choice(_ITEMS[home])
    return Case(
        number=number,
        kind=kind,
        home=home,
        agency=chance.choice(_AGENCIES[home]),
        item=item,
        quantity=chance.randint(1, item.most),
    )
