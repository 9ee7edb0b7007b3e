"""Every figure equals a second count of the exported raw tables, by DuckDB and another way."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from payments.core.database import Database
from reconciliation.jobs.rollups import count_months_of, roll_up_changes
from reconciliation.targets import rollup_proof
from reconciliation.targets.rollup_tables import MonthlyMeans
from tests.province_year import LINE, YEAR, lay_out, province
from tests.reconciliation.targets.comparing import differences, same_months
from tests.second_count import SecondCount, export

SMALL = 3_000
WHOLE_YEAR = 1_200_000
NEW_YEAR = datetime(YEAR + 1, 1, 2, 3, tzinfo=UTC)


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
        same_months(session, second)
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
        same_months(session, second)
        return differences(session, second)

    assert database.read(compare) == []
    assert all(one.holds for one in database.read(rollup_proof.prove))
