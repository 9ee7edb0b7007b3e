"""People: roles that exclude each other, signing in, staying in, and who may change what."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import combinations
from time import process_time

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import staff
from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.staff import Person, Role, SignInAttempt, StaffSession, passwords

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BY = "command:test"
PASSWORD = "trời xanh mây trắng"
HERE = "192.0.2.1"


def a_person(session: Session, *roles: str, username: str = "lan") -> int:
    return staff.add(
        session,
        username,
        name="Người mẫu",
        password=PASSWORD,
        roles=roles or [Role.VIEWER],
        by=BY,
        now=NOW,
    ).id


def sign_in(
    session: Session,
    password: str = PASSWORD,
    *,
    username: str = "lan",
    address: str = HERE,
    at: datetime = NOW,
) -> staff.NewSession | staff.BadCredentials | staff.TooManyTries:
    return staff.sign_in(session, username, password, address=address, now=at)


def signed_in(session: Session, *, at: datetime = NOW) -> staff.NewSession:
    made = sign_in(session, at=at)
    assert isinstance(made, staff.NewSession)
    return made


def lives(session: Session, token: str, *, at: datetime = NOW) -> bool:
    try:
        staff.session_of(session, token, now=at)
    except staff.NotSignedIn:
        return False
    return True


EXCLUDED = [
    {"reconciler", "approver"},
    {"administrator", "reconciler"},
    {"administrator", "approver"},
    {"administrator", "clerk"},
    {"auditor", "viewer"},
    {"auditor", "reconciler"},
    {"auditor", "approver"},
    {"auditor", "clerk"},
    {"auditor", "administrator"},
]


@pytest.mark.parametrize("pair", list(combinations([role.value for role in Role], 2)))
def test_roles_that_exclude_each_other_are_never_one_persons(
    session: Session, pair: tuple[str, str]
) -> None:
    """Proposer and approver; administrator and money; an auditor and anything else."""
    if set(pair) in EXCLUDED:
        with pytest.raises(staff.RolesExcluded):
            a_person(session, *pair)
    else:
        person = a_person(session, *pair)
        assert staff.roles_of(session, person) == set(pair)


def test_roles_changed_later_are_held_to_the_same_rule(session: Session) -> None:
    """And the old ones stay when the new ones are refused."""
    person = a_person(session, "reconciler")
    with pytest.raises(staff.RolesExcluded):
        staff.set_roles(session, person, ["reconciler", "approver"], by=BY, now=NOW)
    assert staff.roles_of(session, person) == {Role.RECONCILER}
    staff.set_roles(session, person, ["approver", "viewer"], by=BY, now=NOW)
    assert staff.roles_of(session, person) == {Role.APPROVER, Role.VIEWER}


@pytest.mark.parametrize("roles", [[], ["boss"], ["viewer", "Viewer"]])
def test_a_person_has_known_roles_and_at_least_one(session: Session, roles: list[str]) -> None:
    """A slip in a role lets nobody in."""
    with pytest.raises(staff.UnknownRole):
        staff.add(session, "lan", name="Người mẫu", password=PASSWORD, roles=roles, by=BY, now=NOW)
    with pytest.raises(staff.UnknownPerson):
        staff.by_username(session, "lan")


def test_nobody_changes_their_own_roles_or_leaves_the_house_empty(session: Session) -> None:
    """Another administrator must do it, and one must remain."""
    first = a_person(session, "administrator", username="first")
    second = a_person(session, "administrator", username="second")
    with pytest.raises(staff.OwnRoles):
        staff.set_roles(session, first, ["viewer"], by=staff.actor(first), now=NOW)
    with pytest.raises(staff.OwnRoles):
        staff.disable(session, first, by=staff.actor(first), now=NOW)
    staff.set_roles(session, first, ["viewer"], by=staff.actor(second), now=NOW)
    for verb in (
        lambda: staff.disable(session, second, by=BY, now=NOW),
        lambda: staff.set_roles(session, second, ["viewer"], by=BY, now=NOW),
    ):
        with pytest.raises(staff.LastAdministrator):
            verb()
    staff.disable(session, first, by=staff.actor(second), now=NOW)
    assert staff.roles_of(session, second) == {Role.ADMINISTRATOR}


@pytest.mark.committed
def test_two_administrators_who_remove_each_other_at_once_do_not_both_go(
    database: Database,
) -> None:
    """Whoever comes second is refused."""
    people = [
        database.write(lambda session, name=name: a_person(session, "administrator", username=name))
        for name in ("first", "second")
    ]
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def remove(whom: int, by: int) -> None:
        ready.wait()
        try:
            database.write(
                lambda session: staff.disable(session, whom, by=staff.actor(by), now=NOW)
            )
            outcomes.append("gone")
        except CashlessError as error:
            outcomes.append(error.code)

    removing = [
        threading.Thread(target=remove, args=pair) for pair in (people, list(reversed(people)))
    ]
    for thread in removing:
        thread.start()
    for thread in removing:
        thread.join()
    assert sorted(outcomes) == ["gone", "last_administrator"]


@pytest.mark.parametrize(
    ("username", "password", "code"),
    [
        ("Lan", PASSWORD, "invalid_username"),
        ("l", PASSWORD, "invalid_username"),
        ("lan@example", PASSWORD, "invalid_username"),
        ("lan", PASSWORD, "username_taken"),
        ("minh", "ngắn", "weak_password"),
        ("minh", "a" * 11, "weak_password"),
        ("minh", "a" * 201, "weak_password"),
        ("minh", "đây-là-MINH-2026", "weak_password"),
    ],
)
def test_a_person_needs_a_free_username_and_a_long_password(
    session: Session, username: str, password: str, code: str
) -> None:
    """Length is what counts; the username is not a password."""
    a_person(session)
    with pytest.raises(CashlessError) as refused:
        staff.add(
            session,
            username,
            name="Người mẫu",
            password=password,
            roles=["viewer"],
            by=BY,
            now=NOW,
        )
    assert refused.value.code == code


def test_the_right_password_gives_a_session(session: Session) -> None:
    """The session says who it is and what they may do; the username's letters may be large."""
    person = a_person(session, "reconciler", "viewer")
    made = sign_in(session, username=" LAN ")
    assert isinstance(made, staff.NewSession)
    who = staff.session_of(session, made.token, now=NOW + MINUTE)
    assert (who.staff_id, who.username, who.actor) == (person, "lan", f"staff:{person}")
    assert who.roles == {Role.RECONCILER, Role.VIEWER}


def test_a_password_is_the_same_whichever_keyboard_composes_it(session: Session) -> None:
    """ơ as one letter, or as o with its horn, is one password."""
    a_person(session)
    decomposed = "tro\u031b\u0300i xanh ma\u0302y tra\u0306\u0301ng"
    assert decomposed != PASSWORD
    assert isinstance(sign_in(session, decomposed), staff.NewSession)


def test_passwords_and_tokens_are_not_stored_as_they_are(session: Session) -> None:
    """argon2id with the house's parameters; the token by its digest."""
    a_person(session)
    made = signed_in(session)
    (person,) = session.scalars(select(Person)).all()
    (row,) = session.scalars(select(StaffSession)).all()
    assert person.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert made.token not in row.token_hash
    assert len(made.token) == 43
    assert made.token not in repr(made)


@pytest.mark.parametrize(
    ("username", "password"),
    [("lan", "sai mật khẩu rồi"), ("lan", ""), ("minh", PASSWORD), ("", ""), ("'; --", PASSWORD)],
)
def test_a_wrong_name_and_a_wrong_password_are_answered_alike(
    session: Session, username: str, password: str
) -> None:
    """The answer does not say which of the two was wrong."""
    a_person(session)
    outcome = sign_in(session, password, username=username)
    assert isinstance(outcome, staff.BadCredentials)
    assert outcome.fields == {}


def test_an_unknown_name_takes_as_long_as_a_wrong_password(session: Session) -> None:
    """Names can't be found out by the clock: each answer costs one hash of the same strength.

    Measured in processor time, which no neighbour's work lengthens.
    """
    a_person(session)

    def took(username: str, number: int) -> float:
        begun = process_time()
        sign_in(session, "sai mật khẩu rồi", username=username, address=f"192.0.2.{number}")
        return process_time() - begun

    sign_in(session, "x", username="nobody")  # the first hash nobody has is made once
    known, unknown = (
        min(times)
        for times in zip(*[(took("lan", n), took("minh", n)) for n in range(5)], strict=True)
    )
    assert unknown > known / 2
    assert known > unknown / 2


def test_a_disabled_person_does_not_come_in(session: Session) -> None:
    """Neither by password nor by a session from before."""
    person = a_person(session)
    made = signed_in(session)
    staff.disable(session, person, by=BY, now=NOW)
    assert not lives(session, made.token)
    assert isinstance(sign_in(session), staff.BadCredentials)


def fail(session: Session, times: int, *, at: datetime = NOW, **told: str) -> list[str]:
    return [
        type(sign_in(session, "sai mật khẩu rồi", at=at, **told)).__name__ for _ in range(times)
    ]


def test_guessing_at_one_name_slows_down(session: Session) -> None:
    """Five tries are free; each further one waits twice as long, from any address."""
    a_person(session)
    assert fail(session, 5) == ["BadCredentials"] * 5
    refused = sign_in(session, address="198.51.100.7")
    assert isinstance(refused, staff.TooManyTries)
    assert refused.fields == {"retry_after": 30}
    assert fail(session, 2, at=NOW + 30 * SECOND) == ["BadCredentials", "TooManyTries"]
    waiting = sign_in(session, at=NOW + 89 * SECOND)
    assert isinstance(waiting, staff.TooManyTries)
    assert waiting.fields == {"retry_after": 1}
    assert isinstance(sign_in(session, at=NOW + 90 * SECOND), staff.NewSession)


def test_the_right_password_wipes_the_slate_of_the_name(session: Session) -> None:
    """Four slips, then in; four slips again are still free."""
    a_person(session)
    for _ in range(3):
        assert fail(session, 4, address="198.51.100.7") == ["BadCredentials"] * 4
        signed_in(session)


def test_guessing_from_one_address_slows_down_for_every_name(session: Session) -> None:
    """One password tried on many names; another address is not held up."""
    a_person(session)
    for number in range(20):
        assert fail(session, 1, username=f"nguoi{number}") == ["BadCredentials"]
    assert isinstance(sign_in(session), staff.TooManyTries)
    assert isinstance(sign_in(session, address="198.51.100.7"), staff.NewSession)


def test_a_wait_is_never_longer_than_a_quarter_of_an_hour(session: Session) -> None:
    """So nobody is locked out for good by somebody else's guesses."""
    a_person(session)
    at = NOW
    fail(session, 5, at=at)
    for _ in range(12):
        refused = sign_in(session, "sai mật khẩu rồi", at=at)
        if isinstance(refused, staff.TooManyTries):
            wait = refused.fields["retry_after"]
            assert isinstance(wait, int)
            assert 0 < wait <= 900
            at += wait * SECOND
    assert isinstance(sign_in(session, at=at + 15 * MINUTE), staff.NewSession)


def test_what_cannot_be_a_username_is_not_kept(session: Session) -> None:
    """Some type their password where the name belongs."""
    sign_in(session, username=PASSWORD)
    (attempt,) = session.scalars(select(SignInAttempt)).all()
    assert attempt.username == "?"


@pytest.mark.committed
def test_guesses_at_once_count_one_by_one(database: Database) -> None:
    """Twelve guesses at the same moment: five are looked at, the rest must wait."""
    database.write(a_person)
    outcomes: list[str] = []

    def guess(number: int) -> None:
        outcome = database.write(
            lambda session: sign_in(session, "sai mật khẩu rồi", address=f"192.0.2.{number}")
        )
        outcomes.append(type(outcome).__name__)

    guessing = [threading.Thread(target=guess, args=(number,)) for number in range(12)]
    for thread in guessing:
        thread.start()
    for thread in guessing:
        thread.join()
    assert sorted(outcomes) == ["BadCredentials"] * 5 + ["TooManyTries"] * 7


def test_a_session_falls_idle_after_a_quarter_of_an_hour(session: Session) -> None:
    """Each use, written at most once a minute, begins it anew."""
    a_person(session)
    made = signed_in(session)
    assert lives(session, made.token, at=NOW + 15 * MINUTE - SECOND)
    assert not lives(session, made.token, at=NOW + 15 * MINUTE)
    later = NOW + 14 * MINUTE
    who = staff.session_of(session, made.token, now=later)
    assert staff.keep_alive_is_due(who, now=later)
    staff.keep_alive(session, who, now=later)
    session.expire_all()
    assert lives(session, made.token, at=NOW + 28 * MINUTE)
    who = staff.session_of(session, made.token, now=later + 59 * SECOND)
    assert not staff.keep_alive_is_due(who, now=later + 59 * SECOND)


def test_a_session_ends_after_eight_hours_in_any_case(session: Session) -> None:
    """However busily it is used."""
    a_person(session)
    made = signed_in(session)
    at = NOW
    while at < NOW + timedelta(hours=8) - 10 * MINUTE:
        at += 10 * MINUTE
        who = staff.session_of(session, made.token, now=at)
        staff.keep_alive(session, who, now=at)
        session.expire_all()
    assert lives(session, made.token, at=NOW + timedelta(hours=8) - SECOND)
    assert not lives(session, made.token, at=NOW + timedelta(hours=8))


def test_who_signs_out_is_out_and_stays_out(session: Session) -> None:
    """Only that session ends; keeping it alive does not bring it back."""
    a_person(session)
    first, second = signed_in(session), signed_in(session)
    staff.sign_out(session, first.who, now=NOW)
    staff.keep_alive(session, first.who, now=NOW + 2 * MINUTE)
    session.expire_all()
    assert not lives(session, first.token)
    assert lives(session, second.token)


@pytest.mark.parametrize("change", ["password", "roles"])
def test_a_new_password_or_new_roles_end_every_session(session: Session, change: str) -> None:
    """Whoever was in must sign in again, as what they are now."""
    person = a_person(session)
    tokens = [signed_in(session).token for _ in range(2)]
    if change == "password":
        staff.reset_password(session, person, "một mật khẩu khác", by=BY, now=NOW)
    else:
        staff.set_roles(session, person, ["clerk"], by=BY, now=NOW)
    session.expire_all()
    assert not any(lives(session, token) for token in tokens)
    assert isinstance(sign_in(session), staff.NewSession) == (change == "roles")


@pytest.mark.parametrize("token", ["", "x", "a" * 5000, "khóa", "\ud800"])
def test_no_other_token_is_a_session(session: Session, token: str) -> None:
    """Whatever comes in the cookie."""
    a_person(session)
    signed_in(session)
    assert not lives(session, token)


def test_a_suggested_password_may_be_used(session: Session) -> None:
    """It is long enough, never the same twice, and never with a short username in it."""
    made = {passwords.suggest(username="a") for _ in range(50)}
    assert len(made) == 50
    for password in made:
        passwords.check(password, username="a")


def test_what_is_done_to_people_is_in_the_audit_trail(session: Session) -> None:
    """Letting in, signing in and out, new passwords and roles; never a password."""
    person = a_person(session)
    made = signed_in(session)
    staff.sign_out(session, made.who, now=NOW)
    staff.reset_password(session, person, "một mật khẩu khác", by=BY, now=NOW)
    staff.set_roles(session, person, ["clerk"], by=BY, now=NOW)
    staff.disable(session, person, by=BY, now=NOW)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    who = staff.actor(person)
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("staff.added", BY),
        ("staff.signed_in", who),
        ("staff.signed_out", who),
        ("staff.password_reset", BY),
        ("staff.roles_set", BY),
        ("staff.disabled", BY),
    ]
    assert {entry.subject for entry in entries} == {who}
    assert not any("mật khẩu" in str(entry.details) for entry in entries)
