"""Why a statement file is refused: one error for each reason, each with the line it stands on.

A file is read whole or not at all. `line` is the physical line of a text or XML file, or the row
of a sheet, from 1. No error repeats a memo or a name, since those are personal.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from payments.core.errors import Invalid

_SHOWN: Final = 40
"""So much of an offending text is repeated in an error."""


class UnreadableFile(Invalid):
    """A statement file that cannot be read; nothing of it may be used."""

    code: ClassVar[str] = "unreadable_file"

    def __init__(self, *, line: int, **fields: object) -> None:
        super().__init__(**_shown({"line": line} | fields))


class UnknownFormat(UnreadableFile):
    """A file that no reader recognises, or a format nobody has a reader for."""

    code = "unknown_format"


class FileTooLarge(UnreadableFile):
    """A file, or one entry, sheet or row of it, that is larger than any real one."""

    code = "file_too_large"


class CutFile(UnreadableFile):
    """A file that ends before it is complete."""

    code = "cut_file"


class MissingFigure(UnreadableFile):
    """A figure or word that every statement of this format carries is not there."""

    code = "missing_figure"


class RepeatedFigure(UnreadableFile):
    """A figure that stands once in a statement stands there twice."""

    code = "repeated_figure"


class UnreadableAmount(UnreadableFile):
    """A text that is not an amount in the style of the format."""

    code = "unreadable_amount"


class FractionOfDong(UnreadableFile):
    """An amount of đồng that is not whole."""

    code = "fraction_of_dong"


class ImplausibleAmount(UnreadableFile):
    """An amount larger than one movement ever is, or longer than ISO 20022 allows."""

    code = "implausible_amount"


class UnreadableDate(UnreadableFile):
    """A text that is not a day in the style of the format, or a day the calendar has not."""

    code = "unreadable_date"


class UnknownIndicator(UnreadableFile):
    """A direction, status or sign that is not one of those the format knows."""

    code = "unknown_indicator"


class MixedCurrencies(UnreadableFile):
    """A figure in another currency than the account it stands in."""

    code = "mixed_currencies"


class UnknownCurrency(UnreadableFile):
    """A currency that is not a code of ISO 4217: three capital letters."""

    code = "unknown_currency"


class UnreadableText(UnreadableFile):
    """A text with characters that no bank writes, such as NUL, or in another encoding."""

    code = "unreadable_text"


class NotAStatement(UnreadableFile):
    """Word about the day (CAMT.052 or .054, MT942): it may be shown, and is never booked."""

    code = "not_a_statement"


class MisplacedFigure(UnreadableFile):
    """Account, balance or control figures where they come too late, or too early."""

    code = "misplaced_figure"


class MalformedField(UnreadableFile):
    """A field or record that is not written as its standard says."""

    code = "malformed_field"


class UnknownTag(UnreadableFile):
    """A field the format has not: it could change what the others mean."""

    code = "unknown_tag"


def visible(text: str) -> str:
    r"""`text` with whatever cannot be seen written out: `\x00`, `\udcea`.

    Names of files and texts out of them are told to people, and kept in databases that hold neither
    NUL nor half a letter.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def _shown(fields: dict[str, object]) -> dict[str, Any]:
    return {
        name: visible(field[:_SHOWN]) if isinstance(field, str) else field
        for name, field in fields.items()
    }
