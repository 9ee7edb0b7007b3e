"""What can be said of a file alone: whether it is as it was signed, by whom, and when.

It needs neither network nor database, only the certificates that are trusted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate

from payments.core import signers
from payments.documents.pdf_signature import Found, read_pdf
from payments.documents.xml_signature import read_xml

MOST_BYTES: Final = 5 * 1024 * 1024
"""A paper is not larger; what is, is not read."""

PRACTICE: Final = "Thực hành – không có giá trị pháp lý"
"""What the subject of sandbox mode's certificate says: practice, without legal value."""

PDF: Final = "application/pdf"
XML: Final = "application/xml"


class Finding(StrEnum):
    """What a check came to. The last three only the register knows."""

    VALID = "valid"
    ALTERED = "altered"  # a signature that does not hold for this file
    UNSIGNED = "unsigned"
    UNKNOWN_SIGNER = "unknown_signer"  # it holds, by a certificate nobody told us to trust
    NOT_IN_FORCE = "not_in_force"  # it holds, by a certificate that did not hold at that time
    UNREADABLE = "unreadable"  # neither a PDF nor XML, or too large
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    UNKNOWN = "unknown"  # not in the register


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found about a file.

    `signer` and `signed_at` are what the signature claims: true where the finding is `valid`.
    """

    finding: Finding
    sha256: str
    media_type: str | None = None
    signer: str | None = None
    fingerprint: str | None = None
    """SHA-256 of the certificate, lower-case hexadecimal."""
    practice: bool = False
    """Signed with sandbox mode's certificate: no legal value."""
    signed_at: datetime | None = None


def verify(content: bytes, trusted: Collection[Certificate]) -> Verified:
    """Whether a PDF or an XML is as one of the `trusted` signed it. Never raises."""
    sha256, media_type = hashlib.sha256(content).hexdigest(), _media_type(content)
    if media_type is None or len(content) > MOST_BYTES:
        return Verified(Finding.UNREADABLE, sha256)
    try:
        found = read_pdf(content) if media_type == PDF else read_xml(content)
        return _judged(found, sha256, media_type, trusted)
    except Exception:  # noqa: BLE001  certificates of strangers are malformed in unforeseen ways
        return Verified(Finding.ALTERED, sha256, media_type)


def fingerprint(certificate: Certificate) -> str:
    """The SHA-256 of a certificate, in lower-case hexadecimal."""
    return certificate.fingerprint(SHA256()).hex()


def _media_type(content: bytes) -> str | None:
    if content.startswith(b"%PDF-"):
        return PDF
    return XML if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else None


def _judged(
    found: Found | None, sha256: str, media_type: str, trusted: Collection[Certificate]
) -> Verified:
    if found is None:
        return Verified(Finding.UNSIGNED, sha256, media_type)
    if not found.chain:
        return Verified(Finding.ALTERED, sha256, media_type, signed_at=found.signed_at)
    own = found.chain[0]
    name = signers.name_of(own)
    return Verified(
        _finding(found, own, trusted),
        sha256,
        media_type,
        signer=name,
        fingerprint=fingerprint(own),
        practice=name == PRACTICE,
        signed_at=found.signed_at,
    )


def _finding(found: Found, own: Certificate, trusted: Collection[Certificate]) -> Finding:
    if not found.holds or found.signed_at is None:
        return Finding.ALTERED
    if own not in trusted:
        return Finding.UNKNOWN_SIGNER
    if not signers.in_force(own, found.signed_at):
        return Finding.NOT_IN_FORCE
    return Finding.VALID
