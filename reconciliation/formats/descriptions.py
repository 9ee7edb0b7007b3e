"""Layouts read from TOML: `layouts.toml`, or a file of the same language beside it.

A new bank's sheet is an entry; the head of `layouts.toml` says what may stand in one. Whatever is
missing, misspelt, left open or said twice is refused, since a wrong layout would read every file
of that bank wrongly.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from reconciliation.formats.figures import Clock, Thousands, iso_day, vietnamese_day
from reconciliation.formats.layouts import (
    DELIMITERS,
    Column,
    Fact,
    Layout,
    Money,
    Order,
    RowKind,
    WrongLayout,
    label,
    words_of,
)
from reconciliation.formats.parts import Figure

LAYOUTS: Final = Path(__file__).parent / "layouts.toml"

DAYS: Final[Mapping[str, Callable[..., date]]] = MappingProxyType(
    {"dd/mm/yyyy": vietnamese_day, "yyyy-mm-dd": iso_day}
)
WHOLE_FILE: Final = "-"
"""Where the fault lies in no single layout of a file."""
OPEN: Final = "?"
"""What a draft has where only a person can tell; no layout with it is read."""

_Kind = TypeVar("_Kind")

_NEEDED: Final = frozenset(
    "bank currency encodings delimiter days thousands stable_references ends_at columns".split()
)
_MAY: Final = frozenset(
    "times date_cells fill_down debits open_end total order optional passed_over"
    " signs rows preamble periods".split()
)
_LISTS: Final = frozenset("encodings ends_at optional passed_over periods".split())
_TABLES: Final = frozenset("columns signs rows preamble".split())
_SWITCHES: Final = frozenset("stable_references date_cells fill_down open_end".split())
_LISTS_OF_LABELS: Final = _TABLES - {"signs"}

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_BIN: Final = re.compile(r"(?:[0-9]{6})?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_DELIMITERS: Final = {mark: mark for mark in DELIMITERS}
_TOTALS: Final = {"net": Figure.NET, "sum": Figure.SUM}
_ENCODINGS: Final = frozenset({"utf-8", "cp1258", "cp1252", "iso8859-1"})
"""Those in which a line ends with one byte."""
_PLACE: Final = "…"
_DAY_OF_PERIOD: Final = "([-0-9/]{10})"

_DIRECTIONS: Final = (
    frozenset({Column.SIGN, Column.AMOUNT}),
    frozenset({Column.AMOUNT}),
    frozenset({Column.CREDIT, Column.DEBIT}),
)
_ALL_DIRECTIONS: Final = frozenset.union(*_DIRECTIONS)
_NEVER_OPTIONAL: Final = _ALL_DIRECTIONS | {Column.DAY, Column.DAY_AND_REFERENCE, Column.MEMO}


@lru_cache(maxsize=1)
def every_layout() -> Mapping[str, Layout]:
    """The layouts this service comes with, by name."""
    return load(LAYOUTS.read_text(encoding="utf-8"))


def load(described: str) -> Mapping[str, Layout]:
    """The layouts that a text in TOML describes, by name. Raises `WrongLayout`."""
    try:
        layouts = tomllib.loads(described)
    except tomllib.TOMLDecodeError as error:
        raise WrongLayout(layout=WHOLE_FILE, what=str(error)) from None
    return MappingProxyType({name: _layout(name, told) for name, told in layouts.items()})


def named(name: str) -> str:
    """A layout's name: small letters, digits and _, at most 40. Raises `WrongLayout`."""
    if not _NAME.fullmatch(name):
        raise WrongLayout(layout=name[:40], what=name[:40])
    return name


def _layout(name: str, told: Any) -> Layout:
    named(name)
    try:
        _check_shape(told)
        layout = _described(name, told)
        _check_columns(layout)
    except ValueError as wrong:
        raise WrongLayout(layout=name[:40], what=str(wrong)) from None
    return layout


def _check_shape(told: Any) -> None:
    """Refuses keys that are missing or unknown, and values of another kind than theirs."""
    if not isinstance(told, dict):
        raise ValueError("[…]")  # noqa: TRY004  the file is at fault, not the program
    for key in sorted(_NEEDED - told.keys()):
        raise ValueError(f"{key} = ?")
    for key in sorted(told.keys() - _NEEDED - _MAY):
        raise ValueError(f"{key} = …")
    for key, value in told.items():
        if not _is_of_its_kind(key, value) or OPEN in (value if key in _LISTS else [value]):
            raise ValueError(f"{key} = {value!r}")


def _is_of_its_kind(key: str, value: Any) -> bool:
    if key in _LISTS:
        return _is_list_of_texts(value)
    if key in _TABLES:
        is_right = _is_list_of_texts if key in _LISTS_OF_LABELS else _is_text
        return isinstance(value, dict) and all(is_right(inner) for inner in value.values())
    return isinstance(value, bool) if key in _SWITCHES else _is_text(value)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(one) for one in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _described(name: str, told: Mapping[str, Any]) -> Layout:
    ends = [label(text) for text in told["ends_at"]]
    return Layout(
        name=name,
        bank=_matching("bank", told["bank"], _BIN),
        currency=_matching("currency", told["currency"], _CURRENCY),
        encodings=tuple(_encoding(one) for one in told["encodings"]),
        delimiter=_one_of("delimiter", told["delimiter"], _DELIMITERS),
        read_day=_one_of("days", told["days"], DAYS),
        clock=_word("times", told.get("times"), Clock),
        date_cells=told.get("date_cells", False),
        fill_down=told.get("fill_down", False),
        thousands=_meaning("thousands", told["thousands"], Thousands),
        debits=_word("debits", told.get("debits"), Money) or Money.PLAIN,
        stable_references=told["stable_references"],
        ends_at=frozenset(text for text in ends if not text.endswith("*")),
        ends_with=tuple(text.rstrip("*") for text in ends if text.endswith("*")),
        open_end=told.get("open_end", False),
        total=_one_of("total", told["total"], _TOTALS) if "total" in told else None,
        order=_word("order", told.get("order"), Order),
        columns=_by_label("columns", told["columns"], Column),
        optional=frozenset(_meaning("optional", one, Column) for one in told.get("optional", [])),
        signs={
            sign: _one_of(f"signs.{sign}", way, {"credit": True, "debit": False})
            for sign, way in told.get("signs", {}).items()
        },
        rows=_by_label("rows", told.get("rows", {}), RowKind),
        preamble=_by_label("preamble", told.get("preamble", {}), Fact),
        periods=tuple(_period(text) for text in told.get("periods", [])),
        passed_over=frozenset(chain(*map(words_of, told.get("passed_over", [])))),
    )


def _check_columns(layout: Layout) -> None:
    """A table has a day, a memo and one way to tell direction and amount, and each but once."""
    columns = frozenset(layout.columns.values())
    if (Column.DAY in columns) == (Column.DAY_AND_REFERENCE in columns):
        raise ValueError("columns.day")
    if {Column.DAY_AND_REFERENCE, Column.BANK_REFERENCE} <= columns:
        raise ValueError("columns.bank_reference")
    if Column.MEMO not in columns:
        raise ValueError("columns.memo")
    _check_money(layout, columns)
    if layout.fill_down and Column.BANK_REFERENCE not in columns:
        raise ValueError("fill_down, columns.bank_reference")
    if layout.order and Column.BALANCE not in columns:
        raise ValueError("columns.balance")
    if layout.optional & _NEVER_OPTIONAL:
        raise ValueError("optional")
    if not (layout.encodings and (layout.ends_at or layout.ends_with or layout.open_end)):
        raise ValueError("encodings, ends_at, open_end")


def _check_money(layout: Layout, columns: frozenset[Column]) -> None:
    if columns & _ALL_DIRECTIONS not in _DIRECTIONS:
        raise ValueError("columns.amount, sign, credit, debit")
    if (Column.SIGN in columns) != (set(layout.signs.values()) == {True, False}):
        raise ValueError("signs")
    if layout.total and Column.FEE in columns:
        raise ValueError("columns.fee, total")


def _by_label(
    key: str, labels: Mapping[str, list[str]], kind: Callable[[str], _Kind]
) -> dict[str, _Kind]:
    """What each label means; a label with two meanings, or none, is refused."""
    meanings: dict[str, _Kind] = {}
    for meaning, spellings in labels.items():
        known = _meaning(key, meaning, kind)
        for spelling in spellings:
            folded = label(spelling)
            if not folded or meanings.setdefault(folded, known) != known:
                raise ValueError(f"{key}.{meaning} = {spelling!r}")
    return meanings


def _meaning(key: str, text: str, kind: Callable[[str], _Kind]) -> _Kind:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{key} = {text!r}") from None


def _word(key: str, text: str | None, kind: Callable[[str], _Kind]) -> _Kind | None:
    return None if text is None else _meaning(key, text, kind)


def _one_of(key: str, text: str, known: Mapping[str, _Kind]) -> _Kind:
    if text not in known:
        raise ValueError(f"{key} = {text!r}")
    return known[text]


def _matching(key: str, text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"{key} = {text!r}")
    return text


def _encoding(name: str) -> str:
    try:
        known = codecs.lookup(name).name in _ENCODINGS
    except (LookupError, ValueError):
        known = False
    if not known:
        raise ValueError(f"encodings = {name!r}")
    return name


def _period(text: str) -> re.Pattern[str]:
    """`Từ ngày … Đến ngày …` as a pattern for a folded cell; the places hold two days."""
    pieces = text.split(_PLACE)
    if len(pieces) != 3:
        raise ValueError(f"periods = {text!r}")
    return re.compile(_DAY_OF_PERIOD.join(f"{re.escape(label(one))}:?" for one in pieces))
