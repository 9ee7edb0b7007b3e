"""The queue of breaks, in order and by an index; the history of one, down to the raw message."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core.audit import AuditEntry
from reconciliation import breaks
from reconciliation.breaks import Age, Break, Decision, Kind, Search, State, queue
from reconciliation.breaks.few_causes import messages
from reconciliation.breaks.tables import Action, BreakNote
from reconciliation.breaks.timeline import decided, in_matches
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import (
    NOON,
    Province,
    a_message,
    a_payment_request,
    a_province,
    paid,
    settle,
)

NIGHT = NOON + timedelta(hours=13)
MAKER = "staff:1"


@pytest.fixture
def province(session: Session) -> Province:
    return a_province(session)


def with_breaks(province: Province) -> list[Break]:
    """Five breaks: three debits, one large credit nobody knows, and one missed callback."""
    a_message(province, "khong ma", amount=5_000_000, reference="FT1")
    settle(province)
    request = a_payment_request(province)
    a_statement(
        province,
        BankLine(5_000_000, "khong ma", reference="FT1"),
        BankLine(50_000, request.reference),
        *[BankLine(-n * 1_000, f"PHI {n}") for n in (1, 2, 3)],
    )
    run(province)
    return asked(province, Search())


def asked(province: Province, wanted: Search, now=NIGHT) -> list[Break]:
    """Every page of what is asked for, two at a time."""
    found, after = [], None
    while True:
        page = breaks.page(province.session, wanted, after=after, now=now, most=2)
        found += page.rows
        after = page.next
        if after is None:
            return found


def test_the_most_urgent_come_first_and_none_twice(province: Province) -> None:
    """High priority before normal before low, of each the oldest first, over all pages."""
    found = with_breaks(province)

    assert [one.priority for one in found] == [1, 2, 2, 2, 3]
    assert [one.amount for one in found[1:4]] == [1_000, 2_000, 3_000]
    assert len({one.id for one in found}) == 5


def test_the_queue_is_searched(province: Province) -> None:
    """By account, kind, state, who looks after it, and age."""
    everything = with_breaks(province)
    much, *debits, missed = everything
    session = province.session
    breaks.hand_to(session, debits[0], owner=MAKER, by=MAKER, now=NIGHT)
    breaks.decide(session, [missed], Decision(Action.ACCEPT, "seen"), by=MAKER, now=NIGHT)
    until = TODAY + timedelta(days=3)
    breaks.decide(session, [much], Decision(Action.WAIT, "ask", until=until), by=MAKER, now=NIGHT)

    expected = {
        Search(): [much, *debits],
        Search(state=State.RESOLVED): [missed],
        Search(state=State.PROPOSED): [much],
        Search(state=State.ASSIGNED): [debits[0]],
        Search(kind=Kind.DEBIT_UNEXPLAINED): debits,
        Search(owner=MAKER): [debits[0]],
        Search(unowned=True): [much, *debits[1:]],
        Search(collection_account_id=province.account.id): [much, *debits],
        Search(collection_account_id=province.account.id + 1): [],
        Search(age=Age.DAYS_0_1): [much, *debits],
        Search(age=Age.DAYS_2_7): [],
    }
    assert {wanted: asked(province, wanted) for wanted in expected} == expected


@pytest.mark.parametrize(
    ("days", "age"),
    [
        (0, Age.DAYS_0_1),
        (1, Age.DAYS_0_1),
        (2, Age.DAYS_2_7),
        (7, Age.DAYS_2_7),
        (8, Age.DAYS_8_30),
        (30, Age.DAYS_8_30),
        (31, Age.OVER_30),
        (400, Age.OVER_30),
    ],
)
def test_breaks_are_counted_by_age(province: Province, days: int, age: Age) -> None:
    """In whole days of Viet Nam; every age is told, and the list of an age holds what it counts."""
    a_statement(province, BankLine(100_000, "khong ma"), BankLine(-1_000, "PHI"))
    run(province)
    now = NIGHT + timedelta(days=days)

    counted = breaks.ageing(province.session, Search(kind=Kind.DEBIT_UNEXPLAINED), now=now)

    told = {one.age: (one.count, one.amount, one.overdue) for one in counted}
    assert told == dict.fromkeys(Age, (0, 0, 0)) | {age: (1, 1_000, int(days > 5))}
    wanted = Search(kind=Kind.DEBIT_UNEXPLAINED, age=age)
    assert len(asked(province, wanted, now)) == 1


def test_every_list_uses_an_index(session: Session) -> None:
    """No list and no count of the queue reads the whole table, and none is sorted anew."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    last = Break(id=7, priority=2, since=NOON)
    for account, kind, owned, state in product(
        (None, 1), (None, Kind.SHORT), ("nobody", "somebody", None), (None, *State)
    ):
        wanted = Search(
            collection_account_id=account,
            kind=kind,
            owner=MAKER if owned == "somebody" else None,
            unowned=owned == "nobody",
            state=state,
        )
        for after in (None, last):
            steps = plan(session, queue.listed(wanted, after, now=NOON).limit(51))
            assert all("USING INDEX ix_break" in step for step in steps), (wanted, steps)
        counted = plan(session, queue.aged(wanted, now=NOON), sorts=True)
        assert any("USING INDEX ix_break_queue" in step for step in counted), (wanted, counted)


def test_the_history_of_a_break_is_found_by_indexes(session: Session) -> None:
    """However many matches, entries and breaks there ever were: only a few rows are looked at."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    queries = [
        *in_matches(1, 7, None),
        *in_matches(1, None, 7),
        decided(1, ["credit:7", "match:9"]),
        messages(1),
        select(Break).where(Break.public_id == "x"),
        select(AuditEntry).where(AuditEntry.subject.in_(["break:x"])).order_by(AuditEntry.id),
        select(BreakNote).where(BreakNote.break_id == 7).order_by(BreakNote.id),
    ]
    for query in queries:
        for step in plan(session, query, sorts=True):
            assert step.startswith("SEARCH"), (str(query), step)
            by_day = "collection_account_id_day" in step
            assert not by_day, (str(query), step)


def plan(session: Session, query, *, sorts: bool = False) -> list[str]:
    """The steps by which SQLite answers a query."""
    compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    return [row[3] for row in rows if sorts is False or "B-TREE" not in row[3]]


def test_the_history_of_a_break_goes_down_to_the_raw(province: Province) -> None:
    """Who told the credit and in which words, which line of which file, what was booked."""
    request = a_payment_request(province)
    for event in ("71", "72"):
        paid(province, request, event=event)
    a_statement(province, *[BankLine(50_000, request.reference, reference=r) for r in "AB"])
    run(province)
    (one,) = asked(province, Search(kind=Kind.DUPLICATE))
    session = province.session
    breaks.write(session, one, "the payer was called", by=MAKER, now=NIGHT)
    breaks.hand_to(session, one, owner=MAKER, by=MAKER, now=NIGHT)
    other = a_payment_request(province)
    decision = Decision(Action.ASSIGN, "meant for this", reference=other.reference)
    breaks.decide(session, [one], decision, by=MAKER, now=NIGHT + timedelta(minutes=1))

    told = breaks.timeline(session, one)

    by_what = {entry.what: entry for entry in told}
    expected = {"told", "line", "matched", "booked", "found", "noted", "handed", "decided"}
    assert expected <= by_what.keys()
    assert [entry.at for entry in told] == sorted(entry.at for entry in told)
    raw = by_what["told"].raw
    assert raw is not None
    assert request.reference in raw
    assert by_what["told"].facts["event"] == "72"
    assert by_what["line"].facts["file"] == "statement.xml"
    assert len(by_what["line"].facts["sha256"]) == 64
    assert by_what["decided"].facts["reference"] == other.reference
    moved = [(entry.facts["from"], entry.facts["to"]) for entry in told if entry.what == "booked"]
    assert ("liabilities.held", "assets.transit") in moved
    assert ("assets.transit", "assets.bank") in moved


def test_the_history_of_a_conflict_shows_both_messages(province: Province) -> None:
    """One event in two wordings: each as it was received."""
    request = a_payment_request(province)
    paid(province, request, event="77")
    a_message(province, request.reference, amount=40_000, event="77")
    settle(province)
    run(province)
    (one,) = asked(province, Search(kind=Kind.DELIVERY_CONFLICT))

    raws = [e.raw for e in breaks.timeline(province.session, one) if e.what == "received"]

    assert ["50000" in (raw or "") for raw in raws] == [True, False]
    assert "40000" in (raws[1] or "")


def test_the_history_of_every_kind_can_be_told(province: Province) -> None:
    """A day without a file, a gap, a debit, a missed callback: whatever a break is about."""
    with_breaks(province)
    a_statement(province, opening=80_000, day=TODAY + timedelta(days=1))
    a_statement(province, BankLine(1_000), day=TODAY + timedelta(days=2), closing=7)
    run(province, TODAY + timedelta(days=4), now=NIGHT + timedelta(days=4))
    found = asked(province, Search())

    assert {one.leg for one in found} >= {"line", "settlement", "telling", "continuity", "day"}
    for one in found:
        assert breaks.timeline(province.session, one), one.kind
