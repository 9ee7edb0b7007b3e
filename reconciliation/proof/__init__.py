"""The proof: ledger, credits, requests and statements agree, or it says where they do not.

`days` explains the balances of one day's end, `identities` compares everything.
"""

from reconciliation.proof.days import Bank, Transit, bank, early, transit, unbooked, unseen
from reconciliation.proof.identities import Identity, Name, prove

__all__ = [
    "Bank",
    "Identity",
    "Name",
    "Transit",
    "bank",
    "early",
    "prove",
    "transit",
    "unbooked",
    "unseen",
]
