"""A gateway settles in lumps: its report is the statement of an account of its own."""

from __future__ import annotations

from sqlalchemy.orm import Session

from reconciliation import bookings
from reconciliation.day_close import Verdict
from tests.bank import imported, known_words, run, unproved
from tests.bank_sheets import GATEWAY
from tests.builders import a_message, a_payment_request, a_province, settle


def test_payments_and_fees_of_a_gateways_report_are_booked(session: Session) -> None:
    """The whole amount pays the request; what the gateway keeps is a charge of its account."""
    province = a_province(session)
    told, missed = a_payment_request(province), a_payment_request(province)
    a_message(province, told.reference, amount=50_000, reference="G1")
    settle(province)
    known_words(province, bookings.Kind.CHARGE, "Phí dịch vụ")
    report = (
        f"Tài khoản: {province.account.number}\n"
        "Mã giao dịch;Ngày;Nội dung;Số tiền vào;Số tiền ra;Phí dịch vụ;Số dư\n"
        f"G1;2026-11-24;{told.reference};50.000;;1.100;48.900\n"
        f"G2;2026-11-24;{missed.reference};50.000;;1.100;97.800\n"
        "Cộng;;;100.000;;2.200;\n"
    )
    imported(province, report.encode(), filename="report.csv", layouts=GATEWAY)

    day = run(province)

    assert day.verdict == Verdict.RECONCILED
    assert (told.status, missed.status) == ("paid", "paid")
    assert province.fees("phi") == 100_000
    assert province.balance("assets:bank") == 97_800
    assert unproved(province) == []
