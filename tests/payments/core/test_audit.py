"""The audit trail: a chain that nobody edits unseen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.core import audit
from payments.core.audit import GENESIS, AuditEntry
from payments.core.database import Database
from tests.stores import POSTGRESQL, SQLITE

NOW = datetime(2026, 11, 24, 3, 15, 59, 123456, tzinfo=UTC)
WITHOUT_GUARDS = {
    SQLITE: [
        "DROP TRIGGER audit_entry_refuses_update",
        "DROP TRIGGER audit_entry_refuses_delete",
    ],
    POSTGRESQL: ["ALTER TABLE audit_entry DISABLE TRIGGER ALL"],
}


def note(session: Session, subject: str = "test:1", **details: object) -> str:
    return audit.append(
        session, actor="staff:1", action="noted", subject=subject, details=details, now=NOW
    )


def a_chain(session: Session, length: int) -> list[str]:
    return [note(session, f"test:{number}", number=number) for number in range(length)]


def test_an_empty_trail_holds(session: Session) -> None:
    found = audit.verify(session)
    assert (found.entries, found.head, found.holds) == (0, GENESIS, True)


def test_each_entry_carries_the_hash_before_it(session: Session) -> None:
    first, second = a_chain(session, 2)
    rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [row.previous_hash for row in rows] == [GENESIS, first]
    assert [row.hash for row in rows] == [first, second]
    found = audit.verify(session)
    assert (found.entries, found.head, found.holds) == (2, second, True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        inner,
        max_size=3,
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(details=st.dictionaries(st.text("abcđệ", min_size=1), json_values, max_size=4))
def test_what_a_database_gives_back_has_the_same_hash(
    session: Session, details: dict[str, object]
) -> None:
    """Whatever JSON the details are, JSONB and TEXT return what was hashed."""
    note(session, "test:any", of=details)
    session.expire_all()
    assert audit.verify(session).holds


def test_an_instant_has_the_same_hash_wherever_its_clock_stands(session: Session) -> None:
    in_viet_nam = NOW.astimezone(timezone(timedelta(hours=7)))
    audit.append(session, actor="a", action="b", subject="c", now=in_viet_nam)
    session.expire_all()
    assert audit.verify(session).holds


def test_fractions_are_refused(session: Session) -> None:
    """A float that comes back as another one would break the chain."""
    with pytest.raises(TypeError):
        note(session, amounts=[{"of": 1.5}])
    assert audit.verify(session).entries == 0


def test_it_takes_no_edit(session: Session) -> None:
    a_chain(session, 2)
    with pytest.raises(DBAPIError, match="audit_entry is append-only"):
        session.execute(text("UPDATE audit_entry SET actor = 'staff:2'"))


TAMPERINGS: dict[str, str] = {
    "another actor": "UPDATE audit_entry SET actor = 'staff:2' WHERE id = {fifth}",
    "another action": "UPDATE audit_entry SET action = 'x' WHERE id = {fifth}",
    "another subject": "UPDATE audit_entry SET subject = 'x' WHERE id = {fifth}",
    "another instant": "UPDATE audit_entry SET at = {later} WHERE id = {fifth}",
    "other details": "UPDATE audit_entry SET details = '{{\"number\":7}}' WHERE id = {fifth}",
    "removed": "DELETE FROM audit_entry WHERE id = {fifth}",
    "first removed": "DELETE FROM audit_entry WHERE id = {first}",
    "moved": "UPDATE audit_entry SET id = {last} + 5 WHERE id = {fifth}",
    "hash rewritten": "UPDATE audit_entry SET actor = 'x', hash = 'f' WHERE id = {fifth}",
}


@pytest.mark.parametrize("how", sorted(TAMPERINGS))
@pytest.mark.committed
def test_whoever_gets_round_the_guards_is_found(database: Database, engine: str, how: str) -> None:
    """The verdict names the first entry that no longer fits."""
    database.write(lambda session: a_chain(session, 9))
    ids = database.read(lambda s: s.scalars(select(AuditEntry.id).order_by(AuditEntry.id)).all())
    later = "'2027-01-01T00:00:00.000000Z'"
    statement = TAMPERINGS[how].format(fifth=ids[4], first=ids[0], last=ids[-1], later=later)
    for edit in (*WITHOUT_GUARDS[engine], statement):
        database.write(lambda session, edit=edit: session.connection().exec_driver_sql(edit))
    found = database.read(audit.verify)
    assert not found.holds
    expected = {"removed": ids[5], "moved": ids[5], "first removed": ids[1]}
    assert found.broken_at == expected.get(how, ids[4])


@pytest.mark.committed
def test_a_tail_cut_off_is_found_by_the_head_written_down(database: Database, engine: str) -> None:
    head = database.write(lambda session: a_chain(session, 5))[-1]
    assert database.read(lambda session: audit.verify(session, head=head)).holds
    for edit in (*WITHOUT_GUARDS[engine], f"DELETE FROM audit_entry WHERE hash = '{head}'"):
        database.write(lambda session, edit=edit: session.connection().exec_driver_sql(edit))
    assert database.read(audit.verify).holds
    found = database.read(lambda session: audit.verify(session, head=head))
    assert (found.broken_at, found.head_found, found.holds) == (None, False, False)


def naive_append(session: Session, subject: str) -> None:
    """The same without the lock on the head: read the newest hash, add one more."""
    previous = session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1))
    session.execute(text("SELECT pg_sleep(0.05)"))
    entry = AuditEntry(
        at=NOW,
        actor="a",
        action="b",
        subject=subject,
        details={},
        previous_hash=previous or GENESIS,
    )
    entry.hash = audit.hash_of(entry)
    session.add(entry)
    session.flush()


def at_once(database: Database, append: Callable[[Session, str], object], threads: int) -> int:
    """How many of `threads` writers failed, each appending five times."""
    failures: list[Exception] = []
    start = threading.Barrier(threads)

    def work(name: int) -> None:
        start.wait()
        for number in range(5):
            try:
                database.write(lambda session, n=number: append(session, f"{name}:{n}"))
            except DBAPIError as error:
                failures.append(error)

    running = [threading.Thread(target=work, args=[name]) for name in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return len(failures)


@pytest.mark.committed
def test_many_append_at_once_and_the_chain_does_not_fork(database: Database) -> None:
    assert at_once(database, note, threads=8) == 0
    found = database.read(audit.verify)
    assert (found.entries, found.holds) == (40, True)


@pytest.mark.committed
def test_without_the_lock_the_table_itself_refuses_a_fork(database: Database, engine: str) -> None:
    """The naive variant on PostgreSQL: two entries after the same one are an integrity error."""
    if engine == SQLITE:
        database.write(note)  # a single writer cannot fork a chain
        assert database.read(audit.verify).holds
        return
    assert at_once(database, naive_append, threads=4) > 0
    assert database.read(audit.verify).holds
