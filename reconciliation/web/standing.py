"""Where the province or a unit stands: what the pages of targets read, in one piece.

Names of units are shown without "UBND", as people say them on a chart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from sqlalchemy.orm import Session

from payments import agencies, fees
from payments.agencies import Kind, Node, UnknownAgency
from payments.core import words
from payments.fees import Entry
from reconciliation.targets import promises, ranking, share, usage
from reconciliation.targets.coverage import Coverage, UnitCoverage, coverage
from reconciliation.targets.coverage_tables import Measure
from reconciliation.targets.goals import Goal, goals, pace_setters
from reconciliation.targets.monthly_tables import Span
from reconciliation.targets.promises import OpenTariff, Promises
from reconciliation.targets.ranking import Rank, Step
from reconciliation.targets.rollup_tables import Means
from reconciliation.targets.share import Board, By, Share
from reconciliation.targets.usage import Hour, Payers

_OFFICE: Final = {"vi": "UBND ", "en": "People's Committee of "}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks: days, a unit (empty: the province), a procedure and a channel."""

    first: date
    last: date
    unit: str = ""
    procedure: str = ""
    channel: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether it is about one procedure or one channel."""
        return bool(self.procedure or self.channel)

    @property
    def arguments(self) -> dict[str, str]:
        """The question as an address carries it, without what is left open."""
        told = {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "unit": self.unit,
            "procedure": self.procedure,
            "channel": self.channel,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything a page of targets shows, as it is known at `now`.

    `nodes` is the whole tree, `top` the unit that is asked about. `means` counts each month by
    means, where it is not narrowed to a procedure or channel. `goals` are the targets of the
    cashless share, `ranks` its places among units of one kind; `payers` are this year's.
    """

    asked: Asked
    now: datetime
    nodes: Mapping[str, Node]
    top: Node
    coverage: Coverage
    board: Board
    goals: Mapping[str, Goal]
    ranks: Mapping[str, Rank]
    means: Mapping[str, Mapping[Means, int]]
    hours: Sequence[Hour]
    payers: Payers | None
    promises: Promises
    steps: Sequence[Step]
    fees: Mapping[str, str]
    tariff: OpenTariff

    @property
    def covered(self) -> UnitCoverage | None:
        """The coverage of the unit that is asked about."""
        return self.coverage.unit(self.top.code)

    @property
    def shares(self) -> Mapping[str, Share]:
        """The cashless share of each unit by its code."""
        return {one.key: one for one in self.board.units}

    def below(self, kind: Kind) -> list[Node]:
        """The units of a kind within the one that is asked about, itself included."""
        return [one for one in self.nodes.values() if one.kind is kind and self.is_within(one)]

    def is_within(self, node: Node) -> bool:
        """Whether a unit is the one that is asked about, or below it."""
        at: Node | None = node
        while at is not None and at.code != self.top.code:
            at = self.nodes.get(at.parent or "")
        return at is not None


def standing(session: Session, asked: Asked, *, now: datetime) -> Standing | None:
    """Reads it all; None where there is no province yet.

    Raises `UnknownAgency`, `UnknownFee` and `PeriodBackwards`.
    """
    nodes = {one.code: one for one in agencies.tree(session, on=asked.last)}
    if not nodes:
        return None
    top = _top(nodes, asked)
    whole = top.parent is None
    agency = None if whole else top.code
    period: dict[str, Any] = {"first": asked.first, "last": asked.last, "agency": agency}
    board = _board(session, asked, period)
    covered = coverage(session, as_of=now)
    aims = goals(
        session, Measure.CASHLESS_SHARE, list(nodes.values()), year=asked.last.year, as_of=now
    )
    known = board.units if whole and not asked.narrowed else None
    cash = {one.key: one.cash.fees for one in board.units}
    inside = [one for one in covered.of_kind(Kind.COMMUNE) if one.code in cash]
    tariff = fees.tariff(session, on=asked.last)
    return Standing(
        asked,
        now,
        nodes,
        top,
        coverage=covered,
        board=board,
        goals=aims,
        ranks=_ranks(session, asked, nodes, known),
        means=share.monthly_means(session, **period) if not asked.narrowed else {},
        hours=usage.hours(session, **period),
        payers=_payers(session, top, asked.last),
        promises=promises.promises(session, **period),
        steps=ranking.next_steps(inside, cash),
        fees=_fee_names(tariff),
        tariff=promises.open_tariff(tariff),
    )


def name_of(node: Node | UnitCoverage) -> str:
    """A unit's name in the reader's language, without the word for its office."""
    chosen = words.language.get()
    told = (node.name_en if chosen == "en" else None) or node.name_vi
    for office in _OFFICE.values():
        if told.startswith(office):
            told = told.removeprefix(office)
    told = told[:1].upper() + told[1:]
    return f"★ {told}" if node.code in pace_setters() else told


def shortest(node: Node | UnitCoverage) -> str:
    """The same without what kind of place it is, where that is the first word."""
    told = name_of(node)
    for kind in ("Thành phố ", "Thị xã ", "Huyện ", "Phường ", "Thị trấn ", "Xã "):
        told = told.replace(kind, "", 1) if told.removeprefix("★ ").startswith(kind) else told
    return told


def _top(nodes: Mapping[str, Node], asked: Asked) -> Node:
    if asked.unit:
        found = nodes.get(asked.unit)
    else:
        found = next((one for one in nodes.values() if one.parent is None), None)
    if found is None:
        raise UnknownAgency(pointer="query:unit", agency=asked.unit[:40], on=asked.last)
    return found


def _board(session: Session, asked: Asked, period: Mapping[str, Any]) -> Board:
    if not asked.narrowed:
        return share.board(session, **period)
    return share.narrowed(
        session, **period, procedure=asked.procedure or None, channel=asked.channel or None
    )


def _ranks(
    session: Session, asked: Asked, nodes: Mapping[str, Node], known: Sequence[Share] | None
) -> Mapping[str, Rank]:
    """Places by the cashless share of the period (`known` of every unit), and of one before it."""
    days = asked.last - asked.first
    ends = asked.first - timedelta(days=1)
    before = share.figures(session, first=ends - days, last=ends, by=By.UNIT)
    now = known or share.figures(session, first=asked.first, last=asked.last, by=By.UNIT)
    found: dict[str, Rank] = {}
    for kind in (Kind.DEPARTMENT, Kind.DISTRICT, Kind.COMMUNE):
        codes = {one.code for one in nodes.values() if one.kind is kind}
        found |= ranking.ranks(_exact(now, codes), _exact(before, codes))
    return found


def _exact(shares: Sequence[Share], codes: set[str]) -> dict[str, Fraction | int]:
    return {
        one.key: Fraction(one.cashless.fees, one.whole.fees)
        for one in shares
        if one.key in codes and one.whole.fees
    }


def _payers(session: Session, top: Node, last: date) -> Payers | None:
    begins = date(last.year, 1, 1)
    counted = usage.payers(session, span=Span.YEAR, begins=begins)
    return next((one for one in counted if one.agency == top.code), None)


def _fee_names(tariff: Sequence[Entry]) -> Mapping[str, str]:
    chosen = words.language.get()
    return {
        one.fee.code: (one.fee.name_en if chosen == "en" else None) or one.fee.name
        for one in tariff
    }
