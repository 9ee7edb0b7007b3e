"""Sealed values: personal fields and secrets, encrypted with the master key.

AES-256-GCM with a random nonce; the purpose is bound in, so a value sealed for one column can't
be opened as another. Equality of sealed values is looked up by a keyed fingerprint (HMAC-SHA256).
Several master keys may be live: the first seals, all open.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from payments.core.errors import Unavailable


class Unopenable(Unavailable):
    """A sealed value that none of the live master keys opens."""

    code = "unopenable"


class Vault:
    """Seals, opens and fingerprints texts with keys derived from the 32-byte master keys."""

    def __init__(self, master_keys: Sequence[bytes]) -> None:
        if not master_keys or any(len(key) != 32 for key in master_keys):
            raise ValueError("a master key is 32 bytes")
        self._sealing = [AESGCM(_derive(key, b"seal")) for key in master_keys]
        self._fingerprinting = _derive(master_keys[0], b"fingerprint")
        self._deriving = master_keys[0]

    def seal(self, text: str, *, purpose: str) -> bytes:
        """`text`, encrypted for `purpose` (the name of its column)."""
        nonce = os.urandom(12)
        return nonce + self._sealing[0].encrypt(nonce, text.encode(), purpose.encode())

    def open(self, sealed: bytes, *, purpose: str) -> str:
        """The text sealed for `purpose`. Raises `Unopenable`."""
        for key in self._sealing:
            try:
                return key.decrypt(sealed[:12], sealed[12:], purpose.encode()).decode()
            except InvalidTag:
                continue
        raise Unopenable(purpose=purpose)

    def key_for(self, use: str) -> bytes:
        """32 bytes for one use (signing cookies), the same on every host with this master key."""
        return _derive(self._deriving, b"use:" + use.encode())

    def fingerprint(self, text: str, *, purpose: str) -> str:
        """A keyed digest of `text`: equal texts give equal digests, nothing leads back."""
        message = purpose.encode() + b"\0" + text.encode()
        return hmac.new(self._fingerprinting, message, hashlib.sha256).hexdigest()[:32]


def master_key(text: str) -> bytes:
    """The 32 bytes of a master key as settings hold it, in base64. Raises ValueError."""
    key = base64.b64decode(text, validate=True)
    if len(key) != 32:
        raise ValueError("a master key is 32 bytes in base64")
    return key


def _derive(key: bytes, use: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"cashless:" + use).derive(key)
