"""`cashless seed`: fill the service with units and tariff, and with something to practise with."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Final

import click
from sqlalchemy.orm import Session

from payments import banks, policies
from payments import seed as seeding
from payments.core import clock, service
from payments.core.words import later, say
from payments.seed.files import DEPARTMENTS, TARIFF, UNITS

_BY: Final = "command:seed"
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--units", type=_FILE, default=UNITS, help="Districts and communes, as CSV.")
@click.option("--departments", type=_FILE, default=DEPARTMENTS, help="Departments, as JSON.")
@click.option("--tariff", type=_FILE, default=TARIFF, help="The tariff, as JSON.")
@click.option("--sample", is_flag=True, help="Also what to practise with; sandbox mode only.")
@click.option("--json", "as_json", is_flag=True, help="Print what to practise with as JSON alone.")
def seed(*, units: Path, departments: Path, tariff: Path, sample: bool, as_json: bool) -> None:
    """Load units and tariff from files; what a file changes holds from today on."""
    listed = seeding.read_units(units, departments)
    priced = seeding.read_tariff(tariff)
    with service.opened() as cashless:
        now, vault, mode = clock.now(), cashless.vault, cashless.config.mode

        def unit(
            session: Session,
        ) -> tuple[seeding.Loaded, seeding.Loaded, seeding.Practice | None]:
            return (
                seeding.load_units(session, listed, by=_BY, now=now),
                seeding.load_tariff(session, priced, by=_BY, now=now),
                seeding.practise(session, vault, mode=mode, by=_BY, now=now) if sample else None,
            )

        agencies, fees, practice = cashless.database.write(unit)
    if as_json:
        click.echo(json.dumps(practice and dataclasses.asdict(practice), ensure_ascii=False))
        return
    _tell(later("Agencies"), agencies)
    _tell(later("Fees"), fees)
    click.echo(say("seed.built_in", banks=len(banks.every_bank()), policies=len(policies.RULES)))
    if practice is not None:
        _tell_practice(practice)


def _tell(what: str, loaded: seeding.Loaded) -> None:
    click.echo(
        say(
            "seed.loaded",
            what=say(what),
            added=loaded.added,
            changed=loaded.changed,
            unchanged=loaded.unchanged,
            unmentioned=loaded.unmentioned,
        )
    )


def _tell_practice(practice: seeding.Practice) -> None:
    for account in practice.accounts:
        click.echo(
            f"{say('Account')}: {account.bin} {account.number} {account.name} ({account.agency})"
        )
    for line in practice.lines:
        click.echo(f"{say('Callbacks')}: /callbacks/{line.source}/{line.public_id} ({line.scheme})")
    key = practice.portal_key or say("made earlier, not shown again")
    click.echo(f"{say('Portal')}: {practice.portal}: {key}")
    for person in practice.people:
        password = person.password or say("made earlier, not shown again")
        click.echo(f"{say('Person')}: {person.username}: {password}")
