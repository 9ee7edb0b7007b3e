"""Damaged files at the import door: all of a file is stored, or nothing but why it was refused.

`CASHLESS_FUZZ_CASES` says how many files are brought, half of them to an account that has a right
statement of the same day already; case `n` is the same file in every run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.core.audit import AuditEntry
from payments.core.errors import Conflict, Invalid, NotFound
from payments.core.files import StoredFile
from payments.core.service import Service
from reconciliation import jobs
from reconciliation.formats import End, Line, Start, read
from reconciliation.statements import (
    FileState,
    Imported,
    LineReference,
    Received,
    Statement,
    StatementFile,
    StatementLine,
)
from tests.builders import a_province
from tests.fuzzing.oracle import statements
from tests.fuzzing.readers import damaged_file
from tests.fuzzing.seeds import seeds
from tests.services import a_service
from tests.statement_files import ACCOUNT
from tests.stores import RolledBack

CASES: Final = int(os.environ.get("CASHLESS_FUZZ_CASES", "72"))
SEED: Final = 13
"""With it a dozen files of each reader suffice to have some stored and some refused."""
READERS: Final = [reader for reader in seeds() if reader != "layouts"]
MESSAGES: Final = ("vietinbank_va",)
"""Word about the day, shown but never booked."""
KEPT: Final = (StatementFile, Statement, StatementLine, LineReference, StoredFile, AuditEntry)
REFUSED: Final = {StatementFile: 1, AuditEntry: 1}
"""What a refusal adds: its reason, and that it was noted."""


@dataclass
class Door:
    """The import door of one account."""

    database: RolledBack
    service: Service
    account: CollectionAccount

    def bring(self, content: bytes) -> Imported | None:
        """What came of a file; None if it was refused."""
        try:
            return jobs.import_statement(
                self.service, Received(content, "file"), account=self.account, by="staff:1"
            )
        except (Invalid, NotFound, Conflict):
            return None

    def counts(self) -> Counter[type]:
        """How many rows there are of everything that an import writes."""
        rows = select(
            *(select(func.count()).select_from(table).scalar_subquery() for table in KEPT)
        )
        row = self.database.read(lambda session: session.execute(rows).one())
        return Counter(dict(zip(KEPT, row, strict=True)))

    @contextmanager
    def tried(self) -> Iterator[None]:
        """Undoes whatever is done within."""
        point = self.database.connection.begin_nested()
        yield
        point.rollback()


@pytest.fixture
def door(database: RolledBack) -> Door:
    account = database.write(lambda session: a_province(session, number=ACCOUNT).account)
    return Door(database, a_service(database), account)


@pytest.mark.parametrize("reader", READERS)
def test_all_of_a_damaged_file_is_stored_or_nothing_of_it(door: Door, reader: str) -> None:
    """And brought again it changes nothing, or is refused again."""
    outcomes: Counter[bool] = Counter()
    for case in range(CASES // len(READERS)):
        content = damaged_file(reader, case, seed=SEED)
        with door.tried():
            if case % 2:
                door.bring(seeds()[reader][0])
            outcomes[_is_stored_whole(door, content)] += 1
    print(f"{reader}: {outcomes[True]} stored, {outcomes[False]} refused")
    assert bool(outcomes[True]) == (reader not in MESSAGES)
    assert outcomes[False]


def _is_stored_whole(door: Door, content: bytes) -> bool:
    """Whether the file was taken; asserts that nothing of it is stored if it was not."""
    before, lines_before = door.counts(), door.database.read(_lines)
    done = door.bring(content)
    added = door.counts() - before
    if done is None:
        assert added == REFUSED
        assert door.database.read(_newest_file).state == FileState.REFUSED
    elif not done.again:
        assert added[StatementFile] == 1
        assert added[StatementLine] == sum(one.added for one in done.statements)
        _assert_whole(done, content, door.database.read(_lines) - lines_before, lines_before)
    kept = door.counts()
    again = door.bring(content)
    assert (again is None) == (done is None)
    assert door.counts() - kept == (REFUSED if again is None else {})
    assert again is None or (again.again and again.file_id == done.file_id)
    return done is not None


def _assert_whole(
    done: Imported, content: bytes, new: Counter[Any], lines_before: Counter[Any]
) -> None:
    """Every statement and every line that moved money stands in the database as the file has it."""
    told = list(statements(read(BytesIO(content))))
    assert [_figures(start, end) for start, _, end in told] == [
        (one.format, one.opening, one.closing, one.credits, one.debits, one.balanced)
        for one in done.statements
    ]
    every = [Counter(_movement(line) for line in lines if line.amount) for _, lines, _ in told]
    stored = [one.lines for one in done.statements]
    assert [some.total() for some in every] == stored
    if not lines_before and len(every) == 1:
        assert new == every[0]
    assert not new - sum(every, Counter()), "a line that no statement has"
    if not any(one.compared for one in done.statements):
        known = {_figures_of(movement) for movement in new + lines_before}
        for some in every:
            assert {_figures_of(movement) for movement in some} <= known, "a line that is nowhere"


def _figures_of(movement: tuple[Any, ...]) -> tuple[Any, ...]:
    """Day, direction and amount: two lines that the bank calls by one name share these."""
    return movement[:3]


def _figures(start: Start, end: End) -> Sequence[Any]:
    return (start.format, start.opening, end.closing, end.credits, end.debits, end.balanced)


def _movement(line: Line) -> tuple[Any, ...]:
    way = "credit" if line.credit else "debit"
    return (line.day, way, int(line.amount), line.memo, line.bank_reference, line.reversal)


def _lines(session: Session) -> Counter[Any]:
    """The lines of the account as the database has them."""
    rows = select(
        StatementLine.day,
        StatementLine.direction,
        StatementLine.amount,
        StatementLine.memo,
        StatementLine.bank_reference,
        StatementLine.reversal,
    )
    return Counter(tuple(row) for row in session.execute(rows))


def _newest_file(session: Session) -> StatementFile:
    return session.scalars(select(StatementFile).order_by(StatementFile.id.desc())).first()
