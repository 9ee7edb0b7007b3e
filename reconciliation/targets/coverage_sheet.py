"""A table of a quarter's figures, CSV or workbook: each row a commune, or a total to check.

Columns are found by their headings, in Vietnamese or English, in any order; others are left alone.
A row that is called after a district, or that says it is a sum, states a total: it must be the sum
of the file's communes. Every row that cannot be right is told, and nothing is taken of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO
from itertools import islice
from types import MappingProxyType
from typing import Final

from payments.agencies import Kind
from reconciliation.formats.delimited import Row
from reconciliation.formats.refusals import UnreadableFile, UnreadableText
from reconciliation.formats.spreadsheet import is_workbook, rows_of
from reconciliation.formats.workbook import SeveralSheets, UncalculatedFormula
from reconciliation.targets import quarters
from reconciliation.targets.coverage_counts import count
from reconciliation.targets.coverage_refusals import (
    AmbiguousCommune,
    CodeAndNameDiffer,
    ColumnRepeated,
    ColumnsMissing,
    ColumnsSwapped,
    CommuneRepeated,
    CoverageRefused,
    EmptyTable,
    FigureMissing,
    FiguresTooLarge,
    FormulaWithoutValue,
    MisspeltCommune,
    MoreAccountsThanPeople,
    NobodyLivesThere,
    NotATable,
    OtherQuarter,
    QuarterMisplaced,
    QuarterUnreadable,
    SeveralTables,
    TotalDisagrees,
    UnknownCommune,
)
from reconciliation.targets.coverage_tables import MOST_PEOPLE
from reconciliation.targets.gazetteer import Gazetteer, plain
from reconciliation.targets.quarters import Quarter

MOST_BYTES: Final = 2 << 20
"""A table of 91 communes has some ten kilobytes."""

MOST_ROWS: Final = 2_000
_MOST_ABOVE: Final = 30
_MOST_IN_ALL: Final = MOST_PEOPLE * 100
_DELIMITERS: Final = (",", ";", "\t")


class Column(StrEnum):
    """What a column tells."""

    QUARTER = "quarter"
    CODE = "code"
    NAME = "name"
    DISTRICT = "district"
    POPULATION = "population"
    ACCOUNTS = "accounts"


FIGURES: Final = (Column.POPULATION, Column.ACCOUNTS)

HEADINGS: Final[Mapping[Column, tuple[str, ...]]] = MappingProxyType(
    {
        Column.QUARTER: ("quy", "ky", "quy bao cao", "ky bao cao", "quarter", "period"),
        Column.CODE: (
            *("ma don vi", "ma xa", "ma phuong xa", "ma xa phuong", "ma don vi hanh chinh"),
            *("unit code", "commune code", "agency code", "code"),
        ),
        Column.NAME: (
            *("xa phuong thi tran", "phuong xa thi tran", "xa phuong", "phuong xa"),
            *("don vi", "ten don vi", "ten xa", "don vi hanh chinh"),
            *("commune", "unit", "name", "commune name", "unit name"),
        ),
        Column.DISTRICT: (
            *("huyen thi xa thanh pho", "huyen thanh pho", "thanh pho thi xa huyen"),
            *("cap huyen", "don vi cap huyen", "huyen", "district"),
        ),
        Column.POPULATION: (
            *("dan so tu 15 tuoi tro len", "dan so 15 tuoi tro len"),
            *("dan so tu du 15 tuoi tro len", "dan so tu du 15 tuoi"),
            *("so nguoi tu 15 tuoi tro len", "so nguoi tu du 15 tuoi tro len"),
            *("population aged 15", "population aged 15 and over"),
            *("population aged 15 and older", "population 15", "people aged 15 and older"),
        ),
        Column.ACCOUNTS: (
            *("so nguoi co tai khoan thanh toan", "nguoi co tai khoan thanh toan"),
            *("so nguoi tu 15 tuoi tro len co tai khoan thanh toan", "co tai khoan thanh toan"),
            *("so nguoi tu du 15 tuoi tro len co tai khoan thanh toan",),
            *("people with a payment account", "people with payment accounts"),
            *("people holding a payment account",),
        ),
    }
)
"""Headings by column, as `plain` leaves them."""

_COLUMNS: Final = MappingProxyType(
    {one: column for column, all_ in HEADINGS.items() for one in all_}
)


@dataclass(frozen=True, slots=True)
class Figure:
    """What a row tells of one commune."""

    line: int
    agency: str
    population: int
    accounts: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table that was read: its figures in the file's order, and how many totals it stated."""

    figures: tuple[Figure, ...]
    totals: int

    @property
    def population(self) -> int:
        """All people of the figures."""
        return sum(one.population for one in self.figures)

    @property
    def accounts(self) -> int:
        """All those of them who have an account."""
        return sum(one.accounts for one in self.figures)


def read(content: bytes, gazetteer: Gazetteer, *, quarter: Quarter) -> Sheet:
    """The figures of a file for `quarter`.

    Raises `CoverageRefused` with every row that is wrong, or what is wrong with the file itself.
    """
    if len(content) > MOST_BYTES:
        raise FiguresTooLarge(line=1, most=MOST_BYTES >> 20, rows=MOST_ROWS)
    if not content.strip():
        raise EmptyTable(line=1)
    reading = _Reading(gazetteer, quarter)
    try:
        columns, rows = _opened(content)
        for row in rows:
            reading.take(columns, row)
    except UnreadableText:
        raise NotATable(line=1) from None
    except UncalculatedFormula as refusal:
        raise FormulaWithoutValue(line=int(str(refusal.fields["line"]))) from None
    except SeveralSheets:
        raise SeveralTables(line=1) from None
    return reading.sheet()


@dataclass(frozen=True, slots=True)
class _Total:
    line: int
    agency: str
    stated: Mapping[Column, int]


@dataclass
class _Reading:
    """The rows taken so far, and what is wrong with them."""

    gazetteer: Gazetteer
    quarter: Quarter
    figures: dict[str, Figure] = field(default_factory=dict)
    totals: list[_Total] = field(default_factory=list)
    more_accounts: list[UnreadableFile] = field(default_factory=list)
    refusals: list[UnreadableFile] = field(default_factory=list)
    last: int = 1

    def take(self, columns: Mapping[Column, int], row: Row) -> None:
        """Takes a row, or what is wrong with it."""
        self.last, cells = row
        if self.last > MOST_ROWS:
            raise FiguresTooLarge(line=self.last, most=MOST_BYTES >> 20, rows=MOST_ROWS)
        told = {
            column: cells[place] if place < len(cells) else "" for column, place in columns.items()
        }
        if not any(cells):
            return
        try:
            self._take(told, cells)
        except UnreadableFile as refusal:
            self.refusals.append(refusal)

    def sheet(self) -> Sheet:
        """All of it. Raises `CoverageRefused` or `EmptyTable`."""
        figures = tuple(self.figures.values())
        if len(self.more_accounts) > max(1, len(figures) // 2):
            swapped = ColumnsSwapped(line=int(str(self.more_accounts[0].fields["line"])))
            raise CoverageRefused([swapped])
        refusals = [*self.refusals, *self.more_accounts]
        if not refusals:
            refusals = list(self._differing())
        if refusals:
            raise CoverageRefused(refusals)
        if not figures:
            raise EmptyTable(line=self.last)
        return Sheet(figures, totals=len(self.totals))

    def _take(self, told: Mapping[Column, str], cells: Sequence[str]) -> None:
        if not any(told[column] for column in FIGURES):
            return  # a note, a signature, a commune that was left out
        self._refuse_other_quarter(told)
        agency = self._agency(told, cells)
        if self.gazetteer.nodes[agency].kind is not Kind.COMMUNE:
            self.totals.append(_Total(self.last, agency, dict(self._counts(told, _MOST_IN_ALL))))
            return
        if agency in self.figures:
            first = self.figures[agency].line
            raise CommuneRepeated(line=self.last, unit=self._called(agency), first=first)
        self._add(agency, told)

    def _add(self, agency: str, told: Mapping[Column, str]) -> None:
        counted = dict(self._counts(told, MOST_PEOPLE))
        for column in FIGURES:
            if column not in counted:
                unit = self._called(agency)
                raise FigureMissing(line=self.last, unit=unit, column=column.value)
        population, accounts = counted[Column.POPULATION], counted[Column.ACCOUNTS]
        self.figures[agency] = Figure(self.last, agency, population, accounts)
        if population == 0:
            raise NobodyLivesThere(line=self.last, unit=self._called(agency))
        if accounts > population:
            told_of = {"unit": self._called(agency), "people": population, "accounts": accounts}
            self.more_accounts.append(MoreAccountsThanPeople(line=self.last, **told_of))

    def _counts(self, told: Mapping[Column, str], most: int) -> Iterator[tuple[Column, int]]:
        for column in FIGURES:
            if cell := told[column]:
                yield column, count(cell, line=self.last, column=column.value, most=most)

    def _refuse_other_quarter(self, told: Mapping[Column, str]) -> None:
        for column, cell in told.items():
            if column is not Column.QUARTER and quarters.heard(cell):
                raise QuarterMisplaced(line=self.last, column=column.value, text=str(cell))
        written = told.get(Column.QUARTER, "")
        stated = quarters.heard(written)
        if written and stated is None:
            raise QuarterUnreadable(line=self.last, text=str(written))
        if stated not in (None, self.quarter):
            raise OtherQuarter(line=self.last, stated=str(stated), quarter=str(self.quarter))

    def _agency(self, told: Mapping[Column, str], cells: Sequence[str]) -> str:
        """The unit that a row names. Raises why it is not known."""
        code, name = told.get(Column.CODE, ""), told.get(Column.NAME, "")
        by_code = self.gazetteer.of_code(code)
        if code and by_code is None:
            if self.gazetteer.is_total(code):
                return self._by_name(code, told)
            raise UnknownCommune(line=self.last, text=str(code))
        if not name:
            return by_code or self._by_name(_first_word(told, cells), told)
        if by_code is None:
            return self._by_name(name, told)
        if by_code not in self.gazetteer.named(name):
            unit = self._called(by_code)
            raise CodeAndNameDiffer(line=self.last, code=str(code), unit=unit, text=name)
        return by_code

    def _by_name(self, name: str, told: Mapping[Column, str]) -> str:
        gazetteer, cell = self.gazetteer, told.get(Column.DISTRICT, "")
        above = gazetteer.of_code(cell) or next(iter(_districts(gazetteer, cell)), None)
        found = gazetteer.named(name, district=above)
        if gazetteer.is_total(name):
            found = [one for one in found if gazetteer.nodes[one].kind is not Kind.COMMUNE]
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise AmbiguousCommune(line=self.last, text=name, units=gazetteer.called(found))
        nearest = gazetteer.nearest(name)
        if nearest is None:
            raise UnknownCommune(line=self.last, text=name)
        raise MisspeltCommune(line=self.last, text=name, nearest=nearest)

    def _differing(self) -> Iterator[UnreadableFile]:
        """Totals that are not the sum of the file's communes."""
        for total in self.totals:
            inside = [one for one in self.figures.values() if self._is_in(one.agency, total.agency)]
            for column, stated in total.stated.items():
                read_ = sum(getattr(one, column.value) for one in inside)
                if stated != read_:
                    yield TotalDisagrees(
                        line=total.line,
                        unit=self._called(total.agency),
                        column=column.value,
                        stated=stated,
                        read=read_,
                        difference=abs(stated - read_),
                    )

    def _is_in(self, agency: str, above: str) -> bool:
        line: str | None = agency
        while line is not None and line != above:
            node = self.gazetteer.nodes.get(line)
            line = node.parent if node else None
        return line == above

    def _called(self, agency: str) -> str:
        return self.gazetteer.called([agency])


def _opened(content: bytes) -> tuple[Mapping[Column, int], Iterator[Row]]:
    """Where the columns are, and the rows below their headings."""
    stream = BytesIO(content)
    refusals: list[UnreadableFile] = []
    for delimiter in ("",) if is_workbook(stream) else _DELIMITERS:
        try:
            rows = rows_of(stream, encoding="utf-8", delimiter=delimiter)
            return _headed(rows)
        except (UnreadableText, UncalculatedFormula, SeveralSheets):
            raise
        except UnreadableFile as refusal:
            refusals.append(refusal)
    raise next((one for one in refusals if not isinstance(one, ColumnsMissing)), refusals[0])


def _headed(rows: Iterator[Row]) -> tuple[Mapping[Column, int], Iterator[Row]]:
    first = 1
    for number, cells in islice(rows, _MOST_ABOVE):
        found = [(place, _COLUMNS[plain(cell)]) for place, cell in _headings(cells)]
        columns = {column: place for place, column in found}
        if {*FIGURES} <= columns.keys() and {Column.CODE, Column.NAME} & columns.keys():
            if len(columns) < len(found):
                raise ColumnRepeated(line=number)
            return columns, rows
        first = number if len(columns) > 1 else first
    raise ColumnsMissing(line=first)


def _headings(cells: Sequence[str]) -> Iterator[tuple[int, str]]:
    return ((place, cell) for place, cell in enumerate(cells) if plain(cell) in _COLUMNS)


def _first_word(told: Mapping[Column, str], cells: Sequence[str]) -> str:
    """What a row without code and name is called: its district, else its first words."""
    figures = {told[column] for column in FIGURES}
    words = (cell for cell in cells if cell and cell not in figures)
    return told.get(Column.DISTRICT, "") or next(words, "")


def _districts(gazetteer: Gazetteer, text: str) -> list[str]:
    named = gazetteer.named(text) if text else []
    return [code for code in named if gazetteer.nodes[code].kind is Kind.DISTRICT]
