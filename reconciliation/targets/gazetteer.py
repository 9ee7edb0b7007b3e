"""Units found by what a table calls them: a code, a number, or a name in any usual spelling."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import Final

from payments.agencies import Kind, Node
from payments.core.text import fold

_NOT_WORD: Final = re.compile(r"[^a-z0-9]+")
_ASIDE: Final = re.compile(r"\([^)]*\)")
_OFFICE: Final = ("uy ban nhan dan ", "ubnd ", "people s committee of ")
_SUM: Final = ("tong cong ", "tong so ", "tong ", "cong ", "total of ", "total ")
_SHORT: Final = {"tp": "thanh pho", "tx": "thi xa", "tt": "thi tran", "h": "huyen"} | {
    "p": "phuong",
    "x": "xa",
    "q": "quan",
}
_RANKS: Final = ("thanh pho ", "thi xa ", "thi tran ", "huyen ", "phuong ", "xa ")
_RANKS_BEHIND: Final = (" city", " town", " district", " ward", " township", " commune")
_WHOLE: Final = frozenset(
    {"tong cong", "tong so", "tong", "cong", "toan tinh", "ca tinh", "total", "grand total"}
    | {"whole province", "province", "tinh"}
)
_LIKENESS: Final = (3, 4)
"""A name is near enough if so much of it is the same."""


def plain(text: str) -> str:
    """`text` in small letters without marks, signs and what stands in brackets."""
    return _NOT_WORD.sub(" ", _ASIDE.sub(" ", fold(text).lower())).strip()


def place(name: str) -> str:
    """The place whose people's committee is called so: `UBND xã Minh Hoà` is of `Xã Minh Hoà`."""
    of_place = name.removeprefix("UBND ")
    return of_place[:1].upper() + of_place[1:]


class Gazetteer:
    """The province, its districts and communes of one day; `nodes` are in the tree's order."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = {node.code: node for node in nodes}
        self._codes = {node.code.lower(): node.code for node in nodes}
        self._names: dict[str, list[str]] = defaultdict(list)
        for node in nodes:
            self._codes.setdefault(node.code.rpartition(".")[2].lower(), node.code)
            for name in (node.name_vi, node.name_en or ""):
                for written in _spellings(name):
                    if node.code not in self._names[written]:
                        self._names[written].append(node.code)

    @property
    def province(self) -> str | None:
        """The code of the whole."""
        return next((code for code, one in self.nodes.items() if one.kind is Kind.PROVINCE), None)

    def of_code(self, text: str) -> str | None:
        """The unit of a code, with or without the province's before it: `H09.25741`, `25741`."""
        return self._codes.get(text.strip().lower())

    def named(self, text: str, *, district: str | None = None) -> list[str]:
        """The units that are called so, those of `district` (a code) where there are any."""
        if plain(text) in _WHOLE:
            return [code for code in (self.province,) if code]
        found = self._names.get(_named(text)) or self._names.get(_named(_summand(text)), [])
        within = [code for code in found if self.nodes[code].parent == district]
        return list(within if district and within else found)

    def is_total(self, text: str) -> bool:
        """Whether a row that is called so states a sum, whatever else its name is."""
        written = plain(text)
        return written in _WHOLE or written.startswith(_SUM)

    def nearest(self, text: str) -> str | None:
        """The name of the unit that is called most nearly so, if one is near enough."""
        written, (same, of) = _named(text), _LIKENESS
        for found in get_close_matches(written, self._names, n=1):
            if SequenceMatcher(None, found, written).ratio() * of >= same:
                return self.called(self._names[found][:1])
        return None

    def called(self, codes: Iterable[str]) -> str:
        """Places by name, for a sentence."""
        return ", ".join(place(self.nodes[code].name_vi) for code in codes)


def _named(text: str) -> str:
    """A name as it is looked up: without the office, its rank written out."""
    written = plain(text)
    for office in _OFFICE:
        written = written.removeprefix(office)
    first, _, rest = written.partition(" ")
    return f"{_SHORT[first]} {rest}" if rest and first in _SHORT else written


def _summand(text: str) -> str:
    """What a sum is of: `Cộng huyện Phú Giáo` is of `huyen phu giao`."""
    written = plain(text)
    of_what = (written.removeprefix(before) for before in _SUM if written.startswith(before))
    return next(of_what, written)


def _spellings(name: str) -> list[str]:
    """A name with its rank and without."""
    written = _named(name)
    bare = [written.removeprefix(rank) for rank in _RANKS if written.startswith(rank)]
    bare += [written.removesuffix(rank) for rank in _RANKS_BEHIND if written.endswith(rank)]
    return [one for one in (written, *bare[:1]) if one]
