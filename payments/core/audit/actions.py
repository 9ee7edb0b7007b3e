"""What is written in the audit trail: every action there is, by what it is about.

Each has its words in the catalogue (`did.staff.added`); a test finds an action that is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ACTIONS: Final[Mapping[str, str]] = {
    "staff": "added roles_set disabled password_reset password_chosen"
    " factor_enrolled factor_reset recovery_codes_made recovery_code_used"
    " identity_linked identity_ended"
    " signed_in signed_out sign_in_refused proved proof_refused sessions_ended",
    "page": "refused",
    "audit": "exported",
    "approval": "proposed approved declined withdrawn",
    "policy": "decided",
    "seed": "loaded",
    "collection_account": "opened",
    "virtual_accounts": "begun ended",
    "connection": "added account_added secret_rotated stopped",
    "portal": "added refused",
    "portal_key": "made revoked",
    "webhook_endpoint": "set secret_rotated stopped",
    "payout": "proposed approved rejected withdrawn beneficiary_opened",
    "payment_file": "made downloaded",
    "remittance_route": "proposed approved declined withdrawn",
    "credit": "payer_opened unassigned",
    "refund_account": "named opened",
    "cash_collection": "recorded voided",
    "claim": "made answered",
    "shift": "begun ended shown",
    "delivery": "redelivered",
    "receipt_series": "opened",
    "document": "kept cancelled replaced",
    "statement": "imported refused withdrawn set_aside",
    "statement_pull": "begun ended",
    "layout": "drafted draft_discarded saved confirmed declined replaced withdrawn",
    "opening": "proposed approved",
    "pattern": "proposed confirmed ended",
    "match": "made revoked",
    "suggestion": "accepted declined",
    "break": "noted handed proposed approved declined taken_back lapsed decided refund reopened"
    " answered",
    "coverage": "drafted discarded imported refused",
    "target": "set",
    "day": "run proposed closed reopening_proposed reopened declined taken_back",
}
"""About what, and what was done, in words that stand behind the dot."""


def every_action() -> Mapping[str, list[str]]:
    """The actions as entries carry them, by what they are about."""
    return {
        about: [f"{about}.{verb}" for verb in verbs.split()] for about, verbs in ACTIONS.items()
    }
