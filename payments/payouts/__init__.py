"""Money out: refunds and remittances, proposed by one and approved by another.

The one door by which money leaves (law 2). A payout is proposed, approved (then it is booked and
its money has left the credits it came from), put into a file for the bank once, and seen leaving
on a statement by its code; or it comes back. Only money that stands on a statement can leave.

`refunds` says what may be given back, `requested` out of which credits of a request, `remittances`
what is to be forwarded, by `routes`; `deciding` who lets it leave, `money` what that books,
`filing` makes the files, `forwarding` is the 24-hour clock, `lines` is what statements tell of
payouts.
"""

from payments.payouts.beneficiaries import beneficiary, opened
from payments.payouts.codes import find as find_code
from payments.payouts.codes import given_to_bank
from payments.payouts.deciding import (
    APPROVE,
    SECOND,
    PayoutMoved,
    UnknownPayout,
    approve,
    by_code,
    by_public_id,
    decline,
    propose_refund,
    propose_remittances,
    reject,
    subject,
    withdraw,
)
from payments.payouts.filing import (
    NothingToFile,
    UnknownPaymentFile,
    file_all,
    file_by_public_id,
    waiting,
)
from payments.payouts.forwarding import Forwarding, Unforwarded, overview, unforwarded
from payments.payouts.lines import RETURNED, SEEN, return_all, see_all, unsee
from payments.payouts.refunds import (
    FeesForwarded,
    NothingAsked,
    NotOnStatement,
    OnlyWhole,
    PaidFee,
    RefundTooLarge,
    Wanted,
    available,
    left_of_fees,
    paid_fees,
)
from payments.payouts.remittances import FeesChanged
from payments.payouts.requested import (
    AskedBack,
    ExcessOrLines,
    LineTwice,
    NoSuchLine,
    of_request,
    propose_refunds,
)
from payments.payouts.routes import (
    InvalidBudgetCode,
    RemittanceRoute,
    RouteDecided,
    RouteDescribed,
    RouteEnded,
    RouteInThePast,
    RouteState,
    TextMissing,
    UnknownRoute,
    approve_route,
    decline_route,
    propose_route,
    route_by_public_id,
    routes,
    withdraw_route,
)
from payments.payouts.tables import (
    AWAY,
    LEAVING,
    LIVE,
    Kind,
    Part,
    PaymentFile,
    Payout,
    PayoutItem,
    State,
)
from payments.payouts.telling import snapshot
from payments.payouts.ways import Ways

__all__ = [
    "APPROVE",
    "AWAY",
    "LEAVING",
    "LIVE",
    "RETURNED",
    "SECOND",
    "SEEN",
    "AskedBack",
    "ExcessOrLines",
    "FeesChanged",
    "FeesForwarded",
    "Forwarding",
    "InvalidBudgetCode",
    "Kind",
    "LineTwice",
    "NoSuchLine",
    "NotOnStatement",
    "NothingAsked",
    "NothingToFile",
    "OnlyWhole",
    "PaidFee",
    "Part",
    "PaymentFile",
    "Payout",
    "PayoutItem",
    "PayoutMoved",
    "RefundTooLarge",
    "RemittanceRoute",
    "RouteDecided",
    "RouteDescribed",
    "RouteEnded",
    "RouteInThePast",
    "RouteState",
    "State",
    "TextMissing",
    "Unforwarded",
    "UnknownPaymentFile",
    "UnknownPayout",
    "UnknownRoute",
    "Wanted",
    "Ways",
    "approve",
    "approve_route",
    "available",
    "beneficiary",
    "by_code",
    "by_public_id",
    "decline",
    "decline_route",
    "file_all",
    "file_by_public_id",
    "find_code",
    "given_to_bank",
    "left_of_fees",
    "of_request",
    "opened",
    "overview",
    "paid_fees",
    "propose_refund",
    "propose_refunds",
    "propose_remittances",
    "propose_route",
    "reject",
    "return_all",
    "route_by_public_id",
    "routes",
    "see_all",
    "snapshot",
    "subject",
    "unforwarded",
    "unsee",
    "waiting",
    "withdraw",
    "withdraw_route",
]
