"""Cash taken at a counter because it could not be avoided: recorded, so that shares are true.

A collection is no movement of money that this service keeps: nothing is posted, and the receipt
of cash is the counter's own. It says what was taken, for which fees and why not cashless. Cash
for an open request cancels that request in the same unit, so that its QR code can't be paid too.
"""

from payments.cash.collecting import (
    LONGEST_EXPLANATION,
    AmountNotAsPriced,
    AskedInTwoWays,
    CashAlreadyVoided,
    ExplanationMissing,
    FeeHasRequest,
    ForFees,
    ForRequest,
    LinesMissing,
    NothingToCollect,
    NotOwnCash,
    RequestNotForCash,
    Taking,
    VoidReasonMissing,
    collect,
    for_what,
    owed,
    takes_cash,
    void,
)
from payments.cash.finding import (
    Search,
    Total,
    UnknownCashCollection,
    by_public_id,
    counting,
    search,
    totals,
)
from payments.cash.snapshots import snapshots
from payments.cash.tables import (
    FIXED,
    MOVES,
    CashCollection,
    CashCollectionLine,
    Reason,
    State,
)

__all__ = [
    "FIXED",
    "LONGEST_EXPLANATION",
    "MOVES",
    "AmountNotAsPriced",
    "AskedInTwoWays",
    "CashAlreadyVoided",
    "CashCollection",
    "CashCollectionLine",
    "ExplanationMissing",
    "FeeHasRequest",
    "ForFees",
    "ForRequest",
    "LinesMissing",
    "NotOwnCash",
    "NothingToCollect",
    "Reason",
    "RequestNotForCash",
    "Search",
    "State",
    "Taking",
    "Total",
    "UnknownCashCollection",
    "VoidReasonMissing",
    "by_public_id",
    "collect",
    "counting",
    "for_what",
    "owed",
    "search",
    "snapshots",
    "takes_cash",
    "totals",
    "void",
]
