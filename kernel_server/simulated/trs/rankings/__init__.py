"""Ranking TRs: one engine, with sort keys and fields from tables."""
