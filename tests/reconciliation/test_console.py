"""The console: who sees what, bringing a statement, and closing a day by two people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from payments.core.database import Database
from payments.staff import Role
from tests.bank import TODAY, BankLine, camt
from tests.builders import NOON, a_payment_request, a_province, paid
from tests.console import Person, SignIn, employ, whole_app
from tests.statement_files import MESSAGES, Movement, about_the_day

pytestmark = pytest.mark.committed

MORNING = NOON + timedelta(hours=20)


@dataclass(frozen=True)
class Here:
    """What the tests know: the account's number and public id, and the reference that was paid."""

    number: str
    public_id: str
    reference: str

    @property
    def day(self) -> str:
        """The page of the day."""
        return f"/console/days/{self.public_id}/{TODAY}"


@pytest.fixture
def here(database: Database) -> Here:
    """A province with one payment, told and settled, and people of every role."""

    def unit(session: Session) -> Here:
        province = a_province(session)
        request = a_payment_request(province)
        paid(province, request)
        employ(session, Role.RECONCILER, Role.APPROVER, Role.VIEWER, Role.ADMINISTRATOR)
        account = province.account
        return Here(account.number, account.public_id, request.reference)

    return database.write(unit)


@pytest.fixture
def app(here: Here, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


def bring(person: Person, content: bytes, name: str = "day.xml", **told: str) -> TestResponse:
    """Sends a statement file by the form."""
    return person.send("/console/statements", file=(BytesIO(content), name), **told)


def test_a_stranger_is_asked_who_it_is(app: Flask, here: Here) -> None:
    """No page of the console shows anything to someone who is not signed in."""
    for path in ("/console/", "/console/statements", here.day):
        answer = app.test_client().get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.location.split("?")[0]) == (303, "/sign-in"), path


def test_an_administrator_has_nothing_to_do_with_money(sign_in: SignIn) -> None:
    """Administrators see no figures."""
    person = sign_in(Role.ADMINISTRATOR)

    assert person.client.get("/console/").status_code == 403


def test_a_day_is_brought_run_and_shown(sign_in: SignIn, here: Here) -> None:
    """Statement in, day run, and the page shows verdict, bridge and lines."""
    person = sign_in(Role.RECONCILER)
    line = BankLine(50_000, f"nop phi {here.reference}", reference="FT1")

    came = bring(person, camt(here.number, [line, BankLine(-11_000, "THU PHI QLTK")]))
    run = person.send(f"{here.day}/run", on=here.day)

    assert (came.status_code, run.status_code) == (303, 303)
    page = person.see(here.day)
    for shown in ("BREAKS", "THU PHI QLTK", "39,000", here.reference, "FT1"):
        assert shown in page, shown
    assert here.number in person.see("/console/")


def test_a_program_is_answered_in_json(sign_in: SignIn, here: Here) -> None:
    """The same form, asked by a program, says in JSON what came of the file."""
    person = sign_in(Role.RECONCILER)
    token = re.search(r'name="csrf_token" value="([^"]+)"', person.see("/console/statements"))
    assert token is not None
    content = camt(here.number, [BankLine(1_000, "x")])

    answers = [
        person.client.post(
            "/console/statements",
            data={"csrf_token": token[1], "file": (BytesIO(content), "day.xml")},
            headers={"Accept": "application/json"},
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 200]
    told = answers[1].get_json()
    assert told["again"] is True
    assert told["statements"][0]["account"] == here.number


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>", "Line 1"),
        (b"\x00\x01", "not known"),
        (b"", "is empty"),
        (camt("0099999999", [BankLine(1_000)]), "No collection account has the number …9999"),
        (camt("0011001234567", [BankLine(1_000)])[:600], "before it is complete"),
        (camt("0011001234567", [BankLine(1_000)], currency="USD"), "USD"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_words(
    sign_in: SignIn, content: bytes, said: str
) -> None:
    """Nothing is stored but the refusal, which stands on the page of files."""
    person = sign_in(Role.RECONCILER)

    answer = bring(person, content)

    assert 400 <= answer.status_code < 500
    assert said in answer.get_data(as_text=True)
    page = person.see("/console/statements")
    assert "Refused" in page
    assert said in page


def test_a_statement_can_be_looked_at_first(sign_in: SignIn, here: Here) -> None:
    """What the file says and how many lines are new is shown; nothing is booked until imported."""
    person = sign_in(Role.RECONCILER)
    line = BankLine(50_000, f"nop phi {here.reference}", reference="FT1")

    offered = bring(person, camt(here.number, [line, BankLine(-11_000, "THU PHI")]), then="look")

    assert offered.status_code == 303
    page = person.see(offered.location)
    for shown in (here.number, "2 lines, 2 new", here.reference, "THU PHI", "39,000"):
        assert shown in page, shown
    assert "There are none." in person.see(here.day)
    taken = person.send(f"{offered.location}/import", on=offered.location)
    assert taken.status_code == 303
    assert here.reference in person.see(here.day)
    again = bring(person, camt(here.number, [line, BankLine(-11_000, "THU PHI")]), then="look")
    assert "imported before" in person.see(again.location)


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_message_about_the_day_is_shown_and_never_booked(
    sign_in: SignIn, here: Here, kind: str
) -> None:
    """Its lines can be looked at, with a sentence what it is; no form books it, and none can."""
    person = sign_in(Role.RECONCILER)
    content = about_the_day(kind, [Movement(50_000, here.reference)], account=here.number)

    offered = bring(person, content, then="look").location

    page = person.see(offered)
    for shown in (here.number, here.reference, "50,000", kind, "it is never booked", "Discard"):
        assert shown in page, shown
    assert ">Import<" not in page
    for refused in (bring(person, content), person.send(f"{offered}/import", on=offered)):
        assert refused.status_code == 422
        assert f"{kind} message, not a statement" in refused.get_data(as_text=True)
    assert "There are none." in person.see(here.day)
    assert f"{kind} message, not a statement" in person.see("/console/statements")


def test_what_was_only_looked_at_can_be_discarded(sign_in: SignIn, here: Here) -> None:
    """A discarded file is gone, and its page with it."""
    person = sign_in(Role.RECONCILER)
    offered = bring(person, camt(here.number, [BankLine(1_000, "x")]), then="look").location

    assert "Look at it" in person.see("/console/statements")
    assert person.send(f"{offered}/withdraw", on=offered).status_code == 303

    assert person.client.get(offered, headers={"Accept": "text/html"}).status_code == 404
    assert "Look at it" not in person.see("/console/statements")


def test_what_cannot_be_taken_cannot_be_looked_at_either(sign_in: SignIn) -> None:
    """A foreign file is refused at once, with its reason."""
    person = sign_in(Role.RECONCILER)

    answer = bring(person, camt("0099999999", [BankLine(1_000)]), then="look")

    assert answer.status_code == 404
    assert "…9999" in answer.get_data(as_text=True)


def test_a_refusal_leaves_staff_where_they_work(sign_in: SignIn) -> None:
    """No advice for citizens: the way back and the way out."""
    person = sign_in(Role.RECONCILER)

    page = bring(person, b"<html>").get_data(as_text=True)

    assert "Sign out" in page
    assert '<a href="/console/">Reconciliation</a>' in page
    assert "dossier" not in page


@pytest.mark.parametrize("path", ["/console/nothing", "/counter/none/of/these", "/console/days/x"])
def test_an_address_of_staff_that_there_is_not_is_told_to_staff(sign_in: SignIn, path: str) -> None:
    """With their pages and the way out; a stranger learns no more than before."""
    told = {"Accept": "text/html", "Accept-Language": "en"}
    person = sign_in(Role.RECONCILER)
    answer = person.client.get(path, headers=told)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 404
    assert "Sign out" in page
    assert "scan the code" not in page
    stranger = person.client.application.test_client().get(path, headers=told)
    assert stranger.status_code == 404
    assert "Sign out" not in stranger.get_data(as_text=True)


def test_what_cannot_be_done_as_things_stand_leads_back_to_the_page(
    sign_in: SignIn, here: Here
) -> None:
    """As it is now: the page before is the one that was too old."""
    person = sign_in(Role.RECONCILER)
    bring(person, camt(here.number, [BankLine(50_000, here.reference)]))
    assert person.send(f"{here.day}/run", on="/console/statements").status_code == 303
    take_back = person.send(f"{here.day}/take-back", on="/console/statements")
    assert take_back.status_code == 409
    link = f'<a class="button" href="{here.day}/take-back">Open the page anew</a>'
    assert link in take_back.get_data(as_text=True)
    again = person.client.get(f"{here.day}/take-back", headers={"Accept": "text/html"})
    assert again.headers["Location"] == here.day


def test_whoever_may_not_look_can_still_leave(sign_in: SignIn) -> None:
    """An administrator or clerk who opens the console is not trapped on a shared computer."""
    person = sign_in(Role.ADMINISTRATOR)

    answer = person.client.get("/console/", headers={"Accept": "text/html"})

    assert answer.status_code == 403
    assert "/sign-out" in answer.get_data(as_text=True)


def test_a_file_brought_again_is_said_to_be_known(sign_in: SignIn, here: Here) -> None:
    """Nothing is changed, and the page says so."""
    person, content = sign_in(Role.RECONCILER), camt(here.number, [BankLine(1_000, "x")])
    bring(person, content)

    again = bring(person, content)

    assert "nothing was changed" in person.see(again.location.split("#")[0])


def test_files_of_long_ago_are_a_page_further(sign_in: SignIn, here: Here) -> None:
    """The latest come first, so many on a page."""
    person = sign_in(Role.RECONCILER)
    for n in range(52):
        bring(person, b"no statement", f"old-{n}.csv")
    first = person.see("/console/statements")
    assert "old-51.csv" in first
    assert "old-1.csv" not in first
    older = re.search(r'href="(/console/statements\?cursor=[^"#]+)', first)
    assert older is not None
    second = person.see(unescape(older[1]))
    assert "old-1.csv" in second
    assert "old-51.csv" not in second
    assert "More files" not in second
    assert person.client.get("/console/statements?cursor=x").status_code == 422


@pytest.mark.parametrize("after", ["9223372036854775808", "-1", "x", "", "٣"])
def test_a_page_that_cannot_be_meant_is_refused(sign_in: SignIn, here: Here, after: str) -> None:
    """A made-up cursor is no fault of the service."""
    person = sign_in(Role.RECONCILER)

    answer = person.client.get(f"{here.day}?after={after}", headers={"Accept": "text/html"})

    assert answer.status_code == 422


def test_a_nul_in_a_form_is_refused(sign_in: SignIn, here: Here) -> None:
    """What a database keeps in no text is refused before it gets there, file names too."""
    person = sign_in(Role.RECONCILER)

    answers = [
        person.send(f"{here.day}/propose-reopening", on=here.day, reason="a\0b"),
        bring(person, b"x", name="a\0b.csv"),
        bring(person, b"x", account="\0"),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 400]


def test_a_form_without_a_file_is_refused(sign_in: SignIn) -> None:
    """Pressing the button without choosing a file is no import."""
    assert sign_in(Role.RECONCILER).send("/console/statements").status_code == 422


def test_a_form_of_somebody_else_is_refused(sign_in: SignIn, here: Here) -> None:
    """Without the token of their own form nobody brings anything."""
    person = sign_in(Role.RECONCILER)
    content = (BytesIO(camt(here.number, [])), "day.xml")

    answer = person.client.post("/console/statements", data={"file": content})

    assert answer.status_code == 409


def test_a_viewer_only_looks(sign_in: SignIn, here: Here) -> None:
    """Seeing is not doing."""
    person = sign_in(Role.VIEWER)
    person.see("/console/")

    assert bring(person, camt(here.number, [])).status_code == 403
    assert person.send(f"{here.day}/run", on=here.day).status_code == 403


def test_a_day_is_closed_by_two(sign_in: SignIn, here: Here) -> None:
    """The reconciler proposes, the approver closes; neither can do the other's part."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    bring(maker, camt(here.number, [BankLine(50_000, here.reference)]))
    maker.send(f"{here.day}/run", on=here.day)

    assert checker.send(f"{here.day}/propose", on=here.day).status_code == 403
    assert maker.send(f"{here.day}/close", on=here.day).status_code == 403
    assert maker.send(f"{here.day}/propose", on=here.day).status_code == 303
    assert checker.send(f"{here.day}/close", on=here.day).status_code == 303

    assert "RECONCILED" in checker.see(here.day)
    assert maker.send(f"{here.day}/propose", on=here.day).status_code == 409


def test_a_day_is_reopened_for_the_reason_that_was_read(sign_in: SignIn, here: Here) -> None:
    """Proposed again with other words, an older page confirms nothing; too many words are told."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    bring(maker, camt(here.number, [BankLine(50_000, here.reference)]))
    for person, step in ((maker, "run"), (maker, "propose"), (checker, "close")):
        assert person.send(f"{here.day}/{step}", on=here.day).status_code == 303
    propose = f"{here.day}/propose-reopening"
    assert maker.send(propose, on=here.day, reason="it was corrected").status_code == 303
    before = checker.see(here.day)
    assert "it was corrected" in before

    much = maker.send(propose, on=here.day, reason="x" * 501)
    assert (much.status_code, "500" in much.text) == (422, True)
    assert maker.send(propose, on=here.day, reason="to look at it").status_code == 303
    stale = checker.send_from(before, f"{here.day}/reopen")

    assert (stale.status_code, "Another proposal" in stale.text) == (409, True)
    assert "to look at it" in checker.see(here.day)
    assert checker.send(f"{here.day}/reopen", on=here.day).status_code == 303


def test_opening_balance_and_charges_are_decided_on_the_page(sign_in: SignIn, here: Here) -> None:
    """What the account held before, and the words of its charges: then the day is proved."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    lines = [BankLine(50_000, here.reference), BankLine(-11_000, "THU PHI QLTK T11")]
    bring(maker, camt(here.number, lines, opening=200_000))
    maker.send(f"{here.day}/run", on=here.day)
    assert "INCOMPLETE" in maker.see(here.day)

    account = f"/console/accounts/{here.public_id}"
    assert maker.send(f"{account}/propose-opening", on=here.day).status_code == 303
    assert checker.send(f"{account}/approve-opening", on=here.day).status_code == 303
    words = {"kind": "charge", "words": "thu phi QLTK"}
    assert maker.send(f"{account}/patterns", on=here.day, **words).status_code == 303
    maker.send(f"{here.day}/run", on=here.day)
    assert "RECONCILED" not in maker.see(here.day), "nothing is booked by what one person proposed"
    confirm = re.search(rf'action="({account}/patterns/[0-9]+/confirm)"', checker.see(here.day))
    assert confirm is not None
    assert "/confirm" not in maker.see(here.day)
    assert maker.send(confirm[1], on=here.day).status_code == 403
    assert checker.send(confirm[1], on=here.day).status_code == 303
    assert checker.send(confirm[1], on=here.day).status_code == 409
    maker.send(f"{here.day}/run", on=here.day)

    assert "RECONCILED" in maker.see(here.day)
    end = confirm[1].replace("/confirm", "/end")
    assert maker.send(end, on=here.day).status_code == 303
    assert "THU PHI QLTK</span>" not in maker.see(here.day).split('id="account"')[1]
    assert maker.send(end, on=here.day).status_code == 404


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "20261124", "0206-11-24"])
def test_an_address_that_names_no_day_is_not_found(sign_in: SignIn, here: Here, day: str) -> None:
    """A slip in the address is told, not guessed."""
    person = sign_in(Role.VIEWER)

    assert person.client.get(f"/console/days/{here.public_id}/{day}").status_code == 404
    assert person.client.get(f"/console/days/nobody/{TODAY}").status_code == 404


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("vi", "Ngày này chưa đến: chưa có gì để đối soát."),
        ("en", "This day lies ahead: there is nothing to reconcile yet."),
    ],
)
def test_a_day_ahead_offers_nothing(sign_in: SignIn, here: Here, language: str, words: str) -> None:
    """It is said that it lies ahead, and no button is there that would do nothing."""
    ahead = here.day.replace(str(TODAY), "2030-01-01")

    page = sign_in(Role.RECONCILER).see(f"{ahead}?lang={language}")

    assert words in page
    assert f'action="{ahead}/run"' not in page
    assert f'action="{here.day}/run"' in sign_in(Role.RECONCILER).see(here.day)


def test_what_was_proposed_is_not_offered_again(sign_in: SignIn, here: Here) -> None:
    """After the proposal the page offers the next step only, to the second person."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    bring(maker, camt(here.number, [BankLine(50_000, here.reference, reference="FT1")]))
    maker.send(f"{here.day}/run", on=here.day)
    offered = f'action="{here.day}/propose"'
    assert offered in maker.see(here.day)

    assert maker.send(f"{here.day}/propose", on=here.day).status_code == 303

    assert offered not in maker.see(here.day)
    assert f'action="{here.day}/close"' in checker.see(here.day)


def test_a_proposal_is_declined_or_taken_back_on_the_page(sign_in: SignIn, here: Here) -> None:
    """To close and to reopen alike: each is offered to whom it is for, and then the first step."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    bring(maker, camt(here.number, [BankLine(50_000, here.reference, reference="FT1")]))
    maker.send(f"{here.day}/run", on=here.day)
    no, back = f"{here.day}/decline", f"{here.day}/take-back"
    for first, words in (("propose", ""), ("propose-reopening", "it was corrected")):
        propose = f"{here.day}/{first}"
        assert maker.send(propose, on=here.day, reason=words).status_code == 303
        offers = [[f'action="{one}"' in person.see(here.day) for one in (no, back)]
                  for person in (maker, checker)]  # fmt: skip
        assert offers == [[False, True], [True, False]]
        assert checker.send(no, on=here.day).status_code == 422
        assert checker.send(no, on=here.day, reason="sai ngày").status_code == 303
        assert maker.send(propose, on=here.day, reason=words).status_code == 303
        assert maker.send(back, on=here.day).status_code == 303
        assert f'action="{propose}"' in maker.see(here.day)
        if first == "propose":
            maker.send(propose, on=here.day)
            assert checker.send(f"{here.day}/close", on=here.day).status_code == 303


def test_the_filter_asked_twice_is_named(sign_in: SignIn) -> None:
    """Of two values none is dropped in silence."""
    person = sign_in(Role.VIEWER)
    for language, words in (("vi", "Địa chỉ nêu “kind” hai lần."), ("en", "says “kind” twice")):
        answer = person.client.get(
            "/console/breaks?kind=short&kind=duplicate",
            headers={"Accept": "text/html", "Accept-Language": language},
        )
        assert (answer.status_code, words in answer.text) == (422, True)
