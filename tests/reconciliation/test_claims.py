"""A payer's claim is a break until its money is found or somebody answers; staff see it and why."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import claims
from payments.claims import Claim, Told
from payments.core.database import Database
from payments.core.money import Dong
from payments.payment_requests import PaymentRequest
from payments.staff import Role
from reconciliation import breaks, jobs
from reconciliation.breaks import Action, Break, Decision
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

NUMBER = "FT26328000001"
HOUR = timedelta(hours=1)


def claimed(province: Province, request: PaymentRequest, **other: object) -> Claim:
    """The claim of a request's payer: 50.000 đồng today, under the bank's number."""
    told = {"bank_number": NUMBER, "paid_on": TODAY, "amount": Dong(50_000), **other}
    return claims.make(province.session, request, Told(**told), now=NOON)  # type: ignore[arg-type]  # a test names what differs


def live(province: Province) -> list[Break]:
    """The live breaks of claims."""
    province.session.expire_all()
    rows = select(Break).where(Break.kind == "citizen_claim", Break.cleared_at.is_(None))
    return list(province.session.scalars(rows))


def follow(province: Province, *, now=NOON) -> None:
    """What the job of the minute does."""
    for account in breaks.with_claims(province.session):
        breaks.follow_claims(province.session, account, now=now)


@pytest.fixture
def province(session: Session) -> Province:
    return a_province(session)


def test_a_claim_is_a_break_within_the_minute(province: Province) -> None:
    """Before any day was run: of the request's amount, as old as the claim, with a day due."""
    request = a_payment_request(province, amount=70_000)
    claim = claimed(province, request)
    follow(province)
    [one] = live(province)
    assert (one.leg, one.key, one.amount, one.day) == ("claim", str(claim.id), 70_000, TODAY)
    assert (one.since, one.state) == (NOON, "open")
    assert one.due_on is not None
    assert breaks.allowed(one) == (Action.WAIT,)
    assert one.due_on > TODAY + timedelta(days=1), "a day of grace, then the usual days"


def test_the_break_goes_when_the_request_is_paid(province: Province) -> None:
    """By itself; and it comes back should the money be taken back."""
    request = a_payment_request(province)
    claimed(province, request)
    follow(province)
    paid(province, request)
    follow(province)
    assert live(province) == []
    assert breaks.with_claims(province.session) == []


def test_the_break_goes_when_the_payer_is_answered(province: Province) -> None:
    """What staff wrote is in its history."""
    claimed(province, a_payment_request(province))
    follow(province)
    [one] = live(province)
    breaks.answer(province.session, one, "Chưa thấy tiền về", by=BY, now=NOON)
    follow(province)
    assert live(province) == []
    happened = [entry.what for entry in breaks.timeline(province.session, one)]
    assert {"claimed", "answered", "cleared"} <= set(happened)


def test_a_days_run_finds_it_too_and_gives_it_a_day_of_grace(province: Province) -> None:
    """Within the policy the day is pending, then it has a break."""
    a_statement(province, BankLine(20_000, "nop phi", reference="FT9"))
    claimed(province, a_payment_request(province))
    run(province, now=NOON + HOUR)
    mine = [t for t in tallies(province, now=NOON + HOUR) if t.kind == "citizen_claim"]
    assert [(one.count, one.waiting) for one in mine] == [(1, 1)]
    late = [t for t in tallies(province, now=NOON + 25 * HOUR) if t.kind == "citizen_claim"]
    assert [(one.count, one.waiting) for one in late] == [(1, 0)]


def tallies(province: Province, *, now) -> list[breaks.Tally]:
    return breaks.tallies(province.session, province.account.id, through=TODAY, now=now)


def test_money_like_it_is_shown_beside_it_and_nothing_is_matched(province: Province) -> None:
    """By the number first, wherever it went; then by the amount, where nobody is known for it."""
    session = province.session
    mine, other = a_payment_request(province), a_payment_request(province, amount=60_000)
    a_message(province, "nop phi", amount=50_000, reference="FT7")
    a_message(province, f"CT DEN {NUMBER.lower()} nop phi", amount=45_000, reference="FT8")
    a_message(province, "nop phi", amount=51_000, reference="FT6")
    settle(province)
    paid(province, other, reference=NUMBER)
    claim = claimed(province, mine)
    found = breaks.candidates(session, claim)
    assert [(one.clue, one.money.amount) for one in found] == [
        ("number", 60_000),
        ("number", 45_000),
        ("amount", 50_000),
    ]
    run(province)
    session.refresh(mine)
    assert mine.status == "open"
    waits = [one.waits and one.waits.kind for one in breaks.candidates(session, claim)]
    assert waits == ["callback_without_line", "unidentified", "unidentified"]


def test_lines_that_nobody_told_of_are_looked_at_too(province: Province) -> None:
    """A line that is not booked yet, by its reference or its amount; money that left is none."""
    a_statement(
        province,
        BankLine(50_000, "x", reference=NUMBER),
        BankLine(50_000, "y", reference="FT5"),
        BankLine(-50_000, "z", reference="FT4"),
        BankLine(49_000, "z", reference="FT3"),
    )
    claim = claimed(province, a_payment_request(province))
    found = breaks.candidates(province.session, claim)
    assert [(one.clue, one.line.memo if one.line else "") for one in found] == [
        ("number", "x"),
        ("amount", "y"),
    ]


def test_who_finds_the_money_gives_it_to_the_request_and_the_claim_ends(
    province: Province,
) -> None:
    """By the break of that money, never from the claim."""
    session, mine = province.session, a_payment_request(province)
    claim = claimed(province, mine)
    a_statement(province, BankLine(50_000, "nop phi", reference=NUMBER))
    run(province)
    [found] = breaks.candidates(session, claim)
    assert found.waits is not None
    decision = Decision(Action.ASSIGN, "theo phản ánh", reference=mine.reference)
    breaks.decide(session, [found.waits], decision, by=BY, now=NOON)
    follow(province)
    session.refresh(mine)
    assert claims.state_of(claim, mine) == "found"
    assert live(province) == []


# The console.


@pytest.fixture
def here(database: Database) -> tuple[str, str, str]:
    """A claim with words and a photo, and money of its amount: the break, the claim, its number."""
    drawn = io.BytesIO()
    Image.new("RGB", (80, 60), "navy").save(drawn, "PNG")

    def unit(session: Session) -> tuple[str, str, str]:
        province = a_province(session)
        request = a_payment_request(province)
        a_message(province, "nop phi", amount=50_000, reference="FT7")
        settle(province)
        words, photo = "<b>Tôi</b> đã chuyển lúc 9 giờ", claims.cleaned(drawn.getvalue())
        claim = claimed(province, request, words=words, photo=photo)
        run(province)
        employ(session, Role.RECONCILER, Role.VIEWER, Role.AUDITOR)
        [one] = live(province)
        return one.public_id, claim.public_id, claim.number

    return database.write(unit)


@pytest.fixture
def app(here: tuple[str, str, str], database_url: str) -> Iterator[Flask]:
    with whole_app(database_url, NOON + HOUR) as whole:
        yield whole


@pytest.mark.committed
def test_staff_see_what_the_payer_says_and_answer(
    sign_in: SignIn, here: tuple[str, str, str], database: Database
) -> None:
    """Number, words as text, photo, what it may be about; the answer ends the break."""
    one, claim, number = here
    person = sign_in(Role.RECONCILER)
    grouped = f"{number[:4]} {number[4:]}"
    page = person.see(f"/console/breaks/{one}")
    for shown in (grouped, NUMBER, "&lt;b&gt;Tôi&lt;/b&gt; đã chuyển", "The same amount", "50,000"):
        assert shown in page, shown
    photo = person.client.get(f"/console/claims/{claim}/photo")
    assert (photo.status_code, photo.mimetype) == (200, "image/jpeg")
    assert photo.headers["Content-Disposition"].startswith("attachment")
    assert photo.headers["X-Content-Type-Options"] == "nosniff"

    address = f"/console/breaks/{one}/answer"
    assert person.send_from(page, address, words=" ").status_code == 422
    assert person.send_from(page, address, words="Ngân hàng chưa báo có").status_code == 303
    after = person.see(f"/console/breaks/{one}")
    assert "Ngân hàng chưa báo có" in after
    assert "The payer was answered" in after
    cleared = database.read(
        lambda session: session.scalars(select(Break).where(Break.public_id == one)).one()
    )
    assert cleared.cleared_at is not None


@pytest.mark.committed
def test_a_claim_is_found_by_the_number_that_is_read_out(
    sign_in: SignIn, here: tuple[str, str, str]
) -> None:
    """As it is read, in two groups; another number is none."""
    one, claim, number = here
    viewer = sign_in(Role.VIEWER)
    found = viewer.see(f"/console/claims?number={number[:4]}+{number[4:]}")
    assert f"/console/breaks/{one}" in found
    assert "Waits for an answer" in viewer.see("/console/claims?state=waiting")
    assert "Nothing is like that" in viewer.see("/console/claims?number=00000000x")
    assert viewer.client.get(f"/console/claims/{claim}/photo").status_code == 403
    assert "your role does not see" in viewer.see(f"/console/breaks/{one}")
    assert "Payer says it is paid" in viewer.see("/console/breaks?kind=citizen_claim")


@pytest.mark.committed
def test_the_job_of_the_minute_brings_breaks_in_line(database: Database, app: Flask) -> None:
    """It says how many accounts it looked at; a claim that was answered needs no more looking."""
    cashless = app.extensions["cashless"]
    assert jobs.follow_claims(cashless, NOON + HOUR) == "1 of 1 accounts"

    def settled(session: Session) -> None:
        claim = session.scalars(select(Claim)).one()
        claims.answer(session, claim, "đã rõ", by=BY, now=NOON)

    database.write(settled)
    assert jobs.follow_claims(cashless, NOON + HOUR) == "1 of 1 accounts"
    assert jobs.follow_claims(cashless, NOON + HOUR) == "0 of 0 accounts"
