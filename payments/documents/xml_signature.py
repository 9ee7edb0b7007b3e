"""An XML paper signed inside itself: XMLDSig, enveloped, exclusive C14N, SHA-256.

The last child of the root is the signature. It refers to the whole paper (URI "") and to the time
of signing, and carries the certificates. The file is written in its canonical form, and a file
that is not is refused: so an altered byte is found even where XML would not mind it, and there is
one signature, in one place, over everything else. Source: W3C XML Signature 1.1; the time stands
where Vietnam's electronic papers have it (Decision 1450/QĐ-TCT), in SignatureProperties.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from payments.core.signers import Signer
from payments.documents.pdf_signature import Found

HEAD: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'

MOST_ATTRIBUTES: Final = 100
"""Of one element; no paper has so many."""

_DS: Final = "http://www.w3.org/2000/09/xmldsig#"
_XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
_SIGNATURE: Final = f"{{{_DS}}}Signature"
_SHAPE: Final = [
    f"{{{_DS}}}{name}" for name in ("SignedInfo", "SignatureValue", "KeyInfo", "Object")
]
_TIME: Final = f"{{{_XADES}}}SigningTime"
_TRACE: Final = b"SignatureValue>"
_ID: Final = "signature"
_TIME_ID: Final = "signing-time"
_C14N: Final = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
_METHODS: Final = frozenset({SignatureMethod.RSA_SHA256, SignatureMethod.ECDSA_SHA256})


def sign_xml(content: bytes, signer: Signer, *, at: datetime) -> bytes:
    """The paper with a signature as its last child, made at `at`; comments are left out.

    Raises ValueError for what is not XML, is signed already, has a DOCTYPE, or an `Id` at its
    root, which would be a second name for the whole; `CertificateNotInForce`.
    """
    signer.refuse_out_of_force(at)
    root = _parsed(content)
    if root is None or root.get("Id") or root.get("ID") or _SIGNATURE in _tags(root):
        raise ValueError("not XML that can be signed")
    root = etree.fromstring(_canonical(root))  # comments and what stands around the root are gone
    is_rsa = isinstance(signer.key, rsa.RSAPrivateKey)
    made = XMLSigner(
        signature_algorithm=SignatureMethod.RSA_SHA256 if is_rsa else SignatureMethod.ECDSA_SHA256,
        c14n_algorithm=_C14N,
    )
    made.signature_annotators.append(_Dated(at))
    return _written(made.sign(root, key=signer.key, cert=list(signer.chain)))


def read_xml(content: bytes) -> Found | None:
    """What the signature in an XML paper says; None where there is none."""
    root = _parsed(content)
    signatures = [] if root is None else list(root.iter(_SIGNATURE))
    if root is None or not signatures:
        return Found(holds=False) if _TRACE in content else None
    signature = root[-1]
    if signatures != [signature] or [one.tag for one in signature] != _SHAPE:
        return Found(holds=False)
    chain, at = _chain(signature[2]), _time(signature[3])
    if not chain or at is None or _written(root) != content or not _as_written(signature, chain):
        return Found(holds=False, chain=chain, signed_at=at)
    return Found(_verified(root, chain[0], at), chain, at)


@dataclass(frozen=True, slots=True)
class _Dated:
    """Adds the time of signing, and a reference to it, before the value is made."""

    at: datetime

    def __call__(self, signature: Any, **_settings: object) -> None:
        signature.set("Id", _ID)
        told = etree.SubElement(signature, f"{{{_DS}}}Object", Id=_TIME_ID)
        properties = etree.SubElement(told, f"{{{_DS}}}SignatureProperties")
        place = etree.SubElement(properties, f"{{{_DS}}}SignatureProperty", Target=f"#{_ID}")
        time = etree.SubElement(place, _TIME, nsmap={"xades": _XADES})
        time.text = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        info = signature.find(f"{{{_DS}}}SignedInfo")
        reference = etree.SubElement(info, f"{{{_DS}}}Reference", URI=f"#{_TIME_ID}")
        transforms = etree.SubElement(reference, f"{{{_DS}}}Transforms")
        etree.SubElement(transforms, f"{{{_DS}}}Transform", Algorithm=_C14N.value)
        method = DigestAlgorithm.SHA256.value
        etree.SubElement(reference, f"{{{_DS}}}DigestMethod", Algorithm=method)
        value = etree.SubElement(reference, f"{{{_DS}}}DigestValue")
        value.text = base64.b64encode(hashlib.sha256(_canonical(told)).digest()).decode()


def _parsed(content: bytes) -> Any | None:
    """The root; None for what is not well-formed, may have entities, or is made to be slow."""
    if b"<!DOCTYPE" in content:
        return None
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        tree = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if tree.getroottree().docinfo.doctype or _crowded(tree):
        return None
    return tree


def _crowded(root: Any) -> bool:
    """Whether an element has too many attributes: canonical XML sorts them one by one."""
    return any(len(one.attrib) > MOST_ATTRIBUTES for one in root.iter(etree.Element))


def _tags(root: Any) -> set[str]:
    return {one.tag for one in root.iter()}


def _canonical(root: Any) -> bytes:
    written: bytes = etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
    return written


def _written(root: Any) -> bytes:
    return HEAD + _canonical(root) + b"\n"


def _chain(key_info: Any) -> tuple[Certificate, ...]:
    try:
        return tuple(
            load_der_x509_certificate(base64.b64decode(one.text or ""))
            for one in key_info.iter(f"{{{_DS}}}X509Certificate")
        )
    except ValueError:
        return ()


def _time(told: Any) -> datetime | None:
    found = told.findtext(f".//{_TIME}") or ""
    try:
        return datetime.strptime(found, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _as_written(signature: Any, chain: tuple[Certificate, ...]) -> bool:
    """Whether what no digest covers is as signing writes it: certificates, value, spaces."""
    listed = "".join(f"<ds:X509Certificate>{_pem_body(one)}</ds:X509Certificate>" for one in chain)
    names = f'<ds:KeyInfo xmlns:ds="{_DS}"><ds:X509Data>{listed}</ds:X509Data></ds:KeyInfo>'
    value = signature[1].text or ""
    try:
        again = base64.b64encode(base64.b64decode(value, validate=True)).decode()
    except ValueError:
        return False
    spaces = [signature.text, signature.tail, *(one.tail for one in signature)]
    return (
        _canonical(signature[2]).decode() == names
        and value == again
        and dict(signature.attrib) == {"Id": _ID}
        and not signature[1].attrib
        and len(signature[1]) == 0
        and not any(spaces)
    )


def _pem_body(certificate: Certificate) -> str:
    lines = certificate.public_bytes(Encoding.PEM).decode().splitlines()
    return "\n".join([*lines[1:-1], ""])


def _verified(root: Any, certificate: Certificate, at: datetime) -> bool:
    wanted = SignatureConfiguration(
        location="./",
        expect_references=2,
        signature_methods=_METHODS,
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
        verification_time=at,
    )
    try:
        found = XMLVerifier().verify(root, x509_cert=certificate, expect_config=wanted)
    except Exception:  # noqa: BLE001  whatever is wrong with a stranger's signature, it does not hold
        return False
    signature = root[-1]
    root.remove(signature)
    covered = [one.signed_data for one in (found if isinstance(found, list) else [found])]
    return covered == [_canonical(root), _canonical(signature[3])]
