"""`cashless targets report|roll-up|prove`: shares as they were known, counted, and proved."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Final

import click
import orjson

from payments.core import clock, service, sheets
from payments.core.money import grouped
from payments.core.words import say
from reconciliation.jobs import rollups as rolling
from reconciliation.targets import rollup_proof, share, share_report
from reconciliation.targets.open_data import DATASETS, Dataset
from reconciliation.targets.percentages import percent
from reconciliation.targets.share_report import Line

_DIFFERS: Final = 1
_DATE: Final = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--as-of", type=_DATE, required=True, help="The last day, and what was known then.")
@click.option("--agency", help="The code of a unit, with all that is below it.")
@click.option("--json", "form", flag_value="json", help="One JSON object.")
@click.option("--csv", "form", flag_value="csv", help="CSV, one line a figure.")
@click.option(
    "--published",
    type=click.Choice(list(DATASETS)),
    help="Instead, the open data file of that name as it was published on the day after.",
)
def report(as_of: datetime, agency: str | None, form: str | None, published: str | None) -> None:
    """Tell the year's shares until a day, as they were known at its end: the same for ever."""
    day = as_of.date()
    if published is not None:
        if agency is not None or form is not None:
            raise click.UsageError(say("targets.published_alone"))
        _publish(DATASETS[published], day)
        return
    with service.opened() as cashless:
        lines = cashless.database.read(
            lambda session: share_report.report(session, day=day, agency=agency)
        )
    if form == "json":
        told = {"as_of": day, "agency": agency, "lines": [line.told() for line in lines]}
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    elif form == "csv":
        click.echo(_csv(lines), nl=False)
    else:
        _table(lines)


@click.command()
@click.option("--anew", is_flag=True, help="Every day there is, not only those that changed.")
def roll_up(*, anew: bool) -> None:
    """Count the days whose payments changed, and their months."""
    with service.opened() as cashless:
        if anew:
            days, cells = rolling.roll_up_anew(cashless.database)
        else:
            days, cells = rolling.roll_up_changes(cashless.database, now=clock.now())
        rolling.count_months_of(cashless.database, now=clock.now())
    click.echo(say("targets.rolled_up", days=days, cells=cells))


@click.command()
def prove() -> None:
    """Compare the roll-ups with the raw tables; exit 1 when any differ."""
    with service.opened() as cashless:
        found = cashless.database.read(rollup_proof.prove)
    for one in found:
        mark = "✓" if one.holds else "✗"
        click.echo(f"  {mark} {say(f'rollup.{one.name}'):<60} {grouped(one.actual):>22}")
        if not one.holds:
            click.echo(f"    {say('rollup.differs', expected=grouped(one.expected))}")
    holds = all(one.holds for one in found)
    click.echo(say("rollup.proves" if holds else "rollup.does_not_prove"))
    if not holds:
        sys.exit(_DIFFERS)


def _publish(dataset: Dataset, day: date) -> None:
    """Writes the file whole, byte for byte as it is downloaded."""
    with service.opened() as cashless:
        rows = cashless.database.read(lambda session: list(dataset.rows(session, day)))
    file = io.BytesIO()
    sheets.write_csv(file, dataset.headings, rows)
    click.echo(file.getvalue(), nl=False)


def _csv(lines: Sequence[Line]) -> str:
    to = io.StringIO()
    rows = [line.told() for line in lines]
    writer = csv.DictWriter(to, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return to.getvalue()


def _table(lines: Sequence[Line]) -> None:
    cut = None
    for line in lines:
        if line.cut != cut:
            cut = line.cut
            click.echo(say(f"targets.cut_{cut}"))
        fees = say("targets.fees", cashless=line.cashless.fees, cash=line.cash.fees)
        click.echo(
            f"  {line.key:<24} {_percent(line.of_fees):>9} {_percent(line.of_amount):>9}  {fees}"
        )


def _percent(part: int | None) -> str:
    return "–" if part is None else percent(Fraction(part, share.WHOLE), digits=2)
