"""The service's processes for a bench, as production runs them, and the processor time they take.

Their log goes to a file. Processor time is read from /proc, so only on Linux; elsewhere it is 0.
"""

from __future__ import annotations

import base64
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from sqlalchemy import text

from cashless.processes import Member
from payments.core import metrics
from payments.core.database import Database

KEY = b"k" * 32
"""The master key of `tests.builders.a_vault`: what a bench seals, the service opens."""

_TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def address_of(database: Database) -> str:
    """The address of a bench's database, for other processes."""
    return database.engine.url.render_as_string(hide_password=False)


def environment(database: Database, folder: Path, *, port: int) -> Mapping[str, str]:
    """The settings of the service under load: those of production, all on this machine."""
    counted = folder / "measurements"
    counted.mkdir(exist_ok=True)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CASHLESS_")}
    return ours | {
        "CASHLESS_DATABASE_URL": address_of(database),
        "CASHLESS_BASE_URL": f"http://127.0.0.1:{port}",
        "CASHLESS_MASTER_KEY": base64.b64encode(KEY).decode(),
        metrics.FOLDER: str(counted),
    }


def web(database: Database, folder: Path, *, port: int, workers: int) -> Member:
    """gunicorn as `cashless web` starts it, serving the application with the bench's addresses."""
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:cashless.web_server"]
    settings = ["--workers", str(workers), "--bind", f"127.0.0.1:{port}"]
    command = _logged([*gunicorn, *settings, "bench.under_load:create_app()"], folder / "web.log")
    ready = f"http://127.0.0.1:{port}/healthz"
    return Member("web", command, environment(database, folder, port=port), ready)


def scheduler(database: Database, folder: Path, *, port: int) -> Member:
    """The service's own scheduler: settle loop, deliveries, expiry."""
    command = _logged([sys.executable, "-m", "cashless", "scheduler"], folder / "scheduler.log")
    return Member("scheduler", command, environment(database, folder, port=port))


def postmaster(database: Database) -> int | None:
    """The process id of a PostgreSQL server on this machine; None for the embedded engine."""
    if database.is_sqlite:
        return None
    backend = database.read(lambda session: session.scalar(text("SELECT pg_backend_pid()")))
    return _parents().get(int(backend or 0))


def processor_seconds(roots: Iterable[int | None]) -> float:
    """Processor time so far of these processes and all that descend from them, in seconds."""
    parents = _parents()
    chosen = {root for root in roots if root is not None}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in chosen} - chosen
        chosen, grown = chosen | more, bool(more)
    return sum(_ticks(pid) for pid in chosen) / _TICKS


def _logged(command: list[str], log: Path) -> list[str]:
    return ["/bin/sh", "-c", 'exec "$@" >"$0" 2>&1', str(log), *command]


def _parents() -> dict[int, int]:
    """The parent of every process of this machine."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(folder.name))
        if fields:
            found[int(folder.name)] = int(fields[1])
    return found


def _ticks(pid: int) -> int:
    """Clock ticks of a process and of its children that have ended."""
    return sum(int(field) for field in _stat(pid)[11:15])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name: state, parent, …; none if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
