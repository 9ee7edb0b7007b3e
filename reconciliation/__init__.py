"""Reconciliation: the bank's statements against the ledger, proved every day."""
