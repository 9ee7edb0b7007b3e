"""Routes: where the fees of an agency and the agencies below it go, dated and by two persons.

One route for a kind (phí or lệ phí), or for one sub-item of it where that goes elsewhere. A route
is proposed by one person and approved by another; its facts are never changed, a later one takes
its place from a day on. One with an end is temporary: it goes before the standing one in its days,
which holds again afterwards. The budget's codes are those of the form C1-02/NS (Circular
84/2016/TT-BTC).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, and_, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from payments import agencies
from payments.agencies import Agency
from payments.core import approvals, audit
from payments.core.approvals import Approval
from payments.core.calendar import local_day
from payments.core.columns import Code, Day, Flag, Instant, Key, Words, one_of, partial_index
from payments.core.database import Row
from payments.core.errors import Conflict, Invalid, NotFound
from payments.fees import FeeKind
from payments.payouts.beneficiaries import beneficiary

DECIDE: Final = "remittance_route.decide"

_LONGEST: Final = 200
_CODES: Final[Mapping[str, re.Pattern[str]]] = {
    "sub_item": re.compile(r"[0-9]{4}", re.ASCII),
    "budget_account": re.compile(r"[0-9]{4}(\.[0-9.]{1,20})?", re.ASCII),
    "chapter": re.compile(r"[0-9]{3}", re.ASCII),
    "collector": re.compile(r"[0-9]{7}", re.ASCII),
    "tax_code": re.compile(r"[0-9]{10}(-?[0-9]{3})?", re.ASCII),
}
"""How the budget's codes are written."""


class UnknownRoute(NotFound):
    """There is no route of that number."""

    code = "unknown_route"


class InvalidBudgetCode(Invalid):
    """A code of the budget or the tax administration is not written as those are."""

    code = "invalid_budget_code"


class TextMissing(Invalid):
    """A name that the payment slip needs is missing, or longer than 200 letters."""

    code = "route_text_missing"


class RouteInThePast(Invalid):
    """A route is decided for today or a later day, never for what has been."""

    code = "route_in_the_past"


class RouteDecided(Conflict):
    """A route of the same fees begins on that day already, or while this one is to hold."""

    code = "route_decided"


class RouteEnded(Conflict):
    """The route does not wait for a second person: it was decided before."""

    code = "route_ended"


class RouteState(StrEnum):
    """Where a route stands; an approved one holds from `valid_from` to `valid_to`."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class RemittanceRoute(Row):
    """Where fees go: the treasury's account at a bank, and what the budget books them by.

    `budget_account` is the treasury's own account (7111 is state revenue), `collector` the code of
    the collecting agency (mã cơ quan thu), `treasury` the treasury's office.
    """

    __tablename__ = "remittance_route"
    __table_args__ = (
        UniqueConstraint("public_id"),
        one_of("kind", FeeKind),
        one_of("state", RouteState),
        CheckConstraint("valid_to > valid_from", name="valid_to"),
        CheckConstraint("decided_by <> proposed_by OR state = 'withdrawn'", name="four_eyes"),
        CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL)"
            " AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="decided",
        ),
        Index(None, "agency_id"),
        partial_index(
            "uq_remittance_route_kind_open",
            "agency_id",
            "kind",
            unique=True,
            where="state = 'approved' AND valid_to IS NULL AND sub_item IS NULL",
        ),
        partial_index(
            "uq_remittance_route_sub_item_open",
            "agency_id",
            "kind",
            "sub_item",
            unique=True,
            where="state = 'approved' AND valid_to IS NULL AND sub_item IS NOT NULL",
        ),
        partial_index(
            "uq_remittance_route_kind_day",
            "agency_id",
            "kind",
            "valid_from",
            unique=True,
            where="state = 'approved' AND sub_item IS NULL",
        ),
        partial_index(
            "uq_remittance_route_sub_item_day",
            "agency_id",
            "kind",
            "sub_item",
            "valid_from",
            unique=True,
            where="state = 'approved' AND sub_item IS NOT NULL",
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    kind: Mapped[str] = mapped_column(Code())
    sub_item: Mapped[str | None] = mapped_column(Code())
    bin: Mapped[str] = mapped_column(Code())
    number: Mapped[str] = mapped_column(Code())
    name: Mapped[str] = mapped_column(Words())
    treasury: Mapped[str] = mapped_column(Words())
    budget_account: Mapped[str] = mapped_column(Code())
    chapter: Mapped[str] = mapped_column(Code())
    collector: Mapped[str] = mapped_column(Code())
    collector_name: Mapped[str] = mapped_column(Words())
    tax_code: Mapped[str | None] = mapped_column(Code())
    verified: Mapped[bool] = mapped_column(Flag())
    valid_from: Mapped[date] = mapped_column(Day())
    valid_to: Mapped[date | None] = mapped_column(Day())
    state: Mapped[str] = mapped_column(Code())
    reason: Mapped[str] = mapped_column(Words())
    proposed_by: Mapped[str] = mapped_column(Code())
    proposed_at: Mapped[datetime] = mapped_column(Instant())
    decided_by: Mapped[str | None] = mapped_column(Code())
    decided_at: Mapped[datetime | None] = mapped_column(Instant())


@dataclass(frozen=True, slots=True)
class RouteDescribed:
    """A route as a person describes it; `agency` is a code, `verified` False for a sample."""

    agency: str
    kind: FeeKind
    bin: str
    number: str
    name: str
    treasury: str
    budget_account: str
    chapter: str
    collector: str
    collector_name: str
    sub_item: str | None = None
    tax_code: str | None = None
    verified: bool = True


def propose_route(
    session: Session,
    described: RouteDescribed,
    *,
    valid_from: date,
    valid_to: date | None = None,
    reason: str,
    by: str,
    now: datetime,
) -> RemittanceRoute:
    """Proposes to another person where fees go from a day on, or until before `valid_to`.

    Raises `UnknownAgency`, `UnknownBank`, `NumberNotWritable`, `NameNotWritable`, `TextMissing`,
    `InvalidBudgetCode`, `RouteInThePast`, `RouteDecided`, `NoReasonGiven` or `ReasonTooLong`.
    """
    facts = _checked(described)
    if valid_from < local_day(now) or (valid_to is not None and valid_to <= valid_from):
        raise RouteInThePast(pointer="/valid_from", valid_from=valid_from)
    agency = agencies.by_code(session, described.agency, on=valid_from, pointer="/agency")
    route = RemittanceRoute(
        **facts,
        public_id=str(uuid7()),
        agency_id=agency.id,
        valid_from=valid_from,
        valid_to=valid_to,
        state=RouteState.PROPOSED.value,
        reason=approvals.given(reason),
        proposed_by=by,
        proposed_at=now,
    )
    _refuse_decided(session, route)
    session.add(route)
    session.flush()
    approvals.propose(
        session, DECIDE, _subject(route), shown=shown_route(route), reason=reason, by=by, now=now
    )
    return route


def approve_route(session: Session, route: RemittanceRoute, *, by: str, now: datetime) -> None:
    """Lets fees go by a route; a standing one ends the standing one before it, where it begins.

    Raises `RouteEnded`, `SamePerson`, `ShownChanged`, `RouteInThePast` or `RouteDecided`.
    """
    waiting = _hold(session, route)
    if route.valid_from < local_day(now):
        raise RouteInThePast(valid_from=route.valid_from)
    _refuse_decided(session, route)
    approvals.approve(session, waiting, shown=shown_route(route), by=by, now=now)
    if route.valid_to is None:
        standing = _of_same_fees(session, route).where(RemittanceRoute.valid_to.is_(None))
        for before in session.scalars(standing):
            before.valid_to = route.valid_from
        session.flush()
    _decide(session, route, RouteState.APPROVED, by=by, now=now)


def decline_route(
    session: Session, route: RemittanceRoute, *, reason: str, by: str, now: datetime
) -> None:
    """Says no to a route. Raises `RouteEnded`, `SamePerson` or `NoReasonGiven`."""
    waiting = _hold(session, route)
    approvals.decline(session, waiting, reason=reason, by=by, now=now)
    _decide(session, route, RouteState.DECLINED, by=by, now=now, answer=approvals.given(reason))


def withdraw_route(session: Session, route: RemittanceRoute, *, by: str, now: datetime) -> None:
    """Takes one's own proposal of a route back. Raises `RouteEnded` or `NotTheMaker`."""
    approvals.withdraw(session, _hold(session, route), by=by, now=now)
    _decide(session, route, RouteState.WITHDRAWN, by=by, now=now)


def route_by_public_id(session: Session, public_id: str) -> RemittanceRoute:
    """The route of that public number. Raises `UnknownRoute`."""
    found = session.scalar(select(RemittanceRoute).where(RemittanceRoute.public_id == public_id))
    if found is None:
        raise UnknownRoute(route=public_id[:40])
    return found


def routes(session: Session, *, most: int) -> Sequence[tuple[RemittanceRoute, str]]:
    """Routes with their agencies' codes: what waits first, then the newest."""
    rows = (
        select(RemittanceRoute, Agency.code)
        .join(Agency, Agency.id == RemittanceRoute.agency_id)
        .order_by(RemittanceRoute.state != RouteState.PROPOSED, RemittanceRoute.id.desc())
        .limit(most)
    )
    return [(route, code) for route, code in session.execute(rows)]


def shown_route(route: RemittanceRoute) -> dict[str, Any]:
    """What of a route an approval rests on: all of it, as JSON."""
    told = {name: getattr(route, name) for name in _FACTS}
    days = {"valid_from": route.valid_from.isoformat(), "agency": route.agency_id}
    return told | days | {"valid_to": route.valid_to and route.valid_to.isoformat()}


_FACTS: Final = (
    "kind",
    "sub_item",
    "bin",
    "number",
    "name",
    "treasury",
    "budget_account",
    "chapter",
    "collector",
    "collector_name",
    "tax_code",
    "verified",
)


def _checked(described: RouteDescribed) -> dict[str, Any]:
    account = beneficiary(described.bin, described.number, described.name)
    facts = asdict(described) | {"number": account.number, "name": account.name}
    del facts["agency"]
    for field in ("treasury", "collector_name"):
        facts[field] = " ".join(facts[field].split())
        if not 0 < len(facts[field]) <= _LONGEST:
            raise TextMissing(pointer=f"/{field}")
    for field, written in _CODES.items():
        told = facts[field]
        if told is not None and not written.fullmatch(told):
            raise InvalidBudgetCode(pointer=f"/{field}", text=str(told)[:20])
    return facts | {"kind": FeeKind(described.kind).value}


def _of_same_fees(session: Session, route: RemittanceRoute) -> Any:
    """The approved routes of the same fees, by the agency's code: renamed, it keeps its routes."""
    code = session.get_one(Agency, route.agency_id).code
    return (
        select(RemittanceRoute)
        .join(Agency, Agency.id == RemittanceRoute.agency_id)
        .where(
            Agency.code == code,
            RemittanceRoute.kind == route.kind,
            RemittanceRoute.sub_item.is_not_distinct_from(route.sub_item),
            RemittanceRoute.state == RouteState.APPROVED.value,
        )
        .order_by(RemittanceRoute.id)
    )


def _refuse_decided(session: Session, route: RemittanceRoute) -> None:
    """Refuses a route in whose days another begins; a temporary one may begin in a standing one's.

    Raises `RouteDecided`.
    """
    begins, since = RemittanceRoute.valid_from, route.valid_from
    within = begins > since
    if route.valid_to is None:
        within = and_(within, RemittanceRoute.valid_to.is_(None))
    else:
        within = and_(within, begins < route.valid_to)
    others = _of_same_fees(session, route).where(or_(begins == since, within))
    if session.scalar(others.limit(1)) is not None:
        raise RouteDecided(pointer="/valid_from", valid_from=route.valid_from)


def _hold(session: Session, route: RemittanceRoute) -> Approval:
    session.refresh(route, with_for_update=True)
    waiting = approvals.live(session, DECIDE, _subject(route))
    if waiting is None or route.state != RouteState.PROPOSED:
        raise RouteEnded
    return waiting


def _decide(
    session: Session,
    route: RemittanceRoute,
    state: RouteState,
    *,
    by: str,
    now: datetime,
    **details: object,
) -> None:
    route.state, route.decided_by, route.decided_at = state.value, by, now
    session.flush()
    audit.append(
        session,
        actor=by,
        action=f"remittance_route.{state}",
        subject=_subject(route),
        details=shown_route(route) | details,
        now=now,
    )


def _subject(route: RemittanceRoute) -> str:
    return f"remittance_route:{route.public_id}"
