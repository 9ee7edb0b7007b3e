"""The ledger paths on which credits' money stands, as SQL."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, cast, literal
from sqlalchemy import Text as SqlText

from payments.agencies import Agency
from payments.core.columns import Code
from payments.core.database import table_of
from payments.payment_requests import PaymentRequest, PaymentRequestLine

AGENCY: Final = table_of(Agency)
REQUEST: Final = table_of(PaymentRequest)
LINE: Final = table_of(PaymentRequestLine)


def path(prefix: str | ColumnElement[str], account: ColumnElement[Any]) -> ColumnElement[str]:
    """A ledger path that ends in the number of a collection account."""
    first = literal(prefix, Code()) if isinstance(prefix, str) else prefix
    return first + cast(account, SqlText)


def held(account: ColumnElement[Any]) -> ColumnElement[str]:
    """The ledger path of money held on a collection account."""
    return path("liabilities:held:", account)


def unidentified(account: ColumnElement[Any]) -> ColumnElement[str]:
    """The ledger path of money on a collection account that nobody can name."""
    return path("liabilities:unidentified:", account)


def fees_path() -> ColumnElement[str]:
    """The ledger path of a fee line; joins request and agency."""
    colon = literal(":", Code())
    account = path("liabilities:fees:", REQUEST.c.collection_account_id)
    return account + colon + AGENCY.c.code + colon + LINE.c.kind + colon + LINE.c.sub_item
