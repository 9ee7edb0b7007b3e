"""Whose money is paid together: the credits that stand or fall with each other.

Two credits that pay one request are in company, and a credit that pays several requests joins those
who pay them. When one of a company is taken back, its requests reopen and all of it is settled
anew; so nothing of a company is undone once part of it was given back or forwarded, and nothing is
given back or forwarded before all of it stands on a statement.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table, and_, exists, insert, or_, select, union
from sqlalchemy.orm import Session

from payments.core.columns import Key
from payments.core.database import Rows, rows_of, table_of
from payments.core.temporary import analyze, scratch, temporary
from payments.credits.counting import COUNTED, RECLAIMED, counted
from payments.credits.pairing import CREDIT
from payments.credits.tables import Allocation
from payments.payment_requests import PaymentRequest, PaymentRequestLine

ALLOCATION: Final = table_of(Allocation)
LINE: Final = table_of(PaymentRequestLine)
REQUEST: Final = table_of(PaymentRequest)

_member: Final = Table(
    "company_member",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("member_id", Key(), primary_key=True),
    prefixes=["TEMPORARY"],
)
"""Of each credit asked about, all that are in its company: itself to begin with."""

_joint: Final = Table(
    "company_request",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("payment_request_id", Key(), primary_key=True),
    prefixes=["TEMPORARY"],
)


def gather_company(session: Session, chosen: Rows) -> None:
    """Finds the company of each of the chosen credits (ids, each once)."""
    temporary(session, _member, _joint)
    ours = chosen.subquery()
    session.execute(
        insert(_member).from_select(["credit_id", "member_id"], select(ours.c[0], ours.c[0]))
    )
    grown = 1
    while grown:
        analyze(session, _member)
        session.execute(insert(_joint).from_select(list(_joint.c.keys()), _requests()))
        analyze(session, _joint)
        more = insert(_member).from_select(list(_member.c.keys()), _payers())
        grown = rows_of(session.execute(more))


def given_away() -> Rows:
    """Those of `gather_company` in whose company something was given back or forwarded: ids."""
    left = or_(CREDIT.c.refunded > 0, CREDIT.c.remitted > 0)
    return (
        select(_member.c.credit_id)
        .join(CREDIT, CREDIT.c.id == _member.c.member_id)
        .where(left)
        .distinct()
    )


def given_away_beside() -> Rows:
    """Those that can't end though of them only what was held is away: ids.

    Of a fee in their company something was given back or forwarded, or anything of another credit.
    """
    beside = and_(_member.c.member_id != _member.c.credit_id, CREDIT.c.refunded > 0)
    of_credits = (
        select(_member.c.credit_id)
        .join(CREDIT, CREDIT.c.id == _member.c.member_id)
        .where(or_(beside, CREDIT.c.remitted > 0))
    )
    of_fees = (
        select(_joint.c.credit_id)
        .join(REQUEST, REQUEST.c.id == _joint.c.payment_request_id)
        .where(REQUEST.c.refunded > 0)
    )
    both = union(of_credits, of_fees).subquery()
    return select(*both.c)


def unseen() -> Rows:
    """Those of `gather_company` in whose company something stands on no statement: ids.

    What the bank took back since stands there no more.
    """
    return (
        select(_member.c.credit_id)
        .join(CREDIT, CREDIT.c.id == _member.c.member_id)
        .where(or_(CREDIT.c.match_id.is_(None), RECLAIMED))
        .distinct()
    )


def _requests() -> Rows:
    """What the members count for and is not known yet: (credit_id, payment_request_id)."""
    stands = counted(select(_member.c.member_id).distinct()).subquery()
    known = exists().where(
        _joint.c.credit_id == _member.c.credit_id,
        _joint.c.payment_request_id == stands.c.payment_request_id,
    )
    return (
        select(_member.c.credit_id, stands.c.payment_request_id)
        .join(stands, stands.c.credit_id == _member.c.member_id)
        .where(~known)
        .distinct()
    )


def _payers() -> Rows:
    """Who counts for those requests and is not known yet: (credit_id, member_id)."""
    named = and_(
        CREDIT.c.collection_account_id == REQUEST.c.collection_account_id,
        CREDIT.c.payment_request_id == REQUEST.c.id,
    )
    waiting = (
        select(_joint.c.credit_id, CREDIT.c.id.label("member_id"))
        .join(REQUEST, REQUEST.c.id == _joint.c.payment_request_id)
        .join(CREDIT, named)
        .where(CREDIT.c.finding.in_(COUNTED), CREDIT.c.reversed == 0)
    )
    paying = (
        select(_joint.c.credit_id, ALLOCATION.c.credit_id)
        .join(LINE, LINE.c.payment_request_id == _joint.c.payment_request_id)
        .join(ALLOCATION, ALLOCATION.c.payment_request_line_id == LINE.c.id)
        .join(CREDIT, CREDIT.c.id == ALLOCATION.c.credit_id)
        .where(CREDIT.c.reversed == 0, CREDIT.c.finding.in_(COUNTED))
    )
    both = union(waiting, paying).subquery()
    known = exists().where(_member.c.credit_id == both.c[0], _member.c.member_id == both.c[1])
    return select(*both.c).where(~known)
