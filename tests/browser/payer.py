"""A payer's page over a request whose state a test sets, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from flask import Flask

from payments import slips, vietqr
from payments.claims import Told
from payments.core import clock
from payments.core.files import Kept
from payments.core.money import Dong
from payments.payment_requests import Names
from payments.payouts import MOST_NAMED, BankAccount, RefundAccount
from payments.slips import Slip
from payments.web import citizen, kit
from payments.web.citizen import Doors
from payments.web.citizen.page import Asked

TOKEN = "a" * 22
AGENCY = {"vi": "Sở Tư pháp tỉnh Bình Dương", "en": "Department of Justice of Bình Dương"}


def a_snapshot(**changes: Any) -> dict[str, Any]:
    """A request's public JSON: open, 350.000 đồng for two fees, an hour and a half left."""
    now = clock.now()
    told: dict[str, Any] = {
        "reference": "TTHC1234567894",
        "status": "open",
        "late": False,
        "overpaid": False,
        "reconciled": False,
        "remitted": False,
        "amount": 350_000,
        "received": 0,
        "refunded": 0,
        "currency": "VND",
        "agency": "H09.12",
        "dossier": "000.00.12.H09-260921-0004",
        "channel": "online",
        "lines": [a_line(200_000), a_line(150_000, quantity=3, unit_amount=50_000)],
        "page": "https://pay.example.vn/p/" + TOKEN,
        "issued_at": (now - timedelta(hours=1)).isoformat(),
        "expires_at": (now + timedelta(minutes=90)).isoformat(),
        "paid_at": None,
        "sequence": 1,
    }
    told |= changes
    told.setdefault("pay_to", pay_to(told))
    return told


def a_line(amount: int, **changes: Any) -> dict[str, Any]:
    """One line of a request's public JSON."""
    line = {"fee": "LLTP", "kind": "phi", "quantity": 1, "unit_amount": amount, "amount": amount}
    return {**line, "refunded": 0, "reduction": None, **changes}


def a_receipt(kind: str, amount: int, **changes: Any) -> dict[str, Any]:
    """Of a receipt's public JSON, what its payer's page shows."""
    told = {"id": kind, "kind": kind, "state": "issued", "amount": amount}
    return {**told, "symbol": "BP-26T", "number": "00000042", **changes}


def pay_to(told: dict[str, Any]) -> dict[str, Any] | None:
    """Where to pay what is due, as the service tells it: no code unless the request is open."""
    due = max(0, told["amount"] - told["received"])
    if not due:
        return None
    shown = told["status"] in ("open", "confirming", "partially_paid")
    account, memo = "0011001234567", told["reference"]
    code = vietqr.encode(bin="970436", account=account, amount=Dong(due), memo=memo)
    return {
        "bin": "970436",
        "account": account,
        "name": "SO TU PHAP TINH BINH DUONG",
        "memo": memo,
        "qr": code if shown else None,
    }


def a_refund(state: str, **told: Any) -> dict[str, Any]:
    """A refund's public JSON."""
    return {
        "amount": 150_000,
        "state": state,
        "to": {"bin": "970422", "account_ends_in": "2233"},
        "proposed_at": "2026-11-24T05:00:00Z",
        "approved_at": None,
        "filed_at": None,
        "paid_out_on": None,
        "returned_on": None,
        "answer": None,
        **told,
    }


STATES: dict[str, dict[str, Any]] = {
    "open": {},
    "large": {"amount": 499_999_999, "lines": [a_line(499_999_999), a_line(0, reduction="ngheo")]},
    "confirming": {"status": "confirming"},
    "partially_paid": {"status": "partially_paid", "received": 100_000, "sequence": 2},
    "partially_paid_closed": {
        "status": "partially_paid",
        "received": 100_000,
        "kept": 100_000,
        "expires_at": "2026-01-01T00:00:00Z",
    },
    "paid": {
        "status": "paid",
        "received": 350_000,
        "paid_at": "2026-11-24T03:05:00Z",
        "receipts": [a_receipt("phi", 200_000), a_receipt("le_phi", 150_000)],
    },
    "paid_late": {
        "status": "paid",
        "received": 350_000,
        "late": True,
        "paid_at": "2026-11-24T03:05:00Z",
    },
    "overpaid": {
        "status": "paid",
        "overpaid": True,
        "received": 400_000,
        "paid_at": "2026-11-24T03:05:00Z",
    },
    "exempt": {
        "status": "paid",
        "amount": 0,
        "lines": [a_line(0, reduction="nguoi_cao_tuoi"), a_line(0, reduction="tre_em")],
        "paid_at": "2026-11-24T03:05:00Z",
    },
    "refunded": {
        "status": "refunded",
        "received": 350_000,
        "refunded": 350_000,
        "paid_at": "2026-11-24T03:05:00Z",
    },
    "partially_refunded": {
        "status": "partially_refunded",
        "received": 350_000,
        "refunded": 150_000,
        "paid_at": "2026-11-24T03:05:00Z",
    },
    "refunding": {
        "status": "refunded",
        "received": 350_000,
        "refunded": 350_000,
        "paid_at": "2026-11-24T03:05:00Z",
        "refunds": [
            a_refund("paid_out", amount=150_000, paid_out_on="2026-11-25"),
            a_refund("approved", amount=200_000, approved_at="2026-11-25T02:00:00Z"),
        ],
    },
    "partially_refunding": {
        "status": "partially_refunded",
        "received": 350_000,
        "refunded": 150_000,
        "paid_at": "2026-11-24T03:05:00Z",
        "refunds": [a_refund("filed", filed_at="2026-11-25T03:00:00Z")],
    },
    "expired": {"status": "expired", "expires_at": "2026-11-01T10:00:00Z"},
    "cancelled": {"status": "cancelled"},
    "cancelled_held": {"status": "cancelled", "beyond": 350_000, "kept": 350_000},
}
"""Every state a payer can meet, by name."""

REFUNDS: dict[str, dict[str, Any]] = {
    "refund_under_way": {
        "status": "paid",
        "overpaid": True,
        "received": 800_000,
        "paid_at": "2026-11-24T03:05:00Z",
        "refunds": [
            a_refund("declined", answer="Số tài khoản không khớp với người nộp"),
            a_refund("proposed"),
            a_refund("filed", filed_at="2026-11-25T03:00:00Z"),
        ],
    },
    "refund_done": {
        "status": "partially_refunded",
        "received": 350_000,
        "refunded": 150_000,
        "paid_at": "2026-11-24T03:05:00Z",
        "refunds": [
            a_refund("returned", paid_out_on="2026-11-25", returned_on="2026-11-26"),
            a_refund("paid_out", paid_out_on="2026-11-27"),
        ],
    },
}
"""Pages that tell of refunds, by name."""


def a_claim(state: str = "open", **told: Any) -> dict[str, Any]:
    """A claim's public JSON, in one of its states."""
    answered = {"answer": "Ngân hàng đã báo có, hồ sơ đang được cập nhật.\nCảm ơn bạn."}
    answered |= {"answered_at": "2026-11-25T02:00:00Z"}
    return {
        "number": "48271935",
        "state": state,
        "bank_number": "FT26328000001",
        "paid_on": "2026-11-24",
        "amount": 350_000,
        "photo": True,
        "made_at": "2026-11-24T04:00:00Z",
        "answer": None,
        "answered_at": None,
        "found_at": "2026-11-25T03:00:00Z" if state == "found" else None,
        **(answered if state == "answered" else {}),
        **told,
    }


CLAIMS: dict[str, dict[str, Any]] = {
    "claim_open": {"claim": a_claim()},
    "claim_answered": {"claim": a_claim("answered")},
    "claim_found": {**STATES["paid"], "claim": a_claim("found")},
}
"""Requests whose payer said that they paid, by name."""


def a_named_account(number: int, *, bin: str = "970422", hint: str = "2233") -> RefundAccount:
    """The account that a payer named as so many-th."""
    return RefundAccount(number=number, bin=bin, hint=hint, named_at=clock.now())


NAMED: dict[str, dict[str, Any]] = {
    "named": {**STATES["overpaid"], "named": 1},
    "named_often": {**STATES["cancelled_held"], "named": MOST_NAMED},
}
"""Requests of which too much is kept and whose payer named so many accounts, by name."""

EVERY = STATES | REFUNDS | CLAIMS | NAMED


class Payment:
    """One request that a test moves from state to state while its page is open."""

    def __init__(self, state: str = "open") -> None:
        self.named: RefundAccount | None = None
        self.becomes(state)

    def becomes(self, state: str) -> None:
        """Gives the request another state."""
        self.snapshot = a_snapshot(**EVERY[state])
        number = self.snapshot.pop("named", 0)
        self.named = a_named_account(number) if number else None

    def find(self, token: str) -> Asked:
        """What the holder of the token sees."""
        if token != TOKEN:
            raise citizen.UnknownPage
        names = self._names()
        lines = [name for name, _ in names.fees]
        beyond, papers = Dong(self.snapshot.get("beyond", 0)), self.snapshot.get("receipts", ())
        awaited = self.snapshot.get("awaited", False)
        refunds = self.snapshot.get("refunds", ())
        kept = self.snapshot.get("kept", Dong(0) if refunds else None)
        told = (beyond, papers, awaited, refunds, kept, self.named, self.snapshot.get("claim"))
        return Asked(self.snapshot, names.agency[0], lines, *told)

    def glance(self, token: str) -> Mapping[str, Any]:
        """Of that, what changes."""
        return self.find(token).changing

    def slip(self, token: str) -> Slip:
        """What the holder of the token prints."""
        return slips.printed(self.find(token).snapshot, self._names(), now=clock.now())

    def paper(self, token: str, public_id: str, form: str) -> Kept:
        """The receipt of that number."""
        self.find(token)
        return Kept(f"%PDF {public_id}".encode(), "application/pdf", "")

    def _names(self) -> Names:
        fees = [
            ("Cấp phiếu lý lịch tư pháp", "Criminal record certificate"),
            ("Cấp phiếu từ phiếu thứ ba trở đi", "Each certificate from the third on"),
        ]
        return Names((AGENCY["vi"], AGENCY["en"]), fees[: len(self.snapshot["lines"])])

    def claim(self, token: str, told: Told) -> None:
        """The payer says that they paid."""
        self.find(token)
        made = {"bank_number": told.bank_number, "paid_on": told.paid_on.isoformat()}
        made |= {"amount": int(told.amount), "photo": told.photo is not None}
        self.snapshot["claim"] = a_claim(made_at=clock.now().isoformat(), **made)

    def name_account(self, token: str, to: BankAccount) -> None:
        """The payer names where what is kept is to go back to."""
        self.find(token)
        number = 1 if self.named is None else self.named.number + 1
        self.named = a_named_account(number, bin=to.bin, hint=to.number[-4:])

    def app(self) -> Flask:
        """An application with nothing but this payment's page."""
        return app_of({TOKEN: self})


class Several:
    """Payments by token, as the pages need one."""

    def __init__(self, payments: Mapping[str, Payment]) -> None:
        self._payments = payments

    def __getattr__(self, door: str) -> Any:
        """The door of the payment that a token names."""

        def through(token: str, *told: Any) -> Any:
            if token not in self._payments:
                raise citizen.UnknownPage
            return getattr(self._payments[token], door)(TOKEN, *told)

        return through


def app_of(payments: Mapping[str, Payment]) -> Flask:
    """An application with nothing but the pages of these payments, by token."""

    made = kit.new_app(base_url="http://127.0.0.1")
    made.config["MAX_CONTENT_LENGTH"] = 16 << 20  # who may send how much is for the whole service
    made.register_blueprint(citizen.pages(cast(Doors, Several(payments))))
    return made


def token_of(state: str) -> str:
    """The token of the request that stands in a state."""
    return state.ljust(22, "-")[:22]


def one_of_each() -> dict[str, Payment]:
    """A request in every state, each by its token."""
    return {token_of(state): Payment(state) for state in EVERY}
