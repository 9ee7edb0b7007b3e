"""Who may let money leave: another person than proposed it, two others where it goes elsewhere.

Each approval rests on what was shown when it was proposed. Approving books the payout; what was
approved and never left is rejected, and its money is where it came from again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import approvals, audit
from payments.core.approvals import Approval, SamePerson
from payments.core.calendar import local_day
from payments.core.database import Rows, rows_of, table_of
from payments.core.errors import Conflict, NotFound, Refused
from payments.core.vault import Vault
from payments.credits import Credit
from payments.payouts import refunds, remittances
from payments.payouts.money import bring_back_all, send_all
from payments.payouts.refunds import Wanted
from payments.payouts.tables import Kind, Payout, State, allowed_into
from payments.payouts.telling import tell

GONE: Final = "phí, lệ phí đã thay đổi"
"""What stands as the answer to a remittance whose fees were taken back since it was proposed."""

REROUTED: Final = "tuyến nộp đã thay đổi"
"""What stands as the answer to a remittance whose fees go another way since."""

APPROVE: Final = "payout.approve"
SECOND: Final = "payout.second"


class UnknownPayout(NotFound):
    """There is no payout of that number."""

    code = "unknown_payout"


class ApproverRejects(Refused):
    """Whoever approved a payout does not say that it never left: they could send it twice."""

    code = "approver_rejects"


class PayoutMoved(Conflict):
    """The payout is not in a state in which this can be done."""

    code = "payout_moved"


class SameApprover(SamePerson):
    """Who approved first is not the further person that it takes."""

    code = "same_approver"


def by_public_id(session: Session, public_id: str) -> Payout:
    """The payout of that public number. Raises `UnknownPayout`."""
    found = session.scalar(select(Payout).where(Payout.public_id == public_id))
    if found is None:
        raise UnknownPayout(payout=public_id[:40])
    return found


def by_code(session: Session, code: str) -> Payout:
    """The payout with that code, however it is written. Raises `UnknownPayout`."""
    told = "".join(filter(str.isalnum, code)).upper()
    found = session.scalar(select(Payout).where(Payout.code == told))
    if found is None:
        raise UnknownPayout(payout=told[:40])
    return found


def propose_refund(
    session: Session, credit: Credit, wanted: Wanted, *, by: str, now: datetime, vault: Vault
) -> Payout:
    """Proposes to another person to give money of one credit back.

    Raises what `refunds.draft` does: `NotOnStatement`, `NothingAsked`, `RefundTooLarge`,
    `FeesForwarded`, `OnlyWhole`, `NoReasonGiven` or `ReasonTooLong`.
    """
    payout = refunds.draft(session, credit, wanted, by=by, now=now, vault=vault)
    _lay_before(session, payout, APPROVE, now=now)
    tell(session, payout, State.PROPOSED, now=now)
    return payout


def propose_remittances(
    session: Session, account: CollectionAccount, *, by: str, now: datetime, vault: Vault
) -> Sequence[Payout]:
    """Proposes to forward all fees of an account that are due and in no remittance.

    Earlier proposals of which fees were taken back or go another way since are withdrawn first.
    """
    agencies.lock(session, account.id)
    for number in remittances.stale(session, account.id):
        _lapse(session, session.get_one(Payout, number), GONE, by=by, now=now)
    for number in remittances.rerouted(session, account.id, on=local_day(now)):
        _lapse(session, session.get_one(Payout, number), REROUTED, by=by, now=now)
    drafted = remittances.draft_all(session, account, by=by, now=now, vault=vault)
    for payout in drafted:
        _lay_before(session, payout, APPROVE, now=now)
        _note(session, payout, "proposed", by=by, now=now)
    return drafted


def approve(session: Session, payout: Payout, *, by: str, now: datetime) -> bool:
    """Approves a payout and books it; False when a further person has to approve it too.

    Raises `PayoutMoved`, `SamePerson`, `SameApprover`, `ShownChanged`, or what `refunds.check` and
    `remittances.check` do.
    """
    _hold(session, payout, State.PROPOSED)
    if by == payout.proposed_by:
        raise SamePerson
    if by == payout.approved_by:
        raise SameApprover
    if payout.kind == Kind.REFUND:
        refunds.check(session, payout)
    else:
        remittances.check(session, payout, on=local_day(now))
    action = APPROVE if payout.approved_by is None else SECOND
    waiting = approvals.live(session, action, subject(payout))
    if waiting is None:
        raise PayoutMoved(payout=payout.code)
    approvals.approve(session, waiting, shown=shown(payout), by=by, now=now)
    if payout.elsewhere and payout.approved_by is None:
        payout.approved_by = by
        session.flush()
        _lay_before(session, payout, SECOND, now=now)
        return False
    _approved(session, payout, by=by, now=now)
    return True


def decline(session: Session, payout: Payout, *, reason: str, by: str, now: datetime) -> None:
    """Says no to a payout. Raises `NoReasonGiven`, `PayoutMoved` or `SamePerson`."""
    answer = approvals.given(reason)
    _hold(session, payout, State.PROPOSED)
    approvals.decline(session, _waiting(session, payout), reason=answer, by=by, now=now)
    _move(session, payout, State.DECLINED, ended_by=by, ended_at=now, answer=answer)
    remittances.let_go_all(session, _this(payout))
    tell(session, payout, State.DECLINED, now=now)


def withdraw(session: Session, payout: Payout, *, reason: str, by: str, now: datetime) -> None:
    """Takes one's own proposal back. Raises `NoReasonGiven`, `PayoutMoved` or `NotTheMaker`."""
    answer = approvals.given(reason)
    _hold(session, payout, State.PROPOSED)
    approvals.withdraw(session, _waiting(session, payout), by=by, now=now)
    _move(session, payout, State.WITHDRAWN, ended_by=by, ended_at=now, answer=answer)
    remittances.let_go_all(session, _this(payout))
    tell(session, payout, State.WITHDRAWN, now=now)


def reject(session: Session, payout: Payout, *, reason: str, by: str, now: datetime) -> None:
    """An approved payout never left: the bank refused it, or it was stopped before it was sent.

    Its money is where it came from again, and may be proposed anew: so whoever approved it does not
    say so. Raises `NoReasonGiven`, `PayoutMoved` or
    `ApproverRejects`.
    """
    answer = approvals.given(reason)
    _hold(session, payout, State.APPROVED, State.FILED)
    if by in (payout.approved_by, payout.seconded_by):
        raise ApproverRejects
    _move(session, payout, State.REJECTED, ended_by=by, ended_at=now, answer=answer)
    bring_back_all(session, _this(payout), step="rejected", day=local_day(now), actor=by, now=now)
    _note(session, payout, "rejected", by=by, now=now, answer=answer)
    tell(session, payout, State.REJECTED, now=now)


def subject(payout: Payout) -> str:
    """What approvals and the audit trail call it."""
    return f"payout:{payout.public_id}"


def shown(payout: Payout) -> Mapping[str, Any]:
    """What of a payout an approval rests on: JSON, without the beneficiary's account and name."""
    return {
        "code": payout.code,
        "kind": payout.kind,
        "amount": int(payout.amount),
        "credit": payout.credit_id,
        "request": payout.payment_request_id,
        "route": payout.remittance_route_id,
        "agency": payout.agency_id,
        "fee_kind": payout.fee_kind,
        "elsewhere": bool(payout.elsewhere),
        "to": {"bin": payout.beneficiary_bin, "hint": payout.beneficiary_hint},
        "named_by_payer": payout.refund_account_id,
        "approved_by": payout.approved_by,
    }


def _lay_before(session: Session, payout: Payout, action: str, *, now: datetime) -> None:
    """Lays a payout before a person who has not proposed or approved it."""
    approvals.propose(
        session,
        action,
        subject(payout),
        shown=shown(payout),
        reason=payout.reason,
        amount=payout.amount,
        by=payout.proposed_by,
        now=now,
    )


def _approved(session: Session, payout: Payout, *, by: str, now: datetime) -> None:
    who = {"approved_by": by} if payout.approved_by is None else {"seconded_by": by}
    _move(session, payout, State.APPROVED, approved_at=now, **who)
    send_all(session, _this(payout), day=local_day(now), actor=by, now=now)
    _note(session, payout, "approved", by=by, now=now)
    tell(session, payout, State.APPROVED, now=now)


def _lapse(session: Session, payout: Payout, answer: str, *, by: str, now: datetime) -> None:
    """Takes a remittance back that can't leave as it was proposed, under the account's lock."""
    approvals.lapse(session, _waiting(session, payout), reason=answer, by=by, now=now)
    _move(session, payout, State.WITHDRAWN, ended_by=by, ended_at=now, answer=answer)
    remittances.let_go_all(session, _this(payout))
    _note(session, payout, "withdrawn", by=by, now=now, answer=answer)


def _this(payout: Payout) -> Rows:
    return select(Payout.id).where(Payout.id == payout.id)


def _waiting(session: Session, payout: Payout) -> Approval:
    for action in (APPROVE, SECOND):
        found = approvals.live(session, action, subject(payout))
        if found is not None:
            return found
    raise PayoutMoved(payout=payout.code)


def _hold(session: Session, payout: Payout, *states: State) -> None:
    """Locks the account, and looks at the payout anew. Raises `PayoutMoved`."""
    agencies.lock(session, payout.collection_account_id)
    session.refresh(payout)
    if payout.state not in states:
        raise PayoutMoved(payout=payout.code)


def _move(session: Session, payout: Payout, to: State, **facts: Any) -> None:
    table = table_of(Payout)
    moved = session.execute(
        update(table)
        .where(table.c.id == payout.id, table.c.state.in_(allowed_into(to)))
        .values(state=to.value, **facts)
    )
    if rows_of(moved) != 1:
        raise PayoutMoved(payout=payout.code)
    session.refresh(payout)


def _note(
    session: Session, payout: Payout, what: str, *, by: str, now: datetime, **details: Any
) -> None:
    audit.append(
        session,
        actor=by,
        action=f"payout.{what}",
        subject=subject(payout),
        details={"code": payout.code, "amount": int(payout.amount), **details},
        now=now,
    )
