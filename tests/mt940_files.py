"""MT940 files as banks write them, made from a few figures: the other end of the reader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tests.statement_files import ACCOUNT, DAY, Movement

HEADER = "{1:F01BFTVVNVXAXXX0000000000}{2:O9401800261124BFTVVNVXAXXX00000000002611241800N}{4:"
WIDTH = 65


def mt940(
    movements: Sequence[Movement | str],
    *,
    opening: int = 0,
    closing: int | None = None,
    enveloped: bool = False,
    account: str = ACCOUNT,
    currency: str = "VND",
    page: str = "7/1",
    balances: str = "FF",
    day: date = DAY,
    newline: str = "\n",
) -> bytes:
    """One message; a movement may be given as its fields. `balances` says F or M of 60 and 62."""
    if closing is None:
        closing = opening + sum(one.change for one in movements if isinstance(one, Movement))
    lines = [
        *([HEADER] if enveloped else []),
        ":20:STMT1",
        f":25:{account}",
        f":28C:{page}",
        f":60{balances[0]}:{balance(opening, currency, day)}",
        *(one if isinstance(one, str) else entry(one) for one in movements),
        f":62{balances[1]}:{balance(closing, currency, day)}",
        "-}" if enveloped else "-",
        "",
    ]
    return "\n".join(lines).replace("\n", newline).encode()


def balance(amount: int, currency: str = "VND", day: date = DAY) -> str:
    """What a balance field says, its sign told by its letter."""
    return f"{'D' if amount < 0 else 'C'}{day:%y%m%d}{currency}{abs(amount)},"


def entry(movement: Movement) -> str:
    """Fields 61 and 86, the memo in lines of 65 characters."""
    mark = "C" if (movement.change > 0) != movement.reversal else "D"
    head = f":61:{movement.day:%y%m%d%m%d}{'R' if movement.reversal else ''}{mark}"
    told = f"{head}{abs(movement.change)},NTRFNONREF//{movement.reference}"
    memo = movement.memo
    pieces = [memo[at : at + WIDTH] for at in range(0, len(memo), WIDTH)]
    return "\n".join([told, *([":86:" + "\n".join(pieces)] if memo else [])])
