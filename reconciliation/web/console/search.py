"""`/console/search`: a payment by whatever a citizen brings; what is the only one opens at once.

What was typed may be a payer's name: it comes by a form, and stands in the address only sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments.agencies import CollectionAccount
from payments.core.service import Service
from payments.documents import Document, Kind
from payments.payment_requests import PaymentRequest
from payments.receipts import ReceiptSeries
from payments.web.auth import StaffPages, staff_only
from reconciliation.day_close import AccountDay
from reconciliation.web.console.finding import SHOWN, Found, Group, find
from reconciliation.web.console.parts import READERS, known_filters
from reconciliation.web.console.typed import NEWEST
from reconciliation.web.console.wanted import LONGEST, sealed, wanted

_RECEIPT: Final = "receipt:"


@dataclass(frozen=True, slots=True)
class Shown:
    """What was found as the page shows it; `places` are the addresses of the papers by number."""

    typed: str
    found: Found
    references: Mapping[int, str]
    symbols: Mapping[int, str]
    places: Mapping[int, str | None]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its form."""
    prefix = cashless.config.reference_prefix

    @pages.post("/search", endpoint="look")
    @staff_only(*READERS)
    def look() -> Response:
        typed = request.form.get("q", "").strip()[:LONGEST]
        shown = cashless.database.read(lambda session: _shown(session, typed, prefix))
        only = shown.found.only()
        going = None if only is None else _address(*only, shown)
        words = sealed(cashless.vault, typed) or None
        return redirect(going or url_for("console.search", words=words), 303)

    @pages.get("/search", endpoint="search")
    @staff_only(*READERS)
    def search() -> str:
        known_filters("words")
        typed = wanted(cashless.vault, "words")
        shown = cashless.database.read(lambda session: _shown(session, typed, prefix))
        return render_template(
            "console/search.html", shown=shown, most=SHOWN, newest=NEWEST, longest=LONGEST
        )


def _shown(session: Session, typed: str, prefix: str) -> Shown:
    found = find(session, typed, prefix=prefix)
    return Shown(
        typed=typed,
        found=found,
        references=_references(session, found),
        symbols=_symbols(session, found),
        places={one.id: _place(session, one) for one in found.groups.get(Group.PAPER, ())},
    )


def _references(session: Session, found: Found) -> Mapping[int, str]:
    """The codes of the requests that credits, payouts and receipts belong to."""
    groups = (Group.CREDIT, Group.PAYOUT, Group.RECEIPT)
    numbers = {one.payment_request_id for group in groups for one in found.groups.get(group, ())}
    rows = select(PaymentRequest.id, PaymentRequest.reference).where(
        PaymentRequest.id.in_(numbers - {None})
    )
    return dict(session.execute(rows).all())


def _symbols(session: Session, found: Found) -> Mapping[int, str]:
    if Group.RECEIPT not in found.groups:
        return {}
    return dict(session.execute(select(ReceiptSeries.id, ReceiptSeries.symbol)).all())


def _place(session: Session, paper: Document) -> str | None:
    """The page of what a paper is about: a receipt, or the day of an account."""
    if paper.kind == Kind.RECEIPT:
        return url_for("console.one_receipt", public_id=paper.subject.removeprefix(_RECEIPT))
    day = session.scalar(select(AccountDay).where(AccountDay.document_id == paper.id))
    if day is None:
        return None
    account = session.get_one(CollectionAccount, day.collection_account_id)
    return url_for("console.day", public_id=account.public_id, on=day.day.isoformat())


def _address(group: Group, one: Any, shown: Shown) -> str | None:
    """The page of something that was found."""
    if group is Group.REQUEST:
        return url_for("console.request", reference=one.reference)
    if group is Group.CREDIT:
        return url_for("console.credit", number=one.id)
    if group is Group.LINE:
        return url_for("console.line", number=one.id)
    if group is Group.PAPER:
        return shown.places[one.id]
    pages = {Group.PAYOUT: "payout", Group.RECEIPT: "one_receipt", Group.BREAK: "one_break"}
    return url_for(f"console.{pages[group]}", public_id=one.public_id)
