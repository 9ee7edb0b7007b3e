"""Where a command writes a file: to a path, in one step, or to standard output."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import IO


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
