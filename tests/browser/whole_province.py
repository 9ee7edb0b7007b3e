"""A province in the middle of its work: something stands on every page there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import claims, portals, receipts
from payments.claims import Claim, Told
from payments.core import leases
from payments.core.database import Database
from payments.core.leases import Outcome
from payments.core.money import Dong
from payments.credits import Credit
from payments.documents import Document
from payments.payment_requests import PaymentRequest
from payments.receipts import Act, Receipt
from payments.staff import Role
from reconciliation.jobs.rollups import count_months_of, roll_up_changes
from tests.bank import TODAY, BankLine, a_statement, camt, run
from tests.builders import BY, NOON, Province, a_payment_request, paid, the_province
from tests.callers import a_priced_fee
from tests.console import employ, signing_in
from tests.coverage_files import Q3, ROWS, a_small_province, csv_of, taken
from tests.layout_pages import answered, drafted, save
from tests.receipts import issue, open_a_pair
from tests.refund_pages import FILES, MORNING, Here, a_treasury, approved, proposed
from tests.remittances import both_routes

STATEMENTS = "/console/statements"
FIGURES = "/console/targets/figures"
UNPAID = "000.00.12.H09-261124-0100"
TOMORROW = TODAY + timedelta(days=1)


@dataclass(frozen=True)
class Known:
    """What is behind the pages that no link of the console leads to."""

    token: str
    """Of the page of a payment with its receipts."""

    paper: str
    """The code by which anyone checks one of these."""

    unpaid: str
    """Of the page of a payment that waits."""

    owed: str
    """Of the page of a payment of which something is kept to go back."""

    missing: str
    """The code of a payment whose payer says that it was paid."""

    shift: str
    begun: tuple[str, ...]


def lived(database: Database) -> Here:
    """The province's day and morning, up to what people do in the console."""

    def unit(session: Session) -> Here:
        here = a_treasury(session)
        province = the_province(session)
        a_small_province(session)
        a_priced_fee(session)
        both_routes(province)
        _machinery(province)
        _receipted(province)
        missing = a_payment_request(province, amount=90_000, dossier="000.00.12.H09-261124-0099")
        a_payment_request(province, dossier=UNPAID)
        claims.make(session, missing, Told("FT1", TODAY, Dong(90_000), "Tôi đã nộp"), now=NOON)
        _tomorrow(province)
        employ(session, Role.CLERK)
        taken(session, Q3.after(-1))
        return here

    here = database.write(unit)
    roll_up_changes(database, now=MORNING)
    count_months_of(database, now=MORNING)
    return here


def _machinery(province: Province) -> None:
    """A portal that is told, a job that ran."""
    portals.set_endpoint(
        province.session,
        province.portal.id,
        url="http://127.0.0.1:9/hook",
        allowed_hosts=["127.0.0.1:9"],
        vault=province.vault,
        by=BY,
        now=NOON,
    )
    leases.note_run(
        province.session,
        "expire",
        scheduled_for=NOON - timedelta(minutes=1),
        outcome=Outcome.DONE,
        detail="3 expired",
        now=NOON,
    )


def _receipted(province: Province) -> None:
    """Receipts, about one of which a decision waits."""
    open_a_pair(province.session)
    paid(province, a_payment_request(province, amount=150_000, le_phi=50_000))
    told = {"reason": "sai đơn vị thu", "by": BY, "now": NOON}
    receipts.propose(province.session, issue(province)[-1], Act.CANCEL, **told)


def _tomorrow(province: Province) -> None:
    """A second day's statement: what was told late, and charges that nobody explained."""
    told = [one for one in province.credits() if one.match_id is None][:2]
    lines = [
        BankLine(int(one.amount), one.memo, reference=one.bank_reference, day=TOMORROW)
        for one in told
    ]
    charges = [BankLine(-1_100 - n, f"THU PHI SMS {n}", day=TOMORROW) for n in range(9)]
    before, now = province.balance("assets:bank"), MORNING + timedelta(hours=17)
    a_statement(province, *lines, *charges, opening=before, day=TOMORROW, number="S2", now=now)
    run(province, TOMORROW, now=now)


def worked(app: Flask, here: Here) -> Known:
    """What people begin, propose and approve in the console."""
    sign_in = signing_in(app)
    maker, checker, clerk = map(sign_in, (Role.RECONCILER, Role.APPROVER, Role.CLERK))
    saved, draft = drafted(maker), drafted(maker, name="another_bank")
    answered(maker, saved)
    save(maker, saved)
    content = camt("0011001234567", [BankLine(70_000, "NGUYEN VAN MAU nop phi")], number="S9")
    told = {"file": (BytesIO(content), "sao-ke.xml"), "then": "look"}
    offered = maker.send(STATEMENTS, on=STATEMENTS, **told).location
    said = {"quarter": str(Q3), "document": "Báo cáo số 12/BC", "dated": "2026-10-12"}
    file = {"file": (BytesIO(csv_of(ROWS)), "quy-3.csv")}
    figures = maker.send(FIGURES, on=FIGURES, **said, **file).location
    approved(maker, checker, here.credits["overpaid"])
    assert maker.send(FILES, on=FILES, account=here.account).status_code == 303
    proposed(maker, here.credits["duplicate"])
    shift = str(clerk.send("/counter", on="/counter", agency="H09").location)
    return app.extensions["cashless"].database.read(
        lambda session: _known(
            session, shift, (draft, offered, figures), kept=here.credits["after_cancel"]
        )
    )


def _known(session: Session, shift: str, begun: tuple[str, ...], *, kept: int) -> Known:
    receipt = session.scalars(select(Receipt).order_by(Receipt.id)).first()
    claim = session.scalars(select(Claim)).one()
    assert receipt is not None
    paid_for = session.get_one(PaymentRequest, receipt.payment_request_id)
    missing = session.get_one(PaymentRequest, claim.payment_request_id)
    owed = session.get_one(PaymentRequest, session.get_one(Credit, kept).payment_request_id)
    unpaid = session.scalars(select(PaymentRequest).where(PaymentRequest.dossier == UNPAID)).one()
    paper = session.scalars(select(Document.code).order_by(Document.id)).first()
    tokens = (paid_for.token, str(paper), unpaid.token, owed.token)
    return Known(*tokens, missing.reference, shift, begun)
