"""The ground that tests stand on: both engines are real, and no test leaves a trace."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payments.core import audit
from payments.core.database import Database
from tests.postgres import postgres_server
from tests.stores import SQLITE, Stores

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
OWN_SERVER = """
import sys, time
from tests.postgres import postgres_server
with postgres_server() as server:
    print(server.folder, flush=True)
    time.sleep(600)
"""
COUNTS_NOTES = """
import sys
from sqlalchemy import text
from payments.core.database import Database
count = text("SELECT count(*) FROM audit_entry")
print(Database(sys.argv[1]).read(lambda session: session.scalar(count)))
"""
VERSIONS = Path(__file__).parents[1] / "migrations" / "versions"


def note(session: Session) -> None:
    audit.append(session, actor="job:test", action="noted", subject="test:1", now=NOW)


def notes(session: Session) -> int:
    return session.scalars(select(func.count()).select_from(audit.AuditEntry)).one()


def fails_after_noting(session: Session) -> None:
    note(session)
    raise LookupError("the unit fails")


@pytest.mark.parametrize("time_round", [1, 2])
def test_what_a_test_writes_is_gone_in_the_next(database: Database, time_round: int) -> None:
    """Whichever of the two runs first, the other finds nothing."""
    assert database.read(notes) == 0
    database.write(note)
    assert database.read(notes) == 1


@pytest.mark.parametrize("time_round", [1, 2])
def test_a_setting_of_the_connection_is_gone_in_the_next(
    session: Session, engine: str, time_round: int
) -> None:
    """A test that switches a guard off does so for itself alone."""
    name = "ignore_check_constraints" if engine == SQLITE else "session_replication_role"
    show, switch = (
        (f"PRAGMA {name}", f"PRAGMA {name} = ON")
        if engine == SQLITE
        else (f"SHOW {name}", f"SET {name} = replica")
    )
    assert session.scalar(text(show)) in (0, "origin")
    session.execute(text(switch))
    assert session.scalar(text(show)) in (1, "replica")


def test_a_unit_that_fails_leaves_nothing_and_earlier_ones_stay(database: Database) -> None:
    """One failed unit is undone alone, as in production."""
    database.write(note)
    with pytest.raises(LookupError):
        database.write(fails_after_noting)
    assert database.read(notes) == 1


def test_reading_keeps_nothing(database: Database) -> None:
    """A unit that only reads cannot write, even by mistake."""
    database.read(note)
    assert database.read(notes) == 0


def test_a_session_and_the_database_see_one_another(session: Session, database: Database) -> None:
    """A test may build with its session and look through an edge."""
    note(session)
    session.commit()
    assert database.read(notes) == 1
    database.write(note)
    assert notes(session) == 2


@pytest.mark.committed
@pytest.mark.parametrize("time_round", [1, 2])
def test_a_committed_test_has_a_database_of_its_own(database: Database, time_round: int) -> None:
    """Another connection sees what was committed; the next test does not."""
    assert database.read(notes) == 0
    database.write(note)
    with database.engine.connect() as other:
        assert other.execute(text("SELECT count(*) FROM audit_entry")).scalar_one() == 1


@pytest.mark.committed
def test_another_process_finds_the_database_by_its_address(database_url: str) -> None:
    """What a test starts as a process works on the same, migrated database."""
    told = subprocess.run(
        [sys.executable, "-c", COUNTS_NOTES, database_url], check=True, capture_output=True
    )
    assert told.stdout.strip() == b"0"


@pytest.mark.committed
def test_units_of_threads_are_committed_side_by_side(database: Database) -> None:
    """Eight threads write at once and nothing is lost."""
    threads = [threading.Thread(target=database.write, args=(note,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read(notes) == 8


def test_the_tests_run_on_the_newest_schema(session: Session, engine: str) -> None:
    """The database of a test is migrated as production's is, on the engine that was asked for."""
    newest = max(path.stem[:4] for path in VERSIONS.glob("[0-9]*.py"))
    assert session.scalar(text("SELECT version_num FROM alembic_version")) == newest
    assert session.get_bind().dialect.name == engine


def test_no_server_is_started_for_sqlite(tmp_path: Path) -> None:
    """Who tests on SQLite alone does not wait for PostgreSQL."""
    with contextlib.ExitStack() as closing:
        stores = Stores(tmp_path, closing)
        with stores.fresh_url(SQLITE):
            assert "server" not in vars(stores)


def test_the_server_of_measurements_waits_for_the_disk() -> None:
    """Crashes and speed are tried with the settings of production."""
    with postgres_server(durable=True) as server, server._connect() as connection:
        settings = dict(
            connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name IN "
                "('fsync', 'synchronous_commit', 'full_page_writes')"
            ).fetchall()
        )
        assert settings == {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
        encoding = connection.execute("SHOW server_encoding").fetchone()
        assert encoding == ("UTF8",)
    assert not server.folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_killed_tests_leave_no_server_behind() -> None:
    """When the tests are killed outright, their PostgreSQL goes with them."""
    tests = subprocess.Popen([sys.executable, "-c", OWN_SERVER], stdout=subprocess.PIPE, text=True)
    assert tests.stdout is not None
    folder = Path(tests.stdout.readline().strip())
    server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    tests.send_signal(signal.SIGKILL)
    tests.wait()
    tests.stdout.close()
    assert ended(server)
    subprocess.run(["rm", "-rf", folder], check=True)


def ended(process: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{process}/stat").read_text().split()[2] == "Z":
            return True
        time.sleep(0.05)
    return False
