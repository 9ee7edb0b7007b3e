"""The payment slip: a request on one sheet of A4, for those without a smartphone.

What stands on it can be scanned by somebody else's phone, or typed at a bank's counter or an ATM.
It says everything in Vietnamese and under it in English, names nobody, and is the same bytes each
time it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import banks, payment_requests, vietqr
from payments.core import pdf
from payments.core.money import Dong, in_words
from payments.core.pdf import Paper
from payments.core.words import say
from payments.payment_requests import Name, Names, PaymentRequest

MEDIA_TYPE: Final = "application/pdf"

_QR_SIDE: Final = 170
"""Points: 60 mm, which a phone reads at arm's length."""

_MOST_ITEMS: Final = 8
"""Fees on the sheet; of more, the last ones are one sum."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a part of the money is for."""

    name: Name
    amount: Dong


@dataclass(frozen=True, slots=True)
class Slip:
    """All that stands on the sheet; `qr` and `due` are of what is still to be paid."""

    reference: str
    dossier: str
    agency: Name
    items: Sequence[Item]
    received: Dong
    due: Dong
    bank: str
    account: str
    holder: str
    memo: str
    qr: str
    expires_at: datetime


def of(session: Session, request: PaymentRequest, *, now: datetime) -> Slip:
    """What is printed for a request at `now`. Raises `payment_requests.NotToBePaid`."""
    this = select(PaymentRequest.id).where(PaymentRequest.id == request.id)
    snapshot = payment_requests.snapshots(session, this)[request.id]
    return printed(snapshot, payment_requests.names_of(session, request), now=now)


def printed(snapshot: Mapping[str, Any], names: Names, *, now: datetime) -> Slip:
    """What is printed of a request as others see it. Raises `payment_requests.NotToBePaid`."""
    qr = payment_requests.to_scan(snapshot, now=now)
    to = snapshot["pay_to"]
    bank = banks.by_bin(to["bin"])
    received = Dong(snapshot["received"])
    return Slip(
        reference=snapshot["reference"],
        dossier=snapshot["dossier"],
        agency=names.agency,
        items=[_item(*one) for one in zip(snapshot["lines"], names.fees, strict=True)],
        received=received,
        due=Dong(snapshot["amount"]) - received,
        bank=f"{bank.short_name} · {bank.name}" if bank else to["bin"],
        account=to["account"],
        holder=to["name"],
        memo=to["memo"],
        qr=qr,
        expires_at=datetime.fromisoformat(snapshot["expires_at"]),
    )


def draw(slip: Slip) -> bytes:
    """The sheet as a PDF. Of fees that do not all fit, the last ones are one sum."""
    shown = min(len(slip.items), _MOST_ITEMS)
    paper = _written(slip, shown=shown)
    while paper.pages > 1 and shown:
        shown -= 1
        paper = _written(slip, shown=shown)
    return paper.finish()


def _item(line: Mapping[str, Any], name: Name) -> Item:
    details = []
    if line["quantity"] > 1:
        unit = Dong(line["unit_amount"])
        details.append(_both("slip.times", many=line["quantity"], unit=unit))
    if line["reduction"] is not None:
        details.append(_both("slip.reduced"))
    vietnamese, english = (
        words and " · ".join((words, *(detail[at] for detail in details)))
        for at, words in enumerate(name)
    )
    return Item(name=(vietnamese or "", english), amount=Dong(line["amount"]))


def _written(slip: Slip, *, shown: int) -> Paper:
    paper = Paper(
        f"{say('slip.title', in_language='vi')} {slip.reference}",
        foot=say("slip.foot", in_language="vi", reference=slip.reference, dossier=slip.dossier),
        page_words=lambda _page, _pages: "",
    )
    _head(paper, slip)
    with paper.symbol(vietqr.symbol(slip.qr), side=_QR_SIDE):
        _beside(paper, slip)
    paper.gap(6)
    _to_type(paper, slip)
    _items(paper, slip, shown=shown)
    _notes(paper, slip)
    return paper


def _head(paper: Paper, slip: Slip) -> None:
    vietnamese, english = slip.agency
    paper.centred(vietnamese, size=11, font=pdf.BOLD)
    paper.centred(english or "", size=9, grey=pdf.SOFT)
    paper.gap(6)
    vietnamese, english = _both("slip.title")
    paper.centred(vietnamese.upper(), size=17, font=pdf.BOLD)
    paper.centred(english, size=10, grey=pdf.SOFT)


def _beside(paper: Paper, slip: Slip) -> None:
    """What is asked for and until when, and what to do with the code."""
    vietnamese, english = _both("slip.to_pay")
    paper.words(f"{vietnamese} · {english}", size=9, grey=pdf.SOFT)
    paper.words(_dong(slip.due, "vi"), size=23, font=pdf.BOLD)
    paper.words(in_words(slip.due), size=11)
    paper.gap(9)
    _say(paper, "slip.before", size=11, font=pdf.BOLD, at=slip.expires_at)
    paper.gap(9)
    _say(paper, "slip.scan", size=10)


def _to_type(paper: Paper, slip: Slip) -> None:
    """What is typed where nobody can scan, in letters large enough for it."""
    _say(paper, "slip.by_hand", size=11, font=pdf.BOLD)
    paper.gap(4)
    paper.entry(*_both("slip.bank"), slip.bank, size=11)
    paper.entry(*_both("slip.account"), slip.account, size=17)
    paper.entry(*_both("slip.holder"), slip.holder, size=12)
    name, under = _both("slip.amount")
    paper.entry(name, f"{under}: {_dong(slip.due, 'en')}", _dong(slip.due, "vi"), size=17)
    paper.entry(*_both("slip.memo"), slip.memo, size=17)


def _items(paper: Paper, slip: Slip, *, shown: int) -> None:
    paper.gap(10)
    vietnamese, english = _both("slip.what_for", dossier=slip.dossier)
    paper.words(vietnamese, size=11, font=pdf.BOLD)
    paper.words(english, size=8, grey=pdf.SOFT)
    for item in slip.items[:shown]:
        vietnamese, other = item.name
        paper.item(vietnamese, other or "", _dong(item.amount, "vi"))
    if left := slip.items[shown:]:
        rest = sum((item.amount for item in left), start=Dong(0))
        paper.item(*_both("slip.others", many=len(left)), _dong(rest, "vi"))
    if slip.received:
        paper.item(*_both("slip.received"), f"−{_dong(slip.received, 'vi')}")
    if slip.received or len(slip.items) > 1:
        paper.item(*_both("slip.to_pay"), _dong(slip.due, "vi"))


def _notes(paper: Paper, slip: Slip) -> None:
    paper.gap(8)
    _say(paper, "slip.keep_memo", memo=slip.memo)
    _say(paper, "slip.no_cash", font=pdf.BOLD)
    _say(paper, "slip.ask", reference=slip.reference)


def _say(paper: Paper, key: str, *, size: int = 9, font: str = pdf.PLAIN, **fields: object) -> None:
    """A paragraph, and under it the same in English."""
    vietnamese, english = _both(key, **fields)
    paper.words(vietnamese, size=size, font=font)
    paper.words(english, size=8, grey=pdf.SOFT)


def _both(key: str, **fields: object) -> tuple[str, str]:
    """The words in Vietnamese and in English."""
    return say(key, in_language="vi", **fields), say(key, in_language="en", **fields)


def _dong(amount: Dong, language: str) -> str:
    return say("slip.dong", in_language=language, amount=amount)
