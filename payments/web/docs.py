"""Documentation for those who call us: the API, readable and tried out, and every error code.

`/docs` shows the OpenAPI description with Swagger UI from our own files; only on that page may
styles be inline, since its bundle writes them. `/docs/errors` is where a problem's `type` points:
the tree of errors as it is in the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, make_response, render_template

from payments.core.errors import CashlessError
from payments.core.words import say
from payments.web import problems
from payments.web.schemas import FieldError

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)


@dataclass(frozen=True)
class Told:
    """One error code: the status it comes with (None: inside another's `errors`) and its words."""

    code: str
    status: int | None
    words: str


def blueprint(*, openapi: str) -> Blueprint:
    """`/docs` and `/docs/errors`; `openapi` is the address of the API's description."""
    docs = Blueprint("docs", __name__, url_prefix="/docs")

    @docs.get("")
    def api() -> Response:
        answer = make_response(render_template("docs/api.html", openapi=openapi))
        answer.headers["Content-Security-Policy"] = _POLICY
        return answer

    @docs.get("/errors")
    def errors() -> str:
        return render_template("docs/errors.html", errors=every_error())

    return docs


def every_error() -> Sequence[Told]:
    """Every code this service can refuse with, in the order of the alphabet."""
    by_http = {code: status for status, code in reversed(list(problems.CODES.items()))}
    ours = {kind.code: problems.status_of(kind) for kind in _below(CashlessError)}
    fields = dict.fromkeys(map(str, FieldError))
    found: dict[str, int | None] = {**fields, **by_http, problems.INTERNAL: 500, **ours}
    return [Told(code, status, say(f"error.{code}")) for code, status in sorted(found.items())]


def _below(kind: type[CashlessError]) -> Iterator[type[CashlessError]]:
    for narrower in kind.__subclasses__():
        yield narrower
        yield from _below(narrower)
