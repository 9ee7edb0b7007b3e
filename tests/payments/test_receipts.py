"""Receipts: what is due, numbers without a gap, both kinds or neither, cancelled and replaced."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, literal, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import agencies, documents, payment_requests, receipts
from payments.core.columns import Amount
from payments.documents import Document
from payments.fees import FeeKind
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.receipts import Opening, Receipt, ReceiptSeries, SeriesMalformed, SeriesTaken
from tests.builders import (
    BY,
    NOON,
    SINCE,
    Province,
    a_message,
    a_payment_request,
    a_province,
    paid,
    settle,
)
from tests.receipts import (
    a_paid_request,
    a_practice_signer,
    all_of,
    events,
    give_back,
    issue,
    number,
    open_a_pair,
    reverse,
    told,
)


@pytest.fixture
def province(session: Session) -> Province:
    """A province whose receipts are numbered in a series of each kind."""
    province = a_province(session)
    open_a_pair(session)
    return province


def test_a_paid_request_has_one_receipt_of_each_kind(province: Province) -> None:
    """Each says what was paid of its kind, under its own series, and is issued with its papers."""
    request = a_paid_request(province)
    phi, le_phi = issue(province)
    assert told(phi) == ("phi", 1, 100_000, "issued")
    assert told(le_phi) == ("le_phi", 1, 50_000, "issued")
    assert phi.content["in_words"] == "Một trăm nghìn đồng"
    assert phi.content["dossier"] == request.dossier
    assert phi.content["paid_at"].endswith("+07:00")
    paper = documents.by_code(province.session, phi.content["code"])
    assert paper.id == phi.document_id
    assert paper.facts["amount"] == 100_000


def test_a_request_of_one_kind_has_one_receipt(province: Province) -> None:
    """Nothing is receipted of which nothing was paid."""
    a_paid_request(province, le_phi=0)
    assert [told(one) for one in issue(province)] == [("phi", 1, 150_000, "issued")]


@pytest.mark.parametrize("amount", [None, 100_000])
def test_what_is_not_paid_has_none(province: Province, amount: int | None) -> None:
    """Neither an open request nor one of which a part was paid."""
    request = a_payment_request(province, amount=150_000)
    if amount:
        paid(province, request, amount)
    assert issue(province) == []


def test_an_exempt_request_has_none(province: Province) -> None:
    """Nothing was to pay, so nothing is receipted, and nothing waits."""
    assert not receipts.anything_waits(province.session)


def test_numbers_follow_one_another(province: Province) -> None:
    """Whatever the order of batches, each series counts 1, 2, 3 without a gap."""
    for _ in range(3):
        a_paid_request(province)
    number(province)
    a_paid_request(province, le_phi=0)
    found = issue(province)
    for kind, last in (("phi", 4), ("le_phi", 3)):
        assert sorted(one.number for one in found if one.kind == kind) == list(range(1, last + 1))
    assert list(receipts.flaws(province.session)) == []


def test_a_gap_is_found(province: Province) -> None:
    """A number that a series counts as used and no receipt bears."""
    a_paid_request(province)
    issue(province)
    province.session.execute(update(ReceiptSeries).values(next_number=3))
    found = [(flaw.symbol, flaw.used, flaw.receipts) for flaw in receipts.flaws(province.session)]
    assert found == [("BP-26T", 2, 1), ("BL-26T", 2, 1)]


def test_nothing_is_numbered_twice(province: Province) -> None:
    """Who asks again finds nothing due."""
    a_paid_request(province)
    assert number(province) == 1
    assert number(province) == 0
    assert len(all_of(province.session)) == 2


def test_without_series_both_kinds_wait(session: Session) -> None:
    """An agency that has a series for one kind alone issues none of either."""
    province = a_province(session)
    open_a_pair(session, symbols={FeeKind.PHI: "BP-26T"})
    a_paid_request(province)
    assert issue(province) == []
    assert receipts.anything_waits(session)
    open_a_pair(session, symbols={FeeKind.LE_PHI: "BL-26T"})
    assert [one.kind for one in issue(province)] == ["phi", "le_phi"]
    assert not receipts.anything_waits(session)


def test_a_series_serves_those_below_who_have_none(province: Province) -> None:
    """The nearest above counts; an office with its own pair uses that."""
    session = province.session
    for code, parent in (("H09.1", "H09"), ("H09.1.1", "H09.1"), ("H09.2", "H09")):
        described = agencies.Described(
            code, f"Đơn vị {code}", None, agencies.Kind.COMMUNE, parent, True
        )
        agencies.put(session, described, since=SINCE, on=SINCE)
    open_a_pair(session, agency="H09.1", symbols={FeeKind.PHI: "CP-26T", FeeKind.LE_PHI: "CL-26T"})
    who = receipts.issuers(session, now=NOON, room=10)
    symbols = {code: one.series[FeeKind.PHI].symbol for code, one in who.items()}
    assert symbols == {"H09": "BP-26T", "H09.1": "CP-26T", "H09.1.1": "CP-26T", "H09.2": "BP-26T"}
    assert who["H09.2"].name == "Tỉnh mẫu"


def test_a_new_year_needs_a_series_of_its_own(province: Province) -> None:
    """By the day in Viet Nam: in the evening of UTC's 31 December it is the new year there."""
    a_paid_request(province)
    eve = datetime(2026, 12, 31, 16, 59, tzinfo=UTC)
    assert receipts.issuers(province.session, now=eve, room=1)
    assert not receipts.issuers(province.session, now=eve + timedelta(minutes=1), room=1)


@pytest.mark.parametrize(
    ("form", "symbol", "tax_code"),
    [
        ("01BLP-001", "BP-26T", None),
        ("01BLP0-001", "BP26T", None),
        ("01BLP0-001", "bp-26t", None),
        ("01BLP0-001", "BP-26T", "37001"),
        ("01BLP0-001\n", "BP-26T", None),
    ],
)
def test_a_series_is_written_as_the_rules_say(
    session: Session, form: str, symbol: str, tax_code: str | None
) -> None:
    """Anything else is refused and opens nothing."""
    a_province(session)
    with pytest.raises(SeriesMalformed):
        receipts.open_series(
            session, Opening("H09", FeeKind.PHI, form, symbol, tax_code), by=BY, now=NOON
        )


@pytest.mark.parametrize("symbol", ["BP-26T", "ZP-26T"])
def test_no_series_is_opened_twice(province: Province, symbol: str) -> None:
    """Neither the same symbol nor a second one of an agency, kind and year."""
    opening = Opening("H09", FeeKind.PHI, "01BLP0-001", symbol)
    with pytest.raises(SeriesTaken):
        receipts.open_series(province.session, opening, by=BY, now=NOON)


def test_a_reversed_payment_cancels_its_receipts(province: Province) -> None:
    """In the same unit: numbers and papers stay, marked; the portal is told of each."""
    request = a_paid_request(province)
    issue(province)
    reverse(province)
    found = all_of(province.session)
    assert [told(one) for one in found] == [
        ("phi", 1, 100_000, "cancelled"),
        ("le_phi", 1, 50_000, "cancelled"),
    ]
    assert {one.reason for one in found} == {"bank_reversal"}
    papers = [province.session.get_one(Document, one.document_id) for one in found]
    assert [paper.state for paper in papers] == ["cancelled", "cancelled"]
    assert [kind for kind, _ in events(province.session)] == [
        "receipt.issued",
        "receipt.issued",
        "receipt.cancelled",
        "receipt.cancelled",
    ]
    assert not receipts.anything_waits(province.session)
    a_message(province, request.reference, amount=150_000)
    settle(province)
    assert [told(one)[1:] for one in issue(province)[2:]] == [
        (2, 100_000, "issued"),
        (2, 50_000, "issued"),
    ], "paid anew, receipted anew"


def test_who_paid_twice_and_had_one_taken_back_keeps_the_receipts(province: Province) -> None:
    """The request stays paid, so its receipts stay true."""
    request = a_paid_request(province)
    issue(province)
    a_message(province, request.reference, amount=150_000)
    settle(province)
    reverse(province)
    assert [one.state for one in issue(province)] == ["issued", "issued"]


def test_a_receipt_that_was_only_numbered_is_cancelled_too(province: Province) -> None:
    """Its number is used up; no paper of it was handed out, so nobody is told."""
    a_paid_request(province)
    number(province)
    reverse(province)
    assert [one.state for one in issue(province)] == ["cancelled", "cancelled"]
    assert events(province.session) == []
    assert list(receipts.flaws(province.session)) == []


def test_a_part_given_back_replaces_the_receipt_of_its_kind(province: Province) -> None:
    """The new one says what is kept and which one it replaces; the other kind's stays."""
    request = a_paid_request(province)
    issue(province)
    give_back(province, request, "phi", 40_000)
    phi, le_phi, new = issue(province)
    assert told(phi) == ("phi", 1, 100_000, "replaced")
    assert told(le_phi) == ("le_phi", 1, 50_000, "issued")
    assert told(new) == ("phi", 2, 60_000, "issued")
    assert new.replaces_id == phi.id
    assert new.content["replaces"]["number"] == "00000001"
    paper = province.session.get_one(Document, phi.document_id)
    assert (paper.state, paper.replaced_by_id) == ("replaced", new.document_id)
    kinds = [kind for kind, _ in events(province.session)]
    assert kinds[2:] == ["receipt.replaced", "receipt.issued"]
    assert events(province.session)[-1][1]["replaces"] == phi.public_id


def test_all_given_back_cancels_the_receipt_of_its_kind(province: Province) -> None:
    """The other kind's stays as it is."""
    request = a_paid_request(province)
    issue(province)
    give_back(province, request, "le_phi", 50_000)
    assert [told(one) for one in issue(province)] == [
        ("phi", 1, 100_000, "issued"),
        ("le_phi", 1, 50_000, "cancelled"),
    ]


def test_given_back_twice_before_the_next_number(province: Province) -> None:
    """First a part, then the rest: what was to be replaced is cancelled after all."""
    request = a_paid_request(province, le_phi=0)
    issue(province)
    give_back(province, request, "phi", 40_000)
    assert [one.state for one in all_of(province.session)] == ["replaced"]
    give_back(province, request, "phi", 110_000)
    assert [one.state for one in issue(province)] == ["cancelled"]


def test_what_changed_while_it_was_signed_is_not_kept(province: Province) -> None:
    """Of a request whose receipts changed meanwhile neither kind is issued, until both can be."""
    session, request = province.session, a_paid_request(province)
    number(province)
    signer = a_practice_signer(session)
    papers = [receipts.sign(draft, signer, now=NOON) for draft in receipts.unsigned(session)[0]]
    give_back(province, request, "phi", 40_000)
    assert receipts.issue_all(session, papers, signer, now=NOON) == 0
    assert receipts.unsigned(session)[0] == [], "phí is to be numbered first"
    found = issue(province)
    assert [told(one) for one in found] == [
        ("phi", 1, 100_000, "cancelled"),
        ("le_phi", 1, 50_000, "issued"),
        ("phi", 2, 60_000, "issued"),
    ]
    assert found[-1].content["replaces"] is None, "nobody was given a paper before"


def test_a_receipt_that_says_something_else_than_was_paid_is_replaced(province: Province) -> None:
    """Even if who gave money back forgot to say so."""
    session, request = province.session, a_paid_request(province)
    issue(province)
    line = select(PaymentRequestLine.id, literal(10_000, Amount())).where(
        PaymentRequestLine.payment_request_id == request.id, PaymentRequestLine.kind == "phi"
    )
    payment_requests.refund_all(session, line)
    this = select(PaymentRequest.id).where(PaymentRequest.id == request.id)
    payment_requests.owe_receipts_all(session, this)
    assert [told(one) for one in issue(province)] == [
        ("phi", 1, 100_000, "replaced"),
        ("le_phi", 1, 50_000, "issued"),
        ("phi", 2, 90_000, "issued"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"number": 7},
        {"amount": 1},
        {"content": {}},
        {"payment_request_id": 1},
        {"state": "numbered"},
    ],
)
def test_the_database_keeps_what_a_receipt_says(
    province: Province, change: dict[str, object]
) -> None:
    """Nobody edits a receipt, and an issued one is never only numbered again."""
    a_paid_request(province)
    issue(province)
    with pytest.raises(DBAPIError), province.session.begin_nested():
        province.session.execute(update(Receipt).values(**change))


def test_the_database_keeps_every_receipt(province: Province) -> None:
    """A number that was used can't be made to vanish."""
    a_paid_request(province)
    issue(province)
    with pytest.raises(DBAPIError), province.session.begin_nested():
        province.session.execute(delete(Receipt))


def test_the_database_allows_one_live_receipt_of_a_kind(province: Province) -> None:
    """A second one of the same request and kind is refused whatever its number."""
    a_paid_request(province, le_phi=0)
    (receipt,) = issue(province)
    columns = {
        column.name: getattr(receipt, column.name)
        for column in Receipt.__table__.columns
        if column.name != "id"
    }
    again = columns | {"public_id": "x", "number": 2}
    with pytest.raises(DBAPIError), province.session.begin_nested():
        province.session.execute(insert(Receipt).values(**again))


def test_the_day_is_that_of_viet_nam(province: Province) -> None:
    """A receipt numbered after midnight there bears the new day."""
    a_paid_request(province, le_phi=0)
    (receipt,) = issue(province, now=datetime(2026, 11, 24, 17, 30, tzinfo=UTC))
    assert receipt.content["day"] == date(2026, 11, 25).isoformat()
