"""Commands by name, each loaded when it is called: `cashless qr encode` needs no database.

    COMMANDS = Commands(qr="payments.cli.qr", audit="payments.cli.audit")

The module holds the command under its own name, `-` written as `_`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

import click


class Commands(Mapping[str, click.Command]):
    """A mapping of names to commands, for `click.Group(commands=…)`."""

    def __init__(self, **modules: str) -> None:
        self._modules = {name.replace("_", "-"): module for name, module in modules.items()}

    def __getitem__(self, name: str) -> click.Command:
        module = importlib.import_module(self._modules[name])
        command = getattr(module, name.replace("-", "_"))
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__} holds no command {name}")
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)
