"""`python -m cashless`: the command without its script."""

from __future__ import annotations

from cashless.cli import main

main()
