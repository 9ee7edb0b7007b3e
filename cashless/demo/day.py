"""The day itself: what portal, payers and bank do, each by its own door.

The portal issues and cancels by its API, payers scan the code at the practice bank, the bank calls
the service back and hands out its statements.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

from cashless.demo import receipts
from cashless.demo.cases import CANCELLED, EVE, Case, Kind, instalments
from cashless.demo.expectation import Account, Telling
from cashless.demo.http import Http, UnexpectedAnswer, expect
from cashless.demo.receiver import Inbox
from cashless.demo.stage import Stage
from payments.core.errors import Unavailable

_AT_ONCE: Final = 4
"""So many requests are issued at once, as several counters would."""

_PAGE: Final = 200
_SILENCE: Final = 90.0
_LOOK: Final = 0.1

_PROTOCOLS: Final[Sequence[Sequence[str]]] = (("sandbox", "payos"), ("sepay",), ("sepay_key",))
"""By which protocols each account's movements are told."""

_TELLING: Final = (
    (Telling.FULL, False),
    (Telling.CODE, True),
    (Telling.UNSIGNED, False),
)
"""How much that tells, and whether every one of them carries a time that can be stale."""

FORMATS: Final = (("camt053", "xml"), ("vcb_xlsx", "xlsx"), ("vcb_csv", "csv"))
"""In which format each account's statement is fetched, and what such a file's name ends with."""


CHARGE: Final = "THU PHI DICH VU"
"""The words by which a charge of the bank is known, once staff confirm them."""


class NeverQuiet(Unavailable):
    """The bank's messages were not all delivered in time."""

    code = "demo_never_quiet"


@dataclass
class Day:
    """What the day works with, and what came of it so far."""

    stage: Stage
    http: Http
    practice: Mapping[str, Any]
    inbox: Inbox
    cases: Sequence[Case]
    chance: Random
    lines: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, float] = field(default_factory=dict)

    @property
    def accounts(self) -> dict[str, Account]:
        """The collection accounts by number, in the order of the cases' homes."""
        numbers = [account["number"] for account in self.practice["accounts"]]
        return {
            number: Account(number, telling, timed)
            for number, (telling, timed) in zip(numbers, _TELLING, strict=True)
        }

    def open_accounts(self, opening: Mapping[str, int] | None = None) -> None:
        """Opens the collection accounts at the bank, and has it tell us of them."""
        callbacks = {
            f"{line['source']}_key" if line["scheme"] == "key" else line["source"]: line
            for line in self.practice["lines"]
        }
        bank = f"{self.stage.bank}/api"
        for account, protocols in zip(self.practice["accounts"], _PROTOCOLS, strict=True):
            described = {name: account[name] for name in ("bin", "number", "name")}
            held = (opening or {}).get(account["number"], 0)
            self.http.post(f"{bank}/accounts", described | {"opening_balance": held})
            for protocol in protocols:
                line = callbacks[protocol]
                subscription = {
                    "account": account["number"],
                    "protocol": protocol,
                    "url": f"{self.stage.web}/callbacks/{line['source']}/{line['public_id']}",
                    "secret": line["secret"],
                }
                self.http.post(f"{bank}/subscriptions", subscription)

    def listen(self) -> None:
        """Tells the service where the portal wants to be told."""
        url = f"{self.stage.web}/api/v1/webhook"
        told = {"url": self.inbox.url}
        answer = self.http.ask("PUT", url, json_body=told, headers=self._key())
        secret = expect(answer, 200, method="PUT", url=url).json()["secret"]
        self.inbox.secret = secret or self.inbox.secret

    def issue(self, cases: Sequence[Case], *, reached: Callable[[float], None]) -> None:
        """Issues the requests of these cases, several at once."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for done, _ in enumerate(pool.map(self._issue, cases), start=1):
                reached(done / len(cases))

    def cancel(self) -> None:
        """Cancels what the portal takes back before anybody pays."""
        for case in self.cases:
            if case.kind in CANCELLED:
                self._cancel(case)

    def pay(self, *, reached: Callable[[float], None]) -> None:
        """Has every payer pay, one after the other, and the bank do what is its own."""
        for done, case in enumerate(self.cases, start=1):
            for told in instalments(case, chance=self.chance):
                case.paid.append(self._pay(case, told | _same_payer(case)))
                self.said[case.reference] = time.monotonic()
            reached(done / len(self.cases))

    def top_up(self, *, within: float) -> None:
        """Who paid too little pays the rest, by the new code, once the service tells what is due.

        Where unsigned messages alone tell of payments, the service waits for the statement, and
        the payer for nobody.
        """
        short = [case for case in self.cases if case.kind is Kind.TOPPED_UP]
        end = time.monotonic() + within
        for case in short:
            first = int(case.paid[0]["amount"])
            told = self._request(case)
            while told["status"] not in ("partially_paid", "confirming") and time.monotonic() < end:
                time.sleep(_LOOK)
                told = self._request(case)
            rest = {"qr": told["pay_to"]["qr"], "amount": int(case.issued["amount"]) - first}
            case.paid.append(self._pay(case, rest))

    def move_without_payers(self) -> None:
        """The bank's charges and interest, odd lines, and what it takes back."""
        bank = f"{self.stage.bank}/api"
        first, second, third = self.accounts
        for path, account, amount, extra in (
            ("charge", first, 11_000, {"text": CHARGE}),
            ("charge", second, 22_000, {"text": CHARGE}),
            ("interest", third, 1_234, {}),
            ("extra-line", first, 77_777, {"text": "CHUYEN KHOAN"}),
            ("extra-line", third, 88_888, {"text": "UNG HO"}),
            ("extra-line", second, 33_333, {"direction": "debit", "text": "RUT TIEN"}),
        ):
            line = self.http.post(f"{bank}/{path}", {"account": account, "amount": amount, **extra})
            self.lines.append(line | {"known": path == "charge" and account == first})
        for case in self.cases:
            if case.kind is Kind.REVERSAL:
                (paid,) = case.paid
                self.http.post(f"{bank}/reverse", {"movement": paid["id"]})
                paid["taken_back"] = True

    def wait_for_messages(self) -> dict[str, int]:
        """Returns when each message was taken that can be, held ones too: how many, by state.

        Raises `NeverQuiet`.
        """
        callbacks = f"{self.stage.bank}/api/callbacks"
        end = time.monotonic() + _SILENCE
        self.http.post(f"{self.stage.bank}/api/release", {}, expected=200)
        while True:
            told = self.http.get(f"{callbacks}?state=waiting&limit=1000").json()
            if not any(one["proof"] == "good" for one in told["items"]):
                break
            if time.monotonic() > end:
                raise NeverQuiet(seconds=int(_SILENCE), count=len(told["items"]))
            time.sleep(_LOOK)
        counts: dict[str, int] = told["counts"]
        return counts

    def wait_for(self, wanted: Mapping[str, Mapping[str, Any]], *, within: float) -> float:
        """Seconds until the service shows the requests as wanted, or `within` when it does not."""
        began = time.monotonic()
        while time.monotonic() - began < within and differing(self.requests(), wanted):
            time.sleep(_LOOK)
        return time.monotonic() - began

    def wait_for_receipts(self, *, within: float) -> None:
        """Returns when the portal was told of every receipt that must be, or after `within`."""
        due, end = receipts.due(self.requests()), time.monotonic() + within
        while receipts.told(self.inbox.all()) != due and time.monotonic() < end:
            time.sleep(_LOOK)

    def wait_for_webhooks(self, *, within: float) -> None:
        """Returns when no message waits to be delivered, or after `within` seconds."""
        url = f"{self.stage.web}/api/v1/webhook/deliveries?state=due&limit=1"
        end = time.monotonic() + within
        while time.monotonic() < end:
            if not self.http.get(url, headers=self._key()).json()["items"]:
                return
            time.sleep(_LOOK)

    def requests(self) -> dict[str, dict[str, Any]]:
        """Every request by its reference, as the portal sees it."""
        found: dict[str, dict[str, Any]] = {}
        cursor = ""
        while True:
            url = f"{self.stage.web}/api/v1/payment-requests?limit={_PAGE}{cursor}"
            page = self.http.get(url, headers=self._key()).json()
            found |= {one["reference"]: one for one in page["items"]}
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    def ask_back(self, case: Case, what: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Asks for money of a request to be given back; the refunds that are proposed."""
        key = {"Idempotency-Key": f"demo-{self.stage.day:%Y%m%d}-back-{case.number:06d}"}
        url = f"{self.stage.web}/api/v1/payment-requests/{case.reference}/refunds"
        made: list[dict[str, Any]] = self.http.post(url, what, headers=self._key() | key)["items"]
        return made

    def quoted(self, lines: Sequence[Mapping[str, Any]]) -> int:
        """What fees cost at a counter today, in đồng."""
        asked = {"channel": "counter", "lines": lines}
        url = f"{self.stage.web}/api/v1/quotes"
        told = self.http.post(url, asked, headers=self._key(), expected=200)
        return sum(int(line["amount"]) for line in told["lines"])

    def record_cash(self, number: int, told: Mapping[str, Any]) -> dict[str, Any]:
        """Records cash that a counter took."""
        key = {"Idempotency-Key": f"demo-{self.stage.day:%Y%m%d}-cash-{number:06d}"}
        url = f"{self.stage.web}/api/v1/cash-collections"
        made: dict[str, Any] = self.http.post(url, told, headers=self._key() | key)
        return made

    def cash(self) -> list[dict[str, Any]]:
        """The cash that was recorded, as the portal sees it; all of it is on one page."""
        url = f"{self.stage.web}/api/v1/cash-collections?limit={_PAGE}"
        items: list[dict[str, Any]] = self.http.get(url, headers=self._key()).json()["items"]
        return items

    def refund(self, number: str) -> dict[str, Any]:
        """A refund as it stands."""
        url = f"{self.stage.web}/api/v1/refunds/{number}"
        told: dict[str, Any] = self.http.get(url, headers=self._key()).json()
        return told

    def send_payment_file(
        self, file: bytes, *, at: datetime, **faults: str
    ) -> list[dict[str, Any]]:
        """Hands a payment file to the bank: what became of each payment."""
        url = f"{self.stage.bank}/api/payment-files?{urlencode({'at': at.isoformat(), **faults})}"
        headers = {"Content-Type": "application/xml"}
        answer = self.http.ask("POST", url, body=file, headers=headers)
        told = expect(answer, 201, method="POST", url=url).json()
        payments: list[dict[str, Any]] = told["payments"]
        return payments

    def balances(self) -> dict[str, int]:
        """What the bank says each account holds."""
        told = self.http.get(f"{self.stage.bank}/api/accounts").json()
        return {one["number"]: int(one["balance"]) for one in told["items"]}

    def statements(self, day: date) -> dict[str, Path]:
        """The statements of a day, by account, each fetched from the bank in its own format."""
        files = {}
        for account, (form, extension) in zip(self.accounts, FORMATS, strict=True):
            url = f"{self.stage.bank}/api/statements/{account}?day={day}&format={form}"
            path = self.stage.folder / f"{account}-{day:%Y%m%d}.{extension}"
            path.write_bytes(self.http.get(url).body)
            files[account] = path
        return files

    def of_the_eve(self) -> list[Case]:
        """The cases whose request is issued the day before."""
        return [case for case in self.cases if case.kind in EVE]

    def of_the_day(self) -> list[Case]:
        """All others."""
        return [case for case in self.cases if case.kind not in EVE]

    def _issue(self, case: Case) -> None:
        key = {"Idempotency-Key": f"demo-{self.stage.day:%Y%m%d}-case-{case.number:06d}"}
        url = f"{self.stage.web}/api/v1/payment-requests"
        case.issued = self.http.post(url, case.order, headers=self._key() | key)
        home = self.practice["accounts"][case.home]["number"]
        case.issued["account"] = home
        if case.issued["pay_to"] and case.issued["pay_to"]["account"] != home:
            told = case.issued["pay_to"]["account"]
            raise UnexpectedAnswer(method="POST", url=url, status=201, told=told)

    def _request(self, case: Case) -> dict[str, Any]:
        url = f"{self.stage.web}/api/v1/payment-requests/{case.reference}"
        told: dict[str, Any] = self.http.get(url, headers=self._key()).json()
        return told

    def _cancel(self, case: Case) -> None:
        """Cancels; a second try may hear that it is done already."""
        url = f"{self.stage.web}/api/v1/payment-requests/{case.reference}/cancel"
        answer = self.http.ask("POST", url, json_body={"reason": "withdrawn"}, headers=self._key())
        if answer.status != 409:
            expect(answer, 200, method="POST", url=url)

    def _pay(self, case: Case, told: Mapping[str, Any]) -> dict[str, Any]:
        order = {"qr": case.issued["pay_to"]["qr"], **told}
        movement: dict[str, Any] = self.http.post(f"{self.stage.bank}/api/pay", order)
        return movement

    def _key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.practice['portal_key']}"}


def _same_payer(case: Case) -> dict[str, Any]:
    """Who pays a request a second time is who paid it first."""
    if not case.paid:
        return {}
    first = case.paid[0]
    return {"payer": {"name": first["payer_name"], "account": first["payer_account"]}}


def differing(
    shown: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, tuple[Any, Any]]]:
    """By reference, what is not as wanted: each field with what is shown and what is wanted."""
    found = {}
    for reference, fields in wanted.items():
        is_ = shown.get(reference, {})
        wrong = {
            name: (is_.get(name), value) for name, value in fields.items() if is_.get(name) != value
        }
        if wrong:
            found[reference] = wrong
    return found
