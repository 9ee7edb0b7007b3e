"""Settings: read once, everything wrong named at once, no secret with a default in live mode."""

from __future__ import annotations

import base64
import os
import stat
import threading
from pathlib import Path

import pytest

from payments.core import words
from payments.core.config import SETTINGS, VAR, Config, Mode, SettingsWrong
from tests.signed_papers import a_signer, a_signers_settings, pem_of

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(range(32, 64))).decode()
LIVE = {
    "CASHLESS_MODE": "live",
    "CASHLESS_DATABASE_URL": "postgresql://cashless:secret@db/cashless",
    "CASHLESS_BASE_URL": "https://pay.example.gov.vn",
    "CASHLESS_MASTER_KEY": KEY,
    **a_signers_settings(),
}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def problems(environ: dict[str, str]) -> dict[str, str]:
    """What each setting is told to be wrong about, by name, in English."""
    with pytest.raises(SettingsWrong) as refused, words.speaking("en"):
        Config.load(environ)
    lines = str(refused.value.fields["problems"]).splitlines()
    return dict(line.split(": ", 1) for line in lines)


def test_a_laptop_needs_no_settings() -> None:
    """Sandbox mode makes an SQLite file's address and a master key under ./var."""
    config = Config.load({})
    assert config.mode is Mode.SANDBOX
    assert config.database_url == f"sqlite:///{Path.cwd()}/var/cashless.sqlite"
    assert config.base_url == "http://127.0.0.1:8000"
    assert config.reference_prefix == "TTHC"
    assert config.webhook_hosts == {"127.0.0.1", "localhost"}
    assert (config.trusted_proxies, config.clock_offset_seconds) == (0, 0)
    assert config.log_level == "INFO"


def test_the_sandbox_keeps_the_key_it_made_and_shows_it_to_nobody() -> None:
    first, second = Config.load({}), Config.load({})
    assert first.master_keys == second.master_keys
    assert len(first.master_keys[0]) == 32
    assert stat.S_IMODE((VAR / "master.key").stat().st_mode) == 0o600
    assert [path.name for path in VAR.iterdir()] == ["master.key"]


def test_processes_that_start_at_once_make_one_key() -> None:
    keys: list[tuple[bytes, ...]] = []
    start = threading.Barrier(8)

    def load() -> None:
        start.wait()
        keys.append(Config.load({}).master_keys)

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_damaged_key_file_is_told_and_left_alone() -> None:
    VAR.mkdir()
    (VAR / "master.key").write_text("not a key\n")
    assert list(problems({})) == ["var/master.key"]
    assert (VAR / "master.key").read_text() == "not a key\n"


def test_nothing_is_made_when_something_else_is_wrong() -> None:
    problems({"CASHLESS_LOG_LEVEL": "LOUD"})
    assert not VAR.exists()


def test_live_mode_needs_what_guards_money() -> None:
    assert set(problems({"CASHLESS_MODE": "live"})) == {
        "CASHLESS_DATABASE_URL",
        "CASHLESS_BASE_URL",
        "CASHLESS_MASTER_KEY",
        "CASHLESS_SIGNING_KEY",
        "CASHLESS_SIGNING_CERT",
    }
    assert not VAR.exists()


def test_live_mode_with_its_settings() -> None:
    config = Config.load({**LIVE, "CASHLESS_WEBHOOK_HOSTS": "portal.example.gov.vn, 10.0.0.5:8443"})
    assert config.mode is Mode.LIVE
    assert config.webhook_hosts == {"portal.example.gov.vn", "10.0.0.5:8443"}
    assert Config.load(LIVE).webhook_hosts == frozenset()


def test_no_secret_shows_in_the_log() -> None:
    shown = repr(Config.load(LIVE))
    assert "secret" not in shown
    assert repr(bytes(range(32))) not in shown


def test_secrets_may_stand_in_files(tmp_path: Path) -> None:
    """The line's end that every editor adds is not part of the secret."""
    (tmp_path / "key").write_text(KEY + "\n")
    (tmp_path / "url").write_text("postgresql://u:p@h/d\r\n")
    environ = {
        name: value
        for name, value in LIVE.items()
        if name not in ("CASHLESS_MASTER_KEY", "CASHLESS_DATABASE_URL")
    }
    config = Config.load(
        {
            **environ,
            "CASHLESS_MASTER_KEY_FILE": str(tmp_path / "key"),
            "CASHLESS_DATABASE_URL_FILE": str(tmp_path / "url"),
        }
    )
    assert config.master_keys == (bytes(range(32)),)
    assert config.database_url == "postgresql://u:p@h/d"


def test_several_master_keys_may_live_while_one_is_replaced() -> None:
    config = Config.load({**LIVE, "CASHLESS_MASTER_KEY": f"{OTHER_KEY},{KEY}"})
    assert config.master_keys == (bytes(range(32, 64)), bytes(range(32)))


def test_everything_wrong_is_named_at_once() -> None:
    found = problems(
        {
            "CASHLESS_MODE": "life",
            "CASHLESS_DATABASE_URL": "mysql://db",
            "CASHLESS_BASE_URL": "ftp://x",
            "CASHLESS_MASTER_KEY_FILE": "/nowhere",
            "CASHLESS_SIGNING_KEY": "x",
            "CASHLESS_SIGNING_CERT_FILE": "/nowhere",
            "CASHLESS_REFERENCE_PREFIX": "tthc",
            "CASHLESS_WEBHOOK_HOSTS": "http://x",
            "CASHLESS_BANK_HOSTS": "http://x",
            "CASHLESS_LAYOUTS": "[",
            "CASHLESS_DROP_FOLDER": "/nowhere",
            "CASHLESS_RECEIPT_FOLDER": "/nowhere",
            "CASHLESS_AUDIT_FOLDER": "/nowhere",
            "CASHLESS_OIDC_ISSUER": "ftp://x",
            "CASHLESS_OIDC_CLIENT_FILE": "/nowhere",
            "CASHLESS_OIDC_SECRET_FILE": "/nowhere",
            "CASHLESS_SECOND_FACTOR": "me",
            "CASHLESS_TRUSTED_PROXIES": "-1",
            "CASHLESS_LOG_LEVEL": "LOUD",
            "CASHLESS_CLOCK_OFFSET_SECONDS": "1.5",
        }
    )
    assert set(found) == {f"CASHLESS_{name}" for name in SETTINGS}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODE", "Live"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "not a url"),
        ("DATABASE_URL", "postgresql+asyncpg://h/d"),
        ("BASE_URL", "http://pay.example.gov.vn"),
        ("BASE_URL", "https://pay.example.gov.vn/path"),
        ("BASE_URL", "https://u:p@pay.example.gov.vn"),
        ("BASE_URL", "https://"),
        ("BASE_URL", "https://host:port"),
        ("MASTER_KEY", "c2hvcnQ="),
        ("MASTER_KEY", f"{KEY},,"),
        ("REFERENCE_PREFIX", "TTH1"),
        ("REFERENCE_PREFIX", "TTHCX"),
        ("TRUSTED_PROXIES", "ten"),
        ("TRUSTED_PROXIES", "²"),
        ("CLOCK_OFFSET_SECONDS", "60"),
        ("WEBHOOK_HOSTS", "a b"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, value: str) -> None:
    assert set(problems({**LIVE, f"CASHLESS_{name}": value})) == {f"CASHLESS_{name}"}


def test_a_setting_nobody_knows_is_most_likely_a_slip() -> None:
    assert set(problems({**LIVE, "CASHLESS_DATABSE_URL": "x"})) == {"CASHLESS_DATABSE_URL"}
    tests = {f"CASHLESS_TEST_{name}": "/usr/bin" for name in ("PG_BIN", "BROWSER", "SHOTS")}
    Config.load({**LIVE, **tests, "PATH": os.environ["PATH"]})


def test_a_setting_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    twice = {**LIVE, "CASHLESS_MASTER_KEY_FILE": str(tmp_path / "key")}
    assert set(problems(twice)) == {"CASHLESS_MASTER_KEY"}


def test_an_empty_variable_is_one_not_set() -> None:
    """compose hands over an empty text for what is not in its file."""
    assert Config.load({**LIVE, "CASHLESS_LOG_LEVEL": ""}).log_level == "INFO"
    assert set(problems({**LIVE, "CASHLESS_MASTER_KEY": ""})) == {"CASHLESS_MASTER_KEY"}


def test_the_practice_clock_may_be_set_off() -> None:
    assert Config.load({"CASHLESS_CLOCK_OFFSET_SECONDS": "-3600"}).clock_offset_seconds == -3600


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_each_reason_is_told_in_words(language: str) -> None:
    with words.speaking(language), pytest.raises(SettingsWrong) as refused:
        Config.load({**LIVE, "CASHLESS_MODE": "life", "CASHLESS_LOG_LEVEL": "LOUD"})
    told = str(refused.value.fields["problems"])
    assert len(told.splitlines()) == 2
    assert "setting." not in told


def test_papers_are_signed_with_a_key_and_its_certificate() -> None:
    """Each wrong one is told by its name, and the key shows nowhere."""
    key, chain = LIVE["CASHLESS_SIGNING_KEY"], LIVE["CASHLESS_SIGNING_CERT"]
    name, cert = "CASHLESS_SIGNING_KEY", "CASHLESS_SIGNING_CERT"
    config = Config.load(LIVE)
    assert config.signing == (key, chain)
    assert "PRIVATE" not in repr(config)
    assert "private key" in problems({**LIVE, name: "x"})[name]
    assert "private key" in problems({**LIVE, name: chain})[name]
    assert "certificate" in problems({**LIVE, cert: key})[cert]
    other = pem_of(a_signer("rsa"))[1]
    assert problems({**LIVE, cert: other}) == {cert: "not the certificate of CASHLESS_SIGNING_KEY"}
    assert set(problems({name: key})) == {cert}
    assert set(problems({cert: chain})) == {name}
    assert Config.load({name: key, cert: chain}).signing == (key, chain)
    assert Config.load({}).signing is None


def test_empty_files_of_a_key_and_its_certificate_are_none(tmp_path: Path) -> None:
    """compose.yaml has them empty at first: practice makes its own, live mode refuses."""
    empty = tmp_path / "empty"
    empty.touch()
    given = {f"CASHLESS_SIGNING_{name}_FILE": str(empty) for name in ("KEY", "CERT")}
    assert Config.load(given).signing is None
    live = {name: text for name, text in LIVE.items() if "SIGNING" not in name}
    assert set(problems({**live, **given})) == {"CASHLESS_SIGNING_KEY", "CASHLESS_SIGNING_CERT"}


def test_a_key_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    given = {name: text for name, text in LIVE.items() if name != "CASHLESS_SIGNING_KEY"}
    told = problems({**given, "CASHLESS_SIGNING_KEY_FILE": str(tmp_path / "none.pem")})
    assert set(told) == {"CASHLESS_SIGNING_KEY"}
    (tmp_path / "key.pem").write_text(LIVE["CASHLESS_SIGNING_KEY"])
    file = str(tmp_path / "key.pem")
    assert Config.load({**given, "CASHLESS_SIGNING_KEY_FILE": file}).signing is not None


def test_the_identity_provider_is_set_whole_or_not_at_all() -> None:
    """Its address, what it knows us by and the secret; https where money is real."""
    told = {
        "CASHLESS_OIDC_ISSUER": "https://sso.example.vn/realms/staff",
        "CASHLESS_OIDC_CLIENT": "cashless",
        "CASHLESS_OIDC_SECRET": "x",
    }
    assert Config.load(told).oidc == ("https://sso.example.vn/realms/staff", "cashless", "x")
    assert Config.load({}).oidc is None
    for missing in told:
        rest = {name: value for name, value in told.items() if name != missing}
        assert set(problems(rest)) == {missing}
