"""Ledger accounts as people and other programs read them: the bank account's number in the path.

In the ledger a path names a collection account by its row: `assets:bank:12`. Outside it is named by
BIN and number: `assets:bank:970436-0011001234567`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.ledger import LedgerAccount

_OF_ACCOUNT: Final = 2
"""Which part of a path names the collection account."""


def readable(session: Session) -> dict[int, str]:
    """The path of each ledger account by its id, with the bank account's number."""
    numbers = {
        one.id: f"{one.bin}-{one.number}"
        for one in session.execute(
            select(CollectionAccount.id, CollectionAccount.bin, CollectionAccount.number)
        )
    }
    accounts = session.execute(
        select(LedgerAccount.id, LedgerAccount.path, LedgerAccount.collection_account_id)
    )
    return {row.id: _named(row.path, numbers[row.collection_account_id]) for row in accounts}


def ledger_accounts(accounts: Sequence[int], *, under: str = "") -> Select[int]:
    """The ledger accounts of collection accounts, of those only whose path begins so."""
    found = select(LedgerAccount.id).where(LedgerAccount.collection_account_id.in_(accounts))
    return found.where(LedgerAccount.path.like(f"{under}%")) if under else found


def for_hledger(path: str) -> str:
    """The name of a ledger account in hledger: as it is, but nothing that ends a name."""
    return ":".join(
        "".join(c if c.isalnum() or c in "._-" else "-" for c in part) or "-"
        for part in path.split(":")
    )


def for_beancount(path: str) -> str:
    """The name in beancount: parts of letters, digits and dashes, each with a capital first."""
    parts = (
        "".join(c if c.isascii() and c.isalnum() else "-" for c in part) for part in path.split(":")
    )
    return ":".join(_capital(part) for part in parts)


def without_twins(names: Iterable[str]) -> list[str]:
    """The names, a number behind each that came before: no two accounts become one."""
    taken: dict[str, int] = {}
    told = []
    for name in names:
        taken[name] = taken.get(name, 0) + 1
        told.append(name if taken[name] == 1 else f"{name}-{taken[name]}")
    if len(set(told)) < len(told):
        return without_twins(told)
    return told


def _named(path: str, number: str) -> str:
    parts = path.split(":")
    parts[_OF_ACCOUNT] = number
    return ":".join(parts)


def _capital(part: str) -> str:
    first = part[:1]
    return part[:1].upper() + part[1:] if first.isalnum() else f"X{part}"
