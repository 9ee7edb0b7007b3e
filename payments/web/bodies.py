"""What may come in a request: JSON that is JSON, and no character a database refuses.

class Blueprint(flask_smorest.Blueprint):
    ARGUMENTS_PARSER = bodies.Parser()
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import orjson
from flask import Flask, Request, request
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from payments.core.errors import Invalid

MOST_BYTES: Final = 64 * 1024
"""A body is read this far. A view that takes files raises `request.max_content_length` itself."""

_MOST_AT_ONCE: Final = 2 * 64 * 1024
"""Of a form so much is in memory at once, and of a field of it ever: two of Werkzeug's readings.

What a reading ends with stays for the next one where a boundary could begin there, as at any line's
end; room for one alone refused files for where their lines end.
"""

_JSON: Final = "application/json"


class EmptyBody(Invalid):
    """JSON is needed, and nothing was sent."""

    code = "empty_body"


class NulInText(Invalid):
    """A text has a NUL in it, which PostgreSQL does not keep."""

    code = "nul_in_text"


class RepeatedKey(Invalid):
    """An object of the JSON says one key twice: which of them is meant can't be known."""

    code = "repeated_key"


def install(app: Flask) -> None:
    """Bounds every body of `app` and refuses addresses with a NUL in them."""
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = _MOST_AT_ONCE
    app.config["MAX_FORM_PARTS"] = 100
    app.before_request(_refuse_nul)


class Parser(FlaskParser):
    """Reads a JSON body strictly: UTF-8, one value, no NaN, no key twice, not empty.

    Anything else is 400, a NUL in a text 422, and 415 for other media.
    """

    def _raw_load_json(self, req: Request) -> Any:
        raw = req.get_data(cache=True)
        if not raw:
            raise EmptyBody
        if req.mimetype != _JSON and not req.mimetype.endswith("+json"):
            raise UnsupportedMediaType
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise BadRequest from error
        _refuse_repeated_keys(raw)
        place = _nul_in(value) if b"\\u0000" in raw else None
        if place is not None:
            raise NulInText(pointer=place)
        return value


def _refuse_repeated_keys(raw: bytes) -> None:
    """Raises `RepeatedKey`; `raw` is JSON."""
    try:
        json.loads(raw, object_pairs_hook=_each_once)
    except RecursionError as error:
        raise BadRequest from error


def _each_once(pairs: Sequence[tuple[str, object]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise RepeatedKey(key=key[:40])
        seen.add(key)


def _nul_in(value: object) -> str | None:
    """The pointer of the first text with a NUL, or of the object with such a key; None without."""
    if isinstance(value, str):
        return "" if "\0" in value else None
    if isinstance(value, dict):
        if any("\0" in key for key in value):
            return ""
        inside = [(key.replace("~", "~0").replace("/", "~1"), one) for key, one in value.items()]
    elif isinstance(value, list):
        inside = [(str(number), one) for number, one in enumerate(value)]
    else:
        return None
    found = ((step, _nul_in(one)) for step, one in inside)
    return next((f"/{step}{below}" for step, below in found if below is not None), None)


def refuse_nul_in_form() -> None:
    """Refuses a form with a NUL in a field, a value or a file's name."""
    names = [file.filename or "" for file in request.files.values()]
    parts = (*request.form, *(value for _, value in request.form.items(multi=True)), *names)
    if any("\0" in part for part in parts):
        raise BadRequest


def _refuse_nul() -> None:
    parts = (request.path, *request.args, *request.args.values())
    if any("\0" in part for part in parts):
        raise BadRequest
