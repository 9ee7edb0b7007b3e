"""Roll-ups: what is counted of a fee as it is paid, seen, given back, taken in cash and voided."""
