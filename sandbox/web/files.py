"""A statement as a file to download."""

from __future__ import annotations

from flask import Response

from sandbox.statements import FORMATS
from sandbox.statements.day import draw_up
from sandbox.web.desk import Desk
from sandbox.web.fields import Fields


def statement_file(desk: Desk, number: str, asked: Fields) -> Response:
    """The statement of the account's `day` in the `format` asked for. Raises refusals."""
    account, day = desk.bank.account(number), asked.day("day")
    written = FORMATS[asked.choice("format", FORMATS)]
    asked.end()
    content = written.write(draw_up(desk.bank, account, day=day), desk.clock.now())
    file_name = f"{account.number}-{day:%Y%m%d}.{written.extension}"
    return Response(
        content,
        content_type=written.media_type,
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )
