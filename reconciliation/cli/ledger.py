"""`cashless ledger`: prove that ledger, credits, requests and statements agree; export it."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import IO, Final

import click
import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import service
from payments.core.money import grouped
from payments.core.words import say
from reconciliation import proof, reports
from reconciliation.cli.writing import put
from reconciliation.jobs.report_files import written
from reconciliation.proof import Identity
from reconciliation.reports import Format, Part

_DIFFERS: Final = 1
_DATE: Final = click.DateTime(["%Y-%m-%d"])


@click.group()
def ledger() -> None:
    """Prove the ledger, or give it to other programs."""


@ledger.command()
@click.option("--account", "number", help="The account's number; every account without it.")
@click.option("--bank", help="The bank's BIN, where two have that account number.")
@click.option(
    "--date",
    "on",
    type=_DATE,
    help="Bank and transit at that day's end instead of now, YYYY-MM-DD.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def prove(number: str | None, bank: str | None, on: datetime | None, *, as_json: bool) -> None:
    """Compare every identity's two figures; exit 1 when any differ."""

    def unit(session: Session) -> tuple[list[Identity], dict[int, str]]:
        chosen = None if number is None else agencies.by_number(session, number, bin=bank).id
        rows = session.execute(select(CollectionAccount.id, CollectionAccount.number))
        found = proof.prove(session, account=chosen, day=on.date() if on else None)
        return found, {row.id: row.number for row in rows}

    with service.opened() as cashless:
        found, numbers = cashless.database.read(unit)
    holds = all(identity.holds for identity in found)
    if as_json:
        told = [_fields(identity, numbers) for identity in found]
        click.echo(orjson.dumps({"holds": holds, "identities": told}, option=orjson.OPT_INDENT_2))
    else:
        _table(found, numbers)
        click.echo(say("ledger.proves" if holds else "ledger.does_not_prove"))
    if not holds:
        sys.exit(_DIFFERS)


@ledger.command()
@click.option(
    "--format",
    "form",
    type=click.Choice([one.value for one in Format]),
    default=Format.CSV.value,
    help="Every posting as CSV, or a journal for hledger or beancount.",
)
@click.option("--from", "first", type=_DATE, help="The first day; from the beginning without it.")
@click.option("--to", "last", type=_DATE, help="The last day, included; to the end without it.")
@click.option("--account", "number", help="The account's number; every account without it.")
@click.option("--bank", help="The bank's BIN, where two have that account number.")
@click.option("--output", type=click.Path(dir_okay=False), help="The file to write.")
def export(
    form: str,
    first: datetime | None,
    last: datetime | None,
    number: str | None,
    bank: str | None,
    output: str | None,
) -> None:
    """Write the ledger's postings in the order they were booked."""

    def writer(session: Session, to: IO[bytes]) -> None:
        chosen = (
            reports.every_account(session)
            if number is None
            else [agencies.by_number(session, number, bin=bank).id]
        )
        part = Part(chosen, first.date() if first else None, last.date() if last else None)
        pieces = reports.export(session, part, Format(form))
        to.writelines(piece.encode() for piece in pieces)

    with service.opened() as cashless, written(cashless.database, writer) as file:
        put(file, output)


def _fields(identity: Identity, numbers: dict[int, str]) -> dict[str, object]:
    return {
        "account": numbers[identity.collection_account_id],
        "identity": identity.name.value,
        "expected": identity.expected,
        "actual": identity.actual,
        "difference": identity.difference,
    }


def _table(found: list[Identity], numbers: dict[int, str]) -> None:
    account = None
    for identity in found:
        if identity.collection_account_id != account:
            account = identity.collection_account_id
            click.echo(say("ledger.of_account", account=numbers[account]))
        mark = "✓" if identity.holds else "✗"
        words = say(f"identity.{identity.name}")
        figures = f"{_shown(identity.actual):>20}"
        if not identity.holds:
            figures += "  " + say(
                "ledger.differs",
                expected=_shown(identity.expected),
                difference=_shown(identity.difference),
            )
        click.echo(f"  {mark} {words:<66} {figures}")


def _shown(figure: int) -> str:
    return grouped(figure)
