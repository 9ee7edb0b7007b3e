"""Receipts (biên lai điện tử): what was paid, on signed papers, one for each kind of fee.

`series` are the numbers, `numbering` gives paid requests their receipts, `issuing` draws and signs
the papers (`pdf_paper`, `xml_paper`, from `content`), `ending` cancels and replaces, `deciding`
lets two people do so by hand. A receipt is never edited: its number, what it says and its papers
stay.

A request owes receipts from when it is paid (`payment_request.receipted_at` is empty); a job sees
to it within seconds, so that nothing that moves money waits for a number or a signature.
"""

from payments.receipts.deciding import (
    Act,
    ReceiptEnded,
    approve,
    facts_of,
    propose,
    proposed,
    receipt_of,
)
from payments.receipts.ending import Ending, cancel_all, end, renew_all
from payments.receipts.finding import (
    Search,
    UnknownReceipt,
    awaited,
    by_public_id,
    of_requests,
    pdf,
    search,
    series_of,
    xml,
)
from payments.receipts.issuing import MOST_SIGNED, Draft, Papers, issue_all, sign, unsigned
from payments.receipts.missing import Missing, missing, waiting
from payments.receipts.numbering import MOST_AT_ONCE, accounts_due, anything_waits, number_all
from payments.receipts.series import (
    Flaw,
    Issuer,
    Opening,
    SeriesMalformed,
    SeriesTaken,
    all_series,
    flaws,
    issuers,
    open_series,
)
from payments.receipts.snapshots import Snapshot, snapshots
from payments.receipts.tables import FIXED, LAST_NUMBER, LIVE, MOVES, Receipt, ReceiptSeries, State
from payments.receipts.xml_paper import SCHEMA

__all__ = [
    "FIXED",
    "LAST_NUMBER",
    "LIVE",
    "MOST_AT_ONCE",
    "MOST_SIGNED",
    "MOVES",
    "SCHEMA",
    "Act",
    "Draft",
    "Ending",
    "Flaw",
    "Issuer",
    "Missing",
    "Opening",
    "Papers",
    "Receipt",
    "ReceiptEnded",
    "ReceiptSeries",
    "Search",
    "SeriesMalformed",
    "SeriesTaken",
    "Snapshot",
    "State",
    "UnknownReceipt",
    "accounts_due",
    "all_series",
    "anything_waits",
    "approve",
    "awaited",
    "by_public_id",
    "cancel_all",
    "end",
    "facts_of",
    "flaws",
    "issue_all",
    "issuers",
    "missing",
    "number_all",
    "of_requests",
    "open_series",
    "pdf",
    "propose",
    "proposed",
    "receipt_of",
    "renew_all",
    "search",
    "series_of",
    "sign",
    "snapshots",
    "unsigned",
    "waiting",
    "xml",
]
