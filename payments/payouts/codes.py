"""Payout codes: what ties a line on a statement to the payout it is, sent or come back.

Made and found like the references of requests, under a prefix of their own: `CHTR` (chi trả).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import references
from payments.core.errors import Unavailable
from payments.core.money import Dong
from payments.payouts.tables import GIVEN, Payout
from payments.references import Kind

PREFIX: Final = "CHTR"
_TRIES: Final = 8
_AT_ONCE: Final = 500


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


def given_to_bank(
    session: Session, collection_account_id: int, codes: Sequence[str]
) -> Mapping[str, Dong]:
    """Of these codes those of an account's payouts that the bank was told to send: their amounts.

    Money that comes in with such a code and amount is no payer's: it is the payout, come back.
    """
    amounts: dict[str, Dong] = {}
    for start in range(0, len(codes), _AT_ONCE):
        found = session.execute(
            select(Payout.code, Payout.amount).where(
                Payout.collection_account_id == collection_account_id,
                Payout.code.in_(codes[start : start + _AT_ONCE]),
                Payout.state.in_(GIVEN),
            )
        )
        amounts |= {row.code: row.amount for row in found}
    return amounts
