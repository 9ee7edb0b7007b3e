"""Every figure equals a second count of the exported raw tables, by DuckDB and another way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from payments.core.database import Database
from reconciliation.jobs.rollups import count_months_of, roll_up_changes
from reconciliation.targets import rollup_proof, share, usage
from reconciliation.targets.monthly_tables import Span
from reconciliation.targets.promises import promises
from reconciliation.targets.rollup_tables import MonthlyMeans
from reconciliation.targets.share import By, Share, Way
from tests.province_year import FIRST, LAST, LINE, YEAR, lay_out, province
from tests.second_count import LOCAL, Figures, SecondCount, export

SMALL = 3_000
WHOLE_YEAR = 1_200_000
NEW_YEAR = datetime(YEAR + 1, 1, 2, 3, tzinfo=UTC)
PERIODS = [(FIRST, LAST), (date(YEAR, 2, 10), date(YEAR, 11, 20)), (FIRST, date(YEAR, 1, 1))]
DISTRICT = "H09.724"
CUTS: list[tuple[By, str]] = [
    (By.PROCEDURE, "fee"),
    (By.CHANNEL, "channel"),
    (By.MONTH, "date_trunc('month', day)::DATE"),
    (By.WEEK, "date_trunc('week', day)::DATE"),
    (By.DAY, "day"),
]


def figures_of(one: Share) -> Figures:
    sums = (one.cashless, one.cash, one.waiting)
    return tuple(int(part) for each in sums for part in (each.fees, each.amount))  # type: ignore[return-value]


def told(shares: Iterable[Share]) -> dict[str, Figures]:
    return {one.key: figures_of(one) for one in shares if one.whole.fees or one.waiting.fees}


def ways_told(ways: Iterable[Way]) -> dict[str, tuple[int, ...]]:
    return {
        f"{way.means} {way.detail}": (
            way.counted.fees,
            int(way.counted.amount),
            way.waiting.fees,
            int(way.waiting.amount),
        )
        for way in ways
    }


def differences(session: Session, second: SecondCount) -> list[str]:
    """The cuts in which the two counts differ."""
    found = []
    for first, last in PERIODS:
        for top in (None, DISTRICT):
            period = {"first": first, "last": last}
            for by, key in CUTS:
                ours = told(share.figures(session, by=by, agency=top, **period))
                if ours != second.cut(key, top=top, **period):
                    found.append(f"{by} {first} {top}")
            by_means = share.ways(session, agency=top, **period)
            theirs = second.cut("means || ' ' || detail", top=top, **period)
            if ways_told(by_means) != {
                key: (one[0] + one[2], one[1] + one[3], *one[4:]) for key, one in theirs.items()
            }:
                found.append(f"means {first} {top}")
        if told(share.figures(session, by=By.UNIT, **period)) != second.units(**period):
            found.append(f"unit {first}")
    return found


def of_the_month(session: Session, second: SecondCount) -> None:
    """Hours, payers, receipts, waits and ends of one month and of the year."""
    month, ends = date(YEAR, 5, 1), date(YEAR, 5, 31)
    hours = {
        (one.hour, cash): number
        for one in usage.hours(session, first=month, last=month)
        for cash, number in ((False, one.cashless), (True, one.cash))
        if number
    }
    assert hours == second.hours(first=month, last=ends)
    for span, first, last in ((Span.MONTH, month, ends), (Span.YEAR, FIRST, LAST)):
        theirs = second.payers(first=first, last=last)
        ours = usage.payers(session, span=span, begins=first)
        assert {one.agency for one in ours} == set(theirs)
        for one in ours:
            payers, first_time, repeat = theirs[one.agency]
            shown = usage.shown
            assert (one.payers, one.first_time, one.repeat) == (
                shown(payers, of=None),
                shown(first_time, of=payers),
                shown(repeat, of=payers),
            )
    kept = promises(session, first=month, last=month)
    local = LOCAL.format("{}")
    in_may = f"{local} >= '2026-05-01' AND {local} < '2026-06-01'"
    issued = in_may.format("issued_at", "issued_at")
    assert kept.receipts == second.one(f"SELECT count(*) FROM receipt WHERE {issued}")
    assert kept.requests.abandoned == second.one(
        f"SELECT count(*) FROM payment_request WHERE status = 'expired' AND {issued}"
    )
    assert kept.requests.issued == second.one(
        f"SELECT count(*) FROM payment_request WHERE amount > 0 AND {issued}"
    )
    assert kept.online + kept.counter == second.one(
        "SELECT count(*) FROM payment_request WHERE status = 'paid' AND refunded < amount"
        f" AND {in_may.format('paid_at', 'paid_at')}"
    )
    assert kept.receipt_after.bands == second.bands(
        "date_diff('second', r.paid_at, x.issued_at)",
        "receipt x JOIN payment_request r ON r.id = x.payment_request_id"
        f" WHERE {in_may.format('x.issued_at', 'x.issued_at')}",
    )
    assert kept.paid_after.bands == second.bands(
        "date_diff('second', issued_at, paid_at)",
        f"payment_request WHERE status = 'paid' AND {issued}",
    )
    assert kept.known_after.bands == second.bands(
        "date_diff('second', booked_at, settled_at)",
        "credit WHERE day BETWEEN '2026-05-01' AND '2026-05-31'"
        f" AND {local.format('booked_at')}::TIME <> '00:00'",
    )


def counted(database: Database, payments: int, folder: Path, *, every: int = 1) -> SecondCount:
    """The year laid out, rolled up, and exported for the second count."""
    database.write(lambda session: province(session, now=datetime(YEAR, 1, 1, 3, tzinfo=UTC)))
    lay_out(database, payments, every=every)
    days, cells = roll_up_changes(database, now=NEW_YEAR)
    assert days == -(-365 // every)
    assert cells
    month = date(YEAR, 5, 1)
    assert month in count_months_of(database, now=NEW_YEAR)
    database.read(lambda session: export(session, folder))
    return SecondCount(folder)


def test_a_small_year_is_counted_the_same_twice(database: Database, tmp_path: Path) -> None:
    """3,000 payments of 119 units: every cut, hours, payers, waits; a planted fault is found."""
    second = counted(database, SMALL, tmp_path, every=9)
    with database.session() as session:  # type: ignore[attr-defined]
        assert differences(session, second) == []
        of_the_month(session, second)
        assert all(one.holds for one in rollup_proof.prove(session))
        oldest = select(func.min(MonthlyMeans.id)).scalar_subquery()
        one_more = update(MonthlyMeans).where(MonthlyMeans.id == oldest)
        session.execute(one_more.values(fees=MonthlyMeans.fees + 1))
        assert differences(session, second)
        assert [one.name for one in rollup_proof.prove(session) if not one.holds] == [
            rollup_proof.Name.MONTHS_ARE_DAYS
        ]
        session.execute(one_more.values(fees=MonthlyMeans.fees - 1))
        kept = select(func.min(LINE.c.id)).where(LINE.c.refunded == 0).scalar_subquery()
        session.execute(update(LINE).where(LINE.c.id == kept).values(refunded=1))
        export(session, tmp_path)
        assert differences(session, SecondCount(tmp_path))


@pytest.mark.slow
@pytest.mark.committed
def test_a_whole_year_is_counted_the_same_twice(database: Database, tmp_path: Path) -> None:
    """1,200,000 payments of 119 units, 15 % in cash: every cut of both counts is the same."""
    second = counted(database, WHOLE_YEAR, tmp_path)

    def compare(session: Session) -> list[str]:
        of_the_month(session, second)
        return differences(session, second)

    assert database.read(compare) == []
    assert all(one.holds for one in database.read(rollup_proof.prove))
