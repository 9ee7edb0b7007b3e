"""The page of a credit that was given to a request: who did it, and how it is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import settlement, staff
from payments.core.database import Database
from payments.core.money import Dong
from payments.credits import Credit
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.payouts import Part, Payout, Wanted, approve, beneficiary, propose_refund
from payments.staff import Role
from reconciliation import proof
from reconciliation.breaks import Break
from tests.bank import BankLine, a_statement, run
from tests.builders import NOON, a_message, a_payment_request, a_province, settle, the_province
from tests.console import SignIn, employ, whole_app

pytestmark = pytest.mark.committed

BIG = 3_000_000
PAYER = "9704229200112233"
MORNING = NOON + timedelta(hours=20)


@dataclass(frozen=True)
class Here:
    """The pages of two assigned credits: one below the limit, one above it."""

    small: str
    big: str


@pytest.fixture
def here(database: Database) -> Here:
    """Money that named no request, given to two by a reconciler who works elsewhere now."""

    def unit(session: Session) -> Here:
        province = a_province(session)
        employ(session, *Role)
        told = {"name": "Ms maker", "roles": [Role.RECONCILER], "password": "một mật khẩu dài"}
        maker = staff.add(session, "maker", by="command:test", now=NOON, **told)
        known = {"FT1": 50_000, "FT2": BIG}
        for number, amount in known.items():
            a_message(province, "nop le phi", amount=amount, reference=number, payer=PAYER)
        settle(province)
        lines = [BankLine(one, "x", reference=n, payer=PAYER) for n, one in known.items()]
        a_statement(province, *lines)
        run(province)
        for credit in province.credits():
            request = a_payment_request(province, amount=int(credit.amount))
            actor = staff.actor(maker.id)
            settlement.assign(session, credit, request, actor=actor, now=NOON)
        run(province)
        return Here(*[f"/console/credits/{one.id}" for one in province.credits()])

    return database.write(unit)


@pytest.fixture
def app(here: Here, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


def statuses(database: Database) -> list[str]:
    """Of the request of 50.000 đồng and the one of three millions."""
    rows = select(PaymentRequest.status).order_by(PaymentRequest.amount)
    return list(database.read(lambda session: session.scalars(rows).all()))


def test_a_small_one_is_taken_back_by_one_person(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """The page says who assigned it and what will come of it; then its break waits again."""
    person = sign_in(Role.RECONCILER)
    page = person.see(here.small)
    for shown in ("Ms maker", "Take the assignment back", "its receipts are cancelled"):
        assert shown in page, shown

    sent = person.send(f"{here.small}/unassign", on=here.small, reason="another person's")

    assert sent.status_code == 303
    page = person.see(here.small)
    assert 'id="assigned"' not in page
    assert "another person&#39;s" in page
    assert "Assignment to request" in page.split('id="history"')[1]
    assert 'id="open"' in page
    assert statuses(database) == ["open", "paid"]
    assert all(one.holds for one in database.read(proof.prove))


def test_the_break_leads_to_how_it_is_taken_back(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Whoever looks for the decision finds the way to undo it."""
    number = select(Break.public_id).where(Break.amount == 50_000, Break.kind == "unidentified")
    one = database.read(lambda session: session.scalars(number).one())

    page = sign_in(Role.RECONCILER).see(f"/console/breaks/{one}")

    assert f'href="{here.small}#assigned"' in page


def test_a_large_one_takes_two(sign_in: SignIn, here: Here, database: Database) -> None:
    """It waits for the approver, on their Today page too; until then nothing moves."""
    person, approver = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    assert "a second person approves" in person.see(here.big)
    sent = person.send(f"{here.big}/unassign", on=here.big, reason="wrong dossier")
    assert sent.status_code == 303
    assert statuses(database) == ["paid", "paid"]
    assert "You proposed this; another person approves it." in person.see(here.big)
    today = approver.see("/console/")
    waits = "1 proposal to take an assignment back to approve"
    assert f'<a href="{here.big}">{waits}</a>' in today
    assert waits not in person.see("/console/")

    assert approver.send(f"{here.big}/approve", on=here.big).status_code == 303

    assert statuses(database) == ["paid", "open"]
    assert "wrong dossier" in approver.see(here.big)
    assert all(one.holds for one in database.read(proof.prove))


@pytest.mark.parametrize("by", [Role.APPROVER, Role.RECONCILER])
def test_a_proposal_is_declined_or_taken_back(
    sign_in: SignIn, here: Here, database: Database, by: Role
) -> None:
    """The money stays where it is, and the form is there again."""
    person = sign_in(Role.RECONCILER)
    person.send(f"{here.big}/unassign", on=here.big, reason="wrong dossier")
    does = "decline" if by is Role.APPROVER else "take-back"

    sent = sign_in(by).send(f"{here.big}/{does}", on=here.big, reason="it is theirs")

    assert sent.status_code == 303
    assert statuses(database) == ["paid", "paid"]
    page = person.see(here.big)
    assert f'action="{here.big}/unassign"' in page
    told = page.split('id="history"')[1]
    assert "wrong dossier" in told
    assert ("it is theirs" in told) == (by is Role.APPROVER)


def test_who_approves_approves_what_they_saw(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """The proposal on the page was taken back and another made since: nothing is done."""
    person, approver = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    person.send(f"{here.big}/unassign", on=here.big, reason="wrong dossier")
    seen = approver.see(here.big)
    person.send(f"{here.big}/take-back", on=here.big)
    person.send(f"{here.big}/unassign", on=here.big, reason="another reason")

    for does in ("approve", "decline"):
        sent = approver.send_from(seen, f"{here.big}/{does}", reason="no")
        assert sent.status_code == 404, does

    assert statuses(database) == ["paid", "paid"]
    assert "another reason" in approver.see(here.big)


def test_what_cannot_be_is_refused_in_words_and_changes_nothing(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """No reason, no such assignment, no such credit, nothing proposed, done twice."""
    person, approver = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    for told, status in (
        ({"reason": " "}, 422),
        ({"reason": "x" * 501}, 422),
        ({"reason": "wrong", "seen": "999"}, 409),
        ({"reason": "wrong", "seen": "một"}, 409),
        ({"reason": "wrong", "seen": ""}, 409),
    ):
        sent = person.send(f"{here.small}/unassign", on=here.small, **told)
        assert sent.status_code == status, told
    nowhere = "/console/credits/999"
    sent = person.send(f"{nowhere}/unassign", on=here.small, reason="wrong", seen="1")
    assert sent.status_code == 404
    for path in ("approve", "decline"):
        sent = approver.send(f"{here.big}/{path}", on=here.small, proposal="x", reason="no")
        assert sent.status_code == 404, path
    assert statuses(database) == ["paid", "paid"]
    told = {"reason": "wrong", "seen": "1"}
    assert person.send(f"{here.small}/unassign", on=here.small, **told).status_code == 303
    assert person.send(f"{here.small}/unassign", on=here.big, **told).status_code == 409
    assert statuses(database) == ["open", "paid"]


def test_what_is_given_back_says_why_it_stays(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """While a refund waits and after it left nobody is offered what will be refused."""

    def propose(session: Session) -> None:
        province = the_province(session)
        credit = session.scalars(select(Credit).where(Credit.amount == 50_000)).one()
        lines = select(PaymentRequestLine.id)
        line = session.scalars(
            lines.where(PaymentRequestLine.payment_request_id == credit.payment_request_id)
        ).one()
        to = beneficiary("970422", PAYER, "NGUYEN VAN MAU")
        asked = Wanted(part=Part.FEES, to=to, reason="thừa", lines={line: Dong(10_000)})
        told = {"by": "staff:77", "now": NOON, "vault": province.vault}
        propose_refund(session, credit, asked, **told)

    def leave(session: Session) -> None:
        other = staff.by_username(session, Role.APPROVER)
        payout = session.scalars(select(Payout)).one()
        assert approve(session, payout, by=staff.actor(other.id), now=NOON)

    person = sign_in(Role.RECONCILER)
    for unit, why in (
        (propose, "A refund of this money waits for its approvers"),
        (leave, "was given back or forwarded since"),
    ):
        database.write(unit)
        page = person.see(here.small)
        assert why in page
        assert f'action="{here.small}/unassign"' not in page


def test_whoever_only_reads_sees_it_without_the_form(sign_in: SignIn, here: Here) -> None:
    """Viewers, auditors and approvers see who assigned it."""
    for role in (Role.VIEWER, Role.AUDITOR, Role.APPROVER):
        page = sign_in(role).see(here.small)
        assert "Ms maker" in page, role
        assert "A reconciler takes it back." in page, role
        assert 'name="reason"' not in page, role
