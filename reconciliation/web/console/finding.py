"""Finding a payment by whatever a citizen brings: a code, a number, an amount, words of a memo.

What names one thing (a request's code, a dossier, a bank's number, a receipt, a paper) is looked up
by its index. What may be anything (an amount, words) is looked for among the newest of each kind
only, so that no search reads a table that grows from end to end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from payments import agencies, documents, references
from payments.agencies import CollectionAccount
from payments.claims import Claim
from payments.core.errors import CashlessError
from payments.credits import Credit, Evidence
from payments.documents import Document
from payments.payment_requests import PaymentRequest
from payments.payouts import Payout
from payments.portals import Portal
from payments.receipts import Receipt, ReceiptSeries
from payments.references import Kind
from payments.sources import SOURCES
from reconciliation.breaks import Break, Leg
from reconciliation.statements import StatementLine
from reconciliation.web.console.typed import among_newest, amount_of, has_words
from reconciliation.web.console.wanted import LONGEST

SHOWN: Final = 20
"""So many of each kind are shown."""

SHORTEST_WORDS: Final = 4

_DIGITS: Final = re.compile(r"[0-9]{1,8}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9\s]+", re.ASCII)


class Group(StrEnum):
    """What was found, in the order in which it is shown."""

    REQUEST = "request"
    CREDIT = "credit"
    LINE = "line"
    PAYOUT = "payout"
    RECEIPT = "receipt"
    PAPER = "paper"
    BREAK = "break"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, by kind; `searched` says that only the newest were looked through."""

    groups: dict[Group, Sequence[Any]] = field(default_factory=dict)
    searched: bool = False

    def only(self) -> tuple[Group, Any] | None:
        """The one thing that was found, if it is one."""
        all_of_it = [(group, one) for group, found in self.groups.items() for one in found]
        return all_of_it[0] if len(all_of_it) == 1 else None


def find(session: Session, typed: str, *, prefix: str) -> Found:
    """Whatever there is that `typed` may mean, at most `SHOWN` and one more of each kind.

    A whole code of a request that exists is that request and nothing else.
    """
    told = typed.strip()[:LONGEST]
    if not told:
        return Found()
    ours = agencies.virtual_prefixes(session)
    codes = list(_codes(told, ours=ours, prefix=prefix))
    whole = [one.code for one in codes if one.kind is Kind.FULL]
    if whole:
        requests = _rows(session, PaymentRequest, [PaymentRequest.reference.in_(whole)])
        if requests:
            return Found({Group.REQUEST: requests})
    named = _collected(session, told, codes)
    amount = amount_of(told)
    newest = {} if amount is None else _of_amount(session, amount)
    if not named and not newest and len(references.squeeze(told)) >= SHORTEST_WORDS:
        newest = _with_words(session, told)
    elif amount is None:
        return Found(named)
    groups = {
        group: _merged(named.get(group, ()), newest.get(group, ()))
        for group in Group
        if group in named or group in newest
    }
    return Found(groups, searched=True)


def _codes(told: str, *, ours: Collection[str], prefix: str) -> Iterator[references.Reference]:
    """The codes in what was typed; ten digits alone may be one without its letters."""
    yield from references.find(told, prefix)
    virtual = references.of_virtual_account(told, ours, prefix)
    if virtual is not None:
        yield virtual
    digits = "".join(told.split())
    if len(digits) == references.DIGITS and digits.isascii() and digits.isdigit():
        yield from references.find(prefix + digits, prefix)


def _collected(
    session: Session, told: str, codes: Sequence[references.Reference]
) -> dict[Group, Sequence[Any]]:
    """What is named by what was typed, each kind by its index."""
    found: dict[Group, Sequence[Any]] = {}
    for group, table, conditions in (
        (Group.REQUEST, PaymentRequest, _requests(told, codes)),
        (Group.CREDIT, Credit, _credits(told, codes)),
        (Group.LINE, StatementLine, _lines(told)),
        (Group.PAYOUT, Payout, _payouts(told)),
        (Group.RECEIPT, Receipt, _receipts(session, told)),
        (Group.PAPER, Document, _papers(told)),
        (Group.BREAK, Break, _breaks(session, told)),
    ):
        rows = _rows(session, table, conditions)
        if rows:
            found[group] = rows
    return found


def _rows(session: Session, table: Any, conditions: Iterable[ColumnElement[bool]]) -> Sequence[Any]:
    """The newest rows for which any condition holds; each is asked alone, so each has its index."""
    found: dict[int, Any] = {}
    for condition in conditions:
        rows = select(table).where(condition).order_by(table.id.desc()).limit(SHOWN + 1)
        found |= {row.id: row for row in session.scalars(rows)}
    return [found[number] for number in sorted(found, reverse=True)][: SHOWN + 1]


def _requests(told: str, codes: Sequence[references.Reference]) -> Iterator[ColumnElement[bool]]:
    reference = PaymentRequest.reference
    for one in codes:
        if one.kind is Kind.DAMAGED:
            yield reference.in_(references.repairs(one.code))
        elif one.kind is Kind.CUT:
            yield reference.between(*references.span(one.code))
    dossier = PaymentRequest.dossier.in_({told, told.upper()})
    yield PaymentRequest.portal_id.in_(select(Portal.id)) & dossier


def _credits(told: str, codes: Sequence[references.Reference]) -> Iterator[ColumnElement[bool]]:
    ours = Credit.collection_account_id.in_(select(CollectionAccount.id))
    yield ours & Credit.bank_reference.in_({told, told.upper()})
    whole = [one.code for one in codes if one.kind is Kind.FULL]
    if whole:
        yield ours & Credit.code.in_(whole)
    by_bank = select(Evidence.credit_id).where(
        Evidence.collection_account_id.in_(select(CollectionAccount.id)),
        Evidence.source.in_(SOURCES),
        Evidence.event_id == told,
    )
    yield Credit.id.in_(by_bank)


def _lines(told: str) -> Iterator[ColumnElement[bool]]:
    """Lines that are no credit of ours yet; those that are stand on the credit's page."""
    unbooked = StatementLine.match_id.is_(None)
    ours = StatementLine.collection_account_id.in_(select(CollectionAccount.id))
    yield unbooked & ours & StatementLine.bank_reference.in_({told, told.upper()})


def _payouts(told: str) -> Iterator[ColumnElement[bool]]:
    code = "".join(c for c in told.upper() if c.isascii() and c.isalnum())
    yield Payout.code == code
    yield from _public_ids(Payout.public_id, told)


def _receipts(session: Session, told: str) -> Iterator[ColumnElement[bool]]:
    """By number alone, or with its series' symbol before it."""
    yield from _public_ids(Receipt.public_id, told)
    *before, last = told.replace("·", " ").replace("/", " ").split()
    if not _DIGITS.fullmatch(last) or not int(last):
        return
    series = select(ReceiptSeries.id, ReceiptSeries.symbol, ReceiptSeries.form)
    known = session.execute(series).all()
    named = {one.upper() for one in before}
    asked = [
        row.id for row in known if not named or named <= {row.symbol.upper(), row.form.upper()}
    ]
    yield Receipt.receipt_series_id.in_(asked) & (Receipt.number == int(last))


def _papers(told: str) -> Iterator[ColumnElement[bool]]:
    try:
        yield Document.code == documents.read_code(told)
    except CashlessError:  # no paper's code: it was meant as something else
        return


def _breaks(session: Session, told: str) -> Iterator[ColumnElement[bool]]:
    """By its own number, or by that of the payer's report that it is."""
    yield from _public_ids(Break.public_id, told)
    number = "".join(told.split())
    claim = session.scalar(select(Claim).where(Claim.number == number))
    if claim is not None:
        named = (Break.leg == Leg.CLAIM) & (Break.key == str(claim.id))
        yield (Break.collection_account_id == claim.collection_account_id) & named


def _public_ids(column: InstrumentedAttribute[str], told: str) -> Iterator[ColumnElement[bool]]:
    try:
        yield column == str(UUID(told))
    except ValueError:
        return


def _of_amount(session: Session, amount: int) -> dict[Group, Sequence[Any]]:
    """By amount, among the newest of each kind."""
    return _among_newest(
        session,
        {
            Group.REQUEST: (PaymentRequest, PaymentRequest.amount == amount),
            Group.CREDIT: (Credit, Credit.amount == amount),
            Group.LINE: (StatementLine, StatementLine.amount == amount),
        },
    )


def _with_words(session: Session, told: str) -> dict[Group, Sequence[Any]]:
    """By words of the memo or the bank's number, among the newest of each kind.

    The payer's own transfer number and account stand in memos: numbers that are no amount of
    anything. Spaces that somebody put into one do not count.
    """
    number = StatementLine.bank_reference.in_({told, told.upper()})
    words = "".join(told.split()) if _NUMBER.fullmatch(told) else told
    return _among_newest(
        session,
        {
            Group.CREDIT: (Credit, has_words(Credit.memo, words)),
            Group.LINE: (StatementLine, or_(has_words(StatementLine.memo, words), number)),
        },
    )


def _among_newest(
    session: Session, asked: dict[Group, tuple[Any, ColumnElement[bool]]]
) -> dict[Group, Sequence[Any]]:
    found = {
        group: session.scalars(
            select(table)
            .where(among_newest(table), condition)
            .order_by(table.id.desc())
            .limit(SHOWN + 1)
        ).all()
        for group, (table, condition) in asked.items()
    }
    return {group: rows for group, rows in found.items() if rows}


def _merged(first: Sequence[Any], second: Sequence[Any]) -> Sequence[Any]:
    known = {one.id for one in first}
    return [*first, *[one for one in second if one.id not in known]][: SHOWN + 1]
