"""Payments: from a request for a fee to money booked in the ledger."""
