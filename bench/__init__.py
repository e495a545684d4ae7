"""Benchmarks: every claim of speed, as a ratio to its floor measured in the same run. ``python -m bench [NAME …]``."""
