"""The web edge of reconciliation: the treasury's console. It borrows the kit, not the pages."""
