"""Whose session a request carries: the cookie, the person it names, a new token after a proof.

The session lives on the server; the browser holds its token in one cookie (`__Host-sid` where the
service is reached by https).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from flask import Flask, Response, current_app, g, request
from sqlalchemy import func, select
from werkzeug.wrappers import Response as AnyResponse

from payments import staff
from payments.core import clock
from payments.core.approvals import Approval, State
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.core.service import Service
from payments.staff import NewSession, NotSignedIn, Owed, Role, SignedIn, factors

_FOR_STAFF: Final = ("/console", "/counter")
"""Beneath these addresses all pages are of staff."""

_KEY: Final = "door"


@dataclass(frozen=True, slots=True)
class Home:
    """A page to begin at: its endpoint, its words, for whom it is, what is decided there."""

    endpoint: str
    words: str
    roles: frozenset[Role]
    decides: Sequence[str] = ()
    """The actions of proposals."""


@dataclass(frozen=True, slots=True)
class Door:
    """How sessions are known in this application; `required` are roles with a second factor."""

    cashless: Service
    secure: bool
    required: frozenset[Role]
    homes: list[Home]

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers hold `__Host-` to https, this host and every path."""
        return "__Host-sid" if self.secure else "sid"


def install(app: Flask, door: Door) -> None:
    """Lets `app` know its staff by their sessions."""
    app.extensions[_KEY] = door
    app.before_request(_look_out)
    app.before_request(_look)
    app.after_request(_hand_over)
    app.jinja_env.globals.update(
        staff_member=member,
        may=may,
        homes=homes,
        waiting_at=waiting_at,
        is_for_staff=is_for_staff,
        has_provider=lambda: door.cashless.config.oidc is not None,
    )


def _look_out() -> None:
    """Looks who asks for what is not there, so that staff are told so on a page of theirs."""
    if request.endpoint is None and request.path.startswith(_FOR_STAFF):
        known()


def member() -> SignedIn | None:
    """Who is signed in, if anybody is; with a password alone nobody with a second factor is."""
    found = known()
    return None if found is None or found.owes is Owed.CODE else found


def known() -> SignedIn | None:
    """Whose session this browser has, even if they still owe the code."""
    if "staff_member" not in g:
        g.staff_member = _find()
    return cast(SignedIn | None, g.staff_member)


def who() -> SignedIn:
    """Who is signed in. Raises `NotSignedIn`."""
    found = member()
    if found is None:
        raise NotSignedIn
    return found


def may(*roles: str) -> bool:
    """Whether whoever is there has one of these roles."""
    found = member()
    return found is not None and not found.roles.isdisjoint(Role(role) for role in roles)


def is_for_staff() -> bool:
    """Whether somebody was found signed in; asks no database, since a fault's page asks it."""
    found = g.get("staff_member")
    return found is not None and found.owes is None


def add_home(app: Flask, home: Home) -> None:
    """Adds a page to begin at."""
    door: Door = app.extensions[_KEY]
    door.homes.append(home)


def homes() -> Sequence[Home]:
    """The pages at which whoever is there may begin."""
    return [home for home in _door().homes if may(*home.roles)]


def waiting_at(home: Home) -> int:
    """How many proposals of others are to be decided at a page."""
    if not home.decides:
        return 0
    actor = who().actor
    rows = select(func.count()).where(
        Approval.state == State.PROPOSED,
        Approval.action.in_(home.decides),
        Approval.maker != actor,
    )
    return database().read(lambda session: session.scalar(rows)) or 0


def has_factor() -> bool:
    """Whether whoever is there has a second factor."""
    number = who().staff_id
    found = database().read(lambda session: factors.live(session, number))
    return found is not None


def required() -> frozenset[Role]:
    """The roles that need a second factor here."""
    return _door().required


def address() -> str:
    """The address a request came from."""
    return request.remote_addr or "-"


def prove(typed: str) -> NewSession | CashlessError:
    """What comes of a code or password that whoever has this session typed; kept in any case.

    Once it is right, the answer takes the session's new token to the browser.
    """
    door, found = _door(), known()
    if found is None:
        raise NotSignedIn
    now = clock.now()
    outcome = door.cashless.database.write(
        lambda session: staff.prove(
            session,
            found,
            typed,
            vault=door.cashless.vault,
            address=address(),
            now=now,
            phone_at=now - clock.offset(),
            required=door.required,
        )
    )
    if isinstance(outcome, NewSession):
        go_on(outcome)
    return outcome


def go_on(new: NewSession) -> None:
    """From here on the request is that session's; the answer takes its token to the browser."""
    g.staff_member, g.new_session = new.who, new


def begin(answer: AnyResponse, session: NewSession) -> None:
    """Gives the browser its session; it ends with the browser, if not before."""
    door = _door()
    answer.set_cookie(
        door.cookie, session.token, secure=door.secure, httponly=True, samesite="Lax", path="/"
    )


def end(answer: AnyResponse) -> None:
    """Takes the session away from the browser."""
    door = _door()
    answer.delete_cookie(door.cookie, secure=door.secure, httponly=True, samesite="Lax", path="/")


def database() -> Database:
    """The database that sessions are kept in."""
    return _door().cashless.database


def _door() -> Door:
    door: Door = current_app.extensions[_KEY]
    return door


def _look() -> None:
    """At who asks for an address of staff that there is not: staff are told on their page."""
    if request.endpoint is None and request.path.startswith(("/console/", "/counter/")):
        known()


def _hand_over(answer: Response) -> Response:
    new = g.pop("new_session", None)
    if new is not None:
        begin(answer, new)
    return answer


def _find() -> SignedIn | None:
    door = _door()
    token = request.cookies.get(door.cookie)
    if not token:
        return None
    now = clock.now()
    try:
        found = database().read(
            lambda session: staff.session_of(session, token, now=now, required=door.required)
        )
    except NotSignedIn:
        return None
    if staff.keep_alive_is_due(found, now=now):
        database().write(lambda session: staff.keep_alive(session, found, now=now))
    return found
