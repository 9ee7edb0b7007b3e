"""The form by which a refund is proposed, and the breaks it begins at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts, policies
from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.core.money import Dong
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from payments.payouts import AskedBack, Payout
from payments.staff import Role
from tests.bank import TODAY
from tests.builders import NOON, a_vault
from tests.console import Person, SignIn, whole_app
from tests.refund_pages import (
    MORNING,
    OTHER,
    PAYER,
    PAYOUTS,
    Here,
    a_treasury,
    breaks_of,
    do,
    form_of,
    propose,
    proposed,
    text_of,
)

PAYERS = {"bin": "970422", "account": PAYER, "name": "Nguyễn Văn Mẫu"}
"""The payer's account; the bank has the name in capitals without accents."""

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


def filled(page: str, name: str) -> str:
    """What stands in a field of the form."""
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def payouts_there(database: Database) -> list[tuple[int, str]]:
    """The amount and reason of every payout."""
    rows = select(Payout.amount, Payout.reason).order_by(Payout.id)
    return database.read(
        lambda session: [(row.amount, row.reason) for row in session.execute(rows)]
    )


def decision_proposed(maker: Person, database: Database, about: str) -> None:
    """A decision about a break waits for a second person, as everything does now."""

    def everything_takes_two(session: Session) -> None:
        told = {"valid_from": TODAY, "by": "staff:9", "now": NOON}
        policies.decide(session, "second_person_amount", 0, **told)

    database.write(everything_takes_two)
    told = {"action": "wait", "until": "2026-12-01", "reason": "chờ"}
    assert maker.send(f"{about}/decide", on=about, **told).status_code == 303


KINDS = {
    "overpaid": (20_000, "held"),
    "duplicate": (50_000, "held"),
    "after_cancel": (50_000, "held"),
    "short": (20_000, "held"),
    "unidentified": (30_000, "unidentified"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_refund_begins_at_its_break(
    maker: Person, here: Here, database: Database, kind: str
) -> None:
    """The form is filled with what is there and who paid; proposed, the break says so."""
    credit, (amount, part) = here.credits[kind], KINDS[kind]
    about = breaks_of(database, credit)
    assert form_of(credit) in maker.see(about)

    page = maker.see(form_of(credit))
    assert (filled(page, "amount"), filled(page, "part")) == (str(amount), part)
    assert (filled(page, "account"), filled(page, "name")) == (PAYER, "NGUYEN VAN MAU")
    assert ("readonly" in page) == (kind == "short")

    payout = proposed(maker, credit, part=part, amount=str(amount))
    page = maker.see(about)
    assert "A refund waits for its approvers" in page
    assert payout in page
    assert f"Proposed to give {amount:,}" in page
    assert form_of(credit) not in page


def test_nothing_else_is_decided_about_its_money_meanwhile(
    maker: Person, sign_in: SignIn, here: Here, database: Database
) -> None:
    """Also by a form that was seen before; taken back, everything may be decided again."""
    about = breaks_of(database, here.credits["duplicate"])
    before = maker.see(about)
    payout = proposed(maker, here.credits["duplicate"], amount="50000")
    assert 'name="action"' not in maker.see(about)
    wait = {"action": "wait", "until": "2026-12-01", "reason": "chờ"}
    refused = maker.send_from(before, f"{about}/decide", **wait)
    assert (refused.status_code, "waits for its approvers" in text_of(refused)) == (409, True)
    do(maker, payout, "withdraw", reason="nhầm")
    assert maker.send(f"{about}/decide", on=about, **wait).status_code == 303


def test_a_refund_is_no_decision_of_the_break_itself(
    maker: Person, here: Here, database: Database
) -> None:
    """It has a form of its own: sent as a decision it is refused, and nothing is proposed."""
    about = breaks_of(database, here.credits["overpaid"])
    answer = maker.send(f"{about}/decide", on=about, action="refund", reason="x")
    assert answer.status_code == 409
    assert payouts_there(database) == []


def test_a_proposed_decision_stands_before_a_refund(
    maker: Person, here: Here, database: Database
) -> None:
    """What waits for a second person about the same money is decided first."""
    credit = here.credits["duplicate"]
    shown = maker.see(form_of(credit))
    about = breaks_of(database, credit)

    decision_proposed(maker, database, about)
    fields = {"part": "held", "amount": "1", **PAYERS}
    answer = maker.send_from(shown, form_of(credit), reason="x", **fields)
    assert answer.status_code == 409
    assert payouts_there(database) == []


def test_a_portals_refund_stands_before_a_proposed_decision(
    maker: Person, sign_in: SignIn, here: Here, database: Database
) -> None:
    """A portal knows of no breaks: what it proposes is decided before a decision is approved."""
    credit = here.credits["duplicate"]
    about = breaks_of(database, credit)
    decision_proposed(maker, database, about)

    def by_portal(session: Session) -> str:
        request = session.get_one(
            PaymentRequest, session.get_one(Credit, credit).payment_request_id
        )
        to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
        asked = AskedBack(to, "nộp trùng", excess=Dong(50_000))
        told = {"by": f"portal:{request.portal_id}", "now": NOON, "vault": a_vault()}
        [made] = payouts.propose_refunds(session, request, asked, **told)
        return made.public_id

    payout = f"{PAYOUTS}/{database.write(by_portal)}"
    checker = sign_in(Role.APPROVER)
    refused = checker.send(f"{about}/approve", on=about)
    assert (refused.status_code, "waits for its approvers" in text_of(refused)) == (409, True)
    assert do(checker, payout, "decline", reason="chưa rõ").status_code == 303
    assert checker.send(f"{about}/approve", on=about).status_code == 303


def test_fees_are_given_back_by_line(maker: Person, here: Here, database: Database) -> None:
    """Each filled with all that is left; a line left empty gives nothing."""
    credit = here.credits["overpaid"]
    page = maker.see(form_of(credit, "fees"))
    [line] = re.findall(r'name="(line-\d+)"', page)
    assert filled(page, line) == "50000"
    assert form_of(credit, "held") in page
    assert propose(maker, credit, part="fees", **{line: ""}).status_code == 422
    assert propose(maker, credit, part="fees", **{line: "50001"}).status_code == 409
    proposed(maker, credit, part="fees", **{line: "10.000"}, reason="tính sai phí")
    assert payouts_there(database) == [(10_000, "tính sai phí")]
    assert filled(maker.see(form_of(credit, "fees")), line) == "40000"


@pytest.mark.parametrize(("credit", "part"), [("overpaid", "held"), ("unknown", "unidentified")])
def test_another_account_is_warned_of_and_confirmed(
    maker: Person, here: Here, database: Database, credit: str, part: str
) -> None:
    """Nothing is proposed before it is said that it is meant; what was written stays."""
    told: dict[str, Any] = {"part": part, "account": OTHER, "reason": "giấy ủy quyền"}
    answer = propose(maker, here.credits[credit], **told)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert 'name="elsewhere"' in page
    assert "Nothing was proposed yet" in page
    assert (filled(page, "account"), filled(page, "amount")) == (OTHER, "20.000")
    assert "giấy ủy quyền" in page
    assert payouts_there(database) == []
    payout = proposed(maker, here.credits[credit], elsewhere="1", **told)
    assert "another account than it came from" in maker.see(payout)


WRONG = [
    ({"amount": "x"}, 422, "whole đồng"),
    ({"amount": ""}, 422, "whole đồng"),
    ({"amount": "-1"}, 422, "whole đồng"),
    ({"amount": "1e3"}, 422, "whole đồng"),
    ({"amount": "9" * 13}, 422, "whole đồng"),
    ({"amount": "0"}, 422, ""),
    ({"amount": "20001"}, 409, "No more can be given back"),
    ({"bin": ""}, 422, "Please choose the bank."),
    ({"bin": "000000"}, 422, ""),
    ({"account": "12-34"}, 422, ""),
    ({"name": "!!"}, 422, ""),
    ({"reason": " "}, 422, ""),
    ({"reason": "x" * 501}, 422, ""),
    ({"seen": "x"}, 409, "changed since the form was opened"),
]


def test_what_is_wrong_is_said_on_the_form(maker: Person, here: Here, database: Database) -> None:
    """With all that was written in; nothing is proposed."""
    for wrong, status, words in WRONG:
        answer = propose(maker, here.credits["overpaid"], **wrong)
        page = answer.get_data(as_text=True)
        assert answer.status_code == status, wrong
        assert 'id="refusal"' in page, wrong
        assert words in page, wrong
        assert filled(page, "name") == wrong.get("name", "NGUYEN VAN MAU"), wrong
    assert propose(maker, here.credits["overpaid"], part="fees").status_code == 422
    assert maker.client.get(form_of(here.credits["overpaid"], "x")).status_code == 422
    assert payouts_there(database) == []


def test_a_part_of_a_request_goes_back_whole(maker: Person, here: Here) -> None:
    """The form holds its amount fast; another is refused."""
    answer = propose(maker, here.credits["short"], amount="19999")
    assert (answer.status_code, "whole" in text_of(answer)) == (409, True)


def test_sent_twice_it_is_proposed_once(maker: Person, here: Here, database: Database) -> None:
    """The second finds that the money is divided otherwise than it was shown."""
    credit = here.credits["overpaid"]
    shown = maker.see(form_of(credit))
    told = {
        "part": "held",
        "amount": "5000",
        **PAYERS,
    }
    sent = [maker.send_from(shown, form_of(credit), reason="x", **told) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [303, 409]
    assert len(payouts_there(database)) == 1


def test_what_no_statement_shows_has_no_form(maker: Person, here: Here) -> None:
    """The page says why; a form made up is refused."""
    credit = here.credits["unseen"]
    page = maker.see(form_of(credit))
    assert "Only money that stands on a bank statement" in page
    assert 'name="amount"' not in page
    told = {
        "part": "unidentified",
        "amount": "1",
        **PAYERS,
    }
    answer = maker.send(form_of(credit), on=form_of(credit), seen="x", reason="x", **told)
    assert answer.status_code == 409


def test_all_given_back_leaves_nothing_to_propose(maker: Person, here: Here) -> None:
    """The page names the refunds there are."""
    credit = here.credits["after_cancel"]
    payout = proposed(maker, credit, amount="50000")
    page = maker.see(form_of(credit))
    assert "Nothing of this money is left" in page
    assert payout in page
    assert payout in maker.see(f"/console/credits/{credit}")


def test_who_opened_the_form_and_saw_the_payer_is_written_down(
    maker: Person, here: Here, database: Database
) -> None:
    """Not where the payer is not known."""

    def seen() -> list[str]:
        rows = select(AuditEntry.subject).where(AuditEntry.action == "credit.payer_opened")
        return database.read(lambda session: list(session.scalars(rows)))

    maker.see(form_of(here.credits["unknown"]))
    assert seen() == []
    maker.see(form_of(here.credits["overpaid"]))
    assert seen() == [f"credit:{here.credits['overpaid']}"]


def test_the_pages_of_the_request_name_its_refunds(
    maker: Person, here: Here, database: Database
) -> None:
    """And what of it was refunded."""
    payout = proposed(maker, here.credits["overpaid"])
    assert payout in maker.see(f"/console/requests/{here.reference}")
    held = database.read(lambda s: s.get_one(Credit, here.credits["overpaid"]).held)
    assert held == 20_000, "nothing moves before it is approved"


def name(database: Database, credit: int, number: str) -> None:
    """The payer of a credit's request names an account at MB in the payer's name."""

    def unit(session: Session) -> None:
        request = session.get_one(
            PaymentRequest, session.get_one(Credit, credit).payment_request_id
        )
        to = payouts.beneficiary("970422", number, "NGUYEN VAN MAU")
        payouts.name_account(session, request, to, now=MORNING, vault=a_vault())

    database.write(unit)


def test_the_form_is_filled_in_with_the_account_that_the_payer_named(
    maker: Person, here: Here, database: Database
) -> None:
    """Where it is the one that the money came from: with its bank, and who looked is written."""
    credit = here.credits["overpaid"]
    name(database, credit, PAYER)
    form = maker.see(form_of(credit))
    assert "Filled in is the account that the payer named" in form
    assert 'value="970422" selected' in form
    assert f'value="{PAYER}"' in form
    looked = select(AuditEntry.actor).where(AuditEntry.action == "refund_account.opened")
    assert len(database.read(lambda session: list(session.scalars(looked)))) == 1
    page = maker.see(proposed(maker, credit))
    assert "The payer named this account on the payment" in page
    assert "MB Bank" in maker.see(f"/console/requests/{here.reference}")
    assert "named by the payer" in maker.see(breaks_of(database, credit))


def test_another_account_that_the_payer_named_is_offered_not_filled_in(
    maker: Person, here: Here, database: Database
) -> None:
    """One click fills it in; that it goes elsewhere still takes its reason and a third person."""
    credit = here.credits["overpaid"]
    name(database, credit, PAYER)
    name(database, credit, OTHER)
    form = maker.see(form_of(credit))
    assert f'value="{PAYER}"' in form
    assert "The payer named another account" in form
    assert OTHER in form
    assert "2 were named" in form
    filled = maker.see(f"{form_of(credit)}?part=held&to=named")
    assert f'value="{OTHER}"' in filled
    assert "goes to another account" not in maker.see(proposed(maker, credit, amount="5000"))
    answer = propose(maker, credit, account=OTHER, amount="5000")
    assert answer.status_code == 200
    assert "is not the one that the money came from" in answer.get_data(as_text=True)
    assert maker.client.get(f"{form_of(credit)}?to=anything").status_code == 422


def test_the_form_that_asks_again_says_only_what_is_so(
    maker: Person, here: Here, database: Database
) -> None:
    """What was typed is not said to be filled in; what the payer named stands beside it."""
    credit = here.credits["overpaid"]
    name(database, credit, OTHER)
    page = propose(maker, credit, account=OTHER).get_data(as_text=True)
    assert "is not the one that the money came from" in page
    assert "Filled in is" not in page
    assert "The payer named on the payment&#39;s page" in page


def test_who_decides_sees_what_the_payer_named_since(
    maker: Person, here: Here, database: Database, sign_in: SignIn
) -> None:
    """From a page on which it did not stand nothing is approved; the same account is the same."""
    credit = here.credits["overpaid"]
    payout = proposed(maker, credit, amount="5000")
    checker = sign_in(Role.APPROVER)
    old = checker.see(payout)
    name(database, credit, PAYER)
    assert "The payer named this account" in maker.see(payout), "named after it was proposed"
    assert checker.send_from(old, f"{payout}/approve").status_code == 409
    name(database, credit, OTHER)
    name(database, credit, PAYER)
    assert "The payer named this account" in maker.see(payout), "named anew"
    assert do(checker, payout, "approve").status_code == 303


def test_who_names_another_account_after_the_proposal_is_told_to_whoever_approves(
    maker: Person, here: Here, database: Database
) -> None:
    """The approver sees it before the money leaves."""
    credit = here.credits["overpaid"]
    name(database, credit, PAYER)
    payout = proposed(maker, credit, amount="5000")
    name(database, credit, OTHER)
    page = maker.see(payout)
    assert "named another one since" in page
    assert "…3456" in page
    assert "The payer named another account" in maker.see(proposed(maker, credit, amount="5000"))
