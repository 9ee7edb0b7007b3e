"""`cashless statement`: what a bank's statement file says, and storing it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, Final

import click
import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import service
from payments.core.config import PREFIX
from payments.core.money import grouped
from payments.core.words import say
from reconciliation import formats, jobs
from reconciliation.cli.pull import fetch, pull
from reconciliation.cli.writing import refuse_unknown_format
from reconciliation.formats import VND, End, Line, Part, Start, drafts
from reconciliation.formats.layouts import WrongLayout
from reconciliation.statements import Imported, Received

_BY: Final = "command:statement"
LAYOUTS_FILE: Final = f"{PREFIX}LAYOUTS_FILE"
_STEP: Final = 1_000
"""Lines between two moves of the progress bar."""


@click.group()
def statement() -> None:
    """Read and import bank statements."""


statement.add_command(fetch)
statement.add_command(pull)


@statement.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "in_format", metavar="NAME", help="Found out if not given.")
@click.option(
    "--layouts",
    "further",
    envvar=LAYOUTS_FILE,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Further layouts of sheets, a file in TOML.",
)
@click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the key that VietinBank shares for its checksums.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def parse(
    file: Path, in_format: str | None, further: Path | None, key_file: Path | None, *, as_json: bool
) -> None:
    """Show what FILE says, without a database; exit 2 with line and reason if unreadable.

    The file is read twice, so that nothing is shown of one that cannot be read to its end, and
    memory does not grow with it.
    """
    layouts = "" if further is None else _text_of(further)
    refuse_unknown_format(in_format, layouts)
    read = partial(
        formats.read,
        format=in_format,
        filename=file.name,
        layouts=layouts,
        key="" if key_file is None else _text_of(key_file).strip(),
    )
    with file.open("rb") as stream:
        frames = _read_through(read(stream), stream)
        parts = read(stream)
        if as_json:
            for piece in _json(parts, frames):
                click.echo(piece, nl=False)
        else:
            for row in _table(parts, frames):
                click.echo(row)


@statement.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="new_bank", show_default=True, help="The name of the layout.")
def layout(file: Path, name: str) -> None:
    """Draft a layout of sheets from FILE's header row, for you to complete.

    Direction, days and thousands are left open, and nothing is read by it until they are filled in.
    """
    with file.open("rb") as stream:
        click.echo(drafts.propose(stream, name=name), nl=False)


@statement.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--account", "number", help="The account's number, where the file names none.")
@click.option("--bank", help="The bank's BIN, where two have that account number.")
@click.option("--format", "in_format", metavar="NAME", help="Found out if not given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
def import_(
    file: Path, number: str | None, bank: str | None, in_format: str | None, *, as_json: bool
) -> None:
    """Store what is new in FILE; exit 2, with the reason and nothing stored, if it is refused."""
    received = Received(file.read_bytes(), file.name)

    def whose(session: Session) -> CollectionAccount | None:
        return None if number is None else agencies.by_number(session, number, bin=bank)

    def numbers(session: Session) -> dict[int, str]:
        rows = session.execute(select(CollectionAccount.id, CollectionAccount.number))
        return {row.id: row.number for row in rows}

    with service.opened() as cashless:
        refuse_unknown_format(in_format, jobs.layouts_of(cashless).described)
        account = cashless.database.read(whose)
        bar = sys.stderr
        with click.progressbar(
            length=len(received.content), file=bar, hidden=not bar.isatty()
        ) as progress:
            done = jobs.import_statement(
                cashless,
                received,
                account=account,
                by=_BY,
                in_format=in_format,
                tell=lambda place: progress.update(max(0, place - progress.pos)),
            )
        known = cashless.database.read(numbers)
    if as_json:
        click.echo(orjson.dumps(_imported_fields(done, known)))
    else:
        for sentence in _imported(done, known):
            click.echo(sentence)


def _text_of(further: Path) -> str:
    try:
        return further.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise WrongLayout(layout=further.name, what="UTF-8") from None


def _imported_fields(done: Imported, numbers: Mapping[int, str]) -> dict[str, object]:
    return {
        "again": done.again,
        "statements": [
            {
                "account": numbers[one.collection_account_id],
                "from": one.from_day,
                "to": one.to_day,
                "lines": one.lines,
                "added": one.added,
                "balanced": one.balanced,
                "differs": one.differs,
                "discrepancies": one.discrepancies or [],
            }
            for one in done.statements
        ],
    }


def _imported(done: Imported, numbers: Mapping[int, str]) -> Iterator[str]:
    if done.again:
        yield say("statement.again")
    for one in done.statements:
        yield say(
            "statement.imported",
            account=numbers[one.collection_account_id],
            from_day=one.from_day,
            to_day=one.to_day,
            lines=one.lines,
            added=one.added,
        )
        if one.balanced is False:
            yield say("statement.unbalanced")
        if one.differs:
            yield say("statement.differs")


def _read_through(parts: Iterator[Part], stream: BinaryIO) -> list[tuple[Start, End]]:
    """The start and end of every statement, once all lines between are known to be readable."""
    frames: list[tuple[Start, End]] = []
    bar = sys.stderr
    size, done = os.fstat(stream.fileno()).st_size, 0
    with click.progressbar(length=size, file=bar, hidden=not bar.isatty()) as progress:
        start: Start | None = None
        for place, part in enumerate(parts):
            if isinstance(part, Start):
                start = part
            elif isinstance(part, End) and start is not None:
                frames.append((start, part))
            if place % _STEP == 0 and stream.tell() > done:
                progress.update(stream.tell() - done)
                done = stream.tell()
    return frames


def _json(parts: Iterator[Part], frames: list[tuple[Start, End]]) -> Iterator[bytes]:
    """The one object of the whole file, piece by piece."""
    yield b'{"format":' + orjson.dumps(frames[0][0].format) + b',"statements":['
    opening, between, waiting = b"", b"", iter(frames)
    for part in parts:
        if isinstance(part, Start):
            told = orjson.dumps(_statement_fields(*next(waiting)))
            yield opening + told[:-1] + b',"lines":['
            opening, between = b",", b""
        elif isinstance(part, Line):
            yield between + orjson.dumps(_line_fields(part))
            between = b","
        else:
            yield b"]}"
    yield b"]}\n"


def _statement_fields(start: Start, end: End) -> dict[str, object]:
    return {
        "account": start.account,
        "currency": start.currency,
        "opening": _decimal(start.opening),
        "closing": _decimal(end.closing),
        "from": start.from_day,
        "to": start.to_day or end.to_day,
        "balanced": end.balanced,
        **_message_fields(start, end),
    }


def _message_fields(start: Start, end: End) -> dict[str, object]:
    """What a message about the day says, that a statement does not."""
    if start.message is None:
        return {}
    return {"message": start.message, "checksums_checked": end.checksums_checked}


def _line_fields(line: Line) -> dict[str, object]:
    return {
        "booked_on": line.day,
        "value_on": line.value_day,
        "amount": _decimal(line.amount),
        "credit": line.credit,
        "reference": line.bank_reference,
        "memo": line.memo,
        "counterparty": line.payer_name or line.payer_account,
        "reversal": line.reversal,
        **({} if line.result is None else {"result": line.result}),
    }


def _decimal(amount: Decimal | None) -> str | None:
    """An amount as a decimal string in its own currency, never with an exponent."""
    return None if amount is None else f"{amount:f}"


def _table(parts: Iterator[Part], frames: list[tuple[Start, End]]) -> Iterator[str]:
    """The file for people: each statement's head, its lines, and whether it adds up."""
    for start, end in frames:
        yield _head(start, end)
        yield from (_row(part) for part in takewhile(_is_no_end, parts) if isinstance(part, Line))
        yield from _verdict(start, end)


def _is_no_end(part: Part) -> bool:
    return not isinstance(part, End)


def _row(line: Line) -> str:
    amount = f"{'+' if line.credit else '-'}{_shown(line.amount, line.currency):>18}"
    reversal = say("statement.reversal") if line.reversal else ""
    result = say(f"statement.result.{line.result}") if line.result else ""
    told = (f"{line.day:%d/%m/%Y}", amount, line.bank_reference, reversal, result, line.memo)
    return "  ".join(filter(None, told))


def _head(start: Start, end: End) -> str:
    days = [
        f"{day:%d/%m/%Y}" if day else "?" for day in (start.from_day, start.to_day or end.to_day)
    ]
    opening, closing = (
        "?" if amount is None else _shown(amount, start.currency)
        for amount in (start.opening, end.closing)
    )
    return say(
        "statement.head",
        format=start.format,
        account=start.account or "?",
        currency=start.currency,
        from_day=days[0],
        to_day=days[1],
        opening=opening,
        closing=closing,
        count=end.count,
    )


def _verdict(start: Start, end: End) -> Iterator[str]:
    if start.message is not None:
        yield say("statement.message", message=start.message)
    if end.checksums_checked is not None:
        yield say(f"statement.checksums.{'checked' if end.checksums_checked else 'unchecked'}")
    told = {True: "balanced", False: "unbalanced", None: "unprovable"}[end.balanced]
    yield say(f"statement.{told}")
    for differing in end.discrepancies:
        yield say(
            "statement.discrepancy",
            figure=say(f"statement.figure.{differing.figure}"),
            stated=_shown(differing.stated, start.currency),
            read=_shown(differing.read, start.currency),
        )


def _shown(amount: Decimal, currency: str) -> str:
    return grouped(int(amount)) if currency == VND else f"{amount:f}"
