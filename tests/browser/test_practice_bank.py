"""The practice bank in a real browser: a person pays a code, on a phone and on a desk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from payments.core.money import Dong
from payments.payouts.files import BankAccount, Order, Payment, pain001
from payments.vietqr import draw_png, encode
from sandbox.app import DESK, create_app
from sandbox.config import SandboxConfig
from tests.browser.pages import WIDTHS, opened, serving, spills, violations, visiting
from tests.sandbox.listening import Listener

ACCOUNT = {"bin": "970436", "number": "0011001234567", "name": "SỞ TƯ PHÁP TỈNH BÌNH DƯƠNG"}
QR = encode(
    bin=ACCOUNT["bin"], account=ACCOUNT["number"], amount=Dong(350_000), memo="TTHC1234567894"
)


def a_payment_file() -> bytes:
    """Three payments out of the account, with the longest names that there are."""
    names = ("Nguyễn Thị Bảo Ngọc", "CÔNG TY TNHH MỘT THÀNH VIÊN XÂY DỰNG " * 4, "Lê An")
    order = Order(
        file_id="CHTR-1-260102-1",
        created_at=datetime(2026, 1, 2, 3, tzinfo=UTC),
        execute_on=date(2026, 1, 2),
        debtor=BankAccount(ACCOUNT["bin"], ACCOUNT["number"], ACCOUNT["name"]),
        payments=[
            Payment(f"CHTR000000000{place}", Dong(50_000), BankAccount("970405", "1" * 34, name))
            for place, name in enumerate(names)
        ],
    )
    return pain001.write(order)


@pytest.fixture
def bank() -> Iterator[Flask]:
    """A bank with an account, and somebody subscribed who does not answer."""
    app = create_app(SandboxConfig(retry_factor=0.001))
    client = app.test_client()
    subscription = {"protocol": "sandbox", "url": "http://127.0.0.1:9/", "secret": "s"}
    client.post("/api/accounts", json=ACCOUNT)
    client.post("/api/subscriptions", json=subscription | {"account": ACCOUNT["number"]})
    yield app
    app.extensions[DESK].courier.close()


def _fits_everybody(page: Page) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert not spills(page), width
        assert violations(page) == [], width


def _read_picture(page: Page) -> None:
    picture = {"name": "qr.png", "mimeType": "image/png", "buffer": draw_png(QR)}
    page.locator("#picture").set_input_files([picture])
    page.locator("main form button").click()


@pytest.mark.parametrize(("language", "scheme"), [("vi", "light"), ("en", "dark")])
def test_a_person_uploads_a_picture_and_pays(
    browser: Browser, bank: Flask, language: str, scheme: str
) -> None:
    """From the first page to the receipt, every page fits every screen and every reader."""
    with (
        serving(bank) as address,
        visiting(browser, language=language, color_scheme=scheme) as visit,
        opened(visit, f"{address}/") as page,
    ):
        _fits_everybody(page)
        page.locator("a.button:not(.secondary)").click()
        expect(page).to_have_url(f"{address}/pay")
        _fits_everybody(page)
        _read_picture(page)
        expect(page.locator("body")).to_contain_text(ACCOUNT["name"])
        for folded in page.locator("summary").all():
            folded.click()
        page.locator("input[value=callback_late]").check()
        page.locator("input[value=memo_split]").check()
        _fits_everybody(page)
        page.locator("main form button").click()
        expect(page).to_have_url(f"{address}/receipts/1")
        amount = {"vi": "350.000\xa0₫", "en": "350,000\xa0₫"}[language]
        expect(page.locator(".receipt .large")).to_have_text(amount)
        _fits_everybody(page)
        page.goto(f"{address}/accounts/{ACCOUNT['number']}")
        _fits_everybody(page)


def test_back_from_the_receipt_pays_nothing_twice(browser: Browser, bank: Flask) -> None:
    """Back leads to the page that asks to confirm; confirming it again shows the same receipt."""
    with (
        serving(bank) as address,
        visiting(browser, java_script_enabled=False) as visit,
        opened(visit, f"{address}/pay") as page,
    ):
        page.locator("#qr").fill(QR)
        page.locator("main form button").click()
        expect(page.locator("main form button")).to_have_text("Xác nhận trả")
        page.locator("main form button").click()
        expect(page).to_have_url(f"{address}/receipts/1")
        page.go_back()
        expect(page.locator("body")).to_contain_text(ACCOUNT["name"])
        page.locator("main form button").click()
        expect(page).to_have_url(f"{address}/receipts/1")


def test_everything_works_without_a_script(browser: Browser, bank: Flask) -> None:
    """Pasting, paying and taking back need no script at all."""
    with (
        serving(bank) as address,
        visiting(browser, java_script_enabled=False) as visit,
        opened(visit, f"{address}/pay") as page,
    ):
        page.locator("#qr").fill(QR)
        page.locator("main form button").click()
        page.locator("main form button").click()
        page.get_by_role("button", name="Ngân hàng thu hồi tiền").click()
        expect(page.get_by_role("heading", name="Tiền ra khỏi tài khoản")).to_be_visible()


def test_a_receipt_looks_again_while_its_callback_is_under_way(
    browser: Browser, bank: Flask
) -> None:
    """The receipt is loaded again by itself until the subscriber has answered, and then rests."""
    listener = Listener()
    listener.slow_seconds = 1.5
    subscription = {"protocol": "sepay", "url": listener.url, "secret": "s"}
    client = bank.test_client()
    client.delete("/api/subscriptions/1")
    client.post("/api/subscriptions", json=subscription | {"account": ACCOUNT["number"]})
    with (
        serving(bank) as address,
        visiting(browser) as visit,
        opened(visit, f"{address}/pay") as page,
    ):
        page.locator("#qr").fill(QR)
        page.locator("main form button").click()
        page.locator("main form button").click()
        expect(page.locator(".state")).to_have_text("đang gửi")
        expect(page.locator(".state")).to_have_text("đã nhận", timeout=10_000)
        expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)
    listener.close()


@pytest.mark.parametrize(("language", "scheme"), [("vi", "light"), ("en", "dark")])
def test_a_person_uploads_a_payment_file(
    browser: Browser, bank: Flask, language: str, scheme: str
) -> None:
    """What became of each payment fits every screen, also what came back or was refused."""
    client = bank.test_client()
    code = {"account": ACCOUNT["number"], "bin": ACCOUNT["bin"], "amount": 1_000_000}
    client.post("/api/pay", json=code | {"memo": "TTHC1234567894"})
    with (
        serving(bank) as address,
        visiting(browser, language=language, color_scheme=scheme) as visit,
        opened(visit, f"{address}/") as page,
    ):
        page.locator("a.button.secondary").click()
        expect(page).to_have_url(f"{address}/payment-files")
        page.locator("summary").click()
        _fits_everybody(page)
        file = {"name": "chi.xml", "mimeType": "application/xml", "buffer": a_payment_file()}
        page.locator("#file").set_input_files([file])
        page.locator("#returned_same_day").fill("2")
        page.locator("#refused").fill("3")
        page.locator("main form button").click()
        expect(page).to_have_url(f"{address}/payment-files/1")
        expect(page.locator(".state")).to_have_count(3)
        _fits_everybody(page)
        page.goto(f"{address}/payment-files")
        _fits_everybody(page)
        page.locator("ol.payments a.row, ul.movements a").first.click()
        page.locator("ol.payments a.row").first.click()
        _fits_everybody(page)
