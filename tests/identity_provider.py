"""A small identity provider on real HTTP: OpenID Connect's code flow, and what goes wrong with it.

It lets in whoever comes as `subject`, without asking. `claims`, `header`, `signs_with` and
`answers` change what it says; codes are of use once, by the verifier that belongs to them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, redirect, request
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "cashless", "a secret of the tests"


@cache
def a_key(name: str) -> RSAKey | ECKey:
    """A key of the provider, by its name."""
    if name.startswith("rsa"):
        return RSAKey.generate_key(2048, {"kid": name}, auto_kid=False)
    return ECKey.generate_key("P-256", {"kid": name}, auto_kid=False)


@dataclass
class IdentityProvider:
    """The provider, as a test sets it; `now` is the time by its clock, in seconds."""

    now: int
    issuer: str = ""
    subject: str = "248289761001"
    publishes: list[str] = field(default_factory=lambda: ["ec-1"])
    signs_with: str = "ec-1"
    algorithm: str = "ES256"
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    down: bool = False

    def token(self, asked: dict[str, str]) -> str:
        """The ID token for what was asked; a claim set to None is left out."""
        told = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": self.now,
            "exp": self.now + 300,
            "auth_time": self.now if asked.get("prompt") == "login" else self.now - 3600,
            "nonce": asked["nonce"],
            "preferred_username": "nguyen.van.a",
            **self.claims,
        }
        claims = json.dumps({name: value for name, value in told.items() if value is not None})
        header = {"alg": self.algorithm, "kid": self.signs_with, **self.header}
        if header["alg"] == "none":
            parts = [json.dumps(header).encode(), claims.encode(), b""]
            return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        header = {name: value for name, value in header.items() if value is not None}
        return jws.serialize_compact(header, claims, a_key(self.signs_with), [header["alg"]])


def _app(provider: IdentityProvider) -> Flask:
    app = Flask(__name__)

    @app.before_request
    def stop() -> Response | None:
        return Response("down", 503) if provider.down else None

    @app.get("/.well-known/openid-configuration")
    def about() -> dict[str, Any]:
        return {
            "issuer": provider.issuer,
            "authorization_endpoint": f"{provider.issuer}/authorize",
            "token_endpoint": f"{provider.issuer}/token",
            "jwks_uri": f"{provider.issuer}/keys",
            "authorization_response_iss_parameter_supported": True,
            **provider.document,
        }

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        return {"keys": [a_key(name).as_dict(private=False) for name in provider.publishes]}

    @app.get("/authorize")
    def authorize() -> Any:
        asked = request.args.to_dict()
        provider.asked.append(asked)
        code = f"code-{len(provider.asked)}"
        provider.codes[code] = asked
        told = {"code": code, "state": asked["state"], "iss": provider.issuer, **provider.answers}
        return redirect(f"{asked['redirect_uri']}?{urlencode(told)}")

    @app.post("/token")
    def token() -> Any:
        asked = provider.codes.pop(request.form["code"], None)
        pair = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '+')}".encode()).decode()
        digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        fits = (
            asked is not None
            and request.headers.get("Authorization") == f"Basic {pair}"
            and request.form["redirect_uri"] == asked["redirect_uri"]
            and base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
        )
        if asked is None or not fits:
            return {"error": "invalid_grant"}, 400
        return {"token_type": "Bearer", "access_token": "x", "id_token": provider.token(asked)}

    return app


@contextmanager
def an_identity_provider(now: float) -> Iterator[IdentityProvider]:
    """The provider on a free port of this machine."""
    provider = IdentityProvider(now=int(now))
    server = make_server("127.0.0.1", 0, _app(provider), threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
