"""How fast VietQR codes are written, read and drawn.

Goals: a new picture within 9 ms, one drawn before within 1 ms. The floor of a picture is the
library's own computation of the symbol; of writing and reading, the checksum alone.

    python -m bench.bench_qr
"""

from __future__ import annotations

import statistics
import time
from binascii import crc_hqx
from collections.abc import Callable
from functools import partial
from typing import Final

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

from payments import references, vietqr
from payments.core.money import Dong

PICTURES: Final = 60
CODES: Final = 5_000

Work = Callable[[str], object]


def main() -> None:
    """Print `name  value  unit  goal  ratio-to-floor`, one figure a line."""
    payloads = [a_code() for _ in range(PICTURES)]
    symbol = milliseconds(compute, payloads)
    tell("the symbol alone (the library)", symbol, None, 1.0)
    for name, draw in (("SVG", vietqr.draw_svg), ("PNG", vietqr.draw_png)):
        fresh = [a_code() for _ in range(PICTURES)]
        new = milliseconds(draw, fresh)
        tell(f"a new {name}", new, 9.0, new / symbol)
        again = milliseconds(draw, fresh)
        tell(f"a {name} drawn before", again, 1.0, again / symbol)
    many = [a_code() for _ in range(CODES)]
    floor = milliseconds(lambda text: crc_hqx(text.encode(), 0xFFFF), many)
    reading = milliseconds(vietqr.decode, many)
    tell("decode", reading, None, reading / floor)
    write = partial(vietqr.encode, bin="970436", account="0011001234567", amount=Dong(150_000))
    writing = milliseconds(lambda memo: write(memo=memo[:14]), many)
    tell("encode", writing, None, writing / floor)


def a_code() -> str:
    """The text of a code with a reference never seen before."""
    return vietqr.encode(
        bin="970436",
        account="0011001234567",
        amount=Dong(150_000),
        memo=references.make(),
    )


def compute(payload: str) -> None:
    """The library's symbol, drawn nowhere."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0)
    code.add_data(payload, optimize=20)
    code.make(fit=True)


def milliseconds(work: Work, texts: list[str]) -> float:
    """The median of one piece of work, each text once."""
    took = []
    for text in texts:
        start = time.perf_counter()
        work(text)
        took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took)


def tell(name: str, value: float, goal: float | None, ratio: float) -> None:
    """Print one figure."""
    aim = "no goal" if goal is None else f"goal <= {goal:g} {'met' if value <= goal else 'MISSED'}"
    print(f"{name:36}{value:>10.4f}  ms  {aim:16}  {ratio:.3f} of floor")


if __name__ == "__main__":
    main()
