"""Papers of a remittance: the fields of the form C1-02/NS, and the list of what it is made of.

The form is the payment slip to the state budget (Giấy nộp tiền vào ngân sách nhà nước, Circular
84/2016/TT-BTC): who pays, the treasury's account, and a line for each fee with chapter and
sub-item. Papers go to the treasury and the bank, so they are in Vietnamese whoever asks. There are
none of what does not leave; what another person has not approved yet is marked as a proposal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import cast, func, literal, select
from sqlalchemy.orm import Session

from payments import banks
from payments.agencies import Agency, CollectionAccount
from payments.core import pdf, words
from payments.core.calendar import local_day
from payments.core.columns import Amount, Words
from payments.core.errors import Conflict, NotFound
from payments.core.money import Dong, grouped, in_words
from payments.core.pdf import Paper, Signature
from payments.core.sheets import Cells, Heading
from payments.core.sheets import Kind as Cell
from payments.core.words import say
from payments.credits.paths import AGENCY, LINE, REQUEST
from payments.payouts.money import CREDIT, ITEM
from payments.payouts.routes import RemittanceRoute
from payments.payouts.tables import LIVE, Kind, Payout, State

_LISTED: Final = (
    ("reference", Cell.TEXT),
    ("dossier", Cell.TEXT),
    ("agency", Cell.TEXT),
    ("fee", Cell.TEXT),
    ("sub_item", Cell.TEXT),
    ("fee_day", Cell.DAY),
    ("came_at", Cell.MOMENT),
    ("bank_reference", Cell.TEXT),
    ("state", Cell.TEXT),
    ("amount", Cell.AMOUNT),
)
_AT_ONCE: Final = 2_000

PRINTED: Final = LIVE
"""Remittances that have papers: what is to leave, is leaving, or has left."""


class NoRemittance(NotFound):
    """The payout gives money back and goes to nobody's budget."""

    code = "no_remittance"


class NoPaper(Conflict):
    """The remittance does not leave: it was not approved, never left, or came back."""

    code = "no_paper"


@dataclass(frozen=True, slots=True)
class _Fees:
    """A line of the form: what is paid under a sub-item."""

    name: str
    sub_item: str
    amount: Dong


def treasury_slip(session: Session, payout: Payout) -> bytes:
    """The fields of the form C1-02/NS of a remittance, as a PDF.

    Raises `NoRemittance` or `NoPaper`.
    """
    route = _printed_route(session, payout)
    account = session.get_one(CollectionAccount, payout.collection_account_id)
    agency = session.get_one(Agency, payout.agency_id)
    with words.speaking("vi"):
        paper = Paper(
            say("slip_c102.title"),
            foot=say("slip_c102.foot", code=payout.code),
            page_words=lambda page, pages: say("paper.page", page=page, pages=pages),
            mark=_mark(payout, route),
        )
        paper.centred(say("slip_c102.form"), size=9, grey=pdf.SOFT)
        paper.centred(say("slip_c102.title"), size=14, font=pdf.BOLD)
        paper.centred(say("slip_c102.number", code=payout.code, day=local_day(payout.proposed_at)))
        paper.gap(8)
        for name, value in _facts(payout, route, account, agency):
            paper.entry(say(f"slip_c102.{name}"), "", value, size=10)
        _draw_fees(paper, _fees(session, payout), route, payout)
        paper.signatures(
            [
                Signature(say("slip_c102.maker"), say("slip_c102.sign_here"), ""),
                Signature(say("slip_c102.accountant"), say("slip_c102.sign_here"), ""),
                Signature(say("slip_c102.head"), say("slip_c102.sign_here"), ""),
            ]
        )
        return paper.finish()


def listed_headings() -> Sequence[Heading]:
    """What stands over the columns of the list, in the reader's language."""
    return [Heading(say(f"remittance.column.{name}"), kind) for name, kind in _LISTED]


def listed(session: Session, payout: Payout) -> Iterator[Cells]:
    """The fees that a remittance is made of, by request. Raises `NoRemittance` or `NoPaper`."""
    _printed_route(session, payout)
    state = say(f"remittance.state.{payout.state}")
    rows = (
        select(
            REQUEST.c.reference,
            REQUEST.c.dossier,
            AGENCY.c.code,
            LINE.c.name,
            LINE.c.sub_item,
            ITEM.c.fee_day,
            CREDIT.c.booked_at,
            CREDIT.c.bank_reference,
            literal(state, Words()),
            ITEM.c.amount,
        )
        .select_from(ITEM)
        .join(LINE, LINE.c.id == ITEM.c.payment_request_line_id)
        .join(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .join(AGENCY, AGENCY.c.id == REQUEST.c.agency_id)
        .join(CREDIT, CREDIT.c.id == ITEM.c.credit_id)
        .where(ITEM.c.payout_id == payout.id)
        .order_by(REQUEST.c.reference, ITEM.c.id)
        .execution_options(yield_per=_AT_ONCE)
    )
    place = [name for name, _ in _LISTED].index("sub_item")
    return (
        (*row[:place], _sub_item(row[place]), *row[place + 1 :]) for row in session.execute(rows)
    )


def route_of(session: Session, payout: Payout) -> RemittanceRoute:
    """The route by which a remittance goes. Raises `NoRemittance`."""
    if payout.kind != Kind.REMITTANCE:
        raise NoRemittance(payout=payout.code)
    return session.get_one(RemittanceRoute, payout.remittance_route_id)


def _printed_route(session: Session, payout: Payout) -> RemittanceRoute:
    route = route_of(session, payout)
    if payout.state not in PRINTED:
        raise NoPaper(payout=payout.code)
    return route


def _mark(payout: Payout, route: RemittanceRoute) -> str | None:
    """What stands across a slip that is no order yet, or goes by a route of practice."""
    marks = [] if route.verified else [say("slip_c102.sample")]
    if payout.state == State.PROPOSED:
        marks.append(say("slip_c102.proposal"))
    return " · ".join(marks) or None


def _facts(
    payout: Payout, route: RemittanceRoute, account: CollectionAccount, agency: Agency
) -> Sequence[tuple[str, str]]:
    ours = banks.by_bin(account.bin)
    theirs = banks.by_bin(route.bin)
    return (
        ("payer", route.collector_name),
        ("tax_code", route.tax_code or "–"),
        ("fees_of", f"{agency.name_vi} ({agency.code})"),
        ("from_account", f"{account.number} · {account.name}"),
        ("from_bank", ours.name if ours else account.bin),
        ("treasury", route.treasury),
        ("to_account", f"{route.number} · {route.name}"),
        ("to_bank", theirs.name if theirs else route.bin),
        ("budget_account", route.budget_account),
        ("collector", f"{route.collector} · {route.collector_name}"),
        ("payout", payout.code),
    )


def _fees(session: Session, payout: Payout) -> Sequence[_Fees]:
    rows = session.execute(
        select(LINE.c.name, LINE.c.sub_item, cast(func.sum(ITEM.c.amount), Amount()))
        .select_from(ITEM)
        .join(LINE, LINE.c.id == ITEM.c.payment_request_line_id)
        .where(ITEM.c.payout_id == payout.id)
        .group_by(LINE.c.sub_item, LINE.c.name)
        .order_by(LINE.c.sub_item, LINE.c.name)
    )
    return [_Fees(name, sub_item, amount) for name, sub_item, amount in rows]


def _draw_fees(paper: Paper, fees: Sequence[_Fees], route: RemittanceRoute, payout: Payout) -> None:
    names = ("number", "content", "chapter", "sub_item")
    headings = [Heading(say(f"slip_c102.column.{name}")) for name in names]
    headings.append(Heading(say("slip_c102.column.amount"), Cell.AMOUNT))
    rows = [
        [str(number), one.name, route.chapter, _sub_item(one.sub_item), grouped(one.amount)]
        for number, one in enumerate(fees, 1)
    ]
    total = ["", say("slip_c102.total"), "", "", grouped(payout.amount)]
    paper.heading(say(f"slip_c102.kind.{route.kind}"))
    paper.table(headings, rows, total=total)
    paper.words(say("slip_c102.in_words", words=in_words(payout.amount)), font=pdf.BOLD)


def _sub_item(code: str) -> str:
    return code if code.isdigit() else "–"
