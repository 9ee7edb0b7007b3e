"""A payer says to have paid: once for each request, in a few plain facts, answered in words."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import claims
from payments.claims import NothingToClaim, Told
from payments.core.audit import AuditEntry
from payments.core.errors import Invalid
from payments.core.money import Dong
from tests.builders import NOON, Province, a_payment_request, a_province, paid

TODAY = date(2026, 11, 24)


@pytest.fixture
def province(session: Session) -> Province:
    return a_province(session)


def told(**other: object) -> Told:
    """A transfer of 50.000 đồng today, under the bank's number FT26328000001."""
    plain = {"bank_number": "FT26328000001", "paid_on": TODAY, "amount": Dong(50_000)}
    return Told(**{**plain, **other})  # type: ignore[arg-type]  # a test names what differs


def a_picture(kind: str = "JPEG", size: tuple[int, int] = (40, 60), **saved: object) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, "red").save(made, kind, **saved)
    return made.getvalue()


def test_a_second_claim_shows_the_first(province: Province) -> None:
    """Whatever it says: one request, one claim, one number of eight digits, one audit entry."""
    session, request = province.session, a_payment_request(province)
    first = claims.make(session, request, told(words="Tôi đã chuyển"), now=NOON)
    again = claims.make(session, request, told(bank_number="OTHER1"), now=NOON)
    assert (again.id, again.bank_number) == (first.id, "FT26328000001")
    assert len(first.number) == claims.DIGITS
    assert first.number.isdigit()
    noted = session.scalars(select(AuditEntry).where(AuditEntry.action == "claim.made")).all()
    assert [(one.actor, one.details["request"]) for one in noted] == [("payer", request.reference)]


def test_a_claim_ends_when_its_money_is_found(province: Province) -> None:
    """Nobody closes it: the request is paid, and the claim says when."""
    session, request = province.session, a_payment_request(province)
    claim = claims.make(session, request, told(), now=NOON)
    assert claims.snapshot(claim, request)["state"] == "open"
    paid(province, request)
    seen = claims.snapshot(claim, request)
    assert (seen["state"], seen["found_at"] is not None) == ("found", True)
    assert claims.waiting(session, province.account.id) == []


def test_for_a_paid_request_there_is_nothing_to_claim(province: Province) -> None:
    request = a_payment_request(province)
    paid(province, request)
    with pytest.raises(NothingToClaim):
        claims.make(province.session, request, told(), now=NOON)


def test_an_answer_is_read_by_the_payer_and_may_be_given_anew(province: Province) -> None:
    """The last one counts; the audit trail has both. One without words is refused."""
    session, request = province.session, a_payment_request(province)
    claim = claims.make(session, request, told(), now=NOON)
    with pytest.raises(claims.NothingAnswered):
        claims.answer(session, claim, "  ", by="staff:1", now=NOON)
    for words in ("Chưa thấy tiền", "Ngân hàng đang tra soát"):
        claims.answer(session, claim, words, by="staff:1", now=NOON)
    seen = claims.snapshot(claim, request)
    assert (seen["state"], seen["answer"]) == ("answered", "Ngân hàng đang tra soát")
    noted = session.scalars(select(AuditEntry).where(AuditEntry.action == "claim.answered")).all()
    assert [one.details["words"] for one in noted] == ["Chưa thấy tiền", "Ngân hàng đang tra soát"]


def test_what_the_payer_sees_is_not_what_only_staff_see(province: Province) -> None:
    """Neither words nor picture stand on a page that an address opens."""
    words, photo = "Tên tôi là Mẫu", claims.cleaned(a_picture())
    session, request = province.session, a_payment_request(province)
    claim = claims.make(session, request, told(words=words, photo=photo), now=NOON)
    seen = claims.snapshot(claim, request)
    assert words not in str(seen)
    assert seen["photo"] is True
    assert claims.photo(session, claim).content == photo


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ft26328 000001", "FT26328000001"),
        ("1234", "1234"),
        ("MBVCB.123/45-6", "MBVCB.123/45-6"),
        ("FT\uff12\uff16", "FT26"),  # full-width digits
        ("", None),
        ("FT1", None),
        ("KHONGSO", None),
        ("FT1234<script>", None),
        ("A1" * 21, None),
    ],
)
def test_a_banks_number_is_read_as_banks_write_it(typed: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(claims.UnreadableNumber):
            claims.bank_number_of(typed)
    else:
        assert claims.bank_number_of(typed) == kept


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("150000", 150_000),
        ("150.000", 150_000),
        ("1,150,000 VND", 1_150_000),
        ("150 000đ", 150_000),
        ("150.000\xa0₫", 150_000),
        ("150.000,00", None),
        ("1.50", None),
        ("1.500,000", None),
        ("0", None),
        ("-5", None),
        ("500000000", None),
        ("một trăm", None),
    ],
)
def test_an_amount_is_read_as_people_write_it_and_never_guessed(
    typed: str, amount: int | None
) -> None:
    if amount is None:
        with pytest.raises(claims.NoSuchAmount):
            claims.amount_of(typed)
    else:
        assert claims.amount_of(typed) == amount


@pytest.mark.parametrize("typed", ["2026-11-24", "24/11/2026", "24.11.2026", " 23/11/2026 "])
def test_a_day_is_one_on_which_it_could_be_paid(typed: str) -> None:
    yesterday = TODAY - timedelta(days=1)
    assert claims.day_of(typed, first=yesterday, last=TODAY) in (yesterday, TODAY)
    with pytest.raises(claims.NotADayToPay):
        claims.day_of(typed, first=TODAY + timedelta(days=1), last=TODAY + timedelta(days=2))


@pytest.mark.parametrize("typed", ["", "30/02/2026", "hôm qua", "2026-1-1", "99999-01-01"])
def test_what_is_no_day_is_refused(typed: str) -> None:
    with pytest.raises(claims.NotADayToPay):
        claims.day_of(typed, first=date(2020, 1, 1), last=TODAY)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_photo_is_drawn_anew_without_what_the_phone_wrote_into_it(kind: str) -> None:
    """Place and device are gone, what hid behind the picture too, and it stands upright."""
    written = Image.Exif()
    written[0x010F] = "PhoneMaker"
    written[0x0112] = 6  # the phone was held sideways
    sent = a_picture(kind, exif=written) + b"<script>hidden</script>"
    kept = claims.cleaned(sent)
    with Image.open(io.BytesIO(kept)) as drawn:
        assert (drawn.format, drawn.size) == ("JPEG", (60, 40))
        assert not drawn.getexif()
    assert b"PhoneMaker" not in kept
    assert b"hidden" not in kept


def test_a_large_photo_is_kept_smaller() -> None:
    with Image.open(io.BytesIO(claims.cleaned(a_picture(size=(3000, 1500))))) as drawn:
        assert drawn.size == (2400, 1200)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7",
        b"GIF89a" + b"\0" * 40,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 60,
        a_picture()[:200],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xd8\xff" + b"\0" * claims.MOST_BYTES,
    ],
)
def test_what_is_no_photo_is_refused(content: bytes) -> None:
    """By its first bytes, by what the decoder makes of it, or by its size."""
    with pytest.raises(claims.NotAPhoto):
        claims.cleaned(content)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_drawn() -> None:
    """A small file may be an enormous picture: 20,000 by 20,000 of one colour."""
    made = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(made, "PNG")
    assert len(made.getvalue()) < 100_000
    with pytest.raises(Invalid):
        claims.cleaned(made.getvalue())
