"""MT940, SWIFT's customer statement message, as the standard has it and as banks send it.

Read in one pass with memory that does not grow with the file. The pages of a statement (balances
`60M` and `62M`) become one statement. MT942, a report within the day, is refused by name, since it
is no statement; MT950, a statement without memos, is read.

What is tolerated: any line ends, an envelope or none, a byte order mark, memos in UTF-8,
windows-1258 or latin-1, memos longer than six lines of 65, a missing `28C`, and the fields that say
nothing of money (`13D`, `21`, `64`, `65`, `90C`, `90D`, `NS`). Any other field is refused, since it
could change what the rest means; within a memo it is text.

Source: SWIFT Standards, Category 9, MT 940 Customer Statement Message.
"""

from reconciliation.formats.mt940.statements import parse, recognises

__all__ = ["parse", "recognises"]
