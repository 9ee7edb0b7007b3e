"""Refusals as answers: `application/problem+json` for programs, a page for people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Flask, Response, json, render_template, request
from werkzeug.exceptions import HTTPException, SecurityError

from sandbox.refusals import Conflict, Malformed, Refusal, Unknown, Unsigned, Wrong
from sandbox.web.language import language
from sandbox.words import say_problem

_STATUSES: Final[tuple[tuple[type[Refusal], HTTPStatus], ...]] = (
    (Malformed, HTTPStatus.BAD_REQUEST),
    (Unsigned, HTTPStatus.UNAUTHORIZED),
    (Unknown, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Wrong, HTTPStatus.UNPROCESSABLE_ENTITY),
)
_WRONG_HOST: Final = "wrong_host"
_CODES: Final = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "broken",
}


class NotJsonType(Malformed):
    """A call of the control API that does not say it is JSON, as no form of another site can."""

    code = "not_json_type"


class ForeignOrigin(Malformed):
    """A form that was sent from another site's page."""

    code = "foreign_origin"


def install(app: Flask) -> None:
    """Answers every refusal and HTTP error of `app`."""
    app.register_error_handler(Refusal, _refuse)
    app.register_error_handler(HTTPException, _answer_http_error)


def status_of(refusal: Refusal) -> HTTPStatus:
    """The HTTP status of a refusal, by its kind."""
    return next(status for kind, status in _STATUSES if isinstance(refusal, kind))


def words_of(refusal: Refusal) -> str:
    """What is said of a refusal in the reader's language."""
    return say_problem(refusal.code, language(), **refusal.fields)


def _refuse(refusal: Refusal) -> Response:
    return _answer(status_of(refusal), refusal.code, words_of(refusal), pointer=refusal.pointer)


def _answer_http_error(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    code = _WRONG_HOST if isinstance(error, SecurityError) else _CODES.get(status, "malformed")
    answer = _answer(status, code, say_problem(code, language()))
    for name, text in error.get_headers():
        if name in ("Allow", "Retry-After"):
            answer.headers[name] = text
    return answer


def _answer(status: HTTPStatus, code: str, detail: str, *, pointer: str | None = None) -> Response:
    if code == _WRONG_HOST:  # no page has an address under a name that is not the bank's
        return Response(detail, status=status, mimetype="text/plain")
    if not request.path.startswith("/api/"):
        page = render_template("problem.html", title=detail, status=status.value)
        return Response(page, status=status)
    problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": detail,
        "errors": [{"pointer": pointer, "code": code, "detail": detail}] if pointer else [],
    }
    return Response(json.dumps(problem), status=status, mimetype="application/problem+json")
