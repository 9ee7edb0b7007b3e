"""Builders of refunds: out of what a payer paid too much, to the account it came from."""

from __future__ import annotations

from datetime import datetime, timedelta

from payments import payouts
from payments.agencies import CollectionAccount
from payments.core.money import Dong
from payments.credits import Credit
from payments.payouts import Part, PaymentFile, Payout, Wanted
from tests.bank import BankLine, a_statement, run
from tests.builders import BY, NOON, Province, a_message, a_payment_request, checker, settle

PAYER = "9704229200112233"
OTHER = "staff:2"


def seen_overpaid(province: Province, *beyond: int) -> list[Credit]:
    """Credits of requests that were paid with so much too much, seen on one statement."""
    early = NOON - timedelta(hours=3)
    lines = []
    for too_much in beyond:
        reference = a_payment_request(province, now=early).reference
        a_message(province, reference, amount=50_000 + too_much, payer=PAYER)
        lines.append(BankLine(50_000 + too_much, reference, payer=PAYER))
    settle(province)
    a_statement(province, *lines)
    run(province)
    credits = list(province.credits())
    assert all(one.match_id for one in credits)
    return credits


def wanted(amount: int, part: Part = Part.HELD) -> Wanted:
    """So much of what is held, to whom it came from."""
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    return Wanted(part=part, to=to, reason="nộp thừa", amount=Dong(amount))


def approved(province: Province, credit: Credit, amount: int, *, now: datetime = NOON) -> Payout:
    """A refund proposed by one person and approved by another."""
    session = province.session
    asked = wanted(amount)
    payout = payouts.propose_refund(session, credit, asked, by=BY, now=now, vault=province.vault)
    assert payouts.approve(session, payout, by=checker(session), now=now)
    return payout


def filed(province: Province, *, now: datetime = NOON) -> PaymentFile:
    """All that was approved, put into one file."""
    account = province.session.get_one(CollectionAccount, province.account.id)
    return payouts.file_all(province.session, account, by=BY, now=now, vault=province.vault)
