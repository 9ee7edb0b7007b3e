"""Damaged files: refused, or read for what they are, never a crash and never shorter in silence.

The same mutations run a million times over with `python -m bench.bench_formats --mutations`.
"""

from __future__ import annotations

import random
import time
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest

from reconciliation.formats import End, Line, Start, UnreadableFile, read
from tests.mutations import mutated, mutated_within

FOLDER = Path(__file__).parents[2] / "samples" / "statements"
SAMPLES = sorted(path for path in FOLDER.iterdir() if path.suffix != ".json")
ROUNDS = 200


def taken(content: bytes) -> list[object] | None:
    """The parts of a file that is read, None for one that is refused with its line."""
    try:
        return list(read(BytesIO(content)))
    except UnreadableFile as refusal:
        refused = refusal
    assert refused.fields["line"] >= 1
    return None


def is_whole(parts: list[object]) -> bool:
    """Whether parts are statements: a start, numbered lines with amounts, an end."""
    number: int | None = None
    for part in parts:
        if isinstance(part, Start):
            assert number is None
            number = 0
        elif isinstance(part, Line):
            assert number is not None
            number += 1
            assert part.number == number
            assert type(part.amount) is Decimal
            assert part.amount >= 0
            assert part.currency != "VND" or part.amount == int(part.amount)
        else:
            assert isinstance(part, End)
            number = None
    return number is None and bool(parts)


@pytest.mark.parametrize("damage", [mutated, mutated_within])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_damaged_file_is_refused_or_read_whole(sample, damage):
    """Bytes changed, lost, doubled, exchanged: within a second there is a clear answer."""
    content, chance = sample.read_bytes(), random.Random(sample.name)
    for round_ in range(ROUNDS):
        damaged = damage(content, chance)
        started = time.process_time()
        parts = taken(damaged)
        assert parts is None or is_whole(parts), round_
        assert time.process_time() - started < 1, round_


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_cut_file_is_refused_or_says_that_it_does_not_add_up(sample):
    """Cut at every tenth byte; all lines are there, or the reader has said so.

    MT940 has no end of its file: one cut just between two statements holds the first ones whole.
    """
    content = sample.read_bytes()
    whole = taken(content)
    for length in range(0, len(content) - 1, 10):
        parts = taken(content[:length])
        if parts is None:
            continue
        same_lines = [p for p in parts if isinstance(p, Line)] == [
            p for p in whole or [] if isinstance(p, Line)
        ]
        said = any(isinstance(p, End) and p.balanced is False for p in parts)
        between = parts == (whole or [])[: len(parts)]
        assert same_lines or said or between, length
