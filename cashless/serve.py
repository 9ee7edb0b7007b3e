"""The commands that serve: `web`, `scheduler`, and `migrate` before them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from typing import Final

import click

from cashless.processes import refuse_busy
from cashless.web_server import own_folder
from payments.core import logs, metrics, migrations, schema, service
from payments.core import scheduler as clockwork
from payments.core.config import Config
from payments.core.scheduler import Job, Loop
from payments.core.words import say
from payments.jobs import JOBS as PAYMENTS
from reconciliation.formats import formats_with
from reconciliation.jobs import JOBS as RECONCILIATION

JOBS: Final[Sequence[Job | Loop]] = (*PAYMENTS, *RECONCILIATION)
"""The work of both halves by timetable."""

_PORT: Final = click.IntRange(1, 65535)


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date; safe to run twice, and on several hosts at once."""
    logs.configure(level="WARNING")
    cashless = service.begin(Config.load(os.environ), pool_size=1)
    try:
        service.reachable(cashless.database)
        migrations.migrate(cashless.database)
    finally:
        cashless.database.dispose()
    click.echo(say("migrate.done", revision=schema.newest()))


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=_PORT, help="The port to listen on.")
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Processes; 2, on SQLite 1, if not told."
)
def web(host: str, port: int, workers: int | None) -> None:
    """Serve the pages, the API and the callbacks."""
    refuse_busy(host, port)
    with service.opened() as cashless:
        formats_with(cashless.config.layouts)
        count = workers or (1 if cashless.database.is_sqlite else 2)
    sys.stdout.flush()
    environment = dict(os.environ)
    if metrics.FOLDER not in environment:
        environment[metrics.FOLDER] = tempfile.mkdtemp(prefix=own_folder(os.getpid()))
    settings = ["--config", "python:cashless.web_server", "--workers", str(count)]
    command = [sys.executable, "-m", "gunicorn", *settings, "--bind", f"{host}:{port}"]
    os.execve(sys.executable, command, environment)  # noqa: S606  our own words, no shell


@click.command()
def scheduler() -> None:
    """Do what is done by timetable and in loops: settle, deliver, reconcile the day."""
    config = Config.load(os.environ)
    with service.opened() as cashless:
        formats_with(config.layouts)
        logs.configure(level=config.log_level)
        clockwork.serve(clockwork.Scheduler(cashless, JOBS))
