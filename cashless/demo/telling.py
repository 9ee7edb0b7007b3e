"""What the demonstration prints: steps as they end, then tables, all in the reader's language."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click

from payments.core.words import say

_BAR: Final = 24
_TICK: Final = 0.1


class Teller:
    """Prints progress, and remembers how long each step took, in seconds."""

    def __init__(self) -> None:
        self.seconds: list[tuple[str, float]] = []
        self._lively = sys.stdout.isatty()
        self._shown = 0.0

    @contextmanager
    def step(self, key: str, **fields: object) -> Iterator[Callable[[float], None]]:
        """One step: says what it does, how far it is, and how long it took."""
        words = say(key, **fields)  # type: ignore[arg-type]  # fields of words
        if self._lively:
            click.echo(f"  {words}", nl=False)
        began = time.monotonic()
        yield lambda share: self._progress(words, share)
        self.seconds.append((words, time.monotonic() - began))
        lead = "\r\x1b[K" if self._lively else ""
        click.echo(f"{lead}{click.style('✓', fg='green')} {words}  {self.seconds[-1][1]:.1f} s")

    def _progress(self, words: str, share: float) -> None:
        now = time.monotonic()
        if self._lively and (now - self._shown > _TICK or share == 1):
            self._shown = now
            done = round(share * _BAR)
            bar = "█" * done + "░" * (_BAR - done)
            click.echo(f"\r\x1b[K  {words}  {bar} {share:4.0%}", nl=False)

    def heading(self, key: str, **fields: object) -> None:
        """A line that says what follows."""
        click.echo()
        click.secho(say(key, **fields), bold=True)  # type: ignore[arg-type]  # fields of words

    def table(self, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Columns as wide as their longest word; numbers to the right."""
        told = [[_written(cell) for cell in row] for row in rows]
        widths = [max(len(cell) for cell in column) for column in zip(titles, *told, strict=True)]
        for row, raw in zip([list(titles), *told], [None, *map(tuple, told)], strict=True):
            cells = [
                cell.rjust(width) if raw is not None and _is_number(cell) else cell.ljust(width)
                for cell, width in zip(row, widths, strict=True)
            ]
            click.echo("  " + "  ".join(cells).rstrip())

    def sentence(self, key: str, **fields: object) -> None:
        """One sentence."""
        click.echo("  " + say(key, **fields))  # type: ignore[arg-type]  # fields of words

    def fault(self, key: str, **fields: object) -> None:
        """One sentence about what is not as it must be."""
        click.secho("✗ " + say(key, **fields), fg="red")  # type: ignore[arg-type]  # fields of words


def money(amount: int) -> str:
    """An amount in đồng with its thousands apart."""
    return f"{amount:,}".replace(",", ".")


def _written(cell: Any) -> str:
    return money(cell) if isinstance(cell, int) else str(cell)


def _is_number(cell: str) -> bool:
    return cell.lstrip("-").replace(".", "").isdigit()
