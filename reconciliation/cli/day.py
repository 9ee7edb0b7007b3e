"""`cashless day`: run an account's day, and show what it came to.

Closing a day needs two people who are signed in, so it is in the console.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import click
import orjson
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import service
from payments.core.money import grouped
from payments.core.words import say
from reconciliation import day_close, jobs
from reconciliation.day_close import AccountDay, Progress, Step

_BY: Final = "command:day"
_DATE: Final = click.DateTime(["%Y-%m-%d"])

_SUM: Final = (
    "opening",
    "posted",
    "credits_unbooked",
    "debits_unbooked",
    "explained",
    "closing",
    "residual",
    "transit",
    "unseen",
    "early",
    "transit_residual",
)
"""The figures of the bridge, in the order in which they are added up."""


@click.group()
def day() -> None:
    """Reconcile an account's day, and show what it came to."""


def _which(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which day of which account."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table."),
        click.option("--bank", help="The bank's BIN, where two have that account number."),
        click.option("--date", "on", type=_DATE, required=True, help="The day, YYYY-MM-DD."),
        click.option("--account", "number", required=True, help="The account's number."),
    ):
        command = option(command)
    return command


@day.command()
@_which
def run(number: str, on: datetime, bank: str | None, *, as_json: bool) -> None:
    """Match the day's lines, derive its breaks and judge it; safe to repeat at any time."""
    with service.opened() as cashless:
        database, chosen = cashless.database, on.date()
        account = database.read(lambda session: agencies.by_number(session, number, bin=bank))
        length = database.read(
            lambda session: day_close.lines_to_look_at(session, account.id, chosen)
        )
        bar = sys.stderr
        with click.progressbar(length=2 * length, file=bar, hidden=not bar.isatty()) as progress:
            row = jobs.run_day(database, account.id, chosen, by=_BY, tell=_moving(progress))
    _tell(account, row, as_json=as_json)


@day.command()
@_which
def show(number: str, on: datetime, bank: str | None, *, as_json: bool) -> None:
    """Show what a day came to when it was run last."""

    def unit(session: Session) -> tuple[CollectionAccount, AccountDay]:
        account = agencies.by_number(session, number, bin=bank)
        return account, day_close.of(session, account.id, on.date())

    with service.opened() as cashless:
        account, row = cashless.database.read(unit)
    _tell(account, row, as_json=as_json)


def _moving(bar: Any) -> Callable[[Progress], None]:
    """Moves a bar as a run goes: each of its two walks looks at every line once."""
    half = (bar.length or 0) // 2

    def move(progress: Progress) -> None:
        done = half if progress.step is Step.TAKE else 2 * half
        if progress.step in (Step.CONFIRM, Step.TAKE):
            done = (0 if progress.step is Step.CONFIRM else half) + min(progress.lines, half)
        bar.update(max(0, done - bar.pos))

    return move


def _tell(account: CollectionAccount, row: AccountDay, *, as_json: bool) -> None:
    if as_json:
        told = orjson.dumps(fields(account.number, row), option=orjson.OPT_INDENT_2)
        click.echo(told)
        return
    for line in table(account.number, row):
        click.echo(line)


def fields(number: str, row: AccountDay) -> dict[str, Any]:
    """A day as one JSON object."""
    return {
        "account": number,
        "day": row.day,
        "verdict": row.verdict,
        "runs": row.runs,
        "run_at": row.run_at,
        "run_by": row.run_by,
        "proposed_by": row.proposed_by,
        "closed_by": row.closed_by,
        "closed_at": row.closed_at,
        "holds": row.holds,
        **row.figures,
    }


def table(number: str, row: AccountDay) -> Iterator[str]:
    """A day for people: its verdict, bridge, matches and breaks."""
    figures = row.figures
    verdict = say(f"verdict.{row.verdict}").upper()
    yield say("day.head", account=number, day=row.day, verdict=verdict)
    if figures["reasons"]:
        told = [say(day_close.reason_key(code)) for code in figures["reasons"]]
        yield say("day.reasons", reasons=", ".join(told))
    yield ""
    yield from _columns([(say(f"bridge.{name}"), figures["bridge"][name]) for name in _SUM])
    for title, key, group in (("matches", "rule", "rule"), ("breaks", "kind", "break")):
        yield from _group(title, figures[title], key=key, group=group)


def _group(title: str, some: Sequence[Mapping[str, Any]], *, key: str, group: str) -> Iterator[str]:
    if not some:
        return
    yield ""
    yield say(f"day.{title}")
    total = "sum" if title == "matches" else "amount"
    yield from _columns(
        [(f"{one['count']:>7}  {say(f'{group}.{one[key]}')}", one[total]) for one in some]
    )


def _columns(rows: Sequence[tuple[str, int | None]]) -> Iterator[str]:
    wide = max(len(label) for label, _ in rows)
    for label, amount in rows:
        shown = "-" if amount is None else grouped(amount)
        yield f"  {label:<{wide}}  {shown:>20}"
