"""Whose a thing is, at every address for staff: one's own, a colleague's, one's own proposal.

What is the office's is for whoever has the role (test_console_roles.py). Three kinds of things are
not: a shift and a session are their own person's alone, and what one proposed another decides,
also where the proposer has got the role of those who decide since.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from payments import settlement, staff
from payments.agencies import CollectionAccount
from payments.core.approvals import Approval
from payments.core.database import Database
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from payments.receipts import Receipt
from payments.staff import Role, grants
from reconciliation.bookings import LinePattern
from reconciliation.breaks import Break
from reconciliation.statements import StatementFile
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import (
    NOON,
    a_message,
    a_payment_request,
    a_province,
    paid,
    settle,
    the_province,
)
from tests.callers import a_priced_fee
from tests.console import PASSWORD, Person, employ, hidden_in, whole_app
from tests.coverage_files import Q3, a_small_province, csv_of
from tests.layout_pages import answered, drafted, save
from tests.receipts import issue, open_a_pair
from tests.reconciliation.test_console_remittances import ROUTE, ROUTES
from tests.reconciliation.test_console_roles import matrix
from tests.refund_pages import MORNING, Here, a_treasury, proposed

pytestmark = pytest.mark.committed

SHIFT = re.compile(r"^counter\.(?!start$|begin$)")
"""Addresses of one clerk's shift."""

DECIDED = re.compile(r"\.(approve|confirm)_(?!factor)|\.(close_day|reopen_day)$")
"""Addresses at which a second person says yes."""

MONEY = (
    "console.approve_payout",
    "console.approve_receipt",
    "console.approve_decision",
    "console.approve_route",
    "console.approve_unassignment",
    "console.close_day",
)
ACCOUNTS = (
    "console.approve_opening",
    "console.confirm_pattern",
    "console.confirm_layout",
    "console.approve_coverage",
    "console.confirm_setting_aside",
)
PEOPLE = ("console.approve_change", "people.approve_roles")

WITHOUT_NO = {"console.approve_opening", "console.confirm_pattern"}
"""What is not said no to, but left."""

NOTHING_LEFT = {"citizen.qr_png", "citizen.qr_svg", "citizen.slip_pdf", "citizen.claim_state"}
"""What a paid request has no more, or never had."""

SAID_NO = re.compile(r"\.decline_(?!suggestion)")
"""Addresses at which a second person says no."""

TAKEN_BACK = {
    "console.close_day": ("console.take_day_back", "take-back"),
    "console.approve_payout": ("console.withdraw_payout", "withdraw"),
    "console.approve_receipt": ("console.take_receipt_back", "take-back"),
    "console.approve_decision": ("console.take_decision_back", "take-back"),
    "console.approve_route": ("console.withdraw_route", "withdraw"),
    "console.approve_coverage": ("console.withdraw_coverage", "withdraw"),
    "console.approve_unassignment": ("console.take_unassignment_back", "take-back"),
    "console.approve_change": ("console.withdraw_change", "withdraw"),
    "people.approve_roles": ("people.take_roles_back", "take-back"),
}
"""Where what was proposed is taken back, by where it is said yes to."""

OFFICES = {"console.withdraw_offer", "console.withdraw_layout"}
"""A file that waits and a layout in use are the office's: whoever has the role takes them away."""

COLLEAGUES = (
    ("boss", Role.ADMINISTRATOR),
    ("colleague", Role.CLERK),
    ("maker", Role.RECONCILER),
)

Forms = dict[str, tuple[str, str]]
"""By an endpoint of `DECIDED` the page on which its form stands, and where that goes."""

KEYS = "/console/keys"
FIGURES = "/console/targets/figures"
SECOND = "0099008888888"


@pytest.fixture
def here(database: Database) -> Here:
    """A treasury, a second account that held money before, two of each who decide."""

    def unit(session: Session) -> Here:
        here = a_treasury(session)
        province = the_province(session)
        a_small_province(session)
        a_priced_fee(session)
        open_a_pair(session)
        paid(province, a_payment_request(province, amount=150_000, le_phi=50_000))
        issue(province)
        a_message(province, "NGUYEN VAN MAU", amount=3_000_000, reference="FT9")
        a_message(province, "TRAN THI MAU", amount=4_000_000, reference="FT10")
        settle(province)
        meant = a_payment_request(province, amount=4_000_000)
        settlement.assign(session, province.credits()[-1], meant, actor="staff:88", now=NOON)
        second = a_province(session, number=SECOND)
        a_statement(second, BankLine(-11_000, "THU PHI QLTK T11"), opening=200_000, number="S2")
        run(second)
        run(province)
        told = {"password": PASSWORD, "by": "command:test", "now": NOON}
        employ(session, Role.CLERK)
        for name, role in COLLEAGUES:
            staff.add(session, name, name=f"Ms {name}", roles=[role], **told)
        staff.add_without_roles(session, "new", name="Ms new", **told)
        return here

    return database.write(unit)


@pytest.fixture
def app(here: Here, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


def entered(app: Flask, username: str) -> Person:
    """Somebody of that user name at a browser of their own."""
    person = Person(app.test_client())
    told = {"username": username, "password": PASSWORD}
    assert person.send("/sign-in", on="/sign-in", **told).status_code == 303
    return person


def found(app: Flask, what: Any) -> Any:
    """The one row, or first column, that a query finds."""
    return app.extensions["cashless"].database.read(lambda session: session.scalars(what).first())


def sent(person: Person, path: str, on: str, **fields: Any) -> TestResponse:
    """What a form answers that must be taken."""
    answer = person.send(path, on=on, **fields)
    assert answer.status_code == 303, (path, answer.text)
    return answer


def of_money(app: Flask, maker: Person, here: Here) -> Forms:
    """What a reconciler proposes about payouts, receipts, breaks and days."""
    payout = proposed(maker, here.credits["overpaid"])
    receipt = f"/console/receipts/{found(app, select(Receipt.public_id))}"
    sent(maker, f"{receipt}/propose", receipt, act="cancel", reason="sai đơn vị thu")
    big = select(Break.public_id).where(Break.amount == 3_000_000)
    one = f"/console/breaks/{found(app, big)}"
    told = {"action": "wait", "until": str(TODAY + timedelta(days=5)), "reason": "chờ sao kê"}
    sent(maker, f"{one}/decide", one, **told)
    sent(maker, ROUTES, ROUTES, **ROUTE | {"valid_from": str(TODAY + timedelta(days=1))})
    route = re.search(rf"{ROUTES}/[0-9a-f-]+", maker.see(ROUTES))
    assert route is not None
    given = f"/console/credits/{found(app, select(Credit.id).where(Credit.amount == 4_000_000))}"
    sent(maker, f"{given}/unassign", given, reason="nhầm người")
    day = f"/console/days/{here.account}/{TODAY}"
    sent(maker, f"{day}/propose", day)
    return {
        "console.close_day": (day, f"{day}/close"),
        "console.approve_payout": (payout, f"{payout}/approve"),
        "console.approve_receipt": (receipt, f"{receipt}/approve"),
        "console.approve_decision": (one, f"{one}/approve"),
        "console.approve_route": (ROUTES, f"{route[0]}/approve"),
        "console.approve_unassignment": (given, f"{given}/approve"),
    }


def of_accounts(app: Flask, maker: Person) -> Forms:
    """What a reconciler proposes about an account, its statements, its bank's sheet, figures."""
    number = select(CollectionAccount.public_id).where(CollectionAccount.number == SECOND)
    account = found(app, number)
    at, day = f"/console/accounts/{account}", f"/console/days/{account}/{TODAY}"
    sent(maker, f"{at}/propose-opening", day)
    sent(maker, f"{at}/patterns", day, kind="charge", words="thu phi QLTK")
    pattern = found(app, select(LinePattern.id))
    file = select(StatementFile.public_id).order_by(StatementFile.id.desc())
    statement = f"/console/statements/{found(app, file)}/1"
    sent(maker, f"{statement}/set-aside", statement, reason="sai tài khoản")
    draft = drafted(maker)
    answered(maker, draft)
    layout = save(maker, draft).location
    said = {"quarter": str(Q3), "document": "Báo cáo số 12/BC", "dated": "2026-10-12"}
    content = (BytesIO(csv_of()), "quy-3.csv")
    figures = sent(maker, FIGURES, FIGURES, file=content, **said).location
    sent(maker, f"{figures}/propose", figures)
    return {
        "console.approve_opening": (day, f"{at}/approve-opening"),
        "console.confirm_pattern": (day, f"{at}/patterns/{pattern}/confirm"),
        "console.confirm_layout": (layout, f"{layout}/confirm"),
        "console.approve_coverage": (figures, f"{figures}/approve"),
        "console.confirm_setting_aside": (statement, f"{statement}/set-aside/confirm"),
    }


def of_people(app: Flask, maker: Person) -> Forms:
    """What an administrator proposes."""
    sent(
        maker, KEYS, KEYS, act="portal.add", portal="Cổng mới", scope=["requests:read"], reason="x"
    )
    change = found(app, select(Approval.public_id).where(Approval.action == "portal.add"))
    named = select(staff.Person.public_id).where(staff.Person.username == "new")
    new = f"/console/people/{found(app, named)}"
    sent(maker, f"{new}/roles", new, role="approver", reason="QĐ 12")
    return {
        "console.approve_change": (KEYS, f"/console/changes/{change}/approve"),
        "people.approve_roles": (new, f"{new}/approve"),
    }


def became_approver(database: Database, username: str) -> None:
    """The reconciler has been given the other role by two administrators."""

    def unit(session: Session) -> None:
        names = (username, "administrator", "boss")
        number, admin, boss = (staff.by_username(session, name).id for name in names)
        told = {"reason": "QĐ 13", "by": staff.actor(admin), "now": MORNING}
        waiting = grants.give(session, number, [Role.APPROVER], **told)
        assert waiting is not None
        grants.approve(session, waiting, by=staff.actor(boss), now=MORNING)

    database.write(unit)


def code_of(person: Person, shown: str, path: str) -> tuple[int, str | None]:
    """What somebody is answered who sends a form of a page that another was shown."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', person.see("/console/me"))
    assert token is not None
    answer = person.client.post(
        path,
        data={"csrf_token": token[1], "reason": "vì", **hidden_in(shown, path)},
        headers={"Accept": "application/json"},
    )
    return answer.status_code, answer.json.get("code") if answer.is_json else None


def declined(path: str) -> str:
    """Where the no goes whose yes goes there."""
    return re.sub(r"/(approve|confirm|close|reopen)$", "/decline", path)


def test_every_address_has_an_owner_or_is_the_offices() -> None:
    """One that says yes to what another proposed is among those that are tried below."""
    tried = {name for name in matrix() if DECIDED.search(name)}
    assert tried == {*MONEY, *ACCOUNTS, *PEOPLE, "console.reopen_day"}
    assert {name for name in matrix() if SAID_NO.search(name)} == {
        re.sub(r"approve|confirm|close|reopen", "decline", name) for name in tried - WITHOUT_NO
    }
    taken_back = {name for name in matrix() if re.search(r"\.(withdraw_|take_\w+_back$)", name)}
    assert taken_back - OFFICES == {name for name, _ in TAKEN_BACK.values()}


def test_nobody_takes_back_what_another_proposed(app: Flask, here: Here) -> None:
    """Whoever proposed may, whatever role the other has."""
    maker, admin = entered(app, "reconciler"), entered(app, "administrator")
    accounts, money = of_accounts(app, maker), of_money(app, maker, here)
    people = of_people(app, admin)
    other, boss = entered(app, "maker"), entered(app, "boss")
    tried = [(maker, other, name, *one) for name, one in (money | accounts).items()]
    tried += [(admin, boss, name, *one) for name, one in people.items()]
    for own, foreign, name, page, path in tried:
        if name in TAKEN_BACK:
            back = re.sub(r"[a-z]+$", TAKEN_BACK[name][1], path)
            shown = own.see(page)
            assert code_of(foreign, shown, back) == (403, "not_the_maker"), back
            sent(own, back, page, reason="nhầm")


def test_nobody_decides_what_they_proposed(app: Flask, here: Here, database: Database) -> None:
    """Neither yes nor no, though they may decide by now; another person's yes is taken."""
    maker, admin = entered(app, "reconciler"), entered(app, "administrator")
    accounts, money = of_accounts(app, maker), of_money(app, maker, here)
    office = money | accounts  # a day is closed as it was proposed: before anything else
    people = of_people(app, admin)
    assert (office.keys(), people.keys()) == ({*ACCOUNTS, *MONEY}, {*PEOPLE})
    became_approver(database, "reconciler")
    maker, checker, boss = (entered(app, name) for name in ("reconciler", "approver", "boss"))
    tried = [(maker, checker, name, *one) for name, one in office.items()]
    tried += [(admin, boss, name, *one) for name, one in people.items()]
    for own, foreign, name, page, path in tried:
        shown = foreign.see(page)
        for said in {path, path if name in WITHOUT_NO else declined(path)}:
            assert code_of(own, shown, said) == (403, "same_person"), said
    for _, foreign, _, page, path in tried:
        answered = foreign.send(path, on=page)
        assert answered.status_code in (200, 303), (path, answered.text)
    day = f"/console/days/{here.account}/{TODAY}"
    maker = entered(app, "maker")
    sent(maker, f"{day}/propose-reopening", day, reason="sai")
    became_approver(database, "maker")
    maker = entered(app, "maker")
    shown = checker.see(day)
    for said in (f"{day}/reopen", f"{day}/decline"):
        assert code_of(maker, shown, said) == (403, "same_person"), said
    sent(checker, f"{day}/reopen", day)


def clerks(app: Flask) -> tuple[Person, Person, str]:
    """Two clerks, and the shift of the first."""
    mine, other = entered(app, "clerk"), entered(app, "colleague")
    return mine, other, str(sent(mine, "/counter", "/counter", agency="H09").location)


def at(rule: Rule, **names: str) -> str:
    """The address of a rule with these names in it."""
    built = rule.build(names)
    assert built is not None
    return built[1]


def test_a_shift_is_its_clerks_alone(app: Flask, database: Database) -> None:
    """Every window and every form of it: there for its clerk, not there for a colleague."""
    mine, other, shift = clerks(app)
    reference = found(app, select(PaymentRequest.reference))
    names = {"public_id": shift.rpartition("/")[2], "reference": reference, "collection": "none"}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint == "counter.end"):
        if not SHIFT.search(rule.endpoint):
            continue
        path = at(rule, **{name: names[name] for name in rule.arguments})
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            told = [answer_to(one, method, path) for one in (mine, other)]
            assert told[1] == (404, "unknown_shift"), (method, rule.endpoint)
            assert told[0][1] != "unknown_shift", (method, rule.endpoint)
            assert told[0][0] < 500, (method, rule.endpoint)


def answer_to(person: Person, method: str, path: str) -> tuple[int, str | None]:
    """The status, and the code where it is refused."""
    if method == "POST":
        return code_of(person, "", path)
    answer = person.client.get(path, headers={"Accept": "application/json"})
    return answer.status_code, answer.json.get("code") if answer.is_json else None


def test_a_sign_in_is_ended_by_its_person_alone(app: Flask) -> None:
    """Another's is not there to be ended, whatever role asks."""
    viewer, again = entered(app, "viewer"), entered(app, "viewer")
    ends = re.search(r"/console/me/sessions/[0-9a-f-]+/end", viewer.see("/console/me"))
    assert ends is not None
    for role in set(Role) - {Role.VIEWER}:
        assert code_of(entered(app, role), "", ends[0])[0] == 404, role
    again.see("/console/me")
    assert code_of(viewer, "", ends[0])[0] == 303
    assert again.client.get("/console/me").status_code == 401


def test_a_payers_page_is_its_tokens_alone(app: Flask) -> None:
    """Whatever stands under a token is not there under one that nobody has, or of another."""
    receipt = found(app, select(Receipt).order_by(Receipt.id))
    told = select(PaymentRequest.token)
    own = found(app, told.where(PaymentRequest.id == receipt.payment_request_id))
    other = found(app, told.where(PaymentRequest.id != receipt.payment_request_id))
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/p/") or rule.endpoint == "citizen.slashed":
            continue  # the latter only leads to the page, whoever has it
        names = {"public_id": receipt.public_id, "form": "pdf"}
        names = {name: names[name] for name in rule.arguments - {"token"}}
        mine, others, nobodys = (at(rule, token=one, **names) for one in (own, other, "x" * 22))
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            asked = {"method": method, "headers": {"Accept": "application/json"}}
            for path in [nobodys, *([others] if names else [])]:
                with client.open(path, **asked) as answer:
                    assert answer.status_code == 404, (method, path)
            with client.open(mine, **asked) as answer:
                assert answer.status_code != 404 or rule.endpoint in NOTHING_LEFT, rule.endpoint
