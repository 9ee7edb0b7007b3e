"""The payment slip: one sheet with all that is needed to pay without a smartphone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import zxingcpp
from sqlalchemy.orm import Session

from payments import payment_requests, slips
from payments.core.money import Dong
from payments.core.words import speaking
from payments.payment_requests import CancelReason, NotToBePaid, PaymentRequest
from payments.slips import Item, Slip
from tests.builders import NOON, Province, a_payment_request, a_province, paid
from tests.papers import needs_poppler, picture_of, text_of

DPI = 150


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account and a portal."""
    return a_province(session)


def the_slip(province: Province, request: PaymentRequest) -> Slip:
    """What is printed for a request at noon."""
    province.session.expire_all()
    return slips.of(province.session, request, now=NOON)


def plain(paper: bytes) -> str:
    """The text of a paper, lines joined by one space."""
    return " ".join(text_of(paper).split())


@needs_poppler
def test_the_sheet_says_all_that_is_needed_in_both_languages(province: Province) -> None:
    """To whom, what for, how much in figures and words, the account, the memo, until when."""
    request = a_payment_request(province, amount=1_005_000, le_phi=5_000)
    said = plain(slips.draw(the_slip(province, request)))
    for words in (
        "Tỉnh mẫu", "Sample province", "PHIẾU THANH TOÁN", "Payment slip",
        "1.005.000 đồng", "1,005,000 VND", "Một triệu không trăm linh năm nghìn đồng",
        "Phí mẫu PHI", "Sample fee PHI", "1.000.000 đồng", "Phí mẫu LEPHI", "5.000 đồng",
        "Vietcombank", "0011001234567", "SO MAU", request.reference,
        "000.00.12.H09-261124-0001", "Nộp trước", "Pay before",
        "Không ai được thu tiền mặt theo phiếu này", "No cash is taken with this slip",
        "Cần hỏi thêm", "Questions: ask where you handed in your dossier",
    ):  # fmt: skip
        assert words in said, words


@needs_poppler
def test_the_code_on_paper_is_the_requests_own(province: Province) -> None:
    """A scanner reads off the printed page, at 60 mm, exactly what the payer's page shows."""
    request = a_payment_request(province, amount=50_000)
    slip = the_slip(province, request)
    [found] = zxingcpp.read_barcodes(picture_of(slips.draw(slip), dpi=DPI))
    assert found.text == slip.qr
    this = payment_requests.snapshots(
        province.session, payment_requests.search(province.portal.id, payment_requests.Search())
    )
    assert found.text == this[request.id]["pay_to"]["qr"]
    corners = found.position
    for one, other in (
        (corners.top_left.x, corners.top_right.x),
        (corners.top_left.y, corners.bottom_left.y),
    ):
        assert 55 <= (other - one) / DPI * 25.4 <= 65


def test_a_sheet_drawn_again_is_the_same_bytes(province: Province) -> None:
    """Whoever asks, in whatever language and whenever."""
    request = a_payment_request(province)
    first = slips.draw(the_slip(province, request))
    with speaking("en"):
        assert slips.draw(the_slip(province, request)) == first
    later = slips.of(province.session, request, now=NOON + timedelta(minutes=5))
    assert slips.draw(later) == first
    assert slips.draw(the_slip(province, a_payment_request(province))) != first


@needs_poppler
def test_of_a_part_payment_the_rest_is_asked_for(province: Province) -> None:
    """Amount and code are for what is missing; nobody who paid is named."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 20_000, payer="99887766554433")
    slip = the_slip(province, request)
    assert (slip.due, slip.received) == (30_000, 20_000)
    drawn = slips.draw(slip)
    said = plain(drawn)
    assert "Ba mươi nghìn đồng" in said
    assert "−20.000 đồng" in said
    assert "5405300005802" in zxingcpp.read_barcodes(picture_of(drawn, dpi=DPI))[0].text
    for other in ("99887766554433", "NGUYEN VAN MAU", request.token):
        assert other not in said


def _paid(province: Province, request: PaymentRequest) -> None:
    paid(province, request)


def _cancelled(province: Province, request: PaymentRequest) -> None:
    payment_requests.cancel(province.session, request, reason=CancelReason.OTHER, now=NOON)


def _late(province: Province, request: PaymentRequest) -> None:
    request.issued_at = NOON - timedelta(days=2)
    request.expires_at = NOON


@pytest.mark.parametrize("becomes", [_paid, _cancelled, _late])
def test_what_is_not_to_be_paid_has_no_slip(
    province: Province, becomes: Callable[[Province, PaymentRequest], None]
) -> None:
    """Neither when it is paid nor when it is cancelled, nor from the second its time is over."""
    request = a_payment_request(province)
    becomes(province, request)
    province.session.flush()
    with pytest.raises(NotToBePaid):
        the_slip(province, request)


@needs_poppler
@pytest.mark.parametrize("many", [1, 3, 8, 9, 50])
def test_however_many_fees_it_is_one_sheet(province: Province, many: int) -> None:
    """Those that do not fit are one sum, so that the figures still add up."""
    slip = the_slip(province, a_payment_request(province))
    name = "Đăng ký nuôi con nuôi có yếu tố nước ngoài (trường hợp 4,5 triệu), tên rất dài " * 2
    items = [Item((f"{n}. {name}", name), Dong(1_000 + n)) for n in range(1, many + 1)]
    due = sum((item.amount for item in items), start=Dong(0))
    text = text_of(slips.draw(replace(slip, items=items, due=due, received=Dong(0))))
    assert text.count("\f") == 1
    said = " ".join(text.split())
    shown = [item for item in items if item.name[0][:20] in said]
    assert [item.name[0][:20] in said for item in items] == sorted(
        (item in shown for item in items), reverse=True
    )
    assert shown
    rest = due - sum(item.amount for item in shown)
    if many > len(shown):
        assert f"{many - len(shown)} khoản khác" in said
        assert f"{rest:,} đồng".replace(",", ".") in said
    else:
        assert "khoản khác" not in said
    assert "Questions" in said


@needs_poppler
def test_the_longest_names_still_leave_one_sheet(province: Province) -> None:
    """Of agency, bank, holder and dossier, with a part paid and more fees than fit."""
    slip = the_slip(province, a_payment_request(province))
    wide = replace(
        slip,
        agency=("Ủy ban nhân dân thị trấn Tân Bình, " * 4, "People's Committee of Tan Binh, " * 4),
        bank="NHTM TNHH MTV · " + "Ngân hàng Nông nghiệp và Phát triển Nông thôn " * 2,
        holder="UY BAN NHAN DAN THI TRAN TAN BINH HUYEN BAC TAN UYEN TINH BINH DUONG",
        dossier="000.00.12.H09-261124-" + "0" * 43,
        items=[Item(("Phí " * 60, "Fee " * 60), Dong(40_000_000))] * 12,
        received=Dong(1),
        due=Dong(479_999_999),
    )
    text = text_of(slips.draw(wide))
    assert text.count("\f") == 1
    assert "12 khoản khác" in text
    assert "Questions" in text
