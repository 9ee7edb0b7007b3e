"""What the documentation says is so: settings, commands, and what they default to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from payments.core.config import PREFIX, SETTINGS, Config, SettingsWrong
from tests.signed_papers import a_signers_settings

ROOT = Path(__file__).parents[1]
LIVE = {
    "MODE": "live",
    "DATABASE_URL": "postgresql://u:p@h/d",
    "BASE_URL": "https://pay.example.gov.vn",
    "MASTER_KEY": "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U=",
}


def settings_table() -> dict[str, list[str]]:
    """The rows of the README's table of settings: by name, what each column says."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("<!-- settings -->")[1].split("<!-- /settings -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {row[0].strip("`"): row[1:] for row in rows if row[0].startswith("`")}


def live(**settings: str) -> dict[str, str]:
    told = {f"{PREFIX}{name}": value for name, value in {**LIVE, **settings}.items()}
    return {**a_signers_settings(), **told}


def test_every_setting_is_explained_and_nothing_else() -> None:
    table = settings_table()
    assert list(table) == [f"{PREFIX}{name}" for name in SETTINGS]
    assert all(len(columns) == 3 and all(columns) for columns in table.values())


@pytest.mark.parametrize("name", SETTINGS)
def test_what_must_be_set_in_live_mode_must_be_set(name: str) -> None:
    """What the table calls `must be set` is missed by name; all else has the default it shows."""
    environ = live()
    environ.pop(f"{PREFIX}{name}", None)
    must = "must be set" in settings_table()[f"{PREFIX}{name}"][1]
    if name == "MODE":
        assert Config.load(live()).mode == "live"
    elif must:
        with pytest.raises(SettingsWrong, match=f"{PREFIX}{name}"):
            Config.load(environ)
    else:
        Config.load(environ)


def test_the_defaults_are_those_the_table_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = {name: re.findall(r"`([^`]*)`", row[0]) for name, row in settings_table().items()}
    config = Config.load({})
    assert shown["CASHLESS_MODE"] == [config.mode]
    assert config.database_url == shown["CASHLESS_DATABASE_URL"][0].replace("…", str(tmp_path))
    assert shown["CASHLESS_BASE_URL"] == [config.base_url]
    assert (tmp_path / shown["CASHLESS_MASTER_KEY"][0]).exists()
    assert shown["CASHLESS_REFERENCE_PREFIX"] == [config.reference_prefix]
    assert set(shown["CASHLESS_WEBHOOK_HOSTS"][0].split(",")) == config.webhook_hosts
    assert set(shown["CASHLESS_BANK_HOSTS"][0].split(",")) == config.bank_hosts
    assert shown["CASHLESS_SECOND_FACTOR"] == [config.second_factor]
    assert shown["CASHLESS_TRUSTED_PROXIES"] == [str(config.trusted_proxies)]
    assert shown["CASHLESS_LOG_LEVEL"] == [config.log_level]
    assert shown["CASHLESS_CLOCK_OFFSET_SECONDS"] == [str(config.clock_offset_seconds)]
