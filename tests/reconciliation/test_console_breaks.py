"""The pages of breaks: the queue, one break, and who may do what there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import staff
from payments.agencies import CollectionAccount
from payments.core.database import Database
from payments.payment_requests import PaymentRequest
from payments.staff import Role
from reconciliation import proof
from reconciliation.breaks import Break
from reconciliation.matching import Suggestion
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import NOON, a_message, a_payment_request, a_province, paid, settle
from tests.console import SignIn, employ, signing_in, whole_app

pytestmark = pytest.mark.committed

MORNING = NOON + timedelta(hours=20)
BIG = 3_000_000
QUEUE = "/console/breaks"


@dataclass(frozen=True)
class Here:
    """What the tests know: the account's public id, and a request that money may be meant for."""

    public_id: str
    reference: str
    big: str


@pytest.fixture
def here(database: Database) -> Here:
    """A day with a debit, two unknown credits, one of them large, and one that never came."""

    def unit(session: Session) -> Here:
        province = a_province(session)
        requests = [a_payment_request(province, amount=amount) for amount in (40_000, BIG)]
        wrong = requests[1].reference
        wrong = wrong[:7] + str((int(wrong[7]) + 3) % 10) + wrong[8:]
        for memo, amount, reference in (("nop phi", 40_000, "FT1"), (wrong, BIG, "FT2")):
            a_message(province, memo, amount=amount, reference=reference)
        settle(province)
        paid(province, a_payment_request(province, amount=70_000), reference="FT3")
        a_statement(
            province,
            BankLine(40_000, "nop phi", reference="FT1"),
            BankLine(BIG, wrong, reference="FT2"),
            BankLine(-11_000, "THU PHI QLTK"),
            BankLine(-5_000, "THU PHI SMS"),
        )
        run(province)
        employ(session, Role.RECONCILER, Role.APPROVER, Role.VIEWER, Role.ADMINISTRATOR)
        return Here(province.account.public_id, *[one.reference for one in requests])

    return database.write(unit)


@pytest.fixture
def app(here: Here, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


def page_of(database: Database, kind: str, amount: int | None = None) -> str:
    """The address of the break of a kind."""

    def unit(session: Session) -> str:
        rows = select(Break.public_id).where(Break.kind == kind)
        if amount is not None:
            rows = rows.where(Break.amount == amount)
        return f"{QUEUE}/{session.scalars(rows.order_by(Break.id)).first()}"

    return database.read(unit)


def proposal_on(page: str) -> str:
    """The public number of the decision that waits on a page."""
    found = re.search(r'name="proposal" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_the_queue_shows_what_waits_and_how_old(sign_in: SignIn, here: Here) -> None:
    """The most urgent first, with the ageing above; each leads to its page."""
    page = sign_in(Role.VIEWER).see(QUEUE)

    listed = page[page.index('id="list"') :]
    order = [listed.index(text) for text in ("3,000,000", "40,000", "11,000")]
    assert order == sorted(order)
    for shown in ("Urgent", "0–1", "over 30", "THU PHI QLTK", "nop phi"):
        assert shown in page, shown
    assert len(re.findall(rf'href="{QUEUE}/[0-9a-f-]{{36}}"', listed)) == 5


def test_the_queue_is_searched_by_its_address(sign_in: SignIn, here: Here) -> None:
    """Whoever gets the address sees the same; what is not like that is said to be none."""
    person = sign_in(Role.RECONCILER)

    def shown(query: str) -> int:
        page = person.see(f"{QUEUE}?{query}")
        return len(re.findall(rf'href="{QUEUE}/[0-9a-f-]{{36}}"', page))

    found = {
        "kind=debit_unexplained": 2,
        "kind=debit_unexplained&state=assigned": 0,
        f"account={here.public_id}": 5,
        "owner=mine": 0,
        "owner=nobody": 5,
        "owner=approver": 0,
        "age=0_1": 5,
        "age=over_30": 0,
        "state=resolved": 0,
    }
    assert {query: shown(query) for query in found} == found
    assert "Nothing is like that" in person.see(f"{QUEUE}?age=over_30")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("kind=lost", 422),
        ("age=9", 422),
        ("state=x", 422),
        ("owner=who", 404),
        ("after=x", 404),
        ("kind=short&kind=duplicate", 422),
        ("difference=zz", 422),
        ("lang=vi&kind=short", 200),
    ],
)
def test_an_address_that_asks_for_nothing_there_is_is_refused(
    sign_in: SignIn, query: str, status: int
) -> None:
    """Rather than answered with everything."""
    assert sign_in(Role.VIEWER).client.get(f"{QUEUE}?{query}").status_code == status


def test_a_long_queue_has_a_second_page(sign_in: SignIn, here: Here, database: Database) -> None:
    """Twenty on a page, each once."""

    def unit(session: Session) -> None:
        province = a_province(session, number="0099999999")
        lines = [BankLine(1_000_000, "khong ro")]
        a_statement(province, *lines, *[BankLine(-n, f"PHI {n}") for n in range(1, 31)])
        run(province)

    database.write(unit)
    person = sign_in(Role.VIEWER)
    first = person.see(f"{QUEUE}?kind=debit_unexplained")
    following = re.search(rf'href="({QUEUE}\?after=[^"#]+)', first)
    assert following is not None
    second = person.see(following[1].replace("&amp;", "&"))
    seen = [re.findall(rf'href="{QUEUE}/([0-9a-f-]{{36}})"', page) for page in (first, second)]
    assert [len(page) for page in seen] == [20, 12]
    assert len(set(seen[0] + seen[1])) == 32


def test_an_empty_queue_says_so(database_url: str, database: Database) -> None:
    """Nothing waits: the page says that all agrees."""

    def unit(session: Session) -> None:
        a_province(session)
        employ(session, Role.VIEWER)

    database.write(unit)
    with whole_app(database_url, MORNING) as app:
        page = signing_in(app)(Role.VIEWER).see(QUEUE)
    assert "Nothing waits" in page


def test_a_break_tells_what_it_is_about_down_to_the_raw_message(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Memo beside code, where the money is, who told it, which line of which file."""
    path = page_of(database, "damaged_code")

    page = sign_in(Role.RECONCILER).see(path)

    for shown in ("damaged", "unidentified", "statement.xml", "SHA-256", "event_id", "Told by"):
        assert shown in page, shown
    assert "event_id" not in sign_in(Role.VIEWER).see(path), "it names the payer"
    assert here.big in page, "the suggestion's request"
    assert page.count("<mark>") == 1, "the digit that differs"


def test_money_on_the_wrong_account_says_which_was_meant(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Beside the account that it came to."""

    def unit(session: Session) -> str:
        elsewhere = a_province(session, number="0099999999")
        memo = a_payment_request(elsewhere).reference
        a_message(elsewhere, memo, amount=50_000)
        settle(elsewhere)
        run(elsewhere)
        request = session.scalars(
            select(PaymentRequest).where(PaymentRequest.reference == memo)
        ).one()
        return session.get_one(CollectionAccount, request.collection_account_id).number

    meant = database.write(unit)
    page = sign_in(Role.VIEWER).see(page_of(database, "wrong_account"))
    assert re.search(rf"Account of the request</dt><dd>{meant} · ", page)
    assert "0099999999 · " in page
    other = sign_in(Role.VIEWER).see(page_of(database, "callback_without_line"))
    assert "Account of the request" not in other


def test_the_day_leads_to_its_breaks(sign_in: SignIn, here: Here, database: Database) -> None:
    """From the day's table to the page of a break."""
    page = sign_in(Role.VIEWER).see(f"/console/days/{here.public_id}/{TODAY}")

    assert page_of(database, "damaged_code") in page
    assert f'href="{QUEUE}"' in page


def test_money_is_assigned_by_one_person_below_the_limit(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """The form, the request paid, the break gone with its history kept."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "unidentified")

    done = person.send(
        f"{path}/decide", on=path, action="assign", reference=here.reference, reason="he called"
    )

    assert done.status_code == 303
    page = person.see(path)
    for shown in ("Resolved", "he called", here.reference, "Ms reconciler"):
        assert shown in page, shown
    assert "Decide</h2>" not in page


def test_above_the_limit_two_people_decide_on_the_page(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """The maker's form proposes; only the approver's page has the button that does it."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    path = page_of(database, "damaged_code")
    assert "a second person approves" in maker.see(path)
    fields = {"action": "assign", "reference": here.big, "reason": "by phone"}
    assert maker.send(f"{path}/decide", on=path, **fields).status_code == 303

    mine, theirs = maker.see(path), checker.see(path)
    assert "Approve and do it" not in mine
    assert "Approve and do it" in theirs
    proposal = proposal_on(theirs)
    assert maker.send(f"{path}/approve", on=path, proposal=proposal).status_code == 403
    assert checker.send(f"{path}/decide", on=path, **fields).status_code == 403
    assert checker.send(f"{path}/approve", on=path, proposal="another").status_code == 404
    assert checker.send(f"{path}/approve", on=path, proposal=proposal).status_code == 303

    assert "Resolved" in checker.see(path)
    assert checker.send(f"{path}/approve", on=path, proposal=proposal).status_code == 404


def test_one_person_with_both_hands_is_refused(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Somebody who proposed and was made an approver since does not approve it."""
    maker, path = sign_in(Role.RECONCILER), page_of(database, "damaged_code")
    maker.send(f"{path}/decide", on=path, action="assign", reference=here.big, reason="by phone")
    proposal = proposal_on(maker.see(path))

    def promote(session: Session) -> None:
        from_now_on = staff.by_username(session, "reconciler").id
        staff.set_roles(session, from_now_on, ["approver"], by="command:test", now=MORNING)

    database.write(promote)
    again = sign_in(Role.RECONCILER)  # the same person, by user name

    assert again.send(f"{path}/approve", on=path, proposal=proposal).status_code == 403
    assert "Approve and do it" not in again.see(path)


def test_a_proposal_is_declined_or_taken_back_on_the_page(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """With a reason that stays in the history."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    path = page_of(database, "damaged_code")
    until = (TODAY + timedelta(days=5)).isoformat()
    fields = {"action": "wait", "until": until, "reason": "the bank asks back"}
    maker.send(f"{path}/decide", on=path, **fields)
    proposal = proposal_on(checker.see(path))

    assert checker.send(f"{path}/decline", on=path, proposal=proposal).status_code == 422
    told = {"proposal": proposal, "reason": "not so long"}
    assert checker.send(f"{path}/decline", on=path, **told).status_code == 303
    assert "not so long" in maker.see(path)

    maker.send(f"{path}/decide", on=path, **fields)
    proposal = proposal_on(maker.see(path))
    assert maker.send(f"{path}/take-back", on=path, proposal=proposal).status_code == 303
    assert "Took the proposal back" in maker.see(path)


def test_a_suggestion_is_accepted_or_declined_on_the_page(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Declined, it is not shown again."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "damaged_code")
    number = database.read(lambda session: session.scalars(select(Suggestion.public_id)).one())
    told = {"suggestion": number, "reason": "another dossier"}
    proposed = {"action": "suggestion", "suggestion": number, "reason": "the same name"}

    assert person.send(f"{path}/decide", on=path, **proposed).status_code == 303
    asked = sign_in(Role.APPROVER).see(path)
    assert "waits for a second person" in asked
    assert here.big in asked.split('id="about"')[0], "to which request is told beside the button"
    taken = {"proposal": proposal_on(person.see(path))}
    person.send(f"{path}/take-back", on=path, **taken)
    assert person.send(f"{path}/decline-suggestion", on=path, **told).status_code == 303

    assert "Suggestions</h2>" not in person.see(path)


def test_many_are_decided_at_once_on_the_queue(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """One kind of one account: chosen one by one, or all of the page."""
    person = sign_in(Role.RECONCILER)
    listed = f"{QUEUE}?kind=debit_unexplained"
    assert person.see(listed).count('name="seen"') == 2
    assert 'name="seen"' not in person.see(QUEUE)
    assert 'name="seen"' not in sign_in(Role.APPROVER).see(listed)

    fields = {"action": "charge", "reason": "monthly", "next": listed}
    none = person.send(f"{QUEUE}/decide", on=listed, **fields)
    done = person.send(f"{QUEUE}/decide", on=listed, all="1", **fields)

    assert none.status_code == 422
    assert (done.status_code, done.location) == (303, listed)
    assert "Nothing is like that" in person.see(listed)
    assert person.see(f"{QUEUE}?state=resolved").count("Resolved</span>") == 2


def test_notes_and_attachments_on_the_page(sign_in: SignIn, here: Here, database: Database) -> None:
    """What was attached comes back as a file to keep, never as a page of ours."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "debit_unexplained")
    pdf = b"%PDF-1.7 tra soat"
    told = {"kind": "letter", "number": "TS-7/2026", "words": "Sent by fax"}
    file = (BytesIO(pdf), "Thư tra soát.pdf")

    assert person.send(f"{path}/notes", on=path, file=file, **told).status_code == 303

    page = person.see(path)
    for shown in ("TS-7/2026", "Sent by fax", "Thư tra soát.pdf"):
        assert shown in page, shown
    link = re.search(rf'href="({path}/notes/[^"]+)"', page)
    assert link is not None
    answer = sign_in(Role.VIEWER).client.get(link[1])
    assert (answer.data, answer.mimetype) == (pdf, "application/pdf")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''Th%C6")
    letter = re.search(rf'href="({path}/notes/[^"]+/letter.pdf)"', page)
    assert letter is not None
    with sign_in(Role.VIEWER).client.get(letter[1]) as paper:
        assert (paper.data[:5], paper.mimetype) == (b"%PDF-", "application/pdf")
        assert paper.headers["Content-Disposition"].startswith("attachment")
    assert person.client.get(f"{path}/notes/none/letter.pdf").status_code == 404
    script = (BytesIO(b"<script>alert(1)</script>"), "x.html")
    refused = person.send(f"{path}/notes", on=path, kind="note", words="x", file=script)
    assert refused.status_code == 422
    large = person.client.post(
        f"{path}/notes", data=b"x" * (6 << 20), content_type="multipart/form-data; boundary=x"
    )
    assert large.status_code == 413


def test_a_break_is_taken_and_given(sign_in: SignIn, here: Here, database: Database) -> None:
    """It is in the list of whoever looks after it."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "debit_unexplained")

    assert person.send(f"{path}/hand", on=path, owner="reconciler").status_code == 303
    assert "THU PHI QLTK" in person.see(f"{QUEUE}?owner=mine")
    assert person.send(f"{path}/hand", on=path, owner="approver").status_code == 303
    assert "THU PHI QLTK" not in person.see(f"{QUEUE}?owner=mine")
    assert "THU PHI QLTK" in person.see(f"{QUEUE}?owner=approver")
    assert person.send(f"{path}/hand", on=path, owner="stranger").status_code == 404


@pytest.mark.parametrize("until", ["", "soon", "2026-02-30"])
def test_a_wait_until_no_day_is_refused_in_words_about_waiting(
    sign_in: SignIn, here: Here, database: Database, until: str
) -> None:
    """What the form asks is said, not that an address is wrong."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "debit_unexplained")

    answer = person.send(f"{path}/decide", on=path, action="wait", until=until, reason="asked")

    assert answer.status_code == 422
    assert "until a later day" in answer.get_data(as_text=True)


def test_a_wait_is_ended_on_the_page(sign_in: SignIn, here: Here, database: Database) -> None:
    """Reopened with a reason."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "debit_unexplained")
    until = (TODAY + timedelta(days=5)).isoformat()
    person.send(f"{path}/decide", on=path, action="wait", until=until, reason="asked")
    assert "Waits until 29 Nov 2026" in person.see(path)

    assert person.send(f"{path}/reopen", on=path, reason="answered").status_code == 303

    assert "Waits until" not in person.see(path).split('id="history"')[0]


def waits(page: str) -> list[str]:
    """Until when the page says that its break waits."""
    return re.findall(r"Waits until [^<]+", page)


def test_a_page_that_is_no_longer_so_decides_nothing(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Two open one break; whoever is second is told to look again, and replaces nothing."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "unidentified")
    queue = f"{QUEUE}?kind=unidentified"
    page, listed = person.see(path), person.see(queue)
    until = [(TODAY + timedelta(days=n)).isoformat() for n in (3, 2)]
    wait = {"action": "wait", "reason": "they will answer"}
    assert person.send_from(page, f"{path}/decide", until=until[0], **wait).status_code == 303
    first = waits(person.see(path))
    assert first != waits(page)

    stale = person.send_from(page, f"{path}/decide", until=until[1], **wait)
    many = person.send_from(listed, f"{QUEUE}/decide", all="1", until=until[1], **wait)

    assert (stale.status_code, "Look at it again" in stale.text) == (409, True)
    assert many.status_code == 409
    shown = person.see(path)
    assert waits(shown) == first
    reopen = {"reason": "they answered"}
    assert person.send_from(page, f"{path}/reopen", **reopen).status_code == 409
    assert person.send(f"{path}/decide", on=path, until=until[1], **wait).status_code == 303
    assert person.send_from(shown, f"{path}/reopen", **reopen).status_code == 409
    assert person.send(f"{path}/reopen", on=path, **reopen).status_code == 303


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER])
def test_who_only_looks_or_approves_decides_nothing(
    sign_in: SignIn, here: Here, database: Database, role: Role
) -> None:
    """Deciding is the reconciler's; the page offers nothing else, and the form is refused."""
    person, path = sign_in(role), page_of(database, "debit_unexplained")
    assert 'name="action"' not in person.see(path)

    for form in ("decide", "reopen", "take-back", "decline-suggestion"):
        assert person.send(f"{path}/{form}", on=path, action="charge").status_code == 403, form


def test_nobody_else_sees_breaks(app: Flask, sign_in: SignIn, here: Here) -> None:
    """A stranger is asked who it is, an administrator has nothing to do with money."""
    assert app.test_client().get(QUEUE, headers={"Accept": "text/html"}).status_code == 303
    assert sign_in(Role.ADMINISTRATOR).client.get(QUEUE).status_code == 403
    assert sign_in(Role.VIEWER).client.get(f"{QUEUE}/nothing").status_code == 404


@pytest.mark.parametrize(
    "fields", [{}, {"action": "steal"}, {"action": "wait", "until": "soon", "reason": "x"}]
)
def test_a_form_that_cannot_be_meant_is_refused(
    sign_in: SignIn, here: Here, database: Database, fields: dict[str, str]
) -> None:
    """And nothing is done."""
    person, path = sign_in(Role.RECONCILER), page_of(database, "debit_unexplained")

    assert 400 <= person.send(f"{path}/decide", on=path, **fields).status_code < 500
    assert "Waits until" not in person.see(path)


def test_the_books_prove_after_a_morning_of_work(
    sign_in: SignIn, here: Here, database: Database
) -> None:
    """Everything decided on the pages, by two people where it takes two: the ledger proves."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    for kind, fields in (
        ("unidentified", {"action": "assign", "reference": here.reference}),
        ("damaged_code", {"action": "assign", "reference": here.big}),
        ("callback_without_line", {"action": "withdraw"}),
    ):
        path = page_of(database, kind)
        maker.send(f"{path}/decide", on=path, reason="decided", **fields)
        if kind == "damaged_code":
            proposal = proposal_on(checker.see(path))
            checker.send(f"{path}/approve", on=path, proposal=proposal)
    listed = f"{QUEUE}?kind=debit_unexplained"
    maker.send(f"{QUEUE}/decide", on=listed, all="1", action="charge", reason="fee")

    assert "Nothing waits" in maker.see(QUEUE)
    day = f"/console/days/{here.public_id}/{TODAY}"
    stands = maker.see(day)
    assert "RECONCILED" in stands, "as things stand, before the day is run again"
    assert "the last run found Breaks." in stands
    maker.send(f"{day}/run", on=day)
    assert "RECONCILED" in maker.see(day)
    assert "the last run found" not in maker.see(day)
    found = database.read(proof.prove)
    assert [one for one in found if not one.holds] == []
