"""The commands `cashless seed`, `cashless portal` and `cashless staff`."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from payments import fees, portals, staff
from payments.cli import COMMANDS
from payments.core import clock
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.portals import Scope
from tests.phones import a_phone
from tests.signed_papers import a_signers_settings

pytestmark = pytest.mark.committed
KEY = re.compile(r"[A-Za-z0-9_-]{43}")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str) -> Iterator[Database]:
    """A machine in sandbox mode with a migrated, empty database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())
    database = Database(database_url)
    yield database
    database.dispose()


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(click.Group("cashless", commands=COMMANDS), words, input=given)


def done(*words: str, given: str | None = None) -> str:
    result = run(*words, given=given)
    assert result.exception is None, result.exception
    assert result.exit_code == 0
    return result.stdout


def refused(*words: str, given: str | None = None) -> str:
    error = run(*words, given=given).exception
    assert isinstance(error, CashlessError), error
    return error.code


def test_a_new_service_is_filled_and_filled_again(here: Database) -> None:
    """The second time nothing changes, and no key or password is shown again."""
    first, second = done("seed", "--sample"), done("seed", "--sample")
    tariff = here.read(lambda session: fees.tariff(session, on=clock.now().date()))
    assert len(tariff) > 20
    assert len(KEY.findall(first)) == 1
    assert KEY.findall(second) == []
    for role in staff.Role:
        assert f"{role}: " in first
    assert "/callbacks/sandbox/" in first
    assert re.findall(r"/callbacks/\S+", first) == re.findall(r"/callbacks/\S+", second)


def test_a_bad_file_or_live_mode_changes_nothing(
    here: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One unit of work: units are not loaded either when the rest is refused."""
    (tmp_path / "t.json").write_text("{}")
    assert refused("seed", "--tariff", str(tmp_path / "t.json")) == "unreadable_seed"
    assert refused("seed", "--units", str(tmp_path / "none.csv")) == "unreadable_seed"
    monkeypatch.setenv("CASHLESS_MODE", "live")
    monkeypatch.setenv("CASHLESS_BASE_URL", "https://pay.example.vn")
    for name, value in a_signers_settings().items():
        monkeypatch.setenv(name, value)
    assert refused("seed", "--sample") == "practice_only"
    assert here.read(lambda session: fees.tariff(session, on=clock.now().date())) == []


def test_a_portal_is_added_and_its_key_printed_alone(here: Database) -> None:
    """Standard output is the key and nothing else, so that it can be piped where it belongs."""
    key = done("portal", "add", "Cổng mẫu", "--scope", "reports:read").strip()
    caller = here.read(lambda session: portals.authenticate(session, key, now=clock.now()))
    assert caller.scopes == {Scope.REPORTS_READ}
    assert refused("portal", "add", "Cổng mẫu") == "portal_name_taken"
    assert refused("portal", "add", " ") == "portal_name_missing"
    assert run("portal", "add", "Cổng khác", "--scope", "all").exit_code == 2


def test_a_portals_key_is_replaced_with_overlap(here: Database) -> None:
    """Both open now; in eight days only the new one."""
    old = done("portal", "add", "Cổng mẫu").strip()
    new = done("portal", "rotate", "Cổng mẫu").strip()

    def opens(key: str, *, days: int) -> bool:
        at = clock.now() + timedelta(days=days)
        try:
            here.read(lambda session: portals.authenticate(session, key, now=at))
        except portals.BadKey:
            return False
        return True

    assert [opens(key, days=days) for key in (old, new) for days in (0, 8)] == [
        True,
        False,
        True,
        True,
    ]
    assert refused("portal", "rotate", "Cổng mẫu") == "too_many_keys"
    assert refused("portal", "rotate", "Cổng khác") == "unknown_portal"


def comes_in(here: Database, username: str, password: str) -> bool:
    outcome = here.write(
        lambda session: staff.sign_in(
            session, username, password, address="192.0.2.1", now=clock.now()
        )
    )
    return isinstance(outcome, staff.NewSession)


def test_a_person_is_added_with_a_password_that_is_typed_twice(here: Database) -> None:
    """It is asked for without showing it; two that differ are asked for again."""
    typed = "một mật khẩu dài\n"
    told = done("staff", "add", "lan", "--name", "Lan", "--role", "viewer", given=typed * 2)
    assert "mật khẩu" not in told
    assert comes_in(here, "lan", typed.strip())


def test_a_person_may_be_given_a_random_password(here: Database) -> None:
    """It is printed alone; a reset gives another, and the old one opens nothing."""
    words = ("staff", "add", "lan", "--name", "Lan", "--role", "clerk", "--role", "viewer")
    first = done(*words, "--generate").strip()
    assert comes_in(here, "lan", first)
    second = done("staff", "reset", "lan", "--generate").strip()
    assert comes_in(here, "lan", second)
    assert not comes_in(here, "lan", first)


def owed(here: Database, password: str) -> staff.Owed | None:
    """What Lan owes who signs in with this password."""
    made = here.write(
        lambda session: staff.sign_in(
            session, "lan", password, address="192.0.2.1", now=clock.now()
        )
    )
    assert isinstance(made, staff.NewSession)
    return made.who.owes


def test_a_password_given_at_the_server_is_changed_first(here: Database) -> None:
    """Whoever gave it knows it: it opens only the choice of another."""
    words = ("staff", "add", "lan", "--name", "Lan", "--role", "viewer", "--generate")
    assert owed(here, done(*words).strip()) is staff.Owed.PASSWORD
    again = done("staff", "reset", "lan", "--generate").strip()
    assert owed(here, again) is staff.Owed.PASSWORD


def test_a_lost_phone_is_taken_away_at_the_server(here: Database) -> None:
    """As when the only administrator lost theirs; who has none is told so."""
    words = ("staff", "add", "lan", "--name", "Lan", "--role", "administrator", "--generate")
    password = done(*words).strip()
    assert refused("staff", "reset-factor", "lan") == "no_factor"

    def unit(session: Session) -> None:
        a_phone(session, staff.by_username(session, "lan").id, now=clock.now())

    here.write(unit)
    assert owed(here, password) is staff.Owed.CODE
    done("staff", "reset-factor", "lan")
    assert owed(here, password) is staff.Owed.PASSWORD


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "Lan", "--name", "Lan", "--role", "viewer"), "invalid_username"),
        (
            ("add", "lan", "--name", "Lan", "--role", "approver", "--role", "reconciler"),
            "roles_excluded",
        ),
        (("reset", "nobody"), "unknown_person"),
    ],
)
def test_a_wrong_person_is_refused(here: Database, words: tuple[str, ...], code: str) -> None:
    """With the reason by its code, and nobody is added."""
    assert refused("staff", *words, "--generate") == code
    assert not comes_in(here, "lan", "whatever it may be")


def test_a_short_password_is_refused(here: Database) -> None:
    """Whoever types it."""
    words = ("staff", "add", "lan", "--name", "Lan", "--role", "viewer")
    assert refused(*words, given="ngắn\nngắn\n") == "weak_password"
