"""The province's files: counted, read strictly, loaded as often as one likes, nothing invented."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, connections, fees, payouts, portals, seed, staff
from payments.agencies import Kind
from payments.core.audit import AuditEntry
from payments.core.config import Mode
from payments.core.errors import CashlessError
from payments.core.money import Dong
from payments.core.vault import Vault
from payments.fees import Channel, Item
from payments.seed.files import BUDGET_CODES, DEPARTMENTS, TARIFF, UNITS

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
TODAY = date(2026, 11, 24)
BY = "command:seed"
VAULT = Vault([b"k" * 32])
SAMPLES = Path(__file__).parents[1] / "vectors" / "fee_samples.json"
"""The figures as they were collected, each with how far it is to be believed."""


def samples() -> dict[str, dict[str, Any]]:
    return {fee["code"]: fee for fee in json.loads(SAMPLES.read_text())["fees"]}


def source_of(code: str) -> dict[str, Any]:
    """The sample that a fee comes from: three documents of one fee have codes of their own."""
    return samples()[code if code in samples() else code.split("-", maxsplit=1)[0]]


def load(session: Session, *, now: datetime = NOW) -> tuple[seed.Loaded, seed.Loaded]:
    return (
        seed.load_units(session, seed.read_units(), by=BY, now=now),
        seed.load_tariff(session, seed.read_tariff(), by=BY, now=now),
    )


def test_the_province_has_nine_districts_ninety_one_communes_and_nineteen_departments() -> None:
    """As the province counted its units in 2022; the list of departments is unverified."""
    listed = seed.read_units().agencies
    assert Counter(agency.kind for agency in listed) == {
        Kind.PROVINCE: 1,
        Kind.DEPARTMENT: 19,
        Kind.DISTRICT: 9,
        Kind.COMMUNE: 91,
    }
    unverified = {agency.kind for agency in listed if not agency.verified}
    verified = {agency.kind for agency in listed if agency.verified}
    assert unverified == {Kind.PROVINCE, Kind.DEPARTMENT}
    assert verified == {Kind.DISTRICT, Kind.COMMUNE}


def test_every_place_of_the_list_is_a_committee_under_its_district() -> None:
    """Nothing is dropped, renamed or moved on the way from the list into the tree."""
    listed = {agency.code: agency for agency in seed.read_units().agencies}
    with UNITS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 91
    for row in rows:
        commune = listed[f"H09.{row['commune_code']}"]
        district = listed[f"H09.{row['district_code']}"]
        assert commune.parent == district.code
        assert commune.name_vi.lower() == f"ubnd {row['commune_name'].lower()}"
        assert district.name_vi.lower() == f"ubnd {row['district_name_2022'].lower()}"
        place = row["commune_name_ascii"].split(" ", 1 if row["commune_type"] != "thị trấn" else 2)
        assert place[-1] in str(commune.name_en)


def test_every_fee_of_the_sources_is_there_with_its_kind_and_words() -> None:
    """A fee's name, who collects it and its legal basis are the source's own."""
    listed = {each.fee.code: each.fee for each in seed.read_tariff().fees}
    assert set(samples()) <= set(listed)
    assert set(listed) - set(samples()) == {"TTDN-HS", "TTDN-BC"}
    kinds = {"phí": "phi", "lệ phí": "le_phi"}
    for code, fee in listed.items():
        source = source_of(code)
        assert fee.name.startswith(source["name"])
        assert fee.kind == kinds[source["kind"]]
        assert fee.legal_basis == _in_vietnamese(source["legal_basis"])
        assert fee.collected_by == source["collected_by"]
        assert fee.confidence.startswith(source["confidence"])
        assert fee.name_en


def _in_vietnamese(told: str) -> str:
    """A legal basis as the page tells it; whoever collected it put some words in English."""
    for english, vietnamese in (
        ("(BCA portal text)", "(theo Cổng dịch vụ công Bộ Công an)"),
        ("general knowledge", "theo kiến thức chung"),
        ("->", "→"),
    ):
        told = told.replace(english, vietnamese)
    return told


def amounts_in(source: dict[str, Any]) -> set[int]:
    """Every number the source names, and half of it where the source says 50%."""
    text = json.dumps(source, ensure_ascii=False)
    named = {int(run.replace(".", "")) for run in re.findall(r"\d{1,3}(?:\.\d{3})+|\d+", text)}
    halves = {number // 2 for number in named} if "50%" in text else set()
    nothing = {0} if "miễn" in text else set()
    return named | halves | nothing


def test_no_amount_is_invented() -> None:
    """Each figure stands in its source; what the source does not know stays unknown."""
    for each in seed.read_tariff().fees:
        source = source_of(each.fee.code)
        known = amounts_in(source)
        for price in each.prices:
            assert price.unit_amount is None or int(price.unit_amount) in known, price
            assert price.at_most is None or int(price.at_most) in known, price
        for reduction in each.reductions:
            assert reduction.value is None or reduction.value in known, reduction
        if source["amount_vnd"] is None:
            assert {price.unit_amount for price in each.prices} == {None}
        else:
            assert any(price.unit_amount is not None for price in each.prices)


def test_only_what_two_sources_say_is_verified() -> None:
    """Every other row is marked unverified, and reductions are all from one source."""
    two = re.compile(r"[23]\+? sources")
    for each in seed.read_tariff().fees:
        source = source_of(each.fee.code)
        believed = two.search(source["confidence"]) is not None
        assert each.fee.verified == believed, each.fee.code
        for price in each.prices:
            assert not price.verified or believed
            assert not price.verified or price.channel != Channel.ONLINE
            assert not price.verified or "1 source" not in price.basis
        assert not any(reduction.verified for reduction in each.reductions)


def test_a_fee_is_variable_only_where_a_rate_or_the_council_sets_it() -> None:
    """An amount that merely was not collected stays unknown; nobody may fill it in."""
    variable = {each.fee.code for each in seed.read_tariff().fees if each.fee.variable}
    for code, source in samples().items():
        by_rate_or_council = "HĐND" in source["legal_basis"] or "rate" in source
        assert (code in variable) == (source["amount_vnd"] is None and by_rate_or_council)
    assert "BSX" not in variable


def test_every_sub_item_is_one_of_the_budgets_or_unknown() -> None:
    """Where the source names none, or two, the fee is booked under no made-up one."""
    known = seed.sub_items()
    assert len(known) == len(json.loads(BUDGET_CODES.read_text())["codes"])
    for each in seed.read_tariff().fees:
        told = source_of(each.fee.code)["budget_subitem"]
        if each.fee.sub_item == fees.UNKNOWN_SUB_ITEM:
            assert told is None or "/" in told
        else:
            assert each.fee.sub_item in known
            assert told.startswith(each.fee.sub_item)


@pytest.mark.parametrize(
    ("item", "channel", "on", "expected"),
    [
        (Item("LLTP"), Channel.ONLINE, TODAY, 200_000),
        (Item("LLTP", 2, reduction="student"), Channel.ONLINE, TODAY, 200_000),
        (Item("LLTP", reduction="child"), Channel.COUNTER, TODAY, 0),
        (Item("CTBS", 10), Channel.COUNTER, TODAY, 12_000),
        (Item("CTBS", 500), Channel.COUNTER, TODAY, 200_000),
        (Item("CT-TT"), Channel.COUNTER, TODAY, 20_000),
        (Item("CT-TT"), Channel.ONLINE, TODAY, 10_000),
        (Item("TLHT", 3), Channel.ONLINE, date(2026, 8, 14), 24_000),
        (Item("TLHT", 3), Channel.ONLINE, date(2026, 8, 15), 0),
        (Item("CCCD-D"), Channel.COUNTER, date(2025, 6, 30), 50_000),
        (Item("CCCD-D"), Channel.COUNTER, TODAY, 25_000),
        (Item("CCCD-D"), Channel.COUNTER, date(2027, 1, 1), 50_000),
        (Item("HC-M"), Channel.ONLINE, date(2023, 12, 31), 160_000),
        (Item("HC-M"), Channel.ONLINE, date(2024, 1, 1), 180_000),
        (Item("DKDN"), Channel.ONLINE, TODAY, 0),
        (Item("TBND", amount=Dong(12_345_678)), Channel.ONLINE, TODAY, 12_345_678),
        (Item("HT-L", reduction="marriage_in_country"), Channel.COUNTER, TODAY, 0),
    ],
)
def test_the_loaded_tariff_gives_the_amounts_of_the_sources(
    session: Session, item: Item, channel: Channel, on: date, expected: int
) -> None:
    """Worked by hand from the sources' words."""
    load(session)
    (line,) = fees.price(session, [item], channel=channel, on=on)
    assert line.amount == expected


@pytest.mark.parametrize(
    ("item", "channel", "on", "code"),
    [
        (Item("BSX"), Channel.COUNTER, TODAY, "no_amount_known"),
        (Item("BSX", amount=Dong(1000)), Channel.COUNTER, TODAY, "amount_not_allowed"),
        (Item("HC-L"), Channel.ONLINE, date(2025, 1, 1), "no_amount_known"),
        (Item("HC-M"), Channel.COUNTER, date(2026, 4, 1), "fee_not_valid_on"),
        (Item("TLHT"), Channel.ONLINE, date(2027, 3, 1), "fee_not_valid_on"),
        (Item("CCCD-C"), Channel.COUNTER, date(2024, 10, 21), "fee_not_valid_on"),
        (Item("GCN"), Channel.COUNTER, TODAY, "amount_required"),
    ],
)
def test_what_the_sources_do_not_say_cannot_be_asked_for(
    session: Session, item: Item, channel: Channel, on: date, code: str
) -> None:
    """An unknown amount, or a fee after its end, is an error and never a guess."""
    load(session)
    with pytest.raises(CashlessError) as refused:
        fees.price(session, [item], channel=channel, on=on)
    assert refused.value.code == code


def test_loading_again_changes_nothing(session: Session) -> None:
    """Not the same day, not years later; and it leaves no trace in the audit trail."""
    units, tariff = load(session)
    assert (units.added, tariff.added) == (120, len(seed.read_tariff().fees))
    told = len(session.scalars(select(AuditEntry)).all())
    for days in (0, 1, 400):
        units, tariff = load(session, now=NOW + timedelta(days=days))
        assert (units.added, units.changed, units.unmentioned) == (0, 0, 0)
        assert (tariff.added, tariff.changed, tariff.unmentioned) == (0, 0, 0)
    assert len(session.scalars(select(AuditEntry)).all()) == told == 2


def test_a_changed_file_gives_new_rows_that_hold_from_that_day(
    session: Session, tmp_path: Path
) -> None:
    """A dearer fee, a renamed department: yesterday is as it was."""
    load(session)
    tariff = json.loads(TARIFF.read_text())
    (found,) = [fee for fee in tariff["fees"] if fee["code"] == "CTCK"]
    found["prices"][0]["unit_amount"] = 15_000
    departments = json.loads(DEPARTMENTS.read_text())
    departments["departments"][2]["name_vi"] = "Sở Tư pháp mới"
    for name, content in (("t.json", tariff), ("d.json", departments)):
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    units = seed.read_units(departments=tmp_path / "d.json")
    loaded = seed.load_units(session, units, by=BY, now=NOW)
    assert (loaded.added, loaded.changed, loaded.unchanged) == (0, 1, 119)
    loaded = seed.load_tariff(session, seed.read_tariff(tmp_path / "t.json"), by=BY, now=NOW)
    assert (loaded.added, loaded.changed) == (0, 1)

    def amount(on: date) -> int:
        (line,) = fees.price(session, [Item("CTCK")], channel=Channel.COUNTER, on=on)
        return int(line.amount)

    yesterday = TODAY - timedelta(days=1)
    assert (amount(yesterday), amount(TODAY)) == (10_000, 15_000)
    named = [agencies.by_code(session, "H09.d03", on=on).name_vi for on in (yesterday, TODAY)]
    assert named == ["Sở Tư pháp", "Sở Tư pháp mới"]


def test_what_a_file_no_longer_mentions_stays_and_is_counted(
    session: Session, tmp_path: Path
) -> None:
    """Leaving a fee out of a file is not how it ends."""
    load(session)
    tariff = json.loads(TARIFF.read_text())
    tariff["fees"] = tariff["fees"][1:]
    (tmp_path / "t.json").write_text(json.dumps(tariff), encoding="utf-8")
    loaded = seed.load_tariff(session, seed.read_tariff(tmp_path / "t.json"), by=BY, now=NOW)
    assert (loaded.changed, loaded.unmentioned) == (0, 1)
    assert fees.price(session, [Item("LLTP")], channel=Channel.ONLINE, on=TODAY)


def fee_of(tariff: dict[str, Any]) -> dict[str, Any]:
    return tariff["fees"][0]


def price_of(tariff: dict[str, Any]) -> dict[str, Any]:
    return fee_of(tariff)["prices"][0]


def reduction_of(tariff: dict[str, Any]) -> dict[str, Any]:
    return fee_of(tariff)["reductions"][0]


@pytest.mark.parametrize(
    ("spoil", "place", "field"),
    [
        (lambda t: t.pop("fees"), "top", "fees"),
        (lambda t: t.update(fees=[]), "top", "fees"),
        (lambda t: t.update(fees={}), "top", "fees"),
        (lambda t: t.update(fees=["LLTP"]), "fees/0", "object"),
        (lambda t: t.update(note="x"), "top", "note"),
        (lambda t: fee_of(t).pop("code"), "fees/0", "code"),
        (lambda t: fee_of(t).update(code=" "), "fees/0", "code"),
        (lambda t: fee_of(t).update(kind="phí"), "fees/0", "kind"),
        (lambda t: fee_of(t).update(verified="yes"), "fees/0", "verified"),
        (lambda t: fee_of(t).update(sub_item="9999"), "fees/0", "sub_item"),
        (lambda t: fee_of(t).update(prices=[]), "fees/0", "prices"),
        (lambda t: fee_of(t).update(rate=0.005), "fees/0", "rate"),
        (lambda t: fee_of(t).update(code=t["fees"][1]["code"]), "TLHT", "code"),
        (lambda t: price_of(t).update(unit_amount=2000.5), "fees/0/prices/0", "unit_amount"),
        (lambda t: price_of(t).update(unit_amount="2000"), "fees/0/prices/0", "unit_amount"),
        (lambda t: price_of(t).update(unit_amount=True), "fees/0/prices/0", "unit_amount"),
        (lambda t: price_of(t).update(unit_amount=-1), "fees/0/prices/0", "unit_amount"),
        (lambda t: price_of(t).update(channel="post"), "fees/0/prices/0", "channel"),
        (lambda t: price_of(t).update(valid_from="01/01/2017"), "fees/0/prices/0", "valid_from"),
        (lambda t: price_of(t).update(valid_to="2016-01-01"), "fees/0/prices/0", "valid_to"),
        (
            lambda t: price_of(t).update(from_quantity=3, at_most=1000),
            "fees/0/prices/0",
            "at_most",
        ),
        (lambda t: reduction_of(t).update(kind="percent"), "fees/0/reductions/0", "value"),
        (lambda t: reduction_of(t).update(kind="exempt"), "fees/0/reductions/0", "value"),
        (lambda t: reduction_of(t).update(value=0), "fees/0/reductions/0", "value"),
    ],
)
def test_a_spoilt_tariff_is_refused_at_its_place(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], object], place: str, field: str
) -> None:
    """Missing, of another type, out of range, unknown or twice: said where, and nothing loaded."""
    tariff = json.loads(TARIFF.read_text())
    spoil(tariff)
    (tmp_path / "t.json").write_text(json.dumps(tariff), encoding="utf-8")
    with pytest.raises(seed.UnreadableSeed) as refused:
        seed.read_tariff(tmp_path / "t.json")
    assert refused.value.fields == {"file": "t.json", "place": place, "field": field}


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"fees": 1, "fees": 2}', b"[" * 100_000],
    ids=["empty", "cut", "list", "not utf-8", "null", "twice", "deep"],
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, raw: bytes) -> None:
    """For the tariff and for the departments alike."""
    path = tmp_path / "x.json"
    path.write_bytes(raw)
    for read in (lambda: seed.read_tariff(path), lambda: seed.read_units(departments=path)):
        with pytest.raises(seed.UnreadableSeed):
            read()


@pytest.mark.parametrize(
    ("old", "new", "place", "field"),
    [
        ("commune_code", "code", "line 2", "commune_code"),
        ("Phường Phú Lợi", "", "line 3", "commune_name"),
        ("Phường Phú Lợi", "Phú Lợi", "H09.25744", "name"),
        ("25744", "25741", "H09.25741", "code"),
        ("Thành phố Thủ Dầu Một", '"Thành phố', "file", "csv"),
    ],
)
def test_a_spoilt_list_of_units_is_refused_at_its_place(
    tmp_path: Path, old: str, new: str, place: str, field: str
) -> None:
    """A lost column, an empty name, a place of no kind, a code twice, an open quotation mark."""
    path = tmp_path / "u.csv"
    path.write_text(UNITS.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(seed.UnreadableSeed) as refused:
        seed.read_units(path)
    assert (refused.value.fields["place"], refused.value.fields["field"]) == (place, field)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(seed.UnreadableSeed):
        seed.read_tariff(tmp_path / "none.json")
    with pytest.raises(seed.UnreadableSeed):
        seed.read_units(tmp_path)


def practise(session: Session, *, mode: Mode = Mode.SANDBOX) -> seed.Practice:
    return seed.practise(session, VAULT, mode=mode, by=BY, now=NOW)


def test_practice_gives_everything_to_live_a_day_with(session: Session) -> None:
    """Accounts, a connection of every source, a portal with its key, a person of every role."""
    load(session)
    practice = practise(session)
    for line in practice.lines:
        intake = connections.intake(session, line.public_id, VAULT, now=NOW)
        assert intake.secrets == (line.secret,)
        assert set(intake.accounts) == {account.number for account in practice.accounts}
    assert {(line.source, line.scheme) for line in practice.lines} == {
        ("sandbox", "hmac"),
        ("sepay", "hmac"),
        ("sepay", "key"),
        ("payos", "hmac"),
    }
    assert practice.portal_key is not None
    caller = portals.authenticate(session, practice.portal_key, now=NOW)
    assert caller.scopes == set(portals.Scope)
    assert {role for person in practice.people for role in person.roles} == set(staff.Role)
    for person in practice.people:
        made = staff.sign_in(
            session, person.username, str(person.password), address="192.0.2.1", now=NOW
        )
        assert isinstance(made, staff.NewSession)


def test_every_agency_collects_into_a_practice_account(session: Session) -> None:
    """The province's, or the department's own."""
    load(session)
    accounts = {account.agency: account.number for account in practise(session).accounts}

    def account(code: str) -> str:
        agency = agencies.by_code(session, code, on=TODAY)
        return agencies.account_for(session, agency.id, on=TODAY).number

    assert account("H09.d03") == accounts["H09.d03"]
    assert account("H09.25744") == account("H09.d04") == accounts["H09"]


def test_fees_of_every_agency_have_a_sample_route(session: Session) -> None:
    """Approved by another than proposed it, marked as unconfirmed, and made once."""
    load(session)
    practise(session)
    practise(session)
    made = [route for route, _ in payouts.routes(session, most=50)]
    assert len({route.number for route in made}) == len(made)
    assert not any(route.verified for route in made)
    assert all(route.decided_by not in (None, route.proposed_by) for route in made)
    ways = payouts.Ways(session, on=TODAY)
    for agency in agencies.tree(session, on=TODAY):
        for kind in fees.FeeKind:
            assert ways.of(agency.id, kind, "2721") is not None


def test_practising_again_makes_nothing_new(session: Session) -> None:
    """Keys and passwords are told once; addresses and secrets of the practice bank again."""
    load(session)
    first, second = practise(session), practise(session)
    assert (second.accounts, second.lines) == (first.accounts, first.lines)
    assert second.portal_key is None
    assert {person.password for person in second.people} == {None}
    assert str(first.portal_key) not in repr(first)
    assert str(first.people[0].password) not in repr(first)


def test_there_is_no_practice_in_live_mode(session: Session) -> None:
    """No invented account or person ever stands beside real money."""
    load(session)
    with pytest.raises(seed.PracticeOnly):
        practise(session, mode=Mode.LIVE)
    assert agencies.accounts(session, on=TODAY) == []


def test_what_the_tariff_rests_on_is_told_in_vietnamese() -> None:
    """The page of the tariff shows it to citizens and staff as it stands in the file."""
    english = re.compile(r"\b(sources?|general|from|until|per|in|the|not|with|date)\b")
    shown = ("basis", "legal_basis", "source", "unit", "collected_by")
    told = json.loads(TARIFF.read_text("utf-8"))
    ahead, found = [told], []
    while ahead:
        one = ahead.pop()
        if isinstance(one, dict):
            found += [text for key, text in one.items() if key in shown and english.search(text)]
        ahead += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    assert found == []
