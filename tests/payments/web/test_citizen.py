"""A payer sees what to pay, to whom and how it stands, and nothing of anybody else."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from payments import payment_requests, payouts, vietqr
from payments.core import words
from payments.core.database import Database
from payments.core.money import Dong
from payments.payment_requests import CancelReason, PaymentRequest, PaymentRequestLine
from payments.payouts import Payout
from payments.web import citizen, kit
from payments.web.citizen.faces import FACES
from payments.web.citizen.page import Asked, mark_of, page_of
from tests.bank import TODAY, BankLine, a_statement, run
from tests.browser.payer import STATES, a_receipt, a_snapshot
from tests.builders import (
    BY,
    NOON,
    Province,
    a_payment_request,
    a_province,
    a_vault,
    paid,
)
from tests.receipts import issue, open_a_pair


@pytest.fixture
def at_noon() -> Iterator[None]:
    """The edges' clock shows the builders' noon."""
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def client(database: Database, at_noon: None) -> FlaskClient:
    """A browser at the payer's pages over the test's database."""
    app = kit.new_app(base_url="https://pay.example.vn")
    app.register_blueprint(citizen.blueprint(database, a_vault()))
    return app.test_client()


@pytest.fixture
def province(database: Database, session) -> Province:
    """A province with an account and a portal."""
    made = a_province(session)
    session.commit()
    return made


def test_the_page_shows_what_to_pay_and_to_whom(client: FlaskClient, province: Province) -> None:
    """Amount, agency, fees, bank, account, holder, memo and time are on the page."""
    request = a_payment_request(province, amount=150_000, le_phi=50_000)
    province.session.commit()
    page = client.get(f"/p/{request.token}").text
    for shown in (
        "150.000\xa0₫",
        "100.000\xa0₫",
        "Tỉnh mẫu",
        "Phí mẫu PHI",
        "Phí mẫu LEPHI",
        "Vietcombank",
        "0011001234567",
        "SO MAU",
        request.reference,
        request.dossier,
        "Đang chờ bạn thanh toán",
    ):
        assert shown in page, shown
    english = client.get(f"/p/{request.token}?lang=en").text
    for shown in ("150,000\xa0₫", "Sample province", "Sample fee PHI", "Waiting for your payment"):
        assert shown in english, shown


def test_the_code_on_the_page_pays_this_request(client: FlaskClient, province: Province) -> None:
    """The pictures are of the code that names account, amount due and reference."""
    request = a_payment_request(province, amount=150_000)
    province.session.commit()
    svg = client.get(f"/p/{request.token}/qr.svg")
    png = client.get(f"/p/{request.token}/qr.png")
    assert (svg.mimetype, png.mimetype) == ("image/svg+xml", "image/png")
    told = client.get(f"/p/{request.token}/state").json
    assert told is not None
    code = vietqr.encode(
        bin="970436", account="0011001234567", amount=request.amount, memo=request.reference
    )
    assert svg.text == vietqr.draw_svg(code, title="Mã VietQR")
    assert png.data == vietqr.draw_png(code)


def test_the_state_follows_the_money(client: FlaskClient, province: Province) -> None:
    """Part, then the rest: the state's address tells each, the last one being final."""
    open_a_pair(province.session)
    request = a_payment_request(province, amount=50_000)
    province.session.commit()
    state = f"/p/{request.token}/state"

    def told() -> tuple[str, bool]:
        answer = client.get(state).json
        assert answer is not None
        return answer["state"], answer["final"]

    assert told() == ("open", False)
    paid(province, request, 20_000)
    province.session.commit()
    assert told() == ("partially_paid", False)
    assert "30.000\xa0₫" in client.get(f"/p/{request.token}").text
    paid(province, request, 30_000)
    province.session.commit()
    assert told() == ("paid", False), "its receipt is on its way"
    issue(province)
    province.session.commit()
    assert told() == ("paid", True)
    for picture in ("qr.svg", "qr.png"):
        gone = client.get(f"/p/{request.token}/{picture}", headers={"Accept": "application/json"})
        assert (gone.status_code, gone.json["code"]) == (404, "nothing_to_scan")  # type: ignore[index]


def test_the_slip_is_offered_as_long_as_it_can_be_paid(
    client: FlaskClient, province: Province
) -> None:
    """A PDF named after the payment code; whoever comes later is led to how the payment stands."""
    request = a_payment_request(province, amount=50_000)
    province.session.commit()
    page, address = f"/p/{request.token}", f"/p/{request.token}/slip.pdf"
    assert f'href="{address}"' in client.get(page).text
    printed = client.get(address)
    assert (printed.status_code, printed.mimetype) == (200, "application/pdf")
    assert f'"{request.reference}.pdf"' in printed.headers["Content-Disposition"]
    assert printed.data.startswith(b"%PDF-")
    assert client.get(f"{address}?lang=en").data == printed.data
    with time_machine.travel(request.expires_at, tick=False):
        assert client.get(address).headers["Location"] == page
    paid(province, request)
    province.session.commit()
    assert address not in client.get(page).text
    late = client.get(address)
    assert (late.status_code, late.headers["Location"]) == (303, page)
    assert "Đã thanh toán" in client.get(address, follow_redirects=True).text


def test_who_paid_twice_is_told(client: FlaskClient, province: Province) -> None:
    """A second payment is on the page: how much more than due has come, and that it is kept."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request)
    province.session.commit()
    state, address = f"/p/{request.token}/state", f"/p/{request.token}"
    once = client.get(state)
    assert "Bạn không cần làm gì thêm" in client.get(address).text
    paid(province, request)
    province.session.commit()
    assert province.findings() == ["exact", "duplicate"]
    twice = client.get(state, headers={"If-None-Match": once.headers["ETag"]})
    assert twice.status_code == 200
    assert client.get(state, headers={"If-None-Match": twice.headers["ETag"]}).status_code == 304
    page = client.get(address).text
    assert "Bạn không cần làm gì thêm" not in page
    assert "Đã nhận 100.000 ₫, thừa 50.000 ₫" in page
    english = client.get(f"{address}?lang=en").text
    assert "100,000 ₫ has arrived, 50,000 ₫ more than due." in english
    assert "50,000 ₫ is kept for you, and Sample province gives it back." in english


PAYER = "9704229200112233"


def proposed(province: Province, request: PaymentRequest, excess: int) -> Payout:
    """A refund of what is too much, proposed by the portal to the account it came from."""
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    asked = payouts.AskedBack(to, "nộp thừa", excess=Dong(excess))
    told = {"by": f"portal:{province.portal.id}", "now": NOON, "vault": province.vault}
    [made] = payouts.propose_refunds(province.session, request, asked, **told)
    return made


def an_overpaid(province: Province) -> PaymentRequest:
    """A request of 50.000 đồng for which 70.000 came, seen on a statement."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 70_000, payer=PAYER)
    a_statement(province, BankLine(70_000, request.reference))
    run(province)
    return request


def test_where_a_refund_stands_is_on_the_page(client: FlaskClient, province: Province) -> None:
    """Proposed, approved, sent, paid out: each in words, live, without the whole account."""
    request, session = an_overpaid(province), province.session
    state, address = f"/p/{request.token}/state", f"/p/{request.token}?lang=en"
    session.commit()
    before = client.get(state)
    assert "20,000 ₫ is kept for you" in client.get(address).text
    payout = proposed(province, request, 20_000)

    def told(what: str, *, final: bool) -> None:
        nonlocal before
        session.commit()
        now = client.get(state, headers={"If-None-Match": before.headers["ETag"]})
        assert (now.status_code, now.json["state"]) == (200, "overpaid"), what
        again = client.get(state, headers={"If-None-Match": now.headers["ETag"]})
        assert again.status_code == 304
        page = client.get(address).text
        assert what in page
        assert what in now.json["html"]
        assert "is kept for you" not in page
        assert "…2233, MB Bank" in page
        assert ("when the refund goes on" in page) is not final
        assert PAYER not in page
        before = now

    told("is proposed to be given back", final=False)
    payouts.approve(session, payout, by="staff:2", now=NOON)
    told("was approved to be given back", final=False)
    payouts.file_all(session, province.account, by=BY, now=NOON, vault=province.vault)
    told("was sent to the bank", final=False)
    later = TODAY + timedelta(days=1)
    line = BankLine(-20_000, f"{payout.code} hoan phi", day=later)
    a_statement(province, line, opening=70_000, day=later, number="S2")
    run(province, later)
    told("was paid out on 25 Nov 2026", final=True)
    vietnamese = client.get(f"/p/{request.token}?lang=vi").text
    assert "đã được hoàn trả ngày 25/11/2026" in vietnamese


@pytest.mark.parametrize(
    ("amount", "status", "coming", "gone"),
    [
        (50_000, "refund", "Being refunded", "Refunded"),
        (20_000, "partially_refund", "Paid, and part of it being refunded", "part of it refunded"),
    ],
)
def test_fees_are_said_to_be_given_back_once_they_left(
    client: FlaskClient, province: Province, amount: int, status: str, coming: str, gone: str
) -> None:
    """From approval on they are being given back; they were when a statement shows them leaving."""
    request, session = a_payment_request(province, amount=50_000), province.session
    paid(province, request, payer=PAYER)
    a_statement(province, BankLine(50_000, request.reference))
    run(province)
    state, address = f"/p/{request.token}/state", f"/p/{request.token}?lang=en"
    [credit], [line] = province.credits(), session.scalars(select(PaymentRequestLine.id)).all()
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    wanted = payouts.Wanted(payouts.Part.FEES, to, "rút", lines={line: Dong(amount)})
    payout = payouts.propose_refund(session, credit, wanted, by=BY, now=NOON, vault=province.vault)
    session.commit()
    assert client.get(state).json["state"] == "paid"
    payouts.approve(session, payout, by="staff:2", now=NOON)
    session.commit()
    assert client.get(state).json["state"] == f"{status}ing"
    page = client.get(address).text
    assert coming in page
    assert "below you see how far it has come" in page
    assert "was given back" not in page
    payouts.file_all(session, province.account, by=BY, now=NOON, vault=province.vault)
    session.commit()
    assert client.get(state).json["state"] == f"{status}ing"
    later = TODAY + timedelta(days=1)
    left = BankLine(-amount, f"{payout.code} hoan phi", day=later)
    a_statement(province, left, opening=50_000, day=later, number="S2")
    run(province, later)
    session.commit()
    assert client.get(state).json["state"] == f"{status}ed"
    page = client.get(address).text
    assert gone in page
    assert "was given back" in page
    assert "how far it has come" not in page


def test_a_declined_refund_says_why_and_that_the_money_is_kept(
    client: FlaskClient, province: Province
) -> None:
    """What is in no refund is said to be kept, beside what is."""
    request, session = an_overpaid(province), province.session
    proposed(province, request, 5_000)
    declined = proposed(province, request, 15_000)
    payouts.decline(session, declined, reason="sai tài khoản", by="staff:2", now=NOON)
    session.commit()
    page = client.get(f"/p/{request.token}?lang=en").text
    assert "15,000 ₫ is kept for you" in page
    assert "Reason: sai tài khoản" in page
    assert "is proposed to be given back" in page


def test_money_for_a_cancelled_payment_is_kept_until_it_is_given_back(
    client: FlaskClient, province: Province
) -> None:
    """Proposed, it is no more asked to ask for it; approved, the payment is simply cancelled."""
    request, session = a_payment_request(province, amount=50_000), province.session
    payment_requests.cancel(session, request, reason=CancelReason.OTHER, now=NOON)
    paid(province, request, payer=PAYER)
    a_statement(province, BankLine(50_000, request.reference))
    run(province)
    address = f"/p/{request.token}?lang=en"
    session.commit()
    assert "50,000 ₫ is kept for you" in client.get(address).text
    payout = proposed(province, request, 50_000)
    session.commit()
    page = client.get(address).text
    assert "is kept for you" not in page
    assert "do not transfer any more" in page
    payouts.approve(session, payout, by="staff:2", now=NOON)
    session.commit()
    assert "was approved to be given back" in client.get(address).text


def test_who_paid_too_much_and_once_more_is_told_of_both(
    client: FlaskClient, province: Province
) -> None:
    """What was over in the first payment and all of the second are one figure."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 60_000)
    paid(province, request, 50_000)
    province.session.commit()
    assert province.findings() == ["overpaid", "duplicate"]
    page = client.get(f"/p/{request.token}?lang=en").text
    assert "110,000 ₫ has arrived, 60,000 ₫ more than due." in page


@pytest.mark.parametrize("behind", ["/", ".", ",", ").", "%20", "…", "%22", "%E2%80%8B"])
def test_a_link_with_what_stood_behind_it_leads_to_the_payment(
    client: FlaskClient, province: Province, behind: str
) -> None:
    """Phones take the end of a sentence into the link of a message."""
    request = a_payment_request(province)
    province.session.commit()
    led = client.get(f"/p/{request.token}{behind}")
    assert (led.status_code, led.headers["Location"]) == (303, f"/p/{request.token}")
    for other in (f"{request.token}x", f"{request.token[:-1]}.", f"{request.token}.x"):
        assert client.get(f"/p/{other}", headers={"Accept": "text/html"}).status_code == 404, other


def test_who_paid_after_the_cancellation_is_told(client: FlaskClient, province: Province) -> None:
    """Money that came for a cancelled request is on its page, in both languages."""
    request = a_payment_request(province, amount=50_000)
    payment_requests.cancel(
        province.session, request, reason=payment_requests.CancelReason.WITHDRAWN, now=NOON
    )
    paid(province, request)
    province.session.commit()
    assert province.findings() == ["after_cancel"]
    page = client.get(f"/p/{request.token}").text
    assert "Khoản thu này đã bị hủy, nhưng đã có tiền chuyển đến" in page
    assert "Đã nhận 50.000 ₫ khi khoản thu này không còn phải nộp." in page
    english = client.get(f"/p/{request.token}?lang=en").text
    assert "50,000 ₫ arrived although nothing was due any more." in english


def test_an_unchanged_state_is_not_sent_again(client: FlaskClient, province: Province) -> None:
    """The same state is 304 without a body; another language or state is sent."""
    request = a_payment_request(province, amount=50_000)
    province.session.commit()
    state = f"/p/{request.token}/state"
    first = client.get(state)
    tag = first.headers["ETag"]
    assert f'data-tag="{tag}"' in html.unescape(client.get(f"/p/{request.token}").text)
    again = client.get(state, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "no-store"
    english = client.get(state, headers={"If-None-Match": tag, "Accept-Language": "en"})
    assert english.status_code == 200
    paid(province, request)
    province.session.commit()
    assert client.get(state, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("token", ["A" * 22, "A" * 21, "A" * 23, "%27%20OR%201=1--", "ă" * 22, "0"])
def test_a_token_that_opens_nothing_is_told_nothing(
    client: FlaskClient, province: Province, token: str
) -> None:
    """Unknown, malformed and hostile tokens get one and the same answer, id of request aside."""
    a_payment_request(province)
    province.session.commit()
    answers = set()
    for asked in (token, "B" * 22):
        for path in ("", "/state", "/qr.svg", "/qr.png", "/slip.pdf"):
            answer = client.get(f"/p/{asked}{path}", headers={"Accept": "text/html"})
            assert answer.status_code == 404
            body = answer.text.replace(answer.headers["X-Request-Id"], "")
            answers.add(re.sub(r'href="[^"]*lang=en"', "", body))
    assert len(answers) == 1


def test_a_payers_page_is_kept_by_nobody(client: FlaskClient, province: Province) -> None:
    """Neither caches nor search engines nor other sites learn of the page, nor of a wrong one."""
    request = a_payment_request(province)
    province.session.commit()
    for path in ("", "/state", "/qr.svg", "/qr.png", "/slip.pdf"):
        for token in (request.token, "A" * 22):
            headers = client.get(f"/p/{token}{path}").headers
            assert headers["Cache-Control"] == "no-store"
            assert headers["X-Robots-Tag"] == "noindex, nofollow"
            assert headers["Referrer-Policy"] == "no-referrer"


def test_the_page_knows_nothing_of_the_payer(client: FlaskClient, province: Province) -> None:
    """Who paid and from which account is not on the page."""
    request = a_payment_request(province)
    paid(province, request, payer="99887766554433")
    province.session.commit()
    for path in ("", "/state"):
        shown = client.get(f"/p/{request.token}{path}").text
        assert "Đã thanh toán" in shown
        assert "NGUYEN VAN MAU" not in shown
        assert "9988776655" not in shown


def test_past_its_time_a_code_is_not_offered(client: FlaskClient, province: Province) -> None:
    """Also before the hourly job has closed the request, nobody is asked to pay it any more."""
    request = a_payment_request(province)
    province.session.commit()
    with time_machine.travel(request.expires_at, tick=False):
        page = client.get(f"/p/{request.token}").text
        picture = client.get(f"/p/{request.token}/qr.png")
    assert "Mã thanh toán đã hết hạn" in page
    assert "<img" not in page
    assert picture.status_code == 404


def test_a_cancelled_request_says_do_not_pay(client: FlaskClient, province: Province) -> None:
    """After a cancellation the page shows neither code nor account."""
    request = a_payment_request(province)
    payment_requests.cancel(
        province.session, request, reason=payment_requests.CancelReason.WITHDRAWN, now=NOON
    )
    province.session.commit()
    page = client.get(f"/p/{request.token}").text
    assert "Khoản thu này đã bị hủy" in page
    assert "0011001234567" not in page


def test_the_page_needs_no_script_and_has_none_inline(
    client: FlaskClient, province: Province
) -> None:
    """No inline script, style or handler; without scripts the page loads itself again."""
    request = a_payment_request(province)
    province.session.commit()
    page = client.get(f"/p/{request.token}").text
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", page) == []
    assert '<noscript><meta http-equiv="refresh"' in page


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_state_has_its_face(state: str, language: str) -> None:
    """Every public status with its flags has a face of its own, with no gap in its words."""
    now = datetime.now(UTC)
    snapshot = a_snapshot(**STATES[state])
    names = [line["fee"] for line in snapshot["lines"]]
    with words.speaking(language):
        beyond, refunds = Dong(snapshot.get("beyond", 0)), snapshot.get("refunds", ())
        page = page_of(Asked(snapshot, "Sở", names, beyond, refunds=refunds), now=now)
    assert page.state == {"large": "open"}.get(state, state)
    assert page.face is FACES[page.state]
    assert not [text for text in (page.headline, *page.sentences) if "{" in text]
    assert (page.pay_to is not None) == (page.state in ("open", "partially_paid"))


def test_every_face_is_met_by_a_state() -> None:
    """No face is kept that no state shows."""
    assert {STATE for STATE in STATES if STATE != "large"} == set(FACES)


def test_a_mark_changes_with_anything_shown() -> None:
    """Another amount, state, time or language is another mark; the same page is the same mark."""
    now = datetime.now(UTC)
    paid_at = now.isoformat()
    told = {"beyond": 0, "receipts": [], "awaited": False, "named": 0, "answered": False}
    snapshot = {**a_snapshot(paid_at=paid_at), **told}

    def tag(*, at: datetime = now, language: str = "vi", **changes: object) -> str:
        with words.speaking(language):
            return mark_of({**snapshot, **changes}, now=at)

    tags = [
        tag(),
        tag(received=1000),
        tag(status="paid", pay_to=None),
        tag(language="en"),
        tag(sequence=2),
        tag(beyond=1000),
        tag(at=now + timedelta(days=1)),
        tag(awaited=True),
        tag(named=1),
        tag(answered=True),
        tag(receipts=[a_receipt("phi", 1)]),
        tag(receipts=[a_receipt("phi", 1, state="replaced")]),
    ]
    assert len(set(tags)) == len(tags)
    assert tag() == tags[0]


def test_a_paid_request_leads_to_its_receipts(client: FlaskClient, province: Province) -> None:
    """On the page stand those that count; until they do it says that they come, and looks again."""
    open_a_pair(province.session)
    request = a_payment_request(province, amount=150_000, le_phi=50_000)
    paid(province, request)
    province.session.commit()
    waiting = client.get(f"/p/{request.token}/state")
    assert waiting.json["final"] is False
    assert "Biên lai đang được lập" in waiting.json["html"]
    phi, le_phi = issue(province)
    province.session.commit()
    known = {"If-None-Match": waiting.headers["ETag"]}
    told = client.get(f"/p/{request.token}/state", headers=known).json
    assert told["final"] is True
    for shown in ("Biên lai thu phí", "Biên lai thu lệ phí", phi.public_id, le_phi.public_id):
        assert shown in told["html"]
    assert "Ảnh chụp màn hình không phải là biên lai" in told["html"]
    assert "Đang được lập" not in told["html"]
    for form, mimetype, begins in (
        ("pdf", "application/pdf", b"%PDF-"),
        ("xml", "application/xml", b"<?xml"),
    ):
        paper = client.get(f"/p/{request.token}/receipts/{phi.public_id}.{form}")
        assert (paper.mimetype, paper.data[:5]) == (mimetype, begins)


def test_a_page_leads_to_no_receipts_but_its_own(client: FlaskClient, province: Province) -> None:
    """Another payment's receipt, one that is not there, a page that is not there: 404."""
    open_a_pair(province.session)
    own, foreign = a_payment_request(province), a_payment_request(province)
    paid(province, foreign)
    (receipt,) = issue(province)
    province.session.commit()
    for address in (
        f"/p/{own.token}/receipts/{receipt.public_id}.pdf",
        f"/p/{own.token}/receipts/{receipt.public_id}.xml",
        f"/p/{foreign.token}/receipts/{receipt.public_id}.png",
        f"/p/{foreign.token}/receipts/{'0' * 36}.pdf",
        f"/p/{'a' * 22}/receipts/{receipt.public_id}.pdf",
        f"/p/x/receipts/{receipt.public_id}.pdf",
    ):
        assert client.get(address).status_code == 404, address


def test_a_page_does_not_look_out_for_receipts_for_ever(
    client: FlaskClient, province: Province
) -> None:
    """Where no series of numbers is open, the page rests ten minutes after the payment."""
    request = a_payment_request(province)
    paid(province, request)
    province.session.commit()
    assert client.get(f"/p/{request.token}/state").json["final"] is False
    with time_machine.travel(NOON + timedelta(minutes=10), tick=False):
        assert client.get(f"/p/{request.token}/state").json["final"] is True
