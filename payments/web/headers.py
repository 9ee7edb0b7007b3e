"""The headers of every answer: what a browser may load, keep and tell others (reliability 6.5).

A view that needs another policy sets the header itself; what is set already is left alone.
"""

from __future__ import annotations

import re
from typing import Final

import structlog
from flask import Flask, Response, g, request
from uuid_utils.compat import uuid7

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; object-src 'none'; "
    "require-trusted-types-for 'script'; trusted-types default pay"
)
"""Nothing inline, nothing from elsewhere, and no text becomes HTML but by a named script."""

_ALWAYS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"
    ),
    "Cache-Control": "no-store",
}
_ONE_YEAR: Final = "max-age=31536000; includeSubDomains"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


def install(app: Flask, *, base_url: str) -> None:
    """Names every request and sets the headers of every answer of `app`.

    `base_url` is the address citizens use; where it is https, browsers are told to stay there.
    """
    app.before_request(_name_request)
    app.teardown_request(lambda _error: structlog.contextvars.clear_contextvars())
    strict = {"Strict-Transport-Security": _ONE_YEAR} if base_url.startswith("https:") else {}
    wanted = [(name.lower(), name, value) for name, value in {**_ALWAYS, **strict}.items()]

    @app.after_request
    def set_headers(response: Response) -> Response:
        if request.endpoint == "static" and "v" in request.args and response.status_code < 400:
            response.headers["Cache-Control"] = _FOR_EVER
        there = {name.lower() for name, _ in response.headers}
        for lower, name, value in wanted:
            if lower not in there:
                response.headers.add(name, value)
        response.headers["X-Request-Id"] = request_id()
        return response


def private(response: Response) -> Response:
    """Marks a page that only the holder of its address should see; for `after_request`."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def request_id() -> str:
    """This request's id: the caller's where it is well formed, else our own."""
    name: str = g.request_id
    return name


def _name_request() -> None:
    told = request.headers.get("X-Request-Id", "")
    g.request_id = told if _REQUEST_ID.fullmatch(told) else str(uuid7())
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
