"""Payouts: money that leaves, and the files by which a bank is told to send it."""
