"""The proof: every identity that must hold between ledger, credits, requests and statements.

Each is a figure computed twice, from the ledger and from what the ledger is about; the difference
is nothing, or it is named. Run daily, on demand, and at the end of every test flow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session, aliased

from payments.agencies import CollectionAccount
from payments.core.columns import Amount
from payments.core.database import table_of
from payments.core.money import Dong
from payments.credits import Allocation, Credit, counted
from payments.ledger import JournalEntry, LedgerAccount, Posting
from payments.payment_requests import PaymentRequest, PaymentRequestLine, Status
from reconciliation import statements
from reconciliation.matching import LineMatch, Rule
from reconciliation.statements import StatementLine

CREDIT: Final = table_of(Credit)
OWED: Final = ("held", "unidentified")
CONFIRMING: Final = (
    Rule.REFERENCE.value,
    Rule.CODE.value,
    Rule.PAYER.value,
    Rule.MISSED_CALLBACK.value,
)
"""Rules whose matches book Dr bank, Cr transit."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One figure computed twice; `account` is the collection account's number, if it has one."""

    name: str
    account: str | None
    ledger: int
    found: int

    @property
    def difference(self) -> int:
        """What is not explained: zero when the identity holds."""
        return self.ledger - self.found

    @property
    def holds(self) -> bool:
        """Whether both computations agree."""
        return self.difference == 0


def prove(
    session: Session, *, account: CollectionAccount | None = None, day: date | None = None
) -> list[Identity]:
    """Every identity, of one collection account or of all; with `day`, the bank's too.

    The bank's identity needs a closing balance of that day; without one it is left out, and the
    day's verdict says so.
    """
    proved = [_debits_and_credits(session)]
    accounts = [account] if account else list(_accounts(session))
    for one in accounts:
        proved.extend(_of_account(session, one))
        if day is not None:
            proved.extend(_bank(session, one, day))
    return proved


def _accounts(session: Session) -> Iterator[CollectionAccount]:
    yield from session.scalars(select(CollectionAccount).order_by(CollectionAccount.id))


def _of_account(session: Session, account: CollectionAccount) -> Iterator[Identity]:
    yield _transit(session, account)
    for part in OWED:
        owed = _sum(session, Credit.__table__.c[part], Credit.collection_account_id == account.id)
        yield Identity(
            part, account.number, -_balance(session, f"liabilities:{part}", account), owed
        )
    yield _fees(session, account)
    yield _allocations(session, account)
    yield _received(session, account)
    yield _confirmed(session, account)
    yield _statuses(session, account)
    yield _decisions(session, account)
    yield _matches(session, account)
    yield _matched_lines(session, account)


def _debits_and_credits(session: Session) -> Identity:
    """Σ debits = Σ credits, summed by ledger account from either side of every posting."""
    debits = select(Posting.debit_id, _total(Posting.amount)).group_by(Posting.debit_id)
    credits = select(Posting.credit_id, _total(Posting.amount)).group_by(Posting.credit_id)
    by_debit = sum(int(amount) for _, amount in session.execute(debits))
    by_credit = sum(int(amount) for _, amount in session.execute(credits))
    return Identity("debits_and_credits", None, by_debit, by_credit)


def _bank(session: Session, account: CollectionAccount, day: date) -> Iterator[Identity]:
    """The ledger's bank account and the lines not booked make the bank's closing balance."""
    closing = statements.closing_on(session, account.id, day)
    if closing is None:
        return
    booked = _balance(session, "assets:bank", account, on=day)
    open_lines = session.scalar(
        select(func.coalesce(statements.net(), 0)).where(
            StatementLine.collection_account_id == account.id,
            StatementLine.day <= day,
            StatementLine.match_id.is_(None),
        )
    )
    yield Identity("bank", account.number, booked + int(open_lines or 0), int(closing.amount))


def _transit(session: Session, account: CollectionAccount) -> Identity:
    """What was told and not yet seen: credits without a line."""
    open_credits = _sum(
        session,
        CREDIT.c.amount - CREDIT.c.advised - CREDIT.c.reversed,
        and_(CREDIT.c.collection_account_id == account.id, CREDIT.c.match_id.is_(None)),
    )
    return Identity(
        "transit", account.number, _balance(session, "assets:transit", account), open_credits
    )


def _fees(session: Session, account: CollectionAccount) -> Identity:
    """Fees owed to agencies are what credits paid towards fees."""
    mine = Posting.collection_account_id == account.id
    fees = f"liabilities:fees:{account.id}:%"
    debited, credited = aliased(LedgerAccount), aliased(LedgerAccount)
    up = select(_total(Posting.amount)).join(credited, credited.id == Posting.credit_id)
    down = select(_total(Posting.amount)).join(debited, debited.id == Posting.debit_id)
    owed = int(session.scalar(up.where(mine, credited.path.like(fees))) or 0) - int(
        session.scalar(down.where(mine, debited.path.like(fees))) or 0
    )
    paid = _sum(session, CREDIT.c.to_fees, CREDIT.c.collection_account_id == account.id)
    return Identity("fees", account.number, owed, paid)


def _allocations(session: Session, account: CollectionAccount) -> Identity:
    """What credits paid towards fees is what their allocations say, line by line."""
    allocated = _sum(session, Allocation.amount, Allocation.collection_account_id == account.id)
    paid = _sum(session, CREDIT.c.to_fees, CREDIT.c.collection_account_id == account.id)
    return Identity("allocations", account.number, paid, allocated)


def _received(session: Session, account: CollectionAccount) -> Identity:
    """What requests say they received is what their credits count for."""
    mine = select(Credit.id).where(Credit.collection_account_id == account.id)
    share = counted(mine).subquery()
    received = _sum(
        session, PaymentRequest.received, PaymentRequest.collection_account_id == account.id
    )
    return Identity("received", account.number, received, _sum(session, share.c.amount))


def _confirmed(session: Session, account: CollectionAccount) -> Identity:
    """What requests say stands on a statement is what their matched credits count for."""
    mine = select(Credit.id).where(
        Credit.collection_account_id == account.id, Credit.match_id.is_not(None)
    )
    share = counted(mine).subquery()
    confirmed = _sum(
        session, PaymentRequest.confirmed, PaymentRequest.collection_account_id == account.id
    )
    return Identity("confirmed", account.number, confirmed, _sum(session, share.c.amount))


def _statuses(session: Session, account: CollectionAccount) -> Identity:
    """Paid requests are those whose every fee line is paid in full."""
    line = PaymentRequestLine
    paid_lines = (
        select(
            line.payment_request_id, cast(func.sum(Allocation.amount), Amount()).label("allocated")
        )
        .join(Allocation, Allocation.payment_request_line_id == line.id)
        .group_by(line.payment_request_id)
        .subquery()
    )
    request = PaymentRequest
    mine = and_(request.collection_account_id == account.id, request.amount > 0)
    paid = select(func.count()).select_from(request).where(mine, request.status == Status.PAID)
    in_full = (
        select(func.count())
        .select_from(request)
        .join(paid_lines, paid_lines.c.payment_request_id == request.id)
        .where(mine, paid_lines.c.allocated == request.amount)
    )
    return Identity(
        "paid_requests", account.number, session.scalar(paid) or 0, session.scalar(in_full) or 0
    )


def _decisions(session: Session, account: CollectionAccount) -> Identity:
    """Every decision is booked once."""
    entries = JournalEntry.collection_account_id == account.id
    booked = select(func.count()).select_from(JournalEntry).where(entries)
    pairs = select(JournalEntry.kind, JournalEntry.decision).where(entries).distinct().subquery()
    distinct = select(func.count()).select_from(pairs)
    return Identity(
        "decisions", account.number, session.scalar(booked) or 0, session.scalar(distinct) or 0
    )


def _matches(session: Session, account: CollectionAccount) -> Identity:
    """Live matches of credits are the match entries that were not reversed."""
    undone = aliased(JournalEntry)
    booked = (
        select(func.count())
        .select_from(JournalEntry)
        .outerjoin(undone, undone.reverses_id == JournalEntry.id)
        .where(
            JournalEntry.collection_account_id == account.id,
            JournalEntry.kind == "match",
            undone.id.is_(None),
        )
    )
    live = (
        select(func.count())
        .select_from(LineMatch)
        .where(
            LineMatch.collection_account_id == account.id,
            LineMatch.revoked_at.is_(None),
            LineMatch.rule.in_(CONFIRMING),
        )
    )
    return Identity(
        "matches", account.number, session.scalar(booked) or 0, session.scalar(live) or 0
    )


def _matched_lines(session: Session, account: CollectionAccount) -> Identity:
    """Lines in a live match have the sum of the matches."""
    matched = _sum(
        session,
        StatementLine.amount,
        and_(
            StatementLine.collection_account_id == account.id, StatementLine.match_id.is_not(None)
        ),
    )
    live = _sum(
        session,
        LineMatch.amount,
        and_(LineMatch.collection_account_id == account.id, LineMatch.revoked_at.is_(None)),
    )
    return Identity("matched_lines", account.number, live, matched)


def _total(column: Any) -> ColumnElement[Any]:
    """Σ as a whole number on both engines: PostgreSQL sums BIGINT to NUMERIC."""
    summed: Any = func.coalesce(func.sum(column), 0)
    return cast(summed, Amount())


def _sum(session: Session, column: Any, *where: ColumnElement[bool]) -> int:
    return int(session.scalar(select(_total(column)).where(*where)) or 0)


def _balance(
    session: Session, path: str, account: CollectionAccount, *, on: date | None = None
) -> int:
    """Debits less credits of an account's ledger account, summed from the postings themselves."""
    ledger_id = select(LedgerAccount.id).where(LedgerAccount.path == f"{path}:{account.id}")
    side = ledger_id.scalar_subquery()
    signed = case((Posting.debit_id == side, Posting.amount), else_=-Posting.amount)
    asked = select(_total(signed)).where(or_(Posting.debit_id == side, Posting.credit_id == side))
    if on is not None:
        asked = asked.where(Posting.day <= on)
    return int(Dong(int(session.scalar(asked) or 0)))


def failing(proved: Sequence[Identity]) -> list[Identity]:
    """The identities that do not hold."""
    return [one for one in proved if not one.holds]
