"""The fields of requests and answers: texts by pattern, whole numbers, days; lists by cursor.

A pattern fits the whole text or not at all, so that no line end and no NUL slips in.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import marshmallow
from marshmallow import ValidationError, fields, validate

from payments.core.money import MOST
from payments.web import paging
from payments.web.json_provider import written
from payments.web.paging import Page
from payments.web.schemas import FieldError, Schema

_DAY: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Pattern(validate.Regexp):
    """The whole text is as the pattern says; else it is told as `code`."""

    def __init__(self, pattern: str, *, code: str = FieldError.WRONG_FORMAT) -> None:
        super().__init__(pattern)
        self.code = code
        self._pattern = re.compile(pattern)

    def fits(self, value: str) -> bool:
        """Whether the whole of `value` is as the pattern says."""
        return self._pattern.fullmatch(value) is not None

    def __call__(self, value: str) -> str:  # type: ignore[override]  # texts only
        """`value` itself, or a ValidationError."""
        if not self.fits(value):
            raise ValidationError(self._format_error(value))
        return value


AGENCY: Final = Pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
FEE: Final = Pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
REDUCTION: Final = FEE
DOSSIER: Final = Pattern(r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$")
REFERENCE: Final = Pattern(r"^[A-Z]{4}[0-9]{10}$")
PROSE: Final = Pattern(r"^[^\u0000-\u001f\u007f]{0,200}$")
URL: Final = Pattern(r"^https?://[!-~]{1,2040}$")
CHANNEL: Final = validate.OneOf(["online", "counter"])


class Day(fields.Date):
    """A calendar day of this century, written 2026-11-24 and no other way."""

    def __init__(self, **options: Any) -> None:
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
        metadata = {"pattern": pattern, "example": "2026-11-24", **options.pop("metadata", {})}
        super().__init__(metadata=metadata, **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> date:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise ValidationError(FieldError.WRONG_FORMAT)
        day: date = super()._deserialize(value, attr, data, **options)
        return day


class Moment(fields.DateTime):
    """An instant in an answer: UTC with a Z."""

    def _serialize(self, value: datetime | None, *_where: Any, **_options: Any) -> str | None:
        return None if value is None else str(written(value))


def text(pattern: Pattern, *, example: str, **options: Any) -> fields.String:
    """A text by a pattern."""
    metadata = {"example": example, **options.pop("metadata", {})}
    return fields.String(validate=pattern, metadata=metadata, **options)


def count(*, least: int, most: int, **options: Any) -> fields.Integer:
    """A whole number: `1.0`, `"1"` and `true` are none."""
    return fields.Integer(strict=True, validate=validate.Range(least, most), **options)


def amount(**options: Any) -> fields.Integer:
    """An amount of money as a caller says it: whole đồng, more than none."""
    return count(least=1, most=int(MOST), **options)


class Shown(Schema):
    """An answer: every field is always there; what is absent is null."""

    class Meta:
        """Readers leave room for fields to come."""

        unknown = marshmallow.EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Marks the field as always there."""
        super().on_bind_field(field_name, field_obj)
        field_obj.required = True


class ListArguments(Schema):
    """Which page of a list is asked for."""

    limit = fields.String(
        metadata={
            "type": "integer",
            "minimum": 1,
            "maximum": paging.MOST,
            "default": paging.USUAL,
            "description": "api.limit",
        }
    )
    cursor = fields.String(metadata={"description": "api.cursor"})


def page(arguments: Mapping[str, Any]) -> Page:
    """The page asked for. Raises `LimitOutOfRange` and `UnreadableCursor`."""
    return paging.asked(
        {name: arguments[name] for name in ("limit", "cursor") if name in arguments}
    )


@functools.cache
def listed(item: type[Shown]) -> type[Shown]:
    """The schema of a page of `item`s."""
    name = item.__name__.removesuffix("Schema") + "ListSchema"
    told = {
        "items": fields.List(fields.Nested(item)),
        "next": fields.String(allow_none=True, metadata={"description": "api.next"}),
    }
    return type(name, (Shown,), told)
