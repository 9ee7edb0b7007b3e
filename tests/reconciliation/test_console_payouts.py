"""The pages of payouts: who lets money leave there, the files it is sent in, who may see what."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts
from payments.core import clock
from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.core.money import Dong
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from payments.payouts import AskedBack
from payments.staff import Role
from reconciliation import day_close, proof
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import NOON, a_vault, the_province
from tests.console import Person, SignIn, whole_app
from tests.refund_pages import (
    FILES,
    MORNING,
    OTHER,
    PAYER,
    PAYOUTS,
    SECOND,
    Here,
    a_treasury,
    approved,
    breaks_of,
    do,
    listed,
    many,
    proposed,
    text_of,
)

pytestmark = pytest.mark.committed


@pytest.fixture
def here(database: Database) -> Here:
    """Money to give back, and people of every role."""
    return database.write(a_treasury)


@pytest.fixture
def app(here: Here, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


@pytest.fixture
def maker(sign_in: SignIn) -> Person:
    """Who proposes."""
    return sign_in(Role.RECONCILER)


@pytest.fixture
def checker(sign_in: SignIn) -> Person:
    """Who approves."""
    return sign_in(Role.APPROVER)


@pytest.fixture
def second(app: Flask) -> Person:
    """Who approves too."""
    person = Person(app.test_client())
    told = {"username": SECOND, "password": "a long enough password"}
    assert person.send("/sign-in", on="/sign-in", **told).status_code == 303
    return person


def audited(database: Database, action: str) -> list[str]:
    """Who did something, in order."""
    rows = select(AuditEntry.actor).where(AuditEntry.action == action).order_by(AuditEntry.id)
    return database.read(lambda session: list(session.scalars(rows)))


def proves(database: Database) -> None:
    """Every identity of the account holds."""
    found = database.read(lambda session: proof.prove(session, account=1))
    assert [one for one in found if not one.holds] == []


def test_before_anything_is_paid_out_the_page_says_how(maker: Person) -> None:
    """An empty list, no file, nothing that waits."""
    assert "Nothing has been paid out yet" in maker.see(PAYOUTS)
    page = maker.see(FILES)
    assert "Nothing waits to be sent" in page
    assert "No file was made yet" in page


def test_the_list_is_searched_by_its_address(maker: Person, checker: Person, here: Here) -> None:
    """By state, kind, account, and a code however it is written; else it says there is none."""
    first = proposed(maker, here.credits["overpaid"], amount="5000")
    approved(maker, checker, here.credits["duplicate"], amount="50000")
    [newest, oldest] = listed(maker.see(PAYOUTS))
    assert oldest in maker.see(first)
    spelled = f"{oldest[:4].lower()} {oldest[4:8]}"
    found = {
        "state=proposed": [oldest],
        "state=approved": [newest],
        "state=paid_out": [],
        "kind=refund": [newest, oldest],
        "kind=remittance": [],
        f"account={here.account}": [newest, oldest],
        f"text={spelled}": [oldest],
        f"text={here.reference}": [oldest],
        "text=%25": [],
        f"state=approved&text={oldest}": [],
    }
    for query, codes in found.items():
        page = maker.see(f"{PAYOUTS}?{query}")
        assert listed(page) == codes, query
        assert ("Nothing is like that" in page) == (not codes), query
    for wrong in ("state=x", "kind=x", "cursor=x", "state=proposed&state=filed", "x=1"):
        assert maker.client.get(f"{PAYOUTS}?{wrong}").status_code == 422, wrong
    assert maker.client.get(f"{PAYOUTS}?account=x").status_code == 404


def test_the_list_goes_on_with_what_is_searched_for(
    maker: Person, here: Here, database: Database
) -> None:
    """Twenty on a page; the second keeps the question."""
    many(database, here.credits["overpaid"])
    first = maker.see(f"{PAYOUTS}?state=proposed")
    [more] = re.findall(rf'href="({PAYOUTS}\?cursor=[^"#]+)', first)
    assert "state=proposed" in more
    rest = maker.see(more.replace("&amp;", "&"))
    assert (len(listed(first)), len(listed(rest))) == (20, 1)
    assert "More payouts" not in rest


def test_one_proposes_and_another_approves(
    maker: Person, checker: Person, here: Here, database: Database
) -> None:
    """The page says each step by whom; what its credit held has left it, and its break is gone."""
    credit = here.credits["overpaid"]
    about = breaks_of(database, credit)
    payout = proposed(maker, credit)
    page = checker.see(payout)
    for told in ("Waits for approval", "nộp thừa", "Ms reconciler", here.reference, "…2233"):
        assert told in page, told
    assert PAYER not in page
    assert do(checker, payout, "approve").status_code == 303
    page = checker.see(payout)
    for told in ("Approved", "Ms approver", "waits to be put into a payment file"):
        assert told in page, told
    assert "Its cause is gone" in maker.see(about)
    assert database.read(lambda s: s.get_one(Credit, credit).refunded) == 20_000
    proves(database)


def test_another_account_takes_two_approvers(
    maker: Person, checker: Person, second: Person, here: Here
) -> None:
    """Told in red on every page of it; who approved first is told that it takes another."""
    told = {"account": OTHER, "elsewhere": "1"}
    payout = proposed(maker, here.credits["overpaid"], **told)
    shown = checker.see(payout)
    assert "goes to another account than it came from" in shown
    assert do(checker, payout, "approve").status_code == 303
    page = checker.see(payout)
    assert "It waits for a third person" in page
    assert "a further person approves it too" in page
    assert f"{payout}/approve" not in page
    again = checker.send_from(second.see(payout) and page, f"{payout}/approve")
    assert again.status_code == 409, "the page that it was sent from no longer offers it"
    seen = re.findall(r'name="seen" value="([^"]+)"', second.see(payout))[0]
    refused = checker.send_from(page, f"{payout}/approve", seen=seen)
    assert (refused.status_code, "You approved this before" in text_of(refused)) == (403, True)
    assert do(second, payout, "approve").status_code == 303
    assert "Ms second" in maker.see(payout)


def test_who_proposed_it_is_not_offered_to_approve_it(maker: Person, here: Here) -> None:
    """And the form alone is refused: a maker has not the role of an approver at all."""
    payout = proposed(maker, here.credits["overpaid"])
    page = maker.see(payout)
    assert "You proposed this; another person approves it" in page
    for verb in ("approve", "decline", "reject"):
        assert f"{payout}/{verb}" not in page
        assert do(maker, payout, verb, reason="x").status_code == 403, verb


def test_a_form_seen_before_it_was_decided_is_refused(
    maker: Person, checker: Person, second: Person, here: Here
) -> None:
    """Whatever it says: nobody decides about a payout that is no longer as they saw it."""
    payout = proposed(maker, here.credits["overpaid"])
    old, mine = second.see(payout), maker.see(payout)
    assert do(checker, payout, "decline", reason="sai tài khoản").status_code == 303
    for person, page, verb in (
        (second, old, "approve"),
        (second, old, "decline"),
        (maker, mine, "withdraw"),
    ):
        answer = person.send_from(page, f"{payout}/{verb}", reason="x")
        assert (answer.status_code, "no longer" in text_of(answer)) == (409, True), verb
    assert "sai tài khoản" in maker.see(payout)


def test_declined_or_taken_back_its_money_is_free_again(
    maker: Person, checker: Person, here: Here
) -> None:
    """Both with a reason, and none is refused; each is told on the page."""
    credit = here.credits["overpaid"]
    for person, verb, told in ((checker, "decline", "Declined"), (maker, "withdraw", "Taken back")):
        payout = proposed(maker, credit)
        assert do(person, payout, verb, reason=" ").status_code == 422, verb
        assert do(person, payout, verb, reason="chưa rõ").status_code == 303, verb
        page = maker.see(payout)
        assert told in page
        assert "chưa rõ" in page


def test_what_never_left_is_given_back_anew(
    maker: Person, checker: Person, here: Here, database: Database
) -> None:
    """Approved or in a file; the break of its money comes back by itself."""
    credit = here.credits["overpaid"]
    payout = approved(maker, checker, credit)
    assert maker.send(FILES, on=FILES, account=here.account).status_code == 303
    assert "Ask the bank first" in checker.see(payout)
    assert "another approver does" in checker.see(payout)
    assert do(checker, payout, "reject", reason="ngân hàng từ chối").status_code in (403, 409)

    def rejected(session: Session) -> None:
        one = payouts.by_public_id(session, payout.rpartition("/")[2])
        payouts.reject(session, one, reason="ngân hàng từ chối", by="staff:99", now=clock.now())
        day_close.renew_breaks(session, one.collection_account_id, now=clock.now())

    database.write(rejected)
    assert "Never left" in checker.see(payout)
    assert "Its cause is gone" not in maker.see(breaks_of(database, credit))
    assert do(checker, payout, "reject", reason="lần nữa").status_code == 409
    approved(maker, checker, credit)
    proves(database)


def test_the_whole_account_is_shown_to_those_who_must_see_it(
    sign_in: SignIn, maker: Person, checker: Person, here: Here, database: Database
) -> None:
    """Not by itself, not to others, and who looked is written down and shown."""
    payout = proposed(maker, here.credits["overpaid"])
    for role in (Role.VIEWER, Role.AUDITOR):
        person = sign_in(role)
        assert "Show the whole account" not in person.see(payout)
        assert do(person, payout, "account").status_code == 403
    answer = do(checker, payout, "account")
    assert answer.status_code == 200
    assert PAYER in answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(audited(database, "payout.beneficiary_opened")) == 1
    page = maker.see(payout)
    assert PAYER not in page
    assert "Looked at the whole account" in page


def test_a_file_is_made_and_taken_byte_for_byte(
    maker: Person, checker: Person, here: Here, database: Database
) -> None:
    """Count and sum before and in it; both forms as their hashes say; who took one is audited."""
    for credit, amount in (("overpaid", "20000"), ("duplicate", "50000")):
        approved(maker, checker, here.credits[credit], amount=amount)
    page = maker.see(FILES)
    assert "70,000" in page
    made = maker.send(FILES, on=FILES, account=here.account)
    assert made.status_code == 303
    file = made.location
    page = maker.see(file)
    assert "70,000" in page
    assert len(listed(page)) == 2
    for form, media_type in (
        ("xml", "application/xml"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ):
        taken = [checker.client.get(f"{file}.{form}") for _ in range(2)]
        assert {one.status_code for one in taken} == {200}
        assert {one.mimetype for one in taken} == {media_type}
        assert taken[0].data == taken[1].data
        assert hashlib.sha256(taken[0].data).hexdigest() in page
        assert f'.{form}"' in taken[0].headers["Content-Disposition"]
    assert len(audited(database, "payment_file.downloaded")) == 4
    assert checker.client.get(f"{file}.pdf").status_code == 404
    assert maker.send(FILES, on=FILES, account=here.account).status_code == 409
    assert "Nothing waits to be sent" in maker.see(FILES)
    assert made.location in maker.see(FILES)
    proves(database)


def test_the_statement_that_shows_it_leaving_is_linked_both_ways(
    maker: Person, checker: Person, here: Here, database: Database
) -> None:
    """From the payout to the match of its line, and from there back."""
    payout = approved(maker, checker, here.credits["overpaid"])
    maker.send(FILES, on=FILES, account=here.account)
    [code] = set(re.findall(r"CHTR\d{10}", maker.see(payout)))

    def unit(session: Session) -> None:
        province, day = the_province(session), TODAY + timedelta(days=1)
        before = province.balance("assets:bank")
        line = BankLine(-20_000, f"{code} hoan phi", day=day)
        a_statement(province, line, opening=before, day=day, number="S2")
        run(province, day)

    database.write(unit)
    page = maker.see(payout)
    assert "Paid out" in page
    assert "Seen leaving on the statement of 25 Nov 2026" in page
    [match] = re.findall(r'href="(/console/matches/\d+)"', page)
    assert payout in maker.see(match)
    proves(database)


def test_the_list_of_files_goes_on(maker: Person, here: Here, database: Database) -> None:
    """Twenty on a page."""
    many(database, here.credits["overpaid"], filed=True)
    first = maker.see(FILES)
    [more] = re.findall(rf'href="({FILES}\?cursor=[^"#]+)', first)
    pages = [len(re.findall(r">CHTR-\d+-\d+-\d+<", page)) for page in (first, maker.see(more))]
    assert pages == [20, 1]
    assert maker.client.get(f"{FILES}?cursor=x").status_code == 422


def test_a_portals_proposal_names_the_portal(
    maker: Person, checker: Person, here: Here, database: Database
) -> None:
    """It waits for the treasury like any other; a reconciler can't take it back."""

    def unit(session: Session) -> str:
        found = select(PaymentRequest).where(PaymentRequest.reference == here.reference)
        request = session.scalars(found).one()
        to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
        asked = AskedBack(to, "nộp thừa", excess=Dong(20_000))
        by = f"portal:{request.portal_id}"
        [made] = payouts.propose_refunds(session, request, asked, by=by, now=NOON, vault=a_vault())
        return made.public_id

    payout = f"{PAYOUTS}/{database.write(unit)}"
    page = maker.see(payout)
    assert "Portal portal 0011001234567" in page
    assert f"{payout}/withdraw" not in page
    assert do(checker, payout, "approve").status_code == 303


def test_addresses_of_nothing_are_not_there(maker: Person, here: Here) -> None:
    """404 for a payout, a file or a credit that does not exist."""
    for path in (f"{PAYOUTS}/x", f"{FILES}/x", f"{FILES}/x.xml", "/console/credits/999/refund"):
        assert maker.client.get(path).status_code == 404, path
