"""Refunds through the API: what a portal may ask to be given back, and what it is told of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts
from payments.core import clock
from payments.core.approvals import SamePerson
from payments.core.service import Service
from payments.payouts import Payout
from tests.callers import Payers, Portal, refused

PAYER = "9704229200112233"
OTHER = "0071000123456"
TO = {"bin": "970422", "account": PAYER, "name": "NGUYỄN VĂN MẪU"}
TWO = [{"fee": "PHI", "amount": 30_000}, {"fee": "LEPHI", "amount": 20_000}]

_keys = itertools.count(1)


def ask(portal: Portal, reference: str, *, key: str | None = None, **told: Any) -> Any:
    """The answer to a proposal; `told` changes the usual one, which asks for nothing yet."""
    headers = {"Idempotency-Key": key or f"refund-{next(_keys):012}"}
    body = {"reason": "nộp thừa", "to": TO, **told}
    return portal.post(f"/payment-requests/{reference}/refunds", json=body, headers=headers)


def paid(portal: Portal, payers: Payers, *amounts: int, payer: str = PAYER) -> str:
    """A request of 50.000 đồng with two lines, paid by these transfers and seen on a statement."""
    reference = portal.issue(lines=TWO)["reference"]
    for amount in amounts:
        payers.pay(reference, amount, payer=payer)
    payers.stand_on_a_statement()
    return str(reference)


def amounts(answer: Any) -> list[int]:
    assert answer.status_code == 201, answer.text
    return [one["amount"] for one in answer.json["items"]]


def test_what_is_too_much_is_asked_back(portal: Portal, payers: Payers) -> None:
    """Proposed, shown without the whole account, told in the request's list and by its own id."""
    reference = paid(portal, payers, 70_000)
    answer = ask(portal, reference, excess=20_000)
    [refund] = answer.json["items"]
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/payment-requests/{reference}/refunds"
    told = {name: refund[name] for name in ("reference", "amount", "state", "elsewhere", "reason")}
    assert told == {
        "reference": reference,
        "amount": 20_000,
        "state": "proposed",
        "elsewhere": False,
        "reason": "nộp thừa",
    }
    assert refund["to"] == {"bin": "970422", "account_ends_in": "2233"}
    assert portal.get(f"/refunds/{refund['id']}").json == refund
    listed = portal.get(f"/payment-requests/{reference}/refunds")
    assert listed.json == {"items": [refund], "next": None}
    assert PAYER not in answer.text + listed.text


def test_the_list_goes_on_by_cursor(portal: Portal, payers: Payers) -> None:
    """The newest first; the second page begins where the first ended."""
    reference = paid(portal, payers, 70_000)
    made = [ask(portal, reference, excess=amount).json["items"][0]["id"] for amount in (1, 2, 3)]
    path = f"/payment-requests/{reference}/refunds?limit=2"
    first = portal.get(path).json
    second = portal.get(f"{path}&cursor={first['next']}").json
    assert [one["id"] for one in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None
    assert portal.get(f"{path}&cursor=x").status_code == 422


def test_fees_are_asked_back_by_line(portal: Portal, payers: Payers) -> None:
    """An amount of one line; null takes all that is left of it."""
    reference = paid(portal, payers, 50_000)
    assert amounts(ask(portal, reference, lines=[{"position": 1, "amount": 10_000}])) == [10_000]
    rest = [{"position": 1, "amount": None}, {"position": 2}]
    assert amounts(ask(portal, reference, lines=rest)) == [40_000]
    again = ask(portal, reference, lines=[{"position": 1}])
    assert refused(again) == (
        409,
        "refund_too_large",
        [("/lines/0/amount", "refund_too_large")],
    )


def test_each_credit_gives_back_by_a_refund_of_its_own(portal: Portal, payers: Payers) -> None:
    """A fee paid by two transfers; paid twice over: the payer's own money first, then the newest.

    What came from another account goes elsewhere, and is said to.
    """
    reference = paid(portal, payers, 20_000, 30_000)
    whole = [{"position": 1}, {"position": 2}]
    assert sorted(amounts(ask(portal, reference, lines=whole))) == [20_000, 30_000]
    twice = paid(portal, payers, 50_000, 50_000)
    payers.pay(twice, 40_000, payer=OTHER)
    payers.stand_on_a_statement()
    made = ask(portal, twice, excess=90_000).json["items"]
    assert [(one["amount"], one["elsewhere"]) for one in made] == [(50_000, False), (40_000, True)]


def test_a_part_of_a_request_goes_back_whole(portal: Portal, payers: Payers) -> None:
    """Less than all of it is refused, with a pointer."""
    reference = paid(portal, payers, 20_000)
    refusal = ask(portal, reference, excess=19_999)
    assert refused(refusal) == (409, "only_whole", [("/excess", "only_whole")])
    assert amounts(ask(portal, reference, excess=20_000)) == [20_000]


def test_all_or_none_is_proposed(portal: Portal, payers: Payers, service: Service) -> None:
    """More than there is on all credits together leaves no refund behind, of none of them."""
    reference = paid(portal, payers, 50_000, 50_000, 40_000)
    refusal = ask(portal, reference, excess=90_001)
    assert refused(refusal) == (409, "refund_too_large", [("/excess", "refund_too_large")])
    lines = [{"position": 1}, {"position": 2, "amount": 20_001}]
    refusal = ask(portal, reference, lines=lines)
    assert refused(refusal)[2] == [("/lines/1/amount", "refund_too_large")]
    assert service.database.read(lambda s: s.scalars(select(Payout.id)).all()) == []


def test_what_stands_on_no_statement_is_not_given_back(portal: Portal, payers: Payers) -> None:
    """Told by a message only: neither its excess nor its fees; nothing at all of an unpaid one."""
    reference = portal.issue(lines=TWO)["reference"]
    nothing = refused(ask(portal, reference, excess=1))
    assert nothing == (409, "refund_too_large", [("/excess", "refund_too_large")])
    payers.pay(reference, 70_000, payer=PAYER)
    for told in ({"excess": 20_000}, {"lines": [{"position": 1}]}):
        assert refused(ask(portal, reference, **told))[:2] == (409, "not_on_statement"), told


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({}, "/excess", "excess_or_lines"),
    ({"excess": None, "lines": None}, "/excess", "excess_or_lines"),
    ({"excess": 1, "lines": [{"position": 1}]}, "/excess", "excess_or_lines"),
    ({"excess": 0}, "/excess", "out_of_range"),
    ({"excess": "1"}, "/excess", "wrong_type"),
    ({"excess": 1.5}, "/excess", "wrong_type"),
    ({"lines": []}, "/lines", "wrong_length"),
    ({"lines": [{"position": 3}]}, "/lines/0/position", "no_such_line"),
    ({"lines": [{"position": 1}, {"position": 1}]}, "/lines/1/position", "line_twice"),
    ({"lines": [{"position": 1, "amount": 0}]}, "/lines/0/amount", "out_of_range"),
    ({"lines": [{"amount": 1}]}, "/lines/0/position", "missing_field"),
    ({"excess": 1, "reason": " "}, "/reason", "no_reason_given"),
    ({"excess": 1, "reason": "x" * 501}, "/reason", "wrong_format"),
    ({"excess": 1, "to": None}, "/to", "null_field"),
    ({"excess": 1, "to": {**TO, "bin": "000000"}}, "/to/bin", "unknown_bank"),
    ({"excess": 1, "to": {**TO, "account": "12-34"}}, "/to/account", "wrong_format"),
    ({"excess": 1, "to": {**TO, "name": "!!"}}, "/to/name", "name_not_writable"),
    ({"excess": 1, "to": {**TO, "bank": "x"}}, "/to/bank", "unknown_field"),
    ({"excess": 1, "credit": 7}, "/credit", "unknown_field"),
]


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_is_wrong_is_pointed_at(portal: Portal, payers: Payers, language: str) -> None:
    """Each mistake by its place and a code, with words in the caller's language."""
    reference = paid(portal, payers, 70_000)
    told: set[str] = set()
    for number, (wrong, pointer, code) in enumerate(WRONG):
        answer = portal.post(
            f"/payment-requests/{reference}/refunds",
            json={"reason": "nộp thừa", "to": TO, **wrong},
            headers={"Idempotency-Key": f"wrong-{number:016}", "Accept-Language": language},
        )
        status, _, where = refused(answer)
        assert (status, where) == (422, [(pointer, code)]), wrong
        told |= {one["detail"] for one in answer.json["errors"]}
    assert ("Lệnh" in str(told) or "không" in str(told)) == (language == "vi")


def test_asked_again_with_the_same_key_it_is_proposed_once(portal: Portal, payers: Payers) -> None:
    """The same answer to the byte; the key with another body, and no key, are refused."""
    reference = paid(portal, payers, 70_000)
    key = "the-same-key-again"
    first = ask(portal, reference, key=key, excess=5_000)
    again = ask(portal, reference, key=key, excess=5_000)
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert refused(ask(portal, reference, key=key, excess=6_000))[1] == "idempotency_key_reused"
    body = {"reason": "nộp thừa", "to": TO, "excess": 1}
    without = portal.post(f"/payment-requests/{reference}/refunds", json=body)
    assert refused(without)[2] == [("headers:Idempotency-Key", "missing_field")]
    assert len(portal.get(f"/payment-requests/{reference}/refunds").json["items"]) == 1


def test_a_portal_proposes_and_never_approves(
    portal: Portal, payers: Payers, service: Service
) -> None:
    """There is no call for it, and even as a person's word its own is refused."""
    reference = paid(portal, payers, 70_000)
    refund = ask(portal, reference, excess=20_000).json["items"][0]["id"]
    for verb in ("approve", "decline", "withdraw", "reject"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = portal.call(method, f"/refunds/{refund}/{verb}", json={})
            assert answer.status_code == 404, (method, verb)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert portal.call(method, f"/refunds/{refund}", json={}).status_code == 405, method

    def unit(session: Session) -> None:
        one = payouts.by_public_id(session, refund)
        payouts.approve(session, one, by=f"portal:{portal.id}", now=clock.now())

    with pytest.raises(SamePerson):
        service.database.write(unit)
    assert portal.get(f"/refunds/{refund}").json["state"] == "proposed"


def test_another_portals_refunds_are_not_there(
    portal: Portal, other: Portal, payers: Payers
) -> None:
    """As those that do not exist."""
    reference = paid(portal, payers, 70_000)
    refund = ask(portal, reference, excess=20_000).json["items"][0]["id"]
    theirs, nobodys = (other.get(f"/refunds/{one}") for one in (refund, "no-such-refund"))
    assert refused(theirs) == refused(nobodys) == (404, "unknown_payout", [])
    assert refused(other.get(f"/payment-requests/{reference}/refunds"))[0] == 404
    assert refused(ask(other, reference, excess=1))[0] == 404


def test_what_is_decided_is_told_to_the_portal(
    portal: Portal, payers: Payers, service: Service
) -> None:
    """A declined one with its reason, by its address and in the request's events."""
    reference = paid(portal, payers, 70_000)
    refund = ask(portal, reference, excess=20_000).json["items"][0]["id"]

    def unit(session: Session) -> None:
        one = payouts.by_public_id(session, refund)
        payouts.decline(session, one, reason="sai tài khoản", by="staff:1", now=clock.now())

    service.database.write(unit)
    shown = portal.get(f"/refunds/{refund}").json
    assert (shown["state"], shown["answer"]) == ("declined", "sai tài khoản")
    events = portal.get(f"/payment-requests/{reference}/events").json["items"]
    assert events[0]["type"] == "refund.declined"
    assert events[0]["data"] == shown
