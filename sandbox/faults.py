"""The ways a payment may go wrong here, on request.

Some exclude each other: a callback can't be both lost and late. Paying twice, after expiry or after
a cancellation is no fault of the bank: whoever wants that simply pays again, or later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from random import Random
from types import MappingProxyType
from typing import Final

from sandbox.refusals import Wrong


class UnknownFault(Wrong):
    """A fault this bank can't make."""

    code = "unknown_fault"


class ContradictoryFaults(Wrong):
    """Two faults that can't happen to one payment."""

    code = "contradictory_faults"


class Fault(StrEnum):
    """What is to go wrong with one payment."""

    CALLBACK_LOST = "callback_lost"
    CALLBACK_LATE = "callback_late"
    CALLBACK_OUT_OF_ORDER = "callback_out_of_order"
    CALLBACK_DOUBLED = "callback_doubled"
    CALLBACK_AMOUNT_DIFFERS = "callback_amount_differs"
    STALE_TIMESTAMP = "stale_timestamp"
    BAD_SIGNATURE = "bad_signature"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_ACCOUNT = "wrong_account"
    MEMO_CUT = "memo_cut"
    MEMO_SPLIT = "memo_split"
    MEMO_DAMAGED = "memo_damaged"
    MEMO_MISSING = "memo_missing"
    MISSING_STATEMENT_LINE = "missing_statement_line"


TOPICS: Final[Mapping[str, tuple[Fault, ...]]] = MappingProxyType(
    {
        "callback": (
            Fault.CALLBACK_LOST,
            Fault.CALLBACK_LATE,
            Fault.CALLBACK_OUT_OF_ORDER,
            Fault.CALLBACK_DOUBLED,
            Fault.CALLBACK_AMOUNT_DIFFERS,
            Fault.STALE_TIMESTAMP,
            Fault.BAD_SIGNATURE,
        ),
        "payment": (Fault.WRONG_AMOUNT, Fault.WRONG_ACCOUNT),
        "memo": (
            Fault.MEMO_CUT,
            Fault.MEMO_SPLIT,
            Fault.MEMO_DAMAGED,
            Fault.MEMO_MISSING,
        ),
        "statement": (Fault.MISSING_STATEMENT_LINE,),
    }
)
"""Faults by what goes wrong, in the order in which pages show them."""

_TIMES: Final = TOPICS["callback"][:3]
_UNSEEN: Final = (*TOPICS["callback"][3:], Fault.MISSING_STATEMENT_LINE)
"""Faults that nobody would see if the callback were lost."""

_PROOFS: Final = (Fault.STALE_TIMESTAMP, Fault.BAD_SIGNATURE)
_ALTERNATIVES: Final[tuple[tuple[Fault, ...], ...]] = (
    _TIMES,
    _PROOFS,
    TOPICS["memo"],
    *((Fault.CALLBACK_LOST, unseen) for unseen in _UNSEEN),
)
"""Of each of these at most one can happen to one payment."""

_STEP: Final = 1_000


def read(names: Iterable[str]) -> frozenset[Fault]:
    """The faults of those names. Raises `UnknownFault` or `ContradictoryFaults`."""
    known = {fault.value: fault for fault in Fault}
    faults = set()
    for name in names:
        if name not in known:
            raise UnknownFault(pointer="/faults", name=name)
        faults.add(known[name])
    for alternatives in _ALTERNATIVES:
        both = sorted(faults.intersection(alternatives))
        if len(both) > 1:
            raise ContradictoryFaults(pointer="/faults", names=", ".join(both))
    return frozenset(faults)


def another_amount(amount: int, *, chance: Random) -> int:
    """An amount that is not `amount`, up to a tenth off, in whole thousands where it can be."""
    step = _STEP if amount > _STEP else 1
    most = max(1, amount // 10 // step)
    shift = step * chance.randint(1, most)
    return amount + shift if amount == 1 or chance.random() < 0.5 else amount - shift
