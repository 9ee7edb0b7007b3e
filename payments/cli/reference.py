"""`cashless reference`: make reference codes, and find them in memos."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import Final, cast

import click
import orjson

from payments import references
from payments.core.errors import Invalid

_BLOCK: Final = 1 << 16
_LONGEST: Final = 1 << 20
"""A line longer than a mebibyte is no memo."""

_MOST: Final = 1_000_000


class UnreadableMemo(Invalid):
    """A line of the input that is not UTF-8 text, or has no end."""

    code = "unreadable_memo"


_prefix: Final[Callable[[Callable[..., None]], Callable[..., None]]] = click.option(
    "--prefix",
    default=references.PREFIX,
    show_default=True,
    envvar="CASHLESS_REFERENCE_PREFIX",
    help="Four letters A to Z.",
)


@click.group()
def reference() -> None:
    """Make reference codes, and find them in memos."""


@reference.command()
@click.option("--count", type=click.IntRange(1, _MOST), default=1, show_default=True)
@_prefix
def make(count: int, prefix: str) -> None:
    """Print new reference codes, one a line, all different."""
    codes: set[str] = set()
    while len(codes) < count:
        codes.add(references.make(prefix))
    click.echo("\n".join(codes))


@reference.command()
@_prefix
def find(prefix: str) -> None:
    """Read memos on standard input, one a line, and print their references as JSON lines."""
    read = cast(BufferedReader, sys.stdin.buffer)
    written = sys.stdout.buffer
    for memos in _memos(read):
        found = ({"memo": memo, "references": references.find(memo, prefix)} for memo in memos)
        written.writelines(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in found)
        written.flush()


def _memos(stream: BufferedReader) -> Iterator[list[str]]:
    """The lines of a stream, as many at a time as have come, so that a pipe never waits."""
    done = 0
    for block in _blocks(stream):
        memos = _text(block, after=done).removesuffix("\n").split("\n")
        yield [memo.removesuffix("\r") for memo in memos]
        done += len(memos)


def _blocks(stream: BufferedReader) -> Iterator[bytes]:
    """The bytes of a stream in blocks of whole lines; the last line may lack its end."""
    rest = b""
    done = 0
    while block := stream.read1(_BLOCK):
        whole, end, rest = (rest + block).rpartition(b"\n")
        if end:
            yield whole + end
            done += whole.count(b"\n") + 1
        if len(rest) > _LONGEST:
            raise UnreadableMemo(line=done + 1)
    if rest:
        yield rest


def _text(block: bytes, *, after: int) -> str:
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        raise UnreadableMemo(line=after + block.count(b"\n", 0, error.start) + 1) from error
