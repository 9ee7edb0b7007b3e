"""`/console/statements/{file}`: what an offered file says, before it is imported or discarded."""

from __future__ import annotations

from typing import Final

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from payments import agencies
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, staff_only
from reconciliation import jobs, statements
from reconciliation.web.console.parts import chosen_account, to_files

MOST_SHOWN: Final = 20
"""Lines of each statement that a preview shows."""


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its forms."""

    @pages.get("/statements/<public_id>", endpoint="preview_statement")
    @staff_only(Role.RECONCILER)
    def look(public_id: str) -> str:
        chosen = request.args.get("account", "")
        account = chosen_account(cashless, chosen)
        found = jobs.preview_statement(cashless, public_id, account=account, by=auth.who().actor)
        numbers = cashless.database.read(
            lambda session: {
                one.id: one for one in agencies.accounts(session, on=local_day(clock.now()))
            }
        )
        would = [None] * len(found.read) if found.would is None else found.would.statements
        return render_template(
            "console/preview.html",
            shown=found,
            pairs=list(zip(found.read, would, strict=True)),
            numbers=numbers,
            chosen=chosen,
            most=MOST_SHOWN,
        )

    @pages.post("/statements/<public_id>/import", endpoint="import_offered")
    @staff_only(Role.RECONCILER)
    def take(public_id: str) -> Response:
        account = chosen_account(cashless, request.form.get("account", ""))
        _, received = cashless.database.read(lambda session: statements.offered(session, public_id))
        done = jobs.import_statement(cashless, received, account=account, by=auth.who().actor)
        return to_files(done)

    @pages.post("/statements/<public_id>/withdraw", endpoint="withdraw_offer")
    @staff_only(Role.RECONCILER)
    def forget(public_id: str) -> Response:
        by, now = auth.who().actor, clock.now()
        cashless.database.write(
            lambda session: statements.withdraw_offer(session, public_id, by=by, now=now)
        )
        return redirect(url_for("console.statements"), 303)
