"""Payout codes: what ties a line on a statement to the payout it is, sent or come back.

Made and found like the references of requests, under a prefix of their own: `CHTR` (chi trả).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import references
from payments.core.errors import Unavailable
from payments.payouts.tables import Payout
from payments.references import Kind

PREFIX: Final = "CHTR"
_TRIES: Final = 8


class NoFreeCode(Unavailable):
    """No unused code was found by chance; there are a thousand million."""

    code = "no_free_code"


def new(session: Session) -> str:
    """A code that no payout has. Raises `NoFreeCode`."""
    for _ in range(_TRIES):
        code = references.make(PREFIX)
        if session.scalar(select(Payout.id).where(Payout.code == code)) is None:
            return code
    raise NoFreeCode


def find(memo: str) -> str | None:
    """The whole payout code in a memo; None without one, and where there are several."""
    whole = [one.code for one in references.find(memo, PREFIX) if one.kind is Kind.FULL]
    return whole[0] if len(whole) == 1 else None
