"""A clerk at a counter in tests: begins a shift, shows payments, records cash."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from tests.console import Person

IN_ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}


@dataclass
class Clerk:
    """Someone with a shift; `at` is its address."""

    person: Person
    at: str

    def see(self, path: str = "") -> str:
        return self.person.see(self.at + path)

    def send(self, path: str, *, on: str = "", **fields: Any) -> TestResponse:
        """What the counter answers to a form of the page `on`."""
        return self.person.send(self.at + path, on=self.at + on, **fields)

    def find(self, text: str) -> TestResponse:
        return self.send("/find", text=text)

    def news(self, *, of: str = "", tag: str = "") -> TestResponse:
        """What a window is told when it asks for news."""
        headers = {"If-None-Match": tag, "Accept-Language": "en"}
        return self.person.client.get(f"{self.at}{of}/state", headers=headers)

    def take(self, reference: str, **fields: Any) -> TestResponse:
        """The answer to cash recorded for a request, as its form says it."""
        return self.take_from(self.see(f"/cash/requests/{reference}"), reference, **fields)

    def take_from(self, page: str, reference: str, **fields: Any) -> TestResponse:
        """The same from that form, as it was when it was opened."""
        path = f"{self.at}/cash/requests/{reference}"
        return self.person.send_from(page, path, **(hidden(page) | fields))

    def price(self, **fields: Any) -> TestResponse:
        """The answer to fees without a request, before anything is recorded."""
        told = {"do": "price", "agency": "H09", "channel": "counter", "fee": "CERT"}
        return self.send("/cash/fees", on="/cash/fees", **(told | fields))

    def void(self, number: str, reason: str = "nhầm hồ sơ") -> TestResponse:
        return self.send(f"/cash/{number}/void", on="/totals", reason=reason)


def hidden(page: str) -> dict[str, str]:
    """What a page's form of cash holds unseen."""
    return dict(re.findall(r'type="hidden" name="(once|amount)" value="([^"]*)"', page))


def at_the_counter(person: Person, agency: str = "H09") -> Clerk:
    """The person begins a shift at a counter of that agency."""
    answer = person.send("/counter", on="/counter", agency=agency)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return Clerk(person, answer.headers["Location"])
