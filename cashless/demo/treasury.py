"""The treasury: statements come in by the console, the scheduler runs the day, staff look."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from cashless.demo.http import Answer, Http, expect
from cashless.demo.stage import Stage
from payments.payouts import State

_WITHIN: Final = 150.0
"""Seconds: the scheduler looks each minute for days that are due."""

_LOOK: Final = 1.0
_PROVED: Final = 200.0
"""Seconds for which a sign-in surely counts as a fresh proof."""

_RECONCILER: Final = "reconciler"
_APPROVER: Final = "approver"


class _Forms(HTMLParser):
    """A page's forms: their hidden fields, where they go, the choices of lists by their words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.links: list[str] = []
        self.actions: list[str] = []
        self.choices: dict[str, str] = {}
        self._choice: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "input" and told.get("type") == "hidden":
            self.hidden[told.get("name") or ""] = told.get("value") or ""
        if tag == "a":
            self.links.append(told.get("href") or "")
        if tag == "form":
            self.actions.append(told.get("action") or "")
        self._choice = told.get("value") if tag == "option" else None

    def handle_data(self, data: str) -> None:
        if self._choice:
            self.choices[data.strip()] = self._choice


@dataclass
class Treasury:
    """Two people at the console, each at a browser of their own, and the machine's commands.

    All at one time of the day.
    """

    stage: Stage
    at: timedelta
    http: Http
    practice: Mapping[str, Any]
    _cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    _entered: dict[str, float] = field(default_factory=dict)

    def sign_in(self) -> None:
        """Signs both in, with the passwords that `seed` told."""
        for who in (_RECONCILER, _APPROVER):
            self._enter(who)

    def take_in(self, files: Mapping[str, Path]) -> None:
        """Brings each account's statement by the console's form."""
        for path in files.values():
            file = (path.name, path.read_bytes(), "application/octet-stream")
            self._send("/console/statements", {"account": "", "file": file}, status=303)

    def teach_words(self, account: str, day: date, *, kind: str, words: str) -> None:
        """One proposes that lines with these words are an account's charges; the other confirms."""
        public_id = self._public_id(account)
        self._send(
            f"/console/accounts/{public_id}/patterns",
            {"kind": kind, "words": words},
            status=303,
            form_at="/console/statements",
        )
        page = f"/console/days/{public_id}/{day}"
        forms = _Forms(self._get(page, who=_APPROVER).body.decode())
        (confirm,) = (action for action in forms.actions if action.endswith("/confirm"))
        self._send(confirm, {}, status=303, form_at=page, who=_APPROVER)

    def propose_remittances(self, account: str) -> None:
        """Proposes to forward what is due of an account."""
        self._send(
            f"/console/remittances/{self._public_id(account)}/propose",
            {},
            status=303,
            form_at="/console/remittances",
        )

    def remittances(self, account: str) -> dict[str, str]:
        """Where each remittance of an account stands, by its number."""
        asked = {"kind": "remittance", "account": self._public_id(account)}
        return {
            number: state.value
            for state in State
            for number in self._payouts(asked | {"state": state.value})
        }

    def forwarded(self, remittance: str) -> Counter[str]:
        """What a remittance has of each request, by reference, as its list says."""
        file = self._get(f"/console/remittances/{remittance}/list.csv").body.decode("utf-8-sig")
        found: Counter[str] = Counter()
        for row in list(csv.reader(io.StringIO(file)))[1:]:
            found[row[0]] += int(row[-1])
        return found

    def approve(self, payout: str) -> None:
        """A second person approves a payout, as its page shows it."""
        page = f"/console/payouts/{payout}"
        seen = _Forms(self._get(page, who=_APPROVER).body.decode()).hidden["seen"]
        self._send(
            f"{page}/approve",
            {"seen": seen},
            status=303,
            form_at=page,
            who=_APPROVER,
        )

    def make_payment_file(self, account: str) -> bytes:
        """All payouts of an account that wait are put into a file for the bank: the file."""
        files = "/console/payment-files"
        self._send(files, {"account": self._public_id(account)}, status=303)
        links = _Forms(self._get(files).body.decode()).links
        newest = next(link for link in links if link.startswith(f"{files}/"))
        return self._get(f"{newest}.xml").body

    @property
    def now(self) -> datetime:
        """What clocks show."""
        return self.stage.now(at=self.at)

    def wait_for_days(self, accounts: Iterable[str], day: date) -> dict[str, dict[str, Any]]:
        """What the day came to, by account, once the scheduler ran it with its statement.

        A day that was never run so within its time is missing.
        """
        found: dict[str, dict[str, Any]] = {}
        end = time.monotonic() + _WITHIN
        waiting = list(accounts)
        while waiting and time.monotonic() < end:
            for account in tuple(waiting):
                told = self._day(account, day)
                if told is None or not told["inputs"]:
                    break
                found[account] = told
                waiting.remove(account)
            if waiting:
                time.sleep(_LOOK)
        return found

    def prove(self) -> dict[str, Any]:
        """What `ledger prove` says: whether everything holds, and each identity."""
        told: dict[str, Any] = json.loads(
            self.stage.command("ledger", "prove", "--json", at=self.at, allowed=(0, 1))
        )
        return told

    def _day(self, account: str, day: date) -> dict[str, Any] | None:
        told = self.stage.command(
            "day", "show", "--json", "--account", account, "--date", day.isoformat(),
            at=self.at,
            allowed=(0, 2),
        )  # fmt: skip
        return json.loads(told) if told else None

    def _payouts(self, asked: Mapping[str, str]) -> list[str]:
        """The numbers of the payouts on the first page of those the console lists."""
        pages = "/console/payouts"
        links = _Forms(self._get(f"{pages}?{urlencode(asked)}").body.decode()).links
        one = f"{pages}/"
        return [link.removeprefix(one) for link in links if link.startswith(one)]

    def _public_id(self, account: str) -> str:
        choices = _Forms(self._get("/console/statements").body.decode()).choices
        (public_id,) = (value for told, value in choices.items() if told.startswith(account))
        return public_id

    def _enter(self, who: str) -> None:
        passwords = {one["username"]: one["password"] for one in self.practice["people"]}
        self._cookies[who] = {}
        self._entered[who] = time.monotonic()
        form = {"username": who, "password": passwords[who]}
        self._send("/sign-in", form, status=303, who=who)

    def _get(self, path: str, *, who: str = _RECONCILER) -> Answer:
        url = self.stage.web + path
        answer = self.http.ask("GET", url, headers=self._headers(who))
        self._cookies[who] |= answer.cookies
        return expect(answer, 200, method="GET", url=url)

    def _send(
        self,
        path: str,
        told: Mapping[str, Any],
        *,
        status: int,
        form_at: str | None = None,
        who: str = _RECONCILER,
    ) -> None:
        """Fills in the form of a page, as a browser does, and sends it.

        Whoever decides proves every five minutes that it is them, and on a slow machine the day
        takes longer: so they sign in anew.
        """
        if time.monotonic() - self._entered[who] > _PROVED:
            self._enter(who)
        token = _Forms(self._get(form_at or path, who=who).body.decode()).hidden["csrf_token"]
        url = self.stage.web + path
        form = {"csrf_token": token, **told}
        answer = self.http.ask("POST", url, form=form, headers=self._headers(who))
        self._cookies[who] |= answer.cookies
        expect(answer, status, method="POST", url=url)

    def _headers(self, who: str) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies[who].items())
        return {"Accept": "text/html", "Cookie": cookies}
