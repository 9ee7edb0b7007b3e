"""`cashless run`: everything in one terminal, to practise with.

First the demonstration's day is lived, then web, scheduler and practice bank serve it until Ctrl-C.
What is practised with is kept in `var/`: the database, and in `practice.json`, for this user
alone, the sample portal's key, people's passwords, and what the bank's accounts held when it was
stopped, since the bank itself forgets.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Final

import click

from cashless import processes
from cashless.demo import receiver, stage
from cashless.demo.day import Day
from cashless.demo.http import Http
from cashless.demo.living import Life
from cashless.demo.receiver import Told
from cashless.demo.report import report
from cashless.demo.stage import Stage
from cashless.demo.telling import Teller
from payments.core import clock, metrics, words
from payments.core.config import VAR, Config, Mode
from payments.core.errors import Refused
from payments.core.words import later, say

_PORT: Final = click.IntRange(1, 65535)
_SEED: Final = 1
_DATABASE: Final = "cashless.sqlite"
_FIXED: Final = ("CASHLESS_BASE_URL", "CASHLESS_CLOCK_OFFSET_SECONDS")
_PATIENCE: Final = 10.0
_RETRY_FACTOR: Final = 1 / 60

CURL: Final = """\
curl -sS {web}/api/v1/payment-requests \\
  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -H "Idempotency-Key: by-hand-$(date +%s)" \\
  -d '{{"agency": "H09.d03", "dossier": "TRY-1", "channel": "online",
       "lines": [{{"fee": "LLTP"}}]}}'"""
"""Issues a request, as the README says."""


class SandboxOnly(Refused):
    """This command practises: it is not for a service with real money."""

    code = "sandbox_only"


@click.command()
@click.option("--port", default=8000, show_default=True, type=_PORT, help="The port of the pages.")
@click.option("--bank-port", default=8100, show_default=True, type=_PORT, help="The bank's port.")
@click.option(
    "--payments",
    type=click.IntRange(100, 10_000),
    default=300,
    show_default=True,
    help="How many payments are made on the day before.",
)
def run(port: int, bank_port: int, payments: int) -> None:
    """Serve everything in one terminal, to practise with, until Ctrl-C."""
    here = f"http://127.0.0.1:{port}"
    config = Config.load(dict(os.environ) | {"CASHLESS_BASE_URL": here})
    if config.mode is not Mode.SANDBOX:
        raise SandboxOnly
    for taken in (port, bank_port):
        processes.refuse_busy("127.0.0.1", taken)
    VAR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cashless-measurements-") as measurements:
        place = stage.build(
            VAR.absolute(),
            language=words.language.get(),
            now=clock.now(),
            web_port=port,
            bank_port=bank_port,
            settings=_settings(config) | {metrics.FOLDER: measurements},
        )
        if "CASHLESS_DATABASE_URL" not in os.environ and not (place.folder / _DATABASE).exists():
            _live(place, payments=payments)
        _serve(dataclasses.replace(place, stopped=0))  # being stopped is how serving ends


def _settings(config: Config) -> dict[str, str]:
    """The settings that were given, and the master key that is used."""
    given = {name: os.environ[name] for name in os.environ if name.startswith("CASHLESS_")}
    made = {} if "CASHLESS_MASTER_KEY_FILE" in given else {"CASHLESS_MASTER_KEY": _key(config)}
    return made | {name: text for name, text in given.items() if name not in _FIXED}


def _key(config: Config) -> str:
    return ",".join(base64.b64encode(key).decode() for key in config.master_keys)


def _live(place: Stage, *, payments: int) -> None:
    """Lives the day in a folder of its own, and moves it here once it is over."""
    folder = Path(tempfile.mkdtemp(prefix="day-", dir=place.folder))
    try:
        aside = dataclasses.replace(place, folder=folder)
        teller = Teller()
        teller.heading(later("demo.title"), payments=payments)
        outcome = Life(aside, teller, payments=payments, seed=_SEED, kills=0).live()
        report(teller, outcome)
        for path in (aside.kept, *sorted(folder.glob(f"{_DATABASE}*"), reverse=True)):
            path.rename(place.folder / path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(place: Stage) -> None:
    now = -place.ahead
    with ExitStack() as stack:
        inbox = stack.enter_context(receiver.listening())
        inbox.heard = functools.partial(_tell_message, language=place.language)
        practice = _practice(place)
        inbox.secret = practice.get("webhook_secret", "")
        stack.enter_context(place.banking(seed=_SEED, retry_factor=_RETRY_FACTOR, at=now))
        company = stack.enter_context(place.serving(place.members(at=now)))
        http = Http(patience=_PATIENCE)
        day = Day(place, http, practice, inbox, (), Random(_SEED))  # noqa: S311  keeps no secret
        day.open_accounts(practice.get("balances"))
        if practice["portal_key"] is not None:
            day.listen()
        place.keep({**practice, "webhook_secret": inbox.secret, "balances": day.balances()})
        _tell(place, practice)
        try:
            company.watch()
        finally:
            place.keep({**practice, "webhook_secret": inbox.secret, "balances": day.balances()})


def _practice(place: Stage) -> dict[str, Any]:
    """What there is to practise with: as it was kept, or made anew."""
    made = place.prepare(at=-place.ahead)
    if not place.kept.exists():
        return made
    kept: dict[str, Any] = json.loads(place.kept.read_text(encoding="utf-8"))
    return kept | {name: made[name] for name in ("accounts", "lines")}


def _tell(place: Stage, practice: Mapping[str, Any]) -> None:
    click.echo()
    click.secho(say("run.serving", address=place.web), bold=True)
    for key, address in (
        (later("run.console"), f"{place.web}/console"),
        (later("run.docs"), f"{place.web}/docs"),
        (later("run.bank"), f"{place.bank}/pay"),
        (later("run.logs"), str(place.folder)),
    ):
        click.echo(f"  {say(key):<34} {address}")
    click.echo()
    click.echo(say("run.people"))
    for person in practice["people"]:
        password = person["password"] or say("made earlier, not shown again")
        click.echo(f"  {person['username']:<16} {password}")
    click.echo()
    click.echo(say("run.issue"))
    click.echo(f"  KEY={practice['portal_key'] or say('made earlier, not shown again')}")
    click.echo("  " + CURL.format(web=place.web).replace("\n", "\n  "))
    click.echo()


def _tell_message(told: Told, *, language: str) -> None:
    """Told in a thread of its own, which does not know the command's language."""
    reference = told.data.get("reference") or told.data.get("payment_request", "")
    click.echo(say("run.webhook", in_language=language, type=told.type, reference=reference))
