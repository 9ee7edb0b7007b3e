"""How fast references are found in memos: by the module, and by the command over a pipe.

Goal: 100,000 memos a second on one core. The floor is a program that takes the same lines and
only writes them in capitals.

    python -m bench.bench_references
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from payments import references

MEMOS: Final = 100_000
ROUNDS: Final = 5
GOAL: Final = 100_000

FIND: Final = "from payments.cli.reference import reference; reference(['find'])"
CAPITALS: Final = "import sys; sys.stdout.buffer.writelines(l.upper() for l in sys.stdin.buffer)"


def main() -> None:
    """Print `name  value  unit  goal  ratio-to-floor`, one figure a line."""
    memos = realistic(MEMOS, seed=2)
    plain = [memo for memo in memos if memo.isascii()]
    accented = [memo for memo in memos if not memo.isascii()]
    for name, some in (("mixed", memos), ("plain", plain), ("accented", accented)):
        floor = a_second(len(some), partial(capitals, some))
        rate = a_second(len(some), partial(found, some))
        tell(f"references.find, {name} memos", rate, GOAL, rate / floor)
    given = "".join(f"{memo}\n" for memo in memos).encode()
    floor = a_second(MEMOS, lambda: piped(CAPITALS, given))
    rate = a_second(MEMOS, lambda: piped(FIND, given))
    tell("cashless reference find, with its start", rate, GOAL, rate / floor)


def realistic(number: int, *, seed: int) -> list[str]:
    """Memos in the shapes banks make: half hold a code, a quarter has accents."""
    chance = random.Random(seed)
    vectors = Path(__file__).parent.parent / "tests" / "vectors" / "memo_samples.json"
    shapes = [sample["as_received"] for sample in json.loads(vectors.read_text("utf-8"))["samples"]]
    memos = []
    for n in range(number):
        code = references.make()
        memo = chance.choice(shapes).replace("BD74HT22090000425", code)
        if n % 2 and code not in memo:
            memo = f"{memo} {code}"
        memos.append(f"Nguyễn Văn An nộp lệ phí đăng ký {memo}" if n % 4 == 0 else memo)
    return memos


def capitals(memos: list[str]) -> None:
    """The floor: every memo touched once."""
    for memo in memos:
        memo.upper()


def found(memos: list[str]) -> None:
    """Every memo searched for references."""
    for memo in memos:
        references.find(memo)


def a_second(number: int, work: Callable[[], object]) -> float:
    """How many a second, the median of some rounds."""
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        rates.append(number / (time.perf_counter() - start))
    return statistics.median(rates)


def piped(program: str, given: bytes) -> None:
    """Run a program of one line with that standard input."""
    subprocess.run([sys.executable, "-c", program], input=given, stdout=subprocess.PIPE, check=True)


def tell(name: str, rate: float, goal: int, ratio: float) -> None:
    """Print one figure."""
    met = "met" if rate >= goal else "MISSED"
    print(f"{name:44}{rate:>12,.0f}  memos/s  goal >= {goal:,} {met}  {ratio:.2f} of floor")


if __name__ == "__main__":
    main()
