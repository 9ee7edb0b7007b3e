"""Errors as the web tells them: problem+json for programs, a friendly page for people.

The categories of `core.errors` become statuses here and nowhere else. A problem (RFC 9457) has a
stable `code`, words in the reader's language, JSON pointers to what was wrong, and the request's
id; what went wrong inside is logged under that id and never told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from flask import Flask, Response, current_app, g, redirect, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as AnyResponse

from payments import portals, staff
from payments.core import errors
from payments.core.errors import CashlessError
from payments.core.logs import log
from payments.core.words import say
from payments.web import bodies, schemas
from payments.web.headers import request_id

MEDIA_TYPE: Final = "application/problem+json"
FOR_PROGRAMS: Final = ("/api/", "/callbacks/", "/metrics", "/healthz", "/readyz")
"""Addresses that always answer a program, whatever it says it accepts."""


class Unauthenticated(errors.Refused):
    """The caller did not show who it is: no key or session, or one that is not known."""

    code = "unauthenticated"


class TooMany(errors.Refused):
    """The caller asks too often; `retry_after` says in how many seconds it may ask again."""

    code = "too_many_requests"


STATUS: Final[Mapping[type[CashlessError], int]] = {
    Unauthenticated: 401,
    TooMany: 429,
    portals.BadKey: 401,
    staff.NotSignedIn: 401,
    staff.BadCredentials: 401,
    staff.TooManyTries: 429,
    bodies.EmptyBody: 400,
    bodies.RepeatedKey: 400,
    errors.Invalid: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Refused: 403,
    errors.Unavailable: 503,
}

CODES: Final[Mapping[int, str]] = {
    400: "malformed",
    401: Unauthenticated.code,
    403: errors.Refused.code,
    404: errors.NotFound.code,
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "too_slow",
    409: errors.Conflict.code,
    411: "length_required",
    413: "too_large",
    414: "too_large",
    415: "unsupported_media_type",
    422: errors.Invalid.code,
    429: TooMany.code,
    431: "too_large",
    503: errors.Unavailable.code,
}
"""The codes of refusals that come from HTTP itself; other statuses below 500 are `malformed`."""

INTERNAL: Final = "internal"
_RETRY_SECONDS: Final = 5
_OWN_HEADERS: Final = frozenset({"content-type", "content-length"})


@dataclass(frozen=True)
class Problem:
    """One refusal, ready to be told."""

    status: int
    code: str
    detail: str | None
    errors: Sequence[Mapping[str, str | None]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What kind of problem it is, the same at every occurrence."""
        return say(f"problem.{self.status}" if self.status in CODES else "problem.other")


def install(app: Flask, *, base_url: str) -> None:
    """Tells every error of `app` as a problem.

    Call it after an `Api` of flask-smorest was made for `app`: that registers a handler of its
    own for every HTTP error, which this one replaces.
    """
    app.config["PROBLEM_BASE"] = base_url.rstrip("/")
    app.register_error_handler(CashlessError, lambda error: respond(of_ours(error)))
    app.register_error_handler(HTTPException, lambda error: respond(of_http(error)))
    app.register_error_handler(MethodNotAllowed, _of_a_method)
    app.register_error_handler(Exception, _of_a_fault)


def status_of(kind: type[CashlessError]) -> int:
    """The status that errors of this kind are told with: that of the narrowest kind listed."""
    return next(STATUS[wider] for wider in kind.__mro__ if wider in STATUS)


def of_ours(error: CashlessError) -> Problem:
    """The problem that one of our own errors is; `refused_for` remembers its code."""
    g.refused_for = error.code
    status = status_of(type(error))
    detail = say(f"error.{error.code}", **cast(dict[str, Any], error.fields))
    headers: dict[str, str] = {}
    if status in (429, 503) or "retry_after" in error.fields:
        headers["Retry-After"] = str(error.fields.get("retry_after", _RETRY_SECONDS))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    pointed = {"pointer": error.pointer, "code": error.code, "detail": detail}
    return Problem(status, error.code, detail, [pointed] if error.pointer else [], headers)


def of_http(error: HTTPException) -> Problem:
    """The problem that an HTTP error is, with the headers that belong to it (405: `Allow`)."""
    status = error.code or 500
    kept = {
        name: value
        for name, value in error.get_headers(request.environ)
        if name.lower() not in _OWN_HEADERS
    }
    if status >= 500 and status not in CODES:
        return Problem(status, INTERNAL, None, headers=kept)
    code = CODES.get(status, "malformed")
    told: Mapping[str, Any] = getattr(error, "data", None) or {}
    pointed = schemas.told_errors(told.get("messages") or {}) if status == 422 else []
    most = request.max_content_length if status == 413 else None
    detail = say(f"error.{code}") if most is None else say("error.too_much", most=_size(most))
    return Problem(status, code, detail, pointed, kept)


def _size(most: int) -> str:
    """So many bytes as people say it, rounded down."""
    return f"{most >> 20} MB" if most >= 1 << 20 else f"{most >> 10} KB"


def refused_for() -> str | None:
    """The code of the error of ours that this request was told about last, if any."""
    return cast(str | None, g.get("refused_for"))


def respond(problem: Problem) -> Response:
    """The answer that tells `problem`: a page for a person's browser, else JSON."""
    answer = _page(problem) if for_a_person() else _json(problem)
    answer.status_code = problem.status
    for name, value in problem.headers.items():
        answer.headers[name] = value
    return answer


def for_a_person() -> bool:
    """Whether this request was made by a browser showing a page."""
    if request.path.startswith(FOR_PROGRAMS):
        return False
    kinds = ["text/html", MEDIA_TYPE, "application/json"]
    return request.accept_mimetypes.best_match(kinds, default=MEDIA_TYPE) == "text/html"


def _payment_before(path: str) -> str | None:
    """The payer's page that an address is beneath: `/p/{token}` of `/p/{token}/claim`."""
    found = re.match(r"/p/[A-Za-z0-9_-]{22}(?=/)", path)
    return None if found is None else found[0]


def _json(problem: Problem) -> Response:
    body: dict[str, object] = {
        "type": f"{current_app.config['PROBLEM_BASE']}/docs/errors#{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "errors": list(problem.errors),
        "request_id": request_id(),
    }
    return Response(current_app.json.dumps(body), mimetype=MEDIA_TYPE)


def _page(problem: Problem) -> Response:
    back = _payment_before(request.path) if problem.status != 404 else None
    shown = render_template("errors.html", problem=problem, request_id=request_id(), back_to=back)
    return Response(shown, mimetype="text/html")


def _of_a_method(error: MethodNotAllowed) -> AnyResponse:
    """Whoever opens the address of a form as a page is led to the page that the form is on.

    What a form answers stands at such an address; there the switch of language, or loading it
    again, asks for a page.
    """
    page = _page_above(request.path) if request.method == "GET" and for_a_person() else None
    if page is None:
        return respond(of_http(error))
    asked = request.query_string.decode("ascii", "ignore")
    return redirect(f"{page}?{asked}" if asked else page, 303)


def _page_above(path: str) -> str | None:
    """The nearest address above `path` that is a page; None without any."""
    addresses = current_app.create_url_adapter(request)
    while addresses is not None and path.count("/") > 1:
        path = path.rpartition("/")[0]
        if addresses.test(path, "GET"):
            return path
    return None


def _of_a_fault(error: Exception) -> Response:
    log.error("http.failed", exc_info=error, path_rule=str(request.url_rule or "-"))
    return respond(Problem(500, INTERNAL, None))
