"""`cashless statement fetch` and `pull`: statements from banks' APIs, by hand and set up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, TextIO

import click
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import clock, service
from payments.core.calendar import local_day
from payments.core.errors import CashlessError
from payments.core.service import Service
from payments.core.words import say
from reconciliation import statements
from reconciliation.cli.writing import refuse_unknown_format
from reconciliation.jobs import Fetcher, layouts_of
from reconciliation.statements import Access, NoPull, StatementPull, Wanted

_BY: Final = "command:statement"
_DATE: Final = click.DateTime(["%Y-%m-%d"])
_FAILED: Final = 1

_account = click.option("--account", "number", required=True, help="The account's number.")
_bank = click.option("--bank", help="The bank's BIN, where two have that account number.")


@click.command()
@click.option("--account", "number", help="The account's number; every account's without it.")
@_bank
@click.option("--day", "on", type=_DATE, help="The day, YYYY-MM-DD; all that is missing without.")
def fetch(number: str | None, bank: str | None, on: datetime | None) -> None:
    """Fetch statements from banks now; exit 1 if one of them did not come."""
    with service.opened() as cashless:
        asked = _asked(cashless, number, bank, on)
        if not asked:
            click.echo(say("fetch.nothing"))
        fetcher = Fetcher()
        came = [_fetch(cashless, fetcher, account, one) for account, one in asked]
    if not all(came):
        raise SystemExit(_FAILED)


@click.group()
def pull() -> None:
    """Say which accounts' statements are fetched from their banks' APIs."""


@pull.command("set")
@_account
@_bank
@click.argument("address")
@click.option(
    "--key-file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="A file with the header's value, such as “Bearer …”; - is standard input.",
)
@click.option("--header", default="Authorization", show_default=True, help="It carries the key.")
@click.option("--format", "in_format", metavar="NAME", help="Found out if not given.")
@click.option("--since", type=_DATE, help="The first day to fetch; yesterday without it.")
def set_(
    number: str,
    bank: str | None,
    address: str,
    key_file: TextIO,
    header: str,
    in_format: str | None,
    since: datetime | None,
) -> None:
    """Fetch an account's statements at ADDRESS from now on, every quarter of an hour.

    ADDRESS holds {account}, and {day} (2026-11-24) or {yyyymmdd}.
    """
    access = Access(address, key_file.read().strip(), header, in_format)
    with service.opened() as cashless:
        refuse_unknown_format(in_format, layouts_of(cashless).described)
        now = clock.now()
        first = local_day(now) - timedelta(days=1) if since is None else since.date()

        def unit(session: Session) -> None:
            account = agencies.by_number(session, number, bin=bank)
            statements.begin_pull(
                session,
                account.id,
                access,
                since=first,
                allowed=cashless.config.bank_hosts,
                vault=cashless.vault,
                by=_BY,
                now=now,
            )

        cashless.database.write(unit)
    click.echo(say("pull.set", account=number, since=first))


@pull.command()
@_account
@_bank
def stop(number: str, bank: str | None) -> None:
    """Fetch no more statements of an account."""
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> None:
            account = agencies.by_number(session, number, bin=bank)
            statements.end_pull(session, account.id, by=_BY, now=now)

        cashless.database.write(unit)
    click.echo(say("pull.stopped", account=number))


@pull.command("list")
def list_() -> None:
    """Show whose statements are fetched, and where."""
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> list[tuple[str, StatementPull]]:
            return [
                (session.get_one(CollectionAccount, one.collection_account_id).number, one)
                for one in statements.pulls_in_force(session, now=now)
            ]

        for account, one in cashless.database.read(unit):
            click.echo(f"{account:<20} {one.since.isoformat()}  {one.address}")


def _asked(
    cashless: Service, number: str | None, bank: str | None, on: datetime | None
) -> list[tuple[str, Wanted]]:
    """The days to fetch, with their accounts' numbers. Raises `NoPull` for a named account."""
    now = clock.now()

    def unit(session: Session) -> list[tuple[str, Wanted]]:
        pulled = [one.collection_account_id for one in statements.pulls_in_force(session, now=now)]
        if number is not None:
            chosen = agencies.by_number(session, number, bin=bank).id
            if chosen not in pulled:
                raise NoPull
            pulled = [chosen]
        every = (
            statements.wanted(session, now=now)
            if on is None
            else [Wanted(account, on.date()) for account in pulled]
        )
        return [
            (session.get_one(CollectionAccount, one.collection_account_id).number, one)
            for one in every
            if one.collection_account_id in pulled
        ]

    return cashless.database.read(unit)


def _fetch(cashless: Service, fetcher: Fetcher, number: str, one: Wanted) -> bool:
    """Fetches a day and says how it went; whether its statement came."""
    try:
        done = fetcher.fetch(cashless, one, by=_BY)
    except CashlessError as error:
        why = say(f"error.{error.code}", in_language=None, **error.fields)
        click.echo(say("fetch.failed", account=number, day=one.day, why=why), err=True)
        return False
    added = sum(each.added for each in done.statements)
    click.echo(say("fetch.fetched", account=number, day=one.day, added=added))
    return True
