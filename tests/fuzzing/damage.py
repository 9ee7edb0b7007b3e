"""Damage that knows how a file is built, for each reader; `tests/mutations.py` knows nothing.

Every kind takes a file's bytes and gives others; what cannot be taken apart is damaged byte by
byte.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from tests.fuzzing.elements import xml
from tests.fuzzing.seeds import PARTED
from tests.fuzzing.texts import text, virtual_accounts
from tests.fuzzing.workbooks import old_workbook, workbook
from tests.mutations import ZIP, mutated

Damage = Callable[[bytes, Random], bytes]


def layout(content: bytes, chance: Random) -> bytes:
    """The description of a layout or its sheet damaged, seldom both."""
    described, _, table = content.partition(PARTED)
    what = chance.randrange(6)
    if what < 3:
        described = chance.choice([text, mutated])(described, chance)
    if what > 2 or what == 0:
        table = chance.choice([workbook if table.startswith(ZIP) else text, mutated])(table, chance)
    return described + PARTED + table


DAMAGES: Final[dict[str, Damage]] = {
    "camt": xml,
    "mt940": text,
    "csv": text,
    "vietinbank_va": virtual_accounts,
    "xlsx": workbook,
    "xls": old_workbook,
    "layouts": layout,
}
"""For each reader the damage that knows how its files are built."""


def damaged(reader: str, content: bytes, chance: Random) -> bytes:
    """A file of that reader damaged in one way or the other, now and then in both."""
    kind = chance.randrange(8)
    if kind < 3:
        content = mutated(content, chance)
    if kind > 1:
        content = DAMAGES[reader](content, chance)
    return content
