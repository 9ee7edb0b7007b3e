"""What may come in a request: JSON that is JSON, and no character a database refuses.

class Blueprint(flask_smorest.Blueprint):
    ARGUMENTS_PARSER = bodies.Parser()
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from flask import Flask, Request, request
from marshmallow import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

MOST_BYTES: Final = 64 * 1024
"""A body is read this far. A view that takes files raises `request.max_content_length` itself."""

_JSON: Final = "application/json"


def install(app: Flask) -> None:
    """Bounds every body of `app` and refuses addresses with a NUL in them."""
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = MOST_BYTES
    app.config["MAX_FORM_PARTS"] = 100
    app.before_request(_refuse_nul)


class Parser(FlaskParser):
    """Reads a JSON body strictly: UTF-8, one value, no NaN; else 400, and 415 for other media."""

    def _raw_load_json(self, req: Request) -> Any:
        raw = req.get_data(cache=True)
        if not raw:
            return missing
        if req.mimetype != _JSON and not req.mimetype.endswith("+json"):
            raise UnsupportedMediaType
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise BadRequest from error
        if b"\\u0000" in raw:  # PostgreSQL keeps no NUL in a text
            raise BadRequest
        return value


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
