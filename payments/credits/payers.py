"""Who paid, as the bank says: sealed, and looked up by a keyed digest of the account."""

from __future__ import annotations

import orjson

from payments.core.vault import Vault


def payer_key(account: str | None, *, vault: Vault) -> str | None:
    """What a payer's account is looked up by: a digest of its letters and digits."""
    folded = "".join(c for c in (account or "").upper() if c.isalnum())
    return vault.fingerprint(folded, purpose="payer_account") if folded else None


def sealed_payer(account: str | None, name: str | None, *, vault: Vault) -> bytes | None:
    """A payer's account and name, sealed; None when neither is known."""
    if not account and not name:
        return None
    return vault.seal(orjson.dumps({"account": account, "name": name}).decode(), purpose="payer")


def opened_payer(sealed: bytes, *, vault: Vault) -> tuple[str | None, str | None]:
    """(account, name) as they were sealed."""
    payer = orjson.loads(vault.open(sealed, purpose="payer"))
    return payer["account"], payer["name"]
