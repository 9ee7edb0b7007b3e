"""What an address asks a list for: filters that are known, each once."""

from __future__ import annotations

from flask import request

from payments.core.errors import Invalid


class UnknownFilter(Invalid):
    """The address asks for a list by something that there is not."""

    code = "unknown_filter"


class AskedTwice(Invalid):
    """The address asks for a list by two values of one kind."""

    code = "asked_twice"


def known_filters(*names: str) -> None:
    """Refuses an address that asks by something else than `names`, or the language.

    Raises `UnknownFilter`.
    """
    if not set(request.args) <= {*names, "lang"}:
        raise UnknownFilter


def asked_once(name: str) -> str:
    """What the address asks by `name`; empty where it does not. Raises `AskedTwice`."""
    told = request.args.getlist(name)
    if len(told) > 1:
        raise AskedTwice(name=name)
    return told[0] if told else ""
