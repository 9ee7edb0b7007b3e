"""Builders of remittances: routes decided by two persons, fees seen on a statement, proposals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from payments import agencies, payouts
from payments.fees import FeeKind
from payments.payouts import Payout, RemittanceRoute, RouteDescribed
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import BY, NOON, Province, checker

OTHER = "staff:2"


def a_route_described(**facts: Any) -> RouteDescribed:
    """The province's fees of a kind, to a treasury account at a bank."""
    told = {
        "agency": "H09",
        "kind": FeeKind.PHI,
        "bin": "970415",
        "number": "7111001234567",
        "name": "Kho bạc Nhà nước tỉnh mẫu",
        "treasury": "KBNN tỉnh mẫu",
        "budget_account": "7111",
        "chapter": "414",
        "collector": "1054321",
        "collector_name": "Sở mẫu",
        "tax_code": "3700123456",
        **facts,
    }
    return RouteDescribed(**told)


def a_route(
    province: Province,
    *,
    valid_from: date = TODAY,
    valid_to: date | None = None,
    now: datetime = NOON,
    **facts: Any,
) -> RemittanceRoute:
    """A route proposed by one person and approved by another; with an end it is temporary."""
    session = province.session
    route = payouts.propose_route(
        session,
        a_route_described(**facts),
        valid_from=valid_from,
        valid_to=valid_to,
        reason="quyết định mẫu",
        by=BY,
        now=now,
    )
    payouts.approve_route(session, route, by=checker(session), now=now)
    return route


def both_routes(province: Province) -> None:
    """One route for phí and one for lệ phí, for the province and all below it."""
    a_route(province)
    a_route(province, kind=FeeKind.LE_PHI, number="7111007654321")


def an_agency(province: Province, code: str, *, name: str = "Sở mẫu") -> None:
    """An agency under the province, whose fees come into the province's account."""
    described = agencies.Described(code, name, None, agencies.Kind.DEPARTMENT, "H09", True)
    since = date(2020, 1, 1)
    agencies.put(province.session, described, since=since, on=since)


def seen(province: Province, *, day: date = TODAY, now: datetime | None = None) -> None:
    """Every credit that waits stands on a statement of that day now."""
    waiting = [credit for credit in province.credits() if credit.match_id is None]
    lines = [BankLine(int(one.amount), one.memo, one.bank_reference, day=day) for one in waiting]
    before = province.balance("assets:bank")
    told: dict[str, Any] = {} if now is None else {"now": now}
    a_statement(province, *lines, opening=before, number=f"S{day}{before}", day=day, **told)
    run(province, day)
    assert all(credit.match_id for credit in province.credits())


def proposed(province: Province, *, by: str = BY, now: datetime = NOON) -> Sequence[Payout]:
    """Everything that is due, proposed."""
    made = payouts.propose_remittances(
        province.session, province.account, by=by, now=now, vault=province.vault
    )
    province.session.expire_all()
    return made


def approved(province: Province, *, now: datetime = NOON) -> Sequence[Payout]:
    """Everything that is due, proposed by one person and approved by another."""
    made = proposed(province, now=now)
    for payout in made:
        assert payouts.approve(province.session, payout, by=checker(province.session), now=now)
    province.session.expire_all()
    return made
