"""What every provider of papers does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from payments.core.errors import Unavailable
from payments.receipts.issuing import Draft, Papers


class ProviderFailed(Unavailable):
    """The provider of papers can't be reached; it is asked again, ever less often."""

    code = "receipt_provider_failed"


class Provider(Protocol):
    """Makes the papers of receipts; no transaction is open while it does."""

    def papers(self, drafts: Sequence[Draft]) -> Sequence[Papers] | None:
        """The signed papers of all receipts of one request, or None while they are being made.

        It may be asked for the same receipts any number of times. Raises `ProviderFailed` where it
        can't be reached, any other error where these receipts can't be had.
        """
