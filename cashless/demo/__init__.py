"""The demonstration: one whole business day, lived through HTTP and commands alone.

Nothing of the service is imported here but its words: what a portal, a bank and the treasury's
staff can do is all that is done. `cases` says what happens to each payment, `expectation` what must
come of it, `day` lives it, `stage` runs the processes, `verdict` compares.
"""
