"""Errors are nouns of the trade.

They know nothing of HTTP. There are five categories; each module's own errors subclass
one of them beside the rule they guard and carry a stable `code`. The words for a code
are in the catalogue under `error.<code>`, in both languages; `fields` fill them in.

    CashlessError
    ├── Invalid       what was sent breaks a rule; nothing was changed
    ├── NotFound      the thing named does not exist, or is not the caller's to see
    ├── Conflict      it is right in itself, but not in the present state
    ├── Refused       this caller may not do this
    └── Unavailable   it could not be decided now; try again later
"""

from __future__ import annotations

from typing import ClassVar


class CashlessError(Exception):
    """Anything this service says no to, with a stable `code` and the `fields` of its words."""

    code: ClassVar[str] = "error"

    def __init__(self, *, pointer: str | None = None, **fields: object) -> None:
        super().__init__(self.code, fields)
        self.pointer = pointer
        self.fields = fields

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.fields.items())
        return f"{self.code}({told})"


class Invalid(CashlessError):
    """What was sent breaks a rule; nothing was changed."""

    code = "invalid"


class NotFound(CashlessError):
    """The thing named does not exist, or is not the caller's to see."""

    code = "not_found"


class Conflict(CashlessError):
    """It is right in itself, but not in the present state."""

    code = "conflict"


class Refused(CashlessError):
    """This caller may not do this."""

    code = "refused"


class Unavailable(CashlessError):
    """It could not be decided now; the caller may try again later."""

    code = "unavailable"
