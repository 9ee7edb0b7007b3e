"""What an ID token must say to be believed: whose signature, from whom, for whom, when, for what.

Signatures are RS256 or ES256 by a key of the provider's set and nothing else: neither `none` nor a
shared secret, nor a key that the token itself names or carries. Clocks may differ by a minute.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from payments.core.errors import Refused

LONGEST: Final = 16 * 1024
SKEW: Final = timedelta(minutes=1)
OLDEST: Final = timedelta(minutes=10)
"""An ID token is made for this very way to the provider."""

_KINDS: Final = {"RS256": "RSA", "ES256": "EC"}
_SHORTEST_MODULUS: Final = 342
"""Of 2048 bits, in base64url."""
_LONGEST_SUBJECT: Final = 255


class AnswerRefused(Refused):
    """What came back from the provider is not believed; `reason` says which rule it breaks."""

    code = "provider_answer_refused"


UNKNOWN_KEY: Final = "key"
"""The reason that the provider's keys, as they are known here, hold none that is meant."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is: its own name for the person, and when it last asked them.

    `called` is what the provider calls the person, to be shown and never believed.
    """

    issuer: str
    subject: str
    nonce: str = field(repr=False)
    asked_at: datetime | None
    called: str


def identity_of(
    token: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    issuer: str,
    audience: str,
    nonce: str,
    now: datetime,
) -> Identity:
    """Who an ID token says it is. Raises `AnswerRefused`."""
    claims = _claims(token, keys)
    _refuse_unless(claims.get("iss") == issuer, "issuer")
    _refuse_unless(_is_for(claims, audience), "audience")
    told = claims.get("nonce")
    _refuse_unless(
        isinstance(told, str) and hmac.compare_digest(_bytes(told), _bytes(nonce)), "nonce"
    )
    expires, issued = _instant(claims, "exp"), _instant(claims, "iat")
    _refuse_unless(expires is not None and now < expires + SKEW, "expired")
    _refuse_unless(issued is not None and now - OLDEST - SKEW <= issued <= now + SKEW, "issued")
    before = _instant(claims, "nbf")
    _refuse_unless(before is None or before <= now + SKEW, "issued")
    subject = claims.get("sub")
    _refuse_unless(isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT, "subject")
    called = claims.get("preferred_username") or claims.get("email") or ""
    return Identity(issuer, str(subject), nonce, _instant(claims, "auth_time"), str(called)[:100])


def _claims(token: str, keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    _refuse_unless(len(token) <= LONGEST, "token")
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError):
        raise AnswerRefused(reason="token") from None
    algorithm = header.get("alg")
    _refuse_unless(algorithm in _KINDS, "algorithm")
    key = _key(keys, str(algorithm), header.get("kid"))
    try:
        signed = jws.deserialize_compact(token, key, algorithms=[str(algorithm)])
        claims = orjson.loads(signed.payload or b"")
    except (JoseError, ValueError):
        raise AnswerRefused(reason="signature") from None
    _refuse_unless(isinstance(claims, dict), "token")
    return dict(claims)


def _key(keys: Sequence[Mapping[str, Any]], algorithm: str, kid: object) -> RSAKey | ECKey:
    """The one key that the header means. Raises `AnswerRefused`."""
    fitting = [key for key in keys if _fits(key, algorithm)]
    if kid is not None:
        fitting = [key for key in fitting if key.get("kid") == kid]
    if len(fitting) != 1:
        raise AnswerRefused(reason=UNKNOWN_KEY)
    public = {
        name: fitting[0][name] for name in ("kty", "n", "e", "crv", "x", "y") if name in fitting[0]
    }
    try:
        return RSAKey.import_key(public) if algorithm == "RS256" else ECKey.import_key(public)
    except (JoseError, ValueError, KeyError, TypeError):
        raise AnswerRefused(reason="unusable_key") from None


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    """Whether a key of the set may sign so: of the right kind, for signing, strong enough."""
    if key.get("kty") != _KINDS[algorithm] or key.get("use", "sig") != "sig":
        return False
    if key.get("alg", algorithm) != algorithm:
        return False
    if algorithm == "ES256":
        return key.get("crv") == "P-256"
    return len(str(key.get("n", ""))) >= _SHORTEST_MODULUS


def _is_for(claims: Mapping[str, Any], audience: str) -> bool:
    """Whether the token is for us: alone, or together with others and given to us (`azp`)."""
    told = claims.get("aud")
    among = told if isinstance(told, list) else [told]
    given_to = claims.get("azp")
    return audience in among and (given_to == audience or (given_to is None and len(among) == 1))


def _instant(claims: Mapping[str, Any], name: str) -> datetime | None:
    """A claim of seconds since 1970; None where it is missing. Raises `AnswerRefused`."""
    told = claims.get(name)
    if told is None:
        return None
    _refuse_unless(isinstance(told, int) and not isinstance(told, bool), "token")
    try:
        return datetime.fromtimestamp(told, UTC)
    except (ValueError, OverflowError, OSError):
        raise AnswerRefused(reason="token") from None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _refuse_unless(right: bool, reason: str) -> None:  # noqa: FBT001  the very thing it asks
    if not right:
        raise AnswerRefused(reason=reason)
