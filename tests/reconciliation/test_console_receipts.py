"""Receipts in the console: found, shown with their chain, cancelled and replaced by two people."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import receipts
from payments.core.approvals import SamePerson
from payments.core.database import Database
from payments.payment_requests import PaymentRequest
from payments.staff import Role
from tests.builders import NOON, Province, a_payment_request, a_province, paid, the_province
from tests.console import Person, SignIn, employ, whole_app
from tests.receipts import all_of, give_back, issue, number, open_a_pair

pytestmark = pytest.mark.committed

LIST = "/console/receipts"


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, a request with its two receipts, and people of every role."""

    def unit(session: Session) -> None:
        province = a_province(session)
        open_a_pair(session)
        a_receipted_request(province)
        employ(session, *Role)

    database.write(unit)
    with whole_app(database_url, NOON) as whole:
        yield whole


def a_receipted_request(province: Province) -> None:
    """A request that is paid and has its receipts."""
    paid(province, a_payment_request(province, amount=150_000, le_phi=50_000))
    issue(province)


def addresses(page: str) -> list[str]:
    """The receipts that a page leads to, in order."""
    return re.findall(rf'href="({LIST}/[0-9a-f-]{{36}})"', page)


def the_phi_receipt(person: Person) -> str:
    """The address of the receipt for phí."""
    return addresses(person.see(LIST))[-1]


def states(database: Database) -> list[str]:
    """How all receipts stand, in the order of writing."""
    return database.read(lambda session: [one.state for one in all_of(session)])


def test_receipts_are_listed_and_found(database: Database, sign_in: SignIn) -> None:
    """By series, number, state and request; the newest first, page by page."""

    def more(session: Session) -> None:
        province = the_province(session)
        for _ in range(10):
            a_receipted_request(province)

    database.write(more)
    viewer = sign_in(Role.VIEWER)
    first = viewer.see(LIST)
    assert len(addresses(first)) == 20
    (following,) = re.findall(r'href="([^"]+cursor=[^"]+)#list"', first)
    second = viewer.see(following.replace("&amp;", "&"))
    assert len(addresses(second)) == 2
    assert not set(addresses(first)) & set(addresses(second))
    assert "More receipts" not in second
    assert len(addresses(viewer.see(f"{LIST}?number=3"))) == 2
    assert len(addresses(viewer.see(f"{LIST}?number=3&series=1"))) == 1
    assert "Nothing is like that" in viewer.see(f"{LIST}?state=cancelled")
    reference = re.findall(r"TTHC\d{10}", second)[0]
    assert len(addresses(viewer.see(f"{LIST}?reference={reference.lower()}"))) == 2


@pytest.mark.parametrize(
    "query", ["state=lost", "number=x", "number=-1", "series=1e3", "colour=red", "cursor=x"]
)
def test_what_there_is_not_is_refused(sign_in: SignIn, query: str) -> None:
    """A filter or a cursor that is none: an error in words, not a page of everything."""
    answer = sign_in(Role.VIEWER).client.get(f"{LIST}?{query}", headers={"Accept": "text/html"})
    assert answer.status_code == 422


def test_one_receipt_is_shown_with_its_papers(sign_in: SignIn) -> None:
    """What it says and both files; one that is not there is not found."""
    viewer = sign_in(Role.VIEWER)
    address = the_phi_receipt(viewer)
    page = viewer.see(address)
    for said in ("BP-26T · 00000001", "Một trăm nghìn đồng", "valid", "000.00.12.H09-261124-0001"):
        assert said in page, said
    for ending, media_type in (("pdf", "application/pdf"), ("xml", "application/xml")):
        assert viewer.client.get(f"{address}.{ending}").mimetype == media_type
    assert viewer.client.get(f"{LIST}/x").status_code == 404
    assert viewer.client.get(f"{LIST}/x.pdf").status_code == 404
    assert "Decide" not in page, "who looks decides nothing"


def test_two_people_cancel_a_receipt(database: Database, sign_in: SignIn) -> None:
    """Proposed with a reason, approved by another; the paper says why it counts no more."""
    reconciler, approver = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    address = the_phi_receipt(reconciler)
    reconciler.send(f"{address}/propose", on=address, act="cancel", reason="sai tên đơn vị")
    assert states(database) == ["issued", "issued"]
    assert "You proposed this" in reconciler.see(address)
    answer = approver.send(f"{address}/approve", on=address)
    assert answer.status_code == 303
    assert states(database) == ["cancelled", "issued"]
    page = approver.see(address)
    assert "sai tên đơn vị" in page
    assert "approved" in page
    database.write(lambda session: issue(the_province(session)) and None)
    assert states(database) == ["cancelled", "issued"], "none comes in its place"


def test_two_people_replace_a_receipt(database: Database, sign_in: SignIn) -> None:
    """A new one says what was paid, and each page leads to the other."""
    reconciler, approver = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    address = the_phi_receipt(reconciler)
    reconciler.send(f"{address}/propose", on=address, act="replace", reason="sai tên đơn vị")
    approver.send(f"{address}/approve", on=address)
    database.write(lambda session: issue(the_province(session)) and None)
    assert states(database) == ["replaced", "issued", "issued"]
    page = approver.see(address)
    assert "BP-26T · 00000002" in page
    (successor,) = [one for one in addresses(page) if one != address]
    assert address in addresses(approver.see(successor))


def test_a_proposal_is_declined_or_taken_back(database: Database, sign_in: SignIn) -> None:
    """Nothing happens to the receipt, and it can be proposed anew."""
    reconciler, approver = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    address = the_phi_receipt(reconciler)
    reconciler.send(f"{address}/propose", on=address, act="cancel", reason="nhầm")
    approver.send(f"{address}/decline", on=address, reason="biên lai đúng")
    assert "biên lai đúng" in reconciler.see(address)
    reconciler.send(f"{address}/propose", on=address, act="cancel", reason="nhầm")
    reconciler.send(f"{address}/take-back", on=address)
    assert "taken back" in reconciler.see(address)
    assert states(database) == ["issued", "issued"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"act": "shred", "reason": "x"}, 422),
        ({"act": "cancel", "reason": " "}, 422),
        ({"act": "cancel", "reason": "x" * 501}, 422),
    ],
)
def test_a_proposal_that_says_too_little_is_refused(
    database: Database, sign_in: SignIn, fields: dict[str, str], status: int
) -> None:
    """An act that there is not, no reason, a reason too long."""
    reconciler = sign_in(Role.RECONCILER)
    address = the_phi_receipt(reconciler)
    answer = reconciler.send(f"{address}/propose", on=address, **fields)
    assert answer.status_code == status
    assert states(database) == ["issued", "issued"]


def test_one_receipt_has_one_proposal_at_a_time(sign_in: SignIn) -> None:
    """Neither the same again nor the other act beside it."""
    reconciler = sign_in(Role.RECONCILER)
    address = the_phi_receipt(reconciler)
    before = reconciler.see(address)
    reconciler.send(f"{address}/propose", on=address, act="cancel", reason="nhầm")
    for act in ("cancel", "replace"):
        answer = reconciler.send_from(before, f"{address}/propose", act=act, reason="nhầm")
        assert answer.status_code == 409


def test_a_receipt_that_ended_meanwhile_is_not_ended_again(
    database: Database, sign_in: SignIn
) -> None:
    """The bank took the money back between proposal and approval."""
    reconciler, approver = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    address = the_phi_receipt(reconciler)
    reconciler.send(f"{address}/propose", on=address, act="replace", reason="nhầm")
    page = approver.see(address)

    def meanwhile(session: Session) -> None:
        everything = select(PaymentRequest.id)
        receipts.cancel_all(session, everything, reason="bank_reversal", by="job:x", now=NOON)

    database.write(meanwhile)
    assert approver.send_from(page, f"{address}/approve").status_code == 409
    assert states(database) == ["cancelled", "cancelled"]
    page = approver.see(address)
    assert page.count("The bank took the money back.") == 2, "of the receipt, and of the proposal"
    assert "A decision waits for a second person" not in page


def test_a_receipt_that_was_never_signed_says_so(database: Database, sign_in: SignIn) -> None:
    """It ended before: its number, why, and that there are no papers of it."""
    viewer = sign_in(Role.VIEWER)

    def unit(session: Session) -> None:
        province = the_province(session)
        request = session.scalars(select(PaymentRequest)).first()
        assert request is not None
        give_back(province, request, "phi", 10_000)
        number(province)
        give_back(province, request, "phi", 5_000)
        issue(province)

    database.write(unit)
    unsigned = database.read(lambda session: all_of(session)[2].public_id)
    page = viewer.see(f"/console/receipts/{unsigned}")
    assert "it has no papers and nobody was given it" in page
    assert "Fees were given back." in page
    assert f"{unsigned}.pdf" not in page
    assert states(database) == ["replaced", "issued", "cancelled", "issued"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR, Role.APPROVER])
def test_only_reconcilers_propose(sign_in: SignIn, role: Role) -> None:
    """And an administrator does not even see receipts."""
    person = sign_in(role)
    address = the_phi_receipt(person)
    answer = person.send(f"{address}/propose", on=address, act="cancel", reason="x")
    assert answer.status_code == 403


@pytest.mark.usefixtures("app")
def test_who_proposed_does_not_approve(database: Database) -> None:
    """Not even with both roles: refused by the verb, whatever the page shows."""

    def unit(session: Session) -> None:
        phi = all_of(session)[0]
        approval = receipts.propose(
            session, phi, receipts.Act.CANCEL, reason="nhầm", by="staff:9", now=NOON
        )
        with pytest.raises(SamePerson):
            receipts.approve(session, approval, by="staff:9", now=NOON)

    database.write(unit)
    assert states(database) == ["issued", "issued"]
