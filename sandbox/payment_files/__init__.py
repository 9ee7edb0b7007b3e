"""Payment files: a customer's order to send money, checked as a bank checks it, and carried out.

`pain001` reads a file, `faults` says what may go wrong with its payments, `service` carries it out
and remembers what became of each.
"""

from sandbox.payment_files.faults import PaymentFault
from sandbox.payment_files.service import PaymentFileService, Received, State

__all__ = ["PaymentFault", "PaymentFileService", "Received", "State"]
