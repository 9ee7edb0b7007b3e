"""What the text of a setting must look like; each raises ValidationError with words for why."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from environs import ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from payments.core import signers
from payments.core.vault import master_key
from payments.core.words import later

_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_HOST: Final = re.compile(
    r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?|\[[0-9a-f:]+\](:[0-9]{1,5})?"
)
_SECONDS: Final = re.compile(r"[+-]?[0-9]{1,8}", re.ASCII)


def database_url(text: str) -> str:
    """An address of SQLite or PostgreSQL."""
    try:
        address = make_url(text)
    except ArgumentError:
        raise ValidationError(later("setting.not_a_database")) from None
    if address.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ValidationError(later("setting.not_a_database"))
    if address.drivername == "sqlite" and address.database in (None, "", ":memory:"):
        raise ValidationError(later("setting.database_in_memory"))
    return text


def base_url(text: str) -> str:
    """An http address without a path."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # a port that is no number is found only when asked for
    except ValueError:
        raise ValidationError(later("setting.not_an_address")) from None
    plain = not (parts.query or parts.fragment or parts.username or parts.path.strip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ValidationError(later("setting.not_an_address"))
    return text.rstrip("/")


def https_url(text: str) -> str:
    """An https address without a path."""
    if not text.startswith("https://"):
        raise ValidationError(later("setting.not_https"))
    return base_url(text)


def issuer(text: str) -> str:
    """The address by which an identity provider calls itself; it may have a path."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValidationError(later("setting.not_an_issuer")) from None
    plain = not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ValidationError(later("setting.not_an_issuer"))
    return text


def https_issuer(text: str) -> str:
    """The same, by https."""
    if not text.startswith("https://"):
        raise ValidationError(later("setting.not_https"))
    return issuer(text)


def master_keys(text: str) -> tuple[bytes, ...]:
    """One key or several of 32 bytes, in base64."""
    try:
        return tuple(master_key(one) for one in re.split(r"[,\s]+", text.strip()))
    except ValueError:
        raise ValidationError(later("setting.not_a_master_key")) from None


def signing_key(text: str) -> str:
    """A private key in PEM."""
    try:
        signers.private_key(text)
    except ValueError:
        raise ValidationError(later("setting.not_a_signing_key")) from None
    return text


def certificates(text: str) -> str:
    """Certificates in PEM."""
    try:
        signers.certificates(text)
    except ValueError:
        raise ValidationError(later("setting.not_a_certificate")) from None
    return text


def prefix(text: str) -> str:
    """Four capital letters."""
    if not re.fullmatch(r"[A-Z]{4}", text):
        raise ValidationError(later("setting.not_a_prefix"))
    return text


def hosts(text: str) -> frozenset[str]:
    """Names of hosts with commas, each with a port if need be."""
    hosts = {host.strip().lower() for host in text.split(",") if host.strip()}
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise ValidationError(later("setting.not_hosts"))
    return frozenset(hosts)


def folder(text: str) -> Path:
    """A folder that may be read and written."""
    path = Path(text)
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise ValidationError(later("setting.not_a_folder"))
    return path.resolve()


def toml(text: str) -> str:
    """A text in TOML."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise ValidationError(later("setting.not_toml")) from None
    return text


def proxies(text: str) -> int:
    """A count from 0 to 9."""
    if not (text.isascii() and text.isdigit() and len(text) == 1):
        raise ValidationError(later("setting.not_a_count_of_proxies"))
    return int(text)


def level(text: str) -> str:
    """How much is logged."""
    if text.upper() not in _LEVELS:
        raise ValidationError(later("setting.not_a_log_level"))
    return text.upper()


def offset(text: str) -> int:
    """Seconds, ahead or behind."""
    if not _SECONDS.fullmatch(text):
        raise ValidationError(later("setting.not_seconds"))
    return int(text)


def no_offset(text: str) -> int:
    """No seconds at all: the machine's clock."""
    if text != "0":
        raise ValidationError(later("setting.only_in_sandbox"))
    return 0
