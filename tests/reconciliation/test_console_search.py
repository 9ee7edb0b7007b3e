"""Search and lists of the console: a payment is found by whatever a citizen brings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from payments import claims, references
from payments.claims import Told
from payments.core.database import Database
from payments.core.money import Dong
from payments.staff import Role
from reconciliation.web.console.finding import Group, find
from reconciliation.web.console.typed import amount_of
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import (
    NOON,
    Province,
    a_message,
    a_payment_request,
    a_province,
    paid,
    settle,
    the_province,
)
from tests.console import Person, SignIn, employ, whole_app
from tests.reconciliation.test_plans import whole_reads

MEMO = "MBVCB.4008228468.CT tu 0123456789 nop le phi chung thuc ho Nguyen"


def a_day(province: Province) -> dict[str, str]:
    """A request paid in full, one unpaid, a credit without a code, a line that nobody booked."""
    paid_one = a_payment_request(province, amount=150_000, dossier="000.00.12.H09-261124-0042")
    other = a_payment_request(province, amount=70_000, dossier="000.00.12.H09-261124-0043")
    paid(province, paid_one, reference="FT26328000042", event="900042")
    a_message(province, MEMO, amount=210_000, reference="FT26328000099")
    settle(province)
    lines = [
        BankLine(150_000, paid_one.reference, reference="FT26328000042"),
        BankLine(-9_000, "khong biet tru gi", reference="FT26328000111"),
    ]
    a_statement(province, *lines)
    run(province)
    return {"paid": paid_one.reference, "open": other.reference}


@pytest.mark.parametrize(
    ("told", "amount"),
    [
        ("150.000", 150_000),
        ("150,000 đ", 150_000),
        ("150 000", 150_000),
        ("1.250.000,00 VND", 1_250_000),
        ("70000", 70_000),
        ("15.00", None),
        ("TTHC1234567894", None),
        ("0", None),
        ("", None),
    ],
)
def test_an_amount_is_read_as_people_write_it(told: str, amount: int | None) -> None:
    """With dots, commas or spaces, with đồng behind it; anything else is none."""
    assert amount_of(told) == amount


def test_whatever_a_citizen_brings_finds_the_payment(session: Session) -> None:
    """A code whole, cut or damaged, a dossier, the bank's numbers, an amount, words.

    A number of the memo that is no amount of anything, too: the payer's own slip and account.
    """
    province = a_province(session)
    codes = a_day(province)
    asked, digits = codes["open"], codes["open"][-references.DIGITS :]
    wrong = asked[:-2] + ("1" if asked[-2] != "1" else "2") + asked[-1]
    for typed, group, amount in (
        (asked.lower(), Group.REQUEST, 70_000),
        (f"toi nop {asked[:4]} {asked[4:]} roi", Group.REQUEST, 70_000),
        (digits, Group.REQUEST, 70_000),
        (asked[:-2], Group.REQUEST, 70_000),
        (wrong, Group.REQUEST, 70_000),
        ("000.00.12.h09-261124-0043", Group.REQUEST, 70_000),
        ("70.000", Group.REQUEST, 70_000),
        ("210.000", Group.CREDIT, 210_000),
        ("ft26328000099", Group.CREDIT, 210_000),
        ("900042", Group.CREDIT, 150_000),
        ("lệ phí chứng thực", Group.CREDIT, 210_000),
        ("4008228468", Group.CREDIT, 210_000),
        ("0123 4567 89", Group.CREDIT, 210_000),
        ("FT26328000111", Group.LINE, 9_000),
        ("trừ gì", Group.LINE, 9_000),
    ):
        found = find(session, typed, prefix="TTHC").groups
        assert [one.amount for one in found.get(group, ())] == [amount], (typed, found)
    for typed in ("", "abc", "TTHC0000000000", "%", "' OR 1=1"):
        assert find(session, typed, prefix="TTHC").groups == {}, typed


def test_the_number_of_a_payers_report_finds_its_break(session: Session) -> None:
    """As it is read out on the phone, with spaces."""
    province = a_province(session)
    request = a_payment_request(province)
    told = Told(bank_number="FT26328000777", paid_on=TODAY, amount=Dong(50_000))
    number = claims.make(session, request, told, now=NOON).number
    run(province)
    found = find(session, f"{number[:4]} {number[4:]}", prefix="TTHC").groups
    assert [one.kind for one in found[Group.BREAK]] == ["citizen_claim"]


def test_a_search_reads_no_large_table_whole(session: Session) -> None:
    """However much there is, it goes by indexes, or through the newest only."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    codes = a_day(a_province(session))
    with whole_reads(session) as found:
        for typed in (codes["paid"], codes["open"][:-2], "70.000", MEMO, "FT26328000099", "0043"):
            find(session, typed, prefix="TTHC")
    assert found == []


@pytest.fixture
def codes(database: Database) -> dict[str, str]:
    """The codes of the day's two requests."""

    def unit(session: Session) -> dict[str, str]:
        employ(session, Role.VIEWER, Role.RECONCILER)
        return a_day(a_province(session))

    return database.write(unit)


@pytest.fixture
def app(codes: dict[str, str], database_url: str) -> Iterator[Flask]:
    """The whole application on that day."""
    with whole_app(database_url, NOON) as whole:
        yield whole


SEARCH = "/console/search"


def looked(person: Person, typed: str) -> str:
    """Where the search leads that is in the head of every page."""
    return str(person.send(SEARCH, on="/console/", q=typed).location)


def ask(person: Person, listed: str, **fields: str) -> str:
    """The address of a list to which its form leads."""
    path = f"/console/{listed}"
    return str(person.send(path, on=path, **fields).location)


def get(person: Person, path: str) -> tuple[int, str, str]:
    """Status, where to, and text of an address."""
    answer = person.client.get(path, headers={"Accept": "text/html", "Accept-Language": "en"})
    text = answer.get_data(as_text=True)
    answer.close()
    return answer.status_code, answer.headers.get("Location", ""), text


@pytest.mark.committed
def test_one_hit_opens_at_once_and_several_are_listed(
    app: Flask, codes: dict[str, str], sign_in: SignIn
) -> None:
    """What is found by its code, its bank's number or its amount is one click away at most."""
    clerk = sign_in(Role.VIEWER)
    for typed, place in (
        (codes["open"], f"/console/requests/{codes['open']}"),
        ("FT26328000099", "/console/credits/"),
        ("FT26328000111", "/console/lines/"),
    ):
        assert looked(clerk, typed).startswith(place), typed
    page = clerk.see(looked(clerk, "150.000"))
    assert codes["paid"] in page
    assert "Statement lines" in page
    assert "Nothing was found" in clerk.see(looked(clerk, "TTHC0000000000"))
    assert clerk.see(looked(clerk, "<script>")).count("<script>") == 0
    assert looked(clerk, " ") == SEARCH


@pytest.mark.committed
def test_words_stand_in_no_address(app: Flask, sign_in: SignIn) -> None:
    """Sealed in it, so that it can be gone back to, paged, exported and handed on."""
    clerk, colleague = sign_in(Role.VIEWER), sign_in(Role.RECONCILER)
    place = looked(clerk, "chung thuc ho Nguyen a")
    assert "chung" not in place
    assert 'value="chung thuc ho Nguyen a"' in colleague.see(place)
    listed = ask(clerk, "credits", memo="CHUNG THUC", amount="210.000", since=str(TODAY))
    assert "CHUNG" not in listed
    assert "amount=210.000" in listed
    assert MEMO in colleague.see(listed)
    assert MEMO not in clerk.see(ask(clerk, "credits", memo="khong biet"))
    assert "khong biet" in clerk.see(ask(clerk, "lines", memo="Không biết"))
    assert MEMO in get(clerk, listed.replace("/credits?", "/credits.csv?"))[2]
    wrong = place[:-4] + ("AAAA" if place[-4:] != "AAAA" else "BBBB")
    for path in (wrong, place[:-1], f"{SEARCH}?words=chung+thuc", f"{SEARCH}?words=", "x"):
        status = get(clerk, path if path[0] == "/" else "/console/credits?memo=chung+thuc")[0]
        assert status == (200 if path.endswith("=") else 422), path


@pytest.mark.committed
def test_lists_show_and_export_what_is_asked_for(
    app: Flask, codes: dict[str, str], sign_in: SignIn
) -> None:
    """By status and dossier, by where the money is, by what is booked; as a file too."""
    clerk = sign_in(Role.VIEWER)
    unpaid = clerk.see(f"/console/requests?status=open&since={TODAY}&until={TODAY}&agency=H09")
    assert codes["open"] in unpaid
    assert codes["paid"] not in unpaid
    assert MEMO in clerk.see("/console/credits?stands=unidentified")
    assert MEMO not in clerk.see("/console/credits?stands=held")
    assert MEMO in clerk.see(f"/console/credits?amount=210.000&since={TODAY}")
    assert "khong biet" in clerk.see("/console/lines?booked=no&direction=debit")
    assert "khong biet" not in clerk.see("/console/lines?booked=yes")
    for path, inside in (
        ("/console/requests.csv?status=open", codes["open"]),
        ("/console/credits.csv?stands=unidentified", MEMO),
        ("/console/lines.csv?booked=no", "khong biet"),
    ):
        status, _, text = get(clerk, path)
        assert (status, inside in text, codes["paid"] in text) == (200, True, False), path
    for path in (
        "requests?status=paidd",
        "requests?since=yesterday",
        "credits?stands=lost",
        "credits?amount=x",
        "lines?booked=perhaps",
        "lines?cursor=x",
        "lines?nothing=1",
        "search?words=a&words=b",
        "search?q=a",
    ):
        assert get(clerk, f"/console/{path}")[0] in (404, 422), path


@pytest.mark.committed
def test_a_figure_leads_to_its_postings_and_to_the_message(
    app: Flask, codes: dict[str, str], sign_in: SignIn
) -> None:
    """From the ledger to an account, an entry, and the bank's own words for those who may read."""
    viewer, reconciler = sign_in(Role.VIEWER), sign_in(Role.RECONCILER)
    ledger = viewer.see("/console/ledger")
    assert ledger.count("/console/ledger/") >= 4
    entry = None
    for number in range(1, 9):
        status, _, page = get(viewer, f"/console/ledger/{number}?until={TODAY}")
        if status == 200 and "210,000" in page:
            entry = page.partition("/console/ledger/entries/")[2].partition('"')[0]
    assert entry is not None
    pages = [get(reconciler, f"/console/ledger/entries/{n}")[2] for n in range(1, 9)]
    with_raw = [page for page in pages if "The message as it came" in page]
    assert any(MEMO in page for page in with_raw)
    hidden = [get(viewer, f"/console/ledger/entries/{n}")[2] for n in range(1, 9)]
    assert not any("The message as it came" in page for page in hidden)
    status, _, text = get(viewer, "/console/ledger/1.csv")
    assert (status, text.count("\n") > 1) == (200, True)
    for path in ("ledger/999", "ledger/entries/999", "ledger?on=x", "ledger/1?cursor=x"):
        assert get(viewer, f"/console/{path}")[0] in (404, 422), path


@pytest.mark.committed
def test_matches_of_a_rule_lead_to_their_lines(
    app: Flask, codes: dict[str, str], sign_in: SignIn, database: Database
) -> None:
    """As many as the day counts, and none of another rule."""
    viewer = sign_in(Role.VIEWER)
    public_id = database.read(lambda session: the_province(session).account.public_id)
    day = viewer.see(f"/console/days/{public_id}/{TODAY}")
    found = re.search(r'href="(/console/lines[^"]*rule=reference[^"]*)"', day)
    assert found is not None
    lines = viewer.see(unescape(found[1]))
    assert codes["paid"] in lines
    assert "khong biet" not in lines
    assert ">rule." not in lines
    assert viewer.client.get("/console/lines?rule=guessed").status_code == 422


@pytest.mark.committed
def test_a_balance_of_nothing_is_folded_away_and_no_time_is_made_up(
    app: Flask, codes: dict[str, str], sign_in: SignIn, database: Database
) -> None:
    """The ledger shows what has a balance first; a line without a time came on its day."""

    def unit(session: Session) -> None:
        province = the_province(session)
        later = TODAY + timedelta(days=1)
        line = BankLine(33_000, "khong gio", reference="FT26329000001", day=later)
        a_statement(province, line, opening=141_000, day=later, number="S2")
        run(province, later, now=NOON + timedelta(days=1, hours=20))

    database.write(unit)
    viewer = sign_in(Role.VIEWER)
    assert "whose balance is 0" not in viewer.see("/console/ledger")
    before = viewer.see(f"/console/ledger?on={TODAY - timedelta(days=1)}")
    shown, _, folded = before.partition("more whose balance is 0")
    assert "Every balance is 0." in shown
    assert folded.count('<li><a href="/console/ledger/') >= 3
    came = viewer.see("/console/credits?amount=33.000")
    assert "25 Nov 2026" in came
    assert "00:00" not in came
