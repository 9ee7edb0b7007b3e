"""Rolling up: a day counted anew from the raw tables, and only what changed written.

`pending` says which days have raw rows that changed since they were last counted; `refresh` counts
one; `keep` remembers how far one has got. Each may be run again: a day that has not changed has no
differences. One roller works at a time: it holds the row of the first mark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    Select,
    Table,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from payments.cash import CashCollection
from payments.core.columns import Amount, Code, Count, Day, Key
from payments.core.database import Rows, table_of
from payments.core.temporary import materialise, scratch
from payments.credits import Allocation, Evidence
from reconciliation.matching import LineMatch, MatchMember
from reconciliation.targets import raw_fees
from reconciliation.targets.monthly_tables import MonthDue
from reconciliation.targets.raw_fees import sides
from reconciliation.targets.rollup_tables import (
    CELL,
    FEES_CELL,
    MEANS_CELL,
    MEASURES,
    SIDES,
    TOTAL_CELL,
    DailyRollup,
    DailyTotal,
    MonthlyFees,
    MonthlyMeans,
    Raw,
    RollupMark,
)

LONGEST_UNIT: Final = timedelta(minutes=10)
"""No unit of work is open longer; rows of ids given before then are all to be seen."""

DAILY: Final = table_of(DailyRollup)
BY_MEANS: Final = table_of(MonthlyMeans)
BY_FEES: Final = table_of(MonthlyFees)
TOTAL: Final = table_of(DailyTotal)
MARK: Final = table_of(RollupMark)
DUE: Final = table_of(MonthDue)

_difference = Table(
    "rollup_difference",
    scratch,
    Column("agency_id", Key()),
    Column("fee_id", Key()),
    Column("channel", Code()),
    Column("means", Code()),
    Column("detail", Code()),
    Column("fees", Count()),
    Column("amount", Amount()),
    Column("waiting_fees", Count()),
    Column("waiting_amount", Amount()),
    prefixes=["TEMPORARY"],
)

_RAW: Final[Mapping[Raw, Table]] = {
    Raw.ALLOCATION: table_of(Allocation),
    Raw.EVIDENCE: table_of(Evidence),
    Raw.LINE_MATCH: table_of(LineMatch),
    Raw.CASH_COLLECTION: table_of(CashCollection),
}
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a raw table was counted, or was looked at."""

    row: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """The days to be counted anew, in order, and how far the raw tables were looked at."""

    days: Sequence[date]
    seen: Mapping[Raw, Mark]


def pending(session: Session, *, now: datetime) -> Pending:
    """The days whose raw rows changed since they were counted."""
    sure = _sure(session)
    newest = {raw: session.scalar(select(func.max(table.c.id))) for raw, table in _RAW.items()}
    days = set(session.scalars(_changed(sure)).all())
    return Pending(sorted(days), {raw: Mark(row or 0, now) for raw, row in newest.items()})


def every_day(session: Session) -> Sequence[date]:
    """Every day that has raw rows, or is counted: what a count from the beginning goes through."""
    known = union_all(*_all_days(), select(DAILY.c.day)).subquery()
    return sorted(session.scalars(select(known.c.day).distinct()).all())


def refresh(session: Session, day: date, *, known_on: date) -> int:
    """Counts a day anew and writes what is different, as known on `known_on`; how many cells.

    Must not run at once with another: see `hold`.
    """
    changed = differing(session, day)
    if changed:
        known = {"day": day, "known_on": known_on}
        _add(session, DAILY, known, CELL, MEASURES)
        month = {"month": day.replace(day=1)}
        _add(session, BY_MEANS, month, MEANS_CELL, MEASURES)
        _add(session, BY_FEES, month, FEES_CELL, SIDES)
        _add(session, TOTAL, {"day": day}, TOTAL_CELL, SIDES)
    _owe_count(session, day.replace(day=1))
    return changed


def differing(session: Session, day: date) -> int:
    """How many cells of a day are counted otherwise than the raw tables say; lays them out."""
    this = literal(day, Day())
    laid = raw_fees.lay_out(session, raw_fees.lines_of_days(this, this))
    return materialise(session, _difference, _differences(day, cash_alone=not laid))


def hold(session: Session) -> None:
    """Waits until this unit is the only one that rolls up."""
    rows = [
        {"name": raw.value, "seen": 0, "seen_at": _BEGINNING, "sure": 0, "sure_at": _BEGINNING}
        for raw in Raw
    ]
    session.execute(_insert(session, MARK).values(rows).on_conflict_do_nothing())
    first = select(MARK.c.id).where(MARK.c.name == Raw.ALLOCATION.value)
    session.execute(first.with_for_update())


def keep(session: Session, done: Pending) -> None:
    """Remembers that every change in `done` is counted, as far as nothing can still turn up."""
    for raw, looked in done.seen.items():
        mark = session.scalars(select(RollupMark).where(RollupMark.name == raw.value)).one()
        if looked.at - mark.seen_at >= LONGEST_UNIT:
            mark.sure, mark.sure_at = mark.seen, mark.seen_at - LONGEST_UNIT
            mark.seen, mark.seen_at = max(looked.row, mark.seen), looked.at
    session.flush()


def _sure(session: Session) -> Mapping[Raw, Mark]:
    known = {
        mark.name: Mark(mark.sure, mark.sure_at) for mark in session.scalars(select(RollupMark))
    }
    return {raw: known.get(raw.value, Mark(0, _BEGINNING)) for raw in Raw}


def _all_days() -> tuple[Rows, Rows]:
    cash, allocation = _RAW[Raw.CASH_COLLECTION], _RAW[Raw.ALLOCATION]
    return select(allocation.c.day), select(cash.c.taken_on)


def _changed(sure: Mapping[Raw, Mark]) -> Rows:
    """The days of fees that new rows, revoked matches and voided cash concern."""
    if not any(mark.row for mark in sure.values()):
        days = union_all(*_all_days()).subquery()
        return select(days.c.day).distinct()
    allocation, cash = _RAW[Raw.ALLOCATION], _RAW[Raw.CASH_COLLECTION]
    lines = select(allocation.c.payment_request_line_id).where(
        allocation.c.id > sure[Raw.ALLOCATION].row
    )
    credits = _changed_credits(sure).subquery()
    same = allocation.c.collection_account_id == credits.c.collection_account_id
    mark = sure[Raw.CASH_COLLECTION]
    voided = (cash.c.state == literal_column("'voided'")) & (cash.c.voided_at >= mark.at)
    days = union_all(
        select(allocation.c.day).where(allocation.c.payment_request_line_id.in_(lines)),
        select(allocation.c.day)
        .select_from(credits)
        .join(allocation, same & (allocation.c.credit_id == credits.c.credit_id)),
        select(cash.c.taken_on).where(cash.c.id > mark.row),
        select(cash.c.taken_on).where(voided),
    ).subquery()
    return select(days.c.day).distinct()


def _changed_credits(sure: Mapping[Raw, Mark]) -> Any:
    """The credits that were told of anew, matched, or lost their match: (account, credit)."""
    evidence, match = _RAW[Raw.EVIDENCE], _RAW[Raw.LINE_MATCH]
    member, mark = table_of(MatchMember), sure[Raw.LINE_MATCH]
    news = [
        match.c.id > mark.row,
        (match.c.revoked_at.is_not(None)) & (match.c.revoked_at >= mark.at),
    ]
    account = match.c.collection_account_id.label("collection_account_id")
    told = select(
        evidence.c.collection_account_id.label("collection_account_id"),
        evidence.c.credit_id.label("credit_id"),
    ).where(evidence.c.id > sure[Raw.EVIDENCE].row)
    first = [
        select(account, match.c.first_credit_id).where(new, match.c.first_credit_id.is_not(None))
        for new in news
    ]
    further = [
        select(account, member.c.credit_id)
        .select_from(match)
        .join(member, member.c.line_match_id == match.c.id)
        .where(new, member.c.credit_id.is_not(None))
        for new in news
    ]
    return union_all(told, *first, *further)


def _differences(day: date, *, cash_alone: bool) -> Select[Any]:
    """What the raw tables say of a day, less what is counted of it, cell by cell."""
    counted = select(
        *(DAILY.c[name] for name in CELL), *((-DAILY.c[name]).label(name) for name in MEASURES)
    ).where(DAILY.c.day == raw_fees.DAY)
    found = [raw_fees.cash_fees()] if cash_alone else [raw_fees.paid_fees(), raw_fees.cash_fees()]
    rows = union_all(*found, counted).subquery("counted")
    return raw_fees.summed(rows).params(day=day)


def _add(
    session: Session,
    table: Table,
    head: Mapping[str, date],
    cell: Sequence[str],
    measures: Sequence[str],
) -> None:
    """Adds the differences to the measures of a table, by `head` and `cell`.

    What is there is updated and the rest inserted: a constraint would look at the difference alone
    before a conflict is seen.
    """
    keys = [_difference.c[name] for name in cell]
    counted = {**_difference.c, **sides(_difference.c)}
    sums = [cast(func.sum(counted[name]), Amount()).label(name) for name in measures]
    new = select(*keys, *sums).group_by(*keys).subquery("new")
    told = {name: literal(value, Day()) for name, value in head.items()}
    same = and_(
        *(table.c[name] == value for name, value in told.items()),
        *(table.c[name] == new.c[name] for name in cell),
    )
    session.execute(
        update(table)
        .where(same)
        .values({name: table.c[name] + new.c[name] for name in measures})
        .execution_options(synchronize_session=False)
    )
    names = [*head, *cell, *measures]
    rows = select(*told.values(), *(new.c[name] for name in (*cell, *measures)))
    absent = rows.where(~exists(select(table.c.id).where(same).correlate(new)))
    session.execute(insert(table).from_select(names, absent, include_defaults=False))


def _owe_count(session: Session, month: date) -> None:
    """Notes that a day of the month was counted anew: who paid may have changed with it."""
    made = _insert(session, DUE).values(month=month, changes=1)
    more = {"changes": DUE.c.changes + 1}
    session.execute(made.on_conflict_do_update(index_elements=["month"], set_=more))


def _insert(session: Session, table: Table) -> Any:
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if on_sqlite else postgresql.insert(table)
