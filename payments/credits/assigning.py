"""What staff say a credit is: given by hand to a request, and taken back from it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from payments.core.database import Rows
from payments.credits.pairing import CREDIT
from payments.credits.tables import Assignment, Credit, CreditReference
from payments.payment_requests import PaymentRequest
from payments.references import Kind


def identify(
    session: Session, credit: Credit, request: PaymentRequest, *, by: str, now: datetime
) -> None:
    """Gives a credit the code of the request it is assigned to, and keeps what it carried before.

    It carries that code from then on and is without a finding, its money as it was.
    """
    reference = CreditReference
    read = select(reference.code, reference.kind).where(reference.credit_id == credit.id)
    before = dict(session.execute(read.order_by(reference.id)).all())
    session.add(
        Assignment(
            credit_id=credit.id,
            payment_request_id=request.id,
            code=session.scalar(select(CREDIT.c.code).where(CREDIT.c.id == credit.id)),
            references=before,
            assigned_at=now,
            assigned_by=by,
        )
    )
    session.flush()
    _carry(session, credit, request.reference, {request.reference: Kind.FULL.value})
    session.execute(
        update(CREDIT).where(CREDIT.c.id == credit.id).values(finding=None, settled_at=None)
    )


def assignment(session: Session, credit: Credit) -> Assignment | None:
    """The assignment of a credit that stands: the latest that was not taken back."""
    rows = select(Assignment).where(
        Assignment.credit_id == credit.id, Assignment.ended_at.is_(None)
    )
    return session.scalar(rows.order_by(Assignment.id.desc()).limit(1))


def assignments(session: Session, credit_id: int) -> list[tuple[Assignment, str]]:
    """Every assignment of a credit with the code of its request, in order."""
    rows = (
        select(Assignment, PaymentRequest.reference)
        .join(PaymentRequest, PaymentRequest.id == Assignment.payment_request_id)
        .where(Assignment.credit_id == credit_id)
    )
    return [(one, code) for one, code in session.execute(rows.order_by(Assignment.id))]


def teach_assigned(session: Session, said: Rows) -> None:
    """What an assigned credit would have learned of its codes, had it not been assigned.

    `said` selects (credit_id, code). Without it, one whose assignment is taken back would not know
    what a statement told of it meanwhile. The code it was given says nothing of it: by that alone
    another's payment may have been taken for it.
    """
    known = said.subquery()
    rows = (
        select(Assignment, known.c[1])
        .join(known, known.c[0] == Assignment.credit_id)
        .join(CREDIT, CREDIT.c.id == Assignment.credit_id)
        .where(
            Assignment.ended_at.is_(None), Assignment.code.is_(None), known.c[1] != CREDIT.c.code
        )
    )
    for one, code in session.execute(rows):
        whole = dict.fromkeys(code.split("+"), Kind.FULL.value)
        one.code, one.references = code, {**one.references, **whole}
    session.flush()


def end_assignment(
    session: Session, credit: Credit, one: Assignment, *, reason: str, by: str, now: datetime
) -> None:
    """Gives a credit back the codes that it carried before it was assigned."""
    one.ended_at, one.ended_by, one.reason = now, by, reason
    session.flush()
    _carry(session, credit, one.code, one.references)


def _carry(session: Session, credit: Credit, code: str | None, read: Mapping[str, str]) -> None:
    """Sets the code of a credit, and what was read in its memo: the kind of each code."""
    session.execute(delete(CreditReference).where(CreditReference.credit_id == credit.id))
    account = credit.collection_account_id
    rows = [
        {"collection_account_id": account, "credit_id": credit.id, "code": one, "kind": kind}
        for one, kind in read.items()
    ]
    if rows:
        session.execute(insert(CreditReference), rows)
    session.execute(update(CREDIT).where(CREDIT.c.id == credit.id).values(code=code))
