"""The number and the net sum of a file's entries, found in a few lines that share nothing of ours.

So a reader that passes over an entry, takes one twice or half of its amount is found out, although
its own sums agree with each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final
from xml.etree import ElementTree

Found = tuple[int, Decimal]

_LINE_ENDS: Final = re.compile(r"\r\n|\r|\n")
_MOVEMENT: Final = re.compile(r":61:[0-9]{6}(?:[0-9]{4})?(C|D|RC|RD)[A-Z]?([0-9]+,[0-9]*)")
_PARTS: Final = {
    "BkToCstmrStmt": "Stmt",
    "BkToCstmrAcctRpt": "Rpt",
    "BkToCstmrDbtCdtNtfctn": "Ntfctn",
}
_RAISES: Final = frozenset(("C", "RD"))
_RECORD_FIELDS: Final = 26
_PAYMENTS: Final = ("002", "003")


def _camt(content: bytes) -> Iterator[Decimal]:
    for message in _messages(ElementTree.fromstring(content)):
        name = message.tag.rpartition("}")[2]
        within = message.tag.removesuffix(name)
        for entry in message.iterfind(f"./{within}{_PARTS[name]}/{within}Ntry"):
            status, amount, way = (
                "".join(entry.find(f"{within}{child}").itertext()).strip()
                for child in ("Sts", "Amt", "CdtDbtInd")
            )
            if status == "BOOK":
                yield Decimal(amount) if way == "CRDT" else -Decimal(amount)


def _messages(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The messages of a file; one within another's statement is nothing of the bank's."""
    if element.tag.rpartition("}")[2] in _PARTS:
        yield element
    else:
        for child in element:
            yield from _messages(child)


def _mt940(content: bytes) -> Iterator[Decimal]:
    for line in _LINE_ENDS.split(content.decode("utf-8-sig", "replace")):
        found = _MOVEMENT.match(line)
        if found is not None:
            amount = Decimal(found[2].replace(",", "."))
            yield amount if found[1] in _RAISES else -amount


def _virtual_accounts(content: bytes) -> Iterator[Decimal]:
    for line in _LINE_ENDS.split(content.decode("utf-8-sig")):
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == _RECORD_FIELDS and cells[0] in _PAYMENTS and cells[18] != "02":
            yield Decimal(cells[11])


_ENTRIES: Final[dict[str, Callable[[bytes], Iterator[Decimal]]]] = {
    "camt": _camt,
    "mt940": _mt940,
    "vietinbank_va": _virtual_accounts,
}


def entries(reader: str, content: bytes) -> Found | None:
    """How many booked entries a file has, and what they come to; None for a sheet."""
    if reader not in _ENTRIES:
        return None
    found = list(_ENTRIES[reader](content))
    return len(found), sum(found, Decimal(0))
