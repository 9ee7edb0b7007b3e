"""The settings of one machine: environment variables CASHLESS_*, read once, all or nothing.

Everything missing or wrong is named at once. A secret may stand in a file named by the variable
with `_FILE` behind it; the line's end is not part of it. In sandbox mode every setting has a
default that works on a laptop: an SQLite file and a master key made once, both under `./var`. In
live mode nothing that guards money has one. What a treasurer decides is a policy, not a setting.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, cast
from urllib.parse import urlsplit

from environs import EnvValidationError, FileAwareEnv, ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from payments.core import signers
from payments.core.errors import Invalid
from payments.core.vault import master_key
from payments.core.words import later, say

PREFIX: Final = "CASHLESS_"
SETTINGS: Final = (
    "MODE",
    "DATABASE_URL",
    "BASE_URL",
    "MASTER_KEY",
    "SIGNING_KEY",
    "SIGNING_CERT",
    "REFERENCE_PREFIX",
    "WEBHOOK_HOSTS",
    "BANK_HOSTS",
    "LAYOUTS",
    "DROP_FOLDER",
    "RECEIPT_FOLDER",
    "AUDIT_FOLDER",
    "SECOND_FACTOR",
    "TRUSTED_PROXIES",
    "LOG_LEVEL",
    "CLOCK_OFFSET_SECONDS",
)
"""Every setting, without the prefix, in the order of the README's table."""

VAR: Final = Path("var")
"""Where sandbox mode keeps its database and its master key, under the present folder."""

_READ_BY_OTHERS: Final = ("TEST_PG_BIN", "TEST_BROWSER", "FUZZ_CASES", "WEB_WORKERS", "LISTEN")
"""Variables of the tests and of compose.yaml."""

_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_HOST: Final = re.compile(
    r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?|\[[0-9a-f:]+\](:[0-9]{1,5})?"
)
_SECONDS: Final = re.compile(r"[+-]?[0-9]{1,8}", re.ASCII)


class Mode(StrEnum):
    """Practice, with a sandbox bank and a clock that may be set off; or real money."""

    SANDBOX = "sandbox"
    LIVE = "live"


class FactorFor(StrEnum):
    """Who needs a code from a phone beside the password.

    Nobody (in sandbox mode only), those who propose, approve or administer, or everybody.
    """

    NOBODY = "nobody"
    DECIDERS = "deciders"
    EVERYBODY = "everybody"


class SettingsWrong(Invalid):
    """Settings are missing or wrong; `problems` names them all, one a line."""

    code = "settings_wrong"


@dataclass(frozen=True)
class Config:
    """The settings of this process. Secrets do not show in its repr."""

    mode: Mode
    database_url: str = field(repr=False)
    base_url: str
    master_keys: tuple[bytes, ...] = field(repr=False)
    reference_prefix: str
    webhook_hosts: frozenset[str]
    trusted_proxies: int
    log_level: str
    clock_offset_seconds: int
    bank_hosts: frozenset[str] = frozenset()
    """Hosts of banks that may be private or without TLS: a leased line, the practice bank."""
    layouts: str = field(default="", repr=False)
    """Further layouts of bank statements, in TOML; those who read statements know the language."""
    receipt_folder: Path | None = None
    """The folder by which an outside provider signs receipts; None where we sign them."""
    audit_folder: Path | None = None
    """The folder to which the audit trail is brought each night; None where it is not."""
    drop_folder: Path | None = None
    """The folder in which banks leave statements; None where none is watched."""
    signing: tuple[str, str] | None = field(default=None, repr=False)
    """The key papers are signed with and its certificates, in PEM; None: sandbox mode's own."""
    second_factor: FactorFor = FactorFor.DECIDERS

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """The settings that `environ` holds. Raises `SettingsWrong`."""
        env = _Environment(environ)
        mode = env.setting("MODE", Mode.SANDBOX.value, parse=_mode)
        read = _read_live(env) if mode is Mode.LIVE else _read_sandbox(env)
        read["signing"] = env.signing(read.pop("signing_key"), read.pop("signing_cert"))
        env.refuse_unknown()
        env.refuse_wrong()
        made = {} if mode is Mode.LIVE else _made_here(read)
        return cls(mode=mode, **{**read, **made})


class _Environment(FileAwareEnv):
    """Reads a given mapping the way FileAwareEnv reads the process's environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(eager=False, prefix=PREFIX)
        self._given = environ
        self.add_parser("setting", lambda text, parse: parse(text))

    def refuse_unknown(self) -> None:
        """Notes each CASHLESS_ variable that is no setting: most likely a slip of the pen."""
        known = {f"{PREFIX}{name}{end}" for name in SETTINGS for end in ("", self.file_suffix)}
        known |= {f"{PREFIX}{name}" for name in _READ_BY_OTHERS}
        for name in sorted(set(self._given) - known):
            if name.startswith(PREFIX):
                self._errors[name].append(later("setting.unknown"))

    def signing(self, key: str | None, certificate: str | None) -> tuple[str, str] | None:
        """The two that sign papers; notes that one is missing or that they do not fit."""
        if not key and not certificate:
            return None
        for name, told in (("SIGNING_KEY", key), ("SIGNING_CERT", certificate)):
            if not told:
                self._errors[f"{PREFIX}{name}"].append(later("setting.missing"))
                return None
        try:
            signers.load(key or "", certificate or "")
        except ValueError:
            self._errors[f"{PREFIX}SIGNING_CERT"].append(
                later("setting.certificate_of_another_key")
            )
        return key or "", certificate or ""

    def refuse_wrong(self) -> None:
        """Raises `SettingsWrong` when anything read so far was missing or wrong."""
        try:
            self.seal()
        except EnvValidationError as error:
            wrong = cast(Mapping[str, list[str]], error.error_messages)
            told = [f"{name}: {_told(whys)}" for name, whys in sorted(wrong.items())]
            raise SettingsWrong(problems="\n".join(told)) from None

    def _get_value(self, env_key: str, default: Any) -> Any:
        direct = self._given.get(env_key, "")
        path = self._given.get(env_key + self.file_suffix, "")
        if direct and path:
            self._errors[env_key].append(later("setting.given_twice"))
        if not path:
            return direct or default
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            self._errors[env_key].append(later("setting.file_unreadable"))
            return default


def _told(whys: list[str]) -> str:
    """The first reason, in the reader's language: what follows from it is not told again."""
    return say(whys[0]) if whys[0].startswith("setting.") else say("setting.missing")


def _read_live(env: _Environment) -> dict[str, Any]:
    """Nothing that guards money has a default, and the clock is the machine's."""
    return {
        "database_url": env.setting("DATABASE_URL", parse=_database_url),
        "base_url": env.setting("BASE_URL", parse=_https_url),
        "master_keys": env.setting("MASTER_KEY", parse=_master_keys),
        "signing_key": env.setting("SIGNING_KEY", parse=_signing_key),
        "signing_cert": env.setting("SIGNING_CERT", parse=_certificates),
        "webhook_hosts": env.setting("WEBHOOK_HOSTS", "", parse=_hosts),
        "bank_hosts": env.setting("BANK_HOSTS", "", parse=_hosts),
        "clock_offset_seconds": env.setting("CLOCK_OFFSET_SECONDS", "0", parse=_no_offset),
        "second_factor": env.setting("SECOND_FACTOR", "deciders", parse=_factor_for_somebody),
        **_read_alike(env),
    }


def _read_sandbox(env: _Environment) -> dict[str, Any]:
    """What is not set and is made here when needed reads as None."""
    here = "127.0.0.1,localhost"
    return {
        "database_url": env.setting("DATABASE_URL", "", parse=_or_none(_database_url)),
        "base_url": env.setting("BASE_URL", "http://127.0.0.1:8000", parse=_base_url),
        "master_keys": env.setting("MASTER_KEY", "", parse=_or_none(_master_keys)),
        "signing_key": env.setting("SIGNING_KEY", "", parse=_or_none(_signing_key)),
        "signing_cert": env.setting("SIGNING_CERT", "", parse=_or_none(_certificates)),
        "webhook_hosts": env.setting("WEBHOOK_HOSTS", here, parse=_hosts),
        "bank_hosts": env.setting("BANK_HOSTS", here, parse=_hosts),
        "clock_offset_seconds": env.setting("CLOCK_OFFSET_SECONDS", "0", parse=_offset),
        "second_factor": env.setting("SECOND_FACTOR", "nobody", parse=_factor_for),
        **_read_alike(env),
    }


def _read_alike(env: _Environment) -> dict[str, Any]:
    return {
        "reference_prefix": env.setting("REFERENCE_PREFIX", "TTHC", parse=_prefix),
        "layouts": env.setting("LAYOUTS", "", parse=_toml),
        "drop_folder": env.setting("DROP_FOLDER", "", parse=_or_none(_folder)),
        "receipt_folder": env.setting("RECEIPT_FOLDER", "", parse=_or_none(_folder)),
        "audit_folder": env.setting("AUDIT_FOLDER", "", parse=_or_none(_folder)),
        "trusted_proxies": env.setting("TRUSTED_PROXIES", "0", parse=_proxies),
        "log_level": env.setting("LOG_LEVEL", "INFO", parse=_level),
    }


def _or_none(parse: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: parse(text) if text else None


def _made_here(read: Mapping[str, Any]) -> dict[str, Any]:
    """Sandbox mode's own database and key, for what is not set; both are kept under `VAR`."""
    made: dict[str, Any] = {}
    try:
        if read["database_url"] is None:
            VAR.mkdir(exist_ok=True)
            made["database_url"] = f"sqlite:///{(VAR / 'cashless.sqlite').resolve()}"
        if read["master_keys"] is None:
            made["master_keys"] = _master_keys(_own_key())
    except OSError:
        raise SettingsWrong(problems=f"{VAR}: {say('setting.folder_unwritable')}") from None
    except ValidationError:
        told = say("setting.not_a_master_key")
        raise SettingsWrong(problems=f"{VAR / 'master.key'}: {told}") from None
    return made


def _own_key() -> str:
    """The key in `var/master.key`; made at the first need, readable by this user alone."""
    VAR.mkdir(exist_ok=True)
    kept, draft = VAR / "master.key", VAR / f"master.key.{secrets.token_hex(4)}"
    if not kept.exists():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, kept)  # whole or not at all; whoever comes second uses the first's
        draft.unlink()
    return kept.read_text(encoding="ascii").strip()


def _mode(text: str) -> Mode:
    if text not in set(Mode):
        raise ValidationError(later("setting.not_a_mode"))
    return Mode(text)


def _database_url(text: str) -> str:
    try:
        address = make_url(text)
    except ArgumentError:
        raise ValidationError(later("setting.not_a_database")) from None
    if address.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ValidationError(later("setting.not_a_database"))
    if address.drivername == "sqlite" and address.database in (None, "", ":memory:"):
        raise ValidationError(later("setting.database_in_memory"))
    return text


def _base_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port  # a port that is no number is found only when asked for
    except ValueError:
        raise ValidationError(later("setting.not_an_address")) from None
    plain = not (parts.query or parts.fragment or parts.username or parts.path.strip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ValidationError(later("setting.not_an_address"))
    return text.rstrip("/")


def _https_url(text: str) -> str:
    if not text.startswith("https://"):
        raise ValidationError(later("setting.not_https"))
    return _base_url(text)


def _master_keys(text: str) -> tuple[bytes, ...]:
    try:
        return tuple(master_key(one) for one in re.split(r"[,\s]+", text.strip()))
    except ValueError:
        raise ValidationError(later("setting.not_a_master_key")) from None


def _signing_key(text: str) -> str:
    try:
        signers.private_key(text)
    except ValueError:
        raise ValidationError(later("setting.not_a_signing_key")) from None
    return text


def _certificates(text: str) -> str:
    try:
        signers.certificates(text)
    except ValueError:
        raise ValidationError(later("setting.not_a_certificate")) from None
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{4}", text):
        raise ValidationError(later("setting.not_a_prefix"))
    return text


def _hosts(text: str) -> frozenset[str]:
    hosts = {host.strip().lower() for host in text.split(",") if host.strip()}
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise ValidationError(later("setting.not_hosts"))
    return frozenset(hosts)


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise ValidationError(later("setting.not_a_folder"))
    return path.resolve()


def _toml(text: str) -> str:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise ValidationError(later("setting.not_toml")) from None
    return text


def _proxies(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == 1):
        raise ValidationError(later("setting.not_a_count_of_proxies"))
    return int(text)


def _factor_for(text: str) -> FactorFor:
    if text not in set(FactorFor):
        raise ValidationError(later("setting.not_who_needs_a_factor"))
    return FactorFor(text)


def _factor_for_somebody(text: str) -> FactorFor:
    found = _factor_for(text)
    if found is FactorFor.NOBODY:
        raise ValidationError(later("setting.only_in_sandbox"))
    return found


def _level(text: str) -> str:
    if text.upper() not in _LEVELS:
        raise ValidationError(later("setting.not_a_log_level"))
    return text.upper()


def _offset(text: str) -> int:
    if not _SECONDS.fullmatch(text):
        raise ValidationError(later("setting.not_seconds"))
    return int(text)


def _no_offset(text: str) -> int:
    if text != "0":
        raise ValidationError(later("setting.only_in_sandbox"))
    return 0
