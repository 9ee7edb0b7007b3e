"""Balances of the ledger, and phí and lệ phí by unit and budget sub-item, as of any day.

The ledger is bitemporal: a posting has the day it counts for and the instant it was booked at. So a
balance can be told as of a day as it is known now, or as it was known at any moment before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from payments.agencies import Agency
from payments.core.columns import Amount
from payments.core.database import Rows
from payments.core.sheets import Kind
from payments.fees import UNKNOWN_SUB_ITEM
from payments.ledger import JournalEntry, Posting
from reconciliation.reports.asking import Asked
from reconciliation.reports.definition import Cells, Column, Report, Takes
from reconciliation.reports.paths import ledger_accounts, readable

_FEES: Final = "liabilities:fees:"

Side = InstrumentedAttribute[int]


def turnover(
    asked: Asked, side: Side, *, under: str = "", since: date | None = None, through: date
) -> Rows:
    """What was debited, or credited, to each ledger account within some days: (id, amount)."""
    added: Rows = select(side, cast(func.sum(Posting.amount), Amount())).where(
        side.in_(ledger_accounts(asked.accounts, under=under)), Posting.day <= through
    )
    if since is not None:
        added = added.where(Posting.day >= since)
    if asked.known_at is not None:
        added = added.join(JournalEntry, JournalEntry.id == Posting.journal_entry_id).where(
            JournalEntry.booked_at <= asked.known_at
        )
    return added.group_by(side)


def _balances(session: Session, asked: Asked) -> Iterator[Cells]:
    """Every ledger account that was ever posted to, as of the last day."""
    debits, credits = (
        _by_account(session, turnover(asked, side, through=asked.last))
        for side in (Posting.debit_id, Posting.credit_id)
    )
    paths = readable(session)
    for number in sorted(debits.keys() | credits.keys(), key=paths.__getitem__):
        debit, credit = debits.get(number, 0), credits.get(number, 0)
        yield (paths[number], debit, credit, debit - credit)


def _fees(session: Session, asked: Asked) -> Iterator[Cells]:
    """Fees of each unit, kind and sub-item: from before, collected, taken back, and now."""
    before = asked.first - timedelta(days=1)
    figures: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    sums = (
        (0, 1, turnover(asked, Posting.credit_id, under=_FEES, through=before)),
        (0, -1, turnover(asked, Posting.debit_id, under=_FEES, through=before)),
        (1, 1, _within(asked, Posting.credit_id)),
        (2, 1, _within(asked, Posting.debit_id)),
    )
    for place, sign, rows in sums:
        for number, amount in _by_account(session, rows).items():
            figures[number][place] += sign * amount
    names = _agency_names(session, asked.last)
    for key, number in sorted(_fee_accounts(session, asked)):
        opening, collected, taken_back = figures[number]
        closing = opening + collected - taken_back
        if any((opening, collected, taken_back)):
            agency, kind, sub_item, account = key
            yield (
                agency,
                names.get(agency, agency),
                kind,
                "–" if sub_item == UNKNOWN_SUB_ITEM else sub_item,
                account,
                opening,
                collected,
                taken_back,
                closing,
            )


def _within(asked: Asked, side: Side) -> Rows:
    return turnover(asked, side, under=_FEES, since=asked.first, through=asked.last)


def _fee_accounts(session: Session, asked: Asked) -> list[tuple[tuple[str, str, str, str], int]]:
    """The ledger accounts of fees, each with unit, kind, sub-item and account number."""
    paths = readable(session)
    found = session.scalars(ledger_accounts(asked.accounts, under=_FEES)).all()
    told = []
    for number in found:
        _, _, account, agency, kind, sub_item = paths[number].split(":", 5)
        told.append(((agency, kind, sub_item, account.partition("-")[2]), number))
    return told


def _agency_names(session: Session, on: date) -> dict[str, str]:
    """The name of each unit as it was last called by that day."""
    rows = session.execute(
        select(Agency.code, Agency.name_vi)
        .where(Agency.valid_from <= on)
        .order_by(Agency.valid_from)
    )
    return {row.code: row.name_vi for row in rows}


def _by_account(session: Session, rows: Rows) -> dict[Any, int]:
    return {number: int(amount) for number, amount in session.execute(rows)}


BALANCES: Final = Report(
    "balances",
    (
        Column("path"),
        Column("debits", Kind.AMOUNT, total=True),
        Column("credited", Kind.AMOUNT, total=True),
        Column("balance", Kind.AMOUNT, total=True),
    ),
    _balances,
    frozenset({Takes.DAY, Takes.KNOWN_AT}),
)
FEES: Final = Report(
    "fees",
    (
        Column("agency"),
        Column("agency_name"),
        Column("fee_kind", words="fee_kind"),
        Column("sub_item"),
        Column("account"),
        Column("opening", Kind.AMOUNT, total=True),
        Column("collected", Kind.AMOUNT, total=True),
        Column("taken_back", Kind.AMOUNT, total=True),
        Column("closing", Kind.AMOUNT, total=True),
    ),
    _fees,
    frozenset({Takes.PERIOD}),
)
