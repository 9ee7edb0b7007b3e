"""Statements: each file once, each line once, and whatever can't be right is refused or marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments import agencies, credits
from payments.core import files
from payments.core.audit import AuditEntry
from payments.core.money import Dong
from reconciliation import statements
from reconciliation.formats import OtherCurrency, UnreadableFile
from reconciliation.statements import (
    AccountNotSaid,
    Basis,
    FileState,
    ImportedForAnother,
    LineReference,
    Received,
    Statement,
    StatementFile,
    StatementLine,
    StatementOfAnotherAccount,
)
from tests.bank import TODAY, BankLine, a_statement, camt, imported, run, vietcombank
from tests.builders import BY, NOON, Province, a_province

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def province(session: Session) -> Province:
    return a_province(session)


def lines(province: Province) -> Sequence[StatementLine]:
    """The account's lines, as stored."""
    return province.session.scalars(select(StatementLine).order_by(StatementLine.id)).all()


def added(province: Province, *some: BankLine, **told: object) -> int:
    """How many lines of a new file were new."""
    return a_statement(province, *some, **told).statements[0].added


def test_a_line_keeps_what_the_bank_says(province: Province) -> None:
    """Amount, day, memo and reference as received; the payer's account only sealed."""
    memo = "MBVCB.1.TTHC1234567894.CT tu 0123456789"
    a_statement(province, BankLine(150_000, memo, reference="FT1", payer="0123456789"))

    (line,) = lines(province)
    assert (line.amount, line.direction, line.day) == (Dong(150_000), "credit", TODAY)
    assert (line.memo, line.bank_reference) == (memo, "FT1")
    assert line.payer is not None
    assert b"0123456789" not in line.payer
    assert credits.opened_payer(line.payer, vault=province.vault)[0] == "0123456789"
    assert line.payer_key == credits.payer_key("0123456789", vault=province.vault)


def test_references_are_found_once_at_import(province: Province) -> None:
    """Every code of the memo with its kind, and the FULL ones together on the line."""
    full = [credits.code_of([("TTHC0000000000", "FULL")])]
    a_statement(province, BankLine(1_000, "TTHC0000000000 va TTHC12345 x TTHC0000000001"))

    (line,) = lines(province)
    found = province.session.execute(
        select(LineReference.code, LineReference.kind).order_by(LineReference.id)
    )
    assert [line.code] == full
    assert {tuple(row) for row in found} == {
        ("TTHC0000000000", "FULL"),
        ("TTHC12345", "CUT"),
        ("TTHC0000000001", "DAMAGED"),
    }


def test_the_same_file_twice_changes_nothing(province: Province) -> None:
    """The very same bytes again are answered with what came of them the first time."""
    content = camt(province.account.number, [BankLine(1_000)])
    first = imported(province, content)
    again = imported(province, content)

    assert (first.again, again.again, again.file_id) == (False, True, first.file_id)
    assert len(lines(province)) == 1


def test_the_same_day_exported_twice_adds_nothing(province: Province) -> None:
    """Other bytes, the same lines: the bank's own ids or the lines' own words tell."""
    some = [BankLine(1_000, "a", reference="1"), BankLine(2_000, "b")]

    assert added(province, *some) == 2
    assert added(province, *some, sequence=7) == 0
    assert added(province, *some, BankLine(3_000, "c"), sequence=8) == 1


def test_genuine_repeats_stay(province: Province) -> None:
    """Two equal transfers of one day are two lines; seen three times, there are three."""
    twice = [BankLine(1_000, "nop phi")] * 2

    assert added(province, *twice) == 2
    assert added(province, *twice, BankLine(1_000, "nop phi"), sequence=2) == 1
    assert [line.occurrence for line in lines(province)] == [1, 2, 3]


def test_a_statement_that_goes_on_holds_only_new_lines(province: Province) -> None:
    """The afternoon's file opens with the morning's closing: an equal line in it is another one."""
    line = BankLine(1_000, "nop phi")

    assert added(province, line, sequence=1) == 1
    assert added(province, line, sequence=2, opening=1_000) == 1
    assert added(province, line, sequence=1, number="again") == 0


SWEPT = (BankLine(50_000, "R1"), BankLine(-50_000, "ket chuyen"))


def test_a_copy_with_a_higher_number_adds_nothing(province: Province) -> None:
    """An account emptied every day opens as it closed: only its lines tell a copy from the next."""
    assert added(province, *SWEPT, sequence=1) == 2
    assert added(province, *SWEPT, sequence=2) == 0
    assert added(province, *reversed(SWEPT), sequence=3, number="again") == 0
    assert added(province, *SWEPT, BankLine(7_000, "R2"), sequence=4) == 1
    assert len(lines(province)) == 3


def test_a_copy_of_a_part_of_an_emptied_day_adds_nothing(province: Province) -> None:
    """Morning and afternoon come to nothing together: each may be issued again, or both in one."""
    morning, evening = SWEPT

    assert added(province, morning, sequence=1) == 1
    assert added(province, evening, sequence=2, opening=50_000) == 1
    assert added(province, morning, sequence=3) == 0
    assert added(province, *SWEPT, sequence=4) == 0


def test_an_emptied_account_goes_on_within_the_day(province: Province) -> None:
    """An equal payment after the account was emptied is another one: the copy would be whole."""
    assert added(province, *SWEPT, sequence=1) == 2
    assert added(province, *SWEPT, sequence=2) == 0
    assert added(province, SWEPT[0], sequence=3) == 1
    assert added(province, SWEPT[1], sequence=4, opening=50_000) == 1
    assert added(province, BankLine(50_000, "R5"), SWEPT[1], sequence=5) == 2
    assert [line.occurrence for line in lines(province)] == [1, 1, 2, 2, 1, 3]


def test_an_emptied_account_that_tells_times_goes_on(province: Province) -> None:
    """The second round of a day has other times, so it is no copy of the first."""

    def swept(hours: int) -> list[BankLine]:
        at = NOON + timedelta(hours=hours)
        return [BankLine(50_000, "R1", at=at), BankLine(-50_000, "ket chuyen", at=at)]

    assert added(province, *swept(0), sequence=1) == 2
    assert added(province, *swept(1), sequence=2) == 2
    assert added(province, *swept(1), sequence=3, number="again") == 0


def test_without_numbers_the_lines_times_say_whether_it_goes_on(province: Province) -> None:
    """A file that opens with the last closing but begins before its end is an overlap."""
    early = BankLine(1_000, "nop phi", at=NOON)
    late = BankLine(1_000, "nop phi", at=NOON + timedelta(hours=1))

    assert added(province, early) == 1
    assert added(province, late, opening=1_000) == 1
    assert added(province, late, opening=1_000, number="again") == 0


def test_an_overlapping_period_adds_only_what_is_new(province: Province) -> None:
    """A file over two days, of which one is known, adds the other."""
    first = BankLine(1_000, "a")
    second = BankLine(2_000, "b", day=TOMORROW)

    assert added(province, first) == 1
    assert added(province, first, second, through=TOMORROW) == 1
    closing = statements.closing_on(province.session, province.account.id, TODAY)
    assert closing is not None
    assert (closing.amount, closing.basis) == (1_000, Basis.STATED)


def test_inner_days_of_a_long_statement_are_derived(province: Province) -> None:
    """The balance of a day inside a statement's period follows from its opening and lines."""
    lines = [BankLine(1_000, day=TODAY), BankLine(2_000, day=TOMORROW)]
    a_statement(province, *lines, opening=500, through=TOMORROW)

    inner = statements.closing_on(province.session, province.account.id, TODAY)
    last = statements.closing_on(province.session, province.account.id, TOMORROW)
    assert inner is not None
    assert last is not None
    assert (inner.amount, inner.basis) == (1_500, Basis.DERIVED)
    assert (last.amount, last.basis) == (3_500, Basis.STATED)


def test_a_sheet_without_balances_goes_on_from_what_was_known(province: Province) -> None:
    """Where a layout states no balance, it is what was known before and the lines since."""
    yesterday = TODAY - timedelta(days=1)
    a_statement(province, BankLine(1_000, day=yesterday), day=yesterday)
    imported(province, vietcombank([BankLine(2_000, "nop phi", reference="5242 - 1")]))

    closing = statements.closing_on(province.session, province.account.id, TODAY)
    assert closing is not None
    assert (closing.amount, closing.basis) == (3_000, Basis.DERIVED)


def test_a_statement_of_another_account_is_refused(province: Province) -> None:
    """A file is never booked to an account it does not name."""
    other = camt("0099999999", [BankLine(1_000)])

    with pytest.raises(StatementOfAnotherAccount):
        imported(province, other)
    assert lines(province) == []


def test_a_sheet_that_names_no_account_needs_to_be_told(province: Province) -> None:
    """Some layouts do not say whose they are; the person who brings the file does."""
    received = Received(vietcombank([BankLine(1_000)]), "vcb.csv")
    read = statements.read(received, vault=province.vault, prefix="TTHC")

    with pytest.raises(AccountNotSaid):
        statements.import_file(province.session, received, read, account=None, by=BY, now=NOON)


def test_a_file_finds_its_account_by_itself(province: Province) -> None:
    """A file that names its account needs nobody to say it."""
    received = Received(camt(province.account.number, [BankLine(1_000)]), "s.xml")
    read = statements.read(received, vault=province.vault, prefix="TTHC")
    done = statements.import_file(province.session, received, read, account=None, by=BY, now=NOON)

    assert done.statements[0].collection_account_id == province.account.id


def test_an_unknown_account_is_refused(province: Province) -> None:
    """A statement of an account we do not have."""
    received = Received(camt("0099999999", [BankLine(1_000)]), "s.xml")
    read = statements.read(received, vault=province.vault, prefix="TTHC")

    with pytest.raises(agencies.UnknownCollectionAccount):
        statements.import_file(province.session, received, read, account=None, by=BY, now=NOON)


def test_a_file_imported_for_another_account_is_not_taken_twice(province: Province) -> None:
    """A sheet without an account that was imported for one can't be imported for a second."""
    content = vietcombank([BankLine(1_000)])
    imported(province, content)
    other = a_province(province.session, number="0099999999")

    with pytest.raises(ImportedForAnother):
        imported(other, content)


def test_another_currency_is_refused(province: Province) -> None:
    """Only đồng are booked."""
    with pytest.raises(OtherCurrency):
        imported(province, camt(province.account.number, [BankLine(1_000)], currency="USD"))


def test_a_cut_file_is_refused_whole(province: Province) -> None:
    """A file that ends too early leaves nothing behind but the note that it was refused."""
    whole = camt(province.account.number, [BankLine(1_000), BankLine(2_000)])
    received = Received(whole[: len(whole) * 2 // 3], "cut.xml")

    with pytest.raises(UnreadableFile) as refusal:
        statements.read(received, vault=province.vault, prefix="TTHC")
    statements.keep_refusal(province.session, received, refusal.value, by=BY, now=NOON)

    file = province.session.scalars(select(StatementFile)).one()
    assert (file.state, file.refusal["code"]) == (FileState.REFUSED, refusal.value.code)
    assert file.refusal["fields"]["line"] >= 1
    assert file.stored_file_id is None
    assert files.find(province.session, received.sha256) is None
    assert province.session.scalar(select(func.count()).select_from(Statement)) == 0


def test_a_refused_file_may_be_brought_again(province: Province) -> None:
    """A refusal is no import: the same file for the right account is taken."""
    content = camt(province.account.number, [BankLine(1_000)])
    received = Received(content, "s.xml")
    refusal = StatementOfAnotherAccount(account="9999", told="4567")
    statements.keep_refusal(province.session, received, refusal, by=BY, now=NOON)

    assert imported(province, content).statements[0].added == 1


def test_a_statement_that_does_not_add_up_is_kept_and_marked(province: Province) -> None:
    """The closing differs from what opening and lines come to; the figures are told."""
    (statement,) = a_statement(province, BankLine(1_000), closing=1_500).statements

    assert (statement.balanced, statement.added) == (False, 1)
    assert statement.discrepancies == [{"figure": "closing", "stated": 1_500, "read": 1_000}]


def test_days_nobody_told_of(province: Province) -> None:
    """A span without a statement is missing, unless an equal balance bridges it."""
    day = [TODAY + timedelta(days=n) for n in range(8)]
    a_statement(province, BankLine(1_000), day=day[0])
    a_statement(province, BankLine(1_000, day=day[3]), day=day[3], opening=1_000)
    a_statement(province, BankLine(1_000, day=day[6]), day=day[6], opening=9_000)

    without = statements.days_without(
        province.session, province.account.id, since=day[0], through=day[7]
    )

    assert without == [day[4], day[5], day[7]]


def test_the_file_is_kept_as_received(province: Province) -> None:
    """Byte for byte, with its digest; who brought it is in the audit trail."""
    content = camt(province.account.number, [BankLine(1_000)])
    done = imported(province, content)

    file = province.session.get_one(StatementFile, done.file_id)
    assert file.stored_file_id is not None
    assert files.fetch(province.session, file.stored_file_id).content == content
    told = province.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "statement.imported")
    ).one()
    assert (told.actor, told.details["sha256"]) == (BY, file.sha256)


def test_what_did_not_add_up_gives_way_to_the_right_file(province: Province) -> None:
    """The bank's corrected file of the same day, with all its lines, lifts the break."""
    lines = [BankLine(50_000, "x", "FT1"), BankLine(20_000, "y", "FT2")]
    a_statement(province, *lines, opening=1, closing=70_000)
    assert run(province).verdict == "incomplete"

    a_statement(province, *lines, opening=0)

    assert run(province).figures["reasons"] == ["unidentified"]


def test_another_file_that_lacks_its_lines_does_not_lift_it(province: Province) -> None:
    """What did not add up stands until a statement with all its lines does."""
    a_statement(province, BankLine(50_000, "x", "FT1"), opening=1, closing=50_000)
    a_statement(province, BankLine(20_000, "y", "FT2"), opening=0, number="S2")

    assert run(province).verdict == "incomplete"
