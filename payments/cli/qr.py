"""`cashless qr`: write, draw and read VietQR codes at the command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

import click
import orjson

from payments import banks, vietqr
from payments.core import money
from payments.core.errors import Invalid

_FILE: Final = click.Path(dir_okay=False, path_type=Path)


class UnwritableFile(Invalid):
    """A file that was to be written cannot be."""

    code = "unwritable_file"


@click.group()
def qr() -> None:
    """Write, draw and read VietQR codes."""


@qr.command()
@click.option("--bin", required=True, help="The bank: six digits, 970436.")
@click.option("--account", required=True, help="The account: up to 19 letters and digits.")
@click.option("--amount", help="Whole đồng, below 500000000; without it the payer decides.")
@click.option("--memo", help="Up to 25 printable ASCII characters.")
@click.option("--svg", type=_FILE, help="Draw it into this file as well.")
@click.option("--png", type=_FILE, help="Draw it into this file as well.")
def encode(
    bin: str,
    account: str,
    amount: str | None,
    memo: str | None,
    svg: Path | None,
    png: Path | None,
) -> None:
    """Print the text of a VietQR code that asks for a transfer to an account."""
    asked = None if amount is None else money.parse(amount)
    payload = vietqr.encode(bin=bin, account=account, amount=asked, memo=memo)
    if svg is not None:
        _store(svg, vietqr.draw_svg(payload).encode())
    if png is not None:
        _store(png, vietqr.draw_png(payload))
    click.echo(payload)


@qr.command()
@click.argument("text", metavar="STRING")
def decode(text: str) -> None:
    """Print what a VietQR code asks for, as one line of JSON."""
    transfer = vietqr.decode(text)
    bank = banks.by_bin(transfer.bin)
    told = dataclasses.asdict(transfer) | {
        "bank": None if bank is None else bank.short_name,
        "others": dict(transfer.others),
    }
    click.echo(orjson.dumps(told))


def _store(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UnwritableFile(file=str(path), why=error.strerror or "") from error
