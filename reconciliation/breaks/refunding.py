"""Giving the money of a break back: a refund is proposed, and its four eyes are those of payouts.

While it waits for its approvers nothing else is decided about the same money. The break goes when
the money left the credit; it comes back when that is declined, or returned by the bank.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, payouts
from payments.core.errors import Conflict
from payments.core.vault import Vault
from payments.credits import Credit
from payments.payouts import Payout, Wanted
from payments.payouts import State as PayoutState
from reconciliation.breaks.about import OF_CREDITS
from reconciliation.breaks.counterparts import waiting_about
from reconciliation.breaks.tables import Break, Leg, State
from reconciliation.breaks.working import AwaitsSecondPerson, tell


class RefundProposed(Conflict):
    """A refund of the same money waits for its approvers; nothing else is decided meanwhile."""

    code = "refund_proposed"


def propose_refund(
    session: Session, credit: Credit, wanted: Wanted, *, by: str, now: datetime, vault: Vault
) -> Payout:
    """Proposes to give money of a credit back, and notes it at its breaks that wait.

    Raises `AwaitsSecondPerson` where a decision about the same money is proposed, and what
    `payouts.propose_refund` raises.
    """
    agencies.lock(session, credit.collection_account_id)
    about = waiting_undecided(session, credit)
    payout = payouts.propose_refund(session, credit, wanted, by=by, now=now, vault=vault)
    for one in about:
        if one.leg == Leg.SETTLEMENT:
            told = {"code": payout.code, "amount": int(payout.amount), "reason": payout.reason}
            tell(session, one, "refund", by=by, now=now, payout=payout.public_id, **told)
    return payout


def waiting_undecided(session: Session, credit: Credit) -> Sequence[Break]:
    """The breaks that wait about a credit. Raises `AwaitsSecondPerson` where one is proposed."""
    account = credit.collection_account_id
    about = waiting_about(session, account, lines=[], credits=[credit.id])
    if any(one.state == State.PROPOSED for one in about):
        raise AwaitsSecondPerson
    return about


def refund_waits(session: Session, chosen: Iterable[Break]) -> bool:
    """Whether a refund of the money of these breaks waits for its approvers."""
    return refund_of_waits(session, [int(one.key) for one in chosen if one.leg in OF_CREDITS])


def refund_of_waits(session: Session, credits: Sequence[int]) -> bool:
    """Whether a refund of any of these credits (ids) waits for its approvers."""
    waiting = select(Payout.id).where(
        Payout.credit_id.in_(credits), Payout.state == PayoutState.PROPOSED
    )
    return bool(credits) and session.scalar(waiting.limit(1)) is not None


def check_no_refund(session: Session, chosen: Iterable[Break]) -> None:
    """Raises `RefundProposed` where `refund_waits`."""
    if refund_waits(session, chosen):
        raise RefundProposed
