"""TRs that list the days of an issue."""
