"""Proof of the roll-ups: their sums against those of the raw tables, and against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, Table, func, select
from sqlalchemy.orm import Session

from payments.cash import State
from reconciliation.targets.raw_fees import ALLOCATION, CASH, CASH_LINE
from reconciliation.targets.rollup_tables import MEASURES, SIDES, Means
from reconciliation.targets.rollups import BY_FEES, BY_MEANS, DAILY, TOTAL, differing, every_day


class Name(StrEnum):
    """The identities, in the order they are proved."""

    ROLLUP_IS_ALLOCATED = "rollup_is_allocated"
    ROLLUP_IS_CASH_TAKEN = "rollup_is_cash_taken"
    MONTHS_ARE_DAYS = "months_are_days"
    FEES_ARE_DAYS = "fees_are_days"
    TOTALS_ARE_DAYS = "totals_are_days"
    CELLS_ARE_RAW = "cells_are_raw"


@dataclass(frozen=True, slots=True)
class Identity:
    """Two figures that have to be the same: đồng, or a count of cells that differ."""

    name: Name
    expected: int
    actual: int

    @property
    def holds(self) -> bool:
        """Whether the two are the same."""
        return self.expected == self.actual


def prove(session: Session) -> list[Identity]:
    """Every identity; the last counts each day anew, which takes as long as the days are many.

    What changed since the roll-up last went round is a difference too.
    """
    return list(_identities(session))


def _identities(session: Session) -> Iterator[Identity]:
    cashless, cash = _amount(DAILY, cash=False), _amount(DAILY, cash=True)
    allocated = select(func.sum(ALLOCATION.c.amount))
    taken = (
        select(func.sum(CASH_LINE.c.amount))
        .join(CASH, CASH.c.id == CASH_LINE.c.cash_collection_id)
        .where(CASH.c.state == State.TAKEN.value)
    )
    yield Identity(Name.ROLLUP_IS_ALLOCATED, _one(session, allocated), _one(session, cashless))
    yield Identity(Name.ROLLUP_IS_CASH_TAKEN, _one(session, taken), _one(session, cash))
    for name, table in (
        (Name.MONTHS_ARE_DAYS, BY_MEANS),
        (Name.FEES_ARE_DAYS, BY_FEES),
        (Name.TOTALS_ARE_DAYS, TOTAL),
    ):
        yield Identity(name, _whole(session, DAILY), _whole(session, table))
    wrong = sum(differing(session, day) for day in every_day(session))
    yield Identity(Name.CELLS_ARE_RAW, 0, wrong)


def _amount(table: Table, *, cash: bool) -> Select[Any]:
    paid = func.sum(table.c.amount + table.c.waiting_amount)
    by_cash = table.c.means == Means.CASH.value
    return select(paid).where(by_cash if cash else ~by_cash)


def _whole(session: Session, table: Table) -> int:
    """Every measure added up, whatever it counts."""
    names = SIDES if "cash_fees" in table.c else MEASURES
    return sum(_one(session, select(func.sum(table.c[name]))) for name in names)


def _one(session: Session, figure: Select[Any]) -> int:
    return int(session.scalar(figure) or 0)
