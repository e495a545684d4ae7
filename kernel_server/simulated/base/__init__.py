"""Formats, tables and deterministic randomness that every room of the simulated broker uses."""
