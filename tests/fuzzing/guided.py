"""Files that lead a reader where none has led it before: atheris, guided by coverage.

The damage is that of `tests.fuzzing.readers`, and atheris' own; what counts as a fault is the same,
told by atheris with the file that shows it. atheris is in no list of requirements: it is 35 MB, has
wheels for some machines only, and everything else runs without it.

    .venv/bin/uv pip install atheris
    python -m tests.fuzzing.guided camt -max_total_time=600
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from random import Random

try:
    import atheris
except ImportError:
    raise SystemExit(__doc__) from None

with atheris.instrument_imports(include=["reconciliation.formats"]):
    from tests.fuzzing.damage import damaged
    from tests.fuzzing.oracle import taken
    from tests.fuzzing.seeds import seeds

LONGEST = 1 << 16


def main(reader: str, options: list[str]) -> None:
    """Runs until told to stop; `options` are those of libFuzzer."""
    os.nice(10)

    def execute(content: bytes) -> None:
        taken(reader, content)

    def mutate(content: bytes, most: int, seed: int) -> bytes:
        chance = Random(seed)
        if chance.randrange(4) == 0:
            return atheris.Mutate(content, most)
        return damaged(reader, content, chance)[:most]

    with tempfile.TemporaryDirectory() as corpus:
        for place, content in enumerate(seeds()[reader]):
            (Path(corpus) / str(place)).write_bytes(content)
        given = [sys.argv[0], f"-max_len={LONGEST}", "-timeout=5", *options, corpus]
        atheris.Setup(given, execute, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
