"""The command `cashless`: joins both halves, runs them and shows a whole day."""
