"""Every table of the service: imports each module that declares one, found in the source.

Used to write the first migration and to compare the models with a migrated database. The
service itself needs no such list: it imports the modules it uses.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

from sqlalchemy import MetaData

from payments.core.database import metadata

ROOT = Path(__file__).parents[1]
HALVES = ("payments", "reconciliation")

_DECLARATION = re.compile(r"^class \w+\(Row\)", re.MULTILINE)


def everything() -> MetaData:
    """The metadata holding every table of both halves."""
    for name in owners():
        importlib.import_module(name)
    return metadata


def append_only() -> tuple[str, ...]:
    """The tables that nothing may edit: what modules name in their `APPEND_ONLY`."""
    named = [table for module in _packages() for table in getattr(module, "APPEND_ONLY", ())]
    return tuple(sorted(set(named)))


def owners() -> tuple[str, ...]:
    """The modules that declare a table, by dotted name, in the order of their names."""
    sources = (path for half in HALVES for path in sorted((ROOT / half).rglob("*.py")))
    return tuple(_dotted(path) for path in sources if _DECLARATION.search(path.read_text()))


def _packages() -> list[ModuleType]:
    """Each owner and the folders it stands in: a module grown into a folder names them there."""
    names = {name for owner in owners() for name in _enclosing(owner)}
    return [importlib.import_module(name) for name in sorted(names)]


def _enclosing(dotted: str) -> list[str]:
    parts = dotted.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")
