"""The five cuts of Decision 31/2021/QĐ-TTg, Art. 36: unit, bank or gateway, type, result, time.

The fourth, in detail, is in `detail`. Their figures are those of settled credits (`facts`), so each
comes to the same total.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Row as Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, banks
from payments.agencies import Agency, CollectionAccount, Node
from payments.core import words
from payments.core.sheets import Kind
from payments.payment_requests import PaymentRequest
from reconciliation.reports.asking import Asked, Grain
from reconciliation.reports.definition import Cells, Column, Report, Takes
from reconciliation.reports.facts import MEASURES, source_of, sums

CUT: Final = frozenset({Takes.PERIOD, Takes.BASIS, Takes.PORTAL})

Measures = tuple[int, ...]

_NOTHING: Final[Measures] = (0,) * len(MEASURES)
_STEP: Final = "·\N{NO-BREAK SPACE}"


def _by_unit(session: Session, asked: Asked) -> Iterator[Cells]:
    """Each unit after the one above it, with all that is below it; then units that ended."""
    found = {row[0]: _measures(row, 1) for row in sums(session, asked, lambda f: [f.c.agency_id])}
    nodes = agencies.tree(session, on=asked.last)
    own, ended = _on_the_tree(session, found, {node.code for node in nodes})
    with_below = _with_below(nodes, own)
    for node in nodes:
        total = with_below[node.code]
        if total != _NOTHING:
            name = _STEP * node.depth + _name(node)
            yield (node.depth, node.code, name, own.get(node.code, _NOTHING)[1], *total)
    for agency, total in sorted(ended.items()):
        yield (0, agency, agency, total[1], *total)


def _on_the_tree(
    session: Session, found: Mapping[int, Measures], codes: set[str]
) -> tuple[dict[str, Measures], dict[str, Measures]]:
    """The figures by unit of that day; of a unit that ended, by its successor where it has one."""
    known = {
        row.id: row
        for row in session.execute(select(Agency.id, Agency.code, Agency.successor_id)).all()
    }
    own: dict[str, Measures] = {}
    ended: dict[str, Measures] = {}
    for number, measures in found.items():
        agency, seen = known[number], {number}
        while agency.code not in codes and agency.successor_id not in (None, *seen):
            seen.add(agency.successor_id)
            agency = known[agency.successor_id]
        into = own if agency.code in codes else ended
        into[agency.code] = _added(into.get(agency.code, _NOTHING), measures)
    return own, ended


def _with_below(nodes: Sequence[Node], own: Mapping[str, Measures]) -> dict[str, Measures]:
    total = {node.code: own.get(node.code, _NOTHING) for node in nodes}
    for node in reversed(nodes):  # who is below comes after
        if node.parent is not None and node.parent in total:
            total[node.parent] = _added(total[node.parent], total[node.code])
    return total


def _by_bank(session: Session, asked: Asked) -> Iterator[Cells]:
    """The bank of the collection account, and the source that told of the credit first."""
    rows = sums(session, asked, lambda f: [f.c.collection_account_id, source_of(f.c.credit_id)])
    accounts = {one.id: one for one in session.scalars(select(CollectionAccount))}
    for row in rows:
        account = accounts[row[0]]
        bank = banks.by_bin(account.bin)
        name = bank.short_name if bank else account.bin
        yield (account.bin, name, account.number, row[1], *_measures(row, 2))


def _by_finding(session: Session, asked: Asked) -> Iterator[Cells]:
    for row in sums(session, asked, lambda f: [f.c.finding]):
        yield (row[0], *_measures(row, 1))


def _by_result(session: Session, asked: Asked) -> Iterator[Cells]:
    """What became of the request, and what each credit was found to be."""
    status = select(PaymentRequest.status)
    rows = sums(
        session,
        asked,
        lambda f: [
            status.where(PaymentRequest.id == f.c.payment_request_id).scalar_subquery(),
            f.c.finding,
        ],
    )
    for row in rows:
        yield (row[0] or "none", row[1], *_measures(row, 2))


def _by_time(session: Session, asked: Asked) -> Iterator[Cells]:
    """One row for each day, month or year with a credit, by its first day."""
    spans: dict[date, Measures] = {}
    for row in sums(session, asked, lambda f: [f.c.day]):
        begins = _first_of(row[0], asked.grain)
        spans[begins] = _added(spans.get(begins, _NOTHING), _measures(row, 1))
    for begins, measures in spans.items():
        yield (begins, *measures)


def _first_of(day: date, grain: Grain) -> date:
    if grain is Grain.DAY:
        return day
    return day.replace(day=1) if grain is Grain.MONTH else day.replace(month=1, day=1)


def _measures(row: Result[*tuple[Any, ...]], after: int) -> Measures:
    return tuple(int(value) for value in row[after:])


def _added(one: Measures, other: Measures) -> Measures:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _name(node: Node) -> str:
    return node.name_en if words.language.get() == "en" and node.name_en else node.name_vi


UNITS: Final = Report(
    "units",
    (
        Column("depth", Kind.COUNT),
        Column("agency"),
        Column("agency_name"),
        Column("own_amount", Kind.AMOUNT),
        *MEASURES,
    ),
    _by_unit,
    CUT,
    adds=lambda row: row[0] == 0,
)
BANKS: Final = Report(
    "banks",
    (
        Column("bin"),
        Column("bank"),
        Column("account"),
        Column("source", words="source"),
        *MEASURES,
    ),
    _by_bank,
    CUT,
)
FINDINGS: Final = Report(
    "findings", (Column("finding", words="finding"), *MEASURES), _by_finding, CUT
)
SUMMARY: Final = Report(
    "summary",
    (Column("status", words="status"), Column("finding", words="finding"), *MEASURES),
    _by_result,
    CUT,
)
TIMES: Final = Report(
    "times", (Column("since_day", Kind.DAY), *MEASURES), _by_time, CUT | {Takes.GRAIN}
)
