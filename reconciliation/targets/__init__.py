"""What the service exists for: the cashless share of fees, and account coverage against 80 %.

`share`, `rollups` and `promises` count what this service saw itself; `coverage` and its siblings
count people, by figures that others give out. `goals` says how much of either is aimed at.
"""
