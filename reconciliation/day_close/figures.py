"""The figures of a day as they are kept and shown: bridge, lines, matches, breaks, inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson
from sqlalchemy import cast, func, select
from sqlalchemy.orm import Session

from payments import references
from payments.core.columns import Amount
from reconciliation import matching
from reconciliation.breaks import Tally
from reconciliation.day_close.bridge import Bridge
from reconciliation.day_close.verdict import Judged
from reconciliation.matching import LineMatch
from reconciliation.statements import Statement, StatementFile, StatementLine

Figures = dict[str, Any]
"""What is kept of a day: JSON without fractions."""


def gather(
    session: Session,
    collection_account_id: int,
    day: date,
    *,
    bridge: Bridge,
    judged: Judged,
    tallies: Sequence[Tally],
) -> Figures:
    """Everything a day came to."""
    return {
        "reasons": list(judged.reasons),
        "bridge": told(bridge),
        "lines": _lines(session, collection_account_id, day),
        "matches": _matches(session, collection_account_id, day),
        "breaks": [
            {
                "kind": tally.kind.value,
                "count": tally.count,
                "amount": int(tally.amount),
                "waiting": tally.waiting,
            }
            for tally in tallies
        ],
        "inputs": _inputs(session, collection_account_id, day),
        "rules": matching.VERSION,
        "extractor": references.VERSION,
    }


def told(bridge: Bridge) -> Mapping[str, Any]:
    """The bridge as JSON."""
    closing, residual = bridge.closing, bridge.residual
    return {
        "opening": int(bridge.bank.opening),
        "posted": int(bridge.bank.posted),
        "credits_unbooked": int(bridge.bank.credits_unbooked),
        "debits_unbooked": int(bridge.bank.debits_unbooked),
        "explained": int(bridge.bank.explained),
        "closing": None if closing is None else int(closing.amount),
        "closing_basis": None if closing is None else closing.basis.value,
        "residual": None if residual is None else int(residual),
        "transit": int(bridge.transit.balance),
        "unseen": int(bridge.transit.unseen),
        "early": int(bridge.transit.early),
        "transit_residual": int(bridge.transit.residual),
    }


def digest(figures: Figures) -> str:
    """SHA-256 of the figures, by which a person approves what another was shown."""
    return hashlib.sha256(orjson.dumps(figures, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _lines(session: Session, account: int, day: date) -> Mapping[str, Any]:
    rows = session.execute(
        select(
            StatementLine.direction, func.count(), cast(func.sum(StatementLine.amount), Amount())
        )
        .where(StatementLine.collection_account_id == account, StatementLine.day == day)
        .group_by(StatementLine.direction)
    )
    return {direction: {"count": count, "sum": int(total)} for direction, count, total in rows}


def _matches(session: Session, account: int, day: date) -> list[Mapping[str, Any]]:
    """The matches of the day's own lines, by rule."""
    rows = session.execute(
        select(LineMatch.rule, func.count(), cast(func.sum(LineMatch.amount), Amount()))
        .join(StatementLine, StatementLine.match_id == LineMatch.id)
        .where(StatementLine.collection_account_id == account, StatementLine.day == day)
        .group_by(LineMatch.rule)
        .order_by(LineMatch.rule)
    )
    return [{"rule": rule, "count": count, "sum": int(total)} for rule, count, total in rows]


def _inputs(session: Session, account: int, day: date) -> list[str]:
    """The SHA-256 of every statement file that covers the day and was not set aside."""
    rows = session.scalars(
        select(StatementFile.sha256)
        .join(Statement, Statement.statement_file_id == StatementFile.id)
        .where(
            Statement.collection_account_id == account,
            Statement.from_day <= day,
            Statement.to_day >= day,
            Statement.set_aside_at.is_(None),
        )
        .distinct()
        .order_by(StatementFile.sha256)
    )
    return list(rows)
