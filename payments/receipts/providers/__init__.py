"""Who makes a receipt's papers: ourselves, or an outside provider.

One protocol, one file each. Numbers and what a receipt says are always ours; a provider draws,
signs or has signed, and hands the papers back. It is asked for all receipts of a request at once
and gives all of them or none, as often as it is asked.
"""

from payments.receipts.providers.folder import Folder, WrongPapers
from payments.receipts.providers.own import Own
from payments.receipts.providers.protocol import Provider, ProviderFailed

__all__ = ["Folder", "Own", "Provider", "ProviderFailed", "WrongPapers"]
