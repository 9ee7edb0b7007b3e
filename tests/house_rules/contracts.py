"""The rule of the import contracts: they wait for no module that has arrived, and forget none.

import-linter refuses to name a module that does not exist. So pyproject.toml has a layer that is
not yet built in (parentheses) and, in plain lists, a module behind `#:`. Both end with its arrival:
`make contracts` takes them away.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Final

from tests.house_rules.sources import ROOT, Breach, Module, project

SETTINGS: Final = "pyproject.toml"
HALVES: Final = ("payments", "reconciliation")
WITH_FLASK: Final = {f"{half}.{edge}" for half in HALVES for edge in ("web", "app")}

_AWAITED: Final = re.compile(r'^\s*#: "([a-z_.]+)"')
_CONTAINER: Final = re.compile(r'^containers = \["([a-z_]+)"\]')
_OPTIONAL: Final = re.compile(r"\(([a-z_]+)\)")


def contracts_await_nothing_that_is_here(
    settings: str, modules: Sequence[Module]
) -> Iterator[Breach]:
    """A module that exists stands in its contracts without parentheses and without `#:`."""
    for number, line, arrived in _arrived(settings, modules):
        for name in arrived:
            yield Breach(
                SETTINGS,
                number,
                f"{name} has arrived, and a contract still awaits it",
                f"run `make contracts`, which completes {line.strip()}",
            )


def completed(settings: str, modules: Sequence[Module]) -> str:
    """The settings with every contract holding what has arrived."""
    lines = settings.splitlines(keepends=True)
    for number, line, arrived in _arrived(settings, modules):
        held = line.replace("#: ", "", 1)
        for name in arrived:
            layer = name.rsplit(".", 1)[-1]
            held = held.replace(f"({layer})", layer)
        lines[number - 1] = held
    return "".join(lines)


def _arrived(settings: str, modules: Sequence[Module]) -> Iterator[tuple[int, str, list[str]]]:
    """Each line that awaits modules which are here: its number, itself, their names."""
    here = {module.name for module in modules}
    container = ""
    for number, line in enumerate(settings.splitlines(keepends=True), start=1):
        if line.startswith("[["):
            container = ""
        if named := _CONTAINER.match(line):
            container = named[1]
        awaited = [f"{container}.{layer}" for layer in _OPTIONAL.findall(line) if container]
        if behind := _AWAITED.match(line):
            awaited.append(behind[1])
        if arrived := [name for name in awaited if name in here]:
            yield number, line, arrived


def contracts_forget_no_module(settings: str, modules: Sequence[Module]) -> Iterator[Breach]:
    """Every module below the edges is one of those that may not know Flask."""
    linter = tomllib.loads(settings)["tool"]["importlinter"]
    contracts = {contract["id"]: contract for contract in linter["contracts"]}
    listed = set(contracts["flask"]["source_modules"])
    for name in sorted({_top(module) for module in modules} - listed - WITH_FLASK - {""}):
        yield Breach(
            SETTINGS,
            1,
            f"{name} is not in the contract `flask`",
            "add it to source_modules (and to its layer): only edges know Flask",
        )


def _top(module: Module) -> str:
    parts = module.name.split(".")
    return ".".join(parts[:2]) if parts[0] in HALVES and len(parts) > 1 else ""


if __name__ == "__main__":
    file = ROOT / SETTINGS
    file.write_text(completed(file.read_text(), project()))
