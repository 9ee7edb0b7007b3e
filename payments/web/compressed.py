"""Styles, scripts and the payer's pages go over the wire compressed: phones pay by the byte.

Other pages do not: theirs hold secrets of forms beside what somebody typed, and how well the two
compress together would tell of them. A payer's page holds none beside its own address.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Flask, Response, request

_STATIC: Final = ("text/css", "text/javascript", "image/svg+xml")
_PAYERS: Final = ("text/html", "image/svg+xml")
_LEAST: Final = 512
"""Bytes below which it is not worth it."""


def install(app: Flask) -> None:
    """Compresses what browsers of `app` understand compressed."""
    folder = Path(app.static_folder or "")

    @app.after_request
    def compress(response: Response) -> Response:
        static = request.endpoint == "static"
        kinds = _STATIC if static else _PAYERS if request.blueprint == "citizen" else ()
        if response.status_code != 200 or response.mimetype not in kinds:
            return response
        response.vary.add("Accept-Encoding")
        if not request.accept_encodings["gzip"] or (response.content_length or 0) < _LEAST:
            return response
        tag, _ = response.get_etag()
        if static:
            name = (request.view_args or {})["filename"]
            response.direct_passthrough = False
            response.close()
            response.set_data(_packed(folder / name, tag or ""))
        else:
            response.set_data(gzip.compress(response.get_data(), 6, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        if tag is not None:
            response.set_etag(tag, weak=True)
        return response


@lru_cache(maxsize=64)
def _packed(path: Path, _mark: str) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)
