"""The provider: where to send a browser, and who came back, by what the provider itself says.

What the provider publishes about itself is asked once and kept for some minutes; a key that is not
among those known is looked for anew, at most once in ten seconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import orjson

from payments.core import http
from payments.core.errors import Unavailable
from payments.core.oidc.flows import Flow, FlowLost, Purpose
from payments.core.oidc.tokens import UNKNOWN_KEY, AnswerRefused, Identity, identity_of

_KEPT: Final = timedelta(minutes=10)
_AT_MOST_EACH: Final = timedelta(seconds=10)
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_FORM: Final = "application/x-www-form-urlencoded"


class ProviderUnreachable(Unavailable):
    """The identity provider does not answer, or not as one does."""

    code = "provider_unreachable"


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider knows this service by."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider says about itself, and when it was asked."""

    document: Mapping[str, Any]
    keys: Sequence[Mapping[str, Any]]
    asked_at: datetime


class Provider:
    """The identity provider of this service; one serves a whole process and all its threads."""

    def __init__(self, client: Client, *, return_to: str, reach: http.Client | None = None) -> None:
        parts = urlsplit(client.issuer)
        self._client, self._return_to = client, return_to
        self._allowed = frozenset({parts.netloc.lower()})
        self._reach = reach or http.Client(allowed=self._allowed)
        self._lock = Lock()
        self._known: _Known | None = None

    @property
    def issuer(self) -> str:
        """Who the provider is."""
        return self._client.issuer

    def address(self, flow: Flow, *, now: datetime) -> str:
        """Where the browser is sent. Raises `ProviderUnreachable`.

        Whoever is to prove that it is them is asked anew, whatever the provider remembers.
        """
        challenge = hashlib.sha256(flow.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._return_to,
            "scope": "openid profile",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        if flow.purpose == Purpose.PROVE:
            asked |= {"prompt": "login", "max_age": "0"}
        goes: str = self._about(now=now).document["authorization_endpoint"]
        return goes + ("&" if urlsplit(goes).query else "?") + urlencode(asked)

    def identity(self, flow: Flow, answer: Mapping[str, str], *, now: datetime) -> Identity:
        """Who came back with this answer.

        Raises `FlowLost`, `AnswerRefused` or `ProviderUnreachable`.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), flow.state.encode()):
            raise FlowLost
        known = self._about(now=now)
        self._refuse_another_issuer(known, answer)
        if "error" in answer or not answer.get("code"):
            raise AnswerRefused(reason="denied")
        token = self._token(known, flow, answer["code"])
        try:
            return self._identity(token, known, flow, now=now)
        except AnswerRefused as refused:
            known_well = now - known.asked_at < _AT_MOST_EACH
            if refused.fields["reason"] != UNKNOWN_KEY or known_well:
                raise
        return self._identity(token, self._ask(now=now), flow, now=now)

    def _identity(self, token: str, known: _Known, flow: Flow, *, now: datetime) -> Identity:
        return identity_of(
            token,
            known.keys,
            issuer=self._client.issuer,
            audience=self._client.client_id,
            nonce=flow.nonce,
            now=now,
        )

    def _refuse_another_issuer(self, known: _Known, answer: Mapping[str, str]) -> None:
        """An answer says who gives it (RFC 9207): a must where the provider promises it."""
        promised = known.document.get("authorization_response_iss_parameter_supported") is True
        told = answer.get("iss")
        if told != self._client.issuer and (promised or told is not None):
            raise AnswerRefused(reason="issuer")

    def _token(self, known: _Known, flow: Flow, code: str) -> str:
        """The ID token that the provider gives for a code, once. Raises `AnswerRefused`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._return_to,
            "code_verifier": flow.verifier,
        }
        headers = {"Content-Type": _FORM, "Accept": "application/json"}
        ways = known.document.get("token_endpoint_auth_methods_supported")
        if isinstance(ways, list) and "client_secret_basic" not in ways:
            form |= {"client_id": self._client.client_id, "client_secret": self._client.secret}
        else:
            pair = f"{quote_plus(self._client.client_id)}:{quote_plus(self._client.secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        url = known.document["token_endpoint"]
        answer = self._called(
            lambda: self._reach.post(url, body=urlencode(form).encode(), headers=headers)
        )
        if 400 <= answer.status < 500:
            raise AnswerRefused(reason="code")
        token = _json(answer).get("id_token")
        if not isinstance(token, str):
            raise AnswerRefused(reason="token")
        return token

    def _about(self, *, now: datetime) -> _Known:
        with self._lock:
            known = self._known
        fresh = known is not None and timedelta(0) <= now - known.asked_at < _KEPT
        return known if known is not None and fresh else self._ask(now=now)

    def _ask(self, *, now: datetime) -> _Known:
        """What the provider says about itself now. Raises `ProviderUnreachable`."""
        document = self._get(self._client.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if document.get("issuer") != self._client.issuer:
            raise ProviderUnreachable(reason="issuer")
        for name in _ENDPOINTS:
            self._refuse_unsafe(str(document.get(name)), name)
        keys = self._get(document["jwks_uri"]).get("keys")
        if not isinstance(keys, list):
            raise ProviderUnreachable(reason="keys")
        known = _Known(document, [key for key in keys if isinstance(key, dict)], now)
        with self._lock:
            self._known = known
        return known

    def _refuse_unsafe(self, url: str, name: str) -> None:
        """Raises `ProviderUnreachable` for an address that is not as safe as the issuer's own."""
        try:
            goal = http.destination(url, allowed=self._allowed)
        except http.AddressRefused:
            raise ProviderUnreachable(reason=name) from None
        if goal.scheme != "https" and self._client.issuer.startswith("https:"):
            raise ProviderUnreachable(reason=name)

    def _get(self, url: str) -> Mapping[str, Any]:
        headers = {"Accept": "application/json"}
        return _json(self._called(lambda: self._reach.get(url, headers=headers)))

    def _called(self, call: Callable[[], http.Answer]) -> http.Answer:
        try:
            return call()
        except (http.NotReached, http.AddressRefused) as error:
            reason = str(error.fields.get("reason", "-"))
            raise ProviderUnreachable(reason=reason) from error


def _json(answer: http.Answer) -> Mapping[str, Any]:
    """The object that an answer holds. Raises `ProviderUnreachable`."""
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        told = None
    if answer.status != 200 or answer.cut or not isinstance(told, dict):
        raise ProviderUnreachable(reason=f"status {answer.status}")
    return told
