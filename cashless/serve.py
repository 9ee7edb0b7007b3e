"""The commands that serve: `web`, `scheduler`, `run`, and `migrate` before them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Final

import click

from cashless import processes
from cashless.processes import Member
from cashless.web_server import own_folder
from payments.core import logs, metrics, migrations, schema, service
from payments.core import scheduler as clockwork
from payments.core.config import Config, Mode
from payments.core.errors import Refused
from payments.core.scheduler import Job, Loop
from payments.core.words import say
from payments.jobs import JOBS as PAYMENTS
from reconciliation.jobs import JOBS as RECONCILIATION

JOBS: Final[Sequence[Job | Loop]] = (*PAYMENTS, *RECONCILIATION)
"""The work of both halves by timetable."""

_PORT: Final = click.IntRange(1, 65535)


class SandboxOnly(Refused):
    """This command practises: it is not for a service with real money."""

    code = "sandbox_only"


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
    with service.opened() as cashless:
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
        logs.configure(level=config.log_level)
        clockwork.serve(clockwork.Scheduler(cashless, JOBS))


@click.command()
@click.option("--port", default=8000, show_default=True, type=_PORT, help="The port of the pages.")
def run(port: int) -> None:
    """Serve everything in one terminal, to practise with, until Ctrl-C."""
    environment = dict(os.environ) | {"CASHLESS_BASE_URL": f"http://127.0.0.1:{port}"}
    config = Config.load(environment)
    if config.mode is not Mode.SANDBOX:
        raise SandboxOnly
    logs.configure(level="WARNING")
    database = service.begin(config, pool_size=1).database
    service.reachable(database)
    migrations.migrate(database)
    database.dispose()
    with (
        tempfile.TemporaryDirectory(prefix="cashless-measurements-") as folder,
        processes.together(members(environment | {metrics.FOLDER: folder}, port=port)) as company,
    ):
        click.echo(say("run.serving", address=config.base_url))
        company.watch()


def members(environment: Mapping[str, str], *, port: int) -> list[Member]:
    """The processes of one small service: the web at `port`, and the scheduler."""
    cashless = (sys.executable, "-m", "cashless")
    here = f"http://127.0.0.1:{port}"
    return [
        Member("web", (*cashless, "web", "--port", str(port)), environment, f"{here}/healthz"),
        Member("scheduler", (*cashless, "scheduler"), environment),
    ]
