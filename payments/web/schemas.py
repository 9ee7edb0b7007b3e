"""What every schema of the API shares: strict input, and errors that carry a code.

marshmallow's messages are English prose; here each becomes a code with its bounds
(`too_long|max=40`), which `told_errors` turns into a JSON pointer, the code and words in the
reader's language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

import marshmallow
from marshmallow import fields, validate

from payments.core.words import say


class FieldError(StrEnum):
    """What can be wrong with one field of what was sent."""

    MISSING_FIELD = "missing_field"
    NULL_FIELD = "null_field"
    UNKNOWN_FIELD = "unknown_field"
    WRONG_TYPE = "wrong_type"
    WRONG_FORMAT = "wrong_format"
    WRONG_LENGTH = "wrong_length"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    OUT_OF_RANGE = "out_of_range"
    TOO_SMALL = "too_small"
    TOO_BIG = "too_big"
    UNKNOWN_CHOICE = "unknown_choice"
    INVALID_VALUE = "invalid_value"


_FIELD_MESSAGES: Final = {
    "required": FieldError.MISSING_FIELD,
    "null": FieldError.NULL_FIELD,
    "validator_failed": FieldError.INVALID_VALUE,
    "type": FieldError.WRONG_TYPE,
    "invalid": FieldError.WRONG_TYPE,
    "invalid_utf8": FieldError.WRONG_FORMAT,
    "invalid_uuid": FieldError.WRONG_FORMAT,
    "special": FieldError.WRONG_TYPE,
    "too_large": FieldError.TOO_BIG,
    "format": FieldError.WRONG_FORMAT,
    "unknown": FieldError.UNKNOWN_CHOICE,
}
_CODED: Final = re.compile(r"[a-z][a-z_]*(\|[a-z_]+=[^|]*)*")


class Schema(marshmallow.Schema):
    """The base of every schema: fields in the order written, unknown fields refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages["type"] = FieldError.WRONG_TYPE
        self.error_messages["unknown"] = FieldError.UNKNOWN_FIELD

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # noqa: ARG002  # marshmallow's
        """Gives a field and its validators messages that are codes."""
        _speak_in_codes(field_obj)


def _speak_in_codes(field: fields.Field[Any]) -> None:
    written_as = isinstance(field, fields.Date | fields.DateTime | fields.Time)
    for name in field.error_messages:
        field.error_messages[name] = _FIELD_MESSAGES.get(name, FieldError.INVALID_VALUE)
        if name == "invalid" and written_as:
            field.error_messages[name] = FieldError.WRONG_FORMAT
    for validator in field.validators:
        _word(validator)
    if isinstance(field, fields.List):
        _speak_in_codes(field.inner)


def _word(validator: object) -> None:
    if isinstance(validator, validate.Length):
        validator.message_min = "too_short|min={min}"
        validator.message_max = "too_long|max={max}"
        validator.message_all = "wrong_length|min={min}|max={max}"
        validator.message_equal = "wrong_length|min={equal}|max={equal}"
    elif isinstance(validator, validate.Range):
        validator.message_min = "too_small|min={min}"
        validator.message_max = "too_big|max={max}"
        validator.message_all = "out_of_range|min={min}|max={max}"
    elif isinstance(validator, validate.OneOf):
        validator.error = "unknown_choice"
    elif isinstance(validator, validate.Regexp):
        validator.error = getattr(validator, "code", "wrong_format")


def told_errors(messages: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """The nested messages of webargs, by location, as a list of pointers, codes and words.

    A field of the body is named by a JSON pointer (RFC 6901), one of another place as
    `query:limit`.
    """
    return [
        {"pointer": pointer, **_told(message)}
        for location, tree in messages.items()
        for pointer, message in _leaves(tree, "", location)
    ]


def _leaves(tree: object, path: str, location: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, Mapping):
        for name, branch in tree.items():
            step = (
                "" if name == "_schema" else "/" + str(name).replace("~", "~0").replace("/", "~1")
            )
            yield from _leaves(branch, path + step, location)
        return
    pointer = path if location in ("json", "json_or_form") else f"{location}:{path[1:]}"
    for message in tree if isinstance(tree, list) else [tree]:
        yield pointer, str(message)


def _told(message: str) -> dict[str, str]:
    if not _CODED.fullmatch(message):
        message = FieldError.INVALID_VALUE
    code, *bounds = message.split("|")
    return {"code": code, "detail": say(f"error.{code}", **dict(b.split("=", 1) for b in bounds))}
