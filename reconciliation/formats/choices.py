"""A layout as answers to a form: what each column holds, how days and amounts are written.

What a person has not answered is open (an empty text), and nothing is read until every question
has its answer. `faults` says what is still open or said twice, `described` writes the layout in
the language of `layouts.toml`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from payments.core.errors import Invalid
from reconciliation.formats.layouts import Column, Fact, Money, Order, label

LONGEST: Final = 100
"""So many characters of an answer are kept."""


class UnknownChoice(Invalid):
    """An answer that is none of those the question has."""

    code = "unknown_layout_choice"


class End(StrEnum):
    """Where the table ends: at the end of the file, or at a row that says so."""

    FILE = "file"
    ROW = "row"


class Question(StrEnum):
    """What a fault of the answers is about."""

    COLUMNS_OPEN = "columns_open"
    COLUMN_TWICE = "column_twice"
    LABEL_TWICE = "label_twice"
    DAY_MISSING = "day_missing"
    MEMO_MISSING = "memo_missing"
    AMOUNT_UNCLEAR = "amount_unclear"
    SIGNS_OPEN = "signs_open"
    FACT_TWICE = "fact_twice"
    BANK_WRONG = "bank_wrong"
    DAYS_OPEN = "days_open"
    THOUSANDS_OPEN = "thousands_open"
    END_OPEN = "end_open"
    BALANCE_MISSING = "balance_missing"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is open or ambiguous, and the labels it is about, if any."""

    question: Question
    labels: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The answers; an empty text is an open question, or one that may stay unanswered."""

    labels: tuple[str, ...]
    """Those of the header row, in its order, blank ones left out."""
    columns: tuple[str, ...]
    """What stands under each of them."""
    above: tuple[str, ...] = ()
    """The labels above the header."""
    facts: tuple[str, ...] = ()
    """What each of them tells; one that is open tells nothing."""
    encoding: str = "utf-8"
    delimiter: str = ","
    bank: str = ""
    days: str = ""
    times: str = ""
    date_cells: str = ""
    thousands: str = ""
    debits: str = Money.PLAIN.value
    credit_sign: str = ""
    debit_sign: str = ""
    order: str = ""
    end: str = ""
    end_label: str = ""
    opening_row: str = ""
    closing_row: str = ""

    def answered(self, told: Mapping[str, str]) -> Choices:
        """The choices with what a form tells; `column-0` is the first column's meaning.

        Raises `UnknownChoice`.
        """
        answers: dict[str, Any] = {
            name: _one_of(name, told, allowed) for name, allowed in ALLOWED.items()
        }
        answers |= {name: told.get(name, "").strip()[:LONGEST] for name in TEXTS}
        columns = _each("column", told, len(self.labels), COLUMNS)
        facts = _each("fact", told, len(self.above), FACTS)
        return replace(self, columns=columns, facts=facts, **answers)

    def told(self) -> dict[str, Any]:
        """The choices as JSON; `heard` reads them again."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def heard(cls, told: Mapping[str, Any]) -> Choices:
        """The choices that `told` was made of."""
        known: dict[str, Any] = {
            one.name: tuple(told[one.name]) if one.name in _MANY else told[one.name]
            for one in fields(cls)
        }
        return cls(**known)


COLUMNS: Final = frozenset(Column) - {Column.DAY_AND_REFERENCE}
FACTS: Final = frozenset(Fact)
_DAYS: Final = {"day_first": "dd/mm/yyyy", "year_first": "yyyy-mm-dd"}
ALLOWED: Final[Mapping[str, Collection[str]]] = MappingProxyType(
    {
        "days": tuple(_DAYS),
        "times": ("24h", "12h"),
        "date_cells": ("yes",),
        "thousands": ("comma", "dot"),
        "debits": tuple(Money),
        "order": tuple(Order),
        "end": tuple(End),
    }
)
TEXTS: Final = ("bank", "credit_sign", "debit_sign", "end_label", "opening_row", "closing_row")

_MANY: Final = frozenset({"labels", "columns", "above", "facts"})
_BIN: Final = re.compile(r"(?:[0-9]{6})?", re.ASCII)
_PAIR: Final = frozenset({Column.CREDIT, Column.DEBIT})
_AMOUNTS: Final = (
    _PAIR,
    frozenset({Column.AMOUNT}),
    frozenset({Column.AMOUNT, Column.SIGN}),
)


def faults(choices: Choices) -> list[Fault]:
    """Whatever keeps the choices from being a layout; none if they are one."""
    return [*_ambiguous_columns(choices), *_missing_columns(choices), *_faults_of_style(choices)]


def described(choices: Choices, name: str) -> str:
    """The layout of that name in TOML; only for choices without faults is it one that loads."""
    ends = choices.end == End.ROW
    pieces = [
        f"[{name}]",
        f"bank = {quoted(choices.bank)}",
        'currency = "VND"',
        f"encodings = {listed([choices.encoding])}",
        f"delimiter = {quoted(choices.delimiter)}",
        f"days = {quoted(_DAYS.get(choices.days, ''))}",
        *([f"times = {quoted(choices.times)}"] if choices.times else []),
        f"date_cells = {'true' if choices.date_cells else 'false'}",
        f"thousands = {quoted(choices.thousands)}",
        f"debits = {quoted(choices.debits or Money.PLAIN)}",
        "stable_references = false",
        f"ends_at = {listed([choices.end_label] if ends else [])}",
        f"open_end = {'false' if ends else 'true'}",
        *([f"order = {quoted(choices.order)}"] if choices.order else []),
        *_table(f"{name}.columns", choices.columns, choices.labels),
        *_table(f"{name}.rows", *_named_rows(choices)),
        *_table(f"{name}.preamble", choices.facts, choices.above),
    ]
    if Column.SIGN in choices.columns:
        pieces += [
            f"\n[{name}.signs]",
            f'{quoted(choices.credit_sign)} = "credit"',
            f'{quoted(choices.debit_sign)} = "debit"',
        ]
    return "\n".join(filter(None, pieces)) + "\n"


def entries(meanings: Iterable[str], labels: Iterable[str]) -> str:
    """Each meaning with all its labels, as a table of TOML; what means nothing known is left out.

    A label that stands twice is told once.
    """
    by_meaning: dict[str, dict[str, None]] = {}
    for meaning, one in zip(meanings, labels, strict=True):
        if meaning:
            by_meaning.setdefault(meaning, {})[one] = None
    return "\n".join(f"{meaning} = {listed([*some])}" for meaning, some in by_meaning.items())


def listed(labels: Sequence[str]) -> str:
    """Texts as a list of TOML."""
    return f"[{', '.join(map(quoted, labels))}]"


def quoted(text: str) -> str:
    """A text as TOML writes it, on one line."""
    plain = " ".join(unicodedata.normalize("NFC", text).split()) or text
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


def _table(name: str, meanings: Sequence[str], labels: Sequence[str]) -> list[str]:
    """A table of TOML; none where nothing has a meaning."""
    return [f"\n[{name}]", entries(meanings, labels)] if any(meanings) else []


def _ambiguous_columns(choices: Choices) -> Iterator[Fault]:
    named: dict[str, list[str]] = {}
    for meaning, one in zip(choices.columns, choices.labels, strict=True):
        named.setdefault(meaning, []).append(one)
    if "" in named:
        yield Fault(Question.COLUMNS_OPEN, _together(named[""]))
    for meaning, labels in named.items():
        if len(labels) > 1 and meaning not in ("", Column.NOTHING):
            yield Fault(Question.COLUMN_TWICE, _together(labels))
    meant: dict[str, set[str]] = {}
    for meaning, one in zip(choices.columns, choices.labels, strict=True):
        meant.setdefault(label(one), set()).add(meaning)
    twice = [one for one in choices.labels if len(meant[label(one)]) > 1]
    if twice:
        yield Fault(Question.LABEL_TWICE, _together(twice[:1]))


def _missing_columns(choices: Choices) -> Iterator[Fault]:
    named = frozenset(choices.columns)
    if Column.DAY not in named:
        yield Fault(Question.DAY_MISSING)
    if Column.MEMO not in named:
        yield Fault(Question.MEMO_MISSING)
    if named & frozenset.union(*_AMOUNTS) not in _AMOUNTS:
        yield Fault(Question.AMOUNT_UNCLEAR)
    signs = {choices.credit_sign, choices.debit_sign}
    if Column.SIGN in named and (len(signs) < 2 or "" in signs):
        yield Fault(Question.SIGNS_OPEN)


def _faults_of_style(choices: Choices) -> Iterator[Fault]:
    told = Counter(filter(None, choices.facts))
    for fact, count in told.items():
        if count > 1:
            pairs = zip(choices.facts, choices.above, strict=True)
            yield Fault(
                Question.FACT_TWICE, _together([one for told, one in pairs if told == fact])
            )
    if not _BIN.fullmatch(choices.bank):
        yield Fault(Question.BANK_WRONG)
    if not choices.days:
        yield Fault(Question.DAYS_OPEN)
    if not choices.thousands:
        yield Fault(Question.THOUSANDS_OPEN)
    if not choices.end or (choices.end == End.ROW and not label(choices.end_label)):
        yield Fault(Question.END_OPEN)
    if choices.order and Column.BALANCE not in choices.columns:
        yield Fault(Question.BALANCE_MISSING)


def _named_rows(choices: Choices) -> tuple[list[str], list[str]]:
    told = {Fact.OPENING.value: choices.opening_row, Fact.CLOSING.value: choices.closing_row}
    kept = {meaning: one for meaning, one in told.items() if one}
    return list(kept), list(kept.values())


def _each(
    name: str, told: Mapping[str, str], count: int, known: Collection[str]
) -> tuple[str, ...]:
    return tuple(_one_of(f"{name}-{place}", told, known) for place in range(count))


def _one_of(name: str, told: Mapping[str, str], known: Collection[str]) -> str:
    text = told.get(name, "")
    if text and text not in known:
        raise UnknownChoice(pointer=f"/{name}", choice=text[:40])
    return text


def _together(labels: Iterable[str]) -> str:
    return ", ".join(f"“{one[:40]}”" for one in labels)
