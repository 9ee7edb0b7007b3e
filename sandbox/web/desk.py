"""What stands behind every request: books, teller, courier, clock, statements, payment files."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.accounts import Bank
from sandbox.callbacks import Courier
from sandbox.clock import Clock
from sandbox.payment_files import PaymentFileService
from sandbox.statements.service import StatementService
from sandbox.transfers import Teller


@dataclass(frozen=True, slots=True)
class Desk:
    """One practice bank at work."""

    bank: Bank
    teller: Teller
    courier: Courier
    clock: Clock
    statements: StatementService
    payment_files: PaymentFileService
