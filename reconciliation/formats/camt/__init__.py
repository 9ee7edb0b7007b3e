"""CAMT.053, the ISO 20022 bank statement, versions .001.02 to .001.14, in any or no namespace.

Read in one pass with memory that does not grow with the file. Entries that are not booked are left
out. CAMT.052 (a report within the day) and CAMT.054 (a notice) are told in the same elements and
read alike; each says of itself that it is a message about the day, shown and never booked.

Source: ISO 20022 message definitions, Bank-to-Customer Cash Management.
"""

from reconciliation.formats.camt.document import parse

__all__ = ["parse"]
