"""The causes of breaks, each a query over what the other modules keep.

A cause is (leg, key, kind, day, amount, items, since). What belongs to a day after the last one
that was run is no cause yet: its statement may still come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Table,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import InstrumentedAttribute, Session

from payments import credits, payouts
from payments.advice import Direction
from payments.core.columns import Amount, Code, Count, Day, Instant
from payments.core.database import Rows, table_of
from payments.core.temporary import analyze, scratch, temporary
from payments.credits import OPEN_PARTS, Credit, CreditReference, Evidence, Finding
from payments.payment_requests import WAITING, PaymentRequest
from payments.payouts import Payout
from payments.references import Kind as Damage
from reconciliation import statements
from reconciliation.breaks import few_causes
from reconciliation.breaks.tables import Kind, Leg
from reconciliation.matching import LineMatch, Rule, awaited
from reconciliation.statements import Statement, StatementFile, StatementLine

CREDIT: Final = table_of(Credit)
LINE: Final = table_of(StatementLine)
REQUEST: Final = table_of(PaymentRequest)

TOLD_FOR: Final = timedelta(days=7)
"""So long a day's missed callbacks are shown."""

cause: Final = Table(
    "break_cause",
    scratch,
    Column("leg", Code(), primary_key=True),
    Column("key", Code(), primary_key=True),
    Column("kind", Code()),
    Column("day", Day()),
    Column("amount", Amount()),
    Column("items", Count()),
    Column("since", Instant()),
    prefixes=["TEMPORARY"],
)
"""Every cause that an account has now."""

HELD: Final = {
    Finding.SHORT: Kind.SHORT,
    Finding.OVERPAID: Kind.OVERPAID,
    Finding.DUPLICATE: Kind.DUPLICATE,
    Finding.AFTER_CANCEL: Kind.AFTER_CANCEL,
    Finding.SPLIT_MISMATCH: Kind.SPLIT_MISMATCH,
    Finding.WRONG_ACCOUNT: Kind.WRONG_ACCOUNT,
    Finding.GIVEN_BACK: Kind.SHORT,  # it was to be given back and is here again
}
"""Findings whose money is held until somebody decides, and the breaks they are."""


_LEFT: Final = CREDIT.c.held + CREDIT.c.unidentified + CREDIT.c.to_fees - CREDIT.c.remitted
"""What of a credit is still with us."""


def gather(
    session: Session,
    collection_account_id: int,
    *,
    since: date,
    through: date,
    now: datetime,
) -> None:
    """Fills `cause` for an account: days without a statement from `since`, all else ever."""
    temporary(session, cause)
    account = collection_account_id
    columns = [column.name for column in cause.c]
    for found in (
        _unconfirmed(account, through),
        _findings(account, through),
        _reversed(account, through),
        _reclaimed(account, through),
        _untold(account, through, now=now),
        _lines(account, through, half=awaited(session, account), now=now),
        _unbalanced(account, through),
        _gaps(account, through, now=now),
        _unseen_payouts(account, through),
        _returned_payouts(account, through, now=now),
    ):
        session.execute(insert(cause).from_select(columns, found))
    _add(session, few_causes.gather(session, account, since=since, through=through, now=now))


def gather_claims(session: Session, collection_account_id: int) -> None:
    """Fills `cause` for an account with payers' claims alone."""
    temporary(session, cause)
    _add(session, few_causes.of_claims(session, collection_account_id))


def _add(session: Session, few: Sequence[Mapping[str, Any]]) -> None:
    if few:
        session.execute(insert(cause), few)
    analyze(session, cause)


def _unconfirmed(account: int, through: date) -> Rows:
    """Credits that were told and stand on no statement."""
    kind = case(
        (CREDIT.c.trusted.is_(True), Kind.CALLBACK_WITHOUT_LINE.value),
        else_=Kind.ADVISED_UNCONFIRMED.value,
    )
    return _of_credits(Leg.CONFIRMATION, kind, CREDIT.c.amount).where(
        *_standing(account, through),
        CREDIT.c.match_id.is_(None),
        CREDIT.c.reversed == 0,
    )


def _findings(account: int, through: date) -> Rows:
    """Money that is held, or that nobody is known for."""
    damaged = exists().where(
        CreditReference.credit_id == CREDIT.c.id,
        CreditReference.kind.in_([Damage.DAMAGED.value, Damage.CUT.value]),
    )
    kind = case(
        *[(CREDIT.c.finding == finding.value, kind.value) for finding, kind in HELD.items()],
        (damaged, Kind.DAMAGED_CODE.value),
        else_=Kind.UNIDENTIFIED.value,
    )
    return _of_credits(Leg.SETTLEMENT, kind, CREDIT.c.held + CREDIT.c.unidentified).where(
        *_standing(account, through),
        CREDIT.c.finding.in_([*[one.value for one in HELD], Finding.UNIDENTIFIED.value]),
        OPEN_PARTS,
        or_(CREDIT.c.held > 0, CREDIT.c.unidentified > 0),
        CREDIT.c.reclaimed == 0,
    )


def _reversed(account: int, through: date) -> Rows:
    """Credits that the bank took back, whose requests wait for money again."""
    kind = literal(Kind.REVERSED.value, Code())
    return (
        _of_credits(Leg.SETTLEMENT, kind, CREDIT.c.reversed)
        .join(REQUEST, REQUEST.c.id == CREDIT.c.payment_request_id)
        .where(
            *_standing(account, through),
            CREDIT.c.match_id.is_not(None),
            OPEN_PARTS,
            CREDIT.c.reversed > 0,
            or_(CREDIT.c.reclaimed == 0, _LEFT == 0),
            REQUEST.c.status.in_(WAITING),
        )
    )


def _reclaimed(account: int, through: date) -> Rows:
    """Credits that the bank took back after something had left, until what is left is set off."""
    kind = literal(Kind.RECLAIMED.value, Code())
    return _of_credits(Leg.SETTLEMENT, kind, _LEFT).where(
        *_standing(account, through), credits.RECLAIMED, _LEFT > 0
    )


def _untold(account: int, through: date, *, now: datetime) -> Rows:
    """The credits of a day that no callback told: how many, and how much."""
    told = exists().where(Evidence.credit_id == LineMatch.first_credit_id)
    return (
        select(
            literal(Leg.TELLING.value, Code()),
            _text(LineMatch.day),
            literal(Kind.MISSED_CALLBACK.value, Code()),
            LineMatch.day,
            cast(func.sum(LineMatch.amount), Amount()),
            func.count(),
            literal(now, Instant()),
        )
        .where(
            LineMatch.collection_account_id == account,
            LineMatch.rule == Rule.MISSED_CALLBACK,
            LineMatch.revoked_at.is_(None),
            LineMatch.day <= through,
            LineMatch.day > through - TOLD_FOR,
            ~told,
        )
        .group_by(LineMatch.day)
    )


def _lines(account: int, through: date, *, half: ColumnElement[bool], now: datetime) -> Rows:
    """Lines that no rule could book."""
    other_amount = exists().where(
        CREDIT.c.collection_account_id == account,
        CREDIT.c.bank_reference == LINE.c.bank_reference,
        CREDIT.c.day == LINE.c.day,
        CREDIT.c.amount != LINE.c.amount,
        CREDIT.c.match_id.is_(None),
        CREDIT.c.merged_into_id.is_(None),
    )
    kind = case(
        (half, Kind.TRANSFER_UNSEEN.value),
        (LINE.c.direction == Direction.DEBIT, Kind.DEBIT_UNEXPLAINED.value),
        (other_amount, Kind.AMOUNT_DIFFERS.value),
        else_=Kind.UNIDENTIFIED.value,
    )
    return select(
        literal(Leg.LINE.value, Code()),
        _text(LINE.c.id),
        cast(kind, SqlText),
        LINE.c.day,
        LINE.c.amount,
        literal(1, Count()),
        literal(now, Instant()),
    ).where(
        LINE.c.collection_account_id == account,
        LINE.c.match_id.is_(None),
        LINE.c.day <= through,
    )


def _unbalanced(account: int, through: date) -> Rows:
    """Statements that do not add up, or that a second format contradicts."""
    off = Statement.closing - Statement.opening - Statement.credits + Statement.debits
    amount = func.coalesce(case((off < 0, -off), else_=off), 0)
    return (
        select(
            literal(Leg.STATEMENT.value, Code()),
            _text(Statement.id),
            literal(Kind.STATEMENT_UNBALANCED.value, Code()),
            Statement.to_day,
            amount,
            literal(1, Count()),
            StatementFile.received_at,
        )
        .join(StatementFile, StatementFile.id == Statement.statement_file_id)
        .where(
            Statement.collection_account_id == account,
            or_(Statement.balanced.is_(False), Statement.differs.is_(True)),
            statements.stands(),
            Statement.to_day <= through,
        )
    )


def _gaps(account: int, through: date, *, now: datetime) -> Rows:
    gap = statements.gaps(account).subquery()
    statement, day, amount = gap.c
    return select(
        literal(Leg.CONTINUITY.value, Code()),
        _text(statement),
        literal(Kind.BALANCE_GAP.value, Code()),
        day,
        amount,
        literal(1, Count()),
        literal(now, Instant()),
    ).where(day <= through)


def _unseen_payouts(account: int, through: date) -> Rows:
    """Payouts in a file for the bank that no statement shows."""
    return _of_payouts(Kind.PAYOUT_NOT_SEEN, Payout.filed_on, Payout.filed_at).where(
        Payout.collection_account_id == account,
        Payout.state == payouts.State.FILED,
        Payout.filed_on <= through,
    )


def _returned_payouts(account: int, through: date, *, now: datetime) -> Rows:
    """Payouts that came back, until the same money is to be paid out again."""
    return _of_payouts(Kind.PAYOUT_RETURNED, Payout.returned_on, literal(now, Instant())).where(
        Payout.collection_account_id == account,
        payouts.came_back(),
        Payout.returned_on <= through,
    )


def _of_payouts(kind: Kind, day: Any, since: Any) -> Select[Any]:
    return select(
        literal(Leg.PAYOUT.value, Code()),
        _text(Payout.id),
        literal(kind.value, Code()),
        day,
        Payout.amount,
        literal(1, Count()),
        since,
    )


def _of_credits(leg: Leg, kind: ColumnElement[str], amount: ColumnElement[Any]) -> Select[Any]:
    return select(
        literal(leg.value, Code()),
        _text(CREDIT.c.id),
        cast(kind, SqlText),
        CREDIT.c.day,
        amount,
        literal(1, Count()),
        CREDIT.c.arrived_at,
    )


def _standing(account: int, through: date) -> tuple[ColumnElement[bool], ...]:
    return (
        CREDIT.c.collection_account_id == account,
        CREDIT.c.merged_into_id.is_(None),
        CREDIT.c.day <= through,
    )


def _text(column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[str]:
    return cast(column, SqlText)
