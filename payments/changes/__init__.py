"""Keys, bank accounts and connections: proposed by one administrator, made by another's approval.

What is proposed is kept as it was shown; when it is approved, what would be made then is compared
with it, so that nobody approves what has become something else meanwhile. A new key is made at the
moment of approval and shown to whoever approved: before that it exists nowhere, after that it is
known by its digest alone. A connection's secret comes from the bank, so it is proposed with it,
sealed. Source: reliability.md 6.6, four eyes on keys and bank accounts.

The commands of the server (`cashless portal`, `cashless seed`) do without a second person: whoever
has the server has the database.
"""

from payments.changes.described import (
    OF_ACCOUNTS,
    OF_KEYS,
    AccountDescribed,
    Change,
    ConnectionDescribed,
)
from payments.changes.making import Hand, approve, is_one, waiting
from payments.changes.proposing import (
    AccountInThePast,
    propose_account,
    propose_connection,
    propose_key,
    propose_portal,
    propose_revocation,
    propose_rotation,
    propose_secret,
    propose_stop,
)

__all__ = [
    "OF_ACCOUNTS",
    "OF_KEYS",
    "AccountDescribed",
    "AccountInThePast",
    "Change",
    "ConnectionDescribed",
    "Hand",
    "approve",
    "is_one",
    "propose_account",
    "propose_connection",
    "propose_key",
    "propose_portal",
    "propose_revocation",
    "propose_rotation",
    "propose_secret",
    "propose_stop",
    "waiting",
]
