"""Every identity between ledger, credits, requests and statements, as two sums that must be equal.

They come from different tables, and nothing is believed that is stored as a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, cast, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from payments import ledger, payouts
from payments.advice import Direction
from payments.agencies import CollectionAccount
from payments.core.columns import Amount
from payments.core.money import ZERO, Dong
from payments.credits import RECLAIMED, Allocation, Credit, Finding
from payments.ledger import BalanceSnapshot, JournalEntry, LedgerAccount, Posting
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.payouts import AWAY, LEAVING, Part, Payout, PayoutItem
from reconciliation import bookings, statements
from reconciliation.matching import LineMatch, Rule
from reconciliation.proof.days import bank, transit
from reconciliation.statements import Statement, StatementLine

_COUNTED: Final = (
    Finding.EXACT,
    Finding.LATE,
    Finding.SHORT,
    Finding.OVERPAID,
    Finding.SPLIT,
)
_OF_MATCHES: Final = (
    "match",
    "charge",
    "interest",
    "receivable",
    "recovered",
    "transfer",
    "bank_reversal",
    payouts.SEEN,
    payouts.RETURNED,
)


class Name(StrEnum):
    """The identities, in the order they are proved."""

    DEBITS_ARE_CREDITS = "debits_are_credits"
    ENTRIES_ARE_WHOLE = "entries_are_whole"
    SNAPSHOTS_ARE_POSTINGS = "snapshots_are_postings"
    BANK_IS_BOOKED_LINES = "bank_is_booked_lines"
    BANK_REACHES_CLOSING = "bank_reaches_closing"
    TRANSIT_IS_UNSEEN_CREDITS = "transit_is_unseen_credits"
    HELD_IS_HELD_BY_CREDITS = "held_is_held_by_credits"
    UNIDENTIFIED_IS_OF_CREDITS = "unidentified_is_of_credits"
    FEES_ARE_PAID_BY_CREDITS = "fees_are_paid_by_credits"
    FEES_ARE_ALLOCATED = "fees_are_allocated"
    REQUESTS_RECEIVED_CREDITS = "requests_received_credits"
    REQUESTS_CONFIRMED_BY_LINES = "requests_confirmed_by_lines"
    PAYOUTS_ARE_LEAVING = "payouts_are_leaving"
    REFUNDS_LEFT_CREDITS = "refunds_left_credits"
    REFUNDS_LEFT_REQUESTS = "refunds_left_requests"
    REMITTANCES_LEFT_CREDITS = "remittances_left_credits"
    REMITTANCES_LEFT_REQUESTS = "remittances_left_requests"
    REMITTANCES_HAVE_LINES = "remittances_have_lines"
    RECEIVABLE_IS_OF_LINES = "receivable_is_of_lines"
    TRANSFERS_ARE_PAIRED = "transfers_are_paired"
    MATCHES_POSTED_ONCE = "matches_posted_once"
    CREDITS_POSTED_ONCE = "credits_posted_once"


@dataclass(frozen=True, slots=True)
class Identity:
    """Two figures of an account that have to be the same: đồng, or counts of rows."""

    name: Name
    collection_account_id: int
    expected: int
    actual: int

    @property
    def difference(self) -> int:
        """What the actual figure has too much."""
        return self.actual - self.expected

    @property
    def holds(self) -> bool:
        """Whether the two are the same."""
        return self.expected == self.actual


Two = tuple[int, int]
"""What is expected and what there is."""


def prove(
    session: Session, *, account: int | None = None, day: date | None = None
) -> list[Identity]:
    """Every identity of one collection account or of all; bank and transit as of `day` if given."""
    accounts = select(CollectionAccount.id).order_by(CollectionAccount.id)
    if account is not None:
        accounts = accounts.where(CollectionAccount.id == account)
    return [
        Identity(name, one, int(expected), int(actual))
        for one in session.scalars(accounts).all()
        for name, (expected, actual) in _figures(session, one, day=day).items()
    ]


def _figures(session: Session, account: int, *, day: date | None) -> Mapping[Name, Two]:
    through = day or date.max
    now = transit(session, account, through)
    return {
        Name.DEBITS_ARE_CREDITS: _sides(session, account),
        Name.ENTRIES_ARE_WHOLE: (0, _broken_entries(session, account)),
        Name.SNAPSHOTS_ARE_POSTINGS: (0, _stale_snapshots(session, account)),
        Name.BANK_IS_BOOKED_LINES: _booked(session, account),
        Name.BANK_REACHES_CLOSING: _closing(session, account, through),
        Name.TRANSIT_IS_UNSEEN_CREDITS: (now.explained, now.balance),
        **_parts(session, account),
        **_requests(session, account),
        **_payouts(session, account),
        Name.RECEIVABLE_IS_OF_LINES: _receivable(session, account),
        Name.TRANSFERS_ARE_PAIRED: _transfers(session, account),
        Name.MATCHES_POSTED_ONCE: _matches(session, account),
        Name.CREDITS_POSTED_ONCE: _settled(session, account),
    }


def _sides(session: Session, account: int) -> Two:
    """Σ debits and Σ credits, each by the ledger accounts they stand on."""
    debits, credits = (
        _sum_of(
            session,
            select(_sum(Posting.amount))
            .join(LedgerAccount, LedgerAccount.id == side)
            .where(Posting.collection_account_id == account),
        )
        for side in (Posting.debit_id, Posting.credit_id)
    )
    return debits, credits


def _broken_entries(session: Session, account: int) -> int:
    """Entries without a posting, and postings of another day or account than their entry."""
    posted = exists().where(Posting.journal_entry_id == JournalEntry.id)
    empty = select(func.count()).where(JournalEntry.collection_account_id == account, ~posted)
    stray = (
        select(func.count())
        .select_from(Posting)
        .join(JournalEntry, JournalEntry.id == Posting.journal_entry_id)
        .where(
            Posting.collection_account_id == account,
            or_(
                Posting.day != JournalEntry.day,
                Posting.collection_account_id != JournalEntry.collection_account_id,
            ),
        )
    )
    return _sum_of(session, empty) + _sum_of(session, stray)


def _stale_snapshots(session: Session, account: int) -> int:
    """Balances of the newest closed day that the postings up to it do not come to."""
    closed = ledger.closed_through(session, account)
    if closed is None:
        return 0
    taken = {
        (row.ledger_account_id): (int(row.debits), int(row.credits))
        for row in session.scalars(
            select(BalanceSnapshot)
            .join(LedgerAccount, LedgerAccount.id == BalanceSnapshot.ledger_account_id)
            .where(LedgerAccount.collection_account_id == account, BalanceSnapshot.day == closed)
        )
    }
    posted: dict[int, list[int]] = {number: [0, 0] for number in taken}
    for place, side in enumerate((Posting.debit_id, Posting.credit_id)):
        rows = session.execute(
            select(side, _sum(Posting.amount))
            .where(Posting.collection_account_id == account, Posting.day <= closed)
            .group_by(side)
        )
        for number, amount in rows:
            posted.setdefault(number, [0, 0])[place] = int(amount)
    return sum(taken.get(number) != tuple(sums) for number, sums in posted.items())


def _booked(session: Session, account: int) -> Two:
    """The bank account is the opening balance and every booked line."""
    opening = bookings.opening_of(session, account)
    before = opening.amount if opening is not None and opening.approved_by else ZERO
    signed = case(
        (StatementLine.direction == Direction.CREDIT, StatementLine.amount),
        else_=-StatementLine.amount,
    )
    lines = select(_sum(signed)).where(
        StatementLine.collection_account_id == account, StatementLine.match_id.is_not(None)
    )
    balance = ledger.balance(session, f"assets:bank:{account}")
    return int(before) + _sum_of(session, lines), int(balance)


def _closing(session: Session, account: int, through: date) -> Two:
    """With the lines not booked, it is the bank's balance on the last day a statement states."""
    last = session.scalar(
        select(func.max(Statement.to_day)).where(
            Statement.collection_account_id == account,
            Statement.closing.is_not(None),
            Statement.to_day <= through,
            statements.stands(),
        )
    )
    closing = None if last is None else statements.closing_on(session, account, last)
    if last is None or closing is None:
        return 0, 0
    return int(closing.amount), int(bank(session, account, last).explained)


def _parts(session: Session, account: int) -> Mapping[Name, Two]:
    """What is owed by the ledger is what the credits' parts come to."""
    owed: dict[str, int] = {}
    for path, balance in ledger.balances(session, account, on=date.max).items():
        group = ":".join(path.split(":")[:2])
        owed[group] = owed.get(group, 0) - int(balance)
    held, unidentified, to_fees, remitted = session.execute(
        select(
            _sum(Credit.held),
            _sum(Credit.unidentified),
            _sum(Credit.to_fees),
            _sum(Credit.remitted),
        ).where(Credit.collection_account_id == account, Credit.merged_into_id.is_(None))
    ).one()
    allocated = select(_sum(Allocation.amount)).where(Allocation.collection_account_id == account)
    return {
        Name.HELD_IS_HELD_BY_CREDITS: (held, owed.get("liabilities:held", 0)),
        Name.UNIDENTIFIED_IS_OF_CREDITS: (unidentified, owed.get("liabilities:unidentified", 0)),
        Name.FEES_ARE_PAID_BY_CREDITS: (
            to_fees - remitted,
            owed.get("liabilities:fees", 0),
        ),
        Name.FEES_ARE_ALLOCATED: (to_fees, _sum_of(session, allocated)),
    }


def _requests(session: Session, account: int) -> Mapping[Name, Two]:
    """What requests received and have confirmed is what their credits come to."""
    counted = and_(
        Credit.collection_account_id == account,
        Credit.merged_into_id.is_(None),
        Credit.reversed == 0,
        Credit.finding.in_([finding.value for finding in _COUNTED]),
    )
    seen = case((Credit.match_id.is_not(None), Credit.amount), else_=0)
    came, confirmed = session.execute(select(_sum(Credit.amount), _sum(seen)).where(counted)).one()
    received, known = session.execute(
        select(_sum(PaymentRequest.received), _sum(PaymentRequest.confirmed)).where(
            PaymentRequest.collection_account_id == account
        )
    ).one()
    return {
        Name.REQUESTS_RECEIVED_CREDITS: (came, received),
        Name.REQUESTS_CONFIRMED_BY_LINES: (confirmed, known),
    }


def _payouts(session: Session, account: int) -> Mapping[Name, Two]:
    """What payouts are leaving, and what of them left the credits and requests they are of."""
    mine = (Payout.collection_account_id == account,)
    leaving = select(_sum(Payout.amount)).where(*mine, Payout.state.in_(LEAVING))
    ledgers = -int(ledger.balance(session, f"liabilities:payouts:{account}"))
    away = (
        select(_sum(PayoutItem.amount))
        .join(Payout, Payout.id == PayoutItem.payout_id)
        .where(*mine, Payout.state.in_(AWAY))
    )
    refunds = away.where(Payout.kind == payouts.Kind.REFUND)
    of_fees = refunds.where(PayoutItem.part == Part.FEES)
    remitted = away.where(Payout.kind == payouts.Kind.REMITTANCE)
    living = (
        select(_sum(PayoutItem.amount))
        .join(Payout, Payout.id == PayoutItem.payout_id)
        .where(*mine, Payout.kind == payouts.Kind.REMITTANCE, Payout.state.in_(payouts.LIVE))
    )
    forwarded = (
        select(_sum(PaymentRequestLine.forwarded))
        .join(PaymentRequest, PaymentRequest.id == PaymentRequestLine.payment_request_id)
        .where(PaymentRequest.collection_account_id == account)
    )

    def of(table: Any, column: Any) -> int:
        return _sum_of(session, select(_sum(column)).where(table.collection_account_id == account))

    return {
        Name.PAYOUTS_ARE_LEAVING: (_sum_of(session, leaving), ledgers),
        Name.REFUNDS_LEFT_CREDITS: (_sum_of(session, refunds), of(Credit, Credit.refunded)),
        Name.REFUNDS_LEFT_REQUESTS: (
            _sum_of(session, of_fees),
            of(PaymentRequest, PaymentRequest.refunded),
        ),
        Name.REMITTANCES_LEFT_CREDITS: (_sum_of(session, remitted), of(Credit, Credit.remitted)),
        Name.REMITTANCES_LEFT_REQUESTS: (
            _sum_of(session, remitted),
            of(PaymentRequest, PaymentRequest.remitted),
        ),
        Name.REMITTANCES_HAVE_LINES: (_sum_of(session, living), _sum_of(session, forwarded)),
    }


def _receivable(session: Session, account: int) -> Two:
    """What is to be got back is what lines took so, less what lines brought or was set off."""
    left = LineMatch.rule == Rule.RECEIVABLE
    lines = select(_sum(case((left, LineMatch.amount), else_=-LineMatch.amount))).where(
        LineMatch.collection_account_id == account,
        LineMatch.rule.in_([Rule.RECEIVABLE, Rule.RECOVERED]),
        LineMatch.revoked_at.is_(None),
    )
    set_off = select(_sum(Credit.reversed)).where(
        Credit.collection_account_id == account, RECLAIMED
    )
    expected = _sum_of(session, lines) - _sum_of(session, set_off)
    return expected, int(bookings.to_get_back(session, account))


def _transfers(session: Session, account: int) -> Two:
    """What left for our other accounts, less what came, by lines whose other half is booked too."""
    line, other = aliased(StatementLine), aliased(LineMatch)
    signed = case(
        (StatementLine.direction == Direction.DEBIT, LineMatch.amount), else_=-LineMatch.amount
    )
    paired = (
        select(_sum(signed))
        .select_from(LineMatch)
        .join(StatementLine, StatementLine.id == LineMatch.first_line_id)
        .join(line, line.id == LineMatch.other_line_id)
        .join(
            other,
            and_(
                other.id == line.match_id,
                other.other_line_id == LineMatch.first_line_id,
                other.amount == LineMatch.amount,
                other.revoked_at.is_(None),
            ),
        )
        .where(
            LineMatch.collection_account_id == account,
            LineMatch.other_line_id.is_not(None),
            LineMatch.revoked_at.is_(None),
        )
    )
    balance = ledger.balance(session, f"assets:transfers:{account}")
    return _sum_of(session, paired), int(balance)


def _matches(session: Session, account: int) -> Two:
    """Each live match has one entry that stands."""
    live = select(func.count()).where(
        LineMatch.collection_account_id == account, LineMatch.revoked_at.is_(None)
    )
    mirror = aliased(JournalEntry)
    standing = select(func.count()).where(
        JournalEntry.collection_account_id == account,
        JournalEntry.kind.in_(_OF_MATCHES),
        ~exists().where(mirror.reverses_id == JournalEntry.id),
    )
    return _sum_of(session, live), _sum_of(session, standing)


def _settled(session: Session, account: int) -> Two:
    """Each settled credit came in by one entry; what was decided of it later is numbered."""
    settled = select(func.count()).where(
        Credit.collection_account_id == account, Credit.finding.is_not(None)
    )
    entries = select(func.count()).where(
        JournalEntry.collection_account_id == account,
        JournalEntry.kind == "credit",
        JournalEntry.decision.not_like("credit:%:%"),
    )
    return _sum_of(session, settled), _sum_of(session, entries)


def _sum(amount: ColumnElement[Any] | InstrumentedAttribute[Dong]) -> ColumnElement[Any]:
    return cast(func.coalesce(func.sum(amount), 0), Amount())


def _sum_of(session: Session, asked: Any) -> int:
    return int(session.scalar(asked) or 0)
