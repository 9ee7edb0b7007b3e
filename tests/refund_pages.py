"""A treasury with money to give back, and how its people do that on the console's pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from payments import payment_requests, payouts, staff
from payments.agencies import CollectionAccount
from payments.core.database import Database
from payments.core.money import Dong
from payments.credits import Credit
from payments.payment_requests import CancelReason
from payments.payouts import Part, Wanted
from payments.staff import Role
from reconciliation.breaks import Break
from tests.bank import BankLine, a_statement, run
from tests.builders import (
    BY,
    NOON,
    a_message,
    a_payment_request,
    a_province,
    a_vault,
    checker,
    paid,
    settle,
)
from tests.console import PASSWORD, Person, employ

PAYOUTS = "/console/payouts"
FILES = "/console/payment-files"
MORNING = NOON + timedelta(hours=20)
PAYER, OTHER = "9704229200112233", "0071000123456"
SECOND = "second"
"""The user name of a further approver."""


@dataclass(frozen=True)
class Here:
    """The account's public id, and the credits by what they were found to be."""

    account: str
    credits: dict[str, int]
    reference: str


def a_treasury(session: Session) -> Here:
    """One credit of each kind whose money waits to be given back, all seen but the last."""
    province = a_province(session)
    over, twice, gone = (a_payment_request(province) for _ in range(3))
    paid(province, over, 70_000, payer=PAYER)
    for _ in range(2):
        paid(province, twice, payer=PAYER)
    payment_requests.cancel(session, gone, reason=CancelReason.OTHER, now=NOON)
    paid(province, gone, payer=PAYER)
    paid(province, a_payment_request(province, le_phi=10_000), 20_000, payer=PAYER)
    for reference, payer in (("FT1", PAYER), ("FT2", None)):
        a_message(province, "nop phi", amount=30_000, reference=reference, payer=payer)
    settle(province)
    lines = [
        BankLine(int(one.amount), one.memo, reference=one.bank_reference)
        for one in province.credits()
    ]
    a_statement(province, *lines)
    run(province)
    a_message(province, "chua co", amount=9_000, payer=PAYER)
    settle(province)
    employ(session, *[role for role in Role if role is not Role.CLERK])
    told = {"name": "Ms second", "password": PASSWORD, "roles": [Role.APPROVER]}
    staff.add(session, SECOND, by="command:test", now=NOON, **told)
    found: dict[str, int] = {}
    for one in province.credits():
        name = str(one.finding)
        found["unseen" if one.match_id is None else "unknown" if name in found else name] = one.id
    return Here(province.account.public_id, found, over.reference)


def form_of(credit: int, part: str = "") -> str:
    """The address of the form by which a refund of a credit is proposed."""
    return f"/console/credits/{credit}/refund" + (f"?part={part}" if part else "")


def propose(person: Person, credit: int, **told: Any) -> TestResponse:
    """What the form answers; `told` changes what is written in."""
    fields = {
        "part": "held",
        "amount": "20.000",
        "bin": "970422",
        "account": PAYER,
        "name": "NGUYEN VAN MAU",
        "reason": "nộp thừa",
        **told,
    }
    shown = person.see(form_of(credit, str(fields["part"])))
    return person.send_from(shown, form_of(credit), **fields)


def proposed(person: Person, credit: int, **told: Any) -> str:
    """The address of the payout that the form proposed."""
    answer = propose(person, credit, **told)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.location)


def do(person: Person, payout: str, verb: str, **told: Any) -> TestResponse:
    """What a form on a payout's page answers."""
    return person.send(f"{payout}/{verb}", on=payout, **told)


def approved(maker: Person, checker: Person, credit: int, **told: Any) -> str:
    """The address of a payout that one proposed and another approved."""
    payout = proposed(maker, credit, **told)
    assert do(checker, payout, "approve").status_code == 303
    return payout


def many(database: Database, credit: int, *, filed: bool = False) -> None:
    """Twenty-one refunds of one đồng each, proposed, or each approved and in a file of its own."""

    def unit(session: Session) -> None:
        found, vault = session.get_one(Credit, credit), a_vault()
        to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
        account = session.get_one(CollectionAccount, found.collection_account_id)
        for _ in range(21):
            wanted = Wanted(Part.HELD, to, "nộp thừa", amount=Dong(1))
            one = payouts.propose_refund(session, found, wanted, by=BY, now=NOON, vault=vault)
            if filed:
                payouts.approve(session, one, by=checker(session), now=NOON)
                payouts.file_all(session, account, by=BY, now=NOON, vault=vault)

    database.write(unit)


def breaks_of(database: Database, credit: int) -> str:
    """The address of the break of a credit's money."""

    def unit(session: Session) -> str:
        rows = select(Break.public_id).where(Break.leg == "settlement", Break.key == str(credit))
        return f"/console/breaks/{session.scalars(rows).one()}"

    return database.read(unit)


def text_of(answer: TestResponse) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True)))


def listed(page: str) -> list[str]:
    """The codes of the payouts that a page lists."""
    return re.findall(rf'href="{PAYOUTS}/[0-9a-f-]{{36}}">(CHTR\d+)', page)
