"""The bank's pages: paying as a person does, and kindness to bad input."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from payments.vietqr import draw_png
from sandbox import scanning
from sandbox.web import pages
from tests.sandbox.conftest import CODE, VCB
from tests.sandbox.listening import until

ROOT = Path(__file__).parents[2]


def hidden(text):
    """The hidden fields of the form on a page."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text)
    return {name: unescape(value) for name, value in found}


def read(bank, code, **headers):
    return bank.client.post("/pay", data={"qr": code}, headers=headers, follow_redirects=True)


def confirm(bank, code, **form):
    """Reads a code and confirms with these fields; the answer to the confirmation."""
    return bank.client.post("/pay/confirm", data=hidden(read(bank, code).text) | form)


def upload(bank, content):
    """Sends a picture as a browser does."""
    body = (
        b'--edge\r\nContent-Disposition: form-data; name="qr"\r\n\r\n\r\n'
        b'--edge\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + content + b"\r\n--edge--\r\n"
    )
    kind = "multipart/form-data; boundary=edge"
    return bank.client.post("/pay", data=body, content_type=kind, follow_redirects=True)


def picture_of(image, kind="PNG"):
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def test_a_person_pastes_a_code_checks_and_pays(bank, listener, a_code):
    """The page shows what will be paid; confirming pays it and shows a receipt."""
    bank.subscribe(listener)
    page = read(bank, a_code())
    for told in ("SO TU PHAP", "0011001234567", "Vietcombank", CODE, "150.000\xa0₫"):
        assert told in page.text
    answer = bank.client.post("/pay/confirm", data=hidden(page.text))
    assert answer.status_code == 303
    receipt = bank.client.get(answer.headers["Location"])
    assert "Đã chuyển tiền" in receipt.text
    assert listener.wait(1)[0].told["amount"] == 150000
    assert bank.balance() == 1_150_000


def test_confirming_twice_pays_once(bank, a_code):
    """A form sent again by an impatient finger leads to the same receipt."""
    form = hidden(read(bank, a_code()).text)
    first = bank.client.post("/pay/confirm", data=form)
    second = bank.client.post("/pay/confirm", data=form)
    assert first.headers["Location"] == second.headers["Location"]
    assert bank.balance() == 1_150_000


def test_reading_the_code_again_pays_again(bank, a_code):
    """Paying twice is a payer's right: a newly read code is a new payment."""
    confirm(bank, a_code())
    confirm(bank, a_code())
    assert bank.balance() == 1_300_000


def test_a_code_without_an_amount_asks_for_one(bank, a_code):
    """A static code's page asks; thousands may be written as people write them."""
    assert 'name="amount" inputmode="numeric" required' in read(bank, a_code(None)).text
    assert confirm(bank, a_code(None)).status_code == 422
    assert confirm(bank, a_code(None), amount="25.000").status_code == 303
    assert confirm(bank, a_code(None), amount="25,000").status_code == 303
    assert confirm(bank, a_code(None), amount="25 000").status_code == 303
    assert bank.balance() == 1_075_000


@pytest.mark.parametrize("amount", ["0", "-5", "1.5", "25.00", "1e6", "٣٠٠٠", "nhiều", "9" * 15])
def test_an_amount_that_is_none_is_refused_and_kept_to_correct(bank, a_code, amount):
    """The confirmation comes back with the reason and with what was typed."""
    answer = confirm(bank, a_code(), amount=amount)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert f'value="{amount}"' in answer.text
    assert bank.balance() == 1_000_000


def test_a_person_may_choose_payer_channel_and_faults(bank, a_code):
    """What is chosen on the page is what the bank does."""
    answer = confirm(
        bank,
        a_code(),
        payer_name="Lê Thị Hoa",
        via="momo_cut",
        faults=["memo_split", "callback_lost"],
    )
    paid = bank.client.get("/api/movements/1").get_json()
    assert paid["payer_name"] == "LE THI HOA"
    assert paid["payer_account"].isdigit()
    assert (paid["via"], paid["faults"]) == ("momo_cut", ["callback_lost", "memo_split"])
    receipt = bank.client.get(answer.headers["Location"]).text
    assert "Mã bị chèn khoảng trắng" in receipt


def test_contradictory_faults_are_told_on_the_page(bank, a_code):
    """The choice is refused in words and stays ticked."""
    answer = confirm(bank, a_code(), faults=["callback_lost", "callback_late"])
    assert answer.status_code == 422
    assert "không thể cùng xảy ra" in answer.text
    assert answer.text.count("checked") == 2


def test_a_held_callback_is_released_from_the_receipt(bank, listener, a_code):
    """The receipt of a late callback has the button that sends it."""
    bank.subscribe(listener)
    place = confirm(bank, a_code(), faults=["callback_late"]).headers["Location"]
    assert "Gửi thông báo đang giữ" in bank.client.get(place).text
    assert bank.client.post(f"{place}/release").status_code == 303
    listener.wait(1)
    until(lambda: "đã nhận" in bank.client.get(place).text)


def test_a_payment_is_taken_back_from_its_receipt(bank, a_code):
    """The bank's reversal has a receipt of its own, and the first one says so."""
    place = confirm(bank, a_code()).headers["Location"]
    answer = bank.client.post(f"{place}/reverse")
    assert "Tiền ra khỏi tài khoản" in bank.client.get(answer.headers["Location"]).text
    assert "đã thu hồi" in bank.client.get(place).text
    again = bank.client.post(f"{place}/reverse")
    assert again.status_code == 409
    assert "Chỉ thu hồi được" in again.text


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_uploaded_picture_is_read(bank, a_code, kind):
    """PNG and JPEG pictures of a code lead to the same page as its text."""
    drawn = Image.open(io.BytesIO(draw_png(a_code()))).convert("RGB")
    page = upload(bank, picture_of(drawn, kind))
    assert page.status_code == 200
    assert hidden(page.text)["qr"] == a_code()


def test_a_turned_photo_on_a_dark_table_is_read(bank, a_code):
    """A code that lies askew in a larger picture is found."""
    drawn = Image.open(io.BytesIO(draw_png(a_code(), scale=6))).convert("RGB")
    table = Image.new("RGB", (1600, 1200), (60, 50, 40))
    turned = drawn.rotate(17, expand=True, fillcolor=(60, 50, 40))
    table.paste(turned, (500, 300))
    assert upload(bank, picture_of(table, "JPEG")).status_code == 200


def test_a_transparent_picture_is_read(bank, a_code):
    """A code on nothing is a code on white paper."""
    drawn = Image.open(io.BytesIO(draw_png(a_code()))).convert("L")
    clear = Image.new("RGBA", drawn.size, (0, 0, 0, 0))
    clear.putalpha(drawn.point(lambda shade: 0 if shade else 255))
    assert upload(bank, picture_of(clear)).status_code == 200


def _two_codes():
    first, second = (
        Image.open(io.BytesIO(draw_png(text))).convert("L") for text in ("one code", "another code")
    )
    both = Image.new("L", (first.width + second.width, first.height), 255)
    both.paste(first, (0, 0))
    both.paste(second, (first.width, 0))
    return picture_of(both)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Hãy dán nội dung mã QR"),
        (b"GIF89a", "không phải ảnh PNG hay JPG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "không phải ảnh PNG hay JPG"),
        (draw_png("whole")[:200], "không phải ảnh PNG hay JPG"),
        (picture_of(Image.new("L", (300, 300), 255)), "Không thấy mã QR"),
        (draw_png("hello"), "không phải mã VietQR"),
        (_two_codes(), "nhiều mã QR"),
        (b"\x89PNG" + b"\0" * scanning.LARGEST_PICTURE, "Ảnh quá lớn"),
        (picture_of(Image.new("1", (9000, 9000))), "Ảnh quá lớn"),
    ],
    ids="nothing gif svg cut blank other two heavy wide".split(),
)
def test_a_picture_that_is_no_code_is_told_kindly(bank, content, words):
    """Whatever is uploaded, the page comes back and says what is wrong with it."""
    answer = upload(bank, content)
    assert answer.status_code == 422
    assert words in answer.text


WITHOUT_THE_EXTRA = """
import sys
sys.modules["zxingcpp"] = None  # as if it were not installed
from sandbox.app import create_app
from sandbox.config import SandboxConfig
client = create_app(SandboxConfig()).test_client()
assert 'type="file"' not in client.get("/pay").text
form = {"qr": "", "picture": (open(sys.argv[1], "rb"), "qr.png")}
answer = client.post("/pay", data=form, content_type="multipart/form-data")
print(answer.status_code, "chưa cài phần đọc ảnh" in answer.text)
"""


def test_without_the_extra_the_page_asks_for_the_text(a_code, tmp_path):
    """Where the library that reads pictures is not installed, the bank says so and works."""
    picture = tmp_path / "qr.png"
    picture.write_bytes(draw_png(a_code()))
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA, str(picture)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout.strip() == "409 True", told.stderr


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "Hãy dán nội dung mã QR"),
        ("hello", "không phải mã VietQR"),
        ("0" * 5000, "không phải mã VietQR"),
        ("00020101021", "không phải mã VietQR"),
        ("<script>alert(1)</script>", "không phải mã VietQR"),
    ],
)
def test_a_text_that_is_no_code_is_told_kindly(bank, code, words):
    """The page comes back with the text, the reason, and no markup of the visitor's."""
    answer = read(bank, code)
    assert answer.status_code == 422
    assert words in answer.text
    assert "<script" not in answer.text


def test_a_mistyped_code_and_a_strange_account_are_told_apart(bank, a_code):
    """A changed character is a checksum's affair, an account elsewhere is the bank's."""
    mistyped = a_code().replace("150000", "950000")
    assert "tổng kiểm tra" in read(bank, mistyped).text
    elsewhere = read(bank, a_code(account="555"))
    assert elsewhere.status_code == 404
    assert "không có tài khoản 555" in elsewhere.text


def test_the_reader_chooses_the_language_and_it_stays(bank):
    """`?lang=` switches, the cookie keeps it, and the browser's wish counts before that."""
    assert "Thử trả lệ phí" in bank.client.get("/").text
    assert "Practice Bank" in bank.client.get("/", headers={"Accept-Language": "en"}).text
    switched = bank.client.get("/?lang=en")
    assert 'lang="en"' in switched.text
    assert "SameSite=Lax" in switched.headers["Set-Cookie"]
    assert "Practice Bank" in bank.client.get("/pay").text
    assert "must be a whole number" in bank.client.post("/api/charge", json={
        "account": VCB["number"], "amount": 0,
    }).get_json()["detail"]  # fmt: skip


def test_amounts_are_written_as_the_language_does(bank, a_code):
    """150.000 ₫ in Vietnamese, 150,000 ₫ in English."""
    assert "150.000\xa0₫" in read(bank, a_code()).text
    assert "150,000\xa0₫" in read(bank, a_code(), **{"Accept-Language": "en"}).text


def test_a_form_from_another_site_is_refused(bank, a_code):
    """A browser's own word that a form comes from elsewhere is enough to refuse it."""
    form = hidden(read(bank, a_code()).text)
    strangers = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    for headers in strangers:
        answer = bank.client.post("/pay/confirm", data=form, headers=headers)
        assert answer.status_code == 400
        assert "không gửi từ trang của ngân hàng" in answer.text
    assert bank.balance() == 1_000_000
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert bank.client.post("/pay/confirm", data=form, headers=own).status_code == 303


def test_every_answer_carries_the_strict_headers(bank):
    """Pages, problems, files and JSON: no script, no frame, nothing from elsewhere."""
    paths = ["/", "/pay", "/nothing", "/api/accounts", "/static/sandbox.css", "/receipts/9"]
    for path in paths:
        with bank.client.get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_needs_what_the_policy_forbids(bank, a_code):
    """No inline style, no script, nothing loaded from another host."""
    confirm(bank, a_code())
    paths = ("/", "/pay", "/receipts/1", "/accounts/0011001234567")
    for page in (*(bank.client.get(path) for path in paths), read(bank, a_code())):
        assert not re.search(r"<script|\sstyle=|\son\w+=|(src|href)=\"(https?:)?//", page.text)


def test_a_memo_is_never_markup(bank):
    """What a payer writes is shown as text on every page."""
    bank.pay(memo="<b>x</b>", via="plain", payer={"name": "<i>A", "account": "1"})
    for path in ("/", "/receipts/1", "/accounts/0011001234567"):
        text = bank.client.get(path).text
        assert "<b>x" not in text
        assert "<I>A" not in text
        assert "&lt;b&gt;x" in text


def test_statements_are_downloaded_from_the_account(bank):
    """The account's page hands out the file; a wrong day comes back as a page, not as JSON."""
    place = "/accounts/0011001234567/statement"
    answer = bank.client.get(f"{place}?day=2026-11-24&format=vcb_xlsx")
    assert answer.headers["Content-Disposition"].endswith('"0011001234567-20261124.xlsx"')
    wrong = bank.client.get(f"{place}?day=24/11/2026&format=vcb_xlsx")
    assert (wrong.status_code, wrong.mimetype) == (422, "text/html")


def test_pages_that_are_not_there_say_so(bank):
    """An unknown address, receipt or account is a page with a way home."""
    for path in ("/nothing", "/receipts/9", "/receipts/x", "/accounts/5", "/pay/confirm/x"):
        answer = bank.client.get(path)
        assert answer.status_code == 404
        assert 'href="/"' in answer.text
    assert bank.client.get("/pay/confirm").headers["Location"] == "/pay"
    assert bank.client.put("/pay").status_code == 405


def test_a_body_beyond_every_bound_is_refused(bank):
    """Far more than a picture is not even taken in."""
    answer = upload(bank, b"\0" * (pages.LARGEST_FORM + 1))
    assert answer.status_code == 413
    assert "quá lớn" in answer.text


def test_the_picture_reader_agrees_with_a_second_opinion(a_code):
    """What is found in a picture is what zxing says of the plain picture."""
    picture = draw_png(a_code(memo="TTHC0000000000"))
    [plain] = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)).convert("L"))
    assert scanning.find_code(picture) == plain.text
