"""Widgets of a notebook that show live data."""
