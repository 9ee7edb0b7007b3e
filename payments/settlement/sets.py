"""The temporary tables a settlement works in; every statement starts from them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table

from payments.core.columns import Amount, Code, Count, Day, Flag, Instant, Key
from payments.core.temporary import scratch

settling: Final = Table(
    "settling",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("collection_account_id", Key()),
    Column("amount", Amount()),  # what is to be settled: the whole of `part`
    Column("part", Code()),  # where it stands now: transit, unidentified or held
    Column("day", Day()),
    Column("booked_at", Instant()),
    Column("seen", Flag()),  # on a statement
    Column("decision", Code()),
    Column("codes", Count()),
    Column("issued", Count()),
    Column("here", Count()),
    Column("payment_request_id", Key()),
    Column("finding", Code()),
    Column("to_fees", Amount()),
    Column("reversed", Amount()),
    prefixes=["TEMPORARY"],
)
"""The credits of one settlement."""

claim: Final = Table(
    "settling_claim",
    scratch,
    Column("credit_id", Key()),
    Column("payment_request_id", Key()),  # None: the code was never issued
    Column("here", Flag()),  # the request is one of the credit's own account
    prefixes=["TEMPORARY"],
)
"""Which requests each credit's codes name."""

ready: Final = Table(
    "settling_ready",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    prefixes=["TEMPORARY"],
)
"""The credits of one wave: the first left for each of their requests."""

share: Final = Table(
    "settling_share",
    scratch,
    Column("credit_id", Key()),
    Column("payment_request_id", Key()),
    Column("counted", Amount()),  # what the request received by it
    Column("starts", Amount()),  # what it had received before
    Column("completes", Flag()),
    Column("reached_at", Instant()),
    prefixes=["TEMPORARY"],
)
"""What credits brought to requests; `reached_at` is when the last of a request's money came."""

contribution: Final = Table(
    "settling_contribution",
    scratch,
    Column("credit_id", Key()),
    Column("payment_request_id", Key()),
    Column("starts", Amount()),
    Column("ends", Amount()),
    Column("decision", Code()),
    Column("earlier", Flag()),
    Column("day", Day()),
    prefixes=["TEMPORARY"],
)
"""For each completed request, which stretch of its amount each of its credits pays."""

stretch: Final = Table(
    "settling_line",
    scratch,
    Column("payment_request_line_id", Key(), primary_key=True),
    Column("payment_request_id", Key(), index=True),
    Column("path", Code()),
    Column("starts", Amount()),
    Column("ends", Amount()),
    prefixes=["TEMPORARY"],
)
"""Where each fee line lies along its request's amount, and where the ledger books it."""

payment: Final = Table(
    "settling_payment",
    scratch,
    Column("credit_id", Key()),
    Column("payment_request_line_id", Key()),
    Column("amount", Amount()),
    Column("decision", Code()),
    Column("path", Code()),
    Column("earlier", Flag()),
    Column("day", Day()),
    prefixes=["TEMPORARY"],
)
"""What each credit pays of each fee line, and where the ledger books it."""

ALL: Final = (settling, claim, ready, share, contribution, stretch, payment)
