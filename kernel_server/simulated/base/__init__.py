"""Formats, tables and deterministic random numbers for all rooms of the simulated broker."""
