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
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, cast

from environs import EnvValidationError, FileAwareEnv, ValidationError

from payments.core import signers, spelling
from payments.core.errors import Invalid
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
    "OIDC_ISSUER",
    "OIDC_CLIENT",
    "OIDC_SECRET",
    "TRUSTED_PROXIES",
    "LOG_LEVEL",
    "CLOCK_OFFSET_SECONDS",
)
"""Every setting, without the prefix, in the order of the README's table."""

VAR: Final = Path("var")
"""Where sandbox mode keeps its database and its master key, under the present folder."""

_READ_BY_OTHERS: Final = (
    "TEST_PG_BIN",
    "TEST_BROWSER",
    "TEST_SHOTS",
    "FUZZ_CASES",
    "WEB_WORKERS",
    "LISTEN",
)
"""Variables of the tests and of compose.yaml."""


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
    oidc: tuple[str, str, str] | None = field(default=None, repr=False)
    """The identity provider, what it knows us by and our secret there; None where there is none."""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """The settings that `environ` holds. Raises `SettingsWrong`."""
        env = _Environment(environ)
        mode = env.setting("MODE", Mode.SANDBOX.value, parse=_mode)
        read = _read_live(env) if mode is Mode.LIVE else _read_sandbox(env)
        read["signing"] = env.signing(read.pop("signing_key"), read.pop("signing_cert"))
        read["oidc"] = env.all_or_none("OIDC_ISSUER", "OIDC_CLIENT", "OIDC_SECRET", read=read)
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

    def all_or_none(self, *names: str, read: dict[str, Any]) -> tuple[str, ...] | None:
        """Settings that go together, taken out of `read`; notes those that are missing."""
        told = {name: read.pop(name.lower()) for name in names}
        if not any(told.values()):
            return None
        for name, value in told.items():
            if not value:
                self._errors[f"{PREFIX}{name}"].append(later("setting.missing"))
        return tuple(told.values())

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
        "database_url": env.setting("DATABASE_URL", parse=spelling.database_url),
        "base_url": env.setting("BASE_URL", parse=spelling.https_url),
        "master_keys": env.setting("MASTER_KEY", parse=spelling.master_keys),
        "signing_key": env.setting("SIGNING_KEY", parse=spelling.signing_key),
        "signing_cert": env.setting("SIGNING_CERT", parse=spelling.certificates),
        "webhook_hosts": env.setting("WEBHOOK_HOSTS", "", parse=spelling.hosts),
        "bank_hosts": env.setting("BANK_HOSTS", "", parse=spelling.hosts),
        "clock_offset_seconds": env.setting("CLOCK_OFFSET_SECONDS", "0", parse=spelling.no_offset),
        "second_factor": env.setting("SECOND_FACTOR", "deciders", parse=_factor_for_somebody),
        "oidc_issuer": env.setting("OIDC_ISSUER", "", parse=_or_none(spelling.https_issuer)),
        **_read_alike(env),
    }


def _read_sandbox(env: _Environment) -> dict[str, Any]:
    """What is not set and is made here when needed reads as None."""
    here = "127.0.0.1,localhost"
    return {
        "database_url": env.setting("DATABASE_URL", "", parse=_or_none(spelling.database_url)),
        "base_url": env.setting("BASE_URL", "http://127.0.0.1:8000", parse=spelling.base_url),
        "master_keys": env.setting("MASTER_KEY", "", parse=_or_none(spelling.master_keys)),
        "signing_key": env.setting("SIGNING_KEY", "", parse=_or_none(spelling.signing_key)),
        "signing_cert": env.setting("SIGNING_CERT", "", parse=_or_none(spelling.certificates)),
        "webhook_hosts": env.setting("WEBHOOK_HOSTS", here, parse=spelling.hosts),
        "bank_hosts": env.setting("BANK_HOSTS", here, parse=spelling.hosts),
        "clock_offset_seconds": env.setting("CLOCK_OFFSET_SECONDS", "0", parse=spelling.offset),
        "second_factor": env.setting("SECOND_FACTOR", "nobody", parse=_factor_for),
        "oidc_issuer": env.setting("OIDC_ISSUER", "", parse=_or_none(spelling.issuer)),
        **_read_alike(env),
    }


def _read_alike(env: _Environment) -> dict[str, Any]:
    return {
        "reference_prefix": env.setting("REFERENCE_PREFIX", "TTHC", parse=spelling.prefix),
        "layouts": env.setting("LAYOUTS", "", parse=spelling.toml),
        "drop_folder": env.setting("DROP_FOLDER", "", parse=_or_none(spelling.folder)),
        "receipt_folder": env.setting("RECEIPT_FOLDER", "", parse=_or_none(spelling.folder)),
        "audit_folder": env.setting("AUDIT_FOLDER", "", parse=_or_none(spelling.folder)),
        "oidc_client": env.setting("OIDC_CLIENT", "", parse=_or_none(str)),
        "oidc_secret": env.setting("OIDC_SECRET", "", parse=_or_none(str)),
        "trusted_proxies": env.setting("TRUSTED_PROXIES", "0", parse=spelling.proxies),
        "log_level": env.setting("LOG_LEVEL", "INFO", parse=spelling.level),
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
            made["master_keys"] = spelling.master_keys(_own_key())
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


def _factor_for(text: str) -> FactorFor:
    if text not in set(FactorFor):
        raise ValidationError(later("setting.not_who_needs_a_factor"))
    return FactorFor(text)


def _factor_for_somebody(text: str) -> FactorFor:
    found = _factor_for(text)
    if found is FactorFor.NOBODY:
        raise ValidationError(later("setting.only_in_sandbox"))
    return found
