"""Payment files at the practice bank: taken whole or not at all, and carried out once."""

from __future__ import annotations

import csv
import io
import re
import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest

from payments.core.money import Dong
from payments.payouts import codes
from payments.payouts.files import BankAccount, Order, Payment, pain001
from sandbox.payment_files import PaymentFault
from sandbox.protocols import practice
from tests.sandbox.conftest import CODE, SECRET, VCB
from tests.sandbox.listening import until

DAY = "2026-11-24"
AT = f"{DAY}T10:00:00+07:00"
OURS = BankAccount(VCB["bin"], VCB["number"], VCB["name"])
PAYEE = BankAccount("970405", "0123456789", "Nguyễn Văn An")
CODES = ("CHTR0000000000", "CHTR1234567894", "CHTR9876543215")


def a_payment(place: int = 0, *, amount: int = 50_000, to: BankAccount = PAYEE) -> Payment:
    return Payment(CODES[place], Dong(amount), to, "hoan phi, le phi nop thua")


def a_file(
    *payments: Payment,
    number: str = "CHTR-1-261124-1",
    on: date = date(2026, 11, 24),
    debtor: BankAccount = OURS,
) -> bytes:
    """The service's own file of these payments, or of three."""
    order = Order(
        file_id=number,
        created_at=datetime(2026, 11, 24, 2, tzinfo=UTC),
        execute_on=on,
        debtor=debtor,
        payments=payments or [a_payment(place) for place in range(3)],
    )
    return pain001.write(order)


def ask(bank, content: bytes, *, media_type: str = "application/xml", **asked: str):
    """The bank's answer to a file, sent at ten o'clock."""
    query = {"at": AT} | asked
    return bank.client.post(
        "/api/payment-files", data=content, content_type=media_type, query_string=query
    )


def sent(bank, content: bytes | None = None, **asked: str) -> dict[str, Any]:
    answer = ask(bank, content or a_file(), **asked)
    assert answer.status_code == 201, answer.get_json(force=True)
    return answer.get_json()


def refusal(bank, content: bytes, **asked: str) -> tuple[int, str]:
    answer = ask(bank, content, **asked)
    return answer.status_code, answer.get_json(force=True)["code"]


def lines(bank, day: str = DAY) -> list[tuple[str, int, str]]:
    """The day's lines on the statement: sign, amount, memo."""
    text = bank.statement(day, "vcb_csv").decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text)) if len(row) == 5]
    return [(row[2], int(row[3].replace(",", "")), row[4]) for row in rows[1:-1]]


def test_a_file_is_carried_out_payment_by_payment(bank):
    """Each payment is a debit of its own whose text still carries its code, wrapped by the bank."""
    answer = sent(bank)
    assert [one["state"] for one in answer["payments"]] == ["executed"] * 3
    assert bank.balance() == 1_000_000 - 150_000
    assert [line[:2] for line in lines(bank)] == [("-", 50_000)] * 3
    assert [codes.find(memo) for _, _, memo in lines(bank)] == list(CODES)
    assert answer["payments"][1]["movements"][0]["payer_account"] == PAYEE.number


def test_a_doubled_file_is_refused(bank):
    """The same message number again moves nothing, whatever else the file says."""
    sent(bank)
    assert refusal(bank, a_file()) == (409, "file_seen_before")
    assert refusal(bank, a_file(a_payment(amount=1))) == (409, "file_seen_before")
    assert bank.balance() == 850_000


def test_a_file_sent_eight_times_at_once_is_carried_out_once(bank):
    """Of eight uploads at one moment one is taken, the others hear that it was seen before."""
    answers: list[int] = []
    together = threading.Barrier(8)

    def send():
        together.wait()
        client = bank.app.test_client()
        url = f"/api/payment-files?at={AT.replace('+', '%2B')}"
        answer = client.post(url, data=a_file(), content_type="application/xml")
        answers.append(answer.status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] + [409] * 7
    assert bank.balance() == 850_000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b"<NbOfTxs>3<", b"<NbOfTxs>4<"), "control_totals_differ"),
        ((b"<CtrlSum>150000<", b"<CtrlSum>150001<"), "control_totals_differ"),
        ((b'Ccy="VND">50000', b'Ccy="USD">50000'), "not_a_payment_file"),
        ((b'Ccy="VND">50000', b'Ccy="VND">0'), "not_a_payment_file"),
        ((b'Ccy="VND">50000', b'Ccy="VND">50000.5'), "not_a_payment_file"),
        ((b"pain.001.001.09", b"pain.001.001.03"), "not_a_payment_file"),
        ((b"<PmtMtd>TRF<", b"<PmtMtd>CHK<"), "not_a_payment_file"),
        ((b"CHTR1234567894", b"CHTR0000000000"), "payment_twice"),
        ((b"<Id>0011001234567<", b"<Id>0011009999999<"), "unknown_account"),
        ((b"<MmbId>970436<", b"<MmbId>970418<"), "unknown_account"),
        ((b"<MmbId>970405<", b"<MmbId>97040<"), "not_a_payment_file"),
        ((b"2026-11-24</Dt>", b"2026-11-31</Dt>"), "not_a_payment_file"),
        ((b"<MsgId>CHTR-1-261124-1<", b"<MsgId><"), "not_a_payment_file"),
        ((b"</Document>", b""), "not_a_payment_file"),
        ((b"<GrpHdr>", b"<GrpHdr><!-- -->&x;"), "not_a_payment_file"),
    ],
)
def test_a_wrong_file_is_refused_whole(bank, change, code):
    """Whatever breaks the standard or its own sums, nothing moves, and it may be sent again."""
    wrong = a_file().replace(*change)
    assert wrong != a_file()
    status, told = refusal(bank, wrong)
    assert (status in (400, 404, 422), told) == (True, code)
    assert bank.balance() == 1_000_000
    sent(bank)


def test_a_file_with_a_document_type_is_refused(bank):
    """Entities can't be declared: a file that names a document type is no payment file."""
    declared = b'<!DOCTYPE Document [<!ENTITY x "A">]>'
    wrong = a_file().replace(b"<Document", declared + b"<Document", 1)
    assert refusal(bank, wrong) == (400, "not_a_payment_file")


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"{}", b"<a/>", b"<Document/>"])
def test_what_is_no_xml_is_refused(bank, content):
    """Anything else than a payment file is told so, in words."""
    assert refusal(bank, content) == (400, "not_a_payment_file")


def test_a_file_must_say_that_it_is_xml(bank):
    """A form of another site can't send one."""
    assert ask(bank, a_file(), media_type="text/plain").get_json()["code"] == "not_xml_type"


def test_a_file_beyond_the_balance_moves_nothing(bank):
    """The account holds less than the file orders: no payment of it leaves."""
    content = a_file(a_payment(0, amount=900_000), a_payment(1, amount=100_001))
    assert refusal(bank, content) == (409, "balance_too_low")
    twice = a_file(a_payment(amount=500_001))
    assert refusal(bank, twice, executed_twice="1") == (409, "balance_too_low")
    assert bank.balance() == 1_000_000
    assert lines(bank) == []


def test_a_payment_to_an_unknown_bank_is_refused_by_itself(bank):
    """The others leave; the bank says why this one did not."""
    other = BankAccount("963388", PAYEE.number, PAYEE.name)
    answer = sent(bank, a_file(a_payment(0, to=other), a_payment(1)))
    assert [one["state"] for one in answer["payments"]] == ["refused", "executed"]
    assert answer["payments"][0]["reason"] == "KHONG CO NGAN HANG NAY"
    assert [codes.find(memo) for _, _, memo in lines(bank)] == [CODES[1]]


def test_a_file_for_a_later_day_is_carried_out_on_it(bank):
    """Nothing leaves before the day the file names; then it leaves when the bank opens."""
    answer = sent(bank, a_file(on=date(2026, 11, 25)))
    assert lines(bank) == []
    assert len(lines(bank, "2026-11-25")) == 3
    booked = {one["movements"][0]["booked_at"] for one in answer["payments"]}
    assert booked == {"2026-11-25T08:00:00+07:00"}


def test_a_refused_payment_never_leaves(bank):
    """The payee's bank says no at once: no line, the money stays."""
    answer = sent(bank, refused="2")
    assert [one["state"] for one in answer["payments"]] == ["executed", "refused", "executed"]
    assert answer["payments"][1]["reason"] == "SAI SO TK"
    assert answer["payments"][1]["movements"] == []
    assert bank.balance() == 900_000


@pytest.mark.parametrize(
    ("fault", "day", "reason"),
    [
        ("returned_same_day", DAY, "SAI SO TK"),
        ("returned_next_day", "2026-11-25", "SAI TEN NGUOI HUONG"),
    ],
)
def test_a_returned_payment_is_a_credit_with_its_code(bank, listener, fault, day, reason):
    """It leaves, comes back with the same code and the reason, and everybody is told of both."""
    bank.subscribe(listener, protocol="sepay")
    answer = sent(bank, **{fault: "1"})
    result = answer["payments"][0]
    assert (result["state"], result["reason"]) == ("returned", reason)
    out, back = result["movements"]
    assert back["memo_as_booked"].startswith(f"HOAN TRA GD {out['bank_reference']} {reason} ")
    credits = [line for line in lines(bank, day) if line[0] == "+"]
    assert [(amount, codes.find(memo)) for _, amount, memo in credits] == [(50_000, CODES[0])]
    assert bank.balance() == 900_000
    assert [one.told["transferType"] for one in listener.wait(1)] == ["in"]


def test_the_banks_own_protocol_tells_of_what_left(bank, listener):
    """Its messages and its list name debits and what came back; the others only the latter."""
    bank.subscribe(listener)
    sent(bank, returned_same_day="2")
    told = sorted(one.told["type"] for one in listener.wait(4))
    assert told == ["credit", "debit", "debit", "debit"]
    until(lambda: bank.counts()["delivered"] == 4)


def test_a_late_payment_leaves_the_day_after(bank):
    """The statement of the day does not show it yet."""
    sent(bank, executed_late="3")
    assert len(lines(bank)) == 2
    assert [codes.find(memo) for _, _, memo in lines(bank, "2026-11-25")] == [CODES[2]]


def test_a_payment_executed_twice_is_two_debits_of_one_code(bank):
    """The bank's mistake: two lines that say the same, both out of the balance."""
    answer = sent(bank, executed_twice="1")
    assert bank.balance() == 800_000
    found = [codes.find(memo) for _, _, memo in lines(bank)]
    assert found.count(CODES[0]) == 2
    references = {one["bank_reference"] for one in answer["payments"][0]["movements"]}
    assert len(references) == 2


def test_a_cut_code_is_no_whole_code(bank):
    """What is left of it can be seen and not read, on the way out and on the way back."""
    sent(bank, code_cut="all", returned_same_day="1")
    memos = [memo for _, _, memo in lines(bank)]
    assert len(memos) == 4
    assert [codes.find(memo) for memo in memos] == [None] * 4
    assert all("CHTR" in memo for memo in memos)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"refused": "4"}, "not_a_place"),
        ({"refused": "0"}, "not_a_place"),
        ({"refused": "one"}, "not_a_place"),
        ({"refused": "1", "executed_late": "1"}, "contradictory_faults"),
        ({"returned_same_day": "2", "returned_next_day": "1, 2"}, "contradictory_faults"),
        ({"refuse": "1"}, "unknown_field"),
        ({"at": "noon"}, "not_an_instant"),
    ],
)
def test_a_fault_that_can_not_be_is_refused(bank, asked, code):
    """Nothing of the file is carried out, and it may be sent again."""
    assert refusal(bank, a_file(), **asked) == (422, code)
    assert bank.balance() == 1_000_000
    sent(bank)


@pytest.mark.parametrize("fault", PaymentFault)
def test_the_statement_adds_up_under_every_fault(bank, fault):
    """Whatever went wrong, the day's lines are the change of the balance."""
    sent(bank, **{fault.value: "all"})
    days = (DAY, "2026-11-25")
    change = sum(
        amount if sign == "+" else -amount for day in days for sign, amount, _ in lines(bank, day)
    )
    assert 1_000_000 + change == bank.balance()


def test_files_that_were_taken_can_be_looked_up(bank):
    """Newest first, each with its results; a number nobody took is not found."""
    assert bank.client.get("/api/payment-files").get_json() == {"items": []}
    sent(bank, a_file(a_payment(0), number="FIRST"))
    second = sent(bank, a_file(a_payment(1), number="SECOND"))
    listed = bank.client.get("/api/payment-files").get_json()["items"]
    assert [one["message_id"] for one in listed] == ["SECOND", "FIRST"]
    assert bank.client.get(f"/api/payment-files/{second['id']}").get_json() == second
    answer = bank.client.get("/api/payment-files/9")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "unknown_payment_file")


def upload(bank, content: bytes, **form: str):
    """Sends a file as a person's browser does."""
    told = form | {"file": (io.BytesIO(content), "lenh-chi.xml")}
    return bank.client.post("/payment-files", data=told)


def test_a_person_uploads_a_file_and_sees_each_payment(bank):
    """The page of the file names payee, amount, code and what became of it."""
    today = a_file(a_payment(0), a_payment(1), on=date(2020, 1, 2))
    answer = upload(bank, today, returned_same_day="2", refused="")
    assert answer.status_code == 303
    page = bank.client.get(answer.headers["Location"]).text
    for told in ("CHTR-1-261124-1", "NGUYEN VAN AN", *CODES[:2], "50.000\xa0₫", "SAI SO TK"):
        assert told in page
    assert re.findall(r'class="state (\w+)"', page) == ["executed", "returned"]
    assert "100.000\xa0₫" in bank.client.get("/payment-files").text


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_page_tells_what_is_wrong_with_a_file(bank, language):
    """In the reader's language, with what was asked for still in its field."""
    asked = {"Accept-Language": language}
    page = bank.client.get("/payment-files", headers=asked)
    assert {"vi": "Chưa nhận tệp nào", "en": "No file was taken yet"}[language] in page.text
    told = {"file": (io.BytesIO(b"no XML"), "a.xml"), "refused": "1"}
    answer = bank.client.post("/payment-files", data=told, headers=asked)
    assert answer.status_code == 400
    assert {"vi": "không đúng chuẩn", "en": "does not follow"}[language] in answer.text
    assert 'name="refused" maxlength="200" autocomplete="off" value="1"' in answer.text
    answer = bank.client.post("/payment-files", data={}, headers=asked)
    assert answer.status_code == 422
    assert {"vi": "Hãy chọn một tệp", "en": "Choose a payment file"}[language] in answer.text


def test_a_form_of_another_site_sends_no_file(bank):
    """A browser says where the form came from."""
    told = {"file": (io.BytesIO(a_file()), "a.xml")}
    elsewhere = {"Origin": "https://elsewhere.example"}
    assert bank.client.post("/payment-files", data=told, headers=elsewhere).status_code == 400
    assert bank.balance() == 1_000_000


def test_a_poll_lists_what_a_callback_tells(bank, listener):
    """Who asks for the list is told of what came back, in the same words."""
    bank.subscribe(listener, protocol="sepay")
    sent(bank, returned_same_day="1")
    path = f"/api/transactions/{VCB['number']}"
    stamp = str(int(bank.desk.clock.now().timestamp()))
    proof = practice.signature(f"GET {path}".encode(), secret=SECRET, timestamp=stamp)
    headers = {practice.TIMESTAMP: stamp, practice.SIGNATURE: proof}
    items = bank.client.get(path, headers=headers).get_json()["items"]
    assert [one["transferType"] for one in items] == ["in"]
    assert codes.find(items[0]["content"]) == CODES[0]
    assert CODE not in items[0]["content"]
