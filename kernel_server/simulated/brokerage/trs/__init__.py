"""Account TRs."""
