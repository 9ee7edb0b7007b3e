"""What statements tell of payouts: that they left, and that they came back.

A debit line that carries a payout's code is that payout leaving; a credit line that carries the
code of one that left is the same money coming back. Sets in, by the matches that found them; the
caller holds the account's lock.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    case,
    cast,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments import ledger
from payments.core.columns import Code, Day, Key
from payments.core.database import Rows, rows_of
from payments.core.temporary import materialise, scratch
from payments.credits.paths import path
from payments.payouts.money import PAYOUT, leaving, origin_postings, restore_all
from payments.payouts.tables import Payout, State, allowed_into
from payments.payouts.telling import tell

SEEN: Final = "payout"
RETURNED: Final = "returned"
"""The kinds of journal entries by which payouts are seen leaving and coming back."""

_told: Final = Table(
    "payout_told",
    scratch,
    Column("payout_id", Key(), primary_key=True),
    Column("match_id", Key()),
    Column("day", Day()),
    prefixes=["TEMPORARY"],
)


def see_all(session: Session, matched: Rows, *, actor: str, now: datetime) -> None:
    """Payouts that stand on a statement as debits: Dr payouts, Cr bank.

    `matched` selects (payout_id, match_id, accounting day).
    """
    expected = materialise(session, _told, matched)
    account = PAYOUT.c.collection_account_id
    ledger.post_all(session, _posting(SEEN, leaving(account), _bank()), actor=actor, now=now)
    facts = {
        "match_id": _told.c.match_id,
        "paid_out_on": _told.c.day,
        "swept": PAYOUT.c.payment_file_id.is_(None),
    }
    _move(session, State.PAID_OUT, facts, expected=expected)
    _tell(session, State.PAID_OUT, now=now)


def return_all(session: Session, matched: Rows, *, actor: str, now: datetime) -> None:
    """Payouts that came back as credits: Dr bank, Cr payouts; Dr payouts, Cr where they came from.

    `matched` selects (payout_id, match_id, accounting day).
    """
    expected = materialise(session, _told, matched)
    account = PAYOUT.c.collection_account_id
    these = select(_told.c.payout_id)
    back = origin_postings(these, _decision(), _told.c.day, kind=RETURNED).join(
        _told, _told.c.payout_id == PAYOUT.c.id
    )
    drafts = union_all(_posting(RETURNED, _bank(), leaving(account)), back).subquery()
    ledger.post_all(session, select(*drafts.c), actor=actor, now=now)
    restore_all(session, these, actor=actor, now=now)
    facts = {"returned_match_id": _told.c.match_id, "returned_on": _told.c.day, "returned_at": now}
    _move(session, State.RETURNED, facts, expected=expected)
    _tell(session, State.RETURNED, now=now)


def unsee(session: Session, payout: Payout, entries: Rows, *, actor: str, now: datetime) -> None:
    """A match by which a payout was seen leaving was revoked: it is under way again.

    So is every remittance of the same sweep. `entries` selects the ids of the journal entries that
    booked the match.
    """
    ledger.reverse_all(session, entries, actor=actor, now=now)
    before = case((PAYOUT.c.swept, State.APPROVED.value), else_=State.FILED.value)
    session.execute(
        update(PAYOUT)
        .where(
            PAYOUT.c.collection_account_id == payout.collection_account_id,
            PAYOUT.c.match_id == payout.match_id,
            PAYOUT.c.state == State.PAID_OUT,
        )
        .values(state=before, swept=False, match_id=None, paid_out_on=None)
    )
    session.expire_all()
    tell(session, payout, State(payout.state), now=now)


def _decision() -> ColumnElement[str]:
    return literal("match:", Code()) + cast(_told.c.match_id, SqlText)


def _bank() -> ColumnElement[str]:
    return path("assets:bank:", PAYOUT.c.collection_account_id)


def _posting(kind: str, debit: ColumnElement[str], credit: ColumnElement[str]) -> Rows:
    posting: Rows = select(
        PAYOUT.c.collection_account_id,
        literal(kind, Code()),
        _decision(),
        _told.c.day,
        debit,
        credit,
        PAYOUT.c.amount,
        cast(literal(None), Key()),
    ).join(_told, _told.c.payout_id == PAYOUT.c.id)
    return posting


def _move(session: Session, to: State, facts: dict[str, Any], *, expected: int) -> None:
    moved = session.execute(
        update(PAYOUT)
        .where(PAYOUT.c.id == _told.c.payout_id, PAYOUT.c.state.in_(allowed_into(to)))
        .values(state=to.value, **facts)
    )
    if rows_of(moved) != expected:
        raise ValueError(f"not every payout could become {to}")
    session.expire_all()


def _tell(session: Session, state: State, *, now: datetime) -> None:
    rows = select(Payout).where(Payout.id.in_(select(_told.c.payout_id)))
    for payout in session.scalars(rows.order_by(Payout.id)).all():
        tell(session, payout, state, now=now)
