"""Payment requests: a fee asked for, its status, and the one public picture of it.

Priced by us and paid by a transfer that carries the request's reference. The stored status moves
only through one table of allowed moves; the public one is derived. Expiry never refuses money
that did arrive.
"""

from payments.payment_requests.issuing import (
    AmountOverLimit,
    Asked,
    NoFreeReference,
    Order,
    UnknownReplaced,
    UnknownRequest,
    by_reference,
    by_token,
    issue,
    issue_all,
)
from payments.payment_requests.kept import (
    owe_receipts_all,
    promise_all,
    receipted_all,
    refund_all,
    remit_all,
)
from payments.payment_requests.lookups import Addressee, Lookups, RememberingLookups
from payments.payment_requests.moves import (
    About,
    MoveNotAllowed,
    announce_about,
    announce_all,
    announce_reconciled,
    apply_all,
    cancel,
    expire_all,
)
from payments.payment_requests.naming import Name, Names, names_of
from payments.payment_requests.searching import PublicStatus, Search, search, search_all
from payments.payment_requests.snapshots import (
    NotToBePaid,
    Snapshot,
    glance,
    payable,
    public_status,
    snapshots,
    stamp,
    to_scan,
)
from payments.payment_requests.tables import (
    MOVES,
    RECEIPTS_DUE,
    UNFORWARDED,
    WAITING,
    CancelReason,
    PaymentRequest,
    PaymentRequestLine,
    Status,
)

__all__ = [
    "MOVES",
    "RECEIPTS_DUE",
    "UNFORWARDED",
    "WAITING",
    "About",
    "Addressee",
    "AmountOverLimit",
    "Asked",
    "CancelReason",
    "Lookups",
    "MoveNotAllowed",
    "Name",
    "Names",
    "NoFreeReference",
    "NotToBePaid",
    "Order",
    "PaymentRequest",
    "PaymentRequestLine",
    "PublicStatus",
    "RememberingLookups",
    "Search",
    "Snapshot",
    "Status",
    "UnknownReplaced",
    "UnknownRequest",
    "announce_about",
    "announce_all",
    "announce_reconciled",
    "apply_all",
    "by_reference",
    "by_token",
    "cancel",
    "expire_all",
    "glance",
    "issue",
    "issue_all",
    "names_of",
    "owe_receipts_all",
    "payable",
    "promise_all",
    "public_status",
    "receipted_all",
    "refund_all",
    "remit_all",
    "search",
    "search_all",
    "snapshots",
    "stamp",
    "to_scan",
]
