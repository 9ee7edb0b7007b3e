"""`cashless report`: any report as a table, as a file, or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from itertools import islice
from typing import IO, Any, Final

import click
import orjson
from sqlalchemy.orm import Session

from payments import agencies
from payments.core import clock, service
from payments.core.calendar import VIETNAM, local_day
from payments.core.errors import Invalid
from payments.core.words import say
from reconciliation import reports
from reconciliation.cli.writing import put
from reconciliation.jobs.report_files import Writer, written
from reconciliation.reports import Asked, Basis, FileKind, Grain, Report, Total

DAY_RECORD: Final = "day_record"
MOST_ON_SCREEN: Final = 1_000
_DATE: Final = click.DateTime(["%Y-%m-%d"])
_MOMENT: Final = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


class AccountMissing(Invalid):
    """The record of a day is of one account; say of which."""

    code = "account_missing"


class NotForTheScreen(Invalid):
    """A workbook or a PDF goes into a file."""

    code = "not_for_the_screen"


def _values(codes: type[StrEnum]) -> list[str]:
    """The codes as texts: click would offer the names of an enumeration instead."""
    return [code.value for code in codes]


@click.command()
@click.argument("name", type=click.Choice([*reports.REPORTS, DAY_RECORD]))
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", *_values(FileKind), "json"]),
    default="table",
    help="A table for the screen, a file, or JSON.",
)
@click.option("--from", "first", type=_DATE, help="The first day; of this month, the first.")
@click.option("--to", "last", type=_DATE, help="The last day, included; today without it.")
@click.option("--account", "number", help="The account's number; every account without it.")
@click.option("--bank", help="The bank's BIN, where two have that account number.")
@click.option(
    "--basis",
    type=click.Choice(_values(Basis)),
    default=Basis.PAYMENT.value,
    help="Count by the day of payment, or by the bank's day where a statement shows it.",
)
@click.option(
    "--by",
    "grain",
    type=click.Choice(_values(Grain)),
    default=Grain.DAY.value,
    help="What stands on one row of the report by time.",
)
@click.option("--known-at", type=_MOMENT, help="Balances as they were known then, Viet Nam's time.")
@click.option("--output", type=click.Path(dir_okay=False), help="The file to write.")
def report(
    name: str, form: str, number: str | None, bank: str | None, output: str | None, **period: Any
) -> None:
    """Tell what was paid, by unit, bank, type, result and time; what is open; what is where."""
    with service.opened() as cashless:
        found = cashless.database.read(lambda session: _accounts(session, number=number, bank=bank))
        asked = _asked(found, **period)
        writer = _writer(name, form, asked)
        if output is None and form in (FileKind.XLSX, FileKind.PDF) and sys.stdout.isatty():
            raise NotForTheScreen
        with written(cashless.database, writer) as file:
            put(file, output)


def _accounts(session: Session, *, number: str | None, bank: str | None) -> list[int]:
    if number is None:
        return reports.every_account(session)
    return [agencies.by_number(session, number, bin=bank).id]


def _asked(
    accounts: Sequence[int],
    *,
    first: datetime | None,
    last: datetime | None,
    basis: str,
    grain: str,
    known_at: datetime | None,
) -> Asked:
    now = clock.now()
    until = last.date() if last else local_day(now)
    return Asked(
        first=first.date() if first else until.replace(day=1),
        last=until,
        accounts=accounts,
        now=now,
        basis=Basis(basis),
        grain=Grain(grain),
        known_at=known_at.replace(tzinfo=VIETNAM) if known_at else None,
    )


def _writer(name: str, form: str, asked: Asked) -> Writer:
    """What writes the report that is asked for."""
    if name == DAY_RECORD:
        if len(asked.accounts) != 1:
            raise AccountMissing
        return lambda session, to: _day_record(session, asked.accounts[0], asked.last, to)
    chosen = reports.by_name(name)
    if form in set(FileKind):
        kind = FileKind(form)
        return lambda session, to: reports.write(session, chosen, asked, as_=kind, to=to)
    lines = _json if form == "json" else _table
    return lambda session, to: to.writelines(
        f"{line}\n".encode() for line in lines(session, chosen, asked)
    )


def _day_record(session: Session, account: int, day: date, to: IO[bytes]) -> None:
    held = session.get_one(agencies.CollectionAccount, account)
    to.write(reports.day_record(session, held, day))


def _json(session: Session, report: Report, asked: Asked) -> Iterator[str]:
    """One object; its items stand on a line each, as they come."""
    names = [column.name for column in report.columns]
    head = {"report": report.name, "from": asked.first, "to": asked.last, "basis": asked.basis}
    yield orjson.dumps(head).decode()[:-1] + ',"items":['
    total = Total(report)
    before = None
    for row in total.adding(report.rows(session, asked)):
        if before is not None:
            yield before + ","
        before = orjson.dumps(dict(zip(names, row, strict=True))).decode()
    if before is not None:
        yield before
    added = {name: cell for name, cell in zip(names, total.cells, strict=True) if cell is not None}
    yield '],"total":' + orjson.dumps(added).decode() + "}"


def _table(session: Session, report: Report, asked: Asked) -> Iterator[str]:
    """A table for people, its total at the end; of a long one the beginning."""
    total = Total(report)
    rows = reports.spoken(report, total.adding(report.rows(session, asked)))
    shown = list(islice(rows, MOST_ON_SCREEN))
    more = sum(1 for _ in rows)
    yield f"{reports.title(report)} · {reports.period(report, asked)}"
    if not shown:
        yield say("report.empty")
        return
    table = [*shown, *([reports.total_row(report, total)] if report.totals else [])]
    kinds = [column.kind for column in report.columns]
    told = [
        [reports.told(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in table
    ]
    over = [reports.heading(column) for column in report.columns]
    wide = [max(len(row[place]) for row in (over, *told)) for place in range(len(over))]
    for row in (over, *told):
        cells = [
            cell.rjust(width) if kind in ("count", "amount") else cell.ljust(width)
            for cell, width, kind in zip(row, wide, kinds, strict=True)
        ]
        yield "  ".join(cells).rstrip()
    if more:
        yield say("report.more", count=more)
