"""The tree of agencies on a day, whose account a fee is paid into, locks and calendars."""

from __future__ import annotations

import threading
import time as machine
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import Agency, Described, Kind, Opening
from payments.core.calendar import VIETNAM
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.core.validity import Change

SINCE = date(2022, 1, 1)
TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
BY = "staff:1"


def described(code: str, parent: str | None = None, name: str = "Đơn vị mẫu") -> Described:
    kind = Kind.PROVINCE if parent is None else Kind.COMMUNE
    return Described(code, name, None, kind, parent, verified=True)


def put(session: Session, *each: Described, on: date = TODAY) -> list[Change]:
    return [agencies.put(session, one, since=SINCE, on=on) for one in each]


def a_province(session: Session) -> None:
    put(
        session,
        described("H99"),
        described("H99.1", "H99"),
        described("H99.11", "H99.1"),
        described("H99.12", "H99.1"),
        described("H99.2", "H99"),
    )


def an_account(
    session: Session, agency: str, number: str, *, bin: str = "970436", on: date = SINCE
) -> int:
    owner = agencies.by_code(session, agency, on=TODAY)
    opening = Opening(bin=bin, number=number, name="DON VI MAU")
    return agencies.open_account(session, owner.id, opening, valid_from=on, by=BY, now=NOW).id


def test_every_agency_stands_below_its_parent_in_the_order_of_codes(session: Session) -> None:
    """The tree of a day is one list: each agency after its parent, with its depth."""
    a_province(session)
    drawn = [(node.depth, node.code, node.parent) for node in agencies.tree(session, on=TODAY)]
    assert drawn == [
        (0, "H99", None),
        (1, "H99.1", "H99"),
        (2, "H99.11", "H99.1"),
        (2, "H99.12", "H99.1"),
        (1, "H99.2", "H99"),
    ]


def test_the_tree_is_empty_before_the_first_agency_begins(session: Session) -> None:
    """No agency is claimed for a time the sources say nothing about."""
    a_province(session)
    assert agencies.tree(session, on=SINCE - timedelta(days=1)) == []
    assert len(agencies.tree(session, on=SINCE)) == 5


def test_a_renamed_agency_is_a_new_row_and_keeps_its_communes(session: Session) -> None:
    """What it was called before the day stays to be read, and what stood below it stays below."""
    a_province(session)
    before = agencies.by_code(session, "H99.1", on=TODAY)
    assert put(session, described("H99.1", "H99", "Tên mới")) == [Change.CHANGED]
    after = agencies.by_code(session, "H99.1", on=TODAY)
    yesterday = agencies.by_code(session, "H99.1", on=TODAY - timedelta(days=1))
    assert yesterday is before
    assert (before.name_vi, before.valid_to, before.successor_id) == (
        "Đơn vị mẫu",
        TODAY,
        after.id,
    )
    assert (after.name_vi, after.valid_from, after.valid_to) == ("Tên mới", TODAY, None)
    parents = {node.code: node.parent for node in agencies.tree(session, on=TODAY)}
    assert parents["H99.11"] == "H99.1"


def test_an_agency_renamed_twice_on_one_day_has_one_row_for_the_day(session: Session) -> None:
    """A row that began today has no past yet to be kept."""
    a_province(session)
    put(session, described("H99.2", "H99", "Sai"), described("H99.2", "H99", "Đúng"))
    rows = session.scalars(select(Agency).where(Agency.code == "H99.2").order_by(Agency.id))
    assert [(row.name_vi, row.valid_to) for row in rows] == [("Đơn vị mẫu", TODAY), ("Đúng", None)]


def test_saying_the_same_again_changes_nothing(session: Session) -> None:
    """A file may be loaded as often as one likes."""
    a_province(session)
    assert put(session, described("H99"), described("H99.11", "H99.1")) == [
        Change.UNCHANGED,
        Change.UNCHANGED,
    ]


def test_a_merged_agency_ends_and_names_its_successor(session: Session) -> None:
    """From the day of the merger its code is no longer known; the successor link remains."""
    a_province(session)
    ending = agencies.by_code(session, "H99.11", on=TODAY)
    following = agencies.by_code(session, "H99.12", on=TODAY)
    agencies.succeed(session, ending.id, following.id, on=TODAY)
    assert ending.successor_id == following.id
    assert agencies.by_code(session, "H99.11", on=TODAY - timedelta(days=1)) is ending
    with pytest.raises(agencies.UnknownAgency):
        agencies.by_code(session, "H99.11", on=TODAY)
    with pytest.raises(agencies.AgencyEnded):
        agencies.succeed(session, ending.id, following.id, on=TODAY + timedelta(days=1))


def test_a_code_may_come_again_after_its_agency_ended(session: Session) -> None:
    """The new agency begins when it is added, never inside the old one's time."""
    a_province(session)
    ending = agencies.by_code(session, "H99.11", on=TODAY)
    following = agencies.by_code(session, "H99.12", on=TODAY)
    agencies.succeed(session, ending.id, following.id, on=TODAY)
    later = TODAY + timedelta(days=30)
    assert put(session, described("H99.11", "H99.1"), on=later) == [Change.ADDED]
    assert agencies.by_code(session, "H99.11", on=later).valid_from == later


def test_no_agency_stands_below_itself(session: Session) -> None:
    """A district can't be moved under one of its own communes."""
    a_province(session)
    with pytest.raises(agencies.AgencyUnderItself):
        put(session, described("H99.1", "H99.11"))
    with pytest.raises(agencies.UnknownAgency):
        put(session, described("H99.3", "H98"))


def test_a_code_has_one_open_row_whatever_is_written(session: Session) -> None:
    """The database itself refuses a second agency of the same code without an end."""
    a_province(session)
    session.add(
        Agency(code="H99.2", name_vi="Khác", kind="commune", valid_from=TODAY, verified=True)
    )
    with pytest.raises(IntegrityError):
        session.flush()


def test_fees_go_to_the_nearest_account_up_the_tree(session: Session) -> None:
    """An agency without an account of its own collects into its parent's, or the province's."""
    a_province(session)
    province = an_account(session, "H99", "1000")
    district = an_account(session, "H99.1", "1001")

    def account(code: str, on: date = TODAY) -> int:
        agency = agencies.by_code(session, code, on=TODAY)
        return agencies.account_for(session, agency.id, on=on).id

    assert account("H99.11") == district
    assert account("H99.1") == district
    assert account("H99.2") == province
    own = an_account(session, "H99.11", "1002", on=TODAY)
    assert account("H99.11") == own
    assert account("H99.11", on=TODAY - timedelta(days=1)) == district


def test_a_renamed_agency_keeps_its_account(session: Session) -> None:
    """An account belongs to the code, not to what it was called when the account was opened."""
    a_province(session)
    own = an_account(session, "H99.2", "1001")
    put(session, described("H99.2", "H99", "Tên mới"))
    renamed = agencies.by_code(session, "H99.2", on=TODAY)
    assert agencies.account_for(session, renamed.id, on=TODAY).id == own


def test_without_an_account_up_the_tree_nothing_can_be_collected(session: Session) -> None:
    """There is an error, not a wrong account."""
    a_province(session)
    an_account(session, "H99.1", "1001")
    lonely = agencies.by_code(session, "H99.2", on=TODAY)
    with pytest.raises(agencies.NoCollectionAccount) as refused:
        agencies.account_for(session, lonely.id, on=TODAY)
    assert refused.value.fields == {"agency": "H99.2", "on": TODAY}


def test_accounts_are_listed_while_they_are_in_force(session: Session) -> None:
    """An account opened tomorrow is not one of today's."""
    a_province(session)
    first = an_account(session, "H99", "1000")
    an_account(session, "H99", "1001", on=TODAY + timedelta(days=1))
    assert [account.id for account in agencies.accounts(session, on=TODAY)] == [first]
    assert len(agencies.accounts(session, on=TODAY + timedelta(days=1))) == 2


@pytest.mark.parametrize(
    ("bin", "number", "code"),
    [
        ("970436", "", "invalid_account_number"),
        ("970436", "12 34", "invalid_account_number"),
        ("970436", "1" * 20, "invalid_account_number"),
        ("970436", "Số1", "invalid_account_number"),
        ("000000", "1234", "unknown_bank"),
        ("970436", "1000", "collection_account_taken"),
    ],
)
def test_an_account_is_opened_only_with_a_known_bank_and_a_free_number(
    session: Session, bin: str, number: str, code: str
) -> None:
    """What a QR code could not carry is refused before it is an account."""
    a_province(session)
    an_account(session, "H99", "1000")
    with pytest.raises(CashlessError) as refused:
        an_account(session, "H99", number, bin=bin)
    assert refused.value.code == code


def test_an_account_is_found_by_its_number_and_where_needed_its_bank(session: Session) -> None:
    """Two banks may use one number; then the bank must be said."""
    a_province(session)
    first = an_account(session, "H99", "1000")
    assert agencies.by_number(session, "1000").id == first
    second = an_account(session, "H99", "1000", bin="970418")
    with pytest.raises(agencies.SeveralCollectionAccounts):
        agencies.by_number(session, "1000")
    assert agencies.by_number(session, "1000", bin="970418").id == second
    with pytest.raises(agencies.UnknownCollectionAccount):
        agencies.by_number(session, "9999")


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=VIETNAM)


def test_the_calendar_knows_the_accounts_own_days_before_those_of_all(session: Session) -> None:
    """A day closed for all may be worked by one account, with its own cut-off."""
    a_province(session)
    one = an_account(session, "H99", "1000")
    other = an_account(session, "H99.1", "1001")
    friday = date(2026, 11, 27)
    saturday, monday = friday + timedelta(days=1), friday + timedelta(days=3)
    agencies.close_on(session, friday, reason="Bảo trì")
    agencies.work_on(
        session, saturday, reason="Làm bù", cut_off=time(11, 30), collection_account_id=one
    )
    first, second = (agencies.calendar_of(session, each) for each in (one, other))
    assert first.business_day(at(friday, 9)) == saturday
    assert first.business_day(at(saturday, 11, 31)) == monday
    assert second.business_day(at(friday, 9)) == monday
    agencies.work_on(session, friday, reason="Vẫn làm", collection_account_id=other)
    assert agencies.calendar_of(session, other).business_day(at(friday, 9)) == friday
    assert agencies.calendar_of(session, one).business_day(at(friday, 9)) == saturday


def test_a_day_that_is_named_again_has_the_last_word(session: Session) -> None:
    """Closing and then working a day leaves one row, and it works."""
    a_province(session)
    account = an_account(session, "H99", "1000")
    agencies.close_on(session, TODAY, reason="Nhầm")
    agencies.work_on(session, TODAY, reason="Đúng")
    assert agencies.calendar_of(session, account).works(TODAY)
    assert len(session.scalars(select(agencies.ClosedDay)).all()) == 1


def test_a_calendar_or_lock_of_no_account_is_refused(session: Session) -> None:
    """A wrong number is an error, not an empty calendar and not a lock on nothing."""
    for verb in (agencies.calendar_of, agencies.lock):
        with pytest.raises(agencies.UnknownCollectionAccount):
            verb(session, 404)
    assert agencies.lock_if_free(session, 404) is False


class Crowd:
    """Counts how many units are inside the same account at once, at most."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._guard = threading.Lock()

    def stay(self) -> None:
        with self._guard:
            self.inside += 1
            self.most = max(self.most, self.inside)
        machine.sleep(0.02)
        with self._guard:
            self.inside -= 1


def many(database: Database, unit: object, *, threads: int = 6) -> None:
    started = [
        threading.Thread(target=lambda: database.write(unit))  # type: ignore[arg-type]
        for _ in range(threads)
    ]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def a_committed_account(database: Database) -> int:
    def unit(session: Session) -> int:
        put(session, described("H99"))
        return an_account(session, "H99", "1000")

    return database.write(unit)


@pytest.mark.committed
def test_one_account_has_one_writer_at_a_time(database: Database) -> None:
    """Six units that lock the account are never in it together."""
    account, crowd = a_committed_account(database), Crowd()

    def unit(session: Session) -> None:
        agencies.lock(session, account)
        crowd.stay()

    many(database, unit)
    assert crowd.most == 1


@pytest.mark.committed
def test_without_the_lock_writers_do_meet_on_postgresql(database: Database) -> None:
    """The naive variant shows that the lock is what keeps them apart; SQLite has one writer."""
    account, crowd = a_committed_account(database), Crowd()

    def unit(session: Session) -> None:
        session.get_one(agencies.CollectionAccount, account)
        crowd.stay()

    many(database, unit)
    assert (crowd.most == 1) == database.is_sqlite


@pytest.mark.committed
def test_a_held_account_is_passed_over(database: Database) -> None:
    """The settle loop goes on to the next account instead of waiting."""
    account = a_committed_account(database)
    if database.is_sqlite:
        assert database.write(lambda session: agencies.lock_if_free(session, account))
        return
    held, done = threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        agencies.lock(session, account)
        held.set()
        done.wait(10)

    holder = threading.Thread(target=lambda: database.write(hold))
    holder.start()
    held.wait(10)
    assert not database.write(lambda session: agencies.lock_if_free(session, account))
    done.set()
    holder.join()
    assert database.write(lambda session: agencies.lock_if_free(session, account))
