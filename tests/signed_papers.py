"""Builders: keys that guard nothing, papers to sign, and signed ones that are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import Certificate, CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID
from sqlalchemy.orm import Session

from payments import documents
from payments.core.pdf import Paper as Sheet
from payments.core.signers import PrivateKey, Signer
from payments.documents import Document, Kind, Paper
from tests.builders import NOON, a_vault
from tests.services import a_config

BY = "job:receipts"
DECADE = timedelta(days=3650)


@cache
def a_key(kind: str = "ecdsa") -> PrivateKey:
    """A private key; `kind` is ecdsa or rsa."""
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def a_signer(kind: str = "ecdsa", *, name: str = "Kho bạc Nhà nước", **span: datetime) -> Signer:
    """A signer whose certificate it signed itself, in force for years around the tests' noon."""
    return Signer(a_key(kind), (a_certificate(a_key(kind), name=name, **span),))


def a_certificate(
    key: PrivateKey,
    *,
    name: str,
    start: datetime = NOON - DECADE,
    end: datetime = NOON + DECADE,
) -> Certificate:
    """A certificate of this key."""
    subject = Name([NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(0x8000_0000_0000_0001)
        .not_valid_before(start)
        .not_valid_after(end)
        .sign(key, SHA256())
    )


def pem_of(signer: Signer) -> tuple[str, str]:
    """The key and the certificates as settings hold them."""
    key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in signer.chain)
    return key.decode(), chain.decode()


def a_signers_settings(signer: Signer | None = None) -> dict[str, str]:
    """What live mode asks for."""
    key, chain = pem_of(signer or a_signer())
    return {"CASHLESS_SIGNING_KEY": key, "CASHLESS_SIGNING_CERT": chain}


@cache
def a_pdf(text: str = "Biên lai thu phí, lệ phí") -> bytes:
    """A paper as it is drawn, before it is signed."""
    sheet = Sheet("Biên lai", foot="foot", page_words=lambda page, pages: f"{page}/{pages}")
    for _ in range(20):
        sheet.words(text)
    return sheet.finish()


def an_xml(amount: int = 150_000) -> bytes:
    """An XML paper as it is written, before it is signed."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><receipt xmlns="urn:example:receipt" b="2" a="1">'
        f"<agency>Sở Tư pháp &amp; bạn</agency><amount>{amount}</amount></receipt>"
    ).encode()


def a_kept_paper(
    session: Session, *, subject: str = "receipt:1", now: datetime = NOON, **told: Any
) -> Document:
    """A receipt that is signed with the practice certificate, and kept."""
    (code,) = documents.new_codes(1)
    signer = documents.signer_of(session, a_config(), a_vault(), now=now)
    paper = Paper(
        code,
        **{
            "kind": Kind.RECEIPT,
            "subject": subject,
            "facts": {"agency": "Sở Tư pháp", "number": "0000001", "amount": 150_000},
            "pdf": documents.sign_pdf(a_pdf(f"Biên lai {code}"), signer, at=now),
            "xml": documents.sign_xml(an_xml(), signer, at=now),
            **told,
        },
    )
    documents.keep_all(session, [paper], signer=signer, by=BY, now=now)
    return documents.by_code(session, code)


def at(text: str) -> datetime:
    """An instant in UTC from `2026-11-24T05:00:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
