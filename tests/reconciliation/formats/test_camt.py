"""CAMT.053 by rule: what is a line, what is left out, what is refused and where."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pytest

from payments.core.vault import Vault
from reconciliation.formats import (
    End,
    Figure,
    Line,
    OtherCurrency,
    Start,
    UnreadableFile,
    in_dong,
    read,
)
from reconciliation.formats.refusals import NotAStatement
from reconciliation.statements import Received
from reconciliation.statements import read as read_for_booking
from tests.statement_files import (
    ACCOUNT,
    MESSAGES,
    Movement,
    about_the_day,
    balance,
    camt,
    document,
    entry,
    payment,
)

FIFTY = Movement(50_000, memo="TTHC0123456789", payer="NGUYEN VAN AN", payer_account="0071001")
TEN = Movement(10_000, memo="TTHC9876543210", reference="5242-74129")


def parts(content: bytes):
    return list(read(BytesIO(content)))


def lines(content: bytes) -> list[Line]:
    return [part for part in parts(content) if isinstance(part, Line)]


def end(content: bytes) -> End:
    last = parts(content)[-1]
    assert isinstance(last, End)
    return last


def refusal(content: bytes) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as refused:
        parts(content)
    return refused.value


def amount(figure: int | str, currency: str = "VND", direction: str = "CRDT") -> str:
    return f'<Amt Ccy="{currency}">{figure}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'


def test_a_pending_entry_is_no_line():
    """Only what is booked moves the balance; PDNG is told as text or as a code."""
    pending = entry(TEN, status="PDNG") + entry(TEN, status="PDNG", modern=False)
    content = camt([FIFTY], extra=pending)
    assert [line.amount for line in lines(content)] == [50_000]
    assert end(content).balanced is True


def test_a_reversed_credit_lowers_the_balance_and_names_what_it_takes_back():
    """RvslInd beside DBIT: the payer stands as in the payment taken back."""
    taken_back = Movement(-50_000, reversal=True, payer="NGUYEN VAN AN", reference="5242-8")
    refs = "<Prtry><Tp>OriginalReference</Tp><Ref>5242-74128</Ref></Prtry>"
    details = payment(taken_back, refs=refs)
    content = camt([FIFTY], closing=0, extra=entry(taken_back, details=details))
    reversal = lines(content)[1]
    assert (reversal.credit, reversal.reversal, reversal.reverses) == (False, True, "5242-74128")
    assert reversal.payer_name == "NGUYEN VAN AN"
    assert end(content).balanced is True


def test_the_payments_of_a_batch_are_lines_where_they_add_up_to_it():
    """Each payment can then be matched; its own reference is its own, the batch's is not."""
    batch = Movement(60_000, reference="BATCH-1")
    own = "<AcctSvcrRef>P-2</AcctSvcrRef>"
    details = payment(FIFTY, amount=amount(50_000)) + payment(TEN, amount=amount(10_000), refs=own)
    content = camt([], closing=60_000, extra=entry(batch, details=details))
    told = [(line.number, line.amount, line.bank_reference, line.memo) for line in lines(content)]
    assert told == [
        (1, Decimal(50_000), None, "TTHC0123456789"),
        (2, Decimal(10_000), "P-2", "TTHC9876543210"),
    ]
    assert [line.stable_id for line in lines(content)] == ["BATCH-1/0:50000", "P-2:10000"]
    assert (end(content).count, end(content).balanced) == (1, True)


def test_the_payments_of_a_batch_may_be_told_as_version_02_tells_them():
    """Up to .02 the amount of a payment stands under AmtDtls/TxAmt."""
    details = "".join(
        payment(told, modern=False).replace(
            "<RltdPties>",
            f'<AmtDtls><TxAmt><Amt Ccy="VND">{told.change}</Amt></TxAmt></AmtDtls><RltdPties>',
        )
        for told in (FIFTY, TEN)
    )
    batch = entry(Movement(60_000), modern=False, details=details)
    content = camt([], closing=60_000, version=2, extra=batch)
    assert [line.amount for line in lines(content)] == [50_000, 10_000]


def test_a_payment_within_a_batch_may_go_the_other_way():
    """A batch of 50,000 in and a charge of 10,000 out comes to 40,000."""
    details = payment(FIFTY, amount=amount(50_000)) + payment(
        TEN, amount=amount(10_000, direction="DBIT")
    )
    content = camt([], closing=40_000, extra=entry(Movement(40_000), details=details))
    assert [(line.amount, line.credit) for line in lines(content)] == [
        (50_000, True),
        (10_000, False),
    ]


@pytest.mark.parametrize(
    "told", [amount("1.90", "USD"), amount(9_999), ""], ids=["currency", "sum", "missing"]
)
def test_a_batch_that_its_payments_do_not_come_to_is_one_line(told):
    """Payments in another currency, or of another sum, are not the entry's; all memos are kept."""
    details = payment(FIFTY, amount=amount(50_000)) + payment(TEN, amount=told)
    content = camt([], closing=60_000, extra=entry(Movement(60_000), details=details))
    [line] = lines(content)
    assert (line.amount, line.bank_reference) == (60_000, "5242-74128")
    assert line.memo == "TTHC0123456789 + TTHC9876543210"


def test_an_entry_without_details_is_a_line_with_the_bank_s_words():
    """A charge often has no more than AddtlNtryInf."""
    charge = entry(Movement(-3_300)).replace("<NtryDtls>", "<X>").replace("</NtryDtls>", "</X>")
    charge = charge.replace("</Ntry>", "<AddtlNtryInf>PHI SMS\n 11/2026</AddtlNtryInf></Ntry>")
    [line] = lines(camt([], closing=-3_300, extra=charge))
    assert (line.amount, line.credit, line.memo) == (3_300, False, "PHI SMS 11/2026")
    assert (line.payer_name, line.payer_account) == (None, None)


@pytest.mark.parametrize(
    ("remittance", "memo"),
    [
        ("<RmtInf><Ustrd>TTHC01234</Ustrd><Ustrd>56789</Ustrd></RmtInf>", "TTHC01234 56789"),
        (
            "<RmtInf><Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd></RmtInf>",
            "RF18",
        ),
        ("<AddtlTxInf>bank's words</AddtlTxInf>", "bank's words"),
        ("<Refs><EndToEndId>TTHC0123456789</EndToEndId></Refs>", "TTHC0123456789"),
        ("<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>", ""),
    ],
)
def test_the_memo_is_what_the_payer_wrote_else_what_the_bank_says(remittance, memo):
    """Free text in pieces joined by a space, a creditor's reference, the bank's words, the id."""
    details = f"<TxDtls>{remittance}</TxDtls>"
    [line] = lines(camt([], closing=50_000, extra=entry(FIFTY, details=details)))
    assert line.memo == memo


def test_an_instant_is_booked_on_the_day_in_viet_nam():
    """18:00 UTC is one o'clock of the next day in Hà Nội; a time without a zone is ours."""
    booked = entry(FIFTY).replace("<Dt>2026-11-24</Dt>", "<DtTm>2026-11-24T18:00:00Z</DtTm>", 1)
    local = entry(FIFTY).replace("<Dt>2026-11-24</Dt>", "<DtTm>2026-11-24T23:59:59.5</DtTm>", 1)
    first, second = lines(camt([], closing=100_000, extra=booked + local))
    assert (first.day, first.booked_at) == (
        date(2026, 11, 25),
        datetime(2026, 11, 24, 18, tzinfo=UTC),
    )
    assert second.day == date(2026, 11, 24)
    assert second.booked_at == datetime(2026, 11, 24, 16, 59, 59, 500_000, tzinfo=UTC)


def test_the_account_may_be_an_iban_and_the_counterparty_s_too():
    """Both kinds of account number are read, without the spaces people put into them."""
    content = camt([FIFTY]).replace(
        b"<Othr><Id>0281000999999</Id></Othr>", b"<IBAN>AT61 1904 3002 3457 3201</IBAN>"
    )
    content = content.replace(b"<Othr><Id>0071001</Id></Othr>", b"<IBAN>DE12</IBAN>")
    start, line, _ = parts(content)
    assert (start.account, line.payer_account) == ("AT611904300234573201", "DE12")


def test_the_previous_closing_serves_where_no_opening_is_told():
    """PRCD is the opening of a statement that has no OPBD."""
    content = camt([FIFTY], opening=7_000).replace(b"OPBD", b"PRCD")
    assert parts(content)[0].opening == 7_000
    assert end(content).balanced is True


def test_an_overdrawn_balance_is_below_zero():
    """DBIT beside a balance is its sign."""
    content = camt([FIFTY], opening=-80_000)
    assert (parts(content)[0].opening, end(content).closing) == (-80_000, -30_000)


def test_without_balances_nothing_proves_the_lines():
    """No balance told is no proof, and no fault."""
    content = camt([FIFTY]).replace(b"OPBD", b"OPAV").replace(b"CLBD", b"CLAV")
    assert (parts(content)[0].opening, end(content).closing) == (None, None)
    assert end(content).balanced is None


def test_a_statement_that_does_not_add_up_is_read_and_says_so():
    """Opening and lines come to 50,000, the bank says 49,999."""
    told = end(camt([FIFTY], closing=49_999))
    assert told.balanced is False
    [differing] = told.discrepancies
    assert (differing.figure, differing.stated, differing.read) == (Figure.CLOSING, 49_999, 50_000)


@pytest.mark.parametrize(
    ("summary", "figure"),
    [
        ("<TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries>", Figure.COUNT),
        ("<TtlNtries><Sum>50001</Sum></TtlNtries>", Figure.SUM),
        ("<TtlCdtNtries><NbOfNtries>0</NbOfNtries></TtlCdtNtries>", Figure.CREDIT_COUNT),
        ("<TtlCdtNtries><Sum>1</Sum></TtlCdtNtries>", Figure.CREDIT_SUM),
        ("<TtlDbtNtries><NbOfNtries>1</NbOfNtries></TtlDbtNtries>", Figure.DEBIT_COUNT),
        ("<TtlDbtNtries><Sum>1</Sum></TtlDbtNtries>", Figure.DEBIT_SUM),
        (f"<TtlNtries><TtlNetNtry>{amount(1)}</TtlNetNtry></TtlNtries>", Figure.NET),
        (
            "<TtlNtries><TtlNetNtryAmt>50000</TtlNetNtryAmt><CdtDbtInd>DBIT</CdtDbtInd></TtlNtries>",
            Figure.NET,
        ),
    ],
)
def test_a_control_figure_that_differs_is_named(summary, figure):
    """Counts and sums the bank states are compared with what was read."""
    told = end(camt([FIFTY], head=f"<TxsSummry>{summary}</TxsSummry>"))
    assert told.balanced is False
    assert [differing.figure for differing in told.discrepancies] == [figure]


def test_control_figures_may_count_what_is_pending():
    """A bank that lists pending entries counts them; that is no fault of the booked ones."""
    summary = (
        "<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries><Sum>60000</Sum></TtlNtries></TxsSummry>"
    )
    told = end(camt([FIFTY], head=summary, extra=entry(TEN, status="PDNG")))
    assert (told.balanced, told.declared_count, told.declared_sum) == (True, 2, 60_000)


def test_a_file_may_hold_several_statements_and_empty_ones():
    """Each has its own start, lines and end."""
    one = camt([FIFTY]).decode().partition("<Stmt>")[2].partition("</Stmt>")[0]
    none = camt([]).decode().partition("<Stmt>")[2].partition("</Stmt>")[0]
    content = document(
        f"<BkToCstmrStmt><Stmt>{one}</Stmt><Stmt>{none}</Stmt><Stmt>{one}</Stmt></BkToCstmrStmt>"
    )
    kinds = [type(part) for part in parts(content)]
    assert kinds == [Start, Line, End, Start, End, Start, Line, End]
    assert [line.number for line in lines(content)] == [1, 1]


def test_a_message_may_come_in_an_envelope():
    """Business headers around the document are passed over."""
    inner = camt([FIFTY]).decode().partition("?>")[2]
    content = f'<Envelope xmlns="urn:x"><AppHdr><Stmt/><Ntry/></AppHdr>{inner}</Envelope>'.encode()
    assert len(lines(content)) == 1


def test_another_encoding_is_read_if_the_file_declares_it():
    """UTF-16 and windows-1258 are told by the first line."""
    content = camt([Movement(1_000, memo="lệ phí")]).decode()
    utf_16 = content.replace("UTF-8", "UTF-16").encode("utf-16")
    assert lines(utf_16)[0].memo == "lệ phí"
    latin = camt([Movement(1_000, memo="phí é")]).decode().replace("UTF-8", "windows-1252")
    assert lines(latin.encode("windows-1252"))[0].memo == "phí é"


@pytest.mark.parametrize("behind", [camt([FIFTY]), b"<Document/>", b"x"], ids=["twice", "", "x"])
def test_what_stands_behind_a_statement_is_told_as_such(behind):
    """Two files joined into one, or one fetched twice into it: neither half is taken."""
    assert refusal(camt([FIFTY]) + behind).code == "joined_files"


@pytest.mark.parametrize("encoding", ["UTF-7", "shift_jis", "rot13", "nonsense", "cp037"])
def test_an_encoding_no_bank_writes_is_refused(encoding):
    """One that hides what it says, or that nobody knows."""
    content = camt([FIFTY]).replace(b"UTF-8", encoding.encode())
    assert refusal(content).code == "malformed_xml"


def test_another_currency_is_read_exactly_and_refused_for_booking():
    """A dollar statement keeps its cents; it is not money of this service."""
    content = camt([FIFTY]).replace(b'Ccy="VND"', b'Ccy="USD"').replace(b"VND", b"USD")
    content = content.replace(b">50000<", b">50000.25<")
    start, line, finish = parts(content)
    assert (start.currency, line.currency) == ("USD", "USD")
    assert line.amount == Decimal("50000.25")
    assert finish.balanced is True
    with pytest.raises(OtherCurrency):
        in_dong(line.amount, currency=line.currency)


def test_dong_with_decimals_of_nothing_are_whole():
    """Banks write 50000.00; half a đồng there is none."""
    content = camt([FIFTY]).replace(b">50000<", b">50000.00<")
    assert f"{lines(content)[0].amount:f}" == "50000"


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("version", [2, 4, 6, 8, 10, 13])
def test_a_report_or_a_notice_is_read_alike_and_says_what_it_is(kind, version):
    """Its booked entries are lines; without a closing balance nothing can be proved."""
    pending = entry(TEN, status="PDNG", modern=version >= 8)
    start, line, finish = parts(about_the_day(kind, [FIFTY], version=version, extra=pending))
    assert (start.format, start.message, start.account) == (kind, kind, ACCOUNT)
    assert (line.amount, line.memo, line.payer_name) == (50_000, FIFTY.memo, FIFTY.payer)
    assert (finish.closing, finish.balanced) == (None, None)


def test_a_report_at_the_end_of_the_day_may_prove_itself():
    """With opening and closing balances it adds up or it does not; it stays a message."""
    for closing, balanced in ((60_000, True), (60_001, False)):
        head = balance("OPBD", 10_000) + balance("CLBD", closing)
        start, _, finish = parts(about_the_day("camt.052", [FIFTY], head=head))
        assert (start.message, finish.balanced) == ("camt.052", balanced)


def test_a_balance_within_the_day_is_no_closing():
    """ITBD is where the account stands when the report is written."""
    head = balance("OPBD", 10_000) + balance("ITBD", 60_000)
    finish = parts(about_the_day("camt.052", [FIFTY], head=head))[-1]
    assert (finish.closing, finish.balanced) == (None, None)


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_report_or_a_notice_of_no_account_is_refused(kind):
    """As a statement without one is, and by the name of what is missing."""
    message, part = MESSAGES[kind]
    refused = refusal(document(f"<{message}><GrpHdr/></{message}>"))
    assert (refused.code, refused.fields["what"]) == ("missing_figure", f"{message}/{part}")
    refused = refusal(document(f"<{message}><{part}/></{message}>"))
    assert (refused.code, refused.fields["what"]) == ("missing_figure", f"{part}/Acct")


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_report_or_a_notice_is_never_booked(kind):
    """Not even one that adds up, nor one that follows a statement in the same file."""
    report = about_the_day(kind, [FIFTY]).partition(b"?>")[2]
    both = b"<All>" + camt([FIFTY]).partition(b"?>")[2] + report + b"</All>"
    for content in (report, both):
        with pytest.raises(NotAStatement) as refused:
            read_for_booking(Received(content, "x"), vault=Vault([b"0" * 32]), prefix="TTHC")
        assert refused.value.fields["message"] == kind


BAD = [
    ('<Amt Ccy="VND">50000</Amt>', "", "missing_figure"),
    (">50000<", "><", "unreadable_amount"),
    (">50000<", ">-50000<", "unreadable_amount"),
    (">50000<", ">50,000<", "unreadable_amount"),
    (">50000<", ">5e4<", "unreadable_amount"),
    (">50000<", ">٥0000<", "unreadable_amount"),
    (">50000<", ">50000.5<", "fraction_of_dong"),
    (">50000<", ">1000000000001<", "implausible_amount"),
    ("<CdtDbtInd>CRDT", "<CdtDbtInd>crdt", "unknown_indicator"),
    ("<CdtDbtInd>CRDT</CdtDbtInd>", "", "missing_figure"),
    ("<Cd>BOOK", "<Cd>book", "unknown_indicator"),
    ("<Sts><Cd>BOOK</Cd></Sts>", "<Sts/>", "unknown_indicator"),
    ("<Sts><Cd>BOOK</Cd></Sts>", "", "missing_figure"),
    ("<Cd>BOOK</Cd>", "<Cd>BOOK</Cd><Cd>PDNG</Cd>", "repeated_figure"),
    ("<Cd>BOOK</Cd>", "<Prtry>BOOK</Prtry>", "missing_figure"),
    ("<Cd>BOOK</Cd>", "PDNG<Cd>BOOK</Cd>", "malformed_field"),
    ("<Cd>BOOK<", "<Cd>BOOK<x>PDNG</x><", "malformed_field"),
    (">50000<", ">500<x/>00<", "malformed_field"),
    (">CRDT<", ">CRDT<x/>DBIT<", "malformed_field"),
    (
        "<AcctSvcrRef>",
        "<RvslInd>false</RvslInd><RvslInd>true</RvslInd><AcctSvcrRef>",
        "repeated_figure",
    ),
    ("<AcctSvcrRef>", "<RvslInd>TRUE</RvslInd><AcctSvcrRef>", "unknown_indicator"),
    ("<AcctSvcrRef>", "<RvslInd/><AcctSvcrRef>", "unknown_indicator"),
    ("<AcctSvcrRef>", "<Sts><Cd>PDNG</Cd></Sts><AcctSvcrRef>", "repeated_figure"),
    ("2026-11-24", "2026-02-30", "unreadable_date"),
    ("2026-11-24", "24/11/2026", "unreadable_date"),
    ("2026-11-24", "0026-11-24", "unreadable_date"),
    ("<BookgDt><Dt>2026-11-24</Dt></BookgDt>", "<BookgDt/>", "missing_figure"),
    ("<BookgDt><Dt>2026-11-24</Dt></BookgDt>", "", "missing_figure"),
    ("<Dt>2026-11-24</Dt>", "<DtTm>2026-11-24T25:00:00</DtTm>", "unreadable_date"),
    ("<Dt>2026-11-24</Dt>", "<DtTm>2026-11-24T10:00</DtTm>", "unreadable_date"),
    ('Ccy="VND"', 'Ccy="USD"', "mixed_currencies"),
    ('Ccy="VND"', "", "mixed_currencies"),
]


@pytest.mark.parametrize(("written", "instead", "code"), BAD)
def test_an_entry_that_cannot_be_read_is_refused_with_its_line(written, instead, code):
    """The second entry stands on line 6 of the file; nothing of it is guessed."""
    bad = entry(FIFTY).replace(written, instead, 1)
    assert bad != entry(FIFTY)
    content = camt([FIFTY], closing=100_000, extra=bad)
    refused = refusal(content)
    assert (refused.code, refused.fields["line"]) == (code, 6)


@pytest.mark.parametrize(
    ("written", "instead", "code"),
    [
        ("<Othr><Id>0281000999999</Id></Othr>", "", "missing_figure"),
        ("<Acct>", "<Acct2>", "malformed_xml"),
        ("<Ccy>VND", "<Ccy>vnd", "unknown_currency"),
        ("<Ccy>VND", "<Ccy>USD", "mixed_currencies"),
        ("<ElctrncSeqNb>7", "<ElctrncSeqNb>7.5", "unreadable_amount"),
        ("2026-11-24T00:00:00+07:00", "2026-11-31T00:00:00+07:00", "unreadable_date"),
    ],
)
def test_a_head_that_cannot_be_read_is_refused(written, instead, code):
    """Account, currency, sequence and period are read as strictly as lines."""
    content = camt([FIFTY]).decode()
    assert written in content
    assert refusal(content.replace(written, instead, 1).encode()).code == code


def test_two_openings_that_differ_are_refused():
    """Which of them is true, nobody can say."""
    assert refusal(camt([FIFTY], head=balance("OPBD", 1))).code == "repeated_figure"


def test_a_balance_after_the_entries_is_refused():
    """By then the start is told; a figure that comes too late may not be lost."""
    assert refusal(camt([FIFTY], extra=balance("OPBD", 1))).code == "misplaced_figure"
    late = camt([FIFTY], extra=balance("OPBD", 1) + entry(TEN))
    assert refusal(late).code == "misplaced_figure"


def test_an_entry_within_another_s_details_is_not_counted():
    """Supplementary data may hold anything, also elements of the same name."""
    strange = payment(FIFTY).replace(
        "</TxDtls>", f"<SplmtryData>{entry(TEN)}</SplmtryData></TxDtls>"
    )
    content = camt([], closing=50_000, extra=entry(FIFTY, details=strange))
    assert [line.amount for line in lines(content)] == [50_000]
    assert end(content).balanced is True


def test_a_statement_stands_in_its_message_and_nowhere_within():
    """One inside the message's head would be read as another statement of the same day."""
    content = camt([FIFTY]).decode()
    statement = content[content.index("<Stmt>") : content.index("</BkToCstmrStmt>")]
    within = content.replace("<MsgId>M1", f"<MsgId>{statement}M1")
    assert refusal(within.encode()).code == "misplaced_figure"


def test_the_bank_s_name_of_a_statement_stands_on_one_line():
    """However it was wrapped in the file."""
    content = camt([FIFTY]).replace(b"<Id>S1</Id>", b"<Id>S\n 1</Id>")
    assert parts(content)[0].number == "S 1"


def test_an_element_of_another_namespace_is_not_an_entry():
    """A foreign Ntry in the statement, a foreign RvslInd in an entry: not the bank's word."""
    foreign = '<x:Ntry xmlns:x="urn:x"/>'
    marked = entry(FIFTY).replace("<Sts>", '<x:RvslInd xmlns:x="urn:x">true</x:RvslInd><Sts>')
    content = camt([], closing=50_000, extra=foreign + marked)
    [line] = lines(content)
    assert line.reversal is False


def test_a_zero_entry_keeps_its_direction():
    """A debit of nothing is a line of nothing, on the debit side."""
    nothing = entry(Movement(-1)).replace(">1<", ">0<")
    [line] = lines(camt([], closing=0, extra=nothing))
    assert (line.amount, line.credit) == (0, False)


@pytest.mark.parametrize("content", [b"<a>", b"<Document/>", b"<html></html>", b"<?xml?>", b"<"])
def test_other_xml_is_refused(content):
    """XML that is no bank statement is not read as an empty one."""
    assert refusal(content).code in {"cut_file", "unknown_format", "malformed_xml"}


def test_a_message_without_a_statement_is_refused():
    """ISO 20022 wants one at least."""
    assert refusal(document("<BkToCstmrStmt></BkToCstmrStmt>")).code == "missing_figure"


def test_a_cut_file_is_refused_wherever_it_is_cut():
    """The closing tags are missing, so the end is not the end."""
    content = camt([FIFTY, TEN])
    for length in range(60, len(content) - 1):
        assert refusal(content[:length]).code in {"cut_file", "malformed_xml"}, length
