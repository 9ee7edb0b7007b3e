"""How payouts are told on the console: who did what to one, in order and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts
from payments.core import audit
from payments.core.approvals import Approval
from payments.core.approvals import State as Decided
from payments.core.words import say
from payments.payouts import PaymentFile, Payout
from payments.web.i18n import day
from reconciliation.matching import LineMatch, Rule
from reconciliation.web.console.break_words import Happened, names_of

MOST: Final = 200
"""Entries of the audit trail about one payout."""

_OPENED: Final = "payout.beneficiary_opened"


def names_in(
    session: Session, payout: Payout, decisions: Sequence[Approval], file: PaymentFile | None
) -> Mapping[str, str]:
    """The names of everybody who had to do with a payout, by how they are written as actors."""
    actors = [payout.proposed_by, payout.approved_by, payout.seconded_by, payout.ended_by]
    actors += [one.checker for one in decisions]
    actors += [one.actor for one in _trail(session, payout)]
    actors += [] if file is None else [file.made_by]
    for match in _matches(session, payout):
        actors += [match.made_by, match.revoked_by]
    return names_of(session, actors)


def history_of(
    session: Session,
    payout: Payout,
    decisions: Sequence[Approval],
    file: PaymentFile | None,
    names: Mapping[str, str],
) -> Sequence[Happened]:
    """All that happened to a payout, in order."""
    told = [_told(payout.proposed_at, "proposed", names[payout.proposed_by], payout.reason)]
    for one in decisions:
        if one.state == Decided.APPROVED and one.checker and one.decided_at:
            what = "approved" if one.action == payouts.APPROVE else "seconded"
            told.append(_told(one.decided_at, what, names[one.checker]))
    if file is not None:
        told.append(_told(file.made_at, "filed", names[file.made_by], number=file.number))
    told += _on_statements(session, payout, names)
    if payout.ended_at is not None and payout.ended_by is not None:
        by = names[payout.ended_by]
        told.append(_told(payout.ended_at, payout.state, by, payout.answer))
    told += [
        _told(one.at, "opened", names[one.actor])
        for one in _trail(session, payout)
        if one.action == _OPENED
    ]
    return sorted(told, key=lambda one: one.at)


def _on_statements(
    session: Session, payout: Payout, names: Mapping[str, str]
) -> Iterator[Happened]:
    for match in _matches(session, payout):
        what = "returned" if match.rule == Rule.RETURNED else "paid_out"
        yield _told(match.made_at, what, names[match.made_by], day=day(match.day))
        if match.revoked_at is not None and match.revoked_by is not None:
            by, why = names[match.revoked_by], match.revoke_reason
            yield _told(match.revoked_at, "revoked", by, why, number=str(match.id))


def _matches(session: Session, payout: Payout) -> Sequence[LineMatch]:
    """The matches by which a payout was seen leaving and coming back, also those revoked since."""
    numbers = [one for one in (payout.match_id, payout.returned_match_id) if one is not None]
    revoked = select(LineMatch).where(
        LineMatch.collection_account_id == payout.collection_account_id,
        LineMatch.payout_id == payout.id,
        LineMatch.revoked_at.is_not(None),
    )
    found = [session.get_one(LineMatch, number) for number in numbers]
    return [*session.scalars(revoked.order_by(LineMatch.id)), *found]


def _trail(session: Session, payout: Payout) -> Sequence[audit.AuditEntry]:
    return audit.of_subjects(session, [payouts.subject(payout)], most=MOST)


def _told(at: datetime, what: str, by: str, said: str | None = None, **fields: str) -> Happened:
    return Happened(
        at=at,
        words=say(f"payout.happened.{what}", **fields),
        by=by,
        said=said,
        raw=None,
        note=None,
        file=None,
        sha256=None,
    )
