"""What every module stands on: money, time, text, errors, the database."""
