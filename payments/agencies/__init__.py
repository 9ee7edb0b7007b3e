"""Agencies and their money boxes: the dated tree of units, and the accounts fees come into.

An account belongs to an agency and has its own cut-off and days on which it does not work.

An agency that is renamed or merged keeps its old row; a new one is valid from that day on, and a
successor link leads from what ended to what followed. Codes are looked up on a day.
"""

from payments.agencies.accounts import (
    CUT_OFF,
    RUN_AT,
    CollectionAccountTaken,
    InvalidAccountNumber,
    NoCollectionAccount,
    Opening,
    SeveralCollectionAccounts,
    UnknownCollectionAccount,
    account_for,
    accounts,
    by_number,
    calendar_of,
    check_opening,
    close_on,
    lock,
    lock_if_free,
    open_account,
    told_apart,
    work_on,
)
from payments.agencies.tables import Agency, ClosedDay, CollectionAccount, Kind
from payments.agencies.tree import (
    AgencyEnded,
    AgencyUnderItself,
    Described,
    Node,
    UnknownAgency,
    ancestry,
    by_code,
    put,
    succeed,
    tree,
)
from payments.agencies.virtual_accounts import (
    InvalidVirtualPrefix,
    VirtualPrefixTaken,
    VirtualRange,
    end_virtual_accounts,
    use_virtual_accounts,
    virtual_prefix,
    virtual_prefixes,
)

__all__ = [
    "CUT_OFF",
    "RUN_AT",
    "Agency",
    "AgencyEnded",
    "AgencyUnderItself",
    "ClosedDay",
    "CollectionAccount",
    "CollectionAccountTaken",
    "Described",
    "InvalidAccountNumber",
    "InvalidVirtualPrefix",
    "Kind",
    "NoCollectionAccount",
    "Node",
    "Opening",
    "SeveralCollectionAccounts",
    "UnknownAgency",
    "UnknownCollectionAccount",
    "VirtualPrefixTaken",
    "VirtualRange",
    "account_for",
    "accounts",
    "ancestry",
    "by_code",
    "by_number",
    "calendar_of",
    "check_opening",
    "close_on",
    "end_virtual_accounts",
    "lock",
    "lock_if_free",
    "open_account",
    "put",
    "succeed",
    "told_apart",
    "tree",
    "use_virtual_accounts",
    "virtual_prefix",
    "virtual_prefixes",
    "work_on",
]
