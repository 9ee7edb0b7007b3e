"""Practice: invented accounts, connections, a portal and people, for sandbox mode alone.

What exists is kept. A password and an API key are known only where they were made just now.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, connections, payouts, portals, receipts, staff
from payments.core.calendar import local_day
from payments.core.config import Mode
from payments.core.errors import Refused
from payments.core.vault import Vault
from payments.fees import FeeKind
from payments.payouts import RouteDescribed
from payments.staff import Role, passwords


class PracticeOnly(Refused):
    """Invented accounts and people are for sandbox mode alone."""

    code = "practice_only"


@dataclass(frozen=True, slots=True)
class Account:
    """A collection account at the practice bank."""

    id: int
    agency: str
    bin: str
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class Line:
    """A connection by which the practice bank tells us of payments, and its secret."""

    source: str
    scheme: str
    public_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Someone:
    """A person to sign in as; `password` is None where it was made before."""

    username: str
    roles: tuple[str, ...]
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Practice:
    """Everything there is to practise with; `portal_key` is None where it was made before."""

    accounts: tuple[Account, ...]
    lines: tuple[Line, ...]
    portal: str
    portal_key: str | None = field(repr=False)
    people: tuple[Someone, ...]


PORTAL: Final = "Cổng dịch vụ công (mẫu)"

_ACCOUNTS: Final = (
    ("H09", "970436", "0011001234567", "UBND TINH BINH DUONG"),
    ("H09.d03", "970436", "0011007654321", "SO TU PHAP BINH DUONG"),
    ("H09.724", "970436", "0011002468135", "UBND THANH PHO DI AN"),
)
_LINES: Final = (
    ("sandbox", "hmac"),
    ("sepay", "hmac"),
    ("sepay", "key"),
    ("payos", "hmac"),
)
_SERIES: Final = ((FeeKind.PHI, "BP-{year:02}T"), (FeeKind.LE_PHI, "BL-{year:02}T"))
"""Numbers of receipts for the whole province, this year and the next."""

_PEOPLE: Final = (
    ("viewer", "Người xem (mẫu)", Role.VIEWER),
    ("reconciler", "Người đối soát (mẫu)", Role.RECONCILER),
    ("approver", "Người duyệt (mẫu)", Role.APPROVER),
    ("clerk", "Cán bộ một cửa (mẫu)", Role.CLERK),
    ("administrator", "Quản trị viên (mẫu)", Role.ADMINISTRATOR),
    ("administrator2", "Quản trị viên thứ hai (mẫu)", Role.ADMINISTRATOR),
    ("auditor", "Kiểm toán viên (mẫu)", Role.AUDITOR),
)


_ROUTES: Final = (
    ("H09", FeeKind.PHI, "3713009000001", "3713", "Tài khoản phí (mẫu) KBNN Bình Dương"),
    ("H09", FeeKind.LE_PHI, "7111009000001", "7111", "KBNN Bình Dương (mẫu)"),
    ("H09.d03", FeeKind.PHI, "3713009000303", "3713", "Tài khoản phí Sở Tư pháp (mẫu)"),
)
"""Where fees go in practice: invented accounts, chapters and codes, marked as samples."""

_TREASURY_BANK: Final = "970415"


def practise(session: Session, vault: Vault, *, mode: Mode, by: str, now: datetime) -> Practice:
    """Makes what is not there yet, and tells all there is. Raises `PracticeOnly` in live mode.

    The agencies of the files must be loaded.
    """
    if mode is not Mode.SANDBOX:
        raise PracticeOnly
    accounts = tuple(_account(session, each, by=by, now=now) for each in _ACCOUNTS)
    ids = [account.id for account in accounts]
    _open_series(session, by=by, now=now)
    people = tuple(_someone(session, each, by=by, now=now) for each in _PEOPLE)
    for each in _ROUTES:
        _route(session, each, now=now)
    return Practice(
        accounts=accounts,
        lines=tuple(_line(session, each, ids, vault=vault, by=by, now=now) for each in _LINES),
        portal=PORTAL,
        portal_key=_portal_key(session, by=by, now=now),
        people=people,
    )


def _account(
    session: Session, described: tuple[str, str, str, str], *, by: str, now: datetime
) -> Account:
    agency, bin, number, name = described
    today = local_day(now)
    try:
        found = agencies.by_number(session, number, bin=bin)
    except agencies.UnknownCollectionAccount:
        found = agencies.open_account(
            session,
            agencies.by_code(session, agency, on=today).id,
            agencies.Opening(bin=bin, number=number, name=name),
            valid_from=date(today.year, 1, 1),
            by=by,
            now=now,
        )
    return Account(id=found.id, agency=agency, bin=bin, number=number, name=found.name)


def _open_series(session: Session, *, by: str, now: datetime) -> None:
    known = {series.symbol for series, _ in receipts.all_series(session)}
    year = local_day(now).year % 100
    for kind, written in _SERIES:
        for symbol in (written.format(year=one % 100) for one in (year, year + 1)):
            if symbol not in known:
                opening = receipts.Opening(_ACCOUNTS[0][0], kind, "01BLP0-001", symbol)
                receipts.open_series(session, opening, by=by, now=now)


def _route(
    session: Session, described: tuple[str, FeeKind, str, str, str], *, now: datetime
) -> None:
    """A sample of where fees go, proposed and approved by the people to practise with."""
    agency, kind, number, budget_account, name = described
    known = payouts.routes(session, most=len(_ROUTES) * 10)
    if any(code == agency and one.number == number for one, code in known):
        return
    maker, checker = (
        staff.actor(staff.by_username(session, role).id) for role in ("reconciler", "approver")
    )
    route = payouts.propose_route(
        session,
        RouteDescribed(
            agency=agency,
            kind=kind,
            bin=_TREASURY_BANK,
            number=number,
            name=name,
            treasury="KBNN Bình Dương (mẫu)",
            budget_account=budget_account,
            chapter="414",
            collector="1054321",
            collector_name="Cơ quan thu (mẫu)",
            tax_code="3700000001",
            verified=False,
        ),
        valid_from=local_day(now),
        reason="dữ liệu mẫu để thực hành",
        by=maker,
        now=now,
    )
    payouts.approve_route(session, route, by=checker, now=now)


def _line(
    session: Session,
    described: tuple[str, str],
    account_ids: Collection[int],
    *,
    vault: Vault,
    by: str,
    now: datetime,
) -> Line:
    source, scheme = described
    name = f"{source} {scheme} (mẫu)"
    found = session.scalar(
        select(connections.Connection).where(connections.Connection.name == name)
    )
    if found is None:
        registration = connections.Registration(
            source=source,
            scheme=scheme,
            name=name,
            secret=secrets.token_urlsafe(32),
            collection_account_ids=tuple(account_ids),
        )
        found = connections.add(session, registration, vault=vault, by=by, now=now)
    newest, *_ = connections.live_secrets(session, found.id, vault, now=now)
    return Line(source=source, scheme=scheme, public_id=found.public_id, secret=newest)


def _portal_key(session: Session, *, by: str, now: datetime) -> str | None:
    try:
        portals.by_name(session, PORTAL)
    except portals.UnknownPortal:
        portal = portals.add(session, PORTAL, by=by, now=now)
        made = portals.new_key(session, portal.id, scopes=list(portals.Scope), by=by, now=now)
        return made.text
    return None


def _someone(
    session: Session, described: tuple[str, str, Role], *, by: str, now: datetime
) -> Someone:
    username, name, role = described
    try:
        staff.by_username(session, username)
        password = None
    except staff.UnknownPerson:
        password = passwords.suggest(username=username)
        staff.add(session, username, name=name, password=password, roles=[role], by=by, now=now)
    return Someone(username=username, roles=(role.value,), password=password)
