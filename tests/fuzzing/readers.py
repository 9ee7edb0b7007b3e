"""A million damaged files through every reader: `make fuzz-readers`.

A file is read to its end and holds together, or is refused with its line; it takes less than a
second of the processor and less than a gigabyte. Anything else is a fault: it is told, and its file
is kept. Case `n` of a reader is the same file in every run with one seed.

    python -m tests.fuzzing.readers --cases 1000000 --seed 1 --readers camt --readers mt940
"""

from __future__ import annotations

import faulthandler
import math
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import click

from reconciliation.formats import Part
from tests.fuzzing.damage import damaged
from tests.fuzzing.oracle import taken
from tests.fuzzing.seeds import seeds

READERS: Final = tuple(seeds())
MOST_SECONDS: Final = 1.0
GIVEN_UP_AFTER: Final = 5.0
"""A reader that has worked so long on one file is stopped."""
MOST_MEMORY: Final = 1 << 30
AT_ONCE: Final = 500
STUCK: Final = 600
"""Seconds after which a process that is stuck where Python cannot stop it tells where, and ends."""


class TooSlow(Exception):
    """A reader worked on one small file for more than a second."""


@dataclass(frozen=True)
class Fault:
    """What a reader should not have done, and the case that shows it."""

    reader: str
    case: int
    what: str
    where: str


@dataclass
class Tally:
    """What came of the cases of one reader."""

    read: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, 0)
    faults: list[Fault] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.read + self.refused + len(self.faults)

    def add(self, other: Tally) -> None:
        self.read += other.read
        self.refused += other.refused
        self.seconds += other.seconds
        self.slowest = max(self.slowest, other.slowest)
        self.faults += other.faults


def damaged_file(reader: str, case: int, *, seed: int) -> bytes:
    """The file of a case: one of the reader's samples, damaged."""
    chance = Random(f"{seed}:{reader}:{case}")
    return damaged(reader, chance.choice(seeds()[reader]), chance)


def run(reader: str, cases: range, *, seed: int) -> Tally:
    """Reads the files of some cases, one after the other."""
    tally = Tally()
    for case in cases:
        content = damaged_file(reader, case, seed=seed)
        began = time.process_time()
        try:
            parts = _in_time(reader, content)
        except Exception as fault:  # noqa: BLE001  whatever it is, it is what is looked for
            tally.faults.append(Fault(reader, case, repr(fault)[:200], _where(fault)))
        else:
            tally.read += parts is not None
            tally.refused += parts is None
        took = time.process_time() - began
        tally.seconds += took
        tally.slowest = max(tally.slowest, (took, case))
    return tally


def _in_time(reader: str, content: bytes) -> Sequence[Part] | None:
    """What is made of the file; a reader that is too slow is slow twice.

    Once may be the machine's standing still, or the collector of a process full of other things.
    """
    parts, took = _timed(reader, content)
    if took > MOST_SECONDS:
        parts, took = _timed(reader, content)
    if took > MOST_SECONDS:
        raise TooSlow
    return parts


def _timed(reader: str, content: bytes) -> tuple[Sequence[Part] | None, float]:
    """What is made of the file, and in how many seconds of the processor.

    A reader that does not come to an end is stopped.
    """
    began = time.process_time()
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, GIVEN_UP_AFTER)
    try:
        parts = taken(reader, content)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return parts, time.process_time() - began


def _where(fault: BaseException) -> str:
    frames = traceback.extract_tb(fault.__traceback__)[-3:]
    return " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(frames))


def _prepare() -> None:
    """Bounds what a worker may use, and leaves the machine to others."""
    os.nice(10)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, most))


def _stop(*_: object) -> None:
    raise TooSlow


def _watched(reader: str, cases: range, seed: int) -> tuple[str, Tally]:
    faulthandler.dump_traceback_later(STUCK, exit=True)
    tally = run(reader, cases, seed=seed)
    faulthandler.cancel_dump_traceback_later()
    return reader, tally


def shares(readers: Sequence[str], cases: int) -> Iterator[tuple[str, range]]:
    """The cases of each reader, in pieces, all readers at the same pace."""
    each = math.ceil(cases / len(readers))
    for start in range(0, each, AT_ONCE):
        for reader in readers:
            yield reader, range(start, min(start + AT_ONCE, each))


@click.command(help=__doc__)
@click.option("--cases", default=1_000_000, show_default=True, help="How many files, all readers.")
@click.option("--seed", default=1, show_default=True, help="Another seed makes other files.")
@click.option("--readers", type=click.Choice(READERS), multiple=True, default=READERS)
@click.option("--workers", default=os.cpu_count() or 1, show_default=True)
@click.option("--keep", default=Path("build/fuzz"), type=click.Path(path_type=Path))
def main(cases: int, seed: int, readers: Sequence[str], workers: int, keep: Path) -> None:
    began = time.monotonic()
    tallies = {reader: Tally() for reader in readers}
    told = began
    with ProcessPoolExecutor(workers, initializer=_prepare) as pool:
        pieces = [pool.submit(_watched, *share, seed) for share in shares(readers, cases)]
        for piece in as_completed(pieces):
            reader, tally = piece.result()
            tallies[reader].add(tally)
            for fault in tally.faults:
                tell_fault(fault, seed=seed, keep=keep)
            if time.monotonic() - told > 30:
                told = time.monotonic()
                tell(tallies, told - began)
    tell(tallies, time.monotonic() - began)
    if any(tally.faults for tally in tallies.values()):
        sys.exit(1)


def tell_fault(fault: Fault, *, seed: int, keep: Path) -> None:
    """Prints a fault and keeps the file that shows it."""
    keep.mkdir(parents=True, exist_ok=True)
    path = keep / f"{fault.reader}-{seed}-{fault.case}"
    path.write_bytes(damaged_file(fault.reader, fault.case, seed=seed))
    print(f"FAULT {path}: {fault.what} at {fault.where}", flush=True)


def tell(tallies: dict[str, Tally], seconds: float) -> None:
    """Prints how far each reader is."""
    print(f"{'reader':14}{'files':>10}{'read':>9}{'refused':>9}{'a second':>10}  slowest")
    for reader, tally in tallies.items():
        took, case = tally.slowest
        print(
            f"{reader:14}{tally.cases:>10,}{tally.read:>9,}{tally.refused:>9,}"
            f"{tally.cases / (tally.seconds or 1):>10,.0f}"
            f"  {took * 1000:.0f} ms (case {case}), {len(tally.faults)} faults"
        )
    every = sum(tally.cases for tally in tallies.values())
    print(f"{every:,} files in {seconds:,.0f} s", flush=True)


if __name__ == "__main__":
    main()
