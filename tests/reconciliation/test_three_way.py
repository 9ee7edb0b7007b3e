"""A day on three sides: what agrees is counted, each way to differ is told, none is overlooked."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments import outbox, payment_requests, portals, settlement
from payments.core.database import Database
from payments.staff import Role
from reconciliation.matching import LineMatch, unmatch
from reconciliation.reports import three_way
from reconciliation.reports.three_way import Compared, Differs, Place, Wanted
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import (
    BY,
    NOON,
    Province,
    a_message,
    a_payment_request,
    a_province,
    paid,
    settle,
)
from tests.console import SignIn, employ, whole_app

NIGHT = NOON + timedelta(hours=13)
MORNING = NOON + timedelta(hours=20)


@pytest.fixture
def province(session: Session) -> Province:
    """A province whose portal takes no messages."""
    return a_province(session)


def rows(province: Province, **told: object) -> list[Compared]:
    """What differs on the day, or whatever else is asked."""
    wanted = Wanted(province.account.id, **{"day": TODAY, **told})  # type: ignore[arg-type]
    return three_way.page(province.session, wanted, after=Place(), most=100)


def reasons(province: Province) -> list[set[str]]:
    """Why each row of the day that differs does."""
    return [{reason.value for reason in row.reasons} for row in rows(province)]


def agreed(province: Province, amount: int = 50_000, reference: str = "FT1") -> BankLine:
    """A request paid, and the line that shows it."""
    request = a_payment_request(province, amount=amount)
    paid(province, request, reference=reference)
    return BankLine(amount, request.reference, reference=reference)


def test_what_agrees_is_counted_and_only_shown_when_asked_for(province: Province) -> None:
    """Paid, told, on the statement, booked; and what the bank never told but its statement has."""
    missed = a_payment_request(province, amount=30_000)
    a_statement(province, agreed(province), BankLine(30_000, missed.reference, reference="FT2"))
    run(province)

    tally = three_way.tally(province.session, Wanted(province.account.id, day=TODAY))

    assert (tally.rows, tally.agree, tally.differ) == (2, 2, 0)
    assert rows(province) == []
    first, second = rows(province, agreeing=True)
    assert (first.status, first.booked, first.line_day) == ("paid", 50_000, TODAY)
    assert (second.status, second.booked, second.rule) == ("paid", 30_000, "missed_callback")


def never_seen(province: Province) -> None:
    paid(province, a_payment_request(province))
    a_statement(province)


def only_advised(province: Province) -> None:
    request = a_payment_request(province)
    a_message(province, request.reference, amount=50_000, source="sepay_key")
    settle(province)
    a_statement(province)


def not_booked(province: Province) -> None:
    a_statement(province, BankLine(-11_000, "RUT"), opening=11_000)


def of_the_next_day(province: Province) -> None:
    request = a_payment_request(province)
    paid(province, request, at=NOON - timedelta(days=1))
    a_statement(province, BankLine(50_000, request.reference))


def unknown(province: Province) -> None:
    a_statement(province, BankLine(70_000, "khong ma"))


def too_much(province: Province) -> None:
    request = a_payment_request(province)
    paid(province, request, 60_000, reference="FT1")
    a_statement(province, BankLine(60_000, request.reference, reference="FT1"))


def taken_back(province: Province) -> None:
    line = agreed(province)
    a_statement(province, line, BankLine(-50_000, line.memo, reversal=True, reverses="FT1"))


def withdrawn(province: Province) -> None:
    paid(province, a_payment_request(province))
    (credit,) = province.credits()
    settlement.withdraw(province.session, credit, actor="staff:2", now=NOON)
    a_statement(province)


def untold(province: Province) -> None:
    portals.set_endpoint(
        province.session,
        province.portal.id,
        url="https://portal.example/hook",
        vault=province.vault,
        by=BY,
        now=NOON,
    )
    a_statement(province, agreed(province))


def booked_otherwise(province: Province) -> None:
    a_statement(province, agreed(province))
    run(province)
    province.session.execute(update(LineMatch).values(amount=LineMatch.amount - 1))


WAYS: dict[str, tuple[Callable[[Province], None], list[set[str]]]] = {
    "told, on no statement": (never_seen, [{"not_on_statement"}]),
    "told by a message nothing confirms": (only_advised, [{"advised"}]),
    "on the statement, not booked": (not_booked, [{"not_booked"}]),
    "a line of another day's credit": (of_the_next_day, [{"another_day"}]),
    "nobody knows whose": (unknown, [{"unidentified"}]),
    "too much": (too_much, [{"held"}]),
    "taken back by the bank": (taken_back, [{"taken_back"}]),
    "withdrawn by staff": (withdrawn, [{"taken_back"}]),
    "the portal has not taken the message": (untold, [{"not_told"}]),
    "another amount in the ledger": (booked_otherwise, [{"ledger"}]),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_differ_is_told(province: Province, way: str) -> None:
    """It is listed with its reason, counted under it, and everything else of the day agrees."""
    cause, expected = WAYS[way]
    cause(province)
    run(province)

    assert reasons(province) == expected
    tally = three_way.tally(province.session, Wanted(province.account.id, day=TODAY))
    told = {reason: count for reason, count in tally.reasons.items() if count}
    assert told == dict.fromkeys((Differs(one) for one in expected[0]), 1)
    assert tally.differ == 1


def test_a_message_that_was_taken_no_longer_differs(province: Province) -> None:
    """Once the portal has answered well, all three sides agree."""
    untold(province)
    run(province)
    session, vault = province.session, province.vault
    (endpoint,) = outbox.endpoints_due(session, now=NIGHT)
    parcels = outbox.lease(session, endpoint, most=100, vault=vault, now=NIGHT)
    taken = outbox.Attempt(NIGHT, 200, 5, "")
    outbox.record_all(session, [outbox.Outcome(parcel, taken, 0) for parcel in parcels])

    assert rows(province) == []


def test_one_transfer_for_several_requests_is_shown_at_each(province: Province) -> None:
    """By request: the credit that pays it, whatever else it pays."""
    requests = [a_payment_request(province, amount=amount) for amount in (20_000, 30_000)]
    memo = " ".join(one.reference for one in requests)
    a_message(province, memo, amount=50_000, reference="FT1")
    settle(province)
    a_statement(province, BankLine(50_000, memo, reference="FT1"))
    run(province)

    for one in requests:
        (row,) = rows(province, day=None, request=one.id, agreeing=True)
        assert (row.reference, row.status, row.amount) == (one.reference, "paid", 50_000)
        assert row.reasons == ()


def test_a_list_goes_on_from_credits_to_lines_without_gap_or_repeat(province: Province) -> None:
    """Whatever the length of a page, read one after another they are the whole list."""
    for _ in range(3):
        paid(province, a_payment_request(province))
    a_statement(province, *[BankLine(-1_000, f"RUT {n}") for n in range(3)], opening=3_000)
    run(province)
    session, wanted = province.session, Wanted(province.account.id, day=TODAY)
    whole = three_way.page(session, wanted, after=Place(), most=100)
    assert len(whole) == 6

    for most in range(1, 8):
        read: list[Compared] = []
        while found := three_way.page(
            session,
            wanted,
            after=Place(read[-1].side, read[-1].number) if read else Place(),
            most=most,
        ):
            read += found
        assert read == whole, most


def test_the_comparison_is_found_by_indexes(session: Session) -> None:
    """A day of an account, or one request, is not looked for in all there ever were."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    tables = "credit|statement_line|line_match|journal_entry|posting|payment_request|event|delivery"
    for wanted in (Wanted(1, day=TODAY), Wanted(1, request=7, agreeing=True)):
        for query in three_way.lists(wanted, Place()):
            compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
            assert [row[3] for row in plan if re.match(rf"SCAN ({tables})\b", row[3])] == []


@pytest.fixture
def day(database: Database) -> str:
    """The address of a day on which most differs."""

    def unit(session: Session) -> str:
        province = a_province(session)
        line = agreed(province)
        too_many = [BankLine(-1_000, f"RUT {n}") for n in range(60)]
        a_statement(province, line, BankLine(70_000, "khong ma"), *too_many)
        run(province)
        employ(session, Role.RECONCILER, Role.VIEWER, Role.ADMINISTRATOR)
        return f"/console/days/{province.account.public_id}/{TODAY}"

    return database.write(unit)


@pytest.fixture
def app(day: str, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


@pytest.mark.committed
def test_from_the_day_down_to_credit_line_request_and_match(sign_in: SignIn, day: str) -> None:
    """Agreeing rows are hidden until asked for; every row leads to what it is made of."""
    person = sign_in(Role.VIEWER)
    assert f'href="{day}/three-way"' in person.see(day)
    page = person.see(f"{day}/three-way")
    assert "1 of 62 agree" in page
    assert page.count("<tr>") == 51
    assert "khong ma" in page

    everything = person.see(f"{day}/three-way?differs=all")

    links = re.findall(r'href="(/console/(?:credits|requests|matches)/[^"]+)"', everything)
    assert {link.split("/")[2] for link in links} == {"credits", "requests", "matches"}
    for link in dict.fromkeys(links):
        assert "50,000" in person.see(link) or "70,000" in person.see(link), link
    further = re.search(r'href="([^"]+)#rows"', page)
    assert further is not None
    rest = person.see(further[1].replace("&amp;", "&"))
    assert rest.count("<tr>") == 12
    (line, *_) = re.findall(r'href="(/console/lines/[^"]+)"', rest)
    assert "statement.xml" in person.see(line)
    only = person.see(f"{day}/three-way?differs=unidentified")
    assert only.count("<tr>") == 2


@pytest.mark.committed
def test_the_file_has_what_the_page_asks_for(sign_in: SignIn, day: str) -> None:
    """As CSV, every row of the question, however many pages that are."""
    client = sign_in(Role.VIEWER).client
    for differs, count in (("", 61), ("all", 62), ("unidentified", 1)):
        with client.get(f"{day}/three-way.csv?differs={differs}") as answer:
            assert answer.mimetype == "text/csv"
            read = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert len(read) == count, differs
    assert (read[0]["amount"], read[0]["reasons"]) == ("70000", "unidentified")


@pytest.mark.committed
def test_what_is_not_there_is_said_clearly(sign_in: SignIn, day: str) -> None:
    """A made-up reason, cursor, number or reference is no fault; an administrator sees no money."""
    client = sign_in(Role.VIEWER).client
    for path, status in (
        (f"{day}/three-way?differs=nothing", 422),
        (f"{day}/three-way?difference=zz", 422),
        (f"{day}/three-way.csv?difference=zz", 422),
        (f"{day}/three-way?differs=all&differs=all", 422),
        (f"{day}/three-way?after=credit-x", 422),
        (f"{day}/three-way?after=line-{'9' * 30}", 422),
        ("/console/credits/999", 404),
        ("/console/lines/999", 404),
        (f"/console/lines/{'9' * 30}", 404),
        ("/console/requests/TTHC0000000000", 404),
    ):
        assert client.get(path).status_code == status, path
    for path in (f"{day}/three-way", f"{day}/three-way.csv", "/console/credits/1"):
        assert sign_in(Role.ADMINISTRATOR).client.get(path).status_code == 403, path


@pytest.mark.committed
def test_a_request_tells_what_its_portal_was_told(
    sign_in: SignIn, day: str, database: Database
) -> None:
    """Its messages in order, its money on the three sides, and unmatched that it is not seen."""
    reference = database.read(
        lambda session: session.scalars(select(payment_requests.PaymentRequest.reference)).one()
    )
    path, person = f"/console/requests/{reference}", sign_in(Role.VIEWER)
    page = person.see(path)
    for shown in ("Paid", "no message is sent", "on the statement of 24 Nov 2026"):
        assert shown in page, shown

    def undo(session: Session) -> None:
        number = session.scalars(select(LineMatch.id).order_by(LineMatch.id)).first()
        unmatch(session, number or 0, reason="wrong", by="staff:1", now=MORNING)

    database.write(undo)
    assert "Not on a statement" in person.see(path)
