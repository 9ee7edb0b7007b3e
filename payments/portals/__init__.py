"""Portals: the systems that ask for fees, their API keys and the address they are told at.

A key is shown once and stored as its SHA-256; it says what its bearer may do by scopes. Two
keys are live while one replaces the other. A webhook endpoint has a sealed secret, and the
previous one for as long as the portal needs to change over.
"""

from payments.portals.endpoints import (
    Endpoint,
    NoWebhookEndpoint,
    endpoint_of,
    rotate_secret,
    set_endpoint,
    stop_endpoint,
)
from payments.portals.keys import (
    BadKey,
    Caller,
    NewKey,
    PortalNameTaken,
    ScopeMissing,
    TooManyKeys,
    UnknownPortal,
    UnknownPortalKey,
    UnknownScope,
    add,
    authenticate,
    by_name,
    check_name,
    check_room,
    checked,
    live_keys,
    new_key,
    record_use,
    revoke,
    rotate_key,
    use_is_due,
)
from payments.portals.tables import Portal, PortalKey, Scope, WebhookEndpoint

__all__ = [
    "BadKey",
    "Caller",
    "Endpoint",
    "NewKey",
    "NoWebhookEndpoint",
    "Portal",
    "PortalKey",
    "PortalNameTaken",
    "Scope",
    "ScopeMissing",
    "TooManyKeys",
    "UnknownPortal",
    "UnknownPortalKey",
    "UnknownScope",
    "WebhookEndpoint",
    "add",
    "authenticate",
    "by_name",
    "check_name",
    "check_room",
    "checked",
    "endpoint_of",
    "live_keys",
    "new_key",
    "record_use",
    "revoke",
    "rotate_key",
    "rotate_secret",
    "set_endpoint",
    "stop_endpoint",
    "use_is_due",
]
