"""What a receipt's papers say: XML by our schema, PDF that is the same each time it is drawn."""

from __future__ import annotations

import pytest
import zxingcpp
from lxml import etree
from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from payments import documents, payment_requests, receipts
from payments.core.columns import Amount
from payments.documents import Finding
from payments.payment_requests import PaymentRequestLine
from payments.receipts import Receipt
from payments.receipts.pdf_paper import receipt_pdf
from payments.receipts.xml_paper import NAMESPACE, receipt_xml
from tests.builders import BY, NOON, Province, a_payment_request, a_province, paid
from tests.papers import needs_poppler, picture_of, text_of
from tests.receipts import all_of, issue, open_a_pair

FAINT = 229
"""The grey of what stands across a page."""


@pytest.fixture
def province(session: Session) -> Province:
    """A province with one receipt of each kind; of the phí a part was given back."""
    province = a_province(session)
    open_a_pair(session)
    request = a_payment_request(province, amount=150_000, le_phi=50_000)
    paid(province, request)
    issue(province)
    line = select(PaymentRequestLine.id, literal(40_000, Amount())).where(
        PaymentRequestLine.kind == "phi"
    )
    payment_requests.refund_all(session, line)
    this = select(payment_requests.PaymentRequest.id)
    receipts.renew_all(session, this, reason="refund", by=BY, now=NOON)
    issue(province)
    return province


def schema() -> etree.XMLSchema:
    """The schema that is published."""
    return etree.XMLSchema(etree.parse(str(receipts.SCHEMA)))


def address_of(receipt: Receipt) -> str:
    """Where the receipt is checked."""
    return documents.address("https://pay.example", receipt.content["code"])


def drawn(receipt: Receipt, *, practice: bool = False) -> bytes:
    """The receipt's PDF before it is signed."""
    return receipt_pdf(receipt.content, verify=address_of(receipt), practice=practice)


def test_signed_and_unsigned_xml_keep_to_the_schema(province: Province) -> None:
    """Every receipt of the province: first, replaced, replacing."""
    for receipt in all_of(province.session):
        written = receipt_xml(receipt.content, verify=address_of(receipt))
        schema().assertValid(etree.fromstring(written))
        kept = receipts.xml(province.session, receipt).content
        schema().assertValid(etree.fromstring(kept))
        assert b"Signature" in kept


@pytest.mark.parametrize(
    ("element", "value"),
    [("So", "42"), ("TongTien", "0"), ("KyHieu", "BP26T"), ("NgayLap", "24/11/2026"), ("Ten", "")],
)
def test_the_schema_refuses_what_is_no_receipt(
    province: Province, element: str, value: str
) -> None:
    """A short number, nothing paid, a symbol or day written otherwise, nobody who issues."""
    receipt = all_of(province.session)[0]
    root = etree.fromstring(receipt_xml(receipt.content, verify=address_of(receipt)))
    next(root.iter(f"{{{NAMESPACE}}}{element}")).text = value
    assert not schema().validate(root)


def test_the_xml_says_what_the_receipt_says(province: Province) -> None:
    """Number, amount in figures and words, what it is for, and the receipt it replaces."""
    new = all_of(province.session)[-1]
    root = etree.fromstring(receipts.xml(province.session, new).content)
    said = {name: root.findtext(f".//{{{NAMESPACE}}}{name}") for name in ("So", "TongTien")}
    assert said == {"So": "00000002", "TongTien": "60000"}
    assert root.findtext(f".//{{{NAMESPACE}}}BangChu") == "Sáu mươi nghìn đồng"
    assert root.findtext(f".//{{{NAMESPACE}}}DaHoan") == "40000"
    assert root.findtext(f".//{{{NAMESPACE}}}ThayThe/{{{NAMESPACE}}}So") == "00000001"


@needs_poppler
def test_the_pdf_says_what_the_receipt_says(province: Province) -> None:
    """In Vietnamese, with what was given back, and that a picture of it is no receipt."""
    text = " ".join(text_of(drawn(all_of(province.session)[-1])).split())
    for said in (
        "Tỉnh mẫu",
        "Mã số thuế: 3700123456",
        "BIÊN LAI THU PHÍ",
        "Mẫu số: 01BLP0-001 · Ký hiệu: BP-26T · Số: 00000002",
        "Ngày 24 tháng 11 năm 2026",
        "Người đứng tên hồ sơ 000.00.12.H09-261124-0001",
        "100.000 40.000 60.000",
        "Số tiền bằng chữ: Sáu mươi nghìn đồng.",
        "Số: 00000001",
        "không phải là biên lai",
    ):
        assert said in text, said


@needs_poppler
def test_practice_is_marked(province: Province) -> None:
    """Sandbox mode's receipts say so across the page: they are worth nothing."""
    receipt = all_of(province.session)[0]
    plain, marked = (picture_of(drawn(receipt, practice=one)) for one in (False, True))
    assert marked.histogram()[FAINT] > 10 * plain.histogram()[FAINT]


@needs_poppler
def test_its_qr_code_leads_to_where_it_is_checked(province: Province) -> None:
    """Read from the page as a phone would."""
    receipt = all_of(province.session)[0]
    (found,) = zxingcpp.read_barcodes(picture_of(drawn(receipt), dpi=100))
    assert found.text == address_of(receipt)


def test_the_same_content_gives_the_same_papers(province: Province) -> None:
    """So a receipt can be drawn again and compared; and what is kept is signed and counts."""
    receipt = all_of(province.session)[-1]
    assert drawn(receipt) == drawn(receipt)
    for kept in (
        receipts.pdf(province.session, receipt),
        receipts.xml(province.session, receipt),
    ):
        assert documents.check(province.session, kept.content).finding == Finding.VALID


@needs_poppler
def test_a_receipt_of_many_fees_goes_on_on_a_second_page(province: Province) -> None:
    """Nothing falls off the page; the total stands with the last fee."""
    receipt = all_of(province.session)[0]
    line = receipt.content["lines"][0]
    content = {**receipt.content, "lines": [line] * 50}
    text = text_of(receipt_pdf(content, verify=address_of(receipt), practice=False))
    assert "Trang 2/2" in text
    assert text.count(line["name"]) == 50
