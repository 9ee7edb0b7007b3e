"""`/console/layouts`: which layouts of sheets are known, and drafting one for a new bank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments.banks import every_bank
from payments.core import clock
from payments.core.errors import Invalid
from payments.core.service import Service
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, staff_only
from reconciliation.formats import drafts
from reconciliation.formats.descriptions import every_layout, load
from reconciliation.formats.layouts import Layout
from reconciliation.formats.spreadsheet import MOST_PREAMBLE
from reconciliation.statements import LayoutDraft, Received, StatementLayout, layouts
from reconciliation.web.console.parts import READERS, brought_file

MOST_BYTES: Final = 4 << 20
"""A sample holds some days; it is read anew each time its page is opened."""
MOST_SHOWN: Final = 200

_FORM_BYTES: Final = MOST_BYTES + (64 << 10)


class NotARow(Invalid):
    """The header's row is a number from 1 to the last row in which a header may stand."""

    code = "not_a_header_row"


@dataclass(frozen=True, slots=True)
class Known:
    """Every layout there is, by where it comes from."""

    drafts: Sequence[LayoutDraft]
    saved: Sequence[StatementLayout]
    from_file: Sequence[Layout]
    built_in: Sequence[Layout]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its form."""
    further = cashless.config.layouts

    @pages.get("/layouts", endpoint="layouts")
    @staff_only(*READERS)
    def shown() -> str:
        known = cashless.database.read(lambda session: _known(session, further))
        return render_template("console/layouts.html", known=known, banks=every_bank())

    @pages.post("/layouts", endpoint="draft_layout")
    @staff_only(Role.RECONCILER, most_bytes=_FORM_BYTES)
    def bring() -> Response:
        sample = Received(*brought_file(most=MOST_BYTES))
        row = header_row(request.form.get("row", ""))
        choices = drafts.guess(BytesIO(sample.content), row=row)
        name = request.form.get("name", "").strip()
        by, now = auth.who().actor, clock.now()

        def unit(session: Session) -> str:
            return layouts.draft(
                session, sample, choices, name=name, further=further, by=by, now=now
            ).public_id

        made = cashless.database.write(unit)
        return redirect(url_for("console.layout_draft", public_id=made), 303)


def header_row(text: str) -> int | None:
    """The row a person names as the header's, None for whichever is likeliest.

    Raises `NotARow`.
    """
    if not text.strip():
        return None
    row = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    if not 1 <= row <= MOST_PREAMBLE:
        raise NotARow(pointer="/row", most=MOST_PREAMBLE)
    return row


def _known(session: Session, further: str) -> Known:
    from_file = load(further)
    return Known(
        drafts=layouts.drafts(session, most=MOST_SHOWN),
        saved=layouts.saved_ones(session, most=MOST_SHOWN),
        from_file=list(from_file.values()),
        built_in=[one for name, one in every_layout().items() if name not in from_file],
    )
