"""Who may open which page, and whose form it is.

A page for staff says who may open it with `staff_only`, or with
`proved_only` where whoever sends its form must have proved lately that it is them: all that is
decided by a second person, and whatever is done to people. One of `StaffPages` that says nothing
can't be added. Every form carries a token of its own (CSRF), except at addresses for programs,
which know their callers by key or signature, and those `for_anyone`. What is refused to somebody
signed in is audited, whichever way it was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as AnyResponse

from payments.core import audit, clock
from payments.core.config import FactorFor
from payments.core.errors import CashlessError, Conflict, Refused
from payments.core.service import Service
from payments.staff import BadCredentials, NotSignedIn, Owed, Role, WrongCode, WrongPassword
from payments.staff.sessions import LONGEST
from payments.web import bodies, door, problems
from payments.web.door import (
    Door,
    Home,
    add_home,
    address,
    begin,
    end,
    go_on,
    has_factor,
    homes,
    known,
    may,
    member,
    prove,
    required,
    who,
)
from payments.web.headers import private

__all__ = [
    "DECIDERS",
    "OWED",
    "SIGN_IN",
    "Home",
    "NotYourRole",
    "Opening",
    "ProofNeeded",
    "StaffPages",
    "StaleForm",
    "StillOwed",
    "add_home",
    "address",
    "begin",
    "end",
    "for_anyone",
    "go_on",
    "has_factor",
    "homes",
    "install",
    "known",
    "may",
    "member",
    "opens_to",
    "own_path",
    "prove",
    "proved_only",
    "required",
    "staff_only",
    "who",
]

P = ParamSpec("P")
R = TypeVar("R")

SIGN_IN: Final = "sign_in.form"
"""The endpoint that asks who it is."""

OWED: Final[Mapping[Owed, str]] = MappingProxyType(
    {Owed.CODE: "sign_in.code", Owed.PASSWORD: "account.password", Owed.FACTOR: "account.factor"}
)
"""The page where each thing that is owed is given."""

PROOF: Final = "proof"
"""The field of a form with the code or the password that was asked for again."""

DECIDERS: Final = frozenset({Role.APPROVER, Role.ADMINISTRATOR})
"""What is for them alone to do, they do with a fresh proof."""

_WHO_NEEDS_A_FACTOR: Final[Mapping[FactorFor, frozenset[Role]]] = MappingProxyType(
    {
        FactorFor.NOBODY: frozenset(),
        FactorFor.DECIDERS: frozenset({Role.RECONCILER, *DECIDERS}),
        FactorFor.EVERYBODY: frozenset(Role),
    }
)
_EVERY_ROLE: Final = frozenset(Role)
"""Who opens a page to every role opens it also to people who have none yet."""

_MARK: Final = "staff_only"
_ANYONE: Final = "for_anyone"
_LONGEST_PATH: Final = 200


class StaleForm(Conflict):
    """A form without its token, or with one of an earlier sign-in: nothing was done."""

    code = "stale_form"


class NotYourRole(Refused):
    """The person is signed in, and none of their roles opens this page."""

    code = "not_your_role"


class StillOwed(Refused):
    """Something is to be done before any other page opens: a password or a second factor."""

    code = "still_owed"


class ProofNeeded(Refused):
    """Whoever does this proves anew that it is them; nothing was done yet."""

    code = "proof_needed"


_TOLD_ALREADY: Final = frozenset(
    {ProofNeeded.code, StillOwed.code, BadCredentials.code, WrongCode.code, WrongPassword.code}
)
"""What is asked, not refused; and what is written down where it is tried."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Who may open a page, and how many bytes a form may send there (None: as everywhere).

    `proved` asks whoever sends its form for a fresh proof; `owing` may open it all the same.
    """

    roles: frozenset[Role]
    most_bytes: int | None = None
    proved: bool = False
    owing: frozenset[Owed] = frozenset()


class StaffPages(Blueprint):
    """Pages for staff: none can be added without saying who may open it, none is kept or found."""

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.after_request(private)

    def add_url_rule(  # type: ignore[override]  # views are marked, their types kept
        self, rule: str, endpoint: str | None = None, view_func: Any = None, **options: Any
    ) -> None:
        """Adds a page.

        Raises TypeError where its view lacks `staff_only`, or where deciders alone may send its
        form and it lacks `proved_only`.
        """
        opening = getattr(view_func, _MARK, None)
        if not isinstance(opening, Opening):
            raise TypeError(f"{rule}: say who may open it, with staff_only(…)")
        sends = "POST" in (options.get("methods") or ())
        if sends and opening.roles <= DECIDERS and not opening.proved:
            raise TypeError(f"{rule}: deciders prove that it is them, with proved_only(…)")
        super().add_url_rule(rule, endpoint, view_func, **options)


def install(app: Flask, cashless: Service) -> None:
    """Lets `app` know its staff and its own forms."""
    config = cashless.config
    secure = config.base_url.startswith("https:")
    needed = _WHO_NEEDS_A_FACTOR[config.second_factor]
    app.config.update(
        SESSION_COOKIE_NAME="__Host-form" if secure else "form",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_CHECK_DEFAULT=False,  # `_check` does it, after it knows who is there
        WTF_CSRF_TIME_LIMIT=int(LONGEST.total_seconds()),
        WTF_CSRF_SSL_STRICT=False,  # our pages send no Referer
    )
    CSRFProtect(app)
    app.before_request(_check)
    door.install(app, Door(cashless, secure, required=needed, homes=[]))
    app.register_error_handler(NotSignedIn, _ask_who)
    app.register_error_handler(StillOwed, _lead_to_what_is_owed)
    app.after_request(_write_down)
    app.register_error_handler(CSRFError, lambda _error: problems.respond(_stale()))


def staff_only(
    *roles: Role, most_bytes: int | None = None, owing: Iterable[Owed] = ()
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Opens a view to people who have one of `roles`, and to nobody else.

    `most_bytes` is how much a form may send to it; only those let in may send so much. Whoever
    still owes something may open it if that is among `owing`.
    """
    return _opened(Opening(frozenset(roles), most_bytes, owing=frozenset(owing)))


def proved_only(
    *roles: Role, owing: Iterable[Owed] = ()
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """As `staff_only`, and to send the form they must have proved lately that it is them.

    Whoever has not is asked for it with all that the form said, and goes on where they were.
    """
    return _opened(Opening(frozenset(roles), proved=True, owing=frozenset(owing)))


def _opened(opening: Opening) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **named: P.kwargs) -> R:
            _admit(opening)
            return view(*args, **named)

        setattr(guarded, _MARK, opening)
        return guarded

    return guard


def for_anyone(*, most_bytes: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Marks a view whose form anyone may send from anywhere.

    Either it changes nothing, or its address is a secret that nobody else could have sent it to.
    It carries no token, and needs no cookie for one; it may send so many bytes.
    """

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        setattr(view, _ANYONE, most_bytes)
        return view

    return mark


def opens_to(path: str, roles: Iterable[Role]) -> bool:
    """Whether people of `roles` are let in at the page `path`; so is everybody who asks nowhere."""
    endpoint = _endpoint(urlsplit(path).path)
    opening = getattr(current_app.view_functions.get(endpoint or ""), _MARK, None)
    return not isinstance(opening, Opening) or not opening.roles.isdisjoint(roles)


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


def _check() -> AnyResponse | None:
    """Who is there, how much they may send, whether the form is ours; in this order."""
    if request.endpoint is None or request.path.startswith(problems.FOR_PROGRAMS):
        return None
    view = current_app.view_functions.get(request.endpoint)
    most_bytes = getattr(view, _ANYONE, None)
    if most_bytes is not None:
        request.max_content_length = most_bytes
        bodies.refuse_nul_in_form()
        return None
    opening = getattr(view, _MARK, None)
    if isinstance(opening, Opening):
        _admit(opening)
        if opening.most_bytes is not None:
            request.max_content_length = opening.most_bytes
        bodies.refuse_nul_in_form()
    current_app.extensions["csrf"].protect()
    if isinstance(opening, Opening) and opening.proved and request.method == "POST":
        return _ask_for_proof()
    return None


def _admit(opening: Opening) -> None:
    found = who()
    if found.owes is not None and found.owes not in opening.owing:
        raise StillOwed
    if found.roles.isdisjoint(opening.roles) and opening.roles != _EVERY_ROLE:
        raise NotYourRole


def _ask_for_proof() -> AnyResponse | None:
    """The page that asks for a proof and keeps what the form said; None where one is fresh.

    Its form goes to the address of the first one, so that what was begun goes on.
    """
    if who().proved_lately(now=clock.now()):
        return None
    by_provider = who().by_provider and not has_factor()
    typed = None if by_provider else request.form.get(PROOF)
    outcome = ProofNeeded() if typed is None else prove(typed)
    if not isinstance(outcome, CashlessError):
        return None
    told = problems.of_ours(outcome)
    if not problems.for_a_person():
        return problems.respond(told)
    fields = request.form.items(multi=True)
    kept = [(name, value) for name, value in fields if name not in (PROOF, "csrf_token")]
    shown = render_template(
        "sign_in/prove.html",
        kept=kept,
        refusal=None if typed is None else told,
        has_factor=has_factor(),
        by_provider=by_provider,
        back=_page_before(request.path),
    )
    return Response(shown, told.status, headers=dict(told.headers), mimetype="text/html")


def _write_down(answer: Response) -> Response:
    """Writes down what was refused to one of the staff: a page, or whatever a form asked for."""
    code, found = problems.refused_for(), g.get("staff_member")
    refused = answer.status_code == 403 or (request.method == "POST" and answer.status_code >= 400)
    if code is None or found is None or not refused or code in _TOLD_ALREADY:
        return answer
    if request.path.startswith(problems.FOR_PROGRAMS):
        return answer
    details = {"code": code, "path": request.path[:_LONGEST_PATH]}
    subject, now = f"page:{request.endpoint or '-'}", clock.now()
    door.database().write(
        lambda session: audit.append(
            session,
            actor=found.actor,
            action="page.refused",
            subject=subject,
            details=details,
            now=now,
        )
    )
    return answer


def _lead_to_what_is_owed(error: StillOwed) -> AnyResponse:
    owed = who().owes
    if owed is None or not problems.for_a_person():
        return problems.respond(problems.of_ours(error))
    return redirect(url_for(OWED[owed]), 303)


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
