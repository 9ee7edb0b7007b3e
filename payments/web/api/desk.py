"""The API's desk: what its views work with, and the blueprint they are written on.

Every view is behind the gate, says which scope its key must have, and takes only what
its schema names. Answers to reads carry an ETag, so that an unchanged one costs a 304.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

import flask_smorest
import marshmallow
from flask import Request, Response, current_app, request
from werkzeug.exceptions import BadRequest

from payments.core import clock
from payments.core.service import Service
from payments.portals import Scope
from payments.web import bodies
from payments.web.api.callers import Gate, caller
from payments.web.api.counter import Counter
from payments.web.api.refusals import Refusals

PREFIX: Final = "/api/v1"

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Desk:
    """What the views work with."""

    cashless: Service
    gate: Gate
    counter: Counter
    refusals: Refusals


def desk() -> Desk:
    """The desk of this application."""
    found: Desk = current_app.extensions["api"]
    return found


class Parser(bodies.Parser):
    """Reads what is asked strictly: also in the address nothing unknown, and nothing twice."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012  as webargs declares it
        **bodies.Parser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": marshmallow.RAISE,
    }

    def load_querystring(self, req: Request, schema: marshmallow.Schema) -> Any:
        """The address's arguments; one that is given twice is refused."""
        if any(len(values) > 1 for values in req.args.listvalues()):
            raise BadRequest
        return super().load_querystring(req, schema)


class Blueprint(flask_smorest.Blueprint):
    """Views of the API under `/api/v1`, all behind the gate."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, import_name: str, *, at: str) -> None:
        super().__init__(name, import_name, url_prefix=PREFIX + at)
        self.before_request(_enter)
        self.after_request(_finish)

    def arguments(self, schema: type[marshmallow.Schema], **options: Any) -> Callable[[View], View]:
        """What the view takes. The schema is made once, not for each call."""
        decorator: Callable[[View], View] = super().arguments(schema(), **options)
        return decorator

    def needs(self, scope: Scope, *, refuses: Iterable[int] = ()) -> Callable[[View], View]:
        """The view may be called with a key that has `scope`; the description says so.

        `refuses` are the statuses it may refuse with besides those of every call.
        """

        def decorator(view: View) -> View:
            @functools.wraps(view)
            def checked(*args: Any, **named: Any) -> Any:
                caller().require(scope)
                return view(*args, **named)

            documented: View = self.doc(
                operationId=view.__name__,
                summary=f"operation.{view.__name__}",
                security=[{"key": [scope.value]}],
                responses={status: HTTPStatus(status).name for status in refuses},
            )(checked)
            return documented

        return decorator


def _enter() -> None:
    desk().gate.enter(now=clock.now())


def _finish(response: Response) -> Response:
    response.headers.update(desk().gate.pace_headers())
    desk().refusals.write_down(response, now=clock.now())
    if request.method in ("GET", "HEAD") and response.status_code == 200:
        response.headers["Cache-Control"] = "private, no-cache"
        response.add_etag()
        response.make_conditional(request)
    return response
