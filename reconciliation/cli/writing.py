"""What commands share: a file written whole or not at all, a format that is known."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import IO

import click

from reconciliation import formats


def refuse_unknown_format(in_format: str | None, layouts: str) -> None:
    """Ends with click's own words and the names there are, if there is no such format."""
    known = click.Choice(tuple(formats.formats_with(layouts)))
    if in_format is not None:
        known.convert(in_format, None, None)


def put(file: IO[bytes], output: str | None) -> None:
    """Copies a file to `output`, which is there whole or not at all; None is standard output."""
    if output is None:
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    beside = Path(f"{output}.part")
    try:
        with beside.open("wb") as to:
            shutil.copyfileobj(file, to)
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
