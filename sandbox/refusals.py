"""What the practice bank says no to: five kinds, each refusal with a stable `code`.

The words for a code are in `sandbox.words`; `fields` fill them in.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """Anything the bank says no to; `pointer` names the field of the request that is at fault."""

    code: ClassVar[str] = "refusal"

    def __init__(self, *, pointer: str | None = None, **fields: object) -> None:
        super().__init__(self.code, fields)
        self.pointer = pointer
        self.fields = fields


class Malformed(Refusal):
    """The request can't be read at all."""

    code = "malformed"


class Wrong(Refusal):
    """What was asked breaks a rule of the bank."""

    code = "wrong"


class Unknown(Refusal):
    """The thing named does not exist here."""

    code = "unknown"


class Conflict(Refusal):
    """It is right in itself, but not in the present state."""

    code = "conflict"


class Unsigned(Refusal):
    """The caller did not prove who it is."""

    code = "unsigned"
