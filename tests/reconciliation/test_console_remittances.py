"""Forwarding fees in the console: what is due, proposing it, its papers, and the routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts
from payments.agencies import CollectionAccount
from payments.core.calendar import local_day
from payments.core.database import Database
from payments.fees import UNKNOWN_SUB_ITEM, FeeKind
from payments.payouts import Payout
from payments.staff import Role
from reconciliation import breaks
from tests.builders import (
    NOON,
    Province,
    a_fee,
    a_payment_request,
    a_province,
    checker,
    paid,
    the_province,
)
from tests.console import Person, SignIn, employ, whole_app
from tests.papers import needs_poppler, text_of
from tests.remittances import a_route, both_routes, seen

pytestmark = pytest.mark.committed

PAGE = "/console/remittances"
ROUTES = "/console/remittances/routes"
ROUTE = {
    "agency": "H09",
    "kind": "phi",
    "sub_item": "",
    "bin": "970415",
    "number": "7111001234567",
    "name": "Kho bạc Nhà nước tỉnh mẫu",
    "treasury": "KBNN tỉnh mẫu",
    "budget_account": "7111",
    "chapter": "414",
    "collector": "1054321",
    "collector_name": "Sở mẫu",
    "tax_code": "3700123456",
    "valid_from": "2026-11-24",
    "valid_to": "",
    "reason": "quyết định mẫu",
}


def a_due_fee(session: Session, *, routed: bool = True) -> Province:
    """A province with a fee on a statement, and people."""
    province = a_province(session)
    if routed:
        both_routes(province)
    paid(province, a_payment_request(province, amount=50_000, le_phi=20_000))
    seen(province)
    employ(session, Role.RECONCILER, Role.APPROVER, Role.VIEWER)
    return province


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, with a fee that is due."""
    database.write(a_due_fee)
    with whole_app(database_url, NOON) as whole:
        yield whole


def account_id(app: Flask) -> str:
    """The account as addresses name it."""
    return str(
        app.extensions["cashless"].database.read(
            lambda session: session.scalar(select(CollectionAccount.public_id))
        )
    )


def propose(app: Flask, person: Person) -> None:
    """Presses the account's button."""
    address = f"{PAGE}/{account_id(app)}/propose"
    answer = person.send(address, on=PAGE)
    assert answer.status_code == 303, answer.get_data(as_text=True)


def file_of(person: Person, address: str) -> bytes:
    """A file, in English where it has words of ours."""
    with person.client.get(address, headers={"Accept-Language": "en"}) as answer:
        assert answer.status_code == 200
        return answer.get_data()


def test_what_is_due_is_proposed_by_a_button(app: Flask, sign_in: SignIn) -> None:
    """Due and in time; then proposed, with papers; pressing again does no harm."""
    clerk = sign_in(Role.RECONCILER)
    page = clerk.see(PAGE)
    assert "50,000" in page
    assert "In time" in page
    assert "Propose what is due" in page
    propose(app, clerk)
    page = clerk.see(f"{PAGE}?came=proposed")
    assert "Proposed; another person has to approve." in page
    assert "Propose what is due" not in page
    assert page.count("C1-02/NS") == 2
    propose(app, clerk)
    assert clerk.see(PAGE).count("C1-02/NS") == 2


def test_late_fees_say_so_in_words(app: Flask, sign_in: SignIn) -> None:
    """Not by colour alone."""
    with time_machine.travel(NOON + timedelta(hours=30), tick=False):
        page = sign_in(Role.VIEWER).see(PAGE)
    assert "Late" in page
    assert "30 hours" in page
    assert "50,000 ₫ over their time" in page
    assert "Propose what is due" not in page


def test_only_a_reconciler_proposes(app: Flask, sign_in: SignIn) -> None:
    """A viewer is refused, and nothing is proposed."""
    viewer = sign_in(Role.VIEWER)
    page = sign_in(Role.RECONCILER).see(PAGE)
    assert "Propose what is due" in page
    answer = viewer.send(f"{PAGE}/{account_id(app)}/propose", on=PAGE)
    assert answer.status_code == 403
    assert "There are none." in viewer.see(PAGE)


@needs_poppler
def test_its_papers_name_the_treasury_and_every_fee(app: Flask, sign_in: SignIn) -> None:
    """The fields of C1-02/NS, and the list as CSV and as a workbook."""
    clerk = sign_in(Role.RECONCILER)
    propose(app, clerk)
    database = app.extensions["cashless"].database
    payout = database.read(
        lambda session: session.scalars(select(Payout).where(Payout.fee_kind == "phi")).one()
    )
    assert f"{PAGE}/{payout.public_id}/c1-02.pdf" in clerk.see(
        f"/console/payouts/{payout.public_id}"
    )
    told = text_of(file_of(clerk, f"{PAGE}/{payout.public_id}/c1-02.pdf"))
    for words in (
        "GIẤY NỘP TIỀN VÀO NGÂN SÁCH NHÀ NƯỚC",
        payout.code,
        "KBNN tỉnh mẫu",
        "7111001234567",
        "3700123456",
        "1054321",
        "414",
        "2721",
        "30.000",
        "Ba mươi nghìn đồng",
    ):
        assert words in told, words
    listed = file_of(clerk, f"{PAGE}/{payout.public_id}/list.csv").decode()
    head, row = listed.splitlines()
    assert head.startswith("\ufeffReference,Dossier")
    assert "TTHC" in row
    assert row.endswith("30000")
    assert file_of(clerk, f"{PAGE}/{payout.public_id}/list.xlsx").startswith(b"PK")
    for name in ("c1-02.pdf", "list.csv"):
        assert clerk.client.get(f"{PAGE}/nobody/{name}").status_code == 404


def test_a_list_has_no_code_where_no_sub_item_is_known(app: Flask, sign_in: SignIn) -> None:
    """The treasury reads a dash there, as on the slip, and no word of ours; so do our pages."""
    database = app.extensions["cashless"].database

    def unit(session: Session) -> None:
        a_fee(session, code="PHI", sub_item=UNKNOWN_SUB_ITEM)
        province = the_province(session)
        paid(province, a_payment_request(province, amount=10_000))
        seen(province)

    database.write(unit)
    clerk = sign_in(Role.RECONCILER)
    propose(app, clerk)
    lists = [
        file_of(clerk, f"{PAGE}/{number}/list.csv").decode()
        for number in database.read(lambda session: session.scalars(select(Payout.public_id)).all())
    ]
    assert any(",–," in one for one in lists)
    assert not any(UNKNOWN_SUB_ITEM in one for one in lists)
    assert "sub-item not known" in clerk.see("/console/ledger")
    report = clerk.see("/console/reports/fees")
    assert ">–</td>" in report
    assert f">{UNKNOWN_SUB_ITEM}</td>" not in report


def phi_remittance(app: Flask) -> Payout:
    """The latest remittance of phí, as it is now."""
    rows = select(Payout).where(Payout.fee_kind == "phi").order_by(Payout.id.desc()).limit(1)
    return app.extensions["cashless"].database.read(lambda session: session.scalars(rows).one())


def decide(app: Flask, verb: str, **told: str) -> None:
    """Another person decides about the latest remittance of phí."""
    number = phi_remittance(app).public_id

    def unit(session: Session) -> None:
        act = getattr(payouts, verb)
        act(
            session,
            payouts.by_public_id(session, number),
            by="staff:98" if verb == "reject" else checker(session),
            now=NOON,
            **told,
        )

    app.extensions["cashless"].database.write(unit)


def letters_of(paper: bytes) -> Counter[str]:
    """The letters on a paper: those of a mark stand apart from each other, along its diagonal."""
    return Counter("".join(text_of(paper).split()))


@needs_poppler
def test_papers_of_a_proposal_say_that_it_is_no_order(app: Flask, sign_in: SignIn) -> None:
    """Across the slip, and on every row of the list; gone when it was approved."""
    clerk = sign_in(Role.RECONCILER)
    propose(app, clerk)
    address = f"{PAGE}/{phi_remittance(app).public_id}"
    proposal = letters_of(file_of(clerk, f"{address}/c1-02.pdf"))
    assert "Waits for approval" in file_of(clerk, f"{address}/list.csv").decode()
    decide(app, "approve")
    order = letters_of(file_of(clerk, f"{address}/c1-02.pdf"))
    assert Counter("ĐỀNGHỊ–chưaduyệt") <= proposal - order
    assert not order - proposal
    listed = file_of(clerk, f"{address}/list.csv").decode()
    assert "Approved" in listed
    assert "Waits for approval" not in listed


@pytest.mark.parametrize("verbs", [("decline",), ("approve", "reject")])
def test_what_does_not_leave_has_no_papers(
    app: Flask, sign_in: SignIn, verbs: tuple[str, ...]
) -> None:
    """Refused in words of the reader's language; no page leads to them."""
    clerk = sign_in(Role.RECONCILER)
    propose(app, clerk)
    for verb in verbs:
        decide(app, verb, **({} if verb == "approve" else {"reason": "sai"}))
    number = phi_remittance(app).public_id
    for language, words in (("en", "does not leave"), ("vi", "không được chuyển nộp")):
        for name in ("c1-02.pdf", "list.csv", "list.xlsx"):
            answer = clerk.client.get(
                f"{PAGE}/{number}/{name}", headers={"Accept-Language": language}
            )
            assert answer.status_code == 409
            assert words in answer.get_data(as_text=True)
    assert f"{number}/c1-02.pdf" not in clerk.see(PAGE)
    assert f"{number}/c1-02.pdf" not in clerk.see(f"/console/payouts/{number}")


def test_a_late_fee_without_a_route_says_so_on_its_break(
    database: Database, database_url: str
) -> None:
    """Whoever works the break is led to the routes."""

    def late(session: Session) -> str:
        province = a_due_fee(session, routed=False)
        a_route(province, kind=FeeKind.LE_PHI)
        account = session.scalars(select(CollectionAccount)).one()
        day = local_day(NOON)
        later = NOON + timedelta(days=2)
        breaks.derive(session, account.id, since=day, through=day, now=later)
        found = breaks.live(session, account.id, through=day, most=9)
        return next(one.public_id for one in found if one.kind == "not_remitted_in_24h")

    number = database.write(late)
    with whole_app(database_url, NOON + timedelta(days=2)) as app:
        viewer = Person(app.test_client())
        viewer.enter(Role.VIEWER)
        page = viewer.see(f"/console/breaks/{number}")
    assert "30,000 ₫ have no route" in page
    assert f'href="{ROUTES}"' in page


def test_a_route_is_decided_by_two_persons(app: Flask, sign_in: SignIn) -> None:
    """Proposed in the form, approved by another; the one before ends where it begins."""
    clerk, approver = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    later = ROUTE | {"valid_from": "2026-11-25", "number": "7111005555555"}
    assert clerk.send(ROUTES, on=ROUTES, **later).status_code == 303
    database = app.extensions["cashless"].database
    [(route, _), *_] = database.read(lambda session: payouts.routes(session, most=9))
    assert "Approve this route" not in clerk.see(ROUTES)
    refused = clerk.send(f"{ROUTES}/{route.public_id}/approve", on=ROUTES)
    assert refused.status_code == 403
    approved = approver.send(f"{ROUTES}/{route.public_id}/approve", on=ROUTES)
    assert approved.status_code == 303
    page = clerk.see(ROUTES)
    assert "7111005555555" in page
    assert "until before" in page
    again = approver.send(f"{ROUTES}/{route.public_id}/approve", on=ROUTES)
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"agency": "H77"}, "H77"),
        ({"kind": "thue"}, "Fees are phí or lệ phí."),
        ({"bin": "000000"}, "000000"),
        ({"number": "71 11!"}, "1 to 34"),
        ({"chapter": "41"}, "“41” is not written"),
        ({"collector": "abc"}, "“abc” is not written"),
        ({"treasury": " "}, "This name is needed"),
        ({"valid_from": "2026-11-23"}, "A route holds from today on"),
        ({"valid_from": "2026-11-26", "valid_to": "2026-11-26"}, "A route holds from today on"),
        ({}, "Another route of these fees begins on that day already"),
        ({"valid_from": "2026-11-25", "reason": " "}, "reason"),
    ],
)
def test_a_wrong_route_is_refused_in_words(
    app: Flask, sign_in: SignIn, wrong: dict[str, str], words: str
) -> None:
    """With what is wrong, and nothing is kept."""
    answer = sign_in(Role.RECONCILER).send(ROUTES, on=ROUTES, **(ROUTE | wrong))
    assert 400 <= answer.status_code < 500
    assert words in answer.get_data(as_text=True)
    database = app.extensions["cashless"].database
    assert len(database.read(lambda session: payouts.routes(session, most=9))) == 2


def test_a_proposed_route_is_declined_or_taken_back(app: Flask, sign_in: SignIn) -> None:
    """By another with a reason, or by who proposed it."""
    clerk, approver = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    database = app.extensions["cashless"].database
    for verb, person in (("decline", approver), ("withdraw", clerk)):
        later = ROUTE | {"valid_from": "2026-11-25"}
        assert clerk.send(ROUTES, on=ROUTES, **later).status_code == 303
        [(route, _), *_] = database.read(lambda session: payouts.routes(session, most=9))
        answer = person.send(f"{ROUTES}/{route.public_id}/{verb}", on=ROUTES, reason="sai mã")
        assert answer.status_code == 303
    page = clerk.see(ROUTES)
    assert "Declined" in page
    assert "Withdrawn" in page


def test_the_list_goes_on_to_a_second_page(database: Database, database_url: str) -> None:
    """Fifty to a page, the newest first."""

    def many(session: Session) -> None:
        province: Province = a_province(session)
        a_route(province)
        for number in range(52):
            paid(province, a_payment_request(province, amount=10_000 + number))
            seen(province)
            payouts.propose_remittances(
                session, province.account, by="job:remit", now=NOON, vault=province.vault
            )
        employ(session, Role.VIEWER)

    database.write(many)
    with whole_app(database_url, NOON) as app:
        viewer = Person(app.test_client())
        viewer.enter(Role.VIEWER)
        first = viewer.see(PAGE)
        assert first.count("C1-02/NS") == 50
        address = first.split("before=")[1].split('"')[0]
        assert viewer.see(f"{PAGE}?before={address}").count("C1-02/NS") == 2
        assert viewer.client.get(f"{PAGE}?before=x").status_code == 422
