"""Fees priced by the tariff of a day: tiers, caps, channels, reductions, and every refusal."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments import fees
from payments.core.errors import CashlessError
from payments.core.money import MOST, Dong
from payments.core.validity import Change
from payments.fees import Channel, FeePrice, Item, Price, Reduction, ReductionKind
from payments.fees.pricing import reduced, tiered

TODAY = date(2026, 11, 24)
SINCE = date(2017, 1, 1)
DAY = timedelta(days=1)


def a_price(amount: int | None, **changed: Any) -> Price:
    told: dict[str, Any] = {
        "channel": fees.ANY_CHANNEL,
        "from_quantity": 1,
        "unit_amount": None if amount is None else Dong(amount),
        "at_most": None,
        "valid_from": SINCE,
        "valid_to": None,
        "verified": True,
        "basis": "mẫu",
    }
    return Price(**told | changed)


def a_reduction(code: str, kind: ReductionKind, value: int | None, **changed: Any) -> Reduction:
    told: dict[str, Any] = {
        "code": code,
        "name": "Trường hợp mẫu",
        "name_en": None,
        "kind": kind,
        "value": value,
        "valid_from": SINCE,
        "valid_to": None,
        "verified": True,
    }
    return Reduction(**told | changed)


def put(
    session: Session,
    *prices: Price,
    code: str = "MAU",
    reductions: tuple[Reduction, ...] = (),
    on: date = TODAY,
    **changed: Any,
) -> Change:
    told: dict[str, Any] = {
        "code": code,
        "name": "Phí mẫu",
        "name_en": "Sample fee",
        "kind": fees.FeeKind.PHI,
        "unit": "lần",
        "sub_item": "2716",
        "collected_by": "Đơn vị mẫu",
        "legal_basis": "mẫu",
        "variable": False,
        "verified": True,
        "confidence": "2 sources",
        "source": "mẫu",
    }
    described = fees.Described(**told | changed)
    return fees.put(session, described, prices=prices, reductions=reductions, on=on)


def price(
    session: Session, *items: Item, channel: Channel = Channel.ONLINE, on: date = TODAY
) -> list[fees.PricedLine]:
    return fees.price(session, items, channel=channel, on=on)


def amount(session: Session, quantity: int = 1, **told: Any) -> int:
    around = {name: told.pop(name) for name in ("channel", "on") if name in told}
    (line,) = price(session, Item("MAU", quantity, **told), **around)
    return int(line.amount)


def a_copy(session: Session) -> None:
    """The certified copy of Circular 226/2016: 2,000 a page, 1,000 from the third, 200,000 most."""
    put(session, a_price(2000, at_most=Dong(200_000)), a_price(1000, from_quantity=3))


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (1, 2000),
        (2, 4000),
        (3, 5000),
        (10, 12_000),
        (197, 199_000),
        (198, 200_000),
        (199, 200_000),
        (10_000, 200_000),
    ],
)
def test_a_certified_copy_costs_less_from_the_third_page_and_has_a_cap(
    session: Session, pages: int, expected: int
) -> None:
    """2,000 for each of the first two pages, then 1,000, at most 200,000 a copy."""
    a_copy(session)
    (line,) = price(session, Item("MAU", pages))
    assert (line.amount, line.unit_amount, line.quantity) == (expected, 2000, pages)
    assert line.amount == min(200_000, 2000 * min(pages, 2) + 1000 * max(pages - 2, 0))


def test_two_copies_are_two_items_each_with_its_own_cap(session: Session) -> None:
    """The cap is per piece: one item is one piece."""
    a_copy(session)
    lines = price(session, Item("MAU", 500), Item("MAU", 500))
    assert [line.amount for line in lines] == [200_000, 200_000]


def each_unit(tiers: list[tuple[int, Dong]], quantity: int) -> int:
    """What the units cost, one by one: the slow way."""
    total = 0
    for unit in range(1, quantity + 1):
        total += max((start, int(value)) for start, value in tiers if start <= unit)[1]
    return total


TIERS = st.dictionaries(st.integers(2, 60), st.integers(0, 10**6), max_size=5).flatmap(
    lambda later: st.integers(0, 10**6).map(
        lambda first: [(start, Dong(value)) for start, value in {1: first, **later}.items()]
    )
)


@given(TIERS, st.integers(1, 80))
def test_each_unit_costs_what_its_tier_says(tiers: list[tuple[int, Dong]], quantity: int) -> None:
    """The sum by tiers is the sum unit by unit, whatever the order of the rows."""
    assert tiered(tiers, quantity) == each_unit(tiers, quantity)
    assert tiered(tiers[::-1], quantity) == tiered(tiers, quantity)


@given(TIERS, st.integers(1, 79))
def test_one_more_unit_never_costs_less(tiers: list[tuple[int, Dong]], quantity: int) -> None:
    """Prices fall with the quantity; what is to be paid does not."""
    assert tiered(tiers, quantity + 1) >= tiered(tiers, quantity)


@given(
    st.integers(0, 10**12),
    st.sampled_from(ReductionKind),
    st.integers(1, 99),
    st.integers(1, 10_000),
)
def test_nobody_pays_more_for_having_a_reduction(
    full: int, kind: ReductionKind, value: int, quantity: int
) -> None:
    """A reduction lowers what is to be paid or leaves it, and never goes below nothing."""
    left = reduced(Dong(full), kind=kind, value=value, quantity=quantity)
    assert 0 <= left <= full
    assert isinstance(left, Dong)


def test_reductions_are_nothing_an_amount_each_or_a_part(session: Session) -> None:
    """Exempt pays nothing; an amount stands for each unit's price; a percentage drops fractions."""
    reductions = (
        a_reduction("child", ReductionKind.EXEMPT, None),
        a_reduction("student", ReductionKind.AMOUNT, 100_000),
        a_reduction("half", ReductionKind.PERCENT, 50),
    )
    put(session, a_price(200_001), reductions=reductions)
    assert amount(session) == 200_001
    assert amount(session, reduction="child") == 0
    assert amount(session, 3, reduction="student") == 300_000
    assert amount(session, reduction="half") == 100_000
    (line,) = price(session, Item("MAU", reduction="student"))
    assert (line.unit_amount, line.amount, line.reduction) == (200_001, 100_000, "student")


def test_a_reduction_ends_on_its_day(session: Session) -> None:
    """From the day it ends on it is no longer known."""
    half = a_reduction("half", ReductionKind.PERCENT, 50, valid_to=TODAY)
    put(session, a_price(1000), reductions=(half,))
    assert amount(session, reduction="half", on=TODAY - DAY) == 500
    with pytest.raises(fees.UnknownReduction) as refused:
        amount(session, reduction="half")
    assert refused.value.pointer == "/lines/0/reduction"


def test_online_and_counter_have_their_own_price(session: Session) -> None:
    """A channel's own price goes before the one for any channel."""
    put(
        session,
        a_price(20_000, channel="counter"),
        a_price(10_000, channel="online"),
        a_price(30_000),
    )
    assert amount(session, channel=Channel.ONLINE) == 10_000
    assert amount(session, channel=Channel.COUNTER) == 20_000


def test_a_price_for_any_channel_holds_for_both(session: Session) -> None:
    """Where no channel has a price of its own."""
    put(session, a_price(30_000))
    assert {amount(session, channel=channel) for channel in Channel} == {30_000}


def test_the_price_is_that_of_the_day(session: Session) -> None:
    """The last day of one price is the day before the first of the next."""
    change = date(2025, 7, 1)
    put(session, a_price(50_000, valid_to=change), a_price(25_000, valid_from=change))
    assert amount(session, on=change - DAY) == 50_000
    assert amount(session, on=change) == 25_000
    with pytest.raises(fees.FeeNotValidOn) as refused:
        amount(session, on=SINCE - DAY)
    assert refused.value.pointer == "/lines/0/fee"


def test_a_price_whose_beginning_no_source_knows_holds_on_any_day(session: Session) -> None:
    """Null is "no date given", not "never"."""
    put(session, a_price(1000, valid_from=None))
    assert amount(session, on=date(1990, 1, 1)) == amount(session) == 1000


def test_an_amount_no_source_knows_is_not_made_up(session: Session) -> None:
    """The fee exists, its amount is unknown: it cannot be asked for."""
    put(session, a_price(None, channel="online"), a_price(400_000, channel="counter"))
    assert amount(session, channel=Channel.COUNTER) == 400_000
    with pytest.raises(fees.NoAmountKnown) as refused:
        amount(session, channel=Channel.ONLINE)
    assert refused.value.pointer == "/lines/0/fee"


def test_a_fee_with_no_price_for_the_channel_is_not_priced_by_the_other(session: Session) -> None:
    """The counter's price is not the online one's substitute."""
    put(session, a_price(400_000, channel="counter"))
    with pytest.raises(fees.NoAmountKnown):
        amount(session, channel=Channel.ONLINE)


def test_only_a_variable_fee_takes_an_amount(session: Session) -> None:
    """A rate or an amount the council sets is given by the caller; all others by the tariff."""
    late = a_reduction("in_time", ReductionKind.EXEMPT, None)
    half = a_reduction("half", ReductionKind.PERCENT, 50)
    put(session, a_price(None), reductions=(late, half), variable=True)
    assert amount(session, amount=Dong(75_000)) == 75_000
    assert amount(session, amount=Dong(75_001), reduction="half") == 37_500
    assert amount(session, reduction="in_time") == 0


@pytest.mark.parametrize(
    ("item", "code", "pointer"),
    [
        (Item("KHONG"), "unknown_fee", "fee"),
        (Item("mau"), "unknown_fee", "fee"),
        (Item("MAU", 0), "quantity_out_of_range", "quantity"),
        (Item("MAU", -1), "quantity_out_of_range", "quantity"),
        (Item("MAU", 10_001), "quantity_out_of_range", "quantity"),
        (Item("MAU", amount=Dong(1000)), "amount_not_allowed", "amount"),
        (Item("MAU", reduction="nobody"), "unknown_reduction", "reduction"),
        (Item("TY-LE"), "amount_required", "amount"),
        (Item("TY-LE", reduction="half"), "amount_required", "amount"),
        (Item("TY-LE", 2, amount=Dong(1000)), "quantity_out_of_range", "quantity"),
        (Item("TY-LE", amount=Dong(0)), "amount_out_of_range", "amount"),
        (Item("TY-LE", amount=Dong(-5)), "amount_out_of_range", "amount"),
        (Item("TY-LE", amount=Dong(int(MOST) + 1)), "amount_out_of_range", "amount"),
        (Item("TY-LE", reduction="student"), "unknown_reduction", "reduction"),
    ],
)
def test_each_wrong_item_is_refused_where_it_is_wrong(
    session: Session, item: Item, code: str, pointer: str
) -> None:
    """The error names the item by its place in the list, and what of it is wrong."""
    half = a_reduction("half", ReductionKind.PERCENT, 50)
    put(session, a_price(1000))
    put(session, a_price(None), code="TY-LE", variable=True, reductions=(half,))
    with pytest.raises(CashlessError) as refused:
        price(session, Item("MAU"), item)
    assert (refused.value.code, refused.value.pointer) == (code, f"/lines/1/{pointer}")


def test_a_line_is_verified_only_if_all_it_stands_on_is(session: Session) -> None:
    """A fee, its price and its reduction: one unverified row marks the line."""
    half = a_reduction("half", ReductionKind.PERCENT, 50, verified=False)
    online = a_price(1000, channel="online", verified=False)
    put(session, a_price(2000, channel="counter"), online, reductions=(half,))
    put(session, a_price(1000), code="CHUA", verified=False)

    def verified(item: Item, channel: Channel) -> bool:
        (line,) = price(session, item, channel=channel)
        return line.verified

    assert verified(Item("MAU"), Channel.COUNTER)
    assert not verified(Item("MAU", reduction="half"), Channel.COUNTER)
    assert not verified(Item("MAU"), Channel.ONLINE)
    assert not verified(Item("CHUA"), Channel.COUNTER)


def test_a_changed_price_holds_from_the_day_it_is_loaded(session: Session) -> None:
    """The row in force ends, a new one begins; yesterday's price is still to be found."""
    assert put(session, a_price(50_000)) is Change.ADDED
    assert put(session, a_price(60_000), on=TODAY) is Change.CHANGED
    assert amount(session, on=TODAY - DAY) == 50_000
    assert amount(session) == 60_000
    assert put(session, a_price(60_000), on=TODAY) is Change.UNCHANGED
    assert put(session, a_price(60_000), on=TODAY + 400 * DAY) is Change.UNCHANGED
    assert put(session, a_price(70_000), on=TODAY + 10 * DAY) is Change.CHANGED
    days = [-1, 0, 9, 10]
    assert [amount(session, on=TODAY + day * DAY) for day in days] == [
        50_000,
        60_000,
        60_000,
        70_000,
    ]


def test_a_price_announced_for_a_later_day_waits_for_it(session: Session) -> None:
    """A file may say today what will hold next year; and may still take it back."""
    change = date(2027, 1, 1)
    put(session, a_price(50_000))
    announced = (a_price(50_000, valid_to=change), a_price(60_000, valid_from=change))
    assert put(session, *announced) is Change.CHANGED
    assert (amount(session, on=change - DAY), amount(session, on=change)) == (50_000, 60_000)
    assert put(session, *announced) is Change.UNCHANGED
    assert put(session, a_price(50_000)) is Change.CHANGED
    assert amount(session, on=change) == 50_000
    assert amount(session, on=SINCE) == 50_000


def test_a_price_that_is_dropped_ends(session: Session) -> None:
    """From today on only what the file lists is in force."""
    put(session, a_price(2000, channel="counter"), a_price(1000, channel="online"))
    assert put(session, a_price(2000, channel="counter")) is Change.CHANGED
    assert amount(session, channel=Channel.ONLINE, on=TODAY - DAY) == 1000
    with pytest.raises(fees.NoAmountKnown):
        amount(session, channel=Channel.ONLINE)


def test_a_changed_reduction_holds_from_the_day_it_is_loaded(session: Session) -> None:
    """As with prices, what it was stays to be found."""
    put(session, a_price(1000), reductions=(a_reduction("half", ReductionKind.PERCENT, 50),))
    less = (a_reduction("half", ReductionKind.PERCENT, 40),)
    assert put(session, a_price(1000), reductions=less) is Change.CHANGED
    assert put(session, a_price(1000), reductions=less) is Change.UNCHANGED
    assert amount(session, reduction="half", on=TODAY - DAY) == 500
    assert amount(session, reduction="half") == 400


@pytest.mark.parametrize("seed", range(8))
def test_each_day_keeps_the_price_of_the_last_file_loaded_until_then(
    session: Session, seed: int
) -> None:
    """However often the file changes, every past day keeps its price; the first holds before."""
    drawn = random.Random(seed)
    loaded: dict[date, int] = {}
    day = TODAY
    for _ in range(12):
        day += drawn.randint(0, 3) * DAY
        loaded[day] = drawn.choice([5000, 6000, 7000])
        put(session, a_price(loaded[day]), on=day)
    first = amount(session, on=TODAY - DAY)
    for on in (TODAY + n * DAY for n in range(45)):
        until = [value for when, value in loaded.items() if when <= on]
        assert amount(session, on=on) == (until[-1] if until else first)


def test_a_file_that_says_two_things_about_one_day_is_refused(session: Session) -> None:
    """Overlapping rows, or a later tier without a first, change nothing."""
    put(session, a_price(1000))
    overlapping = (a_price(2000), a_price(3000, valid_from=TODAY))
    with pytest.raises(fees.OverlappingValidity):
        put(session, *overlapping)
    with pytest.raises(fees.OverlappingValidity):
        put(session, a_price(2000, valid_from=None), a_price(3000, valid_from=None))
    with pytest.raises(fees.TierWithoutFirst):
        put(session, a_price(2000, from_quantity=3))
    with pytest.raises(fees.TierWithoutFirst):
        put(session, a_price(2000), a_price(1000, from_quantity=3, valid_to=TODAY))
    assert amount(session) == 1000


def test_words_that_describe_a_fee_are_set_right_in_place(session: Session) -> None:
    """Issued lines have their own copy; there is one row to describe a fee."""
    put(session, a_price(1000))
    assert put(session, a_price(1000), name="Tên đúng") is Change.CHANGED
    (entry,) = fees.tariff(session, on=TODAY)
    assert entry.fee.name == "Tên đúng"


def test_the_tariff_of_a_day_lists_what_is_in_force(session: Session) -> None:
    """Every fee by code; one that is not in force then has no prices."""
    put(session, a_price(1000, valid_to=TODAY), code="CU")
    put(session, a_price(2000, channel="online"), a_price(3000, channel="counter"), code="MOI")
    shown = {
        entry.fee.code: [(row.channel, int(row.unit_amount or 0)) for row in entry.prices]
        for entry in fees.tariff(session, on=TODAY)
    }
    assert shown == {"CU": [], "MOI": [("counter", 3000), ("online", 2000)]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit_amount": Dong(-1)},
        {"unit_amount": Dong(10**12 + 1)},
        {"from_quantity": 0},
        {"channel": "post"},
        {"valid_to": SINCE},
        {"at_most": Dong(0)},
        {"at_most": Dong(5000), "from_quantity": 3},
    ],
)
def test_the_database_refuses_a_price_that_cannot_be(
    session: Session, wrong: dict[str, Any]
) -> None:
    """The rule is said twice: whatever writes the row, the constraint holds."""
    put(session, a_price(1000))
    (entry,) = fees.tariff(session, on=TODAY)
    told: dict[str, Any] = {
        "fee_id": entry.fee.id,
        "channel": "online",
        "from_quantity": 1,
        "unit_amount": Dong(1000),
        "at_most": None,
        "valid_from": SINCE,
        "valid_to": None,
        "verified": True,
        "basis": "mẫu",
    }
    session.add(FeePrice(**told | wrong))
    with pytest.raises(IntegrityError):
        session.flush()
