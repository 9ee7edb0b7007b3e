"""Credits: real movements of money, told by messages and seen on statements, in any order.

`tables` says what a credit is, `pairing` when two words speak of the same one, `arrivals` how
credits come to be, `dividing` what becomes of their amounts, `assigning` what staff say they are.
"""

from payments.credits.arrivals import (
    arrival,
    code_of,
    found_all,
    learn,
    message,
    take_messages,
    tell,
    touched,
)
from payments.credits.assigning import assignment, assignments, end_assignment, identify
from payments.credits.company import gather_company, given_away, given_away_beside, unseen
from payments.credits.counting import COUNTED, OPEN_PARTS, RECLAIMED, beyond, counted
from payments.credits.dividing import (
    AlreadyMatched,
    advise_all,
    allocate_all,
    divide_all,
    match_all,
    merge_all,
    reclaim_all,
    refund_all,
    release_all,
    remit_all,
    stop_counting_all,
    unmatch_all,
)
from payments.credits.pairing import pair_lines, pairing, told
from payments.credits.payers import opened_payer, payer_key, sealed_payer
from payments.credits.tables import (
    Allocation,
    Assignment,
    Credit,
    CreditReference,
    Evidence,
    Finding,
)

__all__ = [
    "COUNTED",
    "OPEN_PARTS",
    "RECLAIMED",
    "Allocation",
    "AlreadyMatched",
    "Assignment",
    "Credit",
    "CreditReference",
    "Evidence",
    "Finding",
    "advise_all",
    "allocate_all",
    "arrival",
    "assignment",
    "assignments",
    "beyond",
    "code_of",
    "counted",
    "divide_all",
    "end_assignment",
    "found_all",
    "gather_company",
    "given_away",
    "given_away_beside",
    "identify",
    "learn",
    "match_all",
    "merge_all",
    "message",
    "opened_payer",
    "pair_lines",
    "pairing",
    "payer_key",
    "reclaim_all",
    "refund_all",
    "release_all",
    "remit_all",
    "sealed_payer",
    "stop_counting_all",
    "take_messages",
    "tell",
    "told",
    "touched",
    "unmatch_all",
    "unseen",
]
