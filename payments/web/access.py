"""One log line and one measurement for every request, by the address's rule, never by its text.

A path can carry a page's token and a query a person's data, so neither is written.
"""

from __future__ import annotations

import time
from typing import Final

from flask import Flask, Response, g, request

from payments.core import metrics
from payments.core.logs import log

_REQUESTS: Final = metrics.counter(
    "http_requests", "Requests answered.", labels=["method", "path_rule", "status"]
)
_SECONDS: Final = metrics.histogram(
    "http_request_seconds", "Time to the answer, in seconds.", labels=["path_rule"]
)
_QUIET: Final = frozenset({"static", "ops.healthz", "ops.readyz", "ops.metrics"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def install(app: Flask) -> None:
    """Measures every request of `app`; health checks and static files are not logged."""
    app.before_request(_begin)
    app.after_request(_tell)


def _begin() -> None:
    g.began = time.perf_counter()


def _tell(response: Response) -> Response:
    seconds = time.perf_counter() - g.began
    rule = str(request.url_rule) if request.url_rule is not None else "-"
    method = request.method if request.method in _METHODS else "-"
    _REQUESTS.labels(method, rule, str(response.status_code)).inc()
    _SECONDS.labels(rule).observe(seconds)
    if request.endpoint not in _QUIET:
        log.info(
            "http.answered",
            method=method,
            path_rule=rule,
            status=response.status_code,
            milliseconds=round(seconds * 1000, 1),
        )
    return response
