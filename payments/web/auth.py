"""Who of the staff is at the other end: their cookie, who may open which page, whose form it is.

The session lives on the server; the browser holds its token in one cookie (`__Host-sid` where the
service is reached by https). A page for staff says who may open it with `staff_only`; one of
`StaffPages` that says nothing can't be added. Every form carries a token of its own (CSRF), except
at addresses for programs, which know their callers by key or signature, and those `for_anyone`,
which change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, current_app, g, redirect, request, url_for
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as AnyResponse

from payments import staff
from payments.core import clock
from payments.core.database import Database
from payments.core.errors import Conflict, Refused
from payments.staff import NewSession, NotSignedIn, Role, SignedIn
from payments.staff.sessions import LONGEST
from payments.web import bodies, problems
from payments.web.headers import private

P = ParamSpec("P")
R = TypeVar("R")

SIGN_IN: Final = "sign_in.form"
"""The endpoint that asks who it is."""

_MARK: Final = "staff_only"
_ANYONE: Final = "for_anyone"


class StaleForm(Conflict):
    """A form without its token, or with one of an earlier sign-in: nothing was done."""

    code = "stale_form"


class NotYourRole(Refused):
    """The person is signed in, and none of their roles opens this page."""

    code = "not_your_role"


@dataclass(frozen=True, slots=True)
class Home:
    """A page to begin at: its endpoint, its words, and for whom it is."""

    endpoint: str
    words: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Opening:
    """Who may open a page, and how many bytes a form may send there (None: as everywhere)."""

    roles: frozenset[Role]
    most_bytes: int | None


@dataclass(frozen=True, slots=True)
class Door:
    """How sessions are known in this application."""

    database: Database
    secure: bool
    homes: list[Home]

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers hold `__Host-` to https, this host and every path."""
        return "__Host-sid" if self.secure else "sid"


class StaffPages(Blueprint):
    """Pages for staff: none can be added without saying who may open it, none is kept or found."""

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.after_request(private)

    def add_url_rule(  # type: ignore[override]  # views are marked, their types kept
        self, rule: str, endpoint: str | None = None, view_func: Any = None, **options: Any
    ) -> None:
        """Adds a page. Raises TypeError where its view lacks `staff_only`."""
        if not isinstance(getattr(view_func, _MARK, None), Opening):
            raise TypeError(f"{rule}: say who may open it, with staff_only(…)")
        super().add_url_rule(rule, endpoint, view_func, **options)


def install(app: Flask, database: Database, *, base_url: str) -> None:
    """Lets `app` know its staff and its own forms; `base_url` is the address people use."""
    door = Door(database, secure=base_url.startswith("https:"), homes=[])
    app.extensions["door"] = door
    app.config.update(
        SESSION_COOKIE_NAME="__Host-form" if door.secure else "form",
        SESSION_COOKIE_SECURE=door.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_CHECK_DEFAULT=False,  # `_check` does it, after it knows who is there
        WTF_CSRF_TIME_LIMIT=int(LONGEST.total_seconds()),
        WTF_CSRF_SSL_STRICT=False,  # our pages send no Referer
    )
    CSRFProtect(app)
    app.before_request(_check)
    app.jinja_env.globals.update(
        staff_member=member, may=may, homes=homes, is_for_staff=is_for_staff
    )
    app.register_error_handler(NotSignedIn, _ask_who)
    app.register_error_handler(CSRFError, lambda _error: problems.respond(_stale()))


def staff_only(
    *roles: Role, most_bytes: int | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Opens a view to people who have one of `roles`, and to nobody else.

    `most_bytes` is how much a form may send to it; only those let in may send so much.
    """
    opening = Opening(frozenset(roles), most_bytes)

    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **named: P.kwargs) -> R:
            _admit(opening)
            return view(*args, **named)

        setattr(guarded, _MARK, opening)
        return guarded

    return guard


def for_anyone(*, most_bytes: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Marks a view whose form anyone may send from anywhere, since it changes nothing.

    It carries no token, and needs no cookie for one; it may send so many bytes.
    """

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        setattr(view, _ANYONE, most_bytes)
        return view

    return mark


def member() -> SignedIn | None:
    """Who is signed in, if anybody is."""
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
    return g.get("staff_member") is not None


def add_home(app: Flask, home: Home) -> None:
    """Adds a page to begin at."""
    door: Door = app.extensions["door"]
    door.homes.append(home)


def homes() -> Sequence[Home]:
    """The pages at which whoever is there may begin."""
    return [home for home in _door().homes if may(*home.roles)]


def opens_to(path: str, roles: Iterable[Role]) -> bool:
    """Whether people of `roles` are let in at the page `path`; so is everybody who asks nowhere."""
    endpoint = _endpoint(urlsplit(path).path)
    opening = getattr(current_app.view_functions.get(endpoint or ""), _MARK, None)
    return not isinstance(opening, Opening) or not opening.roles.isdisjoint(roles)


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


def own_path(text: str | None) -> str | None:
    """The address within this service that `text` is, with its query; None for any other."""
    if not text or not text.startswith("/") or text.startswith("//") or "\\" in text:
        return None
    if not text.isascii() or not text.isprintable():
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else text


def _door() -> Door:
    door: Door = current_app.extensions["door"]
    return door


def _check() -> None:
    """Who is there, how much they may send, whether the form is ours; in this order."""
    if request.endpoint is None or request.path.startswith(problems.FOR_PROGRAMS):
        return
    view = current_app.view_functions.get(request.endpoint)
    most_bytes = getattr(view, _ANYONE, None)
    if most_bytes is not None:
        request.max_content_length = most_bytes
        bodies.refuse_nul_in_form()
        return
    opening = getattr(view, _MARK, None)
    if isinstance(opening, Opening):
        _admit(opening)
        if opening.most_bytes is not None:
            request.max_content_length = opening.most_bytes
        bodies.refuse_nul_in_form()
    current_app.extensions["csrf"].protect()


def _admit(opening: Opening) -> None:
    if who().roles.isdisjoint(opening.roles):
        raise NotYourRole


def _find() -> SignedIn | None:
    door = _door()
    token = request.cookies.get(door.cookie)
    if not token:
        return None
    now = clock.now()
    try:
        found = door.database.read(lambda session: staff.session_of(session, token, now=now))
    except NotSignedIn:
        return None
    if staff.keep_alive_is_due(found, now=now):
        door.database.write(lambda session: staff.keep_alive(session, found, now=now))
    return found


def _ask_who(error: NotSignedIn) -> AnyResponse:
    """A person is sent to sign in and back to where they were going; a program is told."""
    if not problems.for_a_person():
        return problems.respond(problems.of_ours(error))
    if request.method in ("GET", "HEAD"):
        return redirect(url_for(SIGN_IN, next=own_path(request.full_path.rstrip("?"))), 303)
    return redirect(url_for(SIGN_IN, next=own_path(_page_before(request.path)), ended="1"), 303)


def _page_before(path: str) -> str | None:
    """The page that a form sent to `path` stands on: that address or the nearest above it."""
    while len(path) > 1:
        if _endpoint(path) is not None:
            return path
        path = path.rpartition("/")[0]
    return None


def _endpoint(path: str) -> str | None:
    """Which page is shown at `path`, if any: more than something to send to it."""
    adapter = current_app.create_url_adapter(request)
    try:
        return None if adapter is None else str(adapter.match(path, method="GET")[0])
    except (NotFound, MethodNotAllowed, RequestRedirect):
        return None


def _stale() -> problems.Problem:
    return problems.of_ours(StaleForm())
