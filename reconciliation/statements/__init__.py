"""Statements: files of banks read whole, stored once, and whether they follow one another.

`tables` says what is kept, `reading` what a file says, `keeping` whether it is offered, taken or
refused, `importing` what of it is new, `continuity` what the bank's balance was, `lines` how lines
are marked as matched.
"""

from reconciliation.statements.continuity import (
    Basis,
    Closing,
    closing_on,
    days_without,
    first_opening,
    gaps,
    is_covered,
    moved_between,
    net,
)
from reconciliation.statements.importing import (
    AccountNotSaid,
    Imported,
    ImportedForAnother,
    StatementOfAnotherAccount,
    import_file,
    known,
)
from reconciliation.statements.keeping import (
    NotOffered,
    keep_refusal,
    offer,
    offered,
    withdraw_offer,
)
from reconciliation.statements.lines import LineAlreadyMatched, match_all, unmatch_all
from reconciliation.statements.reading import (
    MOST_BYTES,
    EmptyFile,
    Read,
    Received,
    StatementTooLarge,
    StatementWithoutDays,
    look,
    read,
)
from reconciliation.statements.tables import (
    FileState,
    LineReference,
    Statement,
    StatementFile,
    StatementLine,
)

__all__ = [
    "MOST_BYTES",
    "AccountNotSaid",
    "Basis",
    "Closing",
    "EmptyFile",
    "FileState",
    "Imported",
    "ImportedForAnother",
    "LineAlreadyMatched",
    "LineReference",
    "NotOffered",
    "Read",
    "Received",
    "Statement",
    "StatementFile",
    "StatementLine",
    "StatementOfAnotherAccount",
    "StatementTooLarge",
    "StatementWithoutDays",
    "closing_on",
    "days_without",
    "first_opening",
    "gaps",
    "import_file",
    "is_covered",
    "keep_refusal",
    "known",
    "look",
    "match_all",
    "moved_between",
    "net",
    "offer",
    "offered",
    "read",
    "unmatch_all",
    "withdraw_offer",
]
