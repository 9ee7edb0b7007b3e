"""Series of receipt numbers: opened by people, used up without a gap, checked by counting.

A series belongs to the agency that issues, with its tax code, and serves every agency below it
that has none of its own: a province may have one pair for all, or each office its own. An agency
issues only once it has a series for phí and one for lệ phí, since what a payer paid of both is
receipted together or not at all.

Form code and symbol: Decree 123/2020/ND-CP, Art. 32, and Circular 78/2021/TT-BTC (`01BLP0-001`,
`BI-26T`: two letters, the year's last two digits, one letter).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import Agency
from payments.core import audit
from payments.core.calendar import local_day
from payments.core.errors import Conflict, Invalid
from payments.fees import FeeKind
from payments.receipts.tables import LAST_NUMBER, Receipt, ReceiptSeries

_FORM: Final = re.compile(r"0[1-9]BLP[0-9]-[0-9]{3}")
_SYMBOL: Final = re.compile(r"[A-Z]{2}-(?P<year>[0-9]{2})[A-Z]")
_TAX_CODE: Final = re.compile(r"[0-9]{10}(-[0-9]{3})?")
_CENTURY: Final = 2000


class SeriesMalformed(Invalid):
    """A form code, symbol or tax code that is not written as the rules say."""

    code = "series_malformed"


class SeriesTaken(Conflict):
    """The form code and symbol are in use, or the agency has a series for that kind and year."""

    code = "series_taken"


@dataclass(frozen=True, slots=True)
class Opening:
    """A series as a person opens it; the year is that of its symbol."""

    agency: str
    kind: FeeKind
    form: str
    symbol: str
    tax_code: str | None = None

    @property
    def year(self) -> int:
        """The year in whose days its numbers are given. Raises `SeriesMalformed`."""
        found = _SYMBOL.fullmatch(self.symbol)
        if found is None:
            raise SeriesMalformed(pointer="/symbol", value=self.symbol)
        return _CENTURY + int(found["year"])


def open_series(session: Session, opening: Opening, *, by: str, now: datetime) -> ReceiptSeries:
    """Opens a series whose first number is 1.

    Raises `SeriesMalformed`, `SeriesTaken` or `UnknownAgency`.
    """
    year = opening.year
    for name, pattern, value in (
        ("form", _FORM, opening.form),
        ("tax_code", _TAX_CODE, opening.tax_code),
    ):
        if value is not None and not pattern.fullmatch(value):
            raise SeriesMalformed(pointer=f"/{name}", value=value)
    agency = agencies.by_code(session, opening.agency, on=local_day(now))
    if _is_taken(session, opening, agency):
        raise SeriesTaken(form=opening.form, symbol=opening.symbol)
    series = ReceiptSeries(
        agency_id=agency.id,
        kind=opening.kind.value,
        year=year,
        form=opening.form,
        symbol=opening.symbol,
        tax_code=opening.tax_code,
        next_number=1,
    )
    session.add(series)
    session.flush()
    audit.append(
        session,
        actor=by,
        action="receipt_series.opened",
        subject=f"receipt_series:{opening.form} {opening.symbol}",
        details={
            "agency": opening.agency,
            "kind": opening.kind.value,
            "year": year,
            "tax_code": opening.tax_code,
        },
        now=now,
    )
    return series


def all_series(session: Session) -> Sequence[tuple[ReceiptSeries, Agency]]:
    """Every series and the agency that issues under it, the newest year first."""
    rows = session.execute(
        select(ReceiptSeries, Agency)
        .join(Agency, Agency.id == ReceiptSeries.agency_id)
        .order_by(ReceiptSeries.year.desc(), Agency.code, ReceiptSeries.kind)
    )
    return [(series, agency) for series, agency in rows]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues for an agency, and the series of each kind, by number."""

    name: str
    series: Mapping[FeeKind, ReceiptSeries] = field(repr=False)


def issuers(session: Session, *, now: datetime, room: int) -> Mapping[str, Issuer]:
    """Who issues today, by the code of every agency that can have receipts.

    Left out is an agency without a series of both kinds, or with fewer than `room` numbers left.
    For one that has ended since it asked for money, the province issues.
    """
    today = local_day(now)
    rows = session.execute(
        select(ReceiptSeries, Agency)
        .join(Agency, Agency.id == ReceiptSeries.agency_id)
        .where(ReceiptSeries.year == today.year)
        .where(ReceiptSeries.next_number <= LAST_NUMBER + 1 - room)
    )
    own: dict[str, dict[FeeKind, ReceiptSeries]] = {}
    for series, agency in rows:
        own.setdefault(agency.code, {})[FeeKind(series.kind)] = series
    nodes = {node.code: node for node in agencies.tree(session, on=today)}
    found: dict[str, Issuer] = {}
    for code, node in nodes.items():  # a parent comes before its children
        pair = own.get(code, {})
        if len(pair) == len(FeeKind):
            found[code] = Issuer(node.name_vi, pair)
        elif node.parent in found:
            found[code] = found[node.parent]
    province = next(
        (found[code] for code, node in nodes.items() if not node.parent and code in found), None
    )
    if province is not None:
        for code in session.scalars(select(Agency.code).distinct()):
            if code not in nodes:
                found[code] = province
    return found


@dataclass(frozen=True, slots=True)
class Flaw:
    """A series whose receipts are not one for each number up to the last used."""

    form: str
    symbol: str
    used: int
    receipts: int
    first: int | None
    last: int | None


def flaws(session: Session) -> Iterator[Flaw]:
    """The series with a gap or a number beyond those used: none, as long as all is well.

    That no number is there twice is held by the table, so counting them finds every gap.
    """
    counted = (
        select(
            Receipt.receipt_series_id.label("series_id"),
            func.count().label("receipts"),
            func.min(Receipt.number).label("first"),
            func.max(Receipt.number).label("last"),
        )
        .group_by(Receipt.receipt_series_id)
        .subquery()
    )
    used = ReceiptSeries.next_number - 1
    receipts = func.coalesce(counted.c.receipts, 0)
    rows = session.execute(
        select(
            ReceiptSeries.form,
            ReceiptSeries.symbol,
            used,
            receipts,
            counted.c.first,
            counted.c.last,
        )
        .outerjoin(counted, counted.c.series_id == ReceiptSeries.id)
        .where(or_(receipts != used, counted.c.first != 1, counted.c.last != used))
        .order_by(ReceiptSeries.id)
    )
    return (Flaw(*row) for row in rows)


def _is_taken(session: Session, opening: Opening, agency: Agency) -> bool:
    same_agency = select(Agency.id).where(Agency.code == agency.code)
    taken = select(ReceiptSeries.id).where(
        or_(
            (ReceiptSeries.form == opening.form) & (ReceiptSeries.symbol == opening.symbol),
            (ReceiptSeries.agency_id.in_(same_agency))
            & (ReceiptSeries.kind == opening.kind.value)
            & (ReceiptSeries.year == opening.year),
        )
    )
    return session.scalar(taken.limit(1)) is not None
