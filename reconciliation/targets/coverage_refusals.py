"""Why a file of coverage figures is refused: one error for each reason, with the row it stands on.

A file is taken whole or not at all. A row's reasons are told together, so that whoever made the
file mends it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from payments.core.errors import CashlessError, Conflict, Invalid
from payments.core.words import say
from reconciliation.formats.refusals import UnreadableFile
from reconciliation.targets import quarters
from reconciliation.targets.percentages import people

MOST_TOLD: Final = 50
"""So many reasons are told of one file."""


class CoverageRefused(Invalid):
    """Rows of a file of figures that cannot be right; `rows` are the reasons in order of rows."""

    code: ClassVar[str] = "coverage_refused"

    def __init__(self, rows: Sequence[UnreadableFile]) -> None:
        ordered = sorted(rows, key=lambda one: int(str(one.fields["line"])))
        super().__init__(count=len(ordered))
        self.rows = tuple(ordered[:MOST_TOLD])


def spoken(refusal: CashlessError) -> str:
    """Why, in the reader's language, a column by its heading."""
    fields: dict[str, Any] = {
        name: people(value) if type(value) is int and name not in ("line", "first") else value
        for name, value in refusal.fields.items()
    }
    if "column" in fields:
        fields["column"] = say(f"coverage.column.{fields['column']}")
    if "quarter" in fields:
        fields["quarter"] = quarters.within(fields["quarter"])
    return say(f"error.{refusal.code}", **fields)


def reasons(refusal: CashlessError) -> list[str]:
    """Everything that is wrong with a file, a sentence for each."""
    rows = refusal.rows if isinstance(refusal, CoverageRefused) else ()
    return [spoken(one) for one in rows] or [spoken(refusal)]


class NotATable(UnreadableFile):
    """A file that is neither CSV in UTF-8 nor a workbook."""

    code = "not_a_table"


class EmptyTable(UnreadableFile):
    """A file without a row of figures."""

    code = "empty_table"


class FiguresTooLarge(UnreadableFile):
    """A file with more bytes or rows than the figures of a quarter ever have."""

    code = "figures_too_large"


class ColumnsMissing(UnreadableFile):
    """No row carries the headings that a table of figures has."""

    code = "columns_missing"


class ColumnRepeated(UnreadableFile):
    """One heading stands over two columns."""

    code = "column_repeated"


class ColumnsSwapped(UnreadableFile):
    """People with an account stand where the population should: most rows have more of them."""

    code = "columns_swapped"


class QuarterMisplaced(UnreadableFile):
    """A quarter stands in a column of something else."""

    code = "quarter_misplaced"


class QuarterUnreadable(UnreadableFile):
    """A text in the column of quarters that is none."""

    code = "quarter_unreadable"


class OtherQuarter(UnreadableFile):
    """A row of another quarter than the file was brought for."""

    code = "other_quarter"


class UnknownCommune(UnreadableFile):
    """The province had no commune of that code or name on the quarter's last day."""

    code = "unknown_commune"


class MisspeltCommune(UnreadableFile):
    """As `UnknownCommune`, where a commune of nearly that name exists."""

    code = "misspelt_commune"


class AmbiguousCommune(UnreadableFile):
    """Several communes have that name; their code or district tells them apart."""

    code = "ambiguous_commune"


class CodeAndNameDiffer(UnreadableFile):
    """A row whose code is one unit's and whose name another's."""

    code = "code_and_name_differ"


class CommuneRepeated(UnreadableFile):
    """A commune that stands in the file twice."""

    code = "commune_repeated"


class FigureMissing(UnreadableFile):
    """A commune without one of its two figures."""

    code = "figure_missing"


class NotACount(UnreadableFile):
    """A text, a formula among them, where a whole number should stand."""

    code = "not_a_count"


class NegativeCount(UnreadableFile):
    """Fewer people than none."""

    code = "negative_count"


class FractionalCount(UnreadableFile):
    """A part of a person."""

    code = "fractional_count"


class ImplausibleCount(UnreadableFile):
    """More people than a commune, or a province, ever has."""

    code = "implausible_count"


class NobodyLivesThere(UnreadableFile):
    """A commune without people aged 15 and older: no share can be told of it."""

    code = "nobody_lives_there"


class MoreAccountsThanPeople(UnreadableFile):
    """More people with a payment account than there are people."""

    code = "more_accounts_than_people"


class TotalDisagrees(UnreadableFile):
    """A total that the file states is not the sum of its communes."""

    code = "total_disagrees"


class FormulaWithoutValue(UnreadableFile):
    """A cell with a formula that nobody calculated, or with an error."""

    code = "formula_without_value"


class SeveralTables(UnreadableFile):
    """A workbook with something on more than one sheet."""

    code = "several_tables"


class QuarterNotOver(Invalid):
    """Figures tell of a quarter's last day, so that it has to be over."""

    code = "quarter_not_over"


class DocumentNotNamed(Invalid):
    """Whoever brings figures names the document they are from, in at most 300 characters."""

    code = "document_not_named"


class DocumentDateImpossible(Invalid):
    """A document of a quarter is dated neither before it began nor after today."""

    code = "document_date_impossible"


class QuarterKnown(Conflict):
    """The quarter has figures; others replace them only as a correction, with the reason."""

    code = "quarter_known"


class NothingToCorrect(Conflict):
    """A correction of a quarter that has no figures."""

    code = "nothing_to_correct"


class FileOfAnotherQuarter(Conflict):
    """This very file was taken in for another quarter."""

    code = "file_of_another_quarter"


class FiguresUnconfirmed(Conflict):
    """What is striking about the figures was not confirmed to be right."""

    code = "figures_unconfirmed"


class FiguresChanged(Conflict):
    """Somebody else took in figures of that quarter meanwhile."""

    code = "figures_changed"
