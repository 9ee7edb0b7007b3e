"""The signature inside a PDF: CMS SignedData over a digest, in DER, as PAdES baseline B asks.

Sources: RFC 5652 (SignedData), RFC 5754 (SHA-256 in it), RFC 5035 (signing-certificate-v2), and
ETSI EN 319 122-1 for which attributes are signed. Written by hand since it is small, always of
the same shape, and then a thousandth of a second instead of seven; and since whoever checks
can write it again and compare the bytes, so that nothing in it can be moved unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
from cryptography.x509 import Certificate

from payments.core.signers import signed_by

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_OCTETS: Final = 0x04
_FIRST: Final = 0xA0  # [0], constructed

_ONE: Final = bytes.fromhex("020101")
_DATA: Final = bytes.fromhex("06092a864886f70d010701")
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
_CONTENT_TYPE: Final = bytes.fromhex("06092a864886f70d010903")
_MESSAGE_DIGEST: Final = bytes.fromhex("06092a864886f70d010904")
_SIGNING_CERTIFICATE: Final = bytes.fromhex("060b2a864886f70d010910022f")
_SHA256: Final = bytes.fromhex("300b0609608648016503040201")
_RSA: Final = bytes.fromhex("300d06092a864886f70d01010b0500")  # sha256WithRSAEncryption
_ECDSA: Final = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256


def signed_data(
    chain: Sequence[Certificate], digest: bytes, sign: Callable[[bytes], bytes]
) -> bytes:
    """SignedData over content with this SHA-256, by the first of `chain`; `sign` makes the value.

    Raises ValueError for a certificate whose key is neither RSA nor ECDSA.
    """
    own = chain[0]
    attributes = _signed_attributes(own, digest)
    name = _der(_SEQUENCE, own.issuer.public_bytes(), _integer(own.serial_number))
    told = _der(
        _SEQUENCE,
        _ONE,
        name,
        _SHA256,
        _der(_FIRST, attributes),
        _algorithm(own),
        _der(_OCTETS, sign(_der(_SET, attributes))),
    )
    content = _der(
        _SEQUENCE,
        _ONE,
        _der(_SET, _SHA256),
        _der(_SEQUENCE, _DATA),
        _der(_FIRST, *(one.public_bytes(Encoding.DER) for one in chain)),
        _der(_SET, told),
    )
    return _der(_SEQUENCE, _SIGNED_DATA, _der(_FIRST, content))


def signers(der: bytes) -> tuple[Certificate, ...]:
    """The certificates in SignedData, the signer's first; empty where there are none to read."""
    try:
        return tuple(load_der_pkcs7_certificates(der))
    except (ValueError, UnsupportedAlgorithm):
        return ()


def holds(der: bytes, chain: Sequence[Certificate], digest: bytes) -> bool:
    """Whether `der` is, byte for byte, what the first of `chain` signed over this digest."""
    try:
        lengths = _lengths(chain[0])
        for length in lengths:
            value = der[-length:]
            if signed_data(chain, digest, lambda _, value=value: value) == der:  # type: ignore[misc]  # bound now
                signed = _der(_SET, _signed_attributes(chain[0], digest))
                return signed_by(chain[0], value, signed)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return False


def length_of(der: bytes) -> int:
    """How many bytes the value at the beginning of `der` takes; 0 where that can't be read."""
    if len(der) < 4 or der[0] != _SEQUENCE or der[1] != 0x82:  # two bytes of length: 256 to 65,535
        return 0
    return 4 + int.from_bytes(der[2:4], "big")


def _signed_attributes(own: Certificate, digest: bytes) -> bytes:
    """What is signed, in the order DER asks of a set; no signing time, as PAdES has it."""
    hashed = hashlib.sha256(own.public_bytes(Encoding.DER)).digest()
    certificate = _der(_SEQUENCE, _der(_SEQUENCE, _der(_SEQUENCE, _der(_OCTETS, hashed))))
    attributes = (
        _der(_SEQUENCE, _CONTENT_TYPE, _der(_SET, _DATA)),
        _der(_SEQUENCE, _MESSAGE_DIGEST, _der(_SET, _der(_OCTETS, digest))),
        _der(_SEQUENCE, _SIGNING_CERTIFICATE, _der(_SET, certificate)),
    )
    return b"".join(sorted(attributes))


def _algorithm(own: Certificate) -> bytes:
    key = own.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return _RSA
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _ECDSA
    raise ValueError("neither RSA nor ECDSA")


def _lengths(own: Certificate) -> range:
    """How long a signature of this certificate's key may be, in bytes."""
    key = own.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        size = (key.key_size + 7) // 8
        return range(size, size + 1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        number = (key.key_size + 7) // 8
        return range(8, 2 * number + 10)
    raise ValueError("neither RSA nor ECDSA")


def _integer(number: int) -> bytes:
    size = number.bit_length() // 8 + 1
    return _der(0x02, number.to_bytes(size, "big", signed=True))


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    count = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | count)) + size.to_bytes(count, "big") + body
