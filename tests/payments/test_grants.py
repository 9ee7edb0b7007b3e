"""Giving roles: two administrators for what lets somebody change anything, one for the rest."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from payments import staff
from payments.core import approvals
from payments.core.approvals import Approval
from payments.core.errors import CashlessError
from payments.staff import Person, Role, grants

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
PASSWORD = "trời xanh mây trắng"


def a_person(session: Session, *roles: Role, username: str = "lan") -> int:
    told = {"name": "Người mẫu", "password": PASSWORD, "by": "command:test", "now": NOW}
    if roles:
        return staff.add(session, username, roles=roles, **told).id
    return staff.add_without_roles(session, username, **told).id


@pytest.fixture
def admins(session: Session) -> tuple[str, str]:
    """Two administrators, as actors."""
    first, second = (
        a_person(session, Role.ADMINISTRATOR, username=name) for name in ("first", "second")
    )
    return staff.actor(first), staff.actor(second)


def give(session: Session, person: int, roles: Collection[str], *, by: str) -> Approval | None:
    return grants.give(session, person, roles, reason="theo quyết định", by=by, now=NOW)


def proposed(session: Session, person: int, roles: Collection[str], *, by: str) -> Approval:
    waits = give(session, person, roles, by=by)
    assert waits is not None
    return waits


@pytest.mark.parametrize("role", list(Role))
def test_what_lets_somebody_change_anything_takes_two(
    session: Session, admins: tuple[str, str], role: Role
) -> None:
    """Who may only look is let in by one."""
    person = a_person(session)
    waits = give(session, person, [role], by=admins[0])
    if role in {Role.VIEWER, Role.AUDITOR}:
        assert waits is None
    else:
        assert waits is not None
        assert staff.roles_of(session, person) == set()
        grants.approve(session, waits, by=admins[1], now=NOW)
    assert staff.roles_of(session, person) == {role}


def test_taking_away_takes_one(session: Session, admins: tuple[str, str]) -> None:
    """And so does adding the right to look to what somebody has."""
    person = a_person(session, Role.CLERK, Role.RECONCILER)
    assert give(session, person, ["reconciler", "viewer"], by=admins[0]) is None
    assert staff.roles_of(session, person) == {Role.RECONCILER, Role.VIEWER}


def test_nobody_approves_their_own_proposal_or_their_own_roles(
    session: Session, admins: tuple[str, str]
) -> None:
    """Neither the one who proposed nor the one it is about."""
    person = a_person(session, Role.VIEWER)
    waits = proposed(session, person, ["approver"], by=admins[0])
    with pytest.raises(approvals.SamePerson):
        grants.approve(session, waits, by=admins[0], now=NOW)
    for verb in (
        lambda: grants.approve(session, waits, by=staff.actor(person), now=NOW),
        lambda: grants.decline(session, waits, reason="x", by=staff.actor(person), now=NOW),
        lambda: give(session, person, ["viewer"], by=staff.actor(person)),
    ):
        with pytest.raises(staff.OwnRoles):
            verb()
    assert staff.roles_of(session, person) == {Role.VIEWER}


def test_declined_or_taken_back_nothing_changes(session: Session, admins: tuple[str, str]) -> None:
    """And it may be proposed again."""
    person = a_person(session, Role.VIEWER)
    first = proposed(session, person, ["approver"], by=admins[0])
    with pytest.raises(approvals.AlreadyProposed):
        give(session, person, ["reconciler"], by=admins[1])
    grants.decline(session, first, reason="chưa có quyết định", by=admins[1], now=NOW)
    second = proposed(session, person, ["approver"], by=admins[0])
    approvals.withdraw(session, second, by=admins[0], now=NOW)
    assert grants.waiting_for(session, person) is None
    assert staff.roles_of(session, person) == {Role.VIEWER}


@pytest.mark.parametrize("change", ["roles", "disabled"])
def test_what_was_proposed_about_somebody_else_than_now_is_not_approved(
    session: Session, admins: tuple[str, str], change: str
) -> None:
    """Their roles changed meanwhile, or they were shut out: it is proposed anew."""
    person = a_person(session, Role.VIEWER)
    waits = proposed(session, person, ["approver"], by=admins[0])
    if change == "roles":
        give(session, person, ["auditor"], by=admins[1])
    else:
        staff.disable(session, person, by=admins[1], now=NOW)
    with pytest.raises(approvals.ShownChanged):
        grants.approve(session, waits, by=admins[1], now=NOW)


def test_who_was_shut_out_is_let_in_again_by_two(session: Session, admins: tuple[str, str]) -> None:
    """The roles they had are given anew; who only looks is let in by one."""
    person = a_person(session, Role.APPROVER)
    staff.disable(session, person, by=admins[0], now=NOW)
    waits = proposed(session, person, ["approver"], by=admins[0])
    assert not session.get_one(Person, person).active
    grants.approve(session, waits, by=admins[1], now=NOW)
    assert session.get_one(Person, person).active
    staff.disable(session, person, by=admins[0], now=NOW)
    assert give(session, person, ["viewer"], by=admins[0]) is None
    assert session.get_one(Person, person).active


@pytest.mark.parametrize(
    ("roles", "reason", "code"),
    [
        ([], "x", "no_role_chosen"),
        (["boss"], "x", "unknown_role"),
        (["reconciler", "approver"], "x", "roles_excluded"),
        (["administrator", "clerk"], "x", "roles_excluded"),
        (["auditor", "viewer"], "x", "roles_excluded"),
        (["viewer"], " ", "no_reason_given"),
        (["approver"], " ", "no_reason_given"),
    ],
)
def test_a_wrong_wish_changes_nothing(
    session: Session, admins: tuple[str, str], roles: list[str], reason: str, code: str
) -> None:
    """Roles that exclude each other, none, unknown ones; or without a reason."""
    person = a_person(session, Role.CLERK)
    with pytest.raises(CashlessError) as refused:
        grants.give(session, person, roles, reason=reason, by=admins[0], now=NOW)
    assert refused.value.code == code
    assert staff.roles_of(session, person) == {Role.CLERK}
    assert grants.waiting_for(session, person) is None


def test_the_last_administrator_keeps_the_role(session: Session) -> None:
    """Somebody must remain who can let people in."""
    only = a_person(session, Role.ADMINISTRATOR)
    with pytest.raises(staff.LastAdministrator):
        give(session, only, ["viewer"], by="command:test")
    with pytest.raises(staff.LastAdministrator):
        staff.disable(session, only, by="command:test", now=NOW)


def test_new_roles_end_every_session(session: Session, admins: tuple[str, str]) -> None:
    """Whoever was in signs in again, as what they are now."""
    person = a_person(session, Role.VIEWER)
    made = staff.sign_in(session, "lan", PASSWORD, address="192.0.2.1", now=NOW)
    assert isinstance(made, staff.NewSession)
    waits = proposed(session, person, ["approver"], by=admins[0])
    assert staff.session_of(session, made.token, now=NOW).roles == {Role.VIEWER}
    grants.approve(session, waits, by=admins[1], now=NOW)
    session.expire_all()
    with pytest.raises(staff.NotSignedIn):
        staff.session_of(session, made.token, now=NOW)
