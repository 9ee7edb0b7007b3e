"""Our own papers: drawn here, signed with the key of this service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from payments.documents import Signer
from payments.receipts.issuing import Draft, Papers, sign


@dataclass(frozen=True, slots=True)
class Own:
    """Draws and signs at once, at one instant."""

    signer: Signer
    now: datetime

    def papers(self, drafts: Sequence[Draft]) -> Sequence[Papers]:
        """The papers of all of them."""
        return [sign(draft, self.signer, now=self.now) for draft in drafts]
