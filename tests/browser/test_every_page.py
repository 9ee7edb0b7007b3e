"""Every page there is, with something on it: on three screens, by keyboard, without motion.

The pages are those of the URL map; one that nobody opened here fails the test. What stands on a
page in its several states is for the story that leads there.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from payments.core.database import Database
from payments.staff import Role
from reconciliation.web.console.wanted import sealed
from sandbox.app import DESK
from sandbox.app import create_app as a_bank
from sandbox.config import SandboxConfig
from tests.browser.leftovers import leftovers
from tests.browser.pages import (
    WIDTHS,
    enter,
    fits_everybody,
    moving,
    opened,
    serving,
    spills,
    unreachable,
    visiting,
)
from tests.browser.test_practice_bank import ACCOUNT, QR, a_payment_file
from tests.browser.walking import FILE, Walk
from tests.browser.whole_province import Known, lived, worked
from tests.console import whole_app
from tests.refund_pages import MORNING

pytestmark = pytest.mark.committed

PARTS = {
    "citizen.claim_state",
    "citizen.state",
    "console.statement_progress",
    "counter.display_state",
    "counter.state",
}
"""What a page's script asks for: a part of the page."""

OTHERS = {
    "citizen.slashed",
    "console.choose_day_record",
    "console.claim_photo",
    "healthz",
    "pages.statement",
    "sign_in.home",
}
"""What only leads to another page, or gives a file or a word."""

ONE_OF = re.compile(r"<any\((\w+)[^>]*>")

STORIES = {
    "account.factor": "factor-{language}",
    "account.me": "me-{language}",
    "account.password": "password-{language}",
    "console.breaks": "queue-{language}",
    "console.claims": "claims",
    "console.credit": "credit-{language}",
    "console.layout_draft": "draft-{language}",
    "console.layouts": "layouts-{language}",
    "console.match": "match-{language}",
    "console.one_break": "break-{language}",
    "console.one_layout": "waiting-{language}",
    "console.one_statement": "statement-{language}",
    "console.payment_file": "file-{language}",
    "console.payment_files": "files-{language}",
    "console.payout": "payout-mine-{language}",
    "console.payouts": "payouts-{language}",
    "console.refund": "refund-form-{language}",
    "console.remittances": "remittances-{language}",
    "console.routes": "routes-form-{language}",
    "console.three_way": "three-way-{language}",
    "counter.start": "counter-begin",
    "people.everybody": "people-{language}",
    "people.new": "new-{language}",
    "people.one": "person-{language}",
    "public_tariff.page": "tariff-{language}",
    "sign_in.code": "code-{language}",
    "trail.shown": "audit",
}
"""What a story of this folder opens on every width, under the name of its pictures."""

NOT_HERE = {"counter.start", "sign_in.code"}
"""Of those, what is opened there only: by a clerk without a shift, by somebody with a phone."""

UNFOLD = "for (const one of document.querySelectorAll('main details')) one.open = true"

WRITTEN = {
    "vietcombank_corporate",
    "vietcombank_personal",
    "vietinbank_efast",
    "Nội dung",
    "Tiền ra",
    "Tiền vào",
    "Số dư",
    "Số dư đầu kỳ",
    "Số tài khoản",
    "Cộng",
    "nộp thừa",
}
"""What happens to be in the catalogue too: names of layouts, a bank's headings, a reason."""

SEARCHED = "50.000"


@dataclass
class Seen:
    """The pages that were opened, by the names under which they are served."""

    app: Flask
    address: str
    names: set[str] = field(default_factory=set)

    def walk(self, page: Page, *starts: str) -> list[str]:
        """Opens the pages and those that they lead to, looks at one of each kind; gives where."""
        looked: list[str] = []
        walk = Walk(self.app, self.address, *starts)
        while walk.waiting:
            path = walk.waiting.pop(0)
            if walk.kind(path) in self.names and path not in starts:
                continue
            answer = page.goto(self.address + path)
            assert answer is not None, path
            assert answer.ok, (path, answer.status)
            name = walk.kind(page.url.removeprefix(self.address))
            if name not in self.names:
                self.names.add(name)
                looked_at(page, name)
                looked.append(path)
            walk.take_links(page)
        return looked


def looked_at(page: Page, name: str) -> None:
    """Fit for everybody with everything unfolded; each stop of the keyboard is seen."""
    page.evaluate(UNFOLD)
    assert set(leftovers(page, "vi")) <= WRITTEN, name
    assert unreachable(page) == [], name
    assert moving(page) == [], name
    if name not in STORIES:
        fits_everybody(page, f"every-{name}")


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application over a province in the middle of its work."""
    here = lived(database)
    with whole_app(database_url, MORNING) as whole:
        whole.extensions["known"] = worked(whole, here)
        yield whole


def in_english(page: Page, address: str, *paths: str) -> None:
    """The same pages say it in English, and fit the smallest phone."""
    page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    for path in paths:
        page.goto(address + path)
        page.evaluate(UNFOLD)
        assert page.get_attribute("html", "lang") == "en", path
        assert set(leftovers(page, "en")) <= WRITTEN, path
        assert not spills(page), path


@contextmanager
def someone(
    browser: Browser, address: str, role: Role | None, path: str, language: str = "vi"
) -> Iterator[Page]:
    """The person of a role, signed in; they want nothing to move."""
    with (
        visiting(browser, reduced_motion="reduce", language=language) as visit,
        opened(visit, address + ("/sign-in" if role else path)) as page,
    ):
        if role is not None:
            enter(page, address, role, path)
        yield page


def pages_of(app: Flask) -> set[str]:
    """The names of all addresses that answer with a page for people."""
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and not rule.rule.startswith(("/api/", "/static/"))
        and not FILE.search(ONE_OF.sub(r"\1", rule.rule))
        and not rule.endpoint.startswith("ops.")
        and rule.endpoint not in PARTS | OTHERS
    }


def test_every_page_is_fit_for_everybody(browser: Browser, app: Flask) -> None:
    """Nothing pushed sideways, no axe finding, no complaint, no stop of the keyboard unseen."""
    known: Known = app.extensions["known"]
    cash = f"{known.shift}/cash/requests/{known.missing}"
    with serving(app) as address:
        seen = Seen(app, address)
        console = (
            "/console/",
            "/console/me",
            "/console/me/factor",
            "/console/design",
            f"/console/search?words={sealed(app.extensions['cashless'].vault, SEARCHED)}",
            *known.begun,
        )
        for role, starts in (
            (Role.RECONCILER, console),
            (Role.ADMINISTRATOR, ("/console/people", "/console/keys", "/console/audit")),
            (Role.CLERK, (known.shift, f"{known.shift}/display", cash, "/counter")),
            (None, (f"/p/{known.token}", f"/p/{known.unpaid}/claim", f"/verify/{known.paper}")),
            (None, (f"/p/{known.owed}/account",)),
            (None, ("/", "/sign-in", "/tariff", "/open-data/", "/docs/errors", "/docs", "/verify")),
        ):
            with someone(browser, address, role, starts[0]) as page:
                paths = seen.walk(page, *starts)
            with someone(browser, address, role, starts[0], "en") as page:
                in_english(page, address, *paths)
    assert sorted(pages_of(app) - seen.names - NOT_HERE) == []


@pytest.fixture
def bank() -> Iterator[Flask]:
    """The practice bank with a payment that came and a file of payments."""
    app = a_bank(SandboxConfig(retry_factor=0.001))
    client = app.test_client()
    client.post("/api/accounts", json=ACCOUNT)
    code = {"account": ACCOUNT["number"], "bin": ACCOUNT["bin"], "amount": 1_000_000}
    client.post("/api/pay", json=code | {"memo": "TTHC1234567894"})
    file = {"file": (io.BytesIO(a_payment_file()), "chi.xml")}
    assert client.post("/payment-files", data=file).status_code == 303
    yield app
    app.extensions[DESK].courier.close()


def test_every_page_of_the_practice_bank_is_fit_for_everybody(
    browser: Browser, bank: Flask
) -> None:
    """Whoever practises meets them too."""
    with serving(bank) as address, someone(browser, address, None, "/pay") as page:
        seen = Seen(bank, address)
        seen.walk(page, "/", "/payment-files/1", f"/pay/confirm?qr={quote(QR)}")
    assert sorted(pages_of(bank) - seen.names) == []


def test_what_a_story_opens_is_opened_there() -> None:
    """A test of this folder looks at it on every width and keeps pictures by that name."""
    told = "".join(one.read_text("utf-8") for one in Path(__file__).parent.glob("test_*.py"))
    for name in STORIES.values():
        assert re.search(rf"fits\w*\((page|clerk), f?\"{re.escape(name)}\"\)", told), name
