"""The audit trail: who did what to what, in a chain of hashes that nothing can edit unseen.

`chain` is the table and its rule; `actions` lists what is written; `searching` finds entries;
`lines` writes them for other programs; `heads` signs how far the chain reaches; `readings` keeps
what each reading of the chain found. `verify_audit` is a program by itself, for an auditor who has
only the files.
"""

from payments.core.audit.actions import every_action
from payments.core.audit.chain import (
    GENESIS,
    AuditEntry,
    Verdict,
    append,
    canonical,
    content_of,
    digest,
    hash_of,
    of_subjects,
    position_of,
    stamp,
    verify,
)
from payments.core.audit.heads import Head, UnreadableHead, signed, unsigned
from payments.core.audit.lines import after, line_of
from payments.core.audit.readings import (
    AuditBroken,
    AuditCut,
    AuditReading,
    Finding,
    keep,
    last,
    refuse,
)
from payments.core.audit.searching import Wanted, entries

__all__ = [
    "GENESIS",
    "AuditBroken",
    "AuditCut",
    "AuditEntry",
    "AuditReading",
    "Finding",
    "Head",
    "UnreadableHead",
    "Verdict",
    "Wanted",
    "after",
    "append",
    "canonical",
    "content_of",
    "digest",
    "entries",
    "every_action",
    "hash_of",
    "keep",
    "last",
    "line_of",
    "of_subjects",
    "position_of",
    "refuse",
    "signed",
    "stamp",
    "unsigned",
    "verify",
]
