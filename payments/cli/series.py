"""`cashless series`: the series of numbers that receipts are issued under."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import click
from sqlalchemy.orm import Session

from payments import receipts
from payments.core import clock, service
from payments.core.words import say
from payments.fees import FeeKind
from payments.receipts import Flaw, Opening

_BY: Final = "command:series"


@click.group()
def series() -> None:
    """Open, list and check series of receipt numbers."""


@series.command()
@click.argument("agency")
@click.argument("kind", type=click.Choice([kind.value for kind in FeeKind]))
@click.argument("form")
@click.argument("symbol")
@click.option("--tax-code", help="That of the agency which issues, 10 digits or 10-3.")
def add(agency: str, kind: str, form: str, symbol: str, tax_code: str | None) -> None:
    """Open a series, e.g. `H09 phi 01BLP0-001 BP-26T`; the symbol's digits are its year.

    It serves the agency and those below it that have none of their own. An agency issues only once
    there is a series for phi and one for le_phi.
    """
    opening = Opening(agency, FeeKind(kind), form, symbol, tax_code)
    with service.opened() as cashless:
        now = clock.now()
        cashless.database.write(
            lambda session: receipts.open_series(session, opening, by=_BY, now=now)
        )
    click.echo(say("series.opened", form=form, symbol=symbol))


@series.command("list")
def list_() -> None:
    """List every series: year, agency, kind, form, symbol and how many numbers are used."""
    with service.opened() as cashless:
        lines = cashless.database.read(_lines)
    for line in lines:
        click.echo(line)


@series.command()
def check() -> None:
    """Count that each series has one receipt for each number used; exits with 1 if one has not."""
    with service.opened() as cashless:
        found: Sequence[Flaw] = cashless.database.read(
            lambda session: list(receipts.flaws(session))
        )
    for flaw in found:
        click.echo(say("series.flaw", **asdict(flaw)), err=True)
    if found:
        sys.exit(1)
    click.echo(say("series.whole"))


def _lines(session: Session) -> list[str]:
    return [
        "\t".join(
            (
                str(one.year),
                agency.code,
                one.kind,
                one.form,
                one.symbol,
                str(one.next_number - 1),
            )
        )
        for one, agency in receipts.all_series(session)
    ]
