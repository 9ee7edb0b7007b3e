"""JSON as this service writes it: by orjson, instants in UTC with Z, amounts as whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson
from flask import Response
from flask.json.provider import JSONProvider

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME


class OrjsonProvider(JSONProvider):
    """Flask's JSON, three times faster on a list of a hundred requests (stack.md 9)."""

    def dumps(self, obj: Any, **_unused: Any) -> str:
        """`obj` as JSON text. A naive instant or an unknown type raises TypeError."""
        return orjson.dumps(obj, default=written, option=_OPTIONS).decode()

    def loads(self, s: str | bytes, **_unused: Any) -> Any:
        """The value in `s`; what is not JSON raises ValueError."""
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """A JSON answer, written straight to bytes."""
        obj = self._prepare_response_obj(args, kwargs)
        body = orjson.dumps(obj, default=written, option=_OPTIONS)
        return Response(body, mimetype="application/json")


def written(value: object) -> object:
    """How a value that JSON does not know is written; for orjson's `default`."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("an instant knows its time zone")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
