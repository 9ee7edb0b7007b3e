"""Settlement: the one door by which money comes in. What a credit does, on sets.

`settle_all` finds what credits are and books them; `confirm_all` books that statement lines
confirm them; `reverse_all` takes back what the bank took back; `tie_all` joins what later words
of a movement tie together. Owns no table. All run under the collection account's lock, and a set
of one and a set of 100,000 go the same way.
"""

from payments.settlement.confirming import advise_all, confirm_all, unconfirm_all
from payments.settlement.verbs import (
    AlreadySeen,
    AlreadyTakenBack,
    NotAssigned,
    NothingToAssign,
    NothingToSetOff,
    PaidOutSince,
    PartlyGivenBack,
    SetOffLater,
    assign,
    check_unassignable,
    reverse_all,
    set_off,
    settle_all,
    tie_all,
    unassign,
    withdraw,
)

__all__ = [
    "AlreadySeen",
    "AlreadyTakenBack",
    "NotAssigned",
    "NothingToAssign",
    "NothingToSetOff",
    "PaidOutSince",
    "PartlyGivenBack",
    "SetOffLater",
    "advise_all",
    "assign",
    "check_unassignable",
    "confirm_all",
    "reverse_all",
    "set_off",
    "settle_all",
    "tie_all",
    "unassign",
    "unconfirm_all",
    "withdraw",
]
