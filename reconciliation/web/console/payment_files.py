"""`/console/payment-files`: what waits to be sent, files for the bank made once and had again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Response as FlaskResponse
from flask import redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import agencies, payouts
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.payouts import Form, PaymentFile, Payout, Totals
from payments.staff import Role
from payments.web import auth, paging
from payments.web.auth import StaffPages, staff_only
from payments.web.paging import Page
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.one_payout import OPENERS
from reconciliation.web.console.parts import READERS, account_of, known_filters

MOST_SHOWN: Final = 20

_FORM: Final = f"any({', '.join(Form)})"


@dataclass(frozen=True, slots=True)
class Listed:
    """What waits by account, and the files that were made, the newest first."""

    accounts: Mapping[int, CollectionAccount]
    waits: Sequence[tuple[CollectionAccount, Totals]]
    rows: Sequence[PaymentFile]
    names: Mapping[str, str]
    next: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One file and a page of what stands in it."""

    file: PaymentFile
    account: CollectionAccount
    rows: Sequence[Payout]
    next: str | None
    maker: str


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the pages, the form by which a file is made, and its downloads."""
    _add_list(pages, cashless)
    _add_one(pages, cashless)


def _add_list(pages: StaffPages, cashless: Service) -> None:
    @pages.get("/payment-files", endpoint="payment_files")
    @staff_only(*READERS)
    def listed() -> str:
        page, now = _page(), clock.now()
        found = cashless.database.read(lambda session: _listed(session, page, now=now))
        return render_template("console/payment_files.html", listed=found)

    @pages.post("/payment-files", endpoint="make_payment_file")
    @staff_only(Role.RECONCILER)
    def make() -> Response:
        by, now, named = auth.who().actor, clock.now(), request.form.get("account", "")

        def unit(session: Session) -> str:
            account = account_of(session, named)
            return payouts.file_all(
                session, account, by=by, now=now, vault=cashless.vault
            ).public_id

        made = cashless.database.write(unit)
        return redirect(url_for("console.payment_file", public_id=made), 303)


def _add_one(pages: StaffPages, cashless: Service) -> None:
    @pages.get("/payment-files/<public_id>", endpoint="payment_file")
    @staff_only(*READERS)
    def one(public_id: str) -> str:
        page = _page()
        found = cashless.database.read(lambda session: _shown(session, public_id, page))
        return render_template(
            "console/payment_file.html", shown=found, forms=Form, openers=OPENERS
        )

    @pages.get(
        f"/payment-files/<public_id>.<any({', '.join(Form)}):written_as>",
        endpoint="payment_file_kept",
    )
    @staff_only(*OPENERS)
    def kept(public_id: str, written_as: str) -> Response:
        by, now = auth.who().actor, clock.now()

        def unit(session: Session) -> tuple[str, bytes, str]:
            file = payouts.file_by_public_id(session, public_id)
            whole = payouts.download(session, file, Form(written_as), by=by, now=now)
            return file.number, whole.content, whole.media_type

        number, content, media_type = cashless.database.write(unit)
        answer = FlaskResponse(content, mimetype=media_type)
        answer.headers["Content-Disposition"] = f'attachment; filename="{number}.{written_as}"'
        return answer


def _page() -> Page:
    """Which page of a list the address asks for. Raises `UnknownFilter` or `UnreadableCursor`."""
    known_filters("cursor")
    at = {"cursor": request.args["cursor"]} if "cursor" in request.args else {}
    return Page(limit=MOST_SHOWN, before=paging.asked(at).before)


def _listed(session: Session, page: Page, *, now: datetime) -> Listed:
    rows = session.scalars(page.of(select(PaymentFile), PaymentFile.id)).all()
    shown, waits = rows[: page.limit], payouts.waits(session)
    accounts = {one.id: one for one in agencies.accounts(session, on=local_day(now))}
    accounts |= {
        number: session.get_one(CollectionAccount, number)
        for number in {*waits, *[one.collection_account_id for one in shown]} - accounts.keys()
    }
    return Listed(
        accounts=accounts,
        waits=[(one, waits[one.id]) for one in accounts.values() if one.id in waits],
        rows=shown,
        names=names_of(session, [one.made_by for one in shown]),
        next=paging.cursor_after(shown[-1].id) if len(rows) > page.limit else None,
    )


def _shown(session: Session, public_id: str, page: Page) -> Shown:
    file = payouts.file_by_public_id(session, public_id)
    inside = select(Payout).where(Payout.payment_file_id == file.id)
    rows = session.scalars(page.of(inside, Payout.id)).all()
    shown = rows[: page.limit]
    return Shown(
        file=file,
        account=session.get_one(CollectionAccount, file.collection_account_id),
        rows=shown,
        next=paging.cursor_after(shown[-1].id) if len(rows) > page.limit else None,
        maker=names_of(session, [file.made_by])[file.made_by],
    )
