"""What is suggested to staff: clues that are good enough to look at, and never to act on.

Suggestions follow their causes as breaks do: they are made, and go, with every run of a day. One
that staff declined is not made again.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased
from uuid_utils import uuid7

from payments import references
from payments.advice import Direction
from payments.core.columns import Amount, Code, Count, Key
from payments.core.database import Rows, load, table_of
from payments.core.temporary import analyze, materialise, scratch, temporary
from payments.credits import COUNTED, OPEN_PARTS, Credit, CreditReference, Finding
from payments.payment_requests import WAITING, PaymentRequest
from payments.references import Kind
from reconciliation.matching.tables import Clue, Suggestion, SuggestionState
from reconciliation.statements import StatementLine

CREDIT: Final = table_of(Credit)
REQUEST: Final = table_of(PaymentRequest)
LINE: Final = table_of(StatementLine)
REFERENCE: Final = table_of(CreditReference)
SUGGESTION: Final = table_of(Suggestion)

LEAST_DIGITS: Final = 6
"""A code cut shorter than this could begin too many."""

MOST: Final = 3
"""So many suggestions of one clue for one credit: what a person compares at a glance."""

_asking: Final = Table(
    "suggestion_asking",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("amount", Amount()),
    prefixes=["TEMPORARY"],
)
"""Credits of which nobody knows whose they are, and what they still hold."""

_reading: Final = Table(
    "suggestion_reading",
    scratch,
    Column("credit_id", Key()),
    Column("code", Code()),
    Column("lowest", Code()),
    Column("highest", Code()),
    prefixes=["TEMPORARY"],
)
"""Between which whole codes the one may lie that a memo holds only damaged or cut."""

_beginning: Final = Table(
    "suggestion_beginning",
    scratch,
    Column("credit_id", Key()),
    Column("code", Code()),
    Column("payment_request_id", Key()),
    prefixes=["TEMPORARY"],
)
"""Requests whose code begins as a cut one."""

_payer: Final = Table(
    "suggestion_payer",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("collection_account_id", Key()),
    Column("amount", Amount()),
    Column("payer_key", Code()),
    prefixes=["TEMPORARY"],
)
"""Who sent what is asked about."""

_paid: Final = Table(
    "suggestion_paid",
    scratch,
    Column("credit_id", Key()),
    Column("amount", Amount()),
    Column("payment_request_id", Key()),
    prefixes=["TEMPORARY"],
)
"""What the same payer paid before."""

_clue: Final = Table(
    "suggestion_clue",
    scratch,
    Column("credit_id", Key()),
    Column("payment_request_id", Key()),
    Column("statement_line_id", Key()),
    Column("clue", Code()),
    Column("code", Code()),
    Column("rank", Count()),
    prefixes=["TEMPORARY"],
)
"""Everything that there is a clue for now."""

_DUE: Final = REQUEST.c.amount - REQUEST.c.received


def suggest_all(
    session: Session, collection_account_id: int, *, through: date, now: datetime
) -> None:
    """Brings an account's suggestions in line with their causes up to a day.

    The caller holds the account's lock.
    """
    temporary(session, _clue)
    asking = select(CREDIT.c.id, CREDIT.c.unidentified).where(
        CREDIT.c.collection_account_id == collection_account_id,
        CREDIT.c.day <= through,
        CREDIT.c.merged_into_id.is_(None),
        CREDIT.c.finding == Finding.UNIDENTIFIED,
        OPEN_PARTS,
        CREDIT.c.unidentified > 0,
    )
    materialise(session, _asking, asking)
    _look_at_damaged(session, collection_account_id)
    _look_at_cut(session, collection_account_id)
    _look_at_payers(session, collection_account_id)
    _look_at_lines(session, collection_account_id, through)
    analyze(session, _clue)
    _follow(session, collection_account_id, now=now)


def _look_at_damaged(session: Session, account: int) -> None:
    """One digit wrong or two neighbours exchanged, the amount that is due, and only one such."""
    rows = [
        {"credit_id": credit, "code": code, "lowest": whole, "highest": whole}
        for credit, code in session.execute(_read(Kind.DAMAGED))
        for whole in references.repairs(code)
    ]
    if not _lay_out_readings(session, rows):
        return
    only = (
        _fitting(account, REQUEST.c.reference == _reading.c.lowest)
        .with_only_columns(_reading.c.credit_id, func.max(REQUEST.c.id), func.max(_reading.c.code))
        .group_by(_reading.c.credit_id)
        .having(func.count(REQUEST.c.id.distinct()) == 1)
    ).subquery()
    credit, request, code = only.c
    _add(session, select(credit, request, _clue_is(Clue.DAMAGED), code, literal(1, Count())))


def _look_at_cut(session: Session, account: int) -> None:
    """Codes that begin so, with the amount due; the latest that was open when money came first."""
    rows = []
    for credit, code in session.execute(_read(Kind.CUT)):
        if sum(map(str.isdigit, code)) >= LEAST_DIGITS:
            lowest, highest = references.span(code)
            rows.append({"credit_id": credit, "code": code, "lowest": lowest, "highest": highest})
    if not _lay_out_readings(session, rows):
        return
    _find_beginnings(session)
    ranked = (
        select(
            _beginning.c.credit_id,
            _beginning.c.payment_request_id.label("request_id"),
            _beginning.c.code,
            _likeliest(_beginning.c.credit_id).label("rank"),
        )
        .join(_asking, _asking.c.credit_id == _beginning.c.credit_id)
        .join(CREDIT, CREDIT.c.id == _beginning.c.credit_id)
        .join(REQUEST, REQUEST.c.id == _beginning.c.payment_request_id)
        .where(*_waits_for(account, _asking.c.amount))
        .subquery()
    )
    _add_ranked(session, ranked, Clue.CUT)


def _find_beginnings(session: Session) -> None:
    """Every request whose code begins so, by the order of the codes alone."""
    begins = REQUEST.c.reference.between(_reading.c.lowest, _reading.c.highest)
    found = select(_reading.c.credit_id, _reading.c.code, REQUEST.c.id).join(REQUEST, begins)
    materialise(session, _beginning, found)


def _look_at_payers(session: Session, account: int) -> None:
    """The payer's account paid for this dossier before, and its present request is as much.

    Step by step, since SQLite would otherwise look through all that the account ever got.
    """
    payers = (
        select(
            _asking.c.credit_id,
            CREDIT.c.collection_account_id,
            _asking.c.amount,
            CREDIT.c.payer_key,
        )
        .join(CREDIT, CREDIT.c.id == _asking.c.credit_id)
        .where(CREDIT.c.payer_key.is_not(None))
    )
    materialise(session, _payer, payers)
    theirs = and_(
        CREDIT.c.collection_account_id == _payer.c.collection_account_id,
        CREDIT.c.payer_key == _payer.c.payer_key,
    )
    before = (
        select(_payer.c.credit_id, _payer.c.amount, CREDIT.c.payment_request_id)
        .join(CREDIT, theirs)
        .where(CREDIT.c.finding.in_(COUNTED))
    )
    if materialise(session, _paid, before):
        _add_ranked(session, _for_the_same_dossier(account), Clue.KNOWN_PAYER)


def _for_the_same_dossier(account: int) -> Any:
    """(credit_id, request_id, code, rank): what waits for dossiers that were paid for before."""
    paid = aliased(REQUEST)
    same = and_(REQUEST.c.portal_id == paid.c.portal_id, REQUEST.c.dossier == paid.c.dossier)
    known = (
        select(_paid.c.credit_id, REQUEST.c.id.label("request_id"))
        .select_from(_paid)
        .join(paid, paid.c.id == _paid.c.payment_request_id)
        .join(REQUEST, same)
        .where(*_waits_for(account, _paid.c.amount))
        .distinct()
        .subquery()
    )
    return (
        select(
            known.c.credit_id,
            known.c.request_id,
            literal(None, Code()).label("code"),
            _likeliest(known.c.credit_id).label("rank"),
        )
        .join(REQUEST, REQUEST.c.id == known.c.request_id)
        .join(CREDIT, CREDIT.c.id == known.c.credit_id)
        .subquery()
    )


def _look_at_lines(session: Session, account: int, through: date) -> None:
    """A line without a code, and a credit of its amount and day that nothing sets apart from it."""
    rank = func.row_number().over(partition_by=LINE.c.id, order_by=CREDIT.c.id)
    ranked = (
        select(CREDIT.c.id.label("credit_id"), LINE.c.id.label("line_id"), rank.label("rank"))
        .select_from(LINE)
        .join(
            CREDIT,
            and_(
                CREDIT.c.collection_account_id == LINE.c.collection_account_id,
                CREDIT.c.day == LINE.c.day,
                CREDIT.c.amount == LINE.c.amount,
            ),
        )
        .where(
            LINE.c.collection_account_id == account,
            LINE.c.day <= through,
            LINE.c.match_id.is_(None),
            LINE.c.direction == Direction.CREDIT,
            LINE.c.reversal.is_(False),
            LINE.c.code.is_(None),
            CREDIT.c.match_id.is_(None),
            CREDIT.c.merged_into_id.is_(None),
            CREDIT.c.reversed == 0,
            or_(CREDIT.c.payer_key.is_(None), LINE.c.payer_key.is_(None)),
            or_(CREDIT.c.bank_reference.is_(None), LINE.c.bank_reference.is_(None)),
        )
        .subquery()
    )
    columns = ["credit_id", "statement_line_id", "clue", "rank"]
    few = select(
        ranked.c.credit_id, ranked.c.line_id, _clue_is(Clue.SAME_AMOUNT), ranked.c.rank
    ).where(ranked.c.rank <= MOST)
    session.execute(insert(_clue).from_select(columns, few))


def _follow(session: Session, account: int, *, now: datetime) -> None:
    """Suggestions go with their causes and come again; new ones are made."""
    s, state = SUGGESTION.c, SuggestionState
    same = and_(
        _clue.c.credit_id == s.credit_id,
        or_(
            _clue.c.payment_request_id == s.payment_request_id,
            _clue.c.statement_line_id == s.statement_line_id,
        ),
    )
    ours = s.collection_account_id == account
    session.execute(
        update(SUGGESTION)
        .where(ours, s.state == state.OPEN, ~exists().where(same))
        .values(state=state.GONE.value)
    )
    session.execute(
        update(SUGGESTION)
        .where(ours, s.state.in_([state.OPEN.value, state.GONE.value]), same)
        .values(state=state.OPEN.value, clue=_clue.c.clue, code=_clue.c.code, rank=_clue.c.rank)
    )
    new = select(*_clue.c).where(~exists().where(ours, same))
    rows = [
        {
            **row._asdict(),
            "public_id": str(uuid7()),
            "collection_account_id": account,
            "state": state.OPEN.value,
            "made_at": now,
        }
        for row in session.execute(new)
    ]
    load(session, SUGGESTION, rows)


def _read(kind: Kind) -> Rows:
    """(credit_id, code) of what the memos of asking credits hold of codes."""
    return (
        select(REFERENCE.c.credit_id, REFERENCE.c.code)
        .join(_asking, _asking.c.credit_id == REFERENCE.c.credit_id)
        .where(REFERENCE.c.kind == kind)
    )


def _lay_out_readings(session: Session, rows: list[dict[str, Any]]) -> bool:
    temporary(session, _reading)
    load(session, _reading, rows)
    analyze(session, _reading)
    return bool(rows)


def _fitting(account: int, reads_as: ColumnElement[bool]) -> Any:
    """The readings joined with waiting requests of their amount."""
    return (
        select(_reading.c.credit_id)
        .select_from(_reading)
        .join(_asking, _asking.c.credit_id == _reading.c.credit_id)
        .join(REQUEST, reads_as)
        .where(*_waits_for(account, _asking.c.amount))
    )


def _waits_for(account: int, amount: ColumnElement[Any]) -> tuple[ColumnElement[bool], ...]:
    return (
        REQUEST.c.collection_account_id == account,
        REQUEST.c.status.in_(WAITING),
        amount == _DUE,
    )


def _likeliest(credit: ColumnElement[int]) -> ColumnElement[int]:
    """Requests in the order of likelihood: open when the money came, then the latest issued."""
    live = and_(
        REQUEST.c.issued_at <= CREDIT.c.booked_at, REQUEST.c.expires_at >= CREDIT.c.booked_at
    )
    order = (case((live, 0), else_=1), REQUEST.c.issued_at.desc(), REQUEST.c.id.desc())
    return func.row_number().over(partition_by=credit, order_by=order)


def _clue_is(clue: Clue) -> ColumnElement[str]:
    return literal(clue.value, Code())


def _add_ranked(session: Session, ranked: Any, clue: Clue) -> None:
    few = select(
        ranked.c.credit_id, ranked.c.request_id, _clue_is(clue), ranked.c.code, ranked.c.rank
    ).where(ranked.c.rank <= MOST)
    _add(session, few)


def _add(session: Session, clues: Rows) -> None:
    """Adds clues of requests; a pair that a stronger clue names already is left as it is."""
    named = clues.subquery()
    credit, request, *_ = named.c
    known = exists().where(_clue.c.credit_id == credit, _clue.c.payment_request_id == request)
    columns = ["credit_id", "payment_request_id", "clue", "code", "rank"]
    session.execute(insert(_clue).from_select(columns, select(*named.c).where(~known)))
