"""`/console/people`: who works with the service: let in, given roles, shut out, by administrators.

A password that is given here is shown once, on the answer to the form, and changed at the first
sign-in. What lets somebody change anything waits for a second administrator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from payments import staff
from payments.core import approvals, clock
from payments.core.approvals import Approval, UnknownApproval
from payments.core.errors import CashlessError, Conflict
from payments.core.service import Service
from payments.core.words import later
from payments.staff import (
    Person,
    Role,
    StaffIdentity,
    StaffRole,
    factors,
    grants,
    identities,
    passwords,
    sessions,
)
from payments.web import auth, problems
from payments.web.auth import Home, StaffPages, proved_only, staff_only

HOME: Final = Home("people.everybody", later("People"), frozenset({Role.ADMINISTRATOR}))
PAGE: Final = 50

Act = Callable[[Session, Person, str, datetime], None]


class NoProvider(Conflict):
    """No identity provider is set on the server, so nobody can be linked to one."""

    code = "no_provider"


@dataclass(frozen=True, slots=True)
class Listed:
    """Who is on a page of the list, in the order of their usernames; `more` if others follow."""

    people: Sequence[Person]
    roles: Mapping[int, Sequence[str]]
    with_phone: frozenset[int]
    waiting: Sequence[tuple[Approval, Person]]
    more: bool
    administrators: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A person as their page shows them to administrators."""

    person: Person
    roles: frozenset[Role]
    has_phone: bool
    signed_in: int
    waiting: Approval | None
    maker: str | None
    identity: StaffIdentity | None


def blueprint(cashless: Service) -> StaffPages:
    """The pages of people, under `/console/people`."""
    pages = StaffPages("people", __name__, url_prefix="/console/people")

    @pages.get("")
    @staff_only(Role.ADMINISTRATOR)
    def everybody() -> str:
        after = request.args.get("after", "")
        listed = cashless.database.read(lambda session: _listed(session, after))
        return render_template("people/list.html", listed=listed)

    @pages.get("/<public_id>")
    @staff_only(Role.ADMINISTRATOR)
    def one(public_id: str) -> str:
        now = clock.now()
        shown = cashless.database.read(lambda session: _shown(session, public_id, now=now))
        return render_template(
            "people/one.html", shown=shown, every_role=tuple(Role), guarded=staff.GUARDED
        )

    _add_new(pages, cashless)
    _add_roles(pages, cashless)
    _add_second_person(pages, cashless)
    _add_keys(pages, cashless)
    _add_identity(pages, cashless)
    return pages


def _add_new(pages: StaffPages, cashless: Service) -> None:
    @pages.get("/new")
    @staff_only(Role.ADMINISTRATOR)
    def new() -> Response:
        return _form(None)

    @pages.post("/new")
    @proved_only(Role.ADMINISTRATOR)
    def add() -> AnyResponse:
        form, by, now = request.form, auth.who().actor, clock.now()
        username = form.get("username", "").strip()
        password = passwords.suggest(username=username)

        def unit(session: Session) -> tuple[Person, Approval | None]:
            person = staff.add_without_roles(
                session,
                username,
                name=form.get("name", ""),
                password=password,
                by=by,
                now=now,
            )
            staff.make_temporary(session, person.id)
            roles = form.getlist("role")
            reason = form.get("reason", "")
            waits = grants.give(session, person.id, roles, reason=reason, by=by, now=now)
            return person, waits

        try:
            person, waits = cashless.database.write(unit)
        except CashlessError as error:
            if problems.status_of(type(error)) not in (409, 422):
                raise
            return _form(error)
        return _password(person, password, waits=waits is not None)


def _add_roles(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/<public_id>/roles")
    @proved_only(Role.ADMINISTRATOR)
    def give_roles(public_id: str) -> AnyResponse:
        roles, reason = request.form.getlist("role"), request.form.get("reason", "")

        def act(session: Session, person: Person, by: str, now: datetime) -> None:
            grants.give(session, person.id, roles, reason=reason, by=by, now=now)

        return _act(cashless, public_id, act)

    @pages.post("/<public_id>/disable")
    @proved_only(Role.ADMINISTRATOR)
    def disable(public_id: str) -> AnyResponse:
        reason = approvals.given(request.form.get("reason", ""))

        def act(session: Session, person: Person, by: str, now: datetime) -> None:
            staff.disable(session, person.id, by=by, now=now, reason=reason)

        return _act(cashless, public_id, act)


def _add_second_person(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/<public_id>/approve")
    @proved_only(Role.ADMINISTRATOR)
    def approve_roles(public_id: str) -> AnyResponse:
        def act(session: Session, person: Person, by: str, now: datetime) -> None:
            proposal = _proposal(session, person)
            approve = identities.approve if _links(proposal) else grants.approve
            approve(session, proposal, by=by, now=now)

        return _act(cashless, public_id, act)

    @pages.post("/<public_id>/decline")
    @proved_only(Role.ADMINISTRATOR)
    def decline_roles(public_id: str) -> AnyResponse:
        reason = request.form.get("reason", "")

        def act(session: Session, person: Person, by: str, now: datetime) -> None:
            proposal = _proposal(session, person)
            decline = identities.decline if _links(proposal) else grants.decline
            decline(session, proposal, reason=reason, by=by, now=now)

        return _act(cashless, public_id, act)

    @pages.post("/<public_id>/take-back")
    @proved_only(Role.ADMINISTRATOR)
    def take_roles_back(public_id: str) -> AnyResponse:
        def act(session: Session, person: Person, by: str, now: datetime) -> None:
            approvals.withdraw(session, _proposal(session, person), by=by, now=now)

        return _act(cashless, public_id, act)


def _add_keys(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/<public_id>/password")
    @proved_only(Role.ADMINISTRATOR)
    def reset_password(public_id: str) -> AnyResponse:
        by, now = auth.who().actor, clock.now()

        def unit(session: Session) -> tuple[Person, str]:
            person = staff.by_public_id(session, public_id)
            password = passwords.suggest(username=person.username)
            staff.reset_password(session, person.id, password, by=by, now=now)
            staff.make_temporary(session, person.id)
            return person, password

        return _password(*cashless.database.write(unit), waits=False)

    @pages.post("/<public_id>/factor")
    @proved_only(Role.ADMINISTRATOR)
    def reset_factor(public_id: str) -> AnyResponse:
        def act(session: Session, person: Person, by: str, now: datetime) -> None:
            factors.reset(session, person.id, by=by, now=now)

        return _act(cashless, public_id, act)


def _add_identity(pages: StaffPages, cashless: Service) -> None:
    """Who a person is at the identity provider, where there is one."""
    oidc = cashless.config.oidc

    @pages.post("/<public_id>/identity")
    @proved_only(Role.ADMINISTRATOR)
    def link_identity(public_id: str) -> AnyResponse:
        subject, reason = request.form.get("subject", ""), request.form.get("reason", "")

        def act(session: Session, person: Person, by: str, now: datetime) -> None:
            if oidc is None:
                raise NoProvider
            identities.propose(
                session, person.id, subject, issuer=oidc[0], reason=reason, by=by, now=now
            )

        return _act(cashless, public_id, act)

    @pages.post("/<public_id>/identity/end")
    @proved_only(Role.ADMINISTRATOR)
    def end_identity(public_id: str) -> AnyResponse:
        reason = request.form.get("reason", "")

        def act(session: Session, person: Person, by: str, now: datetime) -> None:
            identities.end(session, person.id, reason=reason, by=by, now=now)

        return _act(cashless, public_id, act)


def _links(proposal: Approval) -> bool:
    return proposal.action == identities.ACTION


def _waiting(session: Session, person: Person) -> Approval | None:
    """What waits for another administrator about a person: roles, or a link."""
    roles = grants.waiting_for(session, person.id)
    return roles or identities.waiting_for(session, person.id)


def _act(cashless: Service, public_id: str, act: Act) -> AnyResponse:
    """Does it in one unit, and goes back to the person's page."""
    by, now = auth.who().actor, clock.now()
    cashless.database.write(
        lambda session: act(session, staff.by_public_id(session, public_id), by, now)
    )
    return redirect(url_for("people.one", public_id=public_id), 303)


def _proposal(session: Session, person: Person) -> Approval:
    """The proposal that waits, as the form saw it. Raises `UnknownApproval`."""
    told = request.form.get("proposal", "")
    found = _waiting(session, person)
    if found is None or found.public_id != told:
        raise UnknownApproval(approval=told[:40])
    return found


def _listed(session: Session, after: str) -> Listed:
    found = session.scalars(
        select(Person).where(Person.username > after).order_by(Person.username).limit(PAGE + 1)
    ).all()
    numbers = [person.id for person in found[:PAGE]]
    roles: dict[int, list[str]] = {number: [] for number in numbers}
    held = select(StaffRole).where(StaffRole.staff_id.in_(numbers)).order_by(StaffRole.role)
    for row in session.scalars(held):
        roles[row.staff_id].append(row.role)
    waiting = [*grants.all_waiting(session), *identities.all_waiting(session)]
    subjects = {one.id: int(one.subject.removeprefix("staff:")) for one in waiting}
    concerned = session.scalars(select(Person).where(Person.id.in_(subjects.values()))).all()
    known = {person.id: person for person in concerned}
    return Listed(
        people=found[:PAGE],
        roles=roles,
        with_phone=factors.who_have_one(session, numbers),
        waiting=[(one, known[subjects[one.id]]) for one in waiting],
        more=len(found) > PAGE,
        administrators=staff.count_administrators(session),
    )


def _shown(session: Session, public_id: str, *, now: datetime) -> Shown:
    person = staff.by_public_id(session, public_id)
    waiting = _waiting(session, person)
    maker = None
    if waiting is not None:
        maker = session.get_one(Person, int(waiting.maker.removeprefix("staff:"))).name
    return Shown(
        person=person,
        roles=staff.roles_of(session, person.id),
        has_phone=factors.live(session, person.id) is not None,
        signed_in=len(sessions.all_of(session, person.id, now=now)),
        waiting=waiting,
        maker=maker,
        identity=identities.of_person(session, person.id),
    )


def _form(error: CashlessError | None) -> Response:
    """The form of a new person, with what was typed and why it was refused."""
    told = None if error is None else problems.of_ours(error)
    typed = {name: request.form.get(name, "")[:500] for name in ("username", "name", "reason")}
    shown = render_template(
        "people/new.html",
        refusal=told,
        typed=typed,
        chosen=request.form.getlist("role"),
        every_role=tuple(Role),
        guarded=staff.GUARDED,
    )
    return make_response(shown, 200 if told is None else told.status)


def _password(person: Person, password: str, *, waits: bool) -> Response:
    """The page with a new password, at the only moment it is known."""
    return make_response(
        render_template("people/password.html", person=person, password=password, waits=waits)
    )
