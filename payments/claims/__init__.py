"""Claims: a payer says "I paid, but it still says unpaid", and follows what comes of it.

One claim is one request's: a second one shows the first. Its number is read out on the phone. Staff
see it as a break with what it may be about beside it, and answer in words; nothing here moves or
matches money. Where it stands is never stored but derived: once the request is paid, the money is
found. `reading` says what a payer may write, `photos` makes a picture fit to be kept.
"""

from payments.claims.making import (
    PAYER,
    NothingAnswered,
    NothingToClaim,
    answer,
    claimable,
    make,
)
from payments.claims.photos import MOST_BYTES, PHOTO_TYPE, NotAPhoto, cleaned
from payments.claims.reading import (
    LONGEST_WORDS,
    NoSuchAmount,
    NotADayToPay,
    Told,
    UnreadableNumber,
    WordsTooLong,
    amount_of,
    bank_number_of,
    day_of,
    words_of,
)
from payments.claims.seeing import (
    Search,
    UnknownClaim,
    Waiting,
    answered,
    by_public_id,
    listed,
    of_request,
    photo,
    snapshot,
    state_of,
    waiting,
)
from payments.claims.tables import DIGITS, Claim, State

__all__ = [
    "DIGITS",
    "LONGEST_WORDS",
    "MOST_BYTES",
    "PAYER",
    "PHOTO_TYPE",
    "Claim",
    "NoSuchAmount",
    "NotADayToPay",
    "NotAPhoto",
    "NothingAnswered",
    "NothingToClaim",
    "Search",
    "State",
    "Told",
    "UnknownClaim",
    "UnreadableNumber",
    "Waiting",
    "WordsTooLong",
    "amount_of",
    "answer",
    "answered",
    "bank_number_of",
    "by_public_id",
    "claimable",
    "cleaned",
    "day_of",
    "listed",
    "make",
    "of_request",
    "photo",
    "snapshot",
    "state_of",
    "waiting",
    "words_of",
]
