"""The shares of a year until a day, as rows: what `cashless targets report` tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

from sqlalchemy.orm import Session

from payments import agencies
from payments.core.calendar import at
from reconciliation.targets import share
from reconciliation.targets.coverage_tables import Measure
from reconciliation.targets.goals import Goal, goals
from reconciliation.targets.rollup_tables import Means
from reconciliation.targets.share import Board, Share, Sum, Way


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report: what it is cut by, of what, and its figures; shares of 10,000.

    `goal` is the year's target of a unit for its share by count, where one was decided.
    """

    cut: str
    key: str
    cashless: Sum
    cash: Sum
    waiting: Sum
    of_fees: int | None
    of_amount: int | None
    goal: int | None = None

    def told(self) -> dict[str, str | int | None]:
        """The line as flat fields, amounts in đồng."""
        return {
            "cut": self.cut,
            "key": self.key,
            "cashless_fees": self.cashless.fees,
            "cashless_amount": int(self.cashless.amount),
            "cash_fees": self.cash.fees,
            "cash_amount": int(self.cash.amount),
            "waiting_fees": self.waiting.fees,
            "waiting_amount": int(self.waiting.amount),
            "share_of_fees": self.of_fees,
            "share_of_amount": self.of_amount,
            "target": self.goal,
        }


def report(session: Session, *, day: date, agency: str | None = None) -> list[Line]:
    """The figures of `day`'s year until that day, as they were known at its end; so the targets.

    Raises `NotCountedThen` where nothing had been counted yet, and `UnknownAgency`.
    """
    begins, ends = day.replace(month=1, day=1), at(day + timedelta(days=1), time.min)
    board = share.board(session, first=begins, last=day, agency=agency, as_of=day)
    nodes = agencies.tree(session, on=day)
    aims = goals(session, Measure.CASHLESS_SHARE, nodes, year=day.year, as_of=ends)
    return [_aimed(line, aims) for line in lines(board)]


def _aimed(line: Line, aims: Mapping[str, Goal]) -> Line:
    goal = aims.get(line.key) if line.cut == "unit" else None
    return line if goal is None else replace(line, goal=goal.value)


def lines(board: Board) -> Iterator[Line]:
    """Every figure of an overview, one after another."""
    yield _line("total", board.total)
    for cut, shares in (
        ("unit", board.units),
        ("ended_unit", board.ended),
        ("month", board.months),
        ("week", board.weeks),
        ("procedure", board.procedures),
        ("channel", board.channels),
    ):
        for one in shares:
            yield _line(cut, one)
    for way in board.ways:
        yield _of_way(way)


def _line(cut: str, one: Share) -> Line:
    return Line(cut, one.key, one.cashless, one.cash, one.waiting, one.of_fees, one.of_amount)


def _of_way(way: Way) -> Line:
    cash = way.means is Means.CASH
    counted, nothing = way.counted, Sum()
    return Line(
        f"means_{way.means}",
        way.detail,
        cashless=nothing if cash else counted,
        cash=counted if cash else nothing,
        waiting=way.waiting,
        of_fees=None,
        of_amount=None,
    )
