"""The database holds who may do what, whatever a program says: tried by plain SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import staff
from payments.changes import Change
from payments.core import approvals
from payments.core.approvals import Approval
from payments.staff import Role, StaffRole, grants, identities

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
PASSWORD = "trời xanh mây trắng"


def a_person(session: Session, username: str, *roles: Role) -> int:
    told = {"name": "Người mẫu", "password": PASSWORD, "by": "command:test", "now": NOW}
    if roles:
        return staff.add(session, username, roles=roles, **told).id
    return staff.add_without_roles(session, username, **told).id


@pytest.fixture
def admins(session: Session) -> tuple[int, int]:
    """Two administrators."""
    first, second = (a_person(session, name, Role.ADMINISTRATOR) for name in ("first", "second"))
    return first, second


def sql(session: Session, statement: str, **told: Any) -> None:
    """What somebody does who is at the database."""
    with session.begin_nested():
        session.execute(text(statement), told)


def refused(session: Session, why: str, statement: str, **told: Any) -> None:
    with pytest.raises(DBAPIError, match=why):
        sql(session, statement, **told)


TAKEN = "DELETE FROM staff_role WHERE role = 'administrator' AND staff_id = :person"
SHUT_OUT = "UPDATE staff SET active = :no WHERE id = :person"
GIVEN = (
    "INSERT INTO staff_role (staff_id, role, given_by, approval_id)"
    " VALUES (:person, :role, :by, :approval)"
)


@pytest.mark.parametrize("statement", [TAKEN, SHUT_OUT])
def test_an_administrator_remains(
    session: Session, engine: str, admins: tuple[int, int], statement: str
) -> None:
    """The last one is neither shut out nor without the role, nor all of them at once."""
    no: Mapping[str, Any] = {"no": 0 if engine == "sqlite" else False}
    first, second = admins
    everybody = statement.replace(" = :person", " IN (:person, :other)")
    told = no if ":no" in statement else {}
    refused(session, "an administrator remains", everybody, person=first, other=second, **told)
    sql(session, statement, person=first, **told)
    refused(session, "an administrator remains", statement, person=second, **told)
    assert staff.count_administrators(session) == 1


def test_what_lets_somebody_change_anything_is_there_by_two(
    session: Session, admins: tuple[int, int]
) -> None:
    """Neither by one alone, nor by a proposal that waits or is about another, nor for oneself."""
    person, other = a_person(session, "lan"), a_person(session, "mai")
    first, second = (staff.actor(one) for one in admins)
    waits = grants.give(session, person, ["approver"], reason="x", by=first, now=NOW)
    assert waits is not None
    told: dict[str, Any] = {"person": person, "role": "approver", "by": second}
    refused(session, "by_two", GIVEN, approval=None, **told)
    refused(session, "given by two", GIVEN, approval=waits.id, **told)
    grants.approve(session, waits, by=second, now=NOW)
    kept = session.scalars(select(StaffRole).where(StaffRole.staff_id == person)).one()
    assert (kept.given_by, kept.approval_id) == (second, waits.id)
    refused(session, "given by two", GIVEN, approval=waits.id, **{**told, "person": other})
    refused(session, "given by two", GIVEN, approval=waits.id, **{**told, "by": first})
    own = {"person": other, "role": "viewer", "by": staff.actor(other), "approval": None}
    refused(session, "not_own", GIVEN, **own)
    sql(session, GIVEN, **{**own, "by": first})


def test_a_link_to_the_provider_is_there_by_two(session: Session, admins: tuple[int, int]) -> None:
    """The row of a link points at the approval that said so."""
    person = a_person(session, "lan")
    first, second = (staff.actor(one) for one in admins)
    told = {"issuer": "https://sso.example.vn", "reason": "x", "by": first, "now": NOW}
    waits = identities.propose(session, person, "1", **told)
    link = (
        "INSERT INTO staff_identity (staff_id, issuer, subject, approval_id, linked_at, linked_by)"
        " VALUES (:person, 'i', 's', :approval, '2026-11-24T01:00:00.000000Z', :by)"
    )
    refused(session, "made by two", link, person=person, approval=waits.id, by=second)
    identities.approve(session, waits, by=second, now=NOW)
    found = session.scalars(select(Approval).where(Approval.id == waits.id)).one()
    assert found.state == approvals.State.APPROVED
    assert identities.of_person(session, person) is not None


DECIDED = "UPDATE approval SET state = :state, checker = :by, decided_at = :at WHERE id = :number"
PROPOSED = (
    "INSERT INTO approval (public_id, action, subject, shown, shown_sha256, amount, reason, maker,"
    " proposed_at, state, checker, decided_at)"
    " SELECT 'x', action, 'x', shown, shown_sha256, amount,"
    " reason, maker, proposed_at, 'approved', :by, proposed_at FROM approval WHERE id = :number"
)


@pytest.fixture
def office(session: Session, admins: tuple[int, int]) -> dict[str, str]:
    """Somebody of each role, one who has left, and a number that is nobody's."""
    people = {role.value: a_person(session, f"one-{role}", role) for role in Role}
    people["left"] = a_person(session, "left", Role.APPROVER)
    staff.disable(session, people["left"], by="command:test", now=NOW)
    people["nobody"] = max(people.values()) + 1
    return {name: staff.actor(number) for name, number in people.items()}


@pytest.mark.parametrize(
    ("action", "role"),
    [
        ("payout.refund", Role.APPROVER),
        ("receipt.cancel", Role.APPROVER),
        ("break.write_off", Role.APPROVER),
        ("something.new", Role.APPROVER),
        (grants.ACTION, Role.ADMINISTRATOR),
        (identities.ACTION, Role.ADMINISTRATOR),
        *((change.value, Role.ADMINISTRATOR) for change in Change),
    ],
)
def test_a_decision_is_made_by_who_has_its_role(
    session: Session, office: dict[str, str], action: str, role: Role
) -> None:
    """Yes and no alike: no other role, nobody who left, no program, no number that is nobody's."""
    told: dict[str, Any] = {"shown": {}, "reason": "x", "by": "portal:1", "now": NOW}
    waits = approvals.propose(session, action, "thing:1", **told)
    at = {"at": "2026-11-24T01:00:00.000000Z", "number": waits.id}
    for name, by in {**office, "program": "job:days"}.items():
        if name != role:
            for state in ("approved", "declined"):
                refused(session, "is its role", DECIDED, state=state, by=by, **at)
    refused(session, "was proposed", PROPOSED, by=office[role], number=waits.id)
    sql(session, DECIDED, state="approved", by=office[role], **at)


def test_who_lost_the_role_meanwhile_decides_no_more(
    session: Session, office: dict[str, str], admins: tuple[int, int]
) -> None:
    """The verb is refused as plain SQL is: the rule asks who has the role now."""
    told: dict[str, Any] = {"shown": {}, "reason": "x", "by": "portal:1", "now": NOW}
    waits = approvals.propose(session, "payout.refund", "payout:1", **told)
    person = int(office["approver"].partition(":")[2])
    staff.set_roles(session, person, [Role.VIEWER], by="command:test", now=NOW)
    with pytest.raises(DBAPIError, match="is its role"), session.begin_nested():
        approvals.approve(session, waits, shown={}, by=office["approver"], now=NOW)
