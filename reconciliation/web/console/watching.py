"""Who watches over the machinery: those who read the figures, and administrators beside them."""

from __future__ import annotations

from typing import Final

from payments.staff import Role
from reconciliation.web.console.parts import READERS

WATCHERS: Final = READERS | {Role.ADMINISTRATOR}
"""Who may see how the service runs; none of its pages shows money that administrators decide."""
