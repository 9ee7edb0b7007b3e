"""The payer's page in a real browser: every state, small and large, with and without a script."""

from __future__ import annotations

import io

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, expect

from payments import vietqr
from tests.browser.pages import WIDTHS, opened, pictured, serving, spills, violations, visiting
from tests.browser.payer import AGENCY, REFUNDS, STATES, TOKEN, Payment

PAGE = f"/p/{TOKEN}"


@pytest.mark.parametrize("state", STATES | REFUNDS)
def test_every_state_is_fit_for_every_reader(browser: Browser, state: str) -> None:
    """In both languages, on every width: no axe finding, nothing pushed sideways, no complaint."""
    with serving(Payment(state).app()) as address:
        for language in ("vi", "en"):
            with (
                visiting(browser, language=language) as visit,
                opened(visit, address + PAGE) as page,
            ):
                assert page.locator("html").get_attribute("lang") == language
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": 800})
                    assert not spills(page), (width, language)
                    pictured(page, f"payer-{state}-{language}-{width}")
                    if width != 390:  # the narrowest and the widest layout
                        assert violations(page) == [], (width, language)


@pytest.mark.parametrize("state", ["open", "confirming", "paid", "expired"])
def test_the_page_says_the_same_without_a_script(browser: Browser, state: str) -> None:
    """With scripts off the state, the amount and the code are there, and no dead button."""
    with (
        serving(Payment(state).app()) as address,
        visiting(browser, width=320, java_script_enabled=False) as visit,
    ):
        page = visit.new_page()
        page.goto(address + PAGE)
        expect(page.locator("#headline")).to_be_visible()
        expect(page.locator(".amount-value")).to_have_text("350.000\xa0₫")
        expect(page.locator("button:visible")).to_have_count(0)
        expect(page.locator(".qr img")).to_have_count(1 if state == "open" else 0)


def test_without_a_script_the_page_loads_itself_again(browser: Browser) -> None:
    """A page that still can change asks to be loaded again; a settled one doesn't."""
    for state, times in (("open", 1), ("confirming", 1), ("paid", 0), ("cancelled", 0)):
        with (
            serving(Payment(state).app()) as address,
            visiting(browser, java_script_enabled=False) as visit,
        ):
            page = visit.new_page()
            page.goto(address + PAGE)
            assert page.locator("meta[http-equiv=refresh]").count() == times, state


def test_paid_is_seen_without_loading_again(browser: Browser) -> None:
    """The page goes from waiting to confirming to paid by itself, and says so aloud."""
    payment = Payment("open")
    with (
        serving(payment.app()) as address,
        visiting(browser) as visit,
        opened(visit, address + PAGE) as page,
    ):
        page.evaluate("window.stayed = true")
        expect(page.locator("#headline")).to_have_text("Đang chờ bạn thanh toán")
        payment.becomes("confirming")
        expect(page.locator("#headline")).to_have_text("Ngân hàng đang xác nhận", timeout=4000)
        expect(page.locator(".qr img")).to_have_count(0)
        payment.becomes("paid")
        expect(page.locator("#headline")).to_have_text("Đã thanh toán", timeout=4000)
        expect(page.locator("#said")).to_have_text("Đã thanh toán")
        assert page.title() == f"Đã thanh toán · {AGENCY['vi']}"
        assert page.evaluate("window.stayed") is True
        assert violations(page) == []


def test_a_settled_page_asks_no_more(browser: Browser) -> None:
    """After the last state the page leaves the server alone."""
    payment = Payment("open")
    with (
        serving(payment.app()) as address,
        visiting(browser) as visit,
        opened(visit, address + PAGE) as page,
    ):
        payment.becomes("paid")
        expect(page.locator("#headline")).to_have_text("Đã thanh toán", timeout=4000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(3000)
        assert asked == []


def test_a_partial_payment_shows_a_new_code(browser: Browser) -> None:
    """When part has arrived, the code on the page is for the rest."""
    payment = Payment("open")
    with (
        serving(payment.app()) as address,
        visiting(browser) as visit,
        opened(visit, address + PAGE) as page,
    ):
        payment.becomes("partially_paid")
        expect(page.locator(".amount-value")).to_have_text("250.000\xa0₫", timeout=4000)
        page.wait_for_function("document.querySelector('.qr img').complete")
        assert scanned(page.locator(".qr img").screenshot()).amount == 250_000


def scanned(picture: bytes) -> vietqr.Transfer:
    """What a phone reads from a picture of the code."""
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    assert len(found) == 1
    return vietqr.decode(found[0].text)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_code_on_the_screen_can_be_scanned(browser: Browser, width: int) -> None:
    """A scanner reads the account, amount and message off the very screen."""
    with (
        serving(Payment("open").app()) as address,
        visiting(browser, width=width) as visit,
        opened(visit, address + PAGE) as page,
    ):
        read = scanned(page.screenshot(full_page=True))
        assert (read.account, read.amount, read.memo) == (
            "0011001234567",
            350_000,
            "TTHC1234567894",
        )


def test_the_picture_of_the_code_can_be_saved(browser: Browser) -> None:
    """For paying on the same phone the code comes as a file named by its payment code."""
    with (
        serving(Payment("open").app()) as address,
        visiting(browser) as visit,
        opened(visit, address + PAGE) as page,
    ):
        with page.expect_download() as coming:
            page.get_by_role("link", name="Lưu ảnh mã QR").click()
        assert coming.value.suggested_filename == "TTHC1234567894.png"
        assert scanned(coming.value.path().read_bytes()).memo == "TTHC1234567894"


def test_each_detail_is_copied_as_a_bank_wants_it(browser: Browser) -> None:
    """A button copies the bare value: digits without dots, the message to the letter."""
    with (
        serving(Payment("open").app()) as address,
        visiting(browser, permissions=["clipboard-read", "clipboard-write"]) as visit,
        opened(visit, address + PAGE) as page,
    ):
        for label, value in (
            ("Số tài khoản", "0011001234567"),
            ("Số tiền", "350000"),
            ("Nội dung chuyển khoản", "TTHC1234567894"),
            ("Tên người nhận", "SO TU PHAP TINH BINH DUONG"),
        ):
            button = page.get_by_role("button", name=f"Chép: {label}")
            button.click()
            expect(button).to_have_text("Đã chép")
            assert page.evaluate("navigator.clipboard.readText()") == value


def test_copying_works_where_the_clipboard_is_not_given(browser: Browser) -> None:
    """On a plain http address (a kiosk in the office) the old way of copying is used."""
    with (
        serving(Payment("open").app()) as address,
        visiting(browser) as visit,
        opened(visit, address + PAGE) as page,
    ):
        page.evaluate("delete Navigator.prototype.clipboard")
        page.evaluate(
            "document.execCommand = () => { window.copied = String(getSelection()); return true }"
        )
        page.get_by_role("button", name="Chép: Nội dung chuyển khoản").click()
        page.wait_for_function("window.copied !== undefined")
        assert page.evaluate("window.copied").strip() == "TTHC1234567894"


def test_the_time_left_runs_down(browser: Browser) -> None:
    """The time left is counted by the server's clock and shown in the reader's words."""
    with (
        serving(Payment("open").app()) as address,
        visiting(browser, language="en") as visit,
        opened(visit, address + PAGE) as page,
    ):
        expect(page.locator(".left")).to_have_text("1 h 29 min left")


def test_a_lost_connection_is_told_and_forgiven(browser: Browser) -> None:
    """After three failures the page says so; when the network is back, it goes on by itself."""
    payment = Payment("open")
    with serving(payment.app()) as address, visiting(browser) as visit:
        page = visit.new_page()
        page.goto(address + PAGE)
        expect(page.locator("#offline")).to_be_hidden()
        visit.set_offline(True)
        expect(page.locator("#offline")).to_be_visible(timeout=12_000)
        visit.set_offline(False)
        payment.becomes("paid")
        expect(page.locator("#headline")).to_have_text("Đã thanh toán", timeout=12_000)


def test_the_language_is_one_tap_away(browser: Browser) -> None:
    """The switch keeps the page and is remembered for the next visit."""
    with (
        serving(Payment("open").app()) as address,
        visiting(browser) as visit,
        opened(visit, address + PAGE) as page,
    ):
        page.get_by_role("link", name="English").click()
        expect(page.locator("#headline")).to_have_text("Waiting for your payment")
        page.goto(address + PAGE)
        expect(page.locator("#headline")).to_have_text("Waiting for your payment")
        page.get_by_role("link", name="Tiếng Việt").click()
        expect(page.locator("#headline")).to_have_text("Đang chờ bạn thanh toán")


def test_the_page_can_be_walked_by_keyboard(browser: Browser) -> None:
    """Tab goes to the content, the language, the picture and each button, and shows where it is."""
    with (
        serving(Payment("open").app()) as address,
        visiting(browser) as visit,
        opened(visit, address + PAGE) as page,
    ):
        walked = []
        for _ in range(7):
            page.keyboard.press("Tab")
            walked.append(page.evaluate("document.activeElement.textContent.trim()"))
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert walked == [
            "Đến nội dung chính",
            "English",
            "Lưu ảnh mã QR",
            "Chép",
            "Chép",
            "Chép",
            "Chép",
        ]


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_wrong_address_is_told_kindly(browser: Browser, language: str) -> None:
    """An address that is no payment's says what to do, in the reader's language."""
    with (
        serving(Payment("open").app()) as address,
        visiting(browser, width=320, language=language) as visit,
    ):
        page = visit.new_page()
        answer = page.goto(address + "/p/" + "b" * 22)
        assert answer is not None
        assert answer.status == 404
        assert violations(page) == []
        assert not spills(page)
        expect(page.locator("h1")).to_have_text(
            {"vi": "Không tìm thấy", "en": "Not found"}[language]
        )
