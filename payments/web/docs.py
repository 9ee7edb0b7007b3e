"""Documentation for those who call us: the API, readable, and every error code.

`/docs` shows the OpenAPI description as a page of ours, in the reader's language; `/docs/errors` is
where a problem's `type` points: the tree of errors as it is in the program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template

from payments.core.errors import CashlessError
from payments.core.words import language, say
from payments.web import problems
from payments.web.api_page import Page, Spec, page_of
from payments.web.schemas import FieldError


@dataclass(frozen=True)
class Told:
    """One error code: the status it comes with (None: inside another's `errors`) and its words."""

    code: str
    status: int | None
    words: str


def blueprint(*, openapi: str, described: Callable[[], Spec]) -> Blueprint:
    """`/docs` and `/docs/errors`.

    `openapi` is the address of the API's description, `described` gives it in the language of now.
    """
    docs = Blueprint("docs", __name__, url_prefix="/docs")
    kept: dict[str, Page] = {}

    @docs.get("")
    def api() -> str:
        chosen = language.get()
        if chosen not in kept:
            kept[chosen] = page_of(described())
        return render_template("docs/api.html", openapi=openapi, told=kept[chosen])

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
