"""What the payer's page shows: a request's public JSON, seen by its payer at one instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from payments import banks, payouts
from payments.core.money import Dong
from payments.core.words import language, say
from payments.payment_requests import payable
from payments.payouts import RefundAccount
from payments.web.citizen.faces import FACES, LEAVING, REFUNDS, UNDER_WAY, Face
from payments.web.i18n import day, moment

_UNPAID: Final = ("open", "confirming", "partially_paid", "expired", "cancelled")


@dataclass(frozen=True)
class Asked:
    """A request as its payer may see it: its public JSON and the names of its codes."""

    snapshot: Mapping[str, Any]
    agency: str
    fees: Sequence[str]
    """The name of each line, in the order of the snapshot's lines."""
    beyond: Dong
    """What came when nothing was due any more and is held, in đồng (`credits.beyond`)."""
    receipts: Sequence[Mapping[str, Any]] = ()
    """The public JSON of its receipts, also of those that count no more."""
    awaited: bool = False
    """Whether further receipts are on their way."""
    refunds: Sequence[Mapping[str, Any]] = ()
    """The public JSON of its refunds, in order."""
    kept: Dong | None = None
    """What is kept to go back and in no refund, in đồng (`payouts.to_go_back`); None for all that
    is too much."""
    named: RefundAccount | None = None
    """The account that its payer named for it to go back to."""
    claim: Mapping[str, Any] | None = None
    """What its payer said of it, and what came of that (`claims.snapshot`)."""

    @property
    def claimable(self) -> bool:
        """Whether its payer may say that they paid: it is not, and no money for it is held."""
        return self.snapshot["status"] in _UNPAID and not self.beyond

    @property
    def changing(self) -> Mapping[str, Any]:
        """What the page's mark is made of."""
        return {
            **self.snapshot,
            "beyond": self.beyond,
            "receipts": self.receipts,
            "awaited": self.awaited,
            "named": 0 if self.named is None else self.named.number,
            "answered": bool(self.claim and self.claim["answered_at"]),
        }


@dataclass(frozen=True)
class Line:
    """One fee on the page."""

    name: str
    quantity: int
    unit_amount: Dong
    amount: Dong
    reduced: bool


@dataclass(frozen=True)
class PayTo:
    """Where the money goes, as the payer's banking app will show it."""

    bank: str
    name: str
    account: str
    memo: str
    qr: str


@dataclass(frozen=True)
class Paper:
    """A receipt to be downloaded."""

    id: str
    name: str
    number: str
    amount: Dong


@dataclass(frozen=True)
class Back:
    """A refund: how much of the money goes back, where to, and where it stands, in words."""

    tone: str
    icon: str
    amount: Dong
    words: str
    to: str


@dataclass(frozen=True)
class BackTo:
    """Where what is kept is to go back to: the account that was named, if any, in words."""

    amount: Dong
    account: str | None
    named_at: str | None
    again: bool
    """Whether an account may be named still."""


@dataclass(frozen=True)
class Page:
    """All that the page shows, in the reader's language."""

    state: str
    face: Face
    headline: str
    amount_label: str
    amount: Dong
    sentences: Sequence[str]
    agency: str
    dossier: str
    reference: str
    paid_at: str | None
    expires_at: str
    lines: Sequence[Line]
    pay_to: PayTo | None
    receipts: Sequence[Paper]
    awaited: bool
    refunds: Sequence[Back]
    under_way: bool
    back_to: BackTo | None
    sequence: int

    @property
    def title(self) -> str:
        """The browser's title: the state first, since it is what changes."""
        return f"{self.headline} · {self.agency}"

    @property
    def final(self) -> bool:
        """Whether nothing is to be expected any more that would change the page."""
        return self.face.final and not self.awaited and not self.under_way


def page_of(asked: Asked, *, now: datetime) -> Page:
    """The page that shows a request at `now`: past its time a code is not offered any more."""
    snapshot = asked.snapshot
    state = _state_of(asked, now=now)
    face = FACES[state]
    figures = _figures(asked)
    fields: dict[str, Any] = {**figures, "agency": asked.agency}
    to_pay = state in ("open", "partially_paid")
    return Page(
        state=state,
        face=face,
        headline=say(face.headline),
        amount_label=say(face.label),
        amount=figures[face.figure],
        sentences=[say(text, **fields) for text in face.sentences if _is_so(text, figures)],
        agency=asked.agency,
        dossier=snapshot["dossier"],
        reference=snapshot["reference"],
        paid_at=snapshot["paid_at"],
        expires_at=snapshot["expires_at"],
        lines=[_line(line, name) for line, name in zip(snapshot["lines"], asked.fees, strict=True)],
        pay_to=_pay_to(snapshot["pay_to"]) if to_pay else None,
        receipts=[_paper(one) for one in asked.receipts if one["state"] == "issued"],
        awaited=_awaited(asked.changing, now=now),
        refunds=[_back(one, asked.agency) for one in asked.refunds],
        under_way=any(one["state"] in UNDER_WAY for one in asked.refunds),
        back_to=_back_to(figures["kept"], asked.named),
        sequence=snapshot["sequence"],
    )


_WORTH_WAITING: Final = timedelta(minutes=10)
"""After a payment its page looks out for receipts so long; they come within seconds."""

_LEAVING: Final = {"refunded": "refunding", "partially_refunded": "partially_refunding"}
"""The states of the page until all that was approved to be given back is seen to have left."""

_CHANGING: Final = (
    *("sequence", "status", "received", "refunded", "expires_at"),
    *("beyond", "named", "answered"),
)


def mark_of(changing: Mapping[str, Any], *, now: datetime) -> str:
    """A mark of what the page shows at `now`, language included: equal marks, equal pages.

    `changing` is `Asked.changing`, or of that only what changes: `payment_requests.glance` and
    what is held beyond it.
    """
    in_time = now < datetime.fromisoformat(changing["expires_at"])
    receipts = [(one["id"], one["state"]) for one in changing["receipts"]]
    told = [language.get(), in_time, receipts, _awaited(changing, now=now)]
    told += [changing[name] for name in _CHANGING]
    return sha256(repr(told).encode()).hexdigest()[:24]


def _awaited(changing: Mapping[str, Any], *, now: datetime) -> bool:
    """Whether receipts are on their way that are worth waiting for with the page open."""
    if not changing["awaited"] or changing["paid_at"] is None:
        return False
    return now - datetime.fromisoformat(changing["paid_at"]) < _WORTH_WAITING


def _state_of(asked: Asked, *, now: datetime) -> str:
    snapshot = asked.snapshot
    status: str = snapshot["status"]
    if status == "open" and not payable(snapshot, now=now):
        return "expired"
    if status == "partially_paid" and not payable(snapshot, now=now):
        return "partially_paid_closed"
    if status == "cancelled" and asked.beyond:
        return "cancelled_held"
    if status in _LEAVING and any(one["state"] in LEAVING for one in asked.refunds):
        return _LEAVING[status]
    if status != "paid":
        return status
    if snapshot["overpaid"] or asked.beyond:
        return "overpaid"
    if snapshot["amount"] == 0:
        return "exempt"
    return "paid_late" if snapshot["late"] else "paid"


def _is_so(text: str, figures: Mapping[str, Dong]) -> bool:
    """Whether a sentence is to be said: one about what is kept only where something is."""
    return "{kept}" not in text or figures["kept"] > 0


def _back(told: Mapping[str, Any], agency: str) -> Back:
    tone, icon = REFUNDS[told["state"]]
    on = told["returned_on"] or told["paid_out_on"]
    fields = {
        "agency": agency,
        "at": moment(told["filed_at"] or told["approved_at"] or told["proposed_at"]),
        "day": day(on) if on else "",
        "reason": told["answer"] or "",
    }
    return Back(
        tone=tone,
        icon=icon,
        amount=Dong(told["amount"]),
        words=say(f"citizen.refund.{told['state']}", **fields),
        to=_account(told["to"]["bin"], told["to"]["account_ends_in"]),
    )


def _back_to(kept: Dong, named: RefundAccount | None) -> BackTo | None:
    if not kept:
        return None
    if named is None:
        return BackTo(kept, None, None, again=True)
    return BackTo(
        amount=kept,
        account=_account(named.bin, named.hint),
        named_at=moment(named.named_at),
        again=named.number < payouts.MOST_NAMED,
    )


def _account(bin: str, digits: str) -> str:
    """An account in words, of its number the last digits only."""
    bank = banks.by_bin(bin)
    return say("To account …{digits}, {bank}", digits=digits, bank=bank.short_name if bank else bin)


def _figures(asked: Asked) -> dict[str, Dong]:
    amount, received = Dong(asked.snapshot["amount"]), Dong(asked.snapshot["received"])
    arrived = Dong(received + asked.beyond)
    excess = Dong(max(0, arrived - amount))
    return {
        "amount": amount,
        "received": received,
        "due": Dong(max(0, amount - received)),
        "arrived": arrived,
        "beyond": asked.beyond,
        "excess": excess,
        "kept": excess if asked.kept is None else asked.kept,
        "refunded": Dong(asked.snapshot["refunded"]),
    }


def _line(line: Mapping[str, Any], name: str) -> Line:
    return Line(
        name=name,
        quantity=line["quantity"],
        unit_amount=Dong(line["unit_amount"]),
        amount=Dong(line["amount"]),
        reduced=line["reduction"] is not None,
    )


def _paper(receipt: Mapping[str, Any]) -> Paper:
    return Paper(
        id=receipt["id"],
        name=say(f"receipt.kind.{receipt['kind']}"),
        number=f"{receipt['symbol']} · {receipt['number']}",
        amount=Dong(receipt["amount"]),
    )


def _pay_to(told: Mapping[str, Any]) -> PayTo:
    bank = banks.by_bin(told["bin"])
    return PayTo(
        bank=f"{bank.short_name} · {bank.name}" if bank else told["bin"],
        name=told["name"],
        account=told["account"],
        memo=told["memo"],
        qr=told["qr"],
    )
