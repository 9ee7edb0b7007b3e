"""`cashless targets import` and `set`: quarterly figures taken in, yearly targets set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Final

import click
import orjson

from payments.core import clock, service
from payments.core.calendar import local_day
from payments.core.words import say
from reconciliation import jobs
from reconciliation.jobs import Brought
from reconciliation.statements import Received
from reconciliation.targets import goals, percentages, quarters
from reconciliation.targets.coverage_import import Taken, Told
from reconciliation.targets.coverage_refusals import CoverageRefused, reasons
from reconciliation.targets.coverage_sheet import MOST_BYTES
from reconciliation.targets.coverage_tables import Measure

_BY: Final = "command:targets"
_DATE: Final = click.DateTime(["%Y-%m-%d"])
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import")
@click.argument("file", type=_FILE)
@click.option("--quarter", required=True, help="The quarter, such as 2026Q3.")
@click.option("--document", required=True, help="The document the figures are from.")
@click.option("--dated", type=_DATE, required=True, help="The date of that document.")
@click.option("--correction", help="Why these figures replace the quarter's.")
@click.option("--confirm", is_flag=True, help="What is striking about the figures is right.")
@click.option("--dry-run", is_flag=True, help="Only look; nothing is changed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
def import_(
    file: Path,
    quarter: str,
    document: str,
    dated: datetime,
    correction: str | None,
    *,
    confirm: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take in a quarter's figures from FILE; exit 2, with every reason, if it is refused.

    FILE is CSV or a workbook with a row for each commune. Whoever runs the machine does this alone;
    in the console it takes two persons.
    """
    told = Told(quarters.read(quarter), document, dated.date(), correction)
    with file.open("rb") as stream:
        received = Received(stream.read(MOST_BYTES + 1), file.name)
    taken: Taken | None = None
    with service.opened() as cashless:
        try:
            brought = jobs.look_at_coverage(cashless, received, told, by=_BY)
            _tell_striking(brought)
            if not dry_run:
                confirmed = brought if confirm else brought.unconfirmed()
                taken = jobs.import_coverage(cashless, received, told, confirmed, by=_BY)
        except CoverageRefused as refusal:
            for reason in reasons(refusal):
                click.echo(reason, err=True)
            raise
    if as_json:
        click.echo(orjson.dumps(_fields(told, brought, taken)))
    else:
        for sentence in _sentences(told, brought, taken):
            click.echo(sentence)


@click.command("set")
@click.argument("agency")
@click.option(
    "--measure",
    type=click.Choice([one.value for one in Measure]),
    required=True,
    help="Account coverage, or the cashless share of fees.",
)
@click.option("--year", type=int, required=True, help="The year in which it is to be reached.")
@click.option("--percent", required=True, help="The target in percent, such as 82.5.")
@click.option("--basis", required=True, help="The document by which it was decided.")
@click.option("--from", "valid_from", type=_DATE, help="From this day on; today without it.")
def set_(
    agency: str, measure: str, year: int, percent: str, basis: str, valid_from: datetime | None
) -> None:
    """Set what a unit (by its code), and all below it without one of their own, is to reach."""
    value = percentages.heard(percent)
    with service.opened() as cashless:
        now = clock.now()
        since = valid_from.date() if valid_from else local_day(now)
        cashless.database.write(
            lambda session: goals.set_target(
                session,
                agency,
                Measure(measure),
                year=year,
                value=value,
                basis=basis,
                valid_from=since,
                by=_BY,
                now=now,
            )
        )
    click.echo(
        say(
            "target.set",
            agency=agency,
            measure=say(f"target.measure.{measure}"),
            year=year,
            percent=percentages.percent(Fraction(value, 10_000), digits=2),
            since=since,
        )
    )


def _tell_striking(brought: Brought) -> None:
    """What has to be confirmed, before it is asked for."""
    for one in brought.looked.warnings if brought.looked else ():
        click.echo(
            say(
                f"coverage.striking.{one.what}",
                name=one.name,
                before=percentages.people(one.before),
                now="" if one.now is None else percentages.people(one.now),
            ),
            err=True,
        )


def _sentences(told: Told, brought: Brought, taken: Taken | None) -> Iterator[str]:
    if brought.looked is None:
        yield say("coverage.again", quarter=quarters.within(told.quarter))
        return
    sheet = brought.sheet
    yield say(
        "coverage.read",
        quarter=quarters.within(told.quarter),
        communes=len(sheet.figures),
        population=percentages.people(sheet.population),
        accounts=percentages.people(sheet.accounts),
        percent=percentages.percent(Fraction(sheet.accounts, sheet.population), digits=2),
        totals=sheet.totals,
    )
    if brought.looked.missing:
        yield say("coverage.missing", names=", ".join(brought.looked.missing))
    key = "coverage.looked" if taken is None else "coverage.imported"
    yield say(key, quarter=quarters.within(told.quarter), version=brought.looked.version)


def _fields(told: Told, brought: Brought, taken: Taken | None) -> dict[str, object]:
    looked = brought.looked
    return {
        "quarter": str(told.quarter),
        "again": looked is None,
        "imported": taken is not None and not taken.again,
        "version": taken.version.version if taken else looked and looked.version,
        "communes": len(brought.sheet.figures),
        "population": brought.sheet.population,
        "accounts": brought.sheet.accounts,
        "missing": list(looked.missing) if looked else [],
    }
