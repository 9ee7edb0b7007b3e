"""Signing in by the province's identity provider: OpenID Connect, the code flow with PKCE.

`flows` is what the browser brings back unseen, `tokens` what an ID token must say to be believed,
`provider` asks the provider. Nothing here knows who works with the service.

Sources: OpenID Connect Core 1.0 and Discovery 1.0; RFC 7636 (PKCE), RFC 9207 (issuer in the
answer), RFC 9700 (best current practice).
"""

from payments.core.oidc.flows import Flow, FlowLost, Purpose, begin, opened, sealed
from payments.core.oidc.provider import Client, Provider, ProviderUnreachable
from payments.core.oidc.tokens import AnswerRefused, Identity

__all__ = [
    "AnswerRefused",
    "Client",
    "Flow",
    "FlowLost",
    "Identity",
    "Provider",
    "ProviderUnreachable",
    "Purpose",
    "begin",
    "opened",
    "sealed",
]
