"""Passwords: argon2id with 19 MiB, two passes, one lane (OWASP's first choice; RFC 9106).

Length is the rule that counts: at least 12 characters, and not the username. A password is
normalised (NFKC) first, so that it is the same whichever keyboard composes its letters.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from payments.core.errors import Invalid

SHORTEST: Final = 12
LONGEST: Final = 200

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class WeakPassword(Invalid):
    """A password has 12 to 200 characters and does not contain the username."""

    code = "weak_password"


def check(password: str, *, username: str) -> None:
    """Raises `WeakPassword` unless the password may be used."""
    short = not SHORTEST <= len(password) <= LONGEST
    if short or username.lower() in password.lower():
        raise WeakPassword(least=SHORTEST, most=LONGEST)


def hash_of(password: str) -> str:
    """The argon2id hash to store, with its parameters and salt."""
    return _HASHER.hash(_normal(password))


def matches(password: str, stored: str | None) -> bool:
    """Whether the password is the one stored; takes the same time where none is stored."""
    candidate = _normal(password)[:LONGEST]
    try:
        _HASHER.verify(stored if stored is not None else _nobodys(), candidate)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def suggest(*, username: str) -> str:
    """A random password of 20 letters, digits, dashes and underscores (120 bits).

    A short username may turn up in one by chance; that one is not taken.
    """
    while True:
        made = secrets.token_urlsafe(15)
        if not username or username.lower() not in made.lower():
            return made


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))
