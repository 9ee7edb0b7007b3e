"""`/console/remittances/routes`: where fees go, proposed by one person and approved by another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import payouts
from payments.banks import every_bank
from payments.core import clock
from payments.core.errors import Invalid
from payments.core.service import Service
from payments.fees import FeeKind
from payments.payouts import RemittanceRoute, RouteDescribed
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.parts import READERS, day_of, doing, reason_given

MOST_SHOWN: Final = 200

Act = Callable[[Session, RemittanceRoute, str, datetime], object]


class UnknownFeeKind(Invalid):
    """Fees are phí or lệ phí."""

    code = "unknown_fee_kind"


@dataclass(frozen=True, slots=True)
class Shown:
    """Routes with their agencies' codes, and the names of who decided them."""

    routes: Sequence[tuple[RemittanceRoute, str]]
    names: Mapping[str, str]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its forms."""

    @pages.get("/remittances/routes", endpoint="routes")
    @staff_only(*READERS)
    def shown() -> str:
        found = cashless.database.read(_shown)
        return render_template(
            "console/remittance_routes.html", shown=found, banks=every_bank(), kinds=list(FeeKind)
        )

    @pages.post("/remittances/routes", endpoint="propose_route")
    @staff_only(Role.RECONCILER)
    def propose() -> Response:
        described, by, now = _described(), auth.who().actor, clock.now()
        since = day_of(request.form.get("valid_from", ""))
        until = _day_or_none(request.form.get("valid_to", ""))
        reason = request.form.get("reason", "")
        cashless.database.write(
            lambda session: (
                payouts.propose_route(
                    session,
                    described,
                    valid_from=since,
                    valid_to=until,
                    reason=reason,
                    by=by,
                    now=now,
                ).id
            )
        )
        return _back()

    _add_decisions(pages, cashless)


def _add_decisions(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/remittances/routes/<public_id>/approve", endpoint="approve_route")
    @proved_only(Role.APPROVER)
    def approve(public_id: str) -> Response:
        return _act(cashless, public_id, doing(payouts.approve_route))

    @pages.post("/remittances/routes/<public_id>/decline", endpoint="decline_route")
    @proved_only(Role.APPROVER)
    def decline(public_id: str) -> Response:
        return _act(cashless, public_id, doing(payouts.decline_route, reason=reason_given()))

    @pages.post("/remittances/routes/<public_id>/withdraw", endpoint="withdraw_route")
    @staff_only(Role.RECONCILER)
    def withdraw(public_id: str) -> Response:
        return _act(cashless, public_id, doing(payouts.withdraw_route))


def _act(cashless: Service, public_id: str, act: Act) -> Response:
    by, now = auth.who().actor, clock.now()
    cashless.database.write(
        lambda session: act(session, payouts.route_by_public_id(session, public_id), by, now)
    )
    return _back()


def _back() -> Response:
    return redirect(url_for("console.routes") + "#routes", 303)


def _shown(session: Session) -> Shown:
    found = payouts.routes(session, most=MOST_SHOWN)
    actors = [who for route, _ in found for who in (route.proposed_by, route.decided_by)]
    return Shown(found, names_of(session, actors))


def _described() -> RouteDescribed:
    def told(name: str) -> str:
        return request.form.get(name, "").strip()

    try:
        kind = FeeKind(told("kind"))
    except ValueError:
        raise UnknownFeeKind(pointer="/kind") from None
    return RouteDescribed(
        agency=told("agency"),
        kind=kind,
        sub_item=told("sub_item") or None,
        bin=told("bin"),
        number=told("number"),
        name=told("name"),
        treasury=told("treasury"),
        budget_account=told("budget_account"),
        chapter=told("chapter"),
        collector=told("collector"),
        collector_name=told("collector_name"),
        tax_code=told("tax_code") or None,
    )


def _day_or_none(text: str) -> date | None:
    return day_of(text) if text.strip() else None
