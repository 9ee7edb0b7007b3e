"""A PDF signed as PAdES baseline B: an invisible field, the certificate, the whole file covered.

The signature is added behind the paper's own bytes, which stay as they were. A good one covers
every byte of the file but the place where it stands itself, and what stands there is compared
with what signing writes; so nothing of a file from outside is read as a PDF before its signature
holds, and nothing can be appended, hidden or moved. Source: ETSI EN 319 142-1, ISO 32000-2, 12.8.
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.x509 import Certificate
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from payments.core.signers import Signer
from payments.documents import cms

_FIELD: Final = "Signature"
_SPARE: Final = 256
_TRACE: Final = b"/ETSI.CAdES.detached"
_RANGE: Final = re.compile(rb"/ByteRange\s*\[\s*0\s+(\d{1,9})\s+(\d{1,9})\s+(\d{1,9})\s*\]")
_TIME: Final = re.compile(rb"/M\s*\(D(?::|\\072)(\d{14})Z\)")


@dataclass(frozen=True, slots=True)
class Found:
    """What a signature in a file says, and whether it holds; nothing is said of trust."""

    holds: bool
    chain: tuple[Certificate, ...] = ()
    signed_at: datetime | None = None


class _Writer(IncrementalPdfFileWriter):
    """Leaves what the paper says of itself alone: the moment of signing stands in the signature."""

    def _update_meta(self) -> None:
        pass


def sign_pdf(content: bytes, signer: Signer, *, at: datetime) -> bytes:
    """The paper with a signature behind it, made at `at`.

    Raises ValueError for what is not a PDF, or is signed already; `CertificateNotInForce`.
    """
    signer.refuse_out_of_force(at)
    if _RANGE.search(content):
        raise ValueError("the paper is signed already")
    reserved = 2 * (len(cms.signed_data(signer.chain, bytes(32), signer.sign)) + _SPARE)
    try:
        steps = PdfCMSEmbedder(SigFieldSpec(_FIELD)).write_cms(_FIELD, _Writer(io.BytesIO(content)))
        next(steps)
        place = SignatureObject(
            timestamp=at.astimezone(UTC).replace(microsecond=0),
            subfilter=SigSeedSubFilter.PADES,
            bytes_reserved=reserved,
        )
        steps.send(SigObjSetup(sig_placeholder=place))
        digest, output = steps.send(SigIOSetup(md_algorithm="sha256", in_place=True))
    except PdfError as error:
        raise ValueError("not a PDF that can be signed") from error
    steps.send(cms.signed_data(signer.chain, digest.document_digest, signer.sign))
    return bytes(output.getbuffer())


def read_pdf(content: bytes) -> Found | None:
    """What the last signature in a PDF says; None where there is none."""
    ranges = list(_RANGE.finditer(content))
    if not ranges:
        return Found(holds=False) if _TRACE in content else None
    start, end, rest = (int(number) for number in ranges[-1].groups())
    hole = content[start:end]
    whole = 0 < start < end and end + rest == len(content)
    if not whole or not hole.startswith(b"<") or not hole.endswith(b">"):
        return Found(holds=False)
    try:
        padded = bytes.fromhex(hole[1:-1].decode("ascii"))
    except ValueError:
        return Found(holds=False)
    der = padded[: cms.length_of(padded)]
    chain, digest = cms.signers(der), hashlib.sha256(content[:start])
    digest.update(content[end:])
    written = der.hex().upper().encode().ljust(len(hole) - 2, b"0")
    holds = bool(chain) and written == hole[1:-1] and cms.holds(der, chain, digest.digest())
    return Found(holds, chain, _told_at(content, end))


def _told_at(content: bytes, end: int) -> datetime | None:
    found = _TIME.search(content, end)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
