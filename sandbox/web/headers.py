"""The headers of every answer: a browser loads this bank's own style sheet and nothing else."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, request

from sandbox.web.problems import ForeignOrigin

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer would turn the Origin of our own forms to null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cache-Control": "no-store",
}


def install(app: Flask) -> None:
    """Sets the headers of every answer of `app`."""
    app.after_request(_set_headers)


def refuse_foreign_form() -> None:
    """Refuses a form that a browser says it sent from another site. Raises `ForeignOrigin`."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "none")
    if origin not in (None, request.host_url.rstrip("/")) or site not in ("none", "same-origin"):
        raise ForeignOrigin


def _set_headers(response: Response) -> Response:
    for name, text in _HEADERS.items():
        response.headers.setdefault(name, text)
    return response
