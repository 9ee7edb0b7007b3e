"""Issuing several at once: each as if it were alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payment_requests
from payments.agencies import UnknownAgency
from payments.core.money import Dong
from payments.fees import Channel, Item, UnknownFee
from payments.outbox import Event
from payments.payment_requests import (
    AmountOverLimit,
    Asked,
    Lookups,
    Order,
    PaymentRequest,
    UnknownReplaced,
)
from tests.builders import NOON, Province, a_province
from tests.callers import a_priced_fee

FREE = [Item("CERT", reduction="poor")]


@pytest.fixture
def province(session: Session) -> Province:
    """A province with a fee of any amount and a priced one."""
    province = a_province(session)
    a_priced_fee(session)
    return province


def order(dossier: str, *items: Item, agency: str = "H09") -> Order:
    """An order of fees, by default one certificate."""
    return Order(agency, dossier, Channel.ONLINE, list(items) or [Item("CERT")])


def issue_all(province: Province, *orders: Order):
    """All orders at once, for the province's portal."""
    return payment_requests.issue_all(
        province.session,
        [Asked(province.portal.id, one) for one in orders],
        base_url="https://pay.example",
        prefix="TTHC",
        lookups=Lookups(),
        now=NOON,
    )


def test_what_is_shown_at_once_is_what_is_read_later(province: Province) -> None:
    """The public JSON of what was written equals the one built from the tables."""
    shown = issue_all(
        province,
        order("one"),
        order("two", Item("PHI", amount=Dong(5)), Item("CERT", quantity=2, reduction="student")),
        order("free", *FREE),
    )
    ids = select(PaymentRequest.id)
    province.session.expire_all()
    read = payment_requests.snapshots(province.session, ids)
    assert sorted(read.values(), key=str) == sorted(shown, key=str)
    assert [one["dossier"] for one in shown] == ["one", "two", "free"]
    assert [one["status"] for one in shown] == ["open", "open", "paid"]


def test_a_refused_order_does_not_hold_up_its_neighbours(province: Province) -> None:
    """Each gets its request or its own refusal, in the order they were asked."""
    shown = issue_all(
        province,
        order("good"),
        order("nowhere", agency="H77"),
        order("free", *FREE),
        order("unknown", Item("NONE")),
        order("dear", Item("PHI", amount=Dong(500_000_000))),
        replace(order("late"), replaces="TTHC0000000000"),
        order("last"),
    )
    kinds = [one["dossier"] if isinstance(one, dict) else type(one) for one in shown]
    refused = [UnknownAgency, UnknownFee, AmountOverLimit, UnknownReplaced]
    assert kinds == ["good", refused[0], "free", *refused[1:], "last"]
    stored = province.session.scalars(select(PaymentRequest.dossier).order_by(PaymentRequest.id))
    assert stored.all() == ["good", "free", "last"]


def test_only_what_is_free_is_told_at_once(province: Province) -> None:
    """A request that is paid by being issued is an event; an open one is not."""
    issue_all(province, order("a"), order("b", *FREE), order("c", *FREE))
    told = province.session.scalars(select(Event.content).order_by(Event.id)).all()
    assert [one["data"]["dossier"] for one in told] == ["b", "c"]
    assert {one["data"]["sequence"] for one in told} == {2}


def test_one_issued_alone_is_the_same(province: Province) -> None:
    """The verb for one and the verb for many write the same."""
    alone = payment_requests.issue(
        province.session,
        order("alone"),
        portal_id=province.portal.id,
        base_url="https://pay.example",
        prefix="TTHC",
        now=NOON,
    )
    (among,) = issue_all(province, order("alone"))
    this = select(PaymentRequest.id).where(PaymentRequest.id == alone.id)
    shown = payment_requests.snapshots(province.session, this)[alone.id]
    own = {"reference", "page", "pay_to"}
    assert {name: shown[name] for name in shown.keys() - own} == {
        name: among[name] for name in among.keys() - own
    }
