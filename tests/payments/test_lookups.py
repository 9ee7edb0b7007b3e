"""What issuing remembers of the day, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from payments import policies
from payments.agencies import UnknownAgency
from payments.core.money import Dong
from payments.fees import Channel, Item, UnknownFee
from payments.payment_requests import Lookups, RememberingLookups
from tests.builders import BY, NOON, a_province

SECOND = timedelta(seconds=1)
PHI = Item("PHI", amount=Dong(5))


def test_what_is_remembered_is_what_would_be_asked(session: Session) -> None:
    """The second answer, from memory, is the first."""
    a_province(session)
    asking, remembering = Lookups(), RememberingLookups()
    for lookups in (asking, remembering, remembering):
        to = lookups.addressee(session, "H09", now=NOON)
        assert (to.agency, to.bin, to.number) == ("H09", "970436", "0011001234567")
        (line,) = lookups.price(session, [PHI], channel=Channel.ONLINE, now=NOON)
        assert (line.code, line.amount) == ("PHI", 5)
        assert lookups.expiry(session, now=NOON) == timedelta(hours=24)


def test_a_decision_is_seen_within_twenty_seconds(session: Session) -> None:
    """Until then the old one holds; on another day at once."""
    lookups = RememberingLookups()
    assert lookups.expiry(session, now=NOON) == timedelta(hours=24)
    policies.decide(session, "request_expiry_hours", 48, valid_from=NOON.date(), by=BY, now=NOON)
    assert lookups.expiry(session, now=NOON + 19 * SECOND) == timedelta(hours=24)
    assert lookups.expiry(session, now=NOON + 20 * SECOND) == timedelta(hours=48)
    assert lookups.expiry(session, now=NOON + timedelta(days=1)) == timedelta(hours=48)


def test_a_refusal_is_not_remembered(session: Session) -> None:
    """What is added a moment later is found."""
    lookups = RememberingLookups()
    with pytest.raises(UnknownAgency):
        lookups.addressee(session, "H09", now=NOON)
    with pytest.raises(UnknownFee) as refused:
        lookups.price(session, [PHI], channel=Channel.ONLINE, now=NOON)
    assert refused.value.pointer == "/lines/0/fee"
    a_province(session)
    assert lookups.addressee(session, "H09", now=NOON).agency == "H09"
    assert lookups.price(session, [PHI], channel=Channel.ONLINE, now=NOON)


def test_one_unknown_line_among_known_ones_is_named_by_its_place(session: Session) -> None:
    """Half remembered, half asked: the pointer is that of the caller's list."""
    a_province(session)
    lookups = RememberingLookups()
    lookups.price(session, [PHI], channel=Channel.ONLINE, now=NOON)
    with pytest.raises(UnknownFee) as refused:
        lookups.price(session, [PHI, Item("NONE")], channel=Channel.ONLINE, now=NOON)
    assert refused.value.pointer == "/lines/1/fee"
    one, two = lookups.price(
        session, [PHI, Item("LEPHI", amount=Dong(7))], channel=Channel.ONLINE, now=NOON
    )
    assert (one.amount, two.amount) == (5, 7)
