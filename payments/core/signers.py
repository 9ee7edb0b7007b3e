"""Who signs papers: a private key and its certificate, X.509, read from PEM.

RSA of 2048 bits or more (PKCS #1 v1.5) or ECDSA on a NIST curve, both with SHA-256: what PAdES,
XMLDSig and every reader of them know. The key never shows in a repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import (
    Certificate,
    CertificateBuilder,
    KeyUsage,
    Name,
    NameAttribute,
    load_pem_x509_certificates,
    random_serial_number,
)
from cryptography.x509.oid import NameOID

from payments.core.errors import Conflict

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

SMALLEST_RSA: Final = 2048
"""Bits."""

MOST_CERTIFICATES: Final = 10
_LONGEST_NAME: Final = 100
_KEPT_FOR: Final = timedelta(days=20 * 365)


class CertificateNotInForce(Conflict):
    """The certificate that papers are signed with has expired, or does not hold yet."""

    code = "certificate_not_in_force"


@dataclass(frozen=True)
class Signer:
    """A private key, its certificate, and the certificates between that and its authority.

    A `practice` signer was made here for sandbox mode; what it signs has no legal value.
    """

    key: PrivateKey = field(repr=False)
    chain: tuple[Certificate, ...]
    """The signer's own certificate first."""
    practice: bool = False

    @property
    def certificate(self) -> Certificate:
        """The signer's own certificate."""
        return self.chain[0]

    @cached_property
    def name(self) -> str:
        """What the certificate calls the signer."""
        return name_of(self.certificate)

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`: SHA-256 with PKCS #1 v1.5, or ECDSA in DER."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(message, padding.PKCS1v15(), SHA256())
        return self.key.sign(message, ec.ECDSA(SHA256()))

    def refuse_out_of_force(self, at: datetime) -> None:
        """Raises `CertificateNotInForce` unless the certificate holds at `at`."""
        if not in_force(self.certificate, at):
            raise CertificateNotInForce(
                name=self.name,
                start=self.certificate.not_valid_before_utc,
                end=self.certificate.not_valid_after_utc,
            )


def load(key_pem: str, certificate_pem: str) -> Signer:
    """The signer of a key and its certificates. Raises ValueError where they do not fit."""
    key, chain = private_key(key_pem), certificates(certificate_pem)
    if not fits(key, chain[0]):
        raise ValueError("the certificate is of another key")
    return Signer(key, chain)


def private_key(pem: str) -> PrivateKey:
    """A private key in PEM, without a password. Raises ValueError."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, UnsupportedAlgorithm) as error:  # TypeError: it wants a password
        raise ValueError("not a key that can be used") from error
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= SMALLEST_RSA:
        return key
    raise ValueError("neither ECDSA nor RSA of 2048 bits")


def certificates(pem: str) -> tuple[Certificate, ...]:
    """The certificates in PEM, one at least, in their order. Raises ValueError."""
    found = tuple(load_pem_x509_certificates(pem.encode()))
    if len(found) > MOST_CERTIFICATES:
        raise ValueError("too many certificates")
    return found


def fits(key: PrivateKey, certificate: Certificate) -> bool:
    """Whether the certificate is of this key."""
    try:
        certified = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    return _public(certified) == _public(key.public_key())


def in_force(certificate: Certificate, at: datetime) -> bool:
    """Whether the certificate holds at this instant."""
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def name_of(certificate: Certificate) -> str:
    """The common name of a certificate's subject, or the whole subject where it has none.

    A stranger may call himself anything: what is not printable is left out, and the rest is cut.
    """
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    told = str(names[0].value) if names else certificate.subject.rfc4514_string()
    return "".join(letter for letter in told if letter.isprintable())[:_LONGEST_NAME]


def signed_by(certificate: Certificate, signature: bytes, message: bytes) -> bool:
    """Whether `signature` over `message` is of the certificate's key."""
    try:
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(SHA256()))
        else:
            return False
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def practice(subject: str, *, now: datetime) -> Signer:
    """A new key with a certificate that it signed itself, whose subject says what it is worth."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = Name([NameAttribute(NameOID.COMMON_NAME, subject)])
    usage = KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(now - timedelta(days=365))  # the demonstration lives on other days too
        .not_valid_after(now + _KEPT_FOR)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )
    return Signer(key, (certificate,), practice=True)


def _public(key: object) -> bytes | None:
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return None
