"""Who signs here: the key and certificate of the settings, or sandbox mode's own.

Every certificate that ever signed is kept, so that papers of past years can still be checked.
Sandbox mode's key is made at the first need and kept sealed beside its certificate.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import Certificate
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from payments.core import signers
from payments.core.config import Config, Mode
from payments.core.signers import Signer
from payments.core.vault import Vault
from payments.documents.tables import SigningCertificate
from payments.documents.verdicts import PRACTICE, fingerprint

_PURPOSE: Final = "signing_certificate.sealed"


def signer_of(session: Session, config: Config, vault: Vault, *, now: datetime) -> Signer:
    """Who signs papers, to be asked once for a batch; its certificate is trusted from now on.

    Raises `CertificateNotInForce`.
    """
    if config.signing is None:
        return _practice(session, vault, now=now)
    signer = signers.load(*config.signing)
    signer.refuse_out_of_force(now)
    _keep(session, signer, mode=config.mode, sealed=None, now=now)
    return signer


def trusted(session: Session) -> list[Certificate]:
    """Every certificate that papers were signed with here."""
    kept = session.scalars(select(SigningCertificate.certificate).order_by(SigningCertificate.id))
    return [signers.certificates(pem)[0] for pem in kept]


def certificates_pem(session: Session) -> str:
    """The same as PEM, for those who check without us: `cashless receipt verify --certificate`."""
    return "".join(_pem(certificate) for certificate in trusted(session))


def certificate_id(session: Session, signer: Signer) -> int:
    """The row of the signer's certificate, kept by `signer_of`."""
    mark = fingerprint(signer.certificate)
    return session.scalars(
        select(SigningCertificate.id).where(SigningCertificate.fingerprint == mark)
    ).one()


def _practice(session: Session, vault: Vault, *, now: datetime) -> Signer:
    kept = _kept_practice(session, vault)
    if kept is None:
        made = signers.practice(PRACTICE, now=now)
        pem = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        sealed = vault.seal(pem, purpose=_PURPOSE)
        _keep(session, made, mode=Mode.SANDBOX, sealed=sealed, now=now)
        kept = _kept_practice(session, vault)  # whoever came first is whom all sign with
    if kept is None:
        raise LookupError("the practice certificate was not kept")
    kept.refuse_out_of_force(now)
    return kept


def _kept_practice(session: Session, vault: Vault) -> Signer | None:
    row = session.execute(
        select(SigningCertificate.certificate, SigningCertificate.sealed).where(
            SigningCertificate.mode == Mode.SANDBOX, SigningCertificate.sealed.is_not(None)
        )
    ).one_or_none()
    if row is None or row.sealed is None:
        return None
    key = signers.private_key(vault.open(row.sealed, purpose=_PURPOSE))
    return Signer(key, signers.certificates(row.certificate), practice=True)


def _keep(
    session: Session, signer: Signer, *, mode: Mode, sealed: bytes | None, now: datetime
) -> None:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = {
        "fingerprint": fingerprint(signer.certificate),
        "certificate": _pem(signer.certificate),
        "mode": mode.value,
        "sealed": sealed,
        "added_at": now,
    }
    session.execute(insert(SigningCertificate).values(row).on_conflict_do_nothing())


def _pem(certificate: Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
