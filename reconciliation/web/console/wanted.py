"""Words that somebody looks for, as an address carries them: sealed.

They may be a payer's name or account, and an address stays in browsers and in the logs of whatever
stands before us. Sealed, it can still be opened again, gone back to and handed on to a colleague.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from payments.core.vault import Unopenable, Vault
from reconciliation.web.console.parts import UnknownFilter, asked_once

LONGEST: Final = 100
"""So many characters of what is looked for are kept."""

_PURPOSE: Final = "wanted"


class Wanted(str):  # noqa: SLOT000  a page has one or two of them
    """The words, and how an address says them."""

    sealed = ""


def sealed(vault: Vault, words: str) -> str:
    """The words as an address says them; empty where there are none."""
    told = words.strip()[:LONGEST]
    if not told:
        return ""
    return base64.urlsafe_b64encode(vault.seal(told, purpose=_PURPOSE)).decode().rstrip("=")


def wanted(vault: Vault, name: str) -> Wanted:
    """The words that the address asks for by `name`. Raises `UnknownFilter` or `AskedTwice`."""
    told = asked_once(name)
    if not told:
        return Wanted()
    try:
        content = base64.b64decode(told + "=" * (-len(told) % 4), altchars=b"-_", validate=True)
        found = Wanted(vault.open(content, purpose=_PURPOSE))
    except (binascii.Error, ValueError, Unopenable):
        raise UnknownFilter from None
    found.sealed = told
    return found
