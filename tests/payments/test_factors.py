"""Second factors: a code is enrolled, asked for, of use once; recovery codes; who takes it away."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from payments import staff
from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.staff import (
    NewSession,
    Owed,
    Role,
    SecondFactor,
    SignedIn,
    StaffRole,
    factors,
)
from payments.staff.tables import RecoveryCode
from tests.builders import a_vault
from tests.phones import Phone, a_phone

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
SECOND, STEP, MINUTE = timedelta(seconds=1), timedelta(seconds=30), timedelta(minutes=1)
BY, OTHER = "staff:98", "staff:99"
PASSWORD = "trời xanh mây trắng"
HERE = "192.0.2.1"


def a_person(session: Session, *roles: Role, username: str = "lan") -> int:
    told = {"name": "Người mẫu", "password": PASSWORD, "roles": roles or [Role.APPROVER]}
    return staff.add(session, username, by="command:test", now=NOW, **told).id


def half_in(session: Session, *, at: datetime = NOW) -> NewSession:
    """What the password alone gives."""
    made = staff.sign_in(session, "lan", PASSWORD, address=HERE, now=at)
    assert isinstance(made, NewSession)
    return made


def prove(
    session: Session,
    who: SignedIn,
    typed: str,
    *,
    at: datetime = NOW,
    address: str = HERE,
    phone_at: datetime | None = None,
) -> object:
    return staff.prove(
        session,
        who,
        typed,
        vault=a_vault(),
        address=address,
        now=at,
        phone_at=phone_at or at,
    )


def owes(session: Session, made: NewSession, *roles: Role, at: datetime = NOW) -> Owed | None:
    return staff.session_of(session, made.token, now=at, required=roles).owes


LATER = NOW + 2 * STEP
"""A moment at which the phone shows another code than when it was enrolled."""


def test_the_password_alone_opens_nothing_where_a_phone_is_enrolled(session: Session) -> None:
    """The code makes it a session, under another token; the first one opens nothing any more."""
    phone, _ = a_phone(session, a_person(session), now=NOW)
    half = half_in(session, at=LATER)
    assert half.who.owes is Owed.CODE
    assert not half.who.proved_lately(now=LATER)
    whole = prove(session, half.who, phone.shows(LATER), at=LATER)
    assert isinstance(whole, NewSession)
    assert whole.who.owes is None
    assert whole.who.proved_lately(now=LATER)
    assert whole.token != half.token
    with pytest.raises(staff.NotSignedIn):
        staff.session_of(session, half.token, now=LATER)


def test_who_does_not_give_the_code_within_five_minutes_begins_again(session: Session) -> None:
    """Half a session does not lie about."""
    phone, _ = a_phone(session, a_person(session), now=NOW)
    half = half_in(session, at=LATER)
    assert owes(session, half, at=LATER + 5 * MINUTE - SECOND) is Owed.CODE
    with pytest.raises(staff.NotSignedIn):
        staff.session_of(session, half.token, now=LATER + 5 * MINUTE)
    with pytest.raises(staff.NotSignedIn):
        prove(session, half.who, phone.shows(LATER), at=LATER + 5 * MINUTE)


@pytest.mark.parametrize(
    ("seconds", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_a_code_counts_in_its_half_minute_and_the_ones_beside_it(
    session: Session, seconds: int, taken: bool
) -> None:
    """A phone's clock may be half a minute off."""
    phone, _ = a_phone(session, a_person(session), now=NOW - timedelta(hours=1))
    half = half_in(session)
    typed = phone.shows(NOW + seconds * SECOND)
    assert isinstance(prove(session, half.who, typed), NewSession) is taken


def test_a_code_is_of_use_once_and_so_is_no_earlier_one(session: Session) -> None:
    """Who looked over a shoulder comes too late, also with the code of the half minute before."""
    phone, _ = a_phone(session, a_person(session), now=NOW - timedelta(hours=1))
    half = half_in(session)
    whole = prove(session, half.who, phone.shows(NOW))
    assert isinstance(whole, NewSession)
    for used in (NOW, NOW - STEP):
        outcome = prove(session, whole.who, phone.shows(used))
        assert isinstance(outcome, staff.WrongCode), used
    assert isinstance(prove(session, whole.who, phone.shows(NOW + STEP)), NewSession)


def test_the_code_that_enrolled_a_phone_does_not_sign_in(session: Session) -> None:
    """It was used."""
    phone, _ = a_phone(session, a_person(session), now=NOW)
    assert isinstance(prove(session, half_in(session).who, phone.shows(NOW)), staff.WrongCode)


def test_a_phone_follows_its_own_clock_not_the_practice_one(session: Session) -> None:
    """The practice day may lie anywhere; what counts is the clock that phones have too."""
    phone, _ = a_phone(session, a_person(session), now=NOW - timedelta(hours=1))
    half = half_in(session)
    outside = NOW + timedelta(days=3)
    proved = prove(session, half.who, phone.shows(outside), phone_at=outside)
    assert isinstance(proved, NewSession)


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "１２３４５６", "0" * 5000, "\ud800"])
def test_what_is_no_code_is_refused(session: Session, typed: str) -> None:
    """Whatever is typed."""
    a_phone(session, a_person(session), now=NOW)
    assert isinstance(prove(session, half_in(session).who, typed), staff.WrongCode)


def test_a_code_may_be_typed_in_two_halves(session: Session) -> None:
    """As phones show it."""
    phone, _ = a_phone(session, a_person(session), now=NOW)
    code = phone.shows(LATER)
    typed = f" {code[:3]} {code[3:]} "
    assert isinstance(prove(session, half_in(session, at=LATER).who, typed, at=LATER), NewSession)


def test_a_recovery_code_stands_in_for_the_phone_once(session: Session) -> None:
    """With or without its dashes; nine are left, and the phone goes on."""
    person = a_person(session)
    phone, codes = a_phone(session, person, now=NOW)
    assert len(set(codes)) == 10
    half = half_in(session)
    assert isinstance(prove(session, half.who, codes[3].replace("-", "")), NewSession)
    assert factors.codes_left(session, person) == 9
    again = half_in(session)
    assert isinstance(prove(session, again.who, codes[3]), staff.WrongCode)
    assert isinstance(prove(session, again.who, codes[4]), NewSession)
    more = half_in(session, at=LATER)
    assert isinstance(prove(session, more.who, phone.shows(LATER), at=LATER), NewSession)


def test_a_new_set_of_recovery_codes_ends_the_old_one(session: Session) -> None:
    """Whoever finds the old paper finds nothing."""
    person = a_person(session)
    _, old = a_phone(session, person, now=NOW)
    new = factors.renew_codes(session, person, now=NOW)
    half = half_in(session)
    assert isinstance(prove(session, half.who, old[0]), staff.WrongCode)
    assert isinstance(prove(session, half.who, new[0]), NewSession)
    assert factors.codes_left(session, person) == 9


def test_who_has_no_phone_has_no_recovery_codes(session: Session) -> None:
    """There is nothing to recover."""
    person = a_person(session)
    assert factors.codes_left(session, person) == 0
    with pytest.raises(staff.NoFactor):
        factors.renew_codes(session, person, now=NOW)


def test_neither_secret_nor_recovery_codes_are_stored_as_they_are(session: Session) -> None:
    """The secret is sealed, the codes are argon2id hashes; neither is in the audit trail."""
    phone, codes = a_phone(session, a_person(session), now=NOW)
    (row,) = session.scalars(select(SecondFactor)).all()
    assert row.secret is not None
    assert phone.secret.encode() not in row.secret
    hashes = session.scalars(select(RecoveryCode.code_hash)).all()
    assert all(one.startswith("$argon2id$") for one in hashes)
    trail = " ".join(str(entry.details) for entry in session.scalars(select(AuditEntry)))
    assert not any(secret in trail for secret in (phone.secret, *codes))


def test_a_phone_is_enrolled_by_its_first_code_alone(session: Session) -> None:
    """Until then nothing is asked for, and after a quarter of an hour it is begun again."""
    person, vault = a_person(session), a_vault()

    def confirm(code: str, *, at: datetime = NOW) -> object:
        told = {"vault": vault, "now": at, "phone_at": at}
        return factors.confirm(session, person, code, **told)

    with pytest.raises(staff.NoFactorWaits):
        confirm("123456")
    factors.begin(session, person, vault=vault, now=NOW)
    waiting = factors.enrolment(session, person, vault=vault, now=NOW)
    assert waiting is not None
    assert waiting.secret in waiting.address
    assert waiting.address.startswith("otpauth://totp/Cashless:lan?")
    phone = Phone(waiting.secret)
    assert confirm("000000") is None
    assert half_in(session).who.owes is None
    late = NOW + 15 * MINUTE
    assert factors.enrolment(session, person, vault=vault, now=late) is None
    with pytest.raises(staff.NoFactorWaits):
        confirm(phone.shows(late), at=late)
    assert confirm(phone.shows(NOW)) is not None
    assert factors.enrolment(session, person, vault=vault, now=NOW) is None


def test_another_phone_takes_the_place_of_the_first_when_it_is_confirmed(session: Session) -> None:
    """Until then the first goes on; afterwards neither it nor its recovery codes open anything."""
    person, vault = a_person(session), a_vault()
    first, codes = a_phone(session, person, now=NOW)
    factors.begin(session, person, vault=vault, now=LATER)
    half = half_in(session, at=LATER)
    assert isinstance(prove(session, half.who, first.shows(LATER), at=LATER), NewSession)
    second, _ = a_phone(session, person, now=LATER)
    at = LATER + 2 * STEP
    half = half_in(session, at=at)
    for old in (first.shows(at), codes[0]):
        assert isinstance(prove(session, half.who, old, at=at), staff.WrongCode)
    assert isinstance(prove(session, half.who, second.shows(at), at=at), NewSession)
    ended = session.scalars(select(SecondFactor).where(SecondFactor.ended_at.is_not(None))).all()
    assert [one.secret for one in ended] == [None] * len(ended)
    assert ended


def test_guessing_codes_slows_down_and_the_password_does_not_help(session: Session) -> None:
    """Five tries are free, then waits double; who signs in anew meanwhile waits all the same."""
    phone, _ = a_phone(session, a_person(session), now=NOW - timedelta(hours=1))
    half = half_in(session)
    wrong = [type(prove(session, half.who, "000000", address=f"192.0.2.{n}")) for n in range(7)]
    assert wrong == [staff.WrongCode] * 5 + [staff.TooManyTries] * 2
    again = half_in(session)
    refused = prove(session, again.who, phone.shows(NOW))
    assert isinstance(refused, staff.TooManyTries)
    assert refused.fields == {"retry_after": 30}
    at = NOW + 30 * SECOND
    assert isinstance(prove(session, again.who, phone.shows(at), at=at), NewSession)


def test_guessing_codes_from_one_address_slows_down_for_every_name(session: Session) -> None:
    """Wrong codes count with wrong passwords of that address."""
    a_phone(session, a_person(session), now=NOW)
    for number in range(15):
        staff.sign_in(session, f"nguoi{number}", "sai mật khẩu rồi", address=HERE, now=NOW)
    half = half_in(session)
    for _ in range(5):
        prove(session, half.who, "000000")
    minh = a_person(session, username="minh")
    assert minh
    outcome = staff.sign_in(session, "minh", PASSWORD, address=HERE, now=NOW)
    assert isinstance(outcome, staff.TooManyTries)


@pytest.mark.committed
def test_one_code_sent_twice_at_once_opens_once(database: Database) -> None:
    """Each is tried in a unit that holds the person's row."""
    at = NOW + 2 * STEP

    def unit(session: Session) -> tuple[str, list[NewSession]]:
        phone, _ = a_phone(session, a_person(session), now=NOW)
        return phone.shows(at), [half_in(session, at=at) for _ in range(4)]

    code, halves = database.write(unit)
    outcomes: list[str] = []
    ready = threading.Barrier(len(halves))

    def give(half: NewSession) -> None:
        ready.wait()
        done = database.write(lambda session: prove(session, half.who, code, at=at))
        outcomes.append(type(done).__name__)

    giving = [threading.Thread(target=give, args=(half,)) for half in halves]
    for thread in giving:
        thread.start()
    for thread in giving:
        thread.join()
    assert sorted(outcomes) == ["NewSession"] + ["WrongCode"] * 3


@pytest.mark.committed
def test_a_code_held_against_what_was_read_before_would_open_twice(database: Database) -> None:
    """The naive way: read which code was used last, and then look at it without the row held."""
    at = NOW + 2 * STEP

    def unit(session: Session) -> tuple[str, int]:
        person = a_person(session)
        return a_phone(session, person, now=NOW)[0].shows(at), person

    code, person = database.write(unit)
    told = {"vault": a_vault(), "now": at, "phone_at": at}

    def use(read: SecondFactor | None) -> bool:
        assert read is not None
        return database.write(lambda session: factors.accepts(session, read, code, **told))

    reads = [database.read(lambda session: factors.live(session, person)) for _ in range(2)]
    opened = [use(read) for read in reads]
    assert opened == [True, True]


def test_an_administrator_takes_a_lost_phone_away(session: Session) -> None:
    """The person is signed out everywhere and comes in by the password, to enrol another."""
    person = a_person(session)
    phone, codes = a_phone(session, person, now=NOW)
    whole = prove(session, half_in(session, at=LATER).who, phone.shows(LATER), at=LATER)
    assert isinstance(whole, NewSession)
    factors.reset(session, person, by=BY, now=LATER)
    session.expire_all()
    with pytest.raises(staff.NotSignedIn):
        staff.session_of(session, whole.token, now=LATER)
    made = half_in(session, at=LATER)
    assert owes(session, made, at=LATER) is None
    assert owes(session, made, Role.APPROVER, at=LATER) is Owed.FACTOR
    assert owes(session, made, Role.ADMINISTRATOR, at=LATER) is None
    assert factors.codes_left(session, person) == 0
    with pytest.raises(staff.NoFactor):
        factors.reset(session, person, by=BY, now=LATER)
    assert codes


def test_nobody_takes_their_own_second_factor_away(session: Session) -> None:
    """Who has the phone moves to another; who has not needs somebody else."""
    person = a_person(session, Role.ADMINISTRATOR)
    a_phone(session, person, now=NOW)
    with pytest.raises(staff.OwnFactor):
        factors.reset(session, person, by=staff.actor(person), now=NOW)


def test_one_administrator_alone_does_not_become_somebody_else(session: Session) -> None:
    """Who gave the password does not take the factor away, nor the other way round."""
    person = a_person(session)
    a_phone(session, person, now=NOW)
    staff.reset_password(session, person, "một mật khẩu tạm", by=BY, now=NOW)
    staff.make_temporary(session, person)
    with pytest.raises(staff.SameHand):
        factors.reset(session, person, by=BY, now=NOW)
    factors.reset(session, person, by=OTHER, now=NOW)
    with pytest.raises(staff.SameHand):
        staff.reset_password(session, person, "một mật khẩu khác", by=OTHER, now=NOW)
    staff.reset_password(session, person, "một mật khẩu khác", by=BY, now=NOW)
    a_phone(session, person, now=NOW)
    staff.reset_password(session, person, "mật khẩu thứ ba nhé", by=OTHER, now=NOW)


def test_a_password_told_by_somebody_else_opens_only_the_choice_of_another(
    session: Session,
) -> None:
    """Once chosen, it is the person's own: they are out everywhere else and in here."""
    person = a_person(session)
    staff.make_temporary(session, person)
    made, elsewhere = half_in(session), half_in(session)
    assert owes(session, made) is Owed.PASSWORD
    browser = staff.Browser(HERE, "")

    def choose(present: str, new: str) -> object:
        return staff.choose_password(session, made.who, present, new, browser=browser, now=NOW)

    assert isinstance(choose("sai mật khẩu rồi", "một mật khẩu khác"), staff.WrongPassword)
    with pytest.raises(staff.SamePassword):
        choose(PASSWORD, PASSWORD)
    with pytest.raises(staff.WeakPassword):
        choose(PASSWORD, "ngắn")
    chosen = choose(PASSWORD, "một mật khẩu khác")
    assert isinstance(chosen, NewSession)
    session.expire_all()
    assert owes(session, chosen) is None
    for ended in (made, elsewhere):
        with pytest.raises(staff.NotSignedIn):
            staff.session_of(session, ended.token, now=NOW)


def test_what_happens_to_second_factors_is_in_the_audit_trail(session: Session) -> None:
    """Enrolled, refused, proved, recovered, renewed, taken away."""
    person = a_person(session)
    phone, codes = a_phone(session, person, now=NOW)
    half = half_in(session, at=LATER)
    prove(session, half.who, "000000", at=LATER)
    whole = prove(session, half.who, phone.shows(LATER), at=LATER)
    assert isinstance(whole, NewSession)
    prove(session, whole.who, codes[0], at=LATER)
    factors.renew_codes(session, person, now=LATER)
    factors.reset(session, person, by=BY, now=LATER)
    actions = select(AuditEntry.action).order_by(AuditEntry.id)
    assert session.scalars(actions).all() == [
        "staff.added",
        "staff.factor_enrolled",
        "staff.proof_refused",
        "staff.signed_in",
        "staff.recovery_code_used",
        "staff.proved",
        "staff.recovery_codes_made",
        "staff.factor_reset",
    ]


@pytest.mark.parametrize(("has", "gets"), [("reconciler", "approver"), ("auditor", "viewer")])
def test_the_database_keeps_roles_apart_too(session: Session, has: str, gets: str) -> None:
    """Whoever gets round the program is refused there, in either order; a role never turns."""
    for one, other in ((has, gets), (gets, has)):
        person = a_person(session, Role(one), username=one)
        role = {"staff_id": person, "role": other, "given_by": "command:test"}
        with pytest.raises(DatabaseError, match="exclude"), session.begin_nested():
            session.execute(insert(StaffRole).values(role))
        turned = text("UPDATE staff_role SET role = :role WHERE staff_id = :staff_id")
        with pytest.raises(DatabaseError), session.begin_nested():
            session.execute(turned, role)
    count = session.scalar(select(func.count()).select_from(StaffRole))
    assert count == 2
