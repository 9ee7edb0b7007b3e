"""`/console/matches/{number}`: one match, what it rests on and booked, and how it is revoked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from flask import redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import ledger, payouts
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.errors import CashlessError
from payments.core.service import Service
from payments.core.words import say
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from payments.payouts import Payout
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, staff_only
from reconciliation import breaks, day_close, matching
from reconciliation.breaks import Break
from reconciliation.matching import LineMatch
from reconciliation.statements import StatementLine
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.parts import NUMBER, READERS
from reconciliation.web.console.postings import Booked, postings_of


@dataclass(frozen=True, slots=True)
class Shown:
    """A match as its page shows it; `stays` says why it can't be revoked, else None.

    `back_on` is the accounting day on which it would be booked back.
    """

    match: LineMatch
    account: CollectionAccount
    lines: Sequence[StatementLine]
    other_side: int | None
    credits: Sequence[tuple[Credit, PaymentRequest | None]]
    booked: Sequence[Booked]
    stays: str | None
    back_on: date
    breaks: Sequence[Break]
    payouts: Sequence[Payout]
    names: Mapping[str, str]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its form."""

    @pages.get(f"/matches/<{NUMBER}:number>", endpoint="match")
    @staff_only(*READERS)
    def shown(number: int) -> str:
        found = cashless.database.read(lambda session: _shown(session, number))
        return render_template("console/match.html", shown=found)

    @pages.post(f"/matches/<{NUMBER}:number>/unmatch", endpoint="unmatch")
    @staff_only(Role.RECONCILER)
    def unmatch(number: int) -> Response:
        reason, by, now = request.form.get("reason", ""), auth.who().actor, clock.now()

        def unit(session: Session) -> None:
            match = matching.unmatch(session, number, reason=reason, by=by, now=now)
            for account in sorted(matching.accounts_of(session, match)):
                day_close.renew_breaks(session, account, now=now)

        cashless.database.write(unit)
        return redirect(url_for("console.match", number=number), 303)


def _shown(session: Session, number: int) -> Shown:
    match = matching.by_number(session, number)
    booked = postings_of(session, matching.entries_of(match))
    lines = session.scalars(
        select(StatementLine)
        .where(StatementLine.id.in_(matching.lines_of(match)))
        .order_by(StatementLine.id)
    ).all()
    others = matching.other_side(session, match)
    credits = [(credit, request) for credit, request in session.execute(_credits(match))]
    return Shown(
        match=match,
        account=session.get_one(CollectionAccount, match.collection_account_id),
        lines=lines,
        other_side=others[0].id if others else None,
        credits=credits,
        booked=booked,
        stays=_stays(session, match),
        back_on=ledger.open_day(session, match.collection_account_id, match.day),
        breaks=breaks.waiting_about(
            session,
            match.collection_account_id,
            lines=[line.id for line in lines],
            credits=[credit.id for credit, _ in credits],
        ),
        payouts=session.scalars(payouts.of_match(match.id).order_by(Payout.id)).all(),
        names=names_of(session, [match.made_by, match.revoked_by, *[one.actor for one in booked]]),
    )


def _credits(match: LineMatch) -> Select[Credit, PaymentRequest | None]:
    """The credits that the lines are, or the one that the bank took back, with their requests."""
    chosen: ColumnElement[bool] = Credit.id.in_(matching.credits_of(match))
    if match.reversed_credit_id is not None:
        chosen = Credit.id == match.reversed_credit_id
    return (
        select(Credit, PaymentRequest)
        .outerjoin(PaymentRequest, PaymentRequest.id == Credit.payment_request_id)
        .where(chosen)
        .order_by(Credit.id)
    )


def _stays(session: Session, match: LineMatch) -> str | None:
    """Why a match can't be revoked, in words."""
    try:
        matching.check_revocable(session, match)
    except CashlessError as error:
        return say(f"error.{error.code}", **cast(dict[str, Any], error.fields))
    return None
