"""The figures of settled credits, as one relation that every cut adds up.

A credit stands in it once for what is not (or no longer) a fee, and once more for each fee line it
pays. So `amount` is always `phi + le_phi + held + unidentified + refunded + reversed`, and however
the rows are grouped their sums come to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Subquery,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy import Row as Result
from sqlalchemy.orm import InstrumentedAttribute, Session

from payments.agencies import CollectionAccount
from payments.core.columns import Amount, Count
from payments.core.database import Rows
from payments.core.sheets import Kind
from payments.credits import Allocation, Credit, Evidence
from payments.fees import FeeKind
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from reconciliation.matching import LineMatch, MatchMember
from reconciliation.reports.asking import Asked, Basis
from reconciliation.reports.definition import Column

MEASURES: Final = (
    Column("credits", Kind.COUNT, total=True),
    Column("amount", Kind.AMOUNT, total=True),
    Column("phi", Kind.AMOUNT, total=True),
    Column("le_phi", Kind.AMOUNT, total=True),
    Column("held", Kind.AMOUNT, total=True),
    Column("unidentified", Kind.AMOUNT, total=True),
    Column("refunded", Kind.AMOUNT, total=True),
    Column("reversed", Kind.AMOUNT, total=True),
)
"""What every cut counts, in the order of its columns."""

Keys = Callable[[Subquery], Sequence[ColumnElement[Any]]]


def sums(session: Session, asked: Asked, keys: Keys) -> Sequence[Result[*tuple[Any, ...]]]:
    """The measures added up for each combination of `keys`, which are columns of the facts."""
    found = facts(asked)
    chosen = [key.label(f"key_{place}") for place, key in enumerate(keys(found))]
    keyed = select(*chosen, *[found.c[one.name] for one in MEASURES]).subquery()
    groups = [keyed.c[key.name] for key in chosen]
    added = [_sum(keyed.c[one.name]).label(one.name) for one in MEASURES]
    rows = session.execute(select(*groups, *added).group_by(*groups)).all()
    return sorted(rows, key=lambda row: [str(key or "") for key in row[: len(groups)]])


def facts(asked: Asked) -> Subquery:
    """Every credit of the question: what is no fee of it, and each fee line it pays."""
    both = union_all(_rest(asked), _paid(asked))
    return both.subquery("fact")


def dated(asked: Asked) -> Subquery:
    """The settled credits of the period and the day each is counted by: (credit_id, day)."""
    if asked.basis is Basis.PAYMENT:
        paid: Rows = select(Credit.id.label("credit_id"), Credit.day.label("day")).where(
            Credit.collection_account_id.in_(asked.accounts),
            Credit.day.between(asked.first, asked.last),
            *_settled(),
        )
        return paid.subquery("dated")
    then = (
        LineMatch.collection_account_id.in_(asked.accounts),
        LineMatch.day.between(asked.first, asked.last),
        LineMatch.revoked_at.is_(None),
        *_settled(),
    )
    seen: Rows = select(Credit.id.label("credit_id"), LineMatch.day.label("day"))
    first = seen.join(LineMatch, LineMatch.first_credit_id == Credit.id).where(*then)
    further = (
        seen.join(MatchMember, MatchMember.credit_id == Credit.id)
        .join(LineMatch, LineMatch.id == MatchMember.line_match_id)
        .where(*then)
    )
    return union_all(first, further).subquery("dated")


def source_of(credit: ColumnElement[int] | InstrumentedAttribute[int]) -> ColumnElement[str]:
    """The source that told of a credit first; `statement` where none did."""
    first = select(Evidence.source).where(Evidence.credit_id == credit).order_by(Evidence.id)
    return func.coalesce(first.limit(1).scalar_subquery(), "statement")


def request_of() -> ColumnElement[int]:
    """The request a credit was found to be for; of several, the first that it pays."""
    paid = (
        select(PaymentRequestLine.payment_request_id)
        .join(Allocation, Allocation.payment_request_line_id == PaymentRequestLine.id)
        .where(
            Allocation.collection_account_id == Credit.collection_account_id,
            Allocation.credit_id == Credit.id,
        )
        .order_by(Allocation.id)
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(Credit.payment_request_id, paid)


def _settled() -> tuple[ColumnElement[bool], ...]:
    return Credit.finding.is_not(None), Credit.merged_into_id.is_(None), Credit.advised == 0


def _rest(asked: Asked) -> Rows:
    """Each credit once: that it came, and what of it is no fee."""
    day = dated(asked)
    over = Credit.held + Credit.unidentified + Credit.refunded + Credit.reversed
    rest = (
        select(
            Credit.id.label("credit_id"),
            Credit.collection_account_id.label("collection_account_id"),
            day.c.day.label("day"),
            Credit.finding.label("finding"),
            PaymentRequest.id.label("payment_request_id"),
            func.coalesce(PaymentRequest.agency_id, CollectionAccount.agency_id).label("agency_id"),
            literal(1, Count()).label("credits"),
            over.label("amount"),
            literal(0, Amount()).label("phi"),
            literal(0, Amount()).label("le_phi"),
            Credit.held.label("held"),
            Credit.unidentified.label("unidentified"),
            Credit.refunded.label("refunded"),
            Credit.reversed.label("reversed"),
        )
        .select_from(day)
        .join(Credit, Credit.id == day.c.credit_id)
        .join(CollectionAccount, CollectionAccount.id == Credit.collection_account_id)
        .outerjoin(PaymentRequest, PaymentRequest.id == request_of())
    )
    return rest if asked.portal is None else rest.where(PaymentRequest.portal_id == asked.portal)


def _paid(asked: Asked) -> Rows:
    """What the credits pay of each fee line."""
    day, kind = dated(asked), PaymentRequestLine.kind
    none = literal(0, Amount())
    paid = (
        select(
            Credit.id,
            Credit.collection_account_id,
            day.c.day,
            Credit.finding,
            PaymentRequest.id,
            PaymentRequest.agency_id,
            literal(0, Count()),
            Allocation.amount,
            case((kind == FeeKind.PHI.value, Allocation.amount), else_=0),
            case((kind == FeeKind.LE_PHI.value, Allocation.amount), else_=0),
            none,
            none,
            none,
            none,
        )
        .select_from(day)
        .join(Credit, Credit.id == day.c.credit_id)
        .join(
            Allocation,
            (Allocation.collection_account_id == Credit.collection_account_id)
            & (Allocation.credit_id == Credit.id),
        )
        .join(PaymentRequestLine, PaymentRequestLine.id == Allocation.payment_request_line_id)
        .join(PaymentRequest, PaymentRequest.id == PaymentRequestLine.payment_request_id)
    )
    return paid if asked.portal is None else paid.where(PaymentRequest.portal_id == asked.portal)


def _sum(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.coalesce(func.sum(amount), 0), Amount())
