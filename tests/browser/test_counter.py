"""The counter in a real browser: the clerk's window and the citizen's display, side by side."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy.orm import Session

from payments.connections import Connection
from payments.core.database import Database
from payments.staff import Role
from tests.browser.pages import (
    fits_everybody,
    opened,
    pictured,
    serving,
    sign_in,
    spills,
    violations,
    visiting,
)
from tests.builders import NOON, a_payment_request, a_province, settle, the_province
from tests.callers import a_priced_fee
from tests.console import employ, whole_app

pytestmark = pytest.mark.committed

FIRST, SECOND, TWICE = (f"000.00.12.H09-261124-000{number}" for number in (1, 2, 3))

LISTEN = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) {
  window.tones++;
  return start.apply(this, when);
};
"""
"""Counts the tones that a page plays."""


@pytest.fixture
def references(database: Database) -> dict[str, str]:
    """Requests by their dossiers; of one dossier two."""

    def unit(session: Session) -> dict[str, str]:
        province = a_province(session)
        a_priced_fee(session)
        employ(session, Role.CLERK)
        return {
            dossier: a_payment_request(province, amount=350_000, dossier=dossier).reference
            for dossier in (FIRST, SECOND, TWICE, TWICE)
        }

    return database.write(unit)


@pytest.fixture
def app(references: dict[str, str], database_url: str) -> Iterator[Flask]:
    """The whole application."""
    with whole_app(database_url, NOON) as whole:
        yield whole


@pytest.fixture
def pay(database: Database, references: dict[str, str]) -> Callable[[str, str], None]:
    """The practice bank tells of a transfer by a signed message, which is settled."""

    def told(site: str, dossier: str) -> None:
        province = database.read(the_province)
        line = province.intakes["sandbox"].connection_id
        known = database.read(lambda session: session.get_one(Connection, line).public_id)
        body = {
            "event_id": dossier,
            "type": "credit",
            "account": province.account.number,
            "bin": province.account.bin,
            "amount": 350_000,
            "currency": "VND",
            "booked_at": NOON.isoformat(),
            "memo": references[dossier],
        }
        raw, stamp = json.dumps(body).encode(), str(int(NOON.timestamp()))
        secret = b"a secret long enough to be one"
        digest = hmac.new(secret, stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
        headers = {"X-Sandbox-Signature": f"v1={digest}", "X-Sandbox-Timestamp": stamp}
        headers["Content-Type"] = "application/json"
        address = f"{site}/callbacks/sandbox/{known}"
        with urllib.request.urlopen(urllib.request.Request(address, raw, headers)) as answer:
            assert answer.status == 200
        database.write(lambda session: settle(the_province(session)))

    return told


@contextmanager
def at_work(visit: BrowserContext, site: str) -> Iterator[tuple[Page, Page]]:
    """A clerk signs in, begins a shift by the keyboard, and opens the citizen's display."""
    visit.add_init_script(LISTEN)
    with opened(visit, f"{site}/counter") as clerk:
        expect(clerk.locator("#username")).to_be_focused()
        sign_in(clerk, Role.CLERK)
        expect(clerk.locator("#agency")).to_be_focused()
        fits(clerk, "counter-begin")
        clerk.locator("#agency").select_option("H09")
        clerk.keyboard.press("Tab")
        clerk.keyboard.press("Enter")
        expect(clerk.locator("#text")).to_be_focused()
        with opened(visit, clerk.url + "/display") as display:
            yield clerk, display


def fits(page: Page, name: str) -> None:
    """Fit for every reader: a Vietnamese one on every width, an English one on their own."""
    before = page.viewport_size
    assert before is not None
    if page.locator("html").get_attribute("lang") == "vi":
        fits_everybody(page, name)
        page.set_viewport_size(before)
    else:
        assert not spills(page), name
        assert violations(page) == [], name
        pictured(page, name)


def scan(clerk: Page, text: str) -> None:
    """As a scanner types: what it reads, and Enter."""
    clerk.locator("#text").fill(text)
    clerk.keyboard.press("Enter")


@pytest.mark.parametrize(("width", "language"), [(1280, "vi"), (390, "en")])
def test_the_whole_story_of_a_clerk(
    browser: Browser,
    app: Flask,
    references: dict[str, str],
    pay: Callable[[str, str], None],
    width: int,
    language: str,
) -> None:
    """Shown, paid, seen in both windows with a sound; cash with its reason; the shift's sums."""
    with (
        serving(app) as site,
        visiting(browser, width=width, language=language, reduced_motion="reduce") as visit,
        at_work(visit, site) as (clerk, display),
    ):
        words = WORDS[language]
        name = f"counter-{width}-{language}"
        fits(clerk, f"{name}-nothing")
        fits(display, f"{name}-display-nothing")
        display.locator("#sound").click()
        expect(display.locator("#sound")).to_have_text(words["sound"])
        scan(clerk, FIRST)
        expect(clerk.locator("#headline")).to_have_text(words["waiting"])
        expect(display.locator(".qr img")).to_be_visible(timeout=4000)
        fits(clerk, f"{name}-shown")
        fits(display, f"{name}-display-shown")
        pictured(display, f"{name}-display-shown-here")
        tones = display.evaluate("window.tones")
        pay(site, FIRST)
        for page in (display, clerk):
            expect(page.locator("#headline")).to_have_text(words["received"], timeout=4000)
        assert display.evaluate("window.tones") > tones
        fits(clerk, f"{name}-paid")
        fits(display, f"{name}-display-paid")
        scan(clerk, TWICE)
        expect(clerk.locator(".found li")).to_have_count(2)
        fits(clerk, f"{name}-several")
        clerk.keyboard.press("Enter")
        expect(clerk.locator("#state .code").first).to_have_text(TWICE)
        take_cash(clerk, display, references[SECOND], words, name)
        sum_up(clerk, words, name)


WORDS = {
    "vi": {
        "sound": "Âm thanh đang bật",
        "waiting": "Đang chờ người dân nộp tiền",
        "received": "Đã nhận tiền",
        "cash": "Đã thu tiền mặt",
        "record": "Ghi thu tiền mặt",
        "total": "Tổng tiền mặt",
        "strike": "Hủy",
        "end": "Kết thúc ca",
        "without": "Tiền mặt không có mã thanh toán",
    },
    "en": {
        "sound": "Sound is on",
        "waiting": "Waiting for the citizen to pay",
        "received": "Money received",
        "cash": "Cash received",
        "record": "Record cash",
        "total": "Cash in all",
        "strike": "Strike out",
        "end": "End the shift",
        "without": "Cash without a request",
    },
}


def take_cash(clerk: Page, display: Page, reference: str, words: dict[str, str], name: str) -> None:
    """A payment paid in cash, and cash for a dossier that has none."""
    scan(clerk, reference.lower())
    clerk.get_by_role("link", name=words["record"]).click()
    fits(clerk, f"{name}-cash")
    expect(clerk.locator("[name=reason]").first).to_be_focused()
    clerk.locator("[value=no_smartphone]").check()
    clerk.locator("main button[type=submit]").click()
    for page in (clerk, display):
        expect(page.locator("#headline")).to_have_text(words["cash"], timeout=4000)
    fits(clerk, f"{name}-cash-taken")
    fits(display, f"{name}-display-cash")
    clerk.get_by_role("link", name=words["without"]).click()
    expect(clerk.locator("#dossier")).to_be_focused()
    clerk.locator("#dossier").fill("D-77")
    clerk.locator("#fee-1").fill("CERT")
    clerk.keyboard.press("Enter")
    expect(clerk.locator(".amount-value")).to_contain_text("200")
    expect(clerk.locator("[name=reason]").first).to_be_focused()
    clerk.locator("[value=app_failed]").check()
    fits(clerk, f"{name}-cash-fees")
    clerk.locator("button[value=record]").click()


def sum_up(clerk: Page, words: dict[str, str], name: str) -> None:
    """The shift's sums, one piece of cash struck out, the end."""
    expect(clerk.locator(".total th")).to_have_text(words["total"])
    expect(clerk.locator(".total .number").first).to_have_text("2")
    clerk.locator("details summary").first.click()
    fits(clerk, f"{name}-totals")
    clerk.locator("details input[name=reason]").first.fill("Ghi nhầm")
    clerk.locator("details button").first.click()
    expect(clerk.locator(".total .number").first).to_have_text("1")
    clerk.emulate_media(media="print")
    pictured(clerk, f"{name}-totals-printed")
    clerk.emulate_media(media="screen")
    clerk.get_by_role("button", name=words["end"]).click()
    expect(clerk.get_by_role("button", name=words["end"])).to_have_count(0)
    fits(clerk, f"{name}-ended")


def test_what_is_refused_is_said_on_the_same_page(
    browser: Browser, app: Flask, references: dict[str, str]
) -> None:
    """Nothing found, no reason chosen: told to every reader, and what was typed is kept."""
    with serving(app) as site, visiting(browser) as visit:
        clerk = visit.new_page()
        clerk.goto(f"{site}/counter")
        sign_in(clerk, Role.CLERK)
        clerk.locator("#agency").select_option("H09")
        clerk.locator("main button[type=submit]").click()
        counter = clerk.url
        scan(clerk, "không có")
        expect(clerk.locator("[role=alert]")).to_be_visible()
        expect(clerk.locator("#text")).to_have_value("không có")
        fits(clerk, "counter-not-found")
        clerk.goto(f"{counter}/cash/requests/{references[FIRST]}")
        clerk.locator("main button[type=submit]").click()
        expect(clerk.locator("[role=alert]")).to_be_visible()
        fits(clerk, "counter-no-reason")


def test_the_counter_works_without_a_script(
    browser: Browser, app: Flask, pay: Callable[[str, str], None]
) -> None:
    """Both windows load themselves again; showing and seeing it paid need no script."""
    with (
        serving(app) as site,
        visiting(browser, java_script_enabled=False) as visit,
    ):
        clerk, display = visit.new_page(), visit.new_page()
        clerk.goto(f"{site}/counter")
        sign_in(clerk, Role.CLERK)
        clerk.locator("#agency").select_option("H09")
        clerk.locator("main button[type=submit]").click()
        display.goto(clerk.url + "/display")
        assert display.locator("meta[http-equiv=refresh]").count() == 1
        expect(display.locator("button:visible")).to_have_count(0)
        clerk.locator("#text").fill(FIRST)
        clerk.locator("main button[type=submit]").first.click()
        assert clerk.locator("meta[http-equiv=refresh]").count() == 1
        expect(display.locator(".qr img")).to_be_visible(timeout=7000)
        pay(site, FIRST)
        expect(display.locator("#headline")).to_have_text("Đã nhận tiền", timeout=7000)


def test_a_window_whose_clerk_signed_out_asks_who_it_is(browser: Browser, app: Flask) -> None:
    """It does not go on as if the line were down."""
    with serving(app) as site, visiting(browser) as visit, at_work(visit, site) as (clerk, display):
        clerk.locator("footer button").click()
        expect(display.locator("[name=username]")).to_be_visible(timeout=5000)
