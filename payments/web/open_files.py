"""Files that anyone may take and use elsewhere: kept by their content, open to other sites."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response, current_app, request

from payments.core import sheets
from payments.core.sheets import Cells, Heading


def sheet(headings: Sequence[Heading], rows: Iterable[Cells], *, called: str) -> Response:
    """Rows as a CSV file, given as a download of that name."""
    page = io.BytesIO()
    sheets.write_csv(page, headings, rows)
    answer = open_to_all(Response(page.getvalue(), mimetype="text/csv"))
    answer.headers["Content-Disposition"] = f'attachment; filename="{called}"'
    return answer


def record(told: Any) -> Response:
    """A value as JSON."""
    written = f"{current_app.json.dumps(told)}\n"
    return open_to_all(Response(written, mimetype="application/json"))


def open_to_all(answer: Response) -> Response:
    """Marks an answer by its content; one that the caller has already is not sent again."""
    answer.headers["Cache-Control"] = "public, no-cache"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:24])
    answer.make_conditional(request)
    return answer
