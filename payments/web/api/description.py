"""The API's description (OpenAPI 3.1), generated from the schemas beside the views.

What every call shares is added here once: problems as `application/problem+json`, the key, the
ETag of reads, the messages a portal receives. Its words are in the catalogue under `api.…` and
`operation.…`, so that the description speaks Vietnamese as well as English.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any, ClassVar, Final

import flask_smorest
import orjson
from flask import Blueprint, Flask, Response, request
from marshmallow import fields

from payments.core.words import language, say
from payments.outbox import EventType
from payments.web import problems
from payments.web.api.events import EventSchema
from payments.web.api.fields import Shown

VERSION: Final = "1.0.0"

_METHODS: Final = ("get", "put", "post", "delete")
_ALWAYS: Final = (400, 401, 403, 429, 503)
_WITH_BODY: Final = (413, 415)
_PROSE: Final = frozenset({"description", "summary", "title"})
_TEXT: Final = {"schema": {"type": "string"}}
_REQUEST_ID: Final = {"X-Request-Id": {"description": "api.request_id", **_TEXT}}


class PointerSchema(Shown):
    """One thing that is wrong, and where."""

    pointer = fields.String(allow_none=True, metadata={"example": "/lines/0/fee"})
    code = fields.String(metadata={"example": "unknown_fee"})
    detail = fields.String(allow_none=True)


class ProblemSchema(Shown):
    """Why something was refused (RFC 9457)."""

    type = fields.String(metadata={"format": "uri"})
    title = fields.String()
    status = fields.Integer()
    code = fields.String(metadata={"example": "unknown_fee"})
    detail = fields.String(allow_none=True)
    errors = fields.List(fields.Nested(PointerSchema))
    request_id = fields.String()


class Api(flask_smorest.Api):
    """flask-smorest's registry; errors are told by the kit, as problems."""

    ERROR_SCHEMA: ClassVar[type[Shown]] = ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask) -> None:
        app.config.update(API_TITLE="api.title", API_VERSION=VERSION, OPENAPI_VERSION="3.1.0")
        super().__init__(app)
        self.spec.components.security_scheme(
            "key", {"type": "http", "scheme": "bearer", "description": "api.key"}
        )
        self.spec.components.schema("Event", schema=EventSchema)

    def _register_error_handlers(self) -> None:
        """The kit has registered its own."""

    def _register_responses(self) -> None:
        for status in problems.CODES:
            phrase = HTTPStatus(status)
            told = {problems.MEDIA_TYPE: {"schema": self.ERROR_SCHEMA}}
            self.spec.components.response(
                phrase.name, {"description": f"problem.{status}", "content": told}, lazy=True
            )


def pages(api: Api, *, at: str, base_url: str) -> Blueprint:
    """The address of the description, in the reader's language; for anyone, key or none."""
    pages = Blueprint("openapi", __name__)
    kept: dict[str, bytes] = {}

    @pages.get(at)
    def openapi() -> Response:
        chosen = language.get()
        if chosen not in kept:
            kept[chosen] = orjson.dumps(described(api, base_url=base_url))
        answer = Response(kept[chosen], mimetype="application/json")
        answer.headers["Cache-Control"] = "no-cache"
        answer.set_etag(hashlib.sha256(kept[chosen]).hexdigest()[:24])
        answer.make_conditional(request)
        return answer

    return pages


def described(api: Api, *, base_url: str) -> dict[str, Any]:
    """The whole description in the reader's language."""
    for status in (*_ALWAYS, *_WITH_BODY):
        api.spec.components.get_ref("response", HTTPStatus(status).name)
    spec: dict[str, Any] = orjson.loads(orjson.dumps(api.spec.to_dict()))
    spec["components"]["schemas"].pop("PaginationMetadata", None)  # the registry's, not ours
    spec["info"]["description"] = "api.about"
    spec["servers"] = [{"url": base_url}]
    spec["tags"] = [{**tag, "description": f"api.tag.{tag['name']}"} for tag in spec["tags"]]
    for method, operation in _operations(spec):
        _complete(method, operation)
    spec["webhooks"] = {kind.value: {"post": _message(kind)} for kind in EventType}
    spec = deepcopy(spec)  # what calls share stays without a language
    _speak(spec)
    return spec


def _operations(spec: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in spec["paths"].values():
        yield from ((method, path[method]) for method in _METHODS if method in path)


def _complete(method: str, operation: dict[str, Any]) -> None:
    """Adds the refusals any call may meet, and what an answer to a read carries."""
    responses = operation["responses"]
    for status, response in responses.items():
        if status.startswith("2"):
            response["headers"] = dict(_REQUEST_ID)
    if "201" in responses:
        responses["201"]["headers"]["Location"] = {"description": "api.location", **_TEXT}
    if method == "get":
        responses["200"]["headers"]["ETag"] = {"description": "api.etag", **_TEXT}
        responses["304"] = {"description": "api.not_modified"}
        tag = {"name": "If-None-Match", "in": "header", "description": "api.if_none_match", **_TEXT}
        operation.setdefault("parameters", []).append(tag)
    for status in (*_ALWAYS, *(_WITH_BODY if "requestBody" in operation else ())):
        responses.setdefault(
            str(status), {"$ref": f"#/components/responses/{HTTPStatus(status).name}"}
        )
    operation["responses"] = dict(sorted(responses.items()))


def _subject_of(kind: EventType) -> str:
    """The schema of what a message tells of."""
    return {"refund": "Refund", "receipt": "Receipt", "cash_collection": "CashCollection"}.get(
        kind.value.partition(".")[0], "PaymentRequest"
    )


def _message(kind: EventType) -> dict[str, Any]:
    """What a portal's endpoint receives, and what it may answer."""
    about: dict[str, Any] = {"$ref": f"#/components/schemas/{_subject_of(kind)}"}
    if kind is EventType.TEST:
        about = {"type": "object", "properties": {"portal": {"type": "string"}}}
    content = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": kind.value},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": about,
        },
    }
    headers = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {
        "operationId": f"receive_{kind.value.replace('.', '_')}",
        "summary": f"event.{kind.value}",
        "description": "api.webhook.message",
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, **_TEXT} for name in headers
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": content}}},
        "responses": {
            "2XX": {"description": "api.webhook.taken"},
            "410": {"description": "api.webhook.gone"},
            "default": {"description": "api.webhook.again"},
        },
    }


def _speak(part: Any) -> None:
    """Puts words in the place of keys, all the way down."""
    if isinstance(part, list):
        for below in part:
            _speak(below)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name in _PROSE and isinstance(value, str):
                part[name] = say(value)
            else:
                _speak(value)
